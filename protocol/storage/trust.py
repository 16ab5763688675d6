"""Which blocks were checked, in which state of their files. In memory only: a new process checks for itself."""

from __future__ import annotations

import threading
from typing import Final

from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.storage.fast import FileMark

# Disks decay without changing a date, and whoever serves what decayed is taken for a liar.
TRUST_SECONDS: Final = 600.0
# Some 300 bytes each; of more blocks than this the oldest are checked again.
MAX_TRUSTED: Final = 1 << 17


class Trust:
    """Checked blocks. Safe to use from several threads; times are monotonic seconds."""

    def __init__(self) -> None:
        self._checked: dict[Cid, tuple[FileMark, float]] = {}
        self._lock = threading.Lock()

    def add(self, cid: Cid, mark: FileMark, now: float) -> None:
        """The block was checked at `now`, in a file in this state before and after."""
        with self._lock:
            # Taken out first, so that the order of the entries is that of their times.
            self._checked.pop(cid, None)
            self._checked[cid] = (mark, now)
            while len(self._checked) > MAX_TRUSTED or self._oldest() <= now - TRUST_SECONDS:
                del self._checked[next(iter(self._checked))]

    def holds(self, cid: Cid, mark: FileMark, now: float) -> bool:
        """Whether the block need not be read again while its file is in this state."""
        with self._lock:
            checked = self._checked.get(cid)
        return checked is not None and checked[0] == mark and now - checked[1] < TRUST_SECONDS

    def __len__(self) -> int:
        return len(self._checked)

    def _oldest(self) -> float:
        return next(iter(self._checked.values()))[1]
