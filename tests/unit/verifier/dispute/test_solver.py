"""The solver, move by move: challenges, juries, bonds and the end."""

import dataclasses
from typing import Any

import pytest

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.rollout import Commitment
from cupel.verifier.dispute.solver import (
    Action,
    Appeal,
    Challenge,
    CloseTrial,
    CommitVote,
    Dispute,
    Expire,
    LeaveJury,
    RevealVote,
    Stop,
    Summon,
    View,
    Vote,
    Withdraw,
    WithdrawBonds,
    decide,
)
from cupel.verifier.dispute.trial import JuryRules, Round, Trial
from cupel.verifier.evidence import Accusation

ME, OTHER, NODE, JUDGE = ("0x" + digit * 20 for digit in ("0a", "0b", "0c", "0d"))
# Windows of the example task: challenge 40 s, dispute 60 s.
COMMITTED = 1000
NO_APPEALS = JuryRules(20, 0, ())
APPEALS = JuryRules(20, 10, (70, 140))


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
        jury=NO_APPEALS,
        trials=(),
        verdicts={},
        votes={},
        funds=0,
        is_juror=False,
        finished=False,
        credit=0,
        jury_credit=0,
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


def test_a_silent_jury_is_asked_again_while_the_window_lasts(view: View) -> None:
    lie, silent = accusation(), dispute(challenger=ME, pending=False, dismissed=True)
    lost = dispute(challenger=ME, pending=False)
    assert do(view, accusations=(lie,), disputes=(silent,)) == (Challenge(lie),)
    assert do(view, accusations=(lie,), disputes=(silent,), now=COMMITTED + 40) == ()
    assert do(view, accusations=(lie,), disputes=(silent, lost)) == ()


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

TRIAL = Trial(1, (Round(draw_block=49, commit_deadline=1025, reveal_deadline=1045),))


def with_round(trial: Trial = TRIAL, **changes: Any) -> Trial:
    """The trial with another state of its newest round."""
    return dataclasses.replace(
        trial, rounds=(*trial.rounds[:-1], dataclasses.replace(trial.round, **changes))
    )


SEATED = with_round(seats={ME: 1, OTHER: 1}, changed_at=1008)


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
        assert do(view, trials=(SEATED,), verdicts={1: guilty}) == (CommitVote(1, 0, guilty),)


def test_what_is_not_confirmed_in_time_is_not_guilty(view: View) -> None:
    assert do(view, trials=(SEATED,), now=1020) == ()
    assert do(view, trials=(SEATED,), now=1021) == (CommitVote(1, 0, False),)
    assert do(view, trials=(SEATED,), now=1025) == ()


def test_a_stored_vote_is_the_vote(view: View) -> None:
    """After a restart in between, another salt or verdict must not take the place of the one that may be on-chain."""
    votes = {(1, 0): Vote(True, b"\1" * 32)}
    assert do(view, trials=(SEATED,), votes=votes, verdicts={1: False}) == (CommitVote(1, 0, True),)


def test_a_vote_is_revealed_once_when_revealing_is_open(view: View) -> None:
    vote = Vote(True, b"\1" * 32)
    votes = {(1, 0): vote}
    committed = with_round(SEATED, committed=frozenset({ME}))
    assert do(view, trials=(committed,), votes=votes) == ()
    both = with_round(SEATED, committed=frozenset({ME, OTHER}))
    assert do(view, trials=(both,), votes=votes) == (RevealVote(1, vote),)
    assert do(view, trials=(committed,), votes=votes, now=1025) == (RevealVote(1, vote),)
    assert do(view, trials=(committed,), votes=votes, now=1044) == (RevealVote(1, vote),)
    revealed = with_round(both, votes={ME: True}, changed_at=1009)
    assert do(view, trials=(revealed,), votes=votes) == ()


def test_a_jury_of_others_needs_nothing_from_us(view: View) -> None:
    others = with_round(seats={OTHER: 1})
    assert do(view, trials=(others,), now=1024, verdicts={1: True}) == ()
    assert do(view, trials=(others,), now=2000) == ()


def test_the_challenger_closes_a_trial_when_no_reveal_can_follow(view: View) -> None:
    mine = (dispute(challenger=ME),)
    jury = with_round(seats={OTHER: 1}, changed_at=1008, committed=frozenset({OTHER}))
    assert do(view, trials=(jury,), disputes=mine, now=1030) == ()
    revealed = with_round(jury, votes={OTHER: False}, changed_at=1030)
    assert do(view, trials=(revealed,), disputes=mine, now=1030) == (CloseTrial(1),)
    silent = with_round(jury, committed=frozenset())
    assert do(view, trials=(silent,), disputes=mine, now=1024) == ()
    assert do(view, trials=(silent,), disputes=mine, now=1025) == (CloseTrial(1),)
    assert do(view, trials=(jury,), disputes=mine, now=1045) == (CloseTrial(1),)


