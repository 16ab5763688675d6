"""Sets of leaves as integers: bit i says that leaf i of a file is in. A thousand leaves are added or compared at once.

Leaves are numbered as they first appear in the file, each distinct block once.
"""

from __future__ import annotations

import random
from collections.abc import Iterable


def full(num_leaves: int) -> int:
    """The set of all leaves."""
    return (1 << num_leaves) - 1


def mask_of(leaves: Iterable[int]) -> int:
    """The set of these leaves."""
    mask = 0
    for leaf in leaves:
        mask |= 1 << leaf
    return mask


def pick(mask: int, draw: random.Random) -> int:
    """A leaf of a set that is not empty: the first one at or after a random place.

    Leaves after a gap are likelier, which no rule here minds: what matters is that peers do not all choose alike.
    """
    place = draw.randrange(mask.bit_length())
    above = mask >> place
    return place + (above & -above).bit_length() - 1


class Tally:
    """How often each leaf was added: counters of all leaves side by side, one integer per binary digit.

    So a set of any size is counted in as many steps as the counters have digits.
    """

    def __init__(self) -> None:
        self._digits: list[int] = []

    def add(self, mask: int) -> None:
        """Count these leaves once more."""
        for position, digit in enumerate(self._digits):
            self._digits[position] = digit ^ mask
            mask &= digit
        if mask:
            self._digits.append(mask)

    def remove(self, mask: int) -> None:
        """Count these leaves once less; each was added before."""
        for position, digit in enumerate(self._digits):
            self._digits[position] = digit ^ mask
            mask &= ~digit
        assert not mask, "a leaf was removed more often than it was added"

    def rarest(self, candidates: int) -> int:
        """Those of the candidates that were added least often."""
        for digit in reversed(self._digits):
            candidates = candidates & ~digit or candidates
        return candidates
