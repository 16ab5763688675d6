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


@dataclass(frozen=True, slots=True)
class Trial:
    """A challenge before the jury, of whatever task."""

    challenge_id: int
    draw_block: int
    commit_deadline: int
    reveal_deadline: int
    jurors: tuple[str, ...] | None = None
    """None until the jury is summoned."""
    committed: frozenset[str] = frozenset()
    revealed: frozenset[str] = frozenset()
    closed: bool = False

    def may_reveal(self, now: int) -> bool:
        """Whether votes can be revealed."""
        if self.jurors is None or now >= self.reveal_deadline:
            return False
        return now >= self.commit_deadline or len(self.committed) == len(self.jurors)

    def is_over(self, now: int) -> bool:
        """Whether no further vote can be revealed."""
        if self.jurors is None:
            return now >= self.commit_deadline
        if len(self.revealed) == len(self.jurors) or now >= self.reveal_deadline:
            return True
        return now >= self.commit_deadline and self.revealed == self.committed


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
    trials: tuple[Trial, ...]
    verdicts: Mapping[int, bool]
    """By challenge: whether our own recomputation confirms it. Absent while it runs."""
    votes: Mapping[int, Vote]
    """Votes on our disk, by challenge."""
    is_juror: bool
    """Whether the jury pool holds our stake."""
    finished: bool
    """Whether the task is over and nothing of it can be challenged any more."""
    credit: int


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
    guilty: bool


@dataclass(frozen=True, slots=True)
class RevealVote:
    """Show a committed vote."""

    challenge_id: int
    vote: Vote


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
class Withdraw:
    """Move our credit to our account."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing is left to do."""


Action = Challenge | Summon | CommitVote | RevealVote | CloseTrial | Expire | LeaveJury | Withdraw | Stop


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
    if trial.jurors is None or view.account not in trial.jurors:
        return
    vote = view.votes.get(trial.challenge_id)
    if view.account in trial.committed:
        if vote is not None and view.account not in trial.revealed and trial.may_reveal(view.now):
            yield RevealVote(trial.challenge_id, vote)
        return
    if view.now >= trial.commit_deadline:
        return
    guilty = view.verdicts.get(trial.challenge_id) if vote is None else vote.guilty
    if guilty is None and trial.commit_deadline - view.now <= view.margin_seconds:
        # Silence costs a penalty, and what we could not confirm ourselves is not proven.
        guilty = False
    if guilty is not None:
        yield CommitVote(trial.challenge_id, guilty)


def _steer(view: View, trial: Trial) -> Iterator[Action]:
    """Moves that anyone may make to bring a trial forward; the challenger first, then the other participants."""
    dispute = next((one for one in view.disputes if one.challenge_id == trial.challenge_id), None)
    ours = dispute is not None and dispute.challenger == view.account
    if trial.jurors is None and view.now < trial.commit_deadline:
        waited = dispute is None or view.now >= dispute.time + TURN_SECONDS
        if view.block_number > trial.draw_block and (ours or (view.is_juror and waited)):
            yield Summon(trial.challenge_id)
        return
    moot = dispute is not None and not dispute.pending
    if not (moot or trial.is_over(view.now)):
        return
    # A juror's stake is held by its trial, and everyone's by a jury that nobody drew.
    held = view.is_juror if trial.jurors is None else view.account in trial.jurors
    last_move = trial.commit_deadline if trial.jurors is None else trial.reveal_deadline
    if ours or (held and view.now >= last_move + TURN_SECONDS):
        yield CloseTrial(trial.challenge_id)


def _is_due(view: View, accusation: Accusation) -> bool:
    """Whether to challenge now."""
    params, node = view.params, accusation.node
    deadline = accusation.commitment.time + params.challenge_window
    if view.now >= deadline or node in view.slashed:
        return False
    against_node = [dispute for dispute in view.disputes if dispute.node == node and not dispute.is_demand]
    if any(
        dispute.challenger == view.account and dispute.sequence == accusation.commitment.sequence
        for dispute in against_node
    ):
        # We have had our say; losing it twice would only feed the accused.
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
    serving = any(
        trial.jurors is None or view.account in trial.jurors for trial in view.trials if not trial.closed
    )
    if view.is_juror:
        if not serving:
            yield LeaveJury()
    elif view.credit:
        yield Withdraw()
    else:
        yield Stop()
