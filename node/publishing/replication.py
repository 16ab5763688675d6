"""Holding what others publish, and seeing that they hold what we do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from cupel.node.publishing.seams import Seams
from cupel.node.publishing.submission import Submission
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.network import Announcement, AnnouncementKind, NetworkError
from cupel.protocol.participant import FETCH_SECONDS, Participant
from cupel.protocol.spans import Origin, span
from cupel.protocol.spec.rounds import commit_deadline
from cupel.protocol.storage import put_file
from cupel.protocol.submissions import count_holders, fetch_submission

# Two others hold the data before the commitment: one of them may die as well.
WANTED_HOLDERS: Final = 2
# A commitment needs a block or two; replication stops this long before the deadline.
COMMIT_MARGIN_SECONDS: Final = 3
REPLICATION_POLL_SECONDS: Final = 0.3


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
        self._held: set[bytes] = set()

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
        for file in submission.files:
            await asyncio.to_thread(put_file, participant.store, file)
        for announced in submission.announced:
            address = await asyncio.to_thread(participant.store.put, announced)
            self._held.add(address.digest)
            await participant.swarm.announce(
                Announcement(AnnouncementKind.SUBMISSION, self._task, manifest.node, manifest.round, address)
            )
        phase("replicating", 0)
        latest = commit_deadline(self._params, manifest.round) - COMMIT_MARGIN_SECONDS
        while await participant.chain.now() < latest:
            if await count_holders(participant.swarm, manifest) >= WANTED_HOLDERS:
                return
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
