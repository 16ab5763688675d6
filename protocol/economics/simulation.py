"""The same economy played out: nodes and verifiers of every kind, round by round, from a seed. Pure.

It shows what closed forms leave out: liars that compete for the same watch, verifiers that look away or accuse the
honest, and how far single fates lie from the expectation.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cupel.protocol.economics.payoffs import Lie, Watch, audit_finds
from cupel.protocol.economics.terms import Economy

HONEST: Final = "honest"


@dataclass(frozen=True, slots=True)
class Mix:
    """Who takes part."""

    honest_nodes: int
    liars: tuple[tuple[Lie, int], ...]
    """Kinds of liars, and how many of each."""
    watch: Watch
    """The honest verifiers."""
    lazy_verifiers: int = 0
    """They attest to everything and look at nothing."""
    colluding_verifiers: int = 0
    """They never challenge a liar, and each accuses one honest node a round, falsely."""


@dataclass(slots=True)
class Group:
    """What became of all of one kind."""

    name: str
    count: int
    slashed: int = 0
    income: float = 0.0

    @property
    def mean(self) -> float:
        """Income of one, over the whole task."""
        return self.income / self.count if self.count else 0.0


@dataclass(slots=True)
class _Node:
    lie: Lie | None
    group: Group
    finds: float = 0.0
    """Chance that one audit finds its lie."""
    open_pay: int = 0
    is_slashed: bool = False


@dataclass(slots=True)
class Outcome:
    """Incomes by kind; the burned money makes the sum less than what the bounty paid."""

    nodes: list[Group]
    verifiers: list[Group]
    burned: float = 0.0


def play(economy: Economy, mix: Mix, seed: int) -> Outcome:
    """One task from its first round to its last."""
    draw = random.Random(seed)
    nodes = _nodes(economy, mix)
    verifiers = {
        name: Group(name, count)
        for name, count in (
            (HONEST, mix.watch.verifiers),
            ("lazy", mix.lazy_verifiers),
            ("colluding", mix.colluding_verifiers),
        )
        if count
    }
    outcome = Outcome(list({id(node.group): node.group for node in nodes}.values()), list(verifiers.values()))
    for _ in range(economy.rounds):
        for node in nodes:
            if not node.is_slashed:
                _work(economy, node)
                _audit(economy, mix.watch, node, verifiers.get(HONEST), outcome, draw)
        if "colluding" in verifiers:
            _accuse(economy, mix, nodes, verifiers["colluding"], draw)
    for node in nodes:
        if not node.is_slashed:
            node.group.income += node.open_pay
    return outcome


def _nodes(economy: Economy, mix: Mix) -> list[_Node]:
    honest = Group(HONEST, mix.honest_nodes)
    nodes = [_Node(None, honest) for _ in range(mix.honest_nodes)]
    for lie, count in mix.liars:
        group = Group(lie.name, count)
        finds = audit_finds(economy.units, lie.false_units(economy), mix.watch.drawn, lie.detection)
        nodes += [_Node(lie, group, finds) for _ in range(count)]
    return nodes


def _work(economy: Economy, node: _Node) -> None:
    """Spend on a round; what passed its window is paid."""
    saved = 0.0 if node.lie is None else node.lie.saved(economy)
    node.group.income -= economy.work_cost - saved
    node.open_pay += 1
    if node.open_pay > economy.open_rounds:
        node.open_pay -= 1
        node.group.income += 1.0


def _audit(
    economy: Economy, watch: Watch, node: _Node, honest: Group | None, outcome: Outcome, draw: random.Random
) -> None:
    """Every honest verifier decides and looks; the first to find a lie proves it."""
    cost = economy.audit_cost(watch.drawn)
    found = False
    for _ in range(watch.verifiers):
        if draw.random() < watch.audit_rate:
            assert honest is not None
            honest.income -= cost
            found |= draw.random() < node.finds
    if not found:
        return
    assert node.lie is not None, "nothing is found where nothing is false"
    node.is_slashed = True
    node.group.slashed += 1
    node.group.income -= economy.stake
    node.open_pay = 0
    winner = node.group if node.lie.has_accomplice else honest
    assert winner is not None
    winner.income += economy.reward
    outcome.burned += economy.stake - economy.reward


def _accuse(
    economy: Economy, mix: Mix, nodes: Sequence[_Node], colluding: Group, draw: random.Random
) -> None:
    """False accusations: the judge finds nothing, and the bond goes to the accused."""
    honest = [node for node in nodes if node.lie is None]
    if honest:
        for _ in range(mix.colluding_verifiers):
            colluding.income -= economy.bond
            draw.choice(honest).group.income += economy.bond
