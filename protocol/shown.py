"""Files that had to be shown: they stand in the chain's log, so every process takes them from there.

Whoever serves nobody thereby serves everybody. And where the file that the pieces make is not the one that the manifest
names, nobody needs to find the other: it cannot have these pieces, so the manifest promised what there is not.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping

from cupel.protocol.chain.demands import DemandFeed, DemandRecord
from cupel.protocol.disclosure import demanded
from cupel.protocol.spec.demand import (
    Answer,
    DataDemand,
    ManifestAnswer,
    PieceAnswer,
    shown_file,
    shown_leaves,
)
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import SubmissionManifest
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.storage.files import put_file
from cupel.protocol.storage.port import BlockStore, StorageError

Place = tuple[str, int]
"""Node and sequence of a commitment."""
Answers = Mapping[DataDemand, Answer]


class ShownFiles:
    """Takes what a judge's log shows of one task's commitments into the store."""

    def __init__(self, store: BlockStore, feed: DemandFeed, task: bytes, false_updates: set[bytes]) -> None:
        """false_updates: gets the digests of manifests that name another update than the one shown."""
        self._store = store
        self._feed = feed
        self._task = task
        self._false_updates = false_updates
        self._taken: dict[Place, int] = {}

    async def take(self) -> None:
        """Store what was shown since the last call; what a full disk refuses is tried again at the next."""
        for place, answers in answers_by_place(self._feed.ledger.demands.values(), self._task).items():
            if len(answers) == self._taken.get(place, 0):
                continue
            manifest, file = shown_files(answers)
            if manifest is not None and file is not None and names_another_update(manifest, file):
                self._false_updates.add(sha256(manifest))
            with contextlib.suppress(StorageError):
                for part in (manifest, file):
                    if part is not None:
                        await asyncio.to_thread(put_file, self._store, part)
                if file is None:
                    # The rest may be served: a leaf that is here completes the file as well as one from a peer.
                    for leaf in shown_leaves(answers):
                        await asyncio.to_thread(self._store.put, leaf)
                self._taken[place] = len(answers)


def answers_by_place(records: Iterable[DemandRecord], task: bytes) -> dict[Place, dict[DataDemand, Answer]]:
    """What was shown of a task's commitments, whoever asked."""
    answers: dict[Place, dict[DataDemand, Answer]] = {}
    for record in records:
        if record.challenge.task == task and record.shown is not None:
            place = record.challenge.node, record.challenge.sequence
            answers.setdefault(place, {})[demanded(record.demand)] = record.shown
    return answers


def shown_files(answers: Answers) -> tuple[bytes | None, bytes | None]:
    """The manifest of a commitment and the file that it begins with, as far as answers show them whole."""
    told = (one.manifest for one in answers.values() if isinstance(one, ManifestAnswer | PieceAnswer))
    return next(told, None), shown_file(answers)


def names_another_update(manifest: bytes, file: bytes) -> bool:
    """Whether this is a submission's manifest, and names an update that is not the file with its pieces."""
    try:
        return SubmissionManifest.from_bytes(manifest).update.cid != str(file_dag(file)[0])
    except Rejected:
        return False
