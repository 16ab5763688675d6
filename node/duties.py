"""What a node does next: a pure function of the chain's state, the clock and what the node holds.

The loop in `app` asks after every block, carries out the one duty it gets and asks again. A restarted node therefore
goes on where the chain says it stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.rounds import commit_deadline, given_up_at, round_at, round_start
from cupel.protocol.spec.task import TaskParams

# Seconds between turns: one node opens the round or posts the checkpoint, the next one steps in if it is silent.
TURN_SECONDS: Final = 2
# A version is posted so long before the round ends, or in the next one: what it is made of may depend on the round.
POST_MARGIN_SECONDS: Final = 3
# A claim touches a slot per batch, so it waits for several; the ring holds 64 unpaid ones.
CLAIM_BATCH: Final = 16


@dataclass(frozen=True, slots=True)
class Work:
    """One commitment of this node, by its place in the hub's ring."""

    sequence: int
    round: int
    time: int


@dataclass(frozen=True, slots=True)
class Membership:
    """What the hub says of this node."""

    first_round: int
    work: tuple[Work, ...]
    """Every commitment and posted checkpoint, in sequence order."""
    num_paid: int
    """Commitments already claimed, from the first."""
    lowest_challenged: int | None
    """Claims stop before this sequence."""
    exit_requested_at: int | None
    exited: bool
    slashed: bool


@dataclass(frozen=True, slots=True)
class View:
    """Everything the decision rests on."""

    params: TaskParams
    now: int
    """Timestamp of the newest block."""
    roster: tuple[str, ...]
    """Members that are not slashed, in address order."""
    account: str
    membership: Membership | None
    opened_rounds: frozenset[int]
    checkpoints: Mapping[int, bytes]
    """Posted digests that stand, by version."""
    newest_version: int
    """Newest canonical version this node holds; -1 if it may not be used, and another is to be had."""
    sound_version: int
    """Newest one that does not rest on a poster's word that can still be challenged; -1 if there is none."""
    attempted_round: int
    """Newest round this node began to work on, or -1."""
    credit: int
    blocked_version: int = -1
    """A version whose updates cannot be had at the moment; work goes on with an older one."""
    oldest_version: int = 0
    """Oldest canonical version this node holds."""
    attested_version: int | None = None
    """Newest version that rests on attested or final work alone; None if this node asks for no attestations."""
    is_settled: bool = False
    """Whether the newest version held is what stands for it on the chain, and nobody can challenge that any more."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before the next block."""


@dataclass(frozen=True, slots=True)
class Join:
    """Stake and reserve the pay of every remaining round."""

    quota: int


@dataclass(frozen=True, slots=True)
class OpenRound:
    """Fix the round's beacon."""

    round: int


@dataclass(frozen=True, slots=True)
class WorkRound:
    """Roll out, train, publish and commit."""

    round: int
    version: int


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Compute or fetch the next canonical version."""

    version: int


@dataclass(frozen=True, slots=True)
class PostCheckpoint:
    """Put the digest of a version on-chain."""

    version: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Claim the pay of finished commitments."""

    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RequestExit:
    """Start the stake's way home."""


@dataclass(frozen=True, slots=True)
class Exit:
    """Take the stake out."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Move all credit to the payout address."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing is left to do. `reason` is empty when all went well."""

    reason: str


Duty = (
    Wait
    | Join
    | OpenRound
    | WorkRound
    | Aggregate
    | PostCheckpoint
    | Claim
    | RequestExit
    | Exit
    | Withdraw
    | Stop
)


def next_duty(view: View) -> Duty:
    """The one thing to do now."""
    membership = view.membership
    if membership is None:
        return join(view.params, view.now)
    if membership.slashed:
        return Stop("slashed")
    if not membership.exited:
        duty = _training(view, membership) or _money(view, membership)
        return duty if duty is not None else Wait()
    return Withdraw() if view.credit else Stop("")


