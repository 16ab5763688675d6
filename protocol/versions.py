"""The canonical versions a process holds, and how it comes by the next one.

The usual way is to compute it from the accepted updates. A process that joins late, or cannot get an update, takes
what a peer serves: the deltas since the version it holds, or the checkpoint; the digest on the chain says whether the
result is the right one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from cupel.protocol.chain.errors import ChainUnavailable
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.grounds import Grounds, Lineage
from cupel.protocol.model.canonical import CanonicalVersion, next_version
from cupel.protocol.model.checkpoint import max_checkpoint_bytes
from cupel.protocol.model.layout import layout_of
from cupel.protocol.network import NetworkError, NotServed, Superseded, Swarm
from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT, Update
from cupel.protocol.spec.diloco.codec import Codec, get_codec
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.spec.shardcast.route import MAX_CHAIN, Offer, Route, routes
from cupel.protocol.spec.shardcast.versions import SPARE_VERSIONS, needed_versions, newest_settled
from cupel.protocol.spec.task import TaskSpec
from cupel.protocol.storage.shelf import VersionShelf
from cupel.protocol.submissions import fetch_update
from cupel.protocol.version_source import VersionSource

PROOF_SHARE: Final = 0.25
"""Of the time for the next version, to ask again for updates that a version taken on somebody's word was made from."""

LOOK_SECONDS: Final = 1.0
"""Between two looks at the chain while a checkpoint is on its way."""


class VersionUnavailable(NotServed):
    """A canonical version can be neither computed nor fetched at the moment."""


