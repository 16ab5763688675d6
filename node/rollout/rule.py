"""Whether the chain's reward rule is the one that this build computes.

The judge convicts a node whose reward differs from the rule's answer. It asks only rules that cannot change their
mind, but a creator may name one that was false from the start.
"""

from __future__ import annotations

from typing import Protocol

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.task import Pinned


class Codes(Protocol):
    """What the chain says of contracts."""

    async def code_hash(self, address: str) -> bytes:
        """keccak-256 of the code at an address."""


async def require_known_rule(chain: Codes, rule: Pinned, twin: str) -> None:
    """ConfigError unless the task has no rule, or one of the same code as `twin`, the contract that computes what our
    environment does."""
    if int(rule.code, 16) == 0 or rule.code_hash == await chain.code_hash(twin):
        return
    problem = f"its reward rule {rule.code} is other code than {twin}, which this build agrees with"
    raise ConfigError("task", problem, "A false rule would cost the stake: join another task")
