"""What goes wrong in a run, drawn from its seed. Pure: the seed says all."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

ROUND_SECONDS: Final = 90
COMMIT_SECONDS: Final = 75
WINDOW_SECONDS: Final = 225
BLOCK_SECONDS: Final = 2
ROUNDS: Final = 3
LEAD_SECONDS: Final = 60
"""From the beginning of the simulation to round 0, at least."""
LIES: Final = (
    "wrong-problem",
    "chosen-seed",
    "inflated-reward",
    "one-false-reward",
    "malformed-proof",
    "inflated-units",
    "surplus-leaves",
    "false-root",
    "garbage-rollouts",
    "written-answers",
    "replayed-round",
    "future-policy",
    "false-checkpoint",
    "withheld-rollouts",
)
"""Strategies of `cupel demo --attack` whose fate is to be slashed, for each way there: the chain's rules, the jury,
data that is not shown."""


@dataclass(frozen=True, slots=True)
class Link:
    """Every link of the run."""

    latency_seconds: float
    loss: float
    bytes_per_second: float


@dataclass(frozen=True, slots=True)
class Partition:
    """Some are cut off from the others for a while; seconds of the simulation."""

    begins: float
    ends: float
    inside: frozenset[str]

    def parts(self, one: str, other: str) -> bool:
        """Whether it is between the two."""
        return (one in self.inside) != (other in self.inside)


@dataclass(frozen=True, slots=True)
class Outage:
    """A process's way to the chain fails for a while; an empty name means everybody's."""

    begins: float
    ends: float
    name: str

    def concerns(self, name: str) -> bool:
        """Whether it is this process's."""
        return self.name in ("", name)


@dataclass(frozen=True, slots=True)
class Kill:
    """A process dies, and comes back later with what its disk holds."""

    at: float
    down_seconds: float
    name: str


@dataclass(frozen=True, slots=True)
class Reorganisation:
    """The newest blocks are replaced by others."""

    at: float
    depth: int
    keeps: float
    """Share of their transactions that are in the new blocks' pool."""


@dataclass(frozen=True, slots=True)
class RpcFaults:
    """What every request to the chain suffers."""

    latency_seconds: float
    limited: float
    lost: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run."""

    seed: int
    honest: int
    lies: tuple[str, ...]
    verifiers: int
    rounds: int
    link: Link
    faults: RpcFaults
    work_seconds: float
    """What a round's sampling and training take a node, each."""
    partitions: tuple[Partition, ...]
    outages: tuple[Outage, ...]
    kills: tuple[Kill, ...]
    reorganisations: tuple[Reorganisation, ...]
    block_seconds: float = BLOCK_SECONDS

    @property
    def nodes(self) -> tuple[str, ...]:
        """Honest ones first."""
        return tuple(f"node-{number}" for number in range(1, self.honest + len(self.lies) + 1))

    @property
    def honest_nodes(self) -> tuple[str, ...]:
        """Those that lie are the last."""
        return self.nodes[: self.honest]

    @property
    def liars(self) -> dict[str, str]:
        """Each with its way."""
        return dict(zip(self.nodes[self.honest :], self.lies, strict=True))

    @property
    def verifier_names(self) -> tuple[str, ...]:
        """All honest."""
        return tuple(f"verifier-{number}" for number in range(1, self.verifiers + 1))

    def absences(self, name: str) -> list[tuple[float, float]]:
        """When a process is dead, or hears nothing of the chain."""
        spans = [(out.begins, out.ends) for out in self.outages if out.concerns(name)]
        return spans + [(kill.at, kill.at + kill.down_seconds) for kill in self.kills if kill.name == name]

    def disturbed(self, name: str, begins: float, ends: float) -> bool:
        """Whether anything but slow links and slow answers touched a process in this time."""
        spans = [(cut.begins, cut.ends) for cut in self.partitions]
        spans += [(out.begins, out.ends) for out in self.outages if out.concerns(name)]
        spans += [(kill.at, kill.at + kill.down_seconds) for kill in self.kills]
        spans += [(one.at, one.at) for one in self.reorganisations]
        return any(first <= ends and begins <= last for first, last in spans)


