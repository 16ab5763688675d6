"""Disputes about a version played out: a liar loses whatever it says, an honest poster to nobody."""

from __future__ import annotations

import dataclasses

import pytest

from cupel.protocol.spec.aggregate import files
from cupel.protocol.spec.aggregate.game import Entry, Game, Stage, begin, settles
from cupel.protocol.spec.aggregate.moves import (
    Counted,
    Decided,
    Descend,
    GoBack,
    Move,
    NameInteger,
    Omitted,
    PickChild,
    RefuteParent,
    RefuteTerm,
    ShowInputs,
    ShowPiece,
    WrongHeader,
)
from cupel.protocol.spec.aggregate.players import Making, challenger_move
from cupel.protocol.spec.aggregate.rules import Table, play
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.referee.game import Verdict
from cupel.protocol.spec.rounds import round_start
from cupel.protocol.spec.shardcast.manifest import WeightsManifest
from cupel.protocol.testing.aggregate_case import (
    NARROW,
    NODES,
    POSTED_VERSION,
    AggregateCase,
    Members,
    aggregate_case,
    contribution,
    posting,
    update_file,
)
from cupel.protocol.testing.aggregate_play import (
    Side,
    altered,
    at_once,
    fitting_liar,
    fitting_version,
    honest_accused,
    honest_challenger,
    last_second,
    lie_about,
    settle,
    silent_from,
    with_file,
)
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params

PARAMS = dataclasses.replace(example_params(), challenge_window=300, dispute_seconds=600)
CASE = aggregate_case(PARAMS)
TRUE = CASE.makings[POSTED_VERSION]
SIZE, PARAMETERS = len(TRUE.version.file), CASE.terms.parameters
HEADER = SIZE - 12 * PARAMETERS
FIRST_WEIGHT = HEADER + 8 * PARAMETERS
OFFSETS = (
    0,
    HEADER - 1,
    HEADER,
    HEADER + 8 * 100 + 3,
    FIRST_WEIGHT - 1,
    FIRST_WEIGHT,
    FIRST_WEIGHT + 4 * 77 + 1,
    SIZE - 1,
)


def with_false(making: Making) -> dict[int, Making]:
    """What a liar holds."""
    return {**CASE.makings, POSTED_VERSION: making}


@pytest.mark.parametrize("delay", [at_once, last_second])
def test_an_honest_poster_wins_though_every_byte_is_charged(delay: object) -> None:
    for offset in range(0, SIZE, 97):
        accuser = honest_challenger(CASE, with_false(altered(TRUE, offset)))
        verdict, moves = settle(CASE, TRUE, honest_accused(CASE), accuser, delay)  # type: ignore[arg-type]
        assert verdict is Verdict.NOT_GUILTY
        assert isinstance(moves[-1], ShowInputs | ShowPiece), "the challenger has nothing left to say"


@pytest.mark.parametrize("delay", [at_once, last_second])
@pytest.mark.parametrize("offset", OFFSETS)
def test_a_false_byte_loses(offset: int, delay: object) -> None:
    false = altered(TRUE, offset)
    verdict, moves = settle(
        CASE,
        false,
        honest_accused(CASE, with_false(false)),
        honest_challenger(CASE),
        delay,  # type: ignore[arg-type]
    )
    assert verdict is Verdict.GUILTY
    assert isinstance(moves[-1], WrongHeader if offset < HEADER else ShowInputs)


def test_every_byte_counts() -> None:
    for offset in range(5, SIZE, 61):
        false = altered(TRUE, offset)
        accused = honest_accused(CASE, with_false(false))
        assert settle(CASE, false, accused, honest_challenger(CASE))[0] is Verdict.GUILTY


@pytest.mark.parametrize("kind", ["weight", "momentum", "mantissa", "exponent"])
def test_inputs_that_fit_the_lie_lose(kind: str) -> None:
    played = 0
    for coordinate in range(0, PARAMETERS, 17):
        for find in (files.weight_at, files.momentum_at):
            place = find(SIZE, PARAMETERS, coordinate)
            lie = lie_about(TRUE.inputs(place.start, CASE.terms), kind)
            false = fitting_version(CASE, TRUE, place, lie)
            if false.version.file == TRUE.version.file:
                continue
            played += 1
            liar = fitting_liar(CASE, false, lambda _, lie=lie: lie)  # type: ignore[misc]  # bound now
            verdict, moves = settle(CASE, false, liar, honest_challenger(CASE))
            assert verdict is Verdict.GUILTY
            assert isinstance(moves[-1], RefuteParent if kind in ("weight", "momentum") else RefuteTerm)
    assert played > 20, f"lies about a {kind} change integers"


