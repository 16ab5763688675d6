from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from cupel.node.membership import unless_slashed
from cupel.protocol.chain.bindings.errors import Hub_MemberNotActive
from cupel.protocol.chain.bindings.structs import MemberStatus

ACCOUNT, TASK = "0x" + "0a" * 20, b"\1" * 32


class Chain:
    """A participant whose ledger learns of a slashing when it looks again."""

    def __init__(self, slashed: bool) -> None:
        self.address = ACCOUNT
        self.ledger = SimpleNamespace(tasks={TASK: SimpleNamespace(slashed=lambda _: False)})
        self._slashed = slashed

    async def refresh(self) -> None:
        self.ledger.tasks[TASK].slashed = lambda account: self._slashed and account == ACCOUNT


async def refused() -> None:
    raise Hub_MemberNotActive(TASK, ACCOUNT, MemberStatus.SLASHED)


def test_what_is_refused_to_a_slashed_node_is_no_error() -> None:
    chain: Any = Chain(slashed=True)
    asyncio.run(unless_slashed(chain, TASK, refused()))


def test_what_is_refused_to_a_member_is_one() -> None:
    chain: Any = Chain(slashed=False)
    with pytest.raises(Hub_MemberNotActive):
        asyncio.run(unless_slashed(chain, TASK, refused()))
