"""Trials follow from the judge's events."""

from cupel.protocol.chain.bindings import jury_judge as jury
from cupel.protocol.chain.bindings.structs import Verdict
from cupel.verifier.dispute.trial import Round, Trial
from cupel.verifier.dispute.trials import TrialLedger

ME, OTHER = "0x" + "0a" * 20, "0x" + "0b" * 20
FIRST = [
    jury.JuryRequested(1, 0, 49, 1025, 1045, b""),
    jury.JuryPostponed(1, 0, 400),
    jury.JurySummoned(1, 0, (ME, OTHER), (2, 1), 1008),
    jury.VoteCommitted(1, 0, ME),
    jury.VoteCommitted(1, 0, OTHER),
    jury.VoteRevealed(1, 0, OTHER, True, 1012),
]
AFTER_FIRST = Round(
    draw_block=400,
    commit_deadline=1025,
    reveal_deadline=1045,
    seats={ME: 2, OTHER: 1},
    committed=frozenset({ME, OTHER}),
    votes={OTHER: True},
    changed_at=1012,
)


def test_a_trial_from_request_to_close() -> None:
    assert TrialLedger.of(FIRST[:2]).trials == {1: Trial(1, (Round(400, 1025, 1045),))}
    ledger = TrialLedger.of(FIRST)
    assert ledger.trials == {1: Trial(1, (AFTER_FIRST,))}
    ledger.apply(jury.JuryClosed(1, Verdict.GUILTY, 1, True))
    assert ledger.trials == {1: Trial(1, (AFTER_FIRST,), closed=True)}


def test_an_appeal_adds_a_round() -> None:
    ledger = TrialLedger.of(FIRST)
    ledger.apply(jury.JuryRequested(1, 1, 500, 1080, 1100, b""))
    ledger.apply(jury.Appealed(1, 1, OTHER, 700))
    ledger.apply(jury.JurySummoned(1, 1, (ME,), (7,), 1066))
    ledger.apply(jury.VoteCommitted(1, 1, ME))
    second = Round(500, 1080, 1100, OTHER, {ME: 7}, frozenset({ME}), {}, 1066)
    assert ledger.trials == {1: Trial(1, (AFTER_FIRST, second))}


def test_jurors_are_those_whose_stake_is_held() -> None:
    events = [
        jury.JurorRegistered(ME, 1, 100),
        jury.JurorRegistered(OTHER, 2, 200),
        jury.JurorLeft(OTHER, 200),
    ]
    assert TrialLedger.of(events).jurors == {ME}
    assert TrialLedger.of([*events, jury.PlacesReduced(ME, 0, 20)]).jurors == {ME}
    assert TrialLedger.of([*events, jury.PlacesReduced(ME, 0, 0)]).jurors == set()
