"""Keeps keys in this process's memory: no core file, no access by other processes."""

from __future__ import annotations

import ctypes
import os
import resource
from typing import Final

PR_SET_DUMPABLE: Final = 4
"""linux/prctl.h."""


def keep_memory_private() -> None:
    """Forbid core files, and /proc/PID/mem and ptrace to all but root (core(5), prctl(2)).

    This does not protect swap: Python moves its objects in memory, so they can't be locked. Raises OSError.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
