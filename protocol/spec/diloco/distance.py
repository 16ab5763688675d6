"""How far an update lies from another (`spec/replay.py` says what for)."""

from __future__ import annotations

from typing import Final

import numpy as np

from cupel.protocol.spec.diloco.blocks import Update
from cupel.protocol.spec.diloco.outer import fixed_point

_FAR: Final = 10**9


def distance_thousandths(update: Update, replayed: Update, num_parameters: int) -> int:
    """How far an update lies from its replay, rounded down. Of a replay of zeros only zeros are near."""
    expected = fixed_point(replayed, num_parameters).astype(np.float64)
    apart = float(np.linalg.norm(fixed_point(update, num_parameters).astype(np.float64) - expected))
    length = float(np.linalg.norm(expected))
    if apart == 0.0:
        return 0
    return _FAR if length == 0.0 else min(_FAR, int(1000 * apart / length))