@pytest.mark.parametrize("stage", list(Stage))
def test_silence_loses(stage: Stage) -> None:
    place = files.weight_at(SIZE, PARAMETERS, PARAMETERS - 1)
    lie = lie_about(TRUE.inputs(place.start, CASE.terms), "weight")
    false = fitting_version(CASE, TRUE, place, lie)
    liar, challenger = fitting_liar(CASE, false, lambda _: lie), honest_challenger(CASE)
    if stage & 1:
        verdict, _ = settle(CASE, false, liar, silent_from(challenger, stage))
        assert verdict is Verdict.NOT_GUILTY
    else:
        verdict, _ = settle(CASE, false, silent_from(liar, stage), challenger)
        assert verdict is Verdict.GUILTY


def test_a_left_out_commitment_convicts() -> None:
    short = dataclasses.replace(TRUE, accepted=TRUE.accepted[1:])
    verdict, moves = settle(CASE, TRUE, honest_accused(CASE, with_false(short)), honest_challenger(CASE))
    assert (verdict, moves[-1]) == (Verdict.GUILTY, Omitted(TRUE.accepted[0].entry))


def test_a_commitment_that_the_hub_does_not_know_is_refused() -> None:
    invented = contribution(NODES[1], 1, 9, update_file(NARROW, 99), CASE.posted_at - 40)
    accepted = (TRUE.accepted[0], invented, TRUE.accepted[2])
    accused = honest_accused(CASE, with_false(dataclasses.replace(TRUE, accepted=accepted)))
    verdict, moves = settle(CASE, TRUE, accused, honest_challenger(CASE))
    assert (verdict, moves) == (Verdict.GUILTY, [])


@pytest.mark.parametrize(("late", "verdict"), [(-1, Verdict.GUILTY), (0, Verdict.NOT_GUILTY)])
def test_a_node_slashed_before_the_decision_is_left_out(late: int, verdict: Verdict) -> None:
    decided = round_start(PARAMS, POSTED_VERSION)
    case = slashing(NODES[0], decided + late)
    assert settle(case, TRUE, honest_accused(case), no_case)[0] is verdict


@pytest.mark.parametrize(("late", "convicts"), [(-1, False), (0, True)])
def test_a_node_slashed_after_the_decision_is_not_left_out(late: int, convicts: bool) -> None:
    case = slashing(NODES[0], round_start(PARAMS, POSTED_VERSION) + late)
    short = dataclasses.replace(TRUE, accepted=TRUE.accepted[1:])
    accused = honest_accused(case, {POSTED_VERSION: short})
    accuser = says(case, Omitted(TRUE.accepted[0].entry))
    assert (settle(case, TRUE, accused, accuser)[0] is Verdict.GUILTY) is convicts


def slashing(node: str, time: int) -> AggregateCase:
    """The case of a node that was slashed at some time."""
    rings = CASE.table.rings
    assert isinstance(rings, Members)
    members = dataclasses.replace(rings, slashed={node: time})
    return dataclasses.replace(CASE, table=Table(CASE.terms, members))


def says(case: AggregateCase, move: Move) -> Side:
    """A challenger that charges this and has nothing else to say."""
    return lambda game: move if game.stage is Stage.CHARGE else None


def no_case(game: Game) -> None:
    """A challenger that was only curious."""


def postponed(earlier: Entry, says_so: bool) -> tuple[AggregateCase, Making]:
    """The accused posted a round later than somebody else."""
    rings = CASE.table.rings
    assert isinstance(rings, Members)
    held = rings.held | {earlier}
    table = Table(CASE.terms, dataclasses.replace(rings, held=held))
    later = CASE.posted_at + PARAMS.round_seconds
    case = dataclasses.replace(CASE, table=table, posted_at=later)
    return case, dataclasses.replace(TRUE, earliest=earlier if says_so else None)


def earlier_posting(version: int = POSTED_VERSION) -> Entry:
    """Somebody's posting in the round before."""
    return posting(NODES[0], version, sha256(b"false"), 5, CASE.posted_at)


@pytest.mark.parametrize("version", [POSTED_VERSION, POSTED_VERSION + 1])
def test_who_conceals_an_earlier_posting_loses(version: int) -> None:
    case, making = postponed(earlier_posting(version), says_so=False)
    true = dataclasses.replace(making, earliest=earlier_posting(version))
    accused = honest_accused(case, {POSTED_VERSION: making})
    challenger = honest_challenger(case, {POSTED_VERSION: true})
    verdict, moves = settle(case, making, accused, challenger)
    assert (verdict, moves[-1]) == (Verdict.GUILTY, Decided(earlier_posting(version)))


