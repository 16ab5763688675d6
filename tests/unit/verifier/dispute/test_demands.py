"""Demands, move by move: when to ask, for what, and who closes."""

import dataclasses
from typing import Any

import pytest

from cupel.protocol.chain.bindings import structs
from cupel.protocol.chain.demands import DemandRecord
from cupel.protocol.spec.demand import DataDemand, LeafAnswer, Part, PieceAnswer
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.rollout import Commitment
from cupel.protocol.submissions import Missing
from cupel.verifier.dispute.demands import (
    DEFAULT_WHOLE_PIECES,
    MAX_OPEN_DEMANDS,
    SAMPLED_PIECES,
    Ask,
    CloseDemand,
    DemandView,
    Wanted,
    decide_demands,
    demand_time,
    wanted_parts,
    wanted_version,
)

ME, OTHER, NODE, JUDGE = ("0x" + digit * 20 for digit in ("0a", "0b", "0c", "0d"))
COMMITMENT = Commitment(3, 5, b"\1" * 32, b"\2" * 32, 8, 1000)
SEED = b"\x0b" * 32
LEAF, MANIFEST = DataDemand(Part.LEAF, 2), DataDemand(Part.MANIFEST)


def wanted(demand: DataDemand = LEAF, node: str = NODE) -> Wanted:
    return Wanted(node, COMMITMENT, demand)


def record(challenger: str = ME, demand: DataDemand = LEAF, **changes: Any) -> DemandRecord:
    """Asked at 1010, to be answered by 1040, hub's deadline 1070."""
    evidence_hash = keccak256(demand.to_bytes())
    challenge = structs.Challenge(
        b"\7" * 32, NODE, 3, JUDGE, challenger, ME, 10_000, 100, 1070, evidence_hash
    )
    kind = structs.DemandKind(demand.part)
    asked = structs.Demand(kind, demand.index, demand.chunk, COMMITMENT.root, 8, 5, 4, 32, 1040, 7)
    return dataclasses.replace(DemandRecord(1, challenge, asked), **changes)


@pytest.fixture
def view(world: Any) -> DemandView:
    """The example task's window is 40 s."""
    return DemandView(ME, world.rules.params, 1020, frozenset(), (), (), frozenset({1}))


def decide(view: DemandView, **changes: Any) -> tuple[object, ...]:
    return decide_demands(dataclasses.replace(view, **changes))


def test_what_is_wanted_is_asked_for_one_by_one(view: DemandView) -> None:
    both = (wanted(MANIFEST), wanted())
    assert decide(view, wanted=both) == (Ask(wanted(MANIFEST)),)
    asked = record(demand=MANIFEST, shown=None)
    assert decide(view, wanted=both, records=(asked,)) == (Ask(wanted()),)
    assert decide(view, wanted=both, records=(asked, record())) == ()


def test_no_more_is_asked_while_many_demands_wait(view: DemandView) -> None:
    pieces = [DataDemand(Part.UPDATE, index) for index in range(MAX_OPEN_DEMANDS + 2)]
    open_ = [record(demand=piece) for piece in pieces[:-2]]
    parts = tuple(wanted(piece) for piece in pieces)
    assert decide(view, wanted=parts, records=tuple(open_[:-1])) == (Ask(parts[-3]),)
    assert decide(view, wanted=parts, records=tuple(open_)) == ()
    # Others' demands, and about other commitments, do not count.
    elsewhere = wanted(pieces[-1], node=OTHER)
    assert decide(view, wanted=(*parts, elsewhere), records=tuple(open_)) == (Ask(elsewhere),)
    shown = PieceAnswer(b"", b"", ())
    assert decide(view, wanted=parts, records=(*open_[1:], record(demand=pieces[0], shown=shown))) == (
        Ask(parts[-2]),
    )


def test_another_challengers_demand_does_not_spare_ours(view: DemandView) -> None:
    # It may be an accomplice's, who will not close it.
    assert decide(view, wanted=(wanted(),), records=(record(OTHER),)) == (Ask(wanted()),)


def test_nothing_is_asked_of_the_slashed_or_after_the_window(view: DemandView) -> None:
    assert decide(view, wanted=(wanted(),), slashed=frozenset({NODE})) == ()
    assert decide(view, wanted=(wanted(),), now=1039) == (Ask(wanted()),)
    assert decide(view, wanted=(wanted(),), now=1040) == ()


def test_our_demand_is_closed_when_its_time_is_over(view: DemandView) -> None:
    assert decide(view, records=(record(),), now=1039) == ()
    assert decide(view, records=(record(),), now=1040) == (CloseDemand(1),)
    assert decide(view, records=(record(),), now=1069) == (CloseDemand(1),)


def test_others_close_what_the_challenger_leaves_open(view: DemandView) -> None:
    assert decide(view, records=(record(OTHER),), now=1041) == ()
    assert decide(view, records=(record(OTHER),), now=1042) == (CloseDemand(1),)
    # From the hub's deadline on there is nothing to win but the challenger's own coins.
    assert decide(view, records=(record(OTHER),), now=1070) == ()


