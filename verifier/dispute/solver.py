"""What to do about lies, trials and money: a pure function of what the chain says and what we found ourselves.

The loop in `app` asks after every block and carries out what it gets, so a restarted verifier goes on where the chain
says it stopped. One honest verifier suffices: nothing here waits for another verifier past the last moment at which
our own move still counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.task import TaskParams
from cupel.verifier.dispute.trial import JuryRules, Trial
from cupel.verifier.evidence import Accusation

# A move anyone may make is the challenger's first; the others step in this much later, instead of paying for the
# same transaction at the same time.
TURN_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class Dispute:
    """A challenge of this task, by whomever."""

    challenge_id: int
    node: str
    sequence: int
    challenger: str
    time: int
    pending: bool
    is_demand: bool = False
    """Whether it only asks for data: it accuses of nothing, and leaves room for an accusation."""
    dismissed: bool = False
    """Whether its judge said nothing: of a jury, nobody voted."""


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote of ours, on disk before its hash is on-chain."""

    guilty: bool
    salt: bytes
    """32 bytes."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything the decisions rest on."""

    account: str
    params: TaskParams
    now: int
    """Timestamp of the newest block."""
    block_number: int
    margin_seconds: int
    """How long before a deadline a transaction must be sent to be in time: a few blocks."""
    slashed: frozenset[str]
    accusations: tuple[Accusation, ...]
    """What our own checks found."""
    disputes: tuple[Dispute, ...]
    jury: JuryRules | None
    """None if the task has no jury, and so no trials."""
    trials: tuple[Trial, ...]
    verdicts: Mapping[int, bool]
    """By challenge: whether our own recomputation confirms it. Absent while it runs."""
    votes: Mapping[tuple[int, int], Vote]
    """Votes on our disk, by challenge and round."""
    funds: int
    """Our tokens for appeal bonds."""
    is_juror: bool
    """Whether the jury pool holds our stake."""
    finished: bool
    """Whether the task is over and nothing of it can be challenged any more."""
    credit: int
    jury_credit: int
    """Appeal bonds that came back to us."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Put down a bond and accuse."""

    accusation: Accusation


@dataclass(frozen=True, slots=True)
class Summon:
    """Draw the jury of a trial."""

    challenge_id: int


@dataclass(frozen=True, slots=True)
class CommitVote:
    """Commit to a vote; the salt is made and stored first, unless a stored vote waits."""

    challenge_id: int
    round: int
    guilty: bool


@dataclass(frozen=True, slots=True)
class RevealVote:
    """Show a committed vote."""

    challenge_id: int
    vote: Vote


@dataclass(frozen=True, slots=True)
class Appeal:
    """Put down a bond and take the result so far to a larger jury."""

    challenge_id: int
    round: int
    """The one that this starts."""
    bond: int


@dataclass(frozen=True, slots=True)
class CloseTrial:
    """Count the votes."""

    challenge_id: int


@dataclass(frozen=True, slots=True)
class Expire:
    """End a challenge of ours that no judge will decide, and get the bond back."""

    challenge_id: int


@dataclass(frozen=True, slots=True)
class LeaveJury:
    """Take our stake out of the jury pool."""


@dataclass(frozen=True, slots=True)
class WithdrawBonds:
    """Move appeal bonds that came back to our account."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Move our credit to our account."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing is left to do."""


Action = (
    Challenge
    | Summon
    | CommitVote
    | RevealVote
    | Appeal
    | CloseTrial
    | Expire
    | LeaveJury
    | WithdrawBonds
    | Withdraw
    | Stop
)


def decide(view: View) -> tuple[Action, ...]:
    """Everything to do now, the most urgent first."""
    open_trials = [trial for trial in view.trials if not trial.closed]
    actions: list[Action] = [action for trial in open_trials for action in _vote(view, trial)]
    actions += (action for trial in open_trials for action in _steer(view, trial))
    ordered = sorted(view.accusations, key=lambda accusation: accusation.commitment.time)
    # One new challenge at a time: it may be decided at once, and make the others needless.
    actions += [Challenge(accusation) for accusation in ordered if _is_due(view, accusation)][:1]
    actions += _recover(view)
    return tuple(actions or _leave(view))


