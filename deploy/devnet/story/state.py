"""What is known of a demo at one moment; `reducer.reduce` makes the next one. The screen and the report read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final


def _nothing() -> Mapping[Any, Any]:
    """A mapping without items, as a default."""
    return MappingProxyType({})


class Lie(StrEnum):
    """How a lying node of the demo lies."""

    PERTURBED_MODEL = "perturbed-model"
    INFLATED_REWARD = "inflated-reward"


class Status(StrEnum):
    """Where a process is in its life."""

    STARTING = "starting"
    READY = "ready"
    WORKING = "working"
    SETTLING = "settling"
    DONE = "done"
    SLASHED = "slashed"
    KILLED = "killed"
    FAILED = "failed"


ENDED: Final = frozenset({Status.DONE, Status.SLASHED, Status.KILLED, Status.FAILED})
"""A process in one of these does nothing any more."""


class StageStatus(StrEnum):
    """Where a stage of the demo is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Stage:
    """One phase of the whole demo."""

    key: str
    title: str
    status: StageStatus = StageStatus.WAITING
    progress: int = 0
    """Thousandths."""
    detail: str = ""
    started_ms: int = 0
    ended_ms: int = 0


STAGES: Final = (
    Stage("tools", "Tools and contracts present"),
    Stage("chain", "Chain started"),
    Stage("contracts", "Contracts deployed"),
    Stage("wallets", "Wallets funded"),
    Stage("policy", "Policy pre-trained"),
    Stage("processes", "Nodes and verifiers up"),
    Stage("task", "Task created, bounty escrowed"),
    Stage("rounds", "Rounds"),
    Stage("settlement", "Disputes, claims, withdrawals"),
    Stage("verdict", "Checked against the chain"),
)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Bytes a process moved over the network since it started."""

    bytes_in: int = 0
    bytes_out: int = 0
    peers: int = 0


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node. Amounts in the token's smallest unit, rewards and losses in millionths by round."""

    name: str
    account: str
    lie: str | None = None
    """Name of its attack."""
    status: Status = Status.STARTING
    phase: str = ""
    round: int = -1
    progress: int = 0
    """Thousandths of the phase."""
    detail: str = ""
    stake: int = 0
    units: int = 0
    rewards: Mapping[int, int] = field(default_factory=_nothing)
    losses: Mapping[int, int] = field(default_factory=_nothing)
    missed: tuple[int, ...] = ()
    versions: Mapping[int, str] = field(default_factory=_nothing)
    """Canonical digest by version, as this node computed it."""
    claimed: int = 0
    withdrawn: int = 0
    transfer: Transfer = Transfer()
    exit_code: int | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class VerifierState:
    """A verifier."""

    name: str
    account: str
    status: Status = Status.STARTING
    checking: str = ""
    """Name of the node it looks at now."""
    passed: Mapping[str, int] = field(default_factory=_nothing)
    """Checks passed, by check name."""
    failed: Mapping[str, int] = field(default_factory=_nothing)
    withdrawn: int = 0
    transfer: Transfer = Transfer()
    exit_code: int | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Accusation:
    """Why a verifier found a commitment false."""

    verifier: str
    node: str
    round: int
    sequence: int
    check: str
    reason: str
    detail: str
    observed: str
    allowed: str


@dataclass(frozen=True, slots=True)
class ChallengeState:
    """A challenge, as its challenger and the verifiers tell it."""

    challenge_id: int
    challenger: str
    node: str
    sequence: int
    judge: str
    reason: str
    opened_ms: int
    votes: tuple[tuple[str, bool], ...] = ()
    guilty: bool | None = None
    resolved_ms: int = 0


@dataclass(frozen=True, slots=True)
class ChainView:
    """The chain at its newest block: what the hub holds and what was burned."""

    block: int = 0
    timestamp: int = 0
    bounty: int = 0
    stakes: int = 0
    bonds: int = 0
    credits: int = 0
    hub_balance: int = 0
    burned: int = 0
    seen_ms: int = 0


@dataclass(frozen=True, slots=True)
class TaskView:
    """The task everyone works on."""

    task_id: str = ""
    start: int = 0
    rounds: int = 0
    round_seconds: int = 0
    bounty: int = 0


@dataclass(frozen=True, slots=True)
class TransactionNote:
    """A transaction that a process reported."""

    source: str
    action: str
    hash: str
    gas: int


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line worth a person's eye. `tone` is info, good or bad."""

    time_ms: int
    source: str
    text: str
    tone: str = "info"


@dataclass(frozen=True, slots=True)
class DemoState:
    """Everything the demo knows. Nodes and verifiers are keyed by process name."""

    started_ms: int
    nodes: Mapping[str, NodeState]
    verifiers: Mapping[str, VerifierState]
    stages: tuple[Stage, ...] = STAGES
    task: TaskView = TaskView()
    chain: ChainView = ChainView()
    challenges: Mapping[int, ChallengeState] = field(default_factory=_nothing)
    accusations: tuple[Accusation, ...] = ()
    transactions: tuple[TransactionNote, ...] = ()
    log: tuple[LogLine, ...] = ()
    exits: Mapping[str, int] = field(default_factory=_nothing)
    """Exit codes of the processes that ended, by name; negative for a signal."""
    now_ms: int = 0

    @property
    def participants(self) -> Mapping[str, NodeState | VerifierState]:
        """Nodes, then verifiers."""
        everyone: dict[str, NodeState | VerifierState] = {**self.nodes}
        everyone.update(self.verifiers)
        return everyone

    def name_of(self, account: str) -> str:
        """Process name behind an account; the account, shortened, if it is none of ours."""
        for participant in self.participants.values():
            if participant.account.lower() == account.lower():
                return participant.name
        return account[:8] + "..." if account.startswith("0x") else account

    @property
    def honest(self) -> tuple[NodeState, ...]:
        """The nodes that follow the protocol, killed ones included."""
        return tuple(node for node in self.nodes.values() if node.lie is None)

    @property
    def liars(self) -> tuple[NodeState, ...]:
        """The nodes that lie."""
        return tuple(node for node in self.nodes.values() if node.lie is not None)

    def stage(self, key: str) -> Stage:
        """A stage by key."""
        return next(stage for stage in self.stages if stage.key == key)

    @property
    def honest_reward(self) -> Mapping[int, int]:
        """Mean reward of the honest nodes by round, in millionths (rounded down)."""
        by_round: dict[int, list[int]] = {}
        for node in self.honest:
            for round_index, reward in node.rewards.items():
                by_round.setdefault(round_index, []).append(reward)
        return {index: sum(values) // len(values) for index, values in sorted(by_round.items())}
