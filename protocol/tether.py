"""A child that cannot outlive its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
# Looked up before any fork: loading a library between fork and exec may find a lock held.
_PRCTL: Final = ctypes.CDLL(None, use_errno=True).prctl if sys.platform.startswith("linux") else None


def tether(parent: int) -> None:
    """Called by a child of the process `parent`: the kernel kills it when that one dies. Nothing but on Linux."""
    if _PRCTL is None:
        return
    _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the call took hold
        os._exit(127)
