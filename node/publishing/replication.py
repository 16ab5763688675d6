"""Holding what others publish, and seeing that they hold what we do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from cupel.node.publishing.seams import Seams
from cupel.node.publishing.submission import Submission
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.network import Announcement, AnnouncementKind, NetworkError
from cupel.protocol.participant import FETCH_SECONDS, Participant
from cupel.protocol.recent import Recent
from cupel.protocol.spans import Origin, span
from cupel.protocol.spec.rounds import commit_deadline
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.task import TaskParams
from cupel.protocol.storage import put_file
from cupel.protocol.submissions import fetch_submission

# Two others hold the data before the commitment: one of them may die as well.
WANTED_HOLDERS: Final = 2
# A commitment needs a block or two, and longer where all is slow: this part of the time to commit is left for it.
COMMIT_SHARE: Final = 10
LEAST_COMMIT_SECONDS: Final = 3
REPLICATION_POLL_SECONDS: Final = 0.3
REMEMBERED: Final = 8192
"""Submissions; an older one that is announced again is looked for again, first in our own store."""


def replication_deadline(params: TaskParams, round_index: int) -> int:
    """When to stop waiting for holders, as a block timestamp: the rest is for the commitment's own transaction."""
    left = max(LEAST_COMMIT_SECONDS, params.commit_seconds // COMMIT_SHARE)
    return commit_deadline(params, round_index) - left


class Replication:
    """Submissions of one task, ours and others'."""

    def __init__(
        self,
        participant: Participant,
        ledger: TaskLedger,
        max_update_bytes: int,
        seams: Seams,
        heard: Callable[[Announcement], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """heard: told of every attestation that is announced."""
        self._participant = participant
        self._task = ledger.task
        self._params = ledger.params
        self._max_update_bytes = max_update_bytes
        self._seams = seams
        self._heard = heard
        self._held = Recent(REMEMBERED)

    async def run(self) -> None:
        """Fetch and keep what is announced, until cancelled."""
        async with asyncio.TaskGroup() as group:
            async for announcement in self._participant.swarm.announcements():
                if announcement.task != self._task:
                    continue
                if announcement.kind is AnnouncementKind.SUBMISSION:
                    group.create_task(self._fetch(announcement))
                elif announcement.kind is AnnouncementKind.ATTESTATION and self._heard is not None:
                    group.create_task(self._heard(announcement))

    async def publish(self, submission: Submission, phase: Callable[[str, int], None]) -> None:
        """Store and announce everything, and wait until others hold it or time runs out."""
        participant, manifest = self._participant, submission.manifest
        parts = [await asyncio.to_thread(put_file, participant.store, file) for file in submission.files]
        committed = submission.manifest_file
        for announced in submission.announced:
            address = await asyncio.to_thread(participant.store.put, announced)
            self._held.add(address.digest)
            parts += [address] if announced == committed else []
            await participant.swarm.announce(
                Announcement(AnnouncementKind.SUBMISSION, self._task, manifest.node, manifest.round, address)
            )
        phase("replicating", 0)
        await self._until_held(parts, replication_deadline(self._params, manifest.round))

    async def _until_held(self, parts: Sequence[Cid], latest: int) -> None:
        """Wait until enough others hold each of the parts, or until a block of this time."""
        swarm, missing = self._participant.swarm, list(parts)
        while missing and await self._participant.chain.now() < latest:
            counts = await asyncio.gather(*(swarm.holders(part) for part in missing))
            missing = [part for part, count in zip(missing, counts, strict=True) if count < WANTED_HOLDERS]
            if missing:
                await asyncio.sleep(REPLICATION_POLL_SECONDS)

    async def _fetch(self, announced: Announcement) -> None:
        """Fetch and keep a submission. A failure costs nothing here: its node finds other holders."""
        manifest = announced.cid
        if manifest.digest in self._held:
            return
        self._held.add(manifest.digest)
        origin, swarm = Origin.of(self._task, announced.account, announced.round), self._participant.swarm
        try:
            with span("replicate", origin, node=announced.account, round=announced.round):
                files = await fetch_submission(
                    swarm, manifest.digest, self._params, self._max_update_bytes, FETCH_SECONDS
                )
            if self._seams.witness is not None:
                self._seams.witness(files)
        except NetworkError as error:
            self._held.discard(manifest.digest)
            self._participant.observer.emit("error", message=str(error))
