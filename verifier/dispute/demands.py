"""What to demand of a node that does not serve its files, and when to close a demand: pure, like the solver.

A demand accuses nobody: its bond comes back when the node answers. A node that does not is convicted by whoever closes.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cupel.protocol.chain.demands import DemandRecord
from cupel.protocol.spec.demand import DataDemand, Part, demands_for, is_answerable
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.pieces import num_pieces
from cupel.protocol.spec.rollout import Commitment
from cupel.protocol.spec.rounds import round_start
from cupel.protocol.spec.task import TaskParams
from cupel.protocol.submissions import Missing
from cupel.verifier.draw import draw_pieces

MAX_DEMANDED_ROLLOUTS: Final = 2
"""Each rollout takes three demands or more, each with a bond for a while and two transactions' gas for good."""
DEFAULT_WHOLE_PIECES: Final = 64
"""What is missing of a file is demanded whole up to 128 KiB, and is there for all when it was shown."""
SAMPLED_PIECES: Final = 16
"""Of more, so many show that the node has it, and not more."""
MAX_OPEN_DEMANDS: Final = 16
"""About one commitment at a time: whoever shows nothing is known by fewer."""
# A demand that the challenger left open is closed by the others this much later.
TURN_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class Wanted:
    """A part of a commitment that nobody serves."""

    node: str
    commitment: Commitment
    demand: DataDemand


@dataclass(frozen=True, slots=True)
class DemandView:
    """Everything the decisions rest on."""

    account: str
    params: TaskParams
    now: int
    """Timestamp of the newest block."""
    slashed: frozenset[str]
    wanted: tuple[Wanted, ...]
    records: tuple[DemandRecord, ...]
    """Demands of this task, by whomever."""
    pending: frozenset[int]
    """Challenges that the hub has not ended."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Put down a bond and the price of the answer."""

    wanted: Wanted


@dataclass(frozen=True, slots=True)
class CloseDemand:
    """Convict an accused that is silent, or get the price back."""

    challenge_id: int


DemandAction = Ask | CloseDemand


def decide_demands(view: DemandView) -> tuple[DemandAction, ...]:
    """Everything to do now, the most urgent first."""
    actions: list[DemandAction] = [CloseDemand(record.challenge_id) for record in _closable(view)]
    ours = [record for record in view.records if record.challenge.challenger == view.account]
    asked = {
        (record.challenge.node, record.challenge.sequence, record.challenge.evidence_hash) for record in ours
    }
    waiting = Counter((record.challenge.node, record.challenge.sequence) for record in ours if record.open)
    due = (
        Ask(wanted)
        for wanted in view.wanted
        if _is_due(view, wanted)
        and _key(wanted) not in asked
        and waiting[wanted.node, wanted.commitment.sequence] < MAX_OPEN_DEMANDS
    )
    # One new challenge at a time: the next look may show that the node has been slashed.
    actions += itertools.islice(due, 1)
    return tuple(actions)


def demand_time(commitment: Commitment, params: TaskParams, answer_seconds: int) -> int:
    """When to stop waiting for files: what is shown in the last second can still be checked and challenged then.

    A quarter of the window is kept for that. Where the window is too short, its first quarter is waited for the files.
    Work is demanded when its round is over, if that is earlier: from then on the next version waits for its update.
    """
    window = params.challenge_window
    patient = commitment.time + max(window // 4, window - answer_seconds - window // 4)
    return min(patient, round_start(params, commitment.round + 1)) if commitment.units else patient


def wanted_parts(
    node: str,
    commitment: Commitment,
    drawn: Sequence[int],
    params: TaskParams,
    missing: Missing,
    seed: bytes,
    whole_pieces: int = DEFAULT_WHOLE_PIECES,
) -> tuple[Wanted, ...]:
    """What to demand of a commitment: the manifest, some of the drawn rollouts, pieces of the update.

    whole_pieces: if no more pieces are missing, all of them; else some, drawn by lot.
    """
    parts: list[DataDemand] = [DataDemand(Part.MANIFEST)] if missing.manifest else []
    if missing.rollouts:
        parts += demands_for(drawn[:MAX_DEMANDED_ROLLOUTS], params)
    parts += (DataDemand(Part.UPDATE, index) for index in _pieces(seed, missing.update_pieces, whole_pieces))
    return tuple(Wanted(node, commitment, part) for part in parts if is_answerable(part, params))


def wanted_version(
    node: str,
    commitment: Commitment,
    max_checkpoint_bytes: int,
    seed: bytes,
    whole_pieces: int = DEFAULT_WHOLE_PIECES,
) -> tuple[Wanted, ...]:
    """What to demand of a posted version of which nothing can be had. Pieces behind its end are answered, too."""
    drawn = _pieces(seed, (range(num_pieces(max_checkpoint_bytes)),), whole_pieces)
    parts = (DataDemand(Part.MANIFEST), *(DataDemand(Part.CHECKPOINT, index) for index in drawn))
    return tuple(Wanted(node, commitment, part) for part in parts)


def _pieces(seed: bytes, spans: Sequence[range], whole_pieces: int) -> tuple[int, ...]:
    """Which of the missing pieces of a file to demand."""
    count = sum(map(len, spans))
    drawn = draw_pieces(seed, count, count if count <= whole_pieces else SAMPLED_PIECES)
    return tuple(_nth(spans, number) for number in drawn)


def _nth(spans: Sequence[range], number: int) -> int:
    for span in spans:
        if number < len(span):
            return span[number]
        number -= len(span)
    raise AssertionError("there are fewer pieces")


def _key(wanted: Wanted) -> tuple[str, int, bytes]:
    return wanted.node, wanted.commitment.sequence, keccak256(wanted.demand.to_bytes())


def _is_due(view: DemandView, wanted: Wanted) -> bool:
    closes = wanted.commitment.time + view.params.challenge_window
    return view.now < closes and wanted.node not in view.slashed


def _closable(view: DemandView) -> Iterator[DemandRecord]:
    for record in view.records:
        ours = record.challenge.challenger == view.account
        decides = record.challenge_id in view.pending and view.now < record.challenge.deadline
        if not record.open:
            continue
        if not decides:
            # Without a verdict, all that is left to get is the price.
            if ours:
                yield record
        elif view.now >= record.demand.answer_by + (0 if ours else TURN_SECONDS):
            yield record