def test_a_juror_closes_what_the_challenger_leaves_open(view: View) -> None:
    everyone = frozenset({ME, OTHER})
    done = with_round(SEATED, committed=everyone, votes={ME: True, OTHER: True}, changed_at=1030)
    assert do(view, trials=(done,), disputes=(dispute(),), now=1031) == ()
    assert do(view, trials=(done,), disputes=(dispute(),), now=1032) == (CloseTrial(1),)
    assert do(view, trials=(TRIAL,), disputes=(dispute(),), now=1027, is_juror=True) == (CloseTrial(1),)


def test_a_trial_whose_challenge_is_over_is_closed(view: View) -> None:
    moot = (dispute(challenger=ME, pending=False),)
    for jury in (TRIAL, with_round(seats={OTHER: 1})):
        assert do(view, trials=(jury,), disputes=moot) == (CloseTrial(1),)


def test_deadlines_come_before_new_challenges(view: View) -> None:
    vote = Vote(False, bytes(32))
    revealing = with_round(SEATED, committed=frozenset({ME, OTHER}))
    voting = dataclasses.replace(SEATED, challenge_id=2)
    actions = do(
        view,
        trials=(voting, revealing),
        votes={(1, 0): vote},
        verdicts={2: True},
        accusations=(accusation(node=OTHER),),
    )
    assert actions == (CommitVote(2, 0, True), RevealVote(1, vote), Challenge(accusation(node=OTHER)))


# Appeals

OUTCOMES = [True, False, None]
"""What a jury may say: guilty, not guilty, nothing."""


def said(guilty: bool | None, trial: Trial = TRIAL, end: int = 1030) -> Trial:
    """The trial after a jury of another account has spoken, or kept silent until the commit deadline."""
    if guilty is None:
        return with_round(trial, seats={OTHER: 1}, changed_at=1008)
    return with_round(
        trial, seats={OTHER: 1}, committed=frozenset({OTHER}), votes={OTHER: guilty}, changed_at=end
    )


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("verdict", OUTCOMES)
def test_who_knows_better_appeals_unless_only_a_bond_is_at_stake(
    view: View, outcome: bool | None, verdict: bool | None
) -> None:
    """A dismissal is as good for an honest node as an acquittal, and as bad for the truth about a liar."""
    verdicts = {} if verdict is None else {1: verdict}
    actions = do(
        view,
        jury=APPEALS,
        trials=(said(outcome),),
        verdicts=verdicts,
        funds=70,
        now=1032,
        disputes=(dispute(),),
    )
    wrong = (verdict is True and outcome is not True) or (verdict is False and outcome is True)
    assert actions == ((Appeal(1, 1, 70),) if wrong else ())


def test_an_appeal_is_made_in_its_window_after_the_challengers_turn(view: View) -> None:
    trial, theirs = said(False), (dispute(),)
    view = dataclasses.replace(view, jury=APPEALS, trials=(trial,), verdicts={1: True}, funds=70)
    assert do(view, disputes=theirs, now=1031) == ()
    assert do(view, disputes=theirs, now=1032) == (Appeal(1, 1, 70),)
    assert do(view, disputes=theirs, now=1039) == (Appeal(1, 1, 70),)
    assert do(view, disputes=theirs, now=1040) == ()
    # In a short window the others wait for half of it.
    quick = dataclasses.replace(APPEALS, appeal_seconds=2)
    assert do(view, jury=quick, disputes=theirs, now=1030) == ()
    assert do(view, jury=quick, disputes=theirs, now=1031) == (Appeal(1, 1, 70),)


def test_the_challenger_appeals_against_every_result_but_guilty(view: View) -> None:
    mine = (dispute(challenger=ME),)
    view = dataclasses.replace(view, jury=APPEALS, disputes=mine, funds=70, now=1030)
    assert do(view, trials=(said(False),)) == (Appeal(1, 1, 70),)
    assert do(view, trials=(said(None),)) == (Appeal(1, 1, 70),)
    assert do(view, trials=(said(True),)) == ()
    assert do(view, trials=(said(False),), now=1040) == (CloseTrial(1),)


def test_nobody_appeals_without_the_bond(view: View) -> None:
    appealing = dataclasses.replace(view, jury=APPEALS, trials=(said(False),), verdicts={1: True}, now=1035)
    assert do(appealing, disputes=(dispute(),), funds=69) == ()


