"""What became of every attacker of a run: which check, which judge, what it cost. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cupel.devnet.attacks.base import Fate
from cupel.devnet.attacks.catalogue import strategies
from cupel.devnet.attacks.verifiers import VERIFIERS
from cupel.devnet.facts import ChainFacts, Slash
from cupel.devnet.story.state import DemoState, NodeState
from cupel.devnet.verdict import (
    Check,
    digests_equal,
    honest_paid,
    honest_unslashed,
    hub_solvent,
    processes_finished,
)

_HEAD: Final = (
    "attack",
    "what it does",
    "expected",
    "found",
    "check",
    "judge",
    "gas",
    "seconds",
    "paid units",
)

PAID: Final = "paid"
"""A false submission that nobody stopped."""
IDLE: Final = "committed nothing"
"""Nothing was shown: on a busy machine its rounds were over before its work was done."""


@dataclass(frozen=True, slots=True)
class Row:
    """One attack and its end."""

    attack: str
    title: str
    expected: str
    """As its strategy says."""
    found: str
    """As the chain says; `paid` for a false submission that nobody stopped."""
    check: str
    """The verifier's check and its reason code; empty if none spoke."""
    judge: str
    gas: int
    """Of the challenge and of the call that resolved it, by whomever."""
    seconds: int
    """On the chain's clock, from the commitment to the slash; -1 if there was none."""
    paid_units: int

    @property
    def as_expected(self) -> bool:
        """Whether what became of it is what its strategy says, or better."""
        return self.found == self.expected or self.found == Fate.SLASHED


def rows_of(facts: ChainFacts, state: DemoState, verifier_lies: dict[str, str]) -> tuple[Row, ...]:
    """Every attacker of a finished run."""
    nodes = [_node_row(facts, state, node) for node in state.liars]
    return (*nodes, *(_verifier_row(facts, state, name, lie) for name, lie in verifier_lies.items()))


def judge_attacks(facts: ChainFacts, state: DemoState, verifier_lies: dict[str, str]) -> tuple[Check, ...]:
    """The promises of a run of attacks: no attacker fares better than its strategy says, and nobody honest worse."""
    rows = rows_of(facts, state, verifier_lies)
    told = ", ".join(f"{row.attack}: {row.found}" for row in rows)
    wanted = ", ".join(f"{row.attack}: {row.expected}" for row in rows)
    spared = {node.name for node in state.liars if facts.slash_of(node.account) is None}
    passed = bool(rows) and all(row.as_expected for row in rows)
    return (
        Check("attackers-stopped", "Every attacker met its fate", passed, told, wanted),
        honest_paid(facts, state),
        honest_unslashed(facts, state),
        digests_equal(facts, state),
        hub_solvent(facts),
        processes_finished(state, spared),
    )


def as_json(row: Row) -> dict[str, Any]:
    """A row as plain values."""
    return {**dataclasses.asdict(row), "as_expected": row.as_expected}


def row_of_json(document: dict[str, Any]) -> Row:
    """Inverse of `as_json`."""
    return Row(**{field.name: document[field.name] for field in dataclasses.fields(Row)})


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    return "\n".join(table(_HEAD, map(_cells, rows))) + "\n"


def table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> list[str]:
    """Lines of a Markdown table."""
    return ["| " + " | ".join(cells) + " |" for cells in (head, ("---",) * len(head), *lines)]


def _cells(row: Row) -> tuple[str, ...]:
    seconds = "" if row.seconds < 0 else str(row.seconds)
    gas = f"{row.gas:,}" if row.gas else ""
    found = row.found if row.as_expected else f"**{row.found}**"
    told = (row.attack, row.title, row.expected, found, row.check, row.judge, gas, seconds)
    return (*told, str(row.paid_units))


def _node_row(facts: ChainFacts, state: DemoState, node: NodeState) -> Row:
    strategy = strategies()[node.lie or ""]
    slash = facts.slash_of(node.account)
    paid = sum(claim.units for claim in facts.claims if claim.node == node.account)
    if slash is not None:
        return _slashed_row(facts, state, node, slash, paid)
    # Where the strategy's lie is beside its work, the work is honest and paid as such.
    found = strategy.fate.value if strategy.fate is not Fate.SLASHED else PAID
    if not facts.units_of(node.account):
        found = IDLE
    elif not paid:
        found = Fate.REFUSED.value
    return Row(strategy.name, strategy.title, strategy.fate.value, found, "", "", 0, -1, paid)


def _slashed_row(facts: ChainFacts, state: DemoState, node: NodeState, slash: Slash, paid: int) -> Row:
    strategy, challenge = strategies()[node.lie or ""], facts.challenge(slash.challenge_id)
    assert challenge is not None, "a slash follows a challenge"
    accused = [
        one
        for one in state.accusations
        if (one.node, one.sequence) == (node.name, challenge.sequence)
        and state.participants[one.verifier].account == challenge.challenger
    ]
    check = f"{accused[0].check}: {accused[0].reason}" if accused else challenge.accusation
    # A false checkpoint has no units; its time is the challenge's.
    times = [
        work.time for work in facts.work if (work.node, work.sequence) == (node.account, challenge.sequence)
    ]
    costly = {challenge.transaction, slash.transaction}
    gas = sum({use.transaction: use.gas for use in facts.gas if use.transaction in costly}.values())
    seconds = slash.time - min(times, default=challenge.time)
    expected, found = strategy.fate.value, Fate.SLASHED.value
    return Row(strategy.name, strategy.title, expected, found, check, challenge.judge, gas, seconds, paid)


def _verifier_row(facts: ChainFacts, state: DemoState, name: str, lie: str) -> Row:
    account = state.verifiers[name].account
    honest = {node.account for node in state.honest}
    brought = [one for one in facts.challenges if one.challenger == account and one.node in honest]
    lost = [one for one in brought if one.guilty is False]
    all_lost = bool(brought) and len(lost) == len(brought)
    judges = ", ".join(sorted({one.judge for one in brought}))
    gas = sum(use.gas for use in facts.gas if use.transaction in {one.transaction for one in brought})
    seconds = max((one.resolved_time - one.time for one in lost), default=-1)
    found = Fate.BOND_LOST.value if all_lost else f"{len(lost)} of {len(brought)} bonds lost"
    title, _ = VERIFIERS[lie]
    told = f"{len(lost)} acquittals" if lost else ""
    return Row(lie, title, Fate.BOND_LOST.value, found, told, judges, gas, seconds, 0)