def _vote(view: View, trial: Trial) -> Iterator[Action]:
    """Our duty as a juror."""
    current, place = trial.round, (trial.challenge_id, trial.number)
    if view.account not in (current.seats or ()):
        return
    vote = view.votes.get(place)
    if view.account in current.committed:
        if vote is not None and view.account not in current.votes and current.may_reveal(view.now):
            yield RevealVote(trial.challenge_id, vote)
        return
    if view.now >= current.commit_deadline:
        return
    guilty = view.verdicts.get(trial.challenge_id) if vote is None else vote.guilty
    if guilty is None and current.commit_deadline - view.now <= view.margin_seconds:
        # Silence costs a penalty, and what we could not confirm ourselves is not proven.
        guilty = False
    if guilty is not None:
        yield CommitVote(*place, guilty)


def _steer(view: View, trial: Trial) -> Iterator[Action]:
    """Moves that anyone may make to bring a trial forward; first who asked for its jury, then the others."""
    assert view.jury is not None, "trials are of a jury"
    dispute = next((one for one in view.disputes if one.challenge_id == trial.challenge_id), None)
    ours = dispute is not None and dispute.challenger == view.account
    current, closable = trial.round, trial.closable(view.jury)
    involved = ours or trial.binds(view.account)
    moot = dispute is not None and not dispute.pending
    if moot or view.now >= closable:
        # A stake or a bond is held by its trial, and everyone's stake by a jury that nobody drew.
        held = involved or (view.is_juror and current.seats is None)
        if ours or (held and view.now >= closable + TURN_SECONDS):
            yield CloseTrial(trial.challenge_id)
    elif view.now >= current.end:
        yield from _appeal(view, view.jury, trial, ours)
    elif current.seats is None and view.block_number > current.draw_block:
        leads = ours if current.appellant is None else current.appellant == view.account
        waited = view.now >= current.commit_deadline - view.jury.commit_seconds + TURN_SECONDS
        if leads or ((involved or view.is_juror) and waited):
            yield Summon(trial.challenge_id)


def _appeal(view: View, jury: JuryRules, trial: Trial, ours: bool) -> Iterator[Action]:
    """A larger jury, where the last one let a liar go or blamed an honest node, and we know better.

    A dismissal leaves the accused as well off as an acquittal. Who accused is sure of its charge.
    """
    guilty = True if ours else view.verdicts.get(trial.challenge_id)
    bond = trial.appeal_bond(jury)
    if guilty is None or guilty == (trial.guilty is True) or bond is None or view.funds < bond:
        return
    # One appeal is enough: the challenger's own comes first.
    turn = min(TURN_SECONDS, jury.appeal_seconds // 2)
    if ours or view.now >= trial.round.end + turn:
        yield Appeal(trial.challenge_id, trial.number + 1, bond)


def _is_due(view: View, accusation: Accusation) -> bool:
    """Whether to challenge now."""
    params, node = view.params, accusation.node
    deadline = accusation.commitment.time + params.challenge_window
    if view.now >= deadline or node in view.slashed:
        return False
    against_node = [dispute for dispute in view.disputes if dispute.node == node and not dispute.is_demand]
    if any(
        dispute.challenger == view.account
        and dispute.sequence == accusation.commitment.sequence
        and not dispute.dismissed
        for dispute in against_node
    ):
        # We have had our say; losing it twice would only feed the accused. A jury that was too busy to vote has said
        # nothing, and the bond is back: while the window lasts, another one is asked.
        return False
    if not any(dispute.pending for dispute in against_node):
        return True
    # Somebody's challenge against the node is pending: if it wins, the whole stake is lost, and ours would be a bond
    # locked for nothing. But it may be an accomplice's, made to fail after our window closes. So we wait only as long
    # as our own challenge is still in time, and then make it: bonds of challenges that come second go back.
    return deadline - view.now <= max(params.challenge_window // 4, view.margin_seconds)


def _recover(view: View) -> Iterator[Action]:
    """Bonds that lie in challenges nobody will decide."""
    for dispute in view.disputes:
        if not dispute.pending or dispute.challenger != view.account:
            continue
        if dispute.node in view.slashed or view.now >= dispute.time + view.params.dispute_seconds:
            yield Expire(dispute.challenge_id)


def _leave(view: View) -> Iterator[Action]:
    """The end: money home, then stop."""
    undecided = any(
        dispute.pending and view.now < dispute.time + view.params.dispute_seconds for dispute in view.disputes
    )
    if not view.finished or undecided:
        return
    open_trials = [trial for trial in view.trials if not trial.closed]
    held = any(trial.round.seats is None or trial.binds(view.account) for trial in open_trials)
    if view.is_juror:
        if not held:
            yield LeaveJury()
    elif view.jury_credit:
        yield WithdrawBonds()
    elif view.credit:
        yield Withdraw()
    else:
        yield Stop()
