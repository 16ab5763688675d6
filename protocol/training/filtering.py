"""Which problems teach: those that a policy solves sometimes.

Sources: groups of equal rewards left out, DAPO (Yu et al. 2025, arXiv 2503.14476) and INTELLECT-2; a band of solve
rates, INTELLECT-2 (arXiv 2505.07291), which kept problems that a reference model solved in 12.5 % to 50 % of attempts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def in_band(
    rewards: npt.NDArray[np.integer], attempts: int, least_millionths: int, most_millionths: int
) -> npt.NDArray[np.bool_]:
    """Whether the mean reward of each problem lies in a closed band, in exact integers.

    rewards: millionths [problems * attempts], problem after problem. Returns bool [problems]. Offline, a creator asks
    this of a reference policy's attempts; online, a trainer of a round's groups.
    """
    sums = rewards.reshape(-1, attempts).sum(axis=1, dtype=np.int64)
    above = sums >= least_millionths * attempts
    below = sums <= most_millionths * attempts
    return np.asarray(np.logical_and(above, below), dtype=np.bool_)


def with_signal(advantages: npt.NDArray[np.float32], group_size: int) -> npt.NDArray[np.bool_]:
    """Which groups have rewards that differ: bool [groups] from advantages float32 [groups * group_size]."""
    return np.asarray(advantages.reshape(-1, group_size).any(axis=1), dtype=np.bool_)