def test_who_says_the_earliest_posting_wins() -> None:
    case, making = postponed(earlier_posting(), says_so=True)
    accused = honest_accused(case, {POSTED_VERSION: making})
    for accuser in (says(case, Decided(earlier_posting())), no_case):
        assert settle(case, making, accused, accuser)[0] is Verdict.NOT_GUILTY


def test_a_version_before_is_no_earlier_posting() -> None:
    case, making = postponed(earlier_posting(POSTED_VERSION - 1), says_so=True)
    accused = honest_accused(case, {POSTED_VERSION: making})
    assert settle(case, making, accused, no_case) == (Verdict.GUILTY, [])


def test_a_given_up_round_changes_nothing() -> None:
    given_up = CASE.matter.given_up_at
    case = dataclasses.replace(CASE, posted_at=given_up)
    # Its weights are the parent's: the true version of this posting.
    same = dataclasses.replace(
        CASE.makings[1], version=CASE.makings[1].version, parent=CASE.makings[1].version, accepted=()
    )
    manifest = dataclasses.replace(CASE.versions[1].manifest, version=2, parent=CASE.versions[1].digest)
    version = dataclasses.replace(same.version, manifest=manifest.to_bytes())
    making = dataclasses.replace(same, version=version)
    held = {POSTED_VERSION: making}
    for offset in (0, FIRST_WEIGHT, SIZE - 1):
        false = altered(making, offset)
        liar = honest_accused(case, {POSTED_VERSION: false})
        assert settle(case, false, liar, honest_challenger(case, held))[0] is Verdict.GUILTY
        accuser = honest_challenger(case, {POSTED_VERSION: false})
        assert settle(case, making, honest_accused(case, held), accuser)[0] is Verdict.NOT_GUILTY
    charge = Omitted(TRUE.accepted[0].entry)
    assert settle(case, making, honest_accused(case, held), says(case, charge))[0] is Verdict.NOT_GUILTY
    listed = honest_accused(case, {POSTED_VERSION: dataclasses.replace(making, accepted=TRUE.accepted)})
    assert settle(case, making, listed, no_case) == (Verdict.GUILTY, [])


def test_a_false_parent_is_followed_back() -> None:
    lie = altered(CASE.makings[1], SIZE - 4)
    parent = lie.version
    manifest = WeightsManifest.from_bytes(TRUE.version.manifest)
    false = dataclasses.replace(manifest, parent=sha256(parent.manifest)).to_bytes()
    making = dataclasses.replace(
        TRUE, version=dataclasses.replace(TRUE.version, manifest=false), parent=parent
    )
    liar = honest_accused(CASE, {1: lie, 2: making})
    verdict, moves = settle(CASE, making, liar, honest_challenger(CASE))
    assert verdict is Verdict.GUILTY
    assert [type(move) for move in moves].count(GoBack) == 1
    assert isinstance(moves[-1], ShowInputs)


def test_a_challenger_that_goes_back_in_vain_loses() -> None:
    def back(game: Game) -> Move | None:
        return GoBack() if game.stage is Stage.CHARGE else None

    verdict, moves = settle(CASE, TRUE, honest_accused(CASE), back)
    assert verdict is Verdict.NOT_GUILTY
    assert [type(move) for move in moves].count(GoBack) == 1, "there is no version before the first"


def test_another_genesis_convicts_at_once() -> None:
    lie = altered(CASE.makings[1], SIZE - 1).version
    manifest = WeightsManifest.from_bytes(CASE.makings[1].version.manifest)
    false = dataclasses.replace(manifest, parent=sha256(lie.manifest)).to_bytes()
    version = dataclasses.replace(CASE.makings[1].version, manifest=false)
    making = dataclasses.replace(CASE.makings[1], version=version, parent=lie)
    matter = dataclasses.replace(CASE.matter, version=1, digest=sha256(false))
    game = begin(CASE.terms, matter, CASE.posted_at)
    move = honest_accused(CASE, {1: making})(game)
    assert move is not None
    assert play(game, CASE.table, move, CASE.posted_at) is Verdict.GUILTY


def test_a_checkpoint_of_another_length_convicts_at_once() -> None:
    making = dataclasses.replace(TRUE, version=with_file(TRUE.version, TRUE.version.file + b"\0"))
    verdict, moves = settle(CASE, making, honest_accused(CASE, with_false(making)), honest_challenger(CASE))
    assert (verdict, len(moves)) == (Verdict.GUILTY, 1)


FAULTY = bytes(9) + update_file(NARROW, 11)[9:]


