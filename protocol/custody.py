"""The background of every process that keeps data: repairs what placement gives it, and collects garbage."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from cupel.protocol.chain.errors import ChainUnavailable
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.keeping import Keeper, Share, missing_versions, missing_work
from cupel.protocol.network import NetworkError
from cupel.protocol.observe import Value
from cupel.protocol.participant import FETCH_SECONDS, Participant
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast.versions import KeptWork
from cupel.protocol.spec.task import TaskParams
from cupel.protocol.storage.port import StorageError
from cupel.protocol.storage.shelf import VersionShelf
from cupel.protocol.submissions import fetch_posted, fetch_submission, fetch_update

# A pass lists the whole store, so a few in each round are enough; the placed items of one pass share a link.
PASSES_PER_ROUND: Final = 4
MIN_PASS_SECONDS: Final = 2.0
MAX_REPAIRS: Final = 4

Shares = Callable[[TaskLedger, int], Share | None]
"""What this process keeps of a task at a time of the chain; None for nothing."""


class Custody:
    """Looks after one process's store."""

    def __init__(
        self,
        participant: Participant,
        shelf: VersionShelf,
        params: TaskParams,
        shares: Shares,
        max_bytes: tuple[int, int] = (0, 0),
        storing: asyncio.Lock | None = None,
    ) -> None:
        """params: of the task that is followed, whose rounds set the pace.

        max_bytes: of a checkpoint and of an update. storing: held while blocks are deleted.
        """
        self._participant = participant
        self._shelf = shelf
        self._params = params
        self._shares = shares
        self._max_checkpoint_bytes, self._max_update_bytes = max_bytes
        self._storing = storing or asyncio.Lock()
        # What is announced before its commitment is one round old at most, and then on its way for a while.
        self._keeper = Keeper(participant.store, shelf, params.round_seconds + int(FETCH_SECONDS))
        self._hopeless: set[bytes] = set()
        self._told: Mapping[str, Value] = {}
        self._problem = ""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look after the store as long as the block runs."""
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def run(self) -> None:
        """Pass after pass until cancelled; what fails is reported and tried again."""
        while True:
            try:
                await self.tend(await self._participant.chain.now())
                self._problem = ""
            except (StorageError, ChainUnavailable) as error:
                if str(error) != self._problem:
                    self._participant.observer.emit("error", message=f"the store was not tidied: {error}")
                self._problem = str(error)
            await asyncio.sleep(max(MIN_PASS_SECONDS, self._params.round_seconds / PASSES_PER_ROUND))

    async def tend(self, now: int) -> None:
        """One pass at the chain's time `now`. StorageError."""
        tasks = self._participant.ledger.tasks
        shares = [(ledger, self._shares(ledger, now)) for ledger in tasks.values()]
        held = [(ledger, share) for ledger, share in shares if share is not None]
        for ledger, share in held:
            await self._repair(ledger, share)
        documents = [ledger.params.spec_digest for ledger in tasks.values()]
        async with self._storing:
            collected = await asyncio.to_thread(
                self._keeper.collect, [share for _, share in held], documents, now
            )
        told: dict[str, Value] = {
            "versions": [version for _, share in held for version in collected.versions_of(share)],
            "submissions": sum(len(share.work) for _, share in held),
            "blocks": collected.num_kept,
            "deleted": collected.num_deleted,
        }
        if told != self._told:
            self._told = told
            self._participant.observer.emit("kept", **told)

    async def _repair(self, ledger: TaskLedger, share: Share) -> None:
        """Fetch some of what placement gives us and is not here: the roster has changed, or a disk was lost."""
        read = self._participant.store.get
        versions = await asyncio.to_thread(missing_versions, share, self._shelf)
        work = await asyncio.to_thread(missing_work, share, self._participant.store.has, read)
        wanted = [self._fetch_version(digest) for digest in versions if digest not in self._hopeless]
        wanted += [self._fetch_work(ledger, one) for one in work if one.work.manifest not in self._hopeless]
        for unwanted in wanted[MAX_REPAIRS:]:
            unwanted.close()
        # Who has it may be away: the next pass asks again.
        await asyncio.gather(*wanted[:MAX_REPAIRS])

    async def _fetch_version(self, digest: bytes) -> None:
        swarm = self._participant.swarm
        try:
            with contextlib.suppress(NetworkError):
                found = await fetch_posted(swarm, digest, self._max_checkpoint_bytes, FETCH_SECONDS)
                async with self._storing:
                    await asyncio.to_thread(self._shelf.put, *found)
        except Rejected:
            self._hopeless.add(digest)

    async def _fetch_work(self, ledger: TaskLedger, one: KeptWork) -> None:
        swarm, digest, most = self._participant.swarm, one.work.manifest, self._max_update_bytes
        with contextlib.suppress(NetworkError):
            if one.rollouts:
                files = await fetch_submission(swarm, digest, ledger.params, most, FETCH_SECONDS)
                refused = isinstance(files.rollouts, Rejected) or isinstance(files.update, Rejected)
            else:
                refused = isinstance(await fetch_update(swarm, digest, most, FETCH_SECONDS), Rejected)
            if refused:
                self._hopeless.add(digest)
