"""A reference measurement: how strongly a peer at a known distance is received."""

from __future__ import annotations

import asyncio
import csv
import math
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Final

from bluezone_agent.core.calibration import Calibration, Reading
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.reception import Advert, Sighting, receive
from bluezone_agent.errors import N_, CalibrationError
from bluezone_agent.ports import Radio

LEAST_PACKETS: Final = 3
"""For one reading. Controllers with a strict duplicate filter report one packet about every 11 s."""
STANDS_OUT_DB: Final = 10.0
"""By how much the peer has to be stronger than the next device: with the peer at 1 m, that one is then 3 m away in free
space."""
DEVICE: Final = "device"
CORRECTION: Final = "rssi_correction_db"
MARGIN: Final = "margin_db"


async def read(radio: Radio, distance_m: float, seconds: float, peer_power_dbm: int | None) -> Reading:
    """Scan for ``seconds`` and return the attenuation of the peer, which is the strongest device nearby.

    ``peer_power_dbm`` is the transmit power that a match with the peer would be scored with; if it is None, the peer's
    advertisements have to state it. Raises CalibrationError when too little was received, or when the peer or its power
    is not clear, and RadioUnavailableError.
    """
    received: defaultdict[ObservedIdentifier, list[int]] = defaultdict(list)
    stated: dict[ObservedIdentifier, int | None] = {}

    def receives(advert: Advert) -> None:
        sighting = receive(advert)
        if isinstance(sighting, Sighting):
            received[sighting.observed].append(sighting.rssi_dbm)
            stated[sighting.observed] = advert.advertising_data.tx_power_dbm

    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await radio.listen(receives)
    peer = _strongest(received, seconds)
    power_dbm = stated[peer] if peer_power_dbm is None else peer_power_dbm
    if power_dbm is None:
        raise CalibrationError(
            N_("the peer's advertisements do not state its transmit power"),
            N_(
                "give it with --peer-power: for Exposure Notification, use tx_power_dbm from the peer's "
                "configuration; for Bluezone, use assumed_tx_power_dbm from this device's configuration"
            ),
        )
    return Reading(distance_m, power_dbm - median(received[peer]), len(received[peer]))


def _strongest(received: Mapping[ObservedIdentifier, list[int]], seconds: float) -> ObservedIdentifier:
    often = [(median(rssi), observed) for observed, rssi in received.items() if len(rssi) >= LEAST_PACKETS]
    if not often:
        raise CalibrationError(
            N_("packets received from one device in {seconds} s: {n}; at least {least} are needed"),
            N_("start the agent on the peer, move it closer, or measure for longer: --seconds 120"),
            seconds=round(seconds),
            n=max(map(len, received.values()), default=0),
            least=LEAST_PACKETS,
        )
    (strongest_dbm, peer), *others = sorted(often, key=lambda found: -found[0])
    if others and strongest_dbm - others[0][0] < STANDS_OUT_DB:
        raise CalibrationError(
            N_("can't tell which device is the peer: two are received, at {a} and {b} dBm"),
            N_("switch the other devices off or move them away, until the peer is {gap} dB stronger"),
            a=round(strongest_dbm),
            b=round(others[0][0]),
            gap=round(STANDS_OUT_DB),
        )
    return peer


def read_table(path: Path, device: str) -> Calibration:
    """Return the calibration of ``device`` from a CSV table.

    The columns are ``device``, ``rssi_correction_db`` and, where known, ``margin_db``. Raises CalibrationError.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = {DEVICE, CORRECTION} - set(rows.fieldnames or ())
            found = [] if missing else [row for row in rows if (row[DEVICE] or "").casefold() == device.casefold()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CalibrationError(
            N_("can't read the table {path}: {reason}"),
            N_("it must be a UTF-8 CSV file with the columns {columns}"),
            path=path,
            reason=getattr(error, "strerror", None) or error,
            columns=f"{DEVICE},{CORRECTION},{MARGIN}",
        ) from error
    if missing:
        raise CalibrationError(
            N_("the table {path} has no column {column}"),
            N_("it must be a UTF-8 CSV file with the columns {columns}"),
            path=path,
            column=min(missing),
            columns=f"{DEVICE},{CORRECTION},{MARGIN}",
        )
    if len(found) != 1:
        raise CalibrationError(
            N_('the table {path} has {n} rows for "{device}"; exactly one is needed'),
            N_("write the device name exactly as in the table"),
            path=path,
            n=len(found),
            device=device,
        )
    try:
        correction_db, margin = float(found[0][CORRECTION]), (found[0].get(MARGIN) or "").strip()
        if not math.isfinite(correction_db):
            raise ValueError(found[0][CORRECTION])
        return Calibration(correction_db, float(margin) if margin else None)
    except (TypeError, ValueError) as error:
        raise CalibrationError(
            N_('the table {path} has no valid number for "{device}": {reason}'),
            path=path,
            device=device,
            reason=error,
        ) from error
