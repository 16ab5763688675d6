"""A node works only under reward rules that it computes itself."""

import asyncio
from dataclasses import dataclass

import pytest

from cupel.node.rollout.rule import require_known_rule
from cupel.protocol.config import ConfigError
from cupel.protocol.spec.task import Pinned

TWIN, OTHER = "0x" + "0a" * 20, "0x" + "0b" * 20


@dataclass
class Chain:
    """A chain with one contract."""

    async def code_hash(self, address: str) -> bytes:
        assert address == TWIN
        return b"\1" * 32


@pytest.mark.parametrize("rule", [Pinned("0x" + "00" * 20, bytes(32)), Pinned(OTHER, b"\1" * 32)])
def test_no_rule_and_the_twins_code_anywhere_are_fine(rule: Pinned) -> None:
    asyncio.run(require_known_rule(Chain(), rule, TWIN))


def test_other_code_is_refused_before_the_stake_is_locked() -> None:
    with pytest.raises(ConfigError, match="join another task"):
        asyncio.run(require_known_rule(Chain(), Pinned(OTHER, b"\2" * 32), TWIN))
