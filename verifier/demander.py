"""What to demand of commitments whose files nobody serves: found out here, asked for by the solver."""

from __future__ import annotations

from collections.abc import Sequence

from cupel.protocol.chain.ledger import CheckpointRecord
from cupel.protocol.observe import Observer
from cupel.protocol.participant import FETCH_SECONDS
from cupel.protocol.spec.rollout import Commitment
from cupel.protocol.spec.rounds import CommittedWork, commitment_of
from cupel.protocol.spec.task import TaskParams
from cupel.verifier.auditor import Auditor
from cupel.verifier.dispute.demands import Wanted, wanted_parts, wanted_version
from cupel.verifier.draw import draw_seed

Place = tuple[str, int]
"""Node and sequence of a commitment."""


def probe_seconds(params: TaskParams) -> float:
    """How long to look once more for files that nobody served: a part of the window, most of which is gone by then."""
    return max(1.0, min(FETCH_SECONDS, params.challenge_window / 8))


class Demander:
    """The parts of one task's commitments that a verifier misses."""

    def __init__(self, auditor: Auditor, secret: bytes, observer: Observer, whole_pieces: int) -> None:
        """secret: of the verifier's draws. whole_pieces: as `wanted_parts`."""
        self._auditor = auditor
        self._secret = secret
        self._observer = observer
        self._whole_pieces = whole_pieces
        self.wanted: dict[Place, tuple[Wanted, ...]] = {}
        """What nobody serves."""

    async def miss(self, work: CommittedWork, drawn: Sequence[int], seed: bytes) -> bool:
        """Demand what nobody serves of a submission. Whether even its manifest is missing, which tells of the rest."""
        params = self._auditor.rules.params
        missing = await self._auditor.missing(work, probe_seconds(params))
        commitment, most = commitment_of(work), self._whole_pieces
        parts = wanted_parts(work.node, commitment, drawn, params, missing, seed, most)
        self._want(parts, work.round)
        return missing.manifest

    async def miss_version(self, posted: CheckpointRecord, commitment: Commitment) -> None:
        """Demand a posted version, unless somebody serves it."""
        if await self._auditor.can_be_had(posted.digest, probe_seconds(self._auditor.rules.params)):
            return
        task, most = self._auditor.rules.task, self._auditor.versions.max_checkpoint_bytes
        seed = draw_seed(self._secret, posted.digest, task, posted.node, posted.sequence)
        wanted = wanted_version(posted.node, commitment, most, seed, self._whole_pieces)
        self._want(wanted, posted.version)

    def _want(self, wanted: Sequence[Wanted], round_index: int) -> None:
        """round_index: of the commitment, or the version."""
        if wanted:
            node, sequence = wanted[0].node, wanted[0].commitment.sequence
            self.wanted[node, sequence] = tuple(wanted)
            self._observer.emit("withheld", node=node, round=round_index, demands=len(wanted))
