"""Trials follow from the judge's events."""

from cupel.protocol.chain.bindings import jury_judge as jury
from cupel.verifier.dispute.solver import Trial
from cupel.verifier.dispute.trials import TrialLedger

ME, OTHER = "0x" + "0a" * 20, "0x" + "0b" * 20


def test_a_trial_from_request_to_close() -> None:
    events = [
        jury.JuryRequested(1, 49, 1025, 1045, b""),
        jury.JuryPostponed(1, 400),
        jury.JurySummoned(1, (ME, OTHER), 1025, 1045),
        jury.VoteCommitted(1, ME),
        jury.VoteCommitted(1, OTHER),
        jury.VoteRevealed(1, OTHER, True),
    ]
    assert TrialLedger.of(events[:2]).trials == {1: Trial(1, 400, 1025, 1045)}
    ledger = TrialLedger.of(events)
    expected = Trial(1, 400, 1025, 1045, (ME, OTHER), frozenset({ME, OTHER}), frozenset({OTHER}))
    assert ledger.trials == {1: expected}
    ledger.apply(jury.JuryClosed(1, True, 1, 1, 2, True))
    assert ledger.trials[1].closed


def test_jurors_are_those_whose_stake_is_held() -> None:
    events = [jury.JurorRegistered(ME, 100), jury.JurorRegistered(OTHER, 100), jury.JurorLeft(OTHER, 100)]
    assert TrialLedger.of(events).jurors == {ME}
    assert TrialLedger.of([*events, jury.JurorEvicted(ME, 20)]).jurors == {ME}
    assert TrialLedger.of([*events, jury.JurorEvicted(ME, 0)]).jurors == set()
