"""What each kind of controller needs, as data: chosen by what it reports, or named by the operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ADDRESS_REFUSED: Final = "bluetooth-next #781"
"""While it advertises with legacy commands, every restart of an active scan tries to set another random address, which
the controller refuses ("Opcode 0x2005 failed: -16"): the advertising continues, the kernel's log fills."""
BROADCAST_LOST: Final = "bluetooth-next #792"
"""After an active scan, legacy advertising may stay off although the kernel shows it as on. D-Bus does not report it:
only a receiver can verify the transmission; each rotation starts it again."""
ADVERTISING_REFUSED: Final = "BlueZ 5.82 on BCM4345"
"""RegisterAdvertisement fails ("Invalid Parameters") because bluetoothd prefers extended management commands."""

BROADCOM: Final = frozenset({15, 305})
"""Company identifiers of Broadcom and Cypress, who made the Raspberry Pi's controllers (BCM43438, BCM43455)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the BlueZ radio treats one kind of controller. The first plan that fits is used."""

    name: str
    extended: bool
    """Whether it has extended advertising."""
    scan_pause: bool
    """Whether this device's scan has to pause while the identifier changes: a legacy controller can't set its random
    address while it scans, and bluetoothd then refuses the advertisement."""
    manufacturers: frozenset[int] | None = None
    """Company identifiers that it is for; None for all. BlueZ before 5.74 does not report them."""
    known_bugs: tuple[str, ...] = ()


PLANS: Final = (
    Plan("legacy-broadcom", False, True, BROADCOM, (ADDRESS_REFUSED, BROADCAST_LOST, ADVERTISING_REFUSED)),
    Plan("legacy", False, True, None, (ADDRESS_REFUSED, BROADCAST_LOST)),
    Plan("extended", True, False),
)
AUTO: Final = "auto"


def choose_plan(name: str, *, extended: bool, manufacturer: int | None) -> Plan:
    """Return the plan ``name``, or for ``auto`` the first one that fits the controller.

    Raises ValueError for another name (the configuration refuses it first).
    """
    for plan in PLANS:
        fits = plan.extended == extended and (plan.manufacturers is None or manufacturer in plan.manufacturers)
        if plan.name == name or (name == AUTO and fits):
            return plan
    raise ValueError(f"unknown plan {name!r}")
