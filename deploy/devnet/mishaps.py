"""What goes wrong on purpose in a run with `--mishaps`: power cuts, machines that stand still, reorganisations.

All of it befalls honest participants and the chain, at times drawn from a seed, so that a quiet network is not what the
result rests on.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from cupel.devnet.chronicle import Chronicle
from cupel.devnet.rpc import LocalRpc
from cupel.devnet.story.state import DemoState
from cupel.devnet.supervisor import Supervisor
from cupel.protocol.chain.errors import ChainUnavailable

DOWN_SECONDS: Final = 3
"""From a power cut until the machine is up again."""
MOST_DEPTH: Final = 3
"""Blocks that a reorganisation takes back."""
_STALL_SECONDS: Final = (2, 5)
_MOST_SECONDS: Final = 3600.0


class Kind(StrEnum):
    """What can go wrong."""

    CRASH = "crash"
    STALL = "stall"
    REORG = "reorg"


@dataclass(frozen=True, slots=True)
class Mishap:
    """One of them."""

    after_seconds: int
    """Of the chain's time since round 0 began."""
    kind: Kind
    victim: str = ""
    """The process; none for a reorganisation."""
    measure: int = 0
    """Seconds that it stands still, or blocks that are taken back."""


def drawn_mishaps(
    seed: int, rounds: int, round_seconds: int, nodes: Sequence[str], verifiers: Sequence[str]
) -> tuple[Mishap, ...]:
    """Each round, one process stands still and blocks are taken back; once, a node and a verifier lose power.

    nodes, verifiers: the honest ones. In order of time.
    """
    draw = random.Random(seed)

    def within(round_index: int) -> int:
        return round_index * round_seconds + draw.randrange(1, round_seconds)

    mishaps = []
    for index in range(rounds):
        victim = draw.choice([*nodes, *verifiers])
        mishaps += [
            Mishap(within(index), Kind.STALL, victim, draw.randint(*_STALL_SECONDS)),
            Mishap(within(index), Kind.REORG, measure=draw.randint(1, MOST_DEPTH)),
        ]
    mishaps += [
        Mishap(within(draw.randrange(rounds)), Kind.CRASH, draw.choice(list(group)))
        for group in (nodes, verifiers)
    ]
    return tuple(sorted(mishaps, key=lambda one: (one.after_seconds, one.kind, one.victim)))


@dataclass(frozen=True, slots=True)
class Misfortune:
    """Lets them happen."""

    supervisor: Supervisor
    chronicle: Chronicle
    rpc: LocalRpc
    revive: Callable[[str], Awaitable[None]]
    """Starts a process again that lost power, with what is on its disk."""

    async def run(self, mishaps: Sequence[Mishap]) -> None:
        """All of them, each in its time."""
        async with asyncio.TaskGroup() as group:
            for mishap in mishaps:
                await self.chronicle.until(partial(_is_due, mishap), _MOST_SECONDS, "the chain stood still")
                group.create_task(self._happen(mishap))

    async def _happen(self, mishap: Mishap) -> None:
        if mishap.kind is Kind.REORG:
            self._tell(f"{mishap.measure} blocks are taken back")
            try:
                await self.rpc.request("anvil_reorg", mishap.measure, [])
            except ChainUnavailable as error:
                self._tell(f"no reorganisation: {error}")
        elif self.supervisor.is_running(mishap.victim):
            await (self._crash if mishap.kind is Kind.CRASH else self._stall)(mishap)

    async def _crash(self, mishap: Mishap) -> None:
        self._tell(f"{mishap.victim} loses power for {DOWN_SECONDS} s")
        await self.supervisor.cut_power(mishap.victim)
        await asyncio.sleep(DOWN_SECONDS)
        await self.revive(mishap.victim)

    async def _stall(self, mishap: Mishap) -> None:
        self._tell(f"{mishap.victim} stands still for {mishap.measure} s")
        with self.supervisor.standing_still(mishap.victim):
            await asyncio.sleep(mishap.measure)

    def _tell(self, text: str) -> None:
        self.chronicle.tell("mishap", text=text)


def _is_due(mishap: Mishap, state: DemoState) -> bool:
    return bool(state.task.start) and state.chain.timestamp >= state.task.start + mishap.after_seconds
