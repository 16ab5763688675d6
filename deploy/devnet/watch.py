"""Follows the chain during the demo: its clock, the hub's money, and the power cut asked for on the command line."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from cupel.devnet.audit import Auditor
from cupel.devnet.chronicle import Chronicle, DemoFailed
from cupel.devnet.options import Kill
from cupel.devnet.processes import Process
from cupel.devnet.supervisor import Supervisor
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.errors import ChainError

_POLL_SECONDS: Final = 1.0
# A busy machine may leave the chain's program waiting; its end shows at once.
_MOST_FAILURES: Final = 10


class ChainWatcher:
    """Tells the chronicle of every new block, about once a second."""

    def __init__(
        self, client: ChainClient, deployment: Deployment, chronicle: Chronicle, supervisor: Supervisor
    ) -> None:
        self._auditor = Auditor(client, deployment)
        self._chronicle = chronicle
        self._supervisor = supervisor
        self._failures = 0

    async def run(self, chain: Process, kill: Kill | None) -> None:
        """Watch until cancelled. A chain that is gone ends the demo through the chronicle."""
        while True:
            try:
                await self._look()
                self._failures = 0
            except ChainError as error:
                self._failures += 1
                if chain.returncode is not None or self._failures >= _MOST_FAILURES:
                    self._chronicle.fail(DemoFailed(f"the chain is gone: {error}"))
                    return
            if kill is not None and self._is_due(kill):
                self._chronicle.tell("killing", process=kill.node)
                self._supervisor.kill(kill.node)
                kill = None
            await asyncio.sleep(_POLL_SECONDS)

    async def _look(self) -> None:
        snapshot = await self._auditor.read()
        hub = snapshot.hub
        self._chronicle.tell_of_chain(
            "block",
            block=snapshot.block,
            timestamp=snapshot.timestamp,
            bounty=str(hub.bounties),
            stakes=str(hub.stakes),
            bonds=str(hub.bonds),
            credits=str(hub.credits),
            hub_balance=str(hub.balance),
            burned=str(snapshot.burned),
        )

    def _is_due(self, kill: Kill) -> bool:
        """A third into the round: in the middle of its work."""
        task, now = self._chronicle.state.task, self._chronicle.state.chain.timestamp
        if not task.start or not self._supervisor.is_running(kill.node):
            return False
        return now >= task.start + kill.round * task.round_seconds + task.round_seconds // 3


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do this beside the block, at most as long as it runs."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
