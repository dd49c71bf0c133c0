"""Gives up every privilege of this process, for good (capabilities(7), prctl(2))."""

from __future__ import annotations

import ctypes
import os
from typing import Final

PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
"""linux/prctl.h."""
CAPABILITY_VERSION_3: Final = 0x20080522
"""linux/capability.h: three sets of 64 bits, in two halves."""


def drop_privileges() -> None:
    """Drop all capabilities, from the bounding set too, and never gain any by executing a program; raises OSError.

    What is open stays open: the kernel trusts a management socket for who bound it, not for who holds it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _require(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _require(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
    if _effective(libc):  # only with CAP_SETPCAP; without any capability the set is of no use
        number = 0
        while libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0:
            number += 1
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _require(libc.capset(header, (ctypes.c_uint32 * 6)()))


def _effective(libc: ctypes.CDLL) -> int:
    header, sets = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    _require(libc.capget(header, sets))
    return int(sets[0]) | int(sets[3]) << 32


def _require(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
