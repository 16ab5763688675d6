"""Audit tasks: what is drawn, what an answer hashes to, and what its author has to show."""

import dataclasses
from typing import Any

import pytest

from cupel.protocol.spec import merkle
from cupel.protocol.spec.audits import (
    Answer,
    Answers,
    AuditMatter,
    answer_leaf,
    attend,
    drawn_of,
    target_of,
    target_span,
)
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.referee.game import Game, Stage, Verdict
from cupel.protocol.spec.referee.moves import Attend
from cupel.protocol.spec.referee.rules import play
from cupel.protocol.spec.rollout import Commitment, LeafContext, leaf_hash
from cupel.protocol.testing.dispute_play import STARTED_AT, Table, altered
from cupel.protocol.testing.game_case import NARROW, game_case
from cupel.protocol.testing.vectors import BEACON, CHAIN_ID, HUB, NODE, example_params

VERIFIER = "0x8000000000000000000000000000000000000008"
AUDIT = b"\x0a" * 32
ROLLOUT = 1


def beacon_that_draws(target: bytes, units: int) -> bytes:
    """One under which the verifier has to look at ROLLOUT."""
    beacons = (bytes([number]) * 32 for number in range(256))
    return next(beacon for beacon in beacons if drawn_of(beacon, VERIFIER, target, units) == ROLLOUT)


@pytest.fixture
def asked() -> tuple[AuditMatter, Attend, Table]:
    """An honest answer, the second of three, in dispute."""
    case = game_case(NARROW, example_params(), CHAIN_ID, HUB, NODE)
    table = Table.of(case, ROLLOUT, 0)
    params = dataclasses.replace(
        case.params, genesis_digest=case.context.task, start=case.commitment.time + 1
    )
    target = target_of(case.context.task, NODE, case.commitment)
    root = table.trace.record.root()
    context = LeafContext(CHAIN_ID, HUB, AUDIT, VERIFIER, 4, 0)
    said = answer_leaf(1, case.leaves[ROLLOUT], target, ROLLOUT, root)
    hashes = [b"\1" * 32, leaf_hash(context, said), b"\2" * 32]
    matter = dataclasses.replace(
        table.matter, context=context, root=merkle.root(list(hashes)), units=3, rollout=1, chunk=0
    )
    beacon = beacon_that_draws(target, case.commitment.units)
    about = AuditMatter(matter, params, beacon, lambda node, known: (node, known) == (NODE, case.commitment))
    move = Attend(
        NODE,
        case.commitment,
        case.leaves[ROLLOUT],
        case.leaf_proof(ROLLOUT),
        root,
        merkle.proof(hashes, 1),
    )
    return about, move, table


def test_an_honest_answer_stands_and_nobody_descends_it_to_an_error(
    asked: tuple[AuditMatter, Attend, Table],
) -> None:
    about, move, table = asked
    chunk = attend(about, move)
    assert chunk.trace_root == table.trace.record.root()
    assert (chunk.first, chunk.support) == (len(table.case.prompts[ROLLOUT]) - 1, b"")
    game = Game(100, 100, STARTED_AT, Stage.CHARGE, chunk)
    assert table.challenger()(game) is None


def test_a_made_up_trace_is_convicted_by_whoever_has_the_true_one(
    asked: tuple[AuditMatter, Attend, Table],
) -> None:
    about, move, table = asked
    false = altered(table.trace, 7, through=True)
    # The root stands in its tree, as a liar's own does.
    chunk = dataclasses.replace(attend(about, move), trace_root=false.record.root())
    outcome: Any = Game(100, 100, STARTED_AT, Stage.CHARGE, chunk)
    accused, challenger = table.accused(false), table.challenger()
    while isinstance(outcome, Game):
        said = (challenger if outcome.is_challengers else accused)(outcome)
        assert said is not None
        outcome = play(outcome, about.matter, said, STARTED_AT)
    assert outcome is Verdict.GUILTY


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"node": VERIFIER}, "no commitment to rollouts"),
        ({"target": Commitment(0, 0, bytes(32), bytes(32), 0, 5)}, "no commitment to rollouts"),
        ({"audited_proof": ()}, "not the audited leaf"),
        ({"trace_root": bytes(32)}, "not the answer"),
        ({"answer_proof": ()}, "not the answer"),
    ],
)
def test_what_was_not_looked_at_or_not_said_does_not_stand(
    asked: tuple[AuditMatter, Attend, Table], changes: dict[str, Any], told: str
) -> None:
    about, move, _ = asked
    with pytest.raises(Rejected, match=told) as refused:
        attend(about, dataclasses.replace(move, **changes))
    assert refused.value.reason is Reason.REFEREE_MOVE


def test_another_rollout_than_was_drawn_does_not_stand(asked: tuple[AuditMatter, Attend, Table]) -> None:
    about, move, table = asked
    other = dataclasses.replace(move, audited=table.case.leaves[2], audited_proof=table.case.leaf_proof(2))
    with pytest.raises(Rejected, match="another rollout than was drawn"):
        attend(about, other)


def test_a_target_belongs_to_one_round(asked: tuple[AuditMatter, Attend, Table]) -> None:
    about, move, _ = asked
    for start in (move.target.time, move.target.time + about.params.round_seconds + 1):
        late = dataclasses.replace(about, params=dataclasses.replace(about.params, start=start))
        with pytest.raises(Rejected, match="a target of another round"):
            attend(late, move)
    spans = [target_span(about.params, index) for index in range(3)]
    assert [span.stop for span in spans[:-1]] == [span.start for span in spans[1:]]


def test_every_verifier_has_a_draw_of_its_own() -> None:
    target = target_of(AUDIT, NODE, Commitment(1, 2, bytes(32), bytes(32), 512, 9))
    draws = {drawn_of(BEACON, f"0x{number:040x}", target, 512) for number in range(64)}
    assert len(draws) > 50
    assert all(0 <= drawn < 512 for drawn in draws)


def test_answers_are_read_as_they_were_written() -> None:
    answers = tuple(Answer(f"0x{number:040x}", number, bytes([number]) * 32) for number in range(1, 4))
    assert Answers.from_bytes(Answers.of(answers).to_bytes(), str) == answers


@pytest.mark.parametrize(
    "changes",
    [
        {"nodes": "0" * 41},
        {"nodes": "zz" * 20},
        {"nodes": "0" * 80},
        {"sequences": ""},
        {"sequences": "-1"},
        {"sequences": "4294967296"},
        {"sequences": "1,2"},
        {"roots": "0" * 63},
    ],
)
def test_what_are_no_answers_is_refused(changes: dict[str, str]) -> None:
    good = Answers.of((Answer(NODE, 1, bytes(32)),))
    with pytest.raises(Rejected) as refused:
        Answers.from_bytes(dataclasses.replace(good, **changes).to_bytes(), str)
    assert refused.value.reason is Reason.SCHEMA
