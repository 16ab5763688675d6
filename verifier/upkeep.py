"""What a verifier does beside checking: hold what others publish, compute the versions, report transfers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.custody import Custody
from cupel.protocol.network import AnnouncementKind, NetworkError
from cupel.protocol.participant import FETCH_SECONDS, POLL_SECONDS, Participant
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.submissions import fetch_submission
from cupel.protocol.versions import Versions, VersionUnavailable

# Anyone may announce: bounds what strangers can make us fetch at once.
MAX_PREFETCHES: Final = 8
REPORT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The background of one task."""

    participant: Participant
    versions: Versions
    custody: Custody
    ledger: Callable[[], TaskLedger]
    clock: Callable[[], int]
    """The chain's time up to which `ledger` knows everything."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do it all as long as the block runs. ControlPlaneDown ends the block if gossip fails."""
        async with asyncio.TaskGroup() as group:
            loops = (self._follow_gossip(group), self._keep_versions(), self._report(), self.custody.run())
            tasks = [group.create_task(loop) for loop in loops]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def _follow_gossip(self, group: asyncio.TaskGroup) -> None:
        slots, task = asyncio.Semaphore(MAX_PREFETCHES), self.ledger().task
        async for announcement in self.participant.swarm.announcements():
            if announcement.kind is AnnouncementKind.SUBMISSION and announcement.task == task:
                await slots.acquire()
                group.create_task(self._prefetch(announcement.cid, slots))

    async def _prefetch(self, manifest: Cid, slots: asyncio.Semaphore) -> None:
        """Fetch and serve a submission that is not committed yet: its node waits for that."""
        swarm, params = self.participant.swarm, self.ledger().params
        try:
            # An announcement is only a hint; the commitment will be fetched in any case.
            with contextlib.suppress(NetworkError):
                limit = self.versions.max_update_bytes
                await fetch_submission(swarm, manifest.digest, params, limit, FETCH_SECONDS)
        finally:
            slots.release()

    async def _keep_versions(self) -> None:
        """Compute every canonical version as soon as its round is over."""
        params, blocked = self.ledger().params, -1
        while True:
            ended = (self.clock() - params.start) // params.round_seconds
            newest = self.versions.newest_standing(self.ledger(), self.clock())
            version = 0 if newest is None else newest + 1
            if version > min(ended, params.rounds):
                await asyncio.sleep(POLL_SECONDS)
                continue
            try:
                await self.versions.advance(self.ledger(), self.clock(), FETCH_SECONDS)
            except VersionUnavailable as error:
                if version != blocked:
                    self.participant.observer.emit("error", message=str(error))
                blocked = version

    async def _report(self) -> None:
        while True:
            self.participant.report_transfers()
            await asyncio.sleep(REPORT_SECONDS)