def faulty_case(file: bytes) -> AggregateCase:
    """One of the three sent no update."""
    return aggregate_case(PARAMS, files={(1, 1): file})


@pytest.mark.parametrize("file", [FAULTY, b"rubbish"], ids=["header", "length"])
def test_an_update_that_is_none_is_left_out(file: bytes) -> None:
    case = faulty_case(file)
    making = case.makings[POSTED_VERSION]
    assert settle(case, making, honest_accused(case), no_case)[0] is Verdict.NOT_GUILTY
    false = altered(making, SIZE - 1)
    liar = honest_accused(case, {**case.makings, POSTED_VERSION: false})
    assert settle(case, false, liar, honest_challenger(case))[0] is Verdict.GUILTY


@pytest.mark.parametrize("file", [FAULTY, b"rubbish"], ids=["header", "length"])
def test_who_counts_an_update_that_is_none_loses(file: bytes) -> None:
    case = faulty_case(file)
    making = case.makings[POSTED_VERSION]
    # As if the file were one: the manifest stays.
    sound = dataclasses.replace(
        making.accepted[1], file=update_file(NARROW, 11), manifest=TRUE.accepted[1].manifest
    )
    pretended = dataclasses.replace(making, accepted=(making.accepted[0], sound, making.accepted[2]))
    accused = honest_accused(case, {POSTED_VERSION: pretended})
    verdict, moves = settle(case, making, accused, honest_challenger(case))
    assert verdict is Verdict.GUILTY
    assert isinstance(moves[-1], Counted)


def test_a_sound_update_has_no_fault_to_show() -> None:
    unsound = dataclasses.replace(TRUE.accepted[1], file=FAULTY)
    pretended = dataclasses.replace(TRUE, accepted=(TRUE.accepted[0], unsound, TRUE.accepted[2]))
    accused = honest_accused(CASE, with_false(pretended))
    assert settle(CASE, TRUE, accused, honest_challenger(CASE)) == (Verdict.GUILTY, [])


def test_a_manifest_that_leads_nowhere_is_left_to_others() -> None:
    lost = dataclasses.replace(TRUE.accepted[1], file=None)
    making = dataclasses.replace(TRUE, accepted=(TRUE.accepted[0], lost, TRUE.accepted[2]))
    accused = honest_accused(CASE, with_false(making))
    assert settle(CASE, TRUE, accused, honest_challenger(CASE))[0] is Verdict.DISMISSED


def test_what_a_ring_may_have_forgotten_is_not_disputed() -> None:
    last = round_start(PARAMS, 1 + 31) - CASE.terms.clock_seconds
    assert begin(CASE.terms, CASE.matter, last).stage is Stage.ANSWER
    with pytest.raises(Rejected):
        begin(CASE.terms, CASE.matter, last + 1)


@pytest.mark.parametrize("move", [PickChild(16), PickChild(-1), PickChild(15)])
def test_no_piece_is_picked_that_is_not_there(move: PickChild) -> None:
    def stray(game: Game) -> Move | None:
        return Descend() if game.stage is Stage.CHARGE else move

    verdict, moves = settle(CASE, TRUE, honest_accused(CASE), stray)
    assert verdict is Verdict.NOT_GUILTY
    assert move not in moves


@pytest.mark.parametrize("offset", [0, HEADER + 1, SIZE, -8])
def test_only_integers_of_the_piece_are_named(offset: int) -> None:
    def stray(game: Game) -> Move | None:
        if game.stage is Stage.ENTRY:
            return NameInteger(offset)
        return challenger_move(game, CASE.terms, altered(TRUE, HEADER))

    verdict, moves = settle(CASE, TRUE, honest_accused(CASE), stray)
    assert verdict is Verdict.NOT_GUILTY
    assert not isinstance(moves[-1], NameInteger)


def test_which_tasks_it_settles() -> None:
    spec = example_spec()
    spec = dataclasses.replace(spec, aggregation=CASE.terms.aggregation)
    offset = spec.recipe.max_exponent_offset
    terms = dataclasses.replace(CASE.terms, max_exponent_offset=offset)
    assert settles(terms, spec, PARAMETERS, terms.needed_seconds)
    assert not settles(terms, spec, PARAMETERS, terms.needed_seconds - 1)
    assert not settles(terms, spec, PARAMETERS + 1, terms.needed_seconds)
    for other in ({"codec": "mxint4"}, {"rule": "trimmed-mean"}, {"learning_rate_numerator": 3}):
        changed = dataclasses.replace(spec.aggregation, **other)  # type: ignore[arg-type]
        assert not settles(
            terms, dataclasses.replace(spec, aggregation=changed), PARAMETERS, terms.needed_seconds
        )
