"""The canary as one of the kit: an ordinary node that lies now and then by its own settings, for whoever looks."""

from __future__ import annotations

from typing import Final

from cupel.devnet.attacks.base import Strategy
from cupel.devnet.options import CANARY
from cupel.node.publishing.canary import Canary
from cupel.node.publishing.submission import Draft, Submission

_SECRET: Final = bytes(32)


class CanaryNode(Strategy):
    """What `--canary-one-in` makes of a node; the devnet runs it by that setting."""

    name = CANARY
    title = "one small lie in every second round on average, told for whoever checks"
    reasons = frozenset({"wrong-reward", "toploc-exponent", "toploc-mantissa-mean", "toploc-constant"})

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """A lie in every round."""
        return Canary(_SECRET, 1).submit(draft, honest)
