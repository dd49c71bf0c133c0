"""A receipt: what a member's own device says about the last 14 days, in steps too coarse to tell devices apart."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from bluezone_agent.uptake.codes import MemberCode

FORMAT: Final = "bluezone-agent receipt 1"
DAYS_STEPS: Final = (0, 1, 3, 7, 14)
SHARE_STEPS: Final = (0, 25, 50, 75, 100)
RUNNING_SHARE: Final = 50
"""Percent of the time from which on a device counts as running."""
LARGEST: Final = 1000
"""Bytes; a receipt has about 210."""


class MemberReceipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file says. It holds neither a name nor a device, nor the code itself."""

    format: str
    campaign: str
    code_id: str
    made_on: date
    days_run: int
    """One of :data:`DAYS_STEPS`, rounded down."""
    share_percent: int
    """One of :data:`SHARE_STEPS`: how much of these days the device scanned, to the nearest."""
    mac: str

    def __repr__(self) -> str:
        return f"Receipt({self.campaign}, {self.days_run} days, {self.share_percent} %)"

    @property
    def running(self) -> bool:
        """Whether the device counts as running."""
        return self.days_run > 0 and self.share_percent >= RUNNING_SHARE


class Refusal(StrEnum):
    """Why a file in the drop box does not count."""

    UNREADABLE = "no receipt"
    OTHER_CAMPAIGN = "of another campaign"
    UNKNOWN_CODE = "of no code that was handed out"
    FORGED = "forged or edited"
    FUTURE = "dated in the future"
    REPEATED = "repeated"
    EARLIER_ROUND = "already counted in an earlier round"


def rounded_days(days: int) -> int:
    """Return days rounded down to a step."""
    return max(step for step in DAYS_STEPS if step <= days)


def rounded_share(share: float) -> int:
    """Return a share (0 to 1) as the nearest step in percent."""
    return min(SHARE_STEPS, key=lambda step: abs(step - 100 * share))


def make_receipt(code: MemberCode, made_on: date, days: int, share: float) -> MemberReceipt:
    """Return the receipt of a device that ran on ``days`` of the last 14 days and scanned ``share`` of them."""
    days_run = rounded_days(days)
    share_percent = rounded_share(share) if days_run else 0
    unsigned = MemberReceipt(
        format=FORMAT,
        campaign=code.campaign,
        code_id=code.code_id,
        made_on=made_on,
        days_run=days_run,
        share_percent=share_percent,
        mac="",
    )
    return msgspec.structs.replace(unsigned, mac=code.mac(_covered(unsigned)))


def written(receipt: MemberReceipt) -> bytes:
    """Return the receipt's file: JSON, a line for each value."""
    return msgspec.json.format(msgspec.json.encode(receipt), indent=2) + b"\n"


def read_receipt(data: bytes) -> MemberReceipt | None:
    """Return the receipt in a file; None if it is not one."""
    if len(data) > LARGEST:
        return None
    try:
        receipt = msgspec.json.decode(data, type=MemberReceipt)
    except (msgspec.DecodeError, RecursionError):  # ValidationError is one
        return None
    steps = receipt.days_run in DAYS_STEPS and receipt.share_percent in SHARE_STEPS
    return receipt if receipt.format == FORMAT and steps else None


class Accepted(msgspec.Struct, frozen=True):
    """A receipt that counts."""

    receipt: MemberReceipt
    unit: str


class Collected(msgspec.Struct, frozen=True):
    """What became of the files of a drop box."""

    accepted: tuple[Accepted, ...]
    refused: dict[Refusal, int]
    """How many for which reason."""


class Members(msgspec.Struct, frozen=True):
    """What the organiser keeps: the codes and their units, and the receipts that counted in earlier rounds."""

    campaign: str
    codes: dict[str, tuple[MemberCode, str]]
    """``code_id`` → the code and its unit."""
    counted: frozenset[tuple[str, date]]
    """``code_id`` and date of each receipt of an earlier round."""

    def __repr__(self) -> str:
        return f"Members({self.campaign}, {len(self.codes)} codes)"


def collect(files: Iterable[bytes], members: Members, today: date) -> Collected:
    """Verify receipts. Of one code the latest receipt counts; each other file is refused, and counted with its reason.

    The order of the files changes nothing.
    """
    latest = dict[str, Accepted]()
    refused = dict.fromkeys(Refusal, 0)
    for data in sorted(files):
        receipt = read_receipt(data)
        reason = Refusal.UNREADABLE if receipt is None else _reason(receipt, members, today)
        if receipt is None or reason is not None:
            refused[reason or Refusal.UNREADABLE] += 1
            continue
        if other := latest.get(receipt.code_id):
            refused[Refusal.REPEATED] += 1
            if _rank(other.receipt) >= _rank(receipt):
                continue
        latest[receipt.code_id] = Accepted(receipt, members.codes[receipt.code_id][1])
    return Collected(tuple(latest.values()), {reason: n for reason, n in refused.items() if n})


def _reason(receipt: MemberReceipt, members: Members, today: date) -> Refusal | None:
    if receipt.campaign != members.campaign:
        return Refusal.OTHER_CAMPAIGN
    if receipt.code_id not in members.codes:
        return Refusal.UNKNOWN_CODE
    code, _unit = members.codes[receipt.code_id]
    if not hmac.compare_digest(code.mac(_covered(receipt)).encode(), receipt.mac.encode("utf-8", "replace")):
        return Refusal.FORGED
    if receipt.made_on > today:
        return Refusal.FUTURE
    if (receipt.code_id, receipt.made_on) in members.counted:
        return Refusal.EARLIER_ROUND
    return None


def _rank(receipt: MemberReceipt) -> tuple[date, int, int]:
    return receipt.made_on, receipt.days_run, receipt.share_percent


def _covered(receipt: MemberReceipt) -> bytes:
    """Return what the MAC covers: every value but itself."""
    return msgspec.json.encode(msgspec.structs.replace(receipt, mac=""))