def test_nobody_appeals_while_a_vote_can_still_come(view: View) -> None:
    hidden = with_round(seats={OTHER: 1}, committed=frozenset({OTHER}), changed_at=1008)
    view = dataclasses.replace(view, jury=APPEALS, disputes=(dispute(),), verdicts={1: True}, funds=70)
    assert do(view, trials=(hidden,), now=1044) == ()
    assert do(view, trials=(hidden,), now=1047) == (Appeal(1, 1, 70),)
    assert do(view, trials=(TRIAL,), now=1024) == ()
    assert do(view, trials=(TRIAL,), now=1027) == (Appeal(1, 1, 70),)


def appealed(trial: Trial, appellant: str = ME) -> Trial:
    """The trial with a further round, requested at 1035."""
    further = Round(60, 1055, 1075, appellant)
    return dataclasses.replace(trial, rounds=(*trial.rounds, further))


def test_the_appellant_summons_the_jury_it_asked_for(view: View) -> None:
    view = dataclasses.replace(view, jury=APPEALS, disputes=(dispute(),), block_number=61, now=1036)
    trial = appealed(said(False))
    assert do(view, trials=(trial,)) == (Summon(1),)
    assert do(view, trials=(trial,), block_number=60) == ()
    theirs = appealed(said(False), OTHER)
    assert do(view, trials=(theirs,)) == ()
    assert do(view, trials=(theirs,), is_juror=True) == ()
    assert do(view, trials=(theirs,), is_juror=True, now=1037) == (Summon(1),)
    # The challenger has an interest, too.
    assert do(view, trials=(theirs,), disputes=(dispute(challenger=ME),), now=1037) == (Summon(1),)


def test_every_round_has_its_own_vote(view: View) -> None:
    trial = with_round(appealed(said(False), OTHER), seats={ME: 2})
    view = dataclasses.replace(view, jury=APPEALS, disputes=(dispute(),), block_number=61, now=1040)
    earlier = Vote(False, b"\1" * 32)
    assert do(view, trials=(trial,), votes={(1, 0): earlier}, verdicts={1: True}) == (CommitVote(1, 1, True),)
    vote = Vote(True, b"\2" * 32)
    committed = with_round(trial, committed=frozenset({ME}))
    votes = {(1, 0): earlier, (1, 1): vote}
    assert do(view, trials=(committed,), votes=votes) == (RevealVote(1, vote),)


def test_every_round_can_be_appealed_against_once(view: View) -> None:
    view = dataclasses.replace(
        view, jury=APPEALS, disputes=(dispute(),), block_number=61, verdicts={1: True}, funds=140
    )
    second = said(False, appealed(said(False)), end=1070)
    assert do(view, trials=(second,), now=1072) == (Appeal(1, 2, 140),)
    assert do(view, trials=(second,), now=1072, funds=139) == ()
    third = said(False, appealed(second), end=1072)
    # No appeal is left: it can be closed at once, and our bonds wait for that.
    assert do(view, trials=(third,), now=1074) == (CloseTrial(1),)


def test_a_silent_appeal_leaves_the_result(view: View) -> None:
    view = dataclasses.replace(view, jury=APPEALS, disputes=(dispute(),), block_number=61, funds=140)
    silent = with_round(appealed(said(True)), seats={OTHER: 1}, changed_at=1040)
    assert do(view, trials=(silent,), now=1057, verdicts={1: True}) == ()
    assert do(view, trials=(silent,), now=1057, verdicts={1: False}) == (Appeal(1, 2, 140),)


def test_an_appeal_against_a_moot_result_is_not_made(view: View) -> None:
    moot = (dispute(pending=False),)
    seated = with_round(said(False), seats={ME: 1, OTHER: 1})
    assert (
        do(view, jury=APPEALS, trials=(seated,), disputes=moot, verdicts={1: True}, funds=70, now=1036) == ()
    )


# The end


def test_money_comes_home_and_the_verifier_stops(view: View) -> None:
    end = dataclasses.replace(view, finished=True, now=3000)
    assert do(end, is_juror=True, credit=5, jury_credit=70) == (LeaveJury(),)
    assert do(end, credit=5, jury_credit=70) == (WithdrawBonds(),)
    assert do(end, credit=5) == (Withdraw(),)
    assert decide(end) == (Stop(),)
    assert do(end, finished=False, credit=5) == ()


def test_nothing_stops_while_a_dispute_is_open(view: View) -> None:
    end = dataclasses.replace(view, finished=True)
    assert do(end, disputes=(dispute(),)) == ()
    # What nobody expires must not keep us for ever.
    assert do(end, disputes=(dispute(),), now=1005 + 60) == (Stop(),)
    moot = (dispute(pending=False),)
    assert do(end, trials=(SEATED,), disputes=moot, is_juror=True) == ()
    # A seat in an earlier round holds the stake as well.
    later = appealed(SEATED, OTHER)
    assert do(end, trials=(with_round(later, seats={OTHER: 1}),), disputes=moot, is_juror=True) == ()
