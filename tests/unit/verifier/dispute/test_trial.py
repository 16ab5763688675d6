"""Votes, times and results of a trial, as the JuryJudge counts them."""

import dataclasses

import pytest

from cupel.verifier.dispute.trial import JuryRules, Round, Trial

A, B, C = ("0x" + digit * 20 for digit in ("0a", "0b", "0c"))
RULES = JuryRules(commit_seconds=100, appeal_seconds=30, appeal_bonds=(700, 1400))
REQUESTED = Round(draw_block=5, commit_deadline=100, reveal_deadline=150)
SEATED = dataclasses.replace(REQUESTED, seats={A: 2, B: 1, C: 1}, changed_at=10)
EVERYONE = frozenset({A, B, C})


@pytest.mark.parametrize(
    ("votes", "guilty"),
    [
        ({}, None),
        ({A: True, B: False}, True),
        ({A: False, B: True}, False),
        # Half of the seats that voted is no majority.
        ({A: True, B: False, C: False}, False),
        ({A: True}, True),
        ({C: False}, False),
    ],
)
def test_the_majority_of_the_seats_that_revealed_decides(votes: dict[str, bool], guilty: bool | None) -> None:
    assert dataclasses.replace(SEATED, committed=EVERYONE, votes=votes).guilty is guilty


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, 100),
        ({"committed": frozenset({A})}, 150),
        ({"committed": EVERYONE}, 150),
        ({"committed": EVERYONE, "votes": {A: True, B: True}, "changed_at": 40}, 150),
        ({"committed": EVERYONE, "votes": {A: True, B: True, C: True}, "changed_at": 40}, 40),
        ({"committed": frozenset({A}), "votes": {A: True}, "changed_at": 120}, 120),
        ({"seats": {}, "changed_at": 10}, 10),
    ],
)
def test_a_round_ends_with_the_last_vote_that_can_come(changes: dict[str, object], end: int) -> None:
    assert dataclasses.replace(SEATED, **changes).end == end  # type: ignore[arg-type]
    assert REQUESTED.end == 100


def test_votes_are_revealed_when_no_vote_depends_on_them_any_more() -> None:
    assert not REQUESTED.may_reveal(120)
    assert [SEATED.may_reveal(now) for now in (99, 100, 149, 150)] == [False, True, True, False]
    assert dataclasses.replace(SEATED, committed=EVERYONE).may_reveal(20)


def spoken(guilty: bool | None) -> Round:
    votes = {} if guilty is None else {A: guilty}
    return dataclasses.replace(SEATED, committed=frozenset(votes), votes=votes)


def test_the_newest_round_in_which_anyone_voted_decides() -> None:
    assert Trial(1, (REQUESTED,)).guilty is None
    assert Trial(1, (spoken(True), spoken(None), REQUESTED)).guilty is True
    assert Trial(1, (spoken(True), spoken(False))).guilty is False
    assert Trial(1, (spoken(None), spoken(None))).guilty is None


def test_every_round_but_the_last_waits_for_an_appeal() -> None:
    trials = [Trial(1, (spoken(None),) * rounds) for rounds in (1, 2, 3)]
    assert [trial.appeal_bond(RULES) for trial in trials] == [700, 1400, None]
    assert [trial.closable(RULES) for trial in trials] == [130, 130, 100]
    assert trials[0].closable(JuryRules(100, 0, ())) == 100


def test_seats_and_bonds_of_every_round_are_held() -> None:
    trial = Trial(1, (dataclasses.replace(SEATED, seats={A: 1}), dataclasses.replace(REQUESTED, appellant=B)))
    assert [trial.binds(account) for account in (A, B, C)] == [True, True, False]