def turn(view: View, subject: int, salt: str) -> int:
    """This node's place in the queue for a task that one node does for all: 0 acts at once."""

    def rank(account: str) -> bytes:
        return keccak256(words(account, subject) + salt.encode("ascii"))

    return sorted(view.roster, key=rank).index(view.account)


def join(params: TaskParams, now: int) -> Join | Stop:
    """What who is no member yet does: rounds that have begun are not joined."""
    first = 0 if now < params.start else (now - params.start) // params.round_seconds + 1
    remaining = params.rounds - first
    if remaining <= 0:
        return Stop("the task has no round left to join")
    return Join(remaining * params.units_per_round)


def _training(view: View, membership: Membership) -> Duty | None:
    """Rounds and versions, the newest needs first."""
    if membership.exit_requested_at is not None and (
        view.newest_version >= view.params.rounds or _is_too_late(view)
    ):
        return None
    if view.newest_version < 0:
        return None if view.blocked_version == 0 else Aggregate(0)
    ended = min(view.params.rounds, max(0, (view.now - view.params.start) // view.params.round_seconds))
    if view.newest_version < ended and view.newest_version + 1 != view.blocked_version:
        return Aggregate(view.newest_version + 1)
    return _post(view, membership) or _work(view, membership)


def _post(view: View, membership: Membership) -> Duty | None:
    version = max(view.oldest_version, max(view.checkpoints, default=0) + 1)
    if version > view.sound_version or membership.exit_requested_at is not None:
        return None
    # Versions that had to wait come in a later round than their own, and one after the other.
    since = (view.now - round_start(view.params, version)) % view.params.round_seconds
    if since >= view.params.round_seconds - POST_MARGIN_SECONDS:
        return None
    return PostCheckpoint(version) if since >= turn(view, version, "checkpoint") * TURN_SECONDS else None


def _work(view: View, membership: Membership) -> Duty | None:
    current = round_at(view.params, view.now)
    if current is None or current < membership.first_round or current <= view.attempted_round:
        return None
    if view.now >= commit_deadline(view.params, current) or membership.exit_requested_at is not None:
        return None
    if current not in view.opened_rounds:
        waited = view.now - round_start(view.params, current)
        return OpenRound(current) if waited >= turn(view, current, "round") * TURN_SECONDS else Wait()
    attested = view.attested_version
    version = view.sound_version if attested is None else min(attested, view.sound_version)
    if version < current - view.params.max_staleness:
        return Wait()
    return WorkRound(current, version)


def _money(view: View, membership: Membership) -> Duty | None:
    params = view.params
    final = _claimable(view, membership)
    has_last = view.newest_version >= params.rounds and view.now >= round_start(params, params.rounds)
    over = has_last or _is_too_late(view)
    if len(final) >= CLAIM_BATCH or (
        final and over and len(final) == len(membership.work) - membership.num_paid
    ):
        return Claim(final)
    if not over:
        return None
    if membership.exit_requested_at is None:
        # A leaving node commits to nothing any more, and the last version is posted again if its poster is slashed.
        # After the last round the stake comes home no sooner for being asked for early.
        return RequestExit() if view.is_settled or _is_too_late(view) else None
    quiet_since = min(membership.exit_requested_at, round_start(params, params.rounds))
    exit_at = quiet_since + params.challenge_window + params.dispute_seconds + params.exit_margin
    settled = membership.num_paid == len(membership.work) and membership.lowest_challenged is None
    return Exit() if settled and view.now >= exit_at else None


def _is_too_late(view: View) -> bool:
    """Whether to go, whatever stands for the last version: nobody can lose a stake over any round any more, and there
    was another in which to make every version that had been given up."""
    params = view.params
    return view.now >= given_up_at(params, params.rounds - 1) + params.round_seconds


def _claimable(view: View, membership: Membership) -> tuple[int, ...]:
    sequences = []
    for work in membership.work[membership.num_paid :]:
        challenged = membership.lowest_challenged
        if view.now < work.time + view.params.challenge_window:
            break
        if challenged is not None and work.sequence >= challenged:
            break
        sequences.append(work.sequence)
    return tuple(sequences)