def test_our_price_comes_back_when_the_hub_does_not_wait(view: DemandView) -> None:
    assert decide(view, records=(record(),), pending=frozenset()) == (CloseDemand(1),)
    assert decide(view, records=(record(OTHER),), pending=frozenset()) == ()
    assert decide(view, records=(record(),), now=1070) == (CloseDemand(1),)


def test_ended_demands_are_left_alone(view: DemandView) -> None:
    shown = LeafAnswer(None, ())  # type: ignore[arg-type]  # what was shown does not matter here
    for ended in (record(shown=shown), record(closed=True)):
        assert decide(view, records=(ended,), now=1050) == ()


@pytest.mark.parametrize(
    ("window", "answer_seconds", "expected"),
    [(400, 100, 1200), (400, 200, 1100), (400, 290, 1100), (86_400, 43_200, 22_600), (40, 60, 1010)],
)
def test_patience_leaves_time_for_the_answer_and_a_challenge(
    view: DemandView, window: int, answer_seconds: int, expected: int
) -> None:
    params = dataclasses.replace(view.params, challenge_window=window, start=0, round_seconds=100_000)
    assert demand_time(COMMITMENT, params, answer_seconds) == expected


def test_an_update_is_demanded_when_the_next_version_waits_for_it(view: DemandView) -> None:
    # Round 5 ends at 1100.
    params = dataclasses.replace(view.params, challenge_window=400, start=500, round_seconds=100)
    assert demand_time(COMMITMENT, params, 100) == 1100
    posted = dataclasses.replace(COMMITMENT, units=0)
    assert demand_time(posted, params, 100) == 1200


def test_the_manifest_and_two_rollouts_are_demanded(view: DemandView) -> None:
    # Nine tokens in chunks of four: three chunks at most.
    parts = wanted_parts(NODE, COMMITMENT, (1, 4, 6), view.params, Missing(True, True, (range(1),)), SEED)
    assert [part.demand for part in parts[:3]] == [
        MANIFEST,
        DataDemand(Part.LEAF, 1),
        DataDemand(Part.TOKENS, 1, 0),
    ]
    assert len(parts) == 1 + 2 * (1 + 3 + 3) + 1
    assert {part.demand.index for part in parts[1:-1]} == {1, 4}
    # How many pieces the update has, the manifest will tell.
    assert parts[-1].demand == DataDemand(Part.UPDATE, 0)
    coarse = dataclasses.replace(view.params, chunk_tokens=5000, max_tokens=5000)
    everything = wanted_parts(NODE, COMMITMENT, (1,), coarse, Missing(True, True, ()), SEED)
    assert {part.demand.part for part in everything} == {Part.MANIFEST, Part.LEAF, Part.PROOF}


def test_only_what_is_missing_is_demanded(view: DemandView) -> None:
    def demanded(missing: Missing) -> list[DataDemand]:
        return [part.demand for part in wanted_parts(NODE, COMMITMENT, (1,), view.params, missing, SEED)]

    assert demanded(Missing(False, False, ())) == []
    assert demanded(Missing(False, False, (range(3),))) == [
        DataDemand(Part.UPDATE, index) for index in range(3)
    ]
    assert {one.part for one in demanded(Missing(False, True, ()))} == {Part.LEAF, Part.TOKENS, Part.PROOF}
    assert len(demanded(Missing(False, False, (range(DEFAULT_WHOLE_PIECES),)))) == DEFAULT_WHOLE_PIECES
    many = demanded(Missing(False, False, (range(500),)))
    assert len({one.index for one in many}) == SAMPLED_PIECES
    assert all(one.part is Part.UPDATE and one.index < 500 for one in many)


def test_a_verifier_may_demand_every_piece_of_a_block_that_is_kept_back(view: DemandView) -> None:
    # The second and the last block of a file of three and a half.
    missing = Missing(False, False, (range(512, 1024), range(1536, 1792)))

    def demanded(whole_pieces: int) -> list[int]:
        parts = wanted_parts(NODE, COMMITMENT, (1,), view.params, missing, SEED, whole_pieces)
        return [part.demand.index for part in parts]

    assert demanded(768) == [*range(512, 1024), *range(1536, 1792)]
    sample = demanded(767)
    assert len(sample) == SAMPLED_PIECES
    assert all(any(index in span for span in missing.update_pieces) for index in sample)


def test_of_a_posted_version_manifest_and_pieces_are_demanded() -> None:
    manifest, *pieces = (part.demand for part in wanted_version(NODE, COMMITMENT, 5000, SEED))
    assert manifest == MANIFEST
    assert pieces == [DataDemand(Part.CHECKPOINT, index) for index in range(3)]
    assert len(wanted_version(NODE, COMMITMENT, 2**40, SEED)) == 1 + SAMPLED_PIECES