class Versions:
    """The newest canonical versions of one task."""

    def __init__(
        self,
        ledger: TaskLedger,
        spec: TaskSpec,
        swarm: Swarm,
        shelf: VersionShelf,
        spare_versions: int = SPARE_VERSIONS,
        trust_posted: bool = True,
        look: Callable[[], Awaitable[TaskLedger]] | None = None,
    ) -> None:
        """spare_versions: how many more to hold than staleness allows; jurors judge work of long ago.

        trust_posted: begin with the newest version posted on the chain. Who judges others' checkpoints begins with one
        that nobody can challenge any more, and computes the rest.

        look: reads the chain again. Who trusts what is posted looks while it fetches a checkpoint, and drops it for a
        newer one. ChainUnavailable is no news.
        """
        self._ledger = ledger
        self._spare_versions = spare_versions
        self._trust_posted = trust_posted
        self._look = look if trust_posted else None
        self._spec = spec
        self._swarm = swarm
        self._shelf = shelf
        self._layout = layout_of(spec.model)
        self._source = VersionSource(swarm, shelf, self._layout, spec.aggregation)
        self._versions: dict[int, CanonicalVersion] = {}
        self._grounds = Grounds(ledger.params.genesis_digest)
        self._now = 0
        self.false_updates: set[bytes] = set()
        """Manifests that name another update than the one they had to show: it counts as none, for everybody alike."""
        self.storing = asyncio.Lock()
        """Held while blocks of a version are put, and by who deletes blocks."""

    @property
    def newest(self) -> CanonicalVersion:
        """The newest version held; `start` comes first."""
        return self._versions[max(self._versions)]

    @property
    def num_held(self) -> int:
        """How many versions are held: what staleness allows, and the spare ones."""
        return self._ledger.params.max_staleness + self._spare_versions + 1

    @property
    def codec(self) -> Codec:
        """What the task's updates travel in."""
        return get_codec(self._spec.aggregation.codec)

    @property
    def max_update_bytes(self) -> int:
        """Length of every update file of the task."""
        return self.codec.num_bytes(self._layout.num_parameters)

    @property
    def max_checkpoint_bytes(self) -> int:
        """Largest checkpoint file of the task."""
        return max_checkpoint_bytes(self._layout)

    @property
    def max_exponent(self) -> int:
        """Largest block exponent of an update."""
        return self._spec.recipe.max_exponent_offset + MIN_EXPONENT

    def get(self, version: int) -> CanonicalVersion | None:
        """A version, if it is held."""
        return self._versions.get(version)

    def digests(self) -> dict[int, bytes]:
        """Digests of the versions held."""
        return {number: version.digest for number, version in self._versions.items()}

    def proven_digest(self, version: int) -> bytes | None:
        """Digest of a version held that does not rest on anybody's word, to compare posted ones with."""
        held, outdated = self._versions.get(version), self._grounds.outdated(self._ledger, self._now)
        if (
            held is None
            or version in self._grounds.unproven
            or (outdated is not None and outdated <= version)
        ):
            return None
        return held.digest

    def newest_standing(self, ledger: TaskLedger, now: int) -> int | None:
        """The newest version held; None if it rests on one whose poster was slashed: `advance` then begins again.

        Versions made of other work than counts now are let go. now: the chain's time up to which `ledger` knows all.
        """
        self._ledger, self._now = ledger, now
        outdated = self._grounds.outdated(ledger, now)
        if outdated is not None and outdated - 1 in self._versions:
            self._drop_from(outdated)
            outdated = None
        if outdated is not None or self._grounds.refuted(ledger):
            return None
        return self.newest.version

    def newest_sound(self, ledger: TaskLedger, now: int) -> int:
        """The newest version held that may be built on; -1 if there is none.

        One that was taken as it was posted may be false. Who sampled with it, or posted what follows from it, would
        then lose its stake as its poster does.
        """
        held = self._versions
        return max((number for number in held if self._grounds.is_sound(number, ledger, now)), default=-1)

    async def start(self, now: int, deadline_seconds: float) -> None:
        """Take the version to begin with, from here or from peers. VersionUnavailable, NetworkError.

        now: the chain's time.
        """
        self._now = now
        if self._trust_posted:
            posted = {record.version: record.digest for record in self._ledger.standing()}
            if await self._resume_own(posted, deadline_seconds):
                return
            await self._resume(posted)
            if await self._catch_up(posted, deadline_seconds) or self._versions:
                for number, version in self._versions.items():
                    self._grounds.taken(number, version.digest)
                return
        facts = self._ledger.facts(now)
        at_most = min(needed_versions(facts), default=facts.params.rounds)
        number, digest = newest_settled(facts, at_most)
        if not await self._fetch_checkpoint(number, digest, deadline_seconds):
            raise VersionUnavailable(
                f"waiting for version {number} to begin with, which no peer serves: creator {facts.params.creator}"
                " and every verifier should"
            )

    async def advance(self, ledger: TaskLedger, now: int, deadline_seconds: float) -> CanonicalVersion:
        """Compute the next version, or fetch it if an update is out of reach. VersionUnavailable if neither works.

        Who took a posted version whose poster was slashed since begins again with what stands now. now: the chain's
        time up to which `ledger` knows all.
        """
        if self.newest_standing(ledger, now) is None:
            return await self._begin_again(deadline_seconds)
        await self._prove(deadline_seconds * PROOF_SHARE)
        current = self.newest
        try:
            made, work = await self._compute(current, deadline_seconds)
        except NetworkError as error:
            record = ledger.checkpoint(current.version + 1)
            posted = {} if record is None else {record.version: record.digest}
            if await self._catch_up(posted, deadline_seconds):
                self._grounds.taken(self.newest.version, self.newest.digest)
                return self.newest
            raise VersionUnavailable(f"version {current.version + 1}: {error}") from error
        self._grounds.made_of(made.version, work)
        await self._keep(made, self._grounds.lineage(made.version))
        return made

    async def _compute(
        self, current: CanonicalVersion, deadline_seconds: float
    ) -> tuple[CanonicalVersion, tuple[CommittedWork, ...]]:
        """The version after `current`, and the accepted work it is made of. NetworkError if an update is missing."""
        accepted = self._ledger.accepted(current.version, self._now)
        fetched = await asyncio.gather(*(self._update(work, deadline_seconds) for work in accepted))
        updates = [update for update in fetched if update is not None]
        made = await asyncio.to_thread(next_version, current, updates, self._spec.aggregation)
        return made, accepted

    async def _prove(self, deadline_seconds: float) -> None:
        """Compute what was taken on somebody's word, as soon as the updates can be had; a false version is replaced."""
        for number in sorted(self._grounds.unproven):
            parent = self._versions.get(number - 1)
            if parent is None:
                return
            try:
                made, work = await self._compute(parent, deadline_seconds)
            except NetworkError:
                return
            is_true = made.digest == self._versions[number].digest
            if not is_true:
                self._drop_from(number)
                await self._keep(made)
            self._grounds.made_of(number, work)
            if not is_true:
                return

    async def _begin_again(self, deadline_seconds: float) -> CanonicalVersion:
        before = self._versions, self._grounds
        self._versions, self._grounds = {}, Grounds(self._ledger.params.genesis_digest)
        try:
            await self.start(self._now, deadline_seconds)
        except NetworkError as error:
            self._versions, self._grounds = before
            raise VersionUnavailable(str(error)) from error
        return self.newest

    async def _update(self, work: CommittedWork, deadline_seconds: float) -> Update | None:
        """A node's update; None if its file is no update, which everybody finds alike."""
        if work.manifest in self.false_updates:
            return None
        file = await fetch_update(self._swarm, work.manifest, self.max_update_bytes, deadline_seconds)
        if isinstance(file, Rejected):
            return None
        try:
            return self.codec.from_bytes(file, self._layout.num_parameters, self.max_exponent)
        except Rejected:
            return None

    async def genesis(self, deadline_seconds: float) -> CanonicalVersion:
        """The task's initial version, which training may compare with; not held. VersionUnavailable."""
        return await self.recall(0, self._ledger.params.genesis_digest, deadline_seconds)

    async def recall(self, number: int, digest: bytes, deadline_seconds: float) -> CanonicalVersion:
        """A version of long ago, from memory, this machine or peers; it is not held. VersionUnavailable."""
        found = self._versions.get(number)
        if found is None or found.digest != digest:
            found = await self._source.from_shelf(number, digest)
        found = found or await self._source.checkpoint(number, digest, deadline_seconds)
        if found is None:
            raise VersionUnavailable(f"no peer serves the checkpoint of version {number}")
        return found

    async def _resume_own(self, posted: Mapping[int, bytes], deadline_seconds: float) -> bool:
        """Whether a version is held now that rests on nobody's word, and from which the newest can be computed.

        Who was away takes from others only what nobody can challenge any more: a false version may just be posted.
        """
        ledger, now = self._ledger, self._now
        settled = {number: one for number, one in posted.items() if ledger.is_settled(number, one, now)}
        taken = {0: ledger.params.genesis_digest, **settled}
        lines = [(digest, Lineage.beginning(number, digest)) for number, digest in taken.items()]
        for digest, note in (await asyncio.to_thread(self._shelf.notes)).items():
            line = Lineage.from_bytes(note)
            lines += [] if line is None else [(digest, line)]
        for digest, line in sorted(lines, key=lambda pair: pair[1].version, reverse=True):
            if not line.counts(ledger, now):
                continue
            own = await self._source.from_shelf(line.version, digest)
            if own is None:
                continue
            self._hold(own)
            self._grounds.resumed(line, ledger, now)
            # What is dropped for a version that may still be challenged is not worth waiting for.
            with contextlib.suppress(Superseded):
                await self._catch_up_once(settled, deadline_seconds)
            for number in self._versions.keys() - {line.version}:
                self._grounds.taken(number, self._versions[number].digest)
            if max(posted, default=0) <= self.newest.version + MAX_CHAIN:
                return True
            break
        self._drop_from(0)
        return False

    async def _resume(self, posted: Mapping[int, bytes]) -> None:
        """Take the newest posted version that is whole on this machine, if any."""
        known = {0: self._ledger.params.genesis_digest, **posted}
        for number, digest in sorted(known.items(), reverse=True):
            version = await self._source.from_shelf(number, digest)
            if version is not None:
                self._hold(version)
                return

    async def _catch_up(self, posted: Mapping[int, bytes], deadline_seconds: float) -> bool:
        """Whether the newest of the posted versions that peers serve, if newer than what is held, is held now."""
        while True:
            try:
                return await self._catch_up_once(posted, deadline_seconds)
            except Superseded:
                posted = {record.version: record.digest for record in self._ledger.standing()}

    async def _catch_up_once(self, posted: Mapping[int, bytes], deadline_seconds: float) -> bool:
        held = max(self._versions, default=-1)
        offers = await self._source.offers(posted, held, deadline_seconds)
        for route in routes(held, offers):
            if await self._take(route, offers, deadline_seconds):
                return True
        return False

    async def _take(self, route: Route, offers: Mapping[int, Offer], deadline_seconds: float) -> bool:
        if not route.deltas:
            digest = offers[route.version].digest
            return await self._fetch_checkpoint(route.version, digest, deadline_seconds)
        for link in range(self.newest.version + 1, route.version + 1):
            version = await self._source.after(self.newest, offers[link].digest, deadline_seconds)
            if version is None:
                return False
            await self._keep(version)
        return True

    async def _fetch_checkpoint(self, number: int, digest: bytes, deadline_seconds: float) -> bool:
        superseded = asyncio.Event()
        watch = asyncio.create_task(self._watch(number, superseded))
        try:
            version = await self._source.checkpoint(number, digest, deadline_seconds, superseded)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        if version is not None:
            await self._keep(version)
        return version is not None

    async def _watch(self, number: int, superseded: asyncio.Event) -> None:
        """Set the event once a version newer than `number` stands on the chain."""
        while self._look is not None and not superseded.is_set():
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(ChainUnavailable):
                self._ledger = await self._look()
                if any(record.version > number for record in self._ledger.standing()):
                    superseded.set()

    async def serve(self, version: CanonicalVersion, line: Lineage | None = None) -> None:
        """Have a version for others. line: how it was computed here."""
        note = b"" if line is None else line.to_bytes()
        async with self.storing:
            await asyncio.to_thread(
                self._shelf.put, version.manifest.to_bytes(), version.file, version.update, note
            )

    async def _keep(self, version: CanonicalVersion, line: Lineage | None = None) -> None:
        """Hold and serve a version."""
        await self.serve(version, line)
        self._hold(version)

    def _hold(self, version: CanonicalVersion) -> None:
        """Have a version at hand, and forget those nobody may use any more."""
        self._versions[version.version] = version
        for number in [number for number in self._versions if number <= version.version - self.num_held]:
            self._drop(number)

    def _drop_from(self, first: int) -> None:
        for number in [number for number in self._versions if number >= first]:
            self._drop(number)

    def _drop(self, number: int) -> None:
        del self._versions[number]
        self._grounds.forget(number)