def draw_scenario(seed: int) -> Scenario:
    """The run of a seed: two or three honest nodes, up to two liars, and every kind of trouble in some dose."""
    draw = random.Random(f"cupel chaos {seed}")
    honest, lies = draw.choice((2, 2, 3)), tuple(draw.sample(LIES, draw.choice((0, 1, 1, 2))))
    verifiers = 2  # who challenges does not vote, so a jury takes another
    length = LEAD_SECONDS + ROUNDS * ROUND_SECONDS
    nodes = [f"node-{number}" for number in range(1, honest + 1)]
    watchers = [f"verifier-{number}" for number in range(1, verifiers + 1)]

    def spell(longest: float) -> tuple[float, float]:
        begins = draw.uniform(LEAD_SECONDS, length)
        return begins, begins + draw.uniform(2.0, longest)

    return Scenario(
        seed=seed,
        honest=honest,
        lies=lies,
        verifiers=verifiers,
        rounds=ROUNDS,
        link=Link(draw.uniform(0.005, 0.15), draw.uniform(0, 0.08), 10 ** draw.uniform(5.5, 7)),
        faults=RpcFaults(draw.uniform(0.005, 0.05), draw.choice((0, 0, 0.01)), draw.choice((0, 0, 0.01))),
        work_seconds=draw.uniform(0.3, 2.5),
        partitions=tuple(
            Partition(*spell(50), frozenset(draw.sample([*nodes, *watchers], draw.randint(1, 2))))
            for _ in range(draw.choice((0, 1, 2)))
        ),
        outages=tuple(
            Outage(*spell(40), draw.choice(["", *nodes, *watchers])) for _ in range(draw.choice((0, 1, 2)))
        ),
        kills=tuple(
            Kill(draw.uniform(LEAD_SECONDS, length), draw.uniform(0.5, 40), draw.choice([*nodes, *watchers]))
            for _ in range(draw.randint(0, 4))
        ),
        reorganisations=tuple(
            Reorganisation(
                draw.uniform(LEAD_SECONDS, length), draw.randint(1, 6), draw.choice((0.0, 0.5, 1.0))
            )
            for _ in range(draw.choice((0, 1, 1, 2)))
        ),
    )


def draw_survivor(seed: int) -> Scenario:
    """One honest node, down while version 1 is posted: it takes that of a node whose later lie costs its stake."""
    draw = random.Random(f"cupel survivor {seed}")
    ends = LEAD_SECONDS + ROUND_SECONDS
    return Scenario(
        seed=seed,
        honest=1,
        lies=("replayed-round",),
        verifiers=2,
        rounds=ROUNDS,
        link=Link(0.02, 0.0, 1e7),
        faults=RpcFaults(0.005, 0, 0),
        work_seconds=draw.uniform(0.3, 1.0),
        partitions=(),
        outages=(),
        kills=(Kill(ends - draw.uniform(2, 8), draw.uniform(14, 16), "node-1"),),
        reorganisations=(),
    )


DAY_ROUND_SECONDS: Final = 900
DAY_ROUNDS: Final = 96
"""Of a quarter of an hour each: 24 hours."""


def draw_day(seed: int) -> Scenario:
    """24 hours of two nodes and two verifiers with as much trouble as a bad day has, spread over it."""
    draw = random.Random(f"cupel day {seed}")
    length, everybody = DAY_ROUNDS * DAY_ROUND_SECONDS, ["node-1", "node-2", "verifier-1", "verifier-2"]

    def spell(longest: float) -> tuple[float, float]:
        begins = draw.uniform(LEAD_SECONDS, length)
        return begins, begins + draw.uniform(10.0, longest)

    return Scenario(
        seed=seed,
        honest=2,
        lies=(),
        verifiers=2,
        rounds=DAY_ROUNDS,
        link=Link(0.08, 0.01, 1e6),
        faults=RpcFaults(0.05, 0.002, 0.002),
        work_seconds=20.0,
        partitions=tuple(Partition(*spell(600), frozenset({draw.choice(everybody)})) for _ in range(6)),
        outages=tuple(Outage(*spell(600), draw.choice(["", *everybody])) for _ in range(6)),
        kills=tuple(
            Kill(draw.uniform(LEAD_SECONDS, length), draw.uniform(1, 600), draw.choice(everybody))
            for _ in range(24)
        ),
        reorganisations=tuple(
            Reorganisation(draw.uniform(LEAD_SECONDS, length), draw.randint(1, 3), draw.choice((0.0, 1.0)))
            for _ in range(8)
        ),
        block_seconds=12.0,
    )
