"""A hub followed live: its events through reorganisations, and what nodes say of their rounds."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cupel.protocol.account.reading import HubReading
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.contract import Event, Logged
from cupel.protocol.chain.cursor import LogCursor
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.errors import ChainUnavailable, EventsMissing
from cupel.protocol.chain.ledger import HubLedger
from cupel.protocol.chain.opening import chain_of
from cupel.protocol.dashboard.peers import PeerWatch, Seen
from cupel.protocol.network.client import BlockClient
from cupel.protocol.network.endpoint import Endpoint
from cupel.protocol.network.errors import NetworkError
from cupel.protocol.settings import Settings
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rollout import MAX_MANIFEST_BYTES, Metrics, SubmissionManifest
from cupel.protocol.spec.shardcast.cid import Cid

REFRESH_SECONDS: Final = 1.0
_FETCH_SECONDS: Final = 5.0
# A page shows curves, not archives: a task's oldest submissions may be gone, and asking for them again is in vain.
_MOST_ATTEMPTS: Final = 3
_FETCHED_AT_ONCE: Final = 8


class Follower:
    """Use as an async context manager, and `run` it in a task of its own."""

    def __init__(self, settings: Settings) -> None:
        self._deployment = Deployment.read(Path(settings.deployment), settings.chain_id)
        self._chain = chain_of(settings, None)
        self._cursor = LogCursor(
            self._chain, Hub(self._chain, self._deployment.hub), self._deployment.first_block
        )
        self._blocks = BlockClient(random.Random())
        self._events: list[Logged[Event]] = []
        self._attempts: dict[bytes, int] = {}
        self._peers = PeerWatch()
        self.metrics: dict[bytes, Metrics] = {}
        """What a submission's manifest says, by the manifest's digest."""
        self.reading = HubReading(self._deployment, 0, ())
        self.problem = ""
        """Why the reading is old; empty while it is not."""

    async def __aenter__(self) -> Self:
        await self._chain.__aenter__()
        await self._blocks.__aenter__()
        await self._chain.code_hash(self._deployment.hub)
        await self.refresh()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._blocks.__aexit__(kind, error, trace)
        await self._chain.__aexit__(kind, error, trace)

    @property
    def seen(self) -> Mapping[str, Seen]:
        """Peers that were looked at, by what they announced."""
        return self._peers.seen

    async def run(self) -> None:
        """Follow until cancelled. A chain that does not answer is asked again; `problem` says so meanwhile."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._peers.run(lambda: self.reading))
            group.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            try:
                await self.refresh()
                self.problem = ""
            except ChainUnavailable as error:
                self.problem = str(error)
            await self._learn()
            await asyncio.sleep(REFRESH_SECONDS)

    async def refresh(self) -> None:
        """Take in what is new. ChainUnavailable."""
        # The clock first: what happened until then is among the events.
        now = await self._chain.now()
        progress = await self._cursor.advance()
        ledger, kept = self.reading.ledger, self._events
        if progress.rewound_to is not None:
            kept = [one for one in kept if one.block_number <= progress.rewound_to]
            ledger = HubLedger.of(logged.event for logged in kept)
        try:
            for logged in progress.events:
                ledger.apply(logged.event)
        except EventsMissing:
            self._cursor.restart()
            raise
        self._events = [*kept, *progress.events]
        self.reading = HubReading(self._deployment, now, tuple(self._events), ledger)

    async def _learn(self) -> None:
        """Fetch manifests of commitments that are not known yet, from whoever announced an address."""
        self._blocks.set_sources(frozenset(_urls(self.reading.ledger.endpoints.values())))
        if not self._blocks.sources:
            return
        wanted = [
            work.manifest
            for ledger in self.reading.ledger.tasks.values()
            for work in ledger.work.values()
            if work.manifest not in self.metrics and self._attempts.get(work.manifest, 0) < _MOST_ATTEMPTS
        ]
        await asyncio.gather(*(self._fetch(digest) for digest in wanted[-_FETCHED_AT_ONCE:]))

    async def _fetch(self, digest: bytes) -> None:
        self._attempts[digest] = self._attempts.get(digest, 0) + 1
        try:
            block = await self._blocks.fetch(Cid.from_digest(digest), _FETCH_SECONDS, MAX_MANIFEST_BYTES)
            self.metrics[digest] = SubmissionManifest.from_bytes(block).metrics
        except (NetworkError, Rejected):
            # Withheld or malformed: verifiers see to it; here a point of a curve is missing.
            return


def _urls(endpoints: Iterable[str]) -> list[str]:
    urls = []
    for endpoint in endpoints:
        try:
            urls.append(Endpoint.parse(endpoint).data_url)
        except Rejected:
            continue
    return urls
