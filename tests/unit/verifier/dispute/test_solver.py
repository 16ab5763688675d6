"""The solver, move by move: challenges, juries, bonds and the end."""

import dataclasses
from typing import Any

import pytest

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.rollout import Commitment
from cupel.verifier.dispute.solver import (
    Action,
    Challenge,
    CloseTrial,
    CommitVote,
    Dispute,
    Expire,
    LeaveJury,
    RevealVote,
    Stop,
    Summon,
    Trial,
    View,
    Vote,
    Withdraw,
    decide,
)
from cupel.verifier.evidence import Accusation

ME, OTHER, NODE, JUDGE = ("0x" + digit * 20 for digit in ("0a", "0b", "0c", "0d"))
# Windows of the example task: challenge 40 s, dispute 60 s.
COMMITTED = 1000


def accusation(sequence: int = 3, time: int = COMMITTED, node: str = NODE) -> Accusation:
    commitment = Commitment(sequence, 5, bytes(32), bytes(32), 8, time)
    return Accusation(node, commitment, JUDGE, b"evidence", Reason.WRONG_REWARD)


def dispute(challenge_id: int = 1, sequence: int = 3, challenger: str = OTHER, **changes: Any) -> Dispute:
    return dataclasses.replace(Dispute(challenge_id, NODE, sequence, challenger, 1005, True), **changes)


@pytest.fixture
def view(world: Any) -> View:
    return View(
        account=ME,
        params=world.rules.params,
        now=1010,
        block_number=50,
        margin_seconds=4,
        slashed=frozenset(),
        accusations=(),
        disputes=(),
        trials=(),
        verdicts={},
        votes={},
        is_juror=False,
        finished=False,
        credit=0,
    )


def do(view: View, **changes: Any) -> tuple[Action, ...]:
    return decide(dataclasses.replace(view, **changes))


# Challenges


def test_nothing_found_nothing_to_do(view: View) -> None:
    assert decide(view) == ()


def test_a_lie_is_challenged_until_the_window_closes(view: View) -> None:
    lie = accusation()
    assert do(view, accusations=(lie,), now=COMMITTED + 39) == (Challenge(lie),)
    assert do(view, accusations=(lie,), now=COMMITTED + 40) == ()


def test_a_slashed_node_is_left_alone(view: View) -> None:
    assert do(view, accusations=(accusation(),), slashed=frozenset({NODE})) == ()


def test_one_challenge_at_a_time_the_oldest_first(view: View) -> None:
    late, early = accusation(4, COMMITTED + 5), accusation(3)
    assert do(view, accusations=(late, early)) == (Challenge(early),)


def test_somebody_elses_pending_challenge_spares_our_bond(view: View) -> None:
    assert do(view, accusations=(accusation(),), disputes=(dispute(),)) == ()
    assert do(view, accusations=(accusation(),), disputes=(dispute(sequence=1),)) == ()


def test_somebody_elses_pending_challenge_never_makes_us_late(view: View) -> None:
    """An accomplice may challenge with evidence made to fail, and let the verdict come after our window."""
    lie = accusation()
    assert do(view, accusations=(lie,), disputes=(dispute(),), now=COMMITTED + 29) == ()
    assert do(view, accusations=(lie,), disputes=(dispute(),), now=COMMITTED + 30) == (Challenge(lie),)
    assert do(view, accusations=(lie,), disputes=(dispute(),), now=COMMITTED + 15, margin_seconds=25) == (
        Challenge(lie),
    )


def test_somebody_elses_failed_challenge_does_not_stop_ours(view: View) -> None:
    lie = accusation()
    assert do(view, accusations=(lie,), disputes=(dispute(pending=False),)) == (Challenge(lie),)


def test_a_challenge_against_another_node_does_not_matter(view: View) -> None:
    lie = accusation()
    assert do(view, accusations=(lie,), disputes=(dispute(node=OTHER),)) == (Challenge(lie),)


def test_we_accuse_a_commitment_once(view: View) -> None:
    for pending in (True, False):
        mine = dispute(challenger=ME, pending=pending)
        assert do(view, accusations=(accusation(),), disputes=(mine,), now=COMMITTED + 39) == ()


def test_demands_for_data_leave_room_for_an_accusation(view: View) -> None:
    lie = accusation()
    for challenger in (ME, OTHER):
        asked = dispute(challenger=challenger, is_demand=True)
        assert do(view, accusations=(lie,), disputes=(asked,)) == (Challenge(lie),)


def test_another_lie_of_the_same_node_waits_for_our_first_challenge(view: View) -> None:
    mine, second = dispute(challenger=ME), accusation(4, COMMITTED + 2)
    assert do(view, accusations=(second,), disputes=(mine,)) == ()
    lost = dataclasses.replace(mine, pending=False)
    assert do(view, accusations=(second,), disputes=(lost,)) == (Challenge(second),)


# Bonds


def test_a_bond_is_recovered_when_no_verdict_can_come(view: View) -> None:
    mine = dispute(challenger=ME)
    assert do(view, disputes=(mine,), now=1005 + 59) == ()
    assert do(view, disputes=(mine,), now=1005 + 60) == (Expire(1),)
    assert do(view, disputes=(mine,), slashed=frozenset({NODE})) == (Expire(1),)
    assert do(view, disputes=(dispute(),), now=1005 + 60) == ()


# Juries

TRIAL = Trial(1, draw_block=49, commit_deadline=1025, reveal_deadline=1045)
SEATED = dataclasses.replace(TRIAL, jurors=(ME, OTHER))


def test_the_challenger_summons_the_jury_as_soon_as_it_can_be_drawn(view: View) -> None:
    mine = (dispute(challenger=ME),)
    assert do(view, trials=(TRIAL,), disputes=mine, block_number=49) == ()
    assert do(view, trials=(TRIAL,), disputes=mine) == (Summon(1),)


