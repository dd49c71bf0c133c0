"""What the kernel says of its clock: adjtimex(2), without setting anything."""

from __future__ import annotations

import ctypes
from typing import Final, NamedTuple

TIME_ERROR: Final = 5
"""adjtimex(2): the clock is not synchronised."""
MICROSECONDS: Final = 1e-6
SPARE_BYTES: Final = 512
"""More than the rest of ``struct timex``, which the kernel fills as well."""


class KernelClock(NamedTuple):
    """The kernel's view of its clock, as a time service keeps it up to date."""

    synchronised: bool
    estimated_error_s: float
    """As the time service estimates it; systemd-timesyncd always sets 0 (timesyncd-manager.c, ``esterror``)."""
    maximum_error_s: float
    """Since the last update the kernel adds 500 microseconds a second; 16 s is its limit."""


class _Timex(ctypes.Structure):
    """The beginning of ``struct timex`` (<sys/timex.h>)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * SPARE_BYTES),
    )


def kernel_clock() -> KernelClock | None:
    """Ask the kernel; None where a sandbox refuses it."""
    answer = _Timex()
    state: int = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(answer))
    if state < 0:
        return None
    return KernelClock(state < TIME_ERROR, answer.esterror * MICROSECONDS, answer.maxerror * MICROSECONDS)