def test_a_juror_summons_the_jury_if_the_challenger_does_not(view: View) -> None:
    theirs = (dispute(),)
    assert do(view, trials=(TRIAL,), disputes=theirs, is_juror=True, now=1006) == ()
    assert do(view, trials=(TRIAL,), disputes=theirs, is_juror=True, now=1007) == (Summon(1),)
    assert do(view, trials=(TRIAL,), disputes=theirs) == ()


def test_a_juror_votes_as_its_own_recomputation_says(view: View) -> None:
    assert do(view, trials=(SEATED,)) == ()
    for guilty in (True, False):
        assert do(view, trials=(SEATED,), verdicts={1: guilty}) == (CommitVote(1, guilty),)


def test_what_is_not_confirmed_in_time_is_not_guilty(view: View) -> None:
    assert do(view, trials=(SEATED,), now=1020) == ()
    assert do(view, trials=(SEATED,), now=1021) == (CommitVote(1, False),)
    assert do(view, trials=(SEATED,), now=1025) == ()


def test_a_stored_vote_is_the_vote(view: View) -> None:
    """After a restart in between, another salt or verdict must not take the place of the one that may be on-chain."""
    stored = Vote(True, b"\1" * 32)
    assert do(view, trials=(SEATED,), votes={1: stored}, verdicts={1: False}) == (CommitVote(1, True),)


def test_a_vote_is_revealed_once_when_revealing_is_open(view: View) -> None:
    vote = Vote(True, b"\1" * 32)
    committed = dataclasses.replace(SEATED, committed=frozenset({ME}))
    assert do(view, trials=(committed,), votes={1: vote}) == ()
    both = dataclasses.replace(SEATED, committed=frozenset({ME, OTHER}))
    assert do(view, trials=(both,), votes={1: vote}) == (RevealVote(1, vote),)
    assert do(view, trials=(committed,), votes={1: vote}, now=1025) == (RevealVote(1, vote),)
    assert do(view, trials=(committed,), votes={1: vote}, now=1044) == (RevealVote(1, vote),)
    revealed = dataclasses.replace(both, revealed=frozenset({ME}))
    assert do(view, trials=(revealed,), votes={1: vote}) == ()


def test_a_jury_of_others_needs_nothing_from_us(view: View) -> None:
    others = dataclasses.replace(TRIAL, jurors=(OTHER,))
    assert do(view, trials=(others,), now=1024, verdicts={1: True}) == ()
    assert do(view, trials=(others,), now=2000) == ()


def test_the_challenger_closes_a_trial_when_no_reveal_can_follow(view: View) -> None:
    mine = (dispute(challenger=ME),)
    jury = dataclasses.replace(TRIAL, jurors=(OTHER,), committed=frozenset({OTHER}))
    assert do(view, trials=(jury,), disputes=mine, now=1030) == ()
    revealed = dataclasses.replace(jury, revealed=frozenset({OTHER}))
    assert do(view, trials=(revealed,), disputes=mine, now=1030) == (CloseTrial(1),)
    silent = dataclasses.replace(jury, committed=frozenset())
    assert do(view, trials=(silent,), disputes=mine, now=1024) == ()
    assert do(view, trials=(silent,), disputes=mine, now=1025) == (CloseTrial(1),)
    assert do(view, trials=(jury,), disputes=mine, now=1045) == (CloseTrial(1),)


def test_a_juror_closes_what_the_challenger_leaves_open(view: View) -> None:
    done = dataclasses.replace(SEATED, committed=frozenset({ME, OTHER}), revealed=frozenset({ME, OTHER}))
    assert do(view, trials=(done,), disputes=(dispute(),), now=1046) == ()
    assert do(view, trials=(done,), disputes=(dispute(),), now=1047) == (CloseTrial(1),)
    assert do(view, trials=(TRIAL,), disputes=(dispute(),), now=1027, is_juror=True) == (CloseTrial(1),)


def test_a_trial_whose_challenge_is_over_is_closed(view: View) -> None:
    moot = (dispute(challenger=ME, pending=False),)
    assert do(view, trials=(dataclasses.replace(TRIAL, jurors=(OTHER,)),), disputes=moot) == (CloseTrial(1),)


def test_deadlines_come_before_new_challenges(view: View) -> None:
    vote = Vote(False, bytes(32))
    revealing = dataclasses.replace(SEATED, committed=frozenset({ME, OTHER}))
    voting = dataclasses.replace(SEATED, challenge_id=2)
    actions = do(
        view,
        trials=(voting, revealing),
        votes={1: vote},
        verdicts={2: True},
        accusations=(accusation(node=OTHER),),
    )
    assert actions == (CommitVote(2, True), RevealVote(1, vote), Challenge(accusation(node=OTHER)))


# The end


def test_money_comes_home_and_the_verifier_stops(view: View) -> None:
    end = dataclasses.replace(view, finished=True, now=3000)
    assert do(end, is_juror=True, credit=5) == (LeaveJury(),)
    assert do(end, credit=5) == (Withdraw(),)
    assert decide(end) == (Stop(),)
    assert do(end, finished=False, credit=5) == ()


def test_nothing_stops_while_a_dispute_is_open(view: View) -> None:
    end = dataclasses.replace(view, finished=True)
    assert do(end, disputes=(dispute(),)) == ()
    # What nobody expires must not keep us for ever.
    assert do(end, disputes=(dispute(),), now=1005 + 60) == (Stop(),)
    assert do(end, trials=(SEATED,), disputes=(dispute(pending=False),), is_juror=True) == ()
