"""Everything `cupel sim economics` says: each lie against the watch, the verifier's account, and a played mix. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

from cupel.protocol.economics.payoffs import (
    Lie,
    Watch,
    break_even,
    caught,
    gain,
    least_liars,
    most_profitable,
    verifier_income,
)
from cupel.protocol.economics.simulation import Group, Mix, Outcome, play
from cupel.protocol.economics.terms import Economy

LIES: Final = (
    Lie("hands in nothing of its own", false_share=1.0, saving=1.0, detection=1.0),
    Lie("runs a cheaper model", false_share=1.0, saving=0.6, detection=0.9),
    Lie("does so in a tenth of its work", false_share=0.1, saving=0.6, detection=0.9),
    Lie("runs a cheaper model, and challenges itself", 1.0, 0.6, 0.9, has_accomplice=True),
)
_CURVE_POINTS: Final = 60
_SHARE_OF_HONEST: Final = 4


@dataclass(frozen=True, slots=True)
class LieRow:
    """One lie under the watch. Money in units of a round's pay, over the whole task."""

    name: str
    caught: float
    """Chance of being proven, a round."""
    gain: float
    """Beyond an honest node's income."""
    break_even: float | None
    """Audit rate from which on it does not pay."""
    best_share: float
    """Share of false work that pays best."""
    best_gain: float

    @property
    def pays(self) -> bool:
        """Whether any share of it does."""
        return self.best_gain > 0.0


@dataclass(frozen=True, slots=True)
class VerifierRow:
    """One honest verifier's account, a round, over a hundred nodes."""

    without_liars: float
    with_one_liar: float
    least_liars: float
    """Share of nodes that must lie in a round for rewards to pay for the checking."""


@dataclass(frozen=True, slots=True)
class Study:
    """The whole result."""

    economy: Economy
    watch: Watch
    lies: tuple[LieRow, ...]
    verifier: VerifierRow
    mix: Mix
    outcome: Outcome
    curves: dict[str, list[tuple[float, float]]]
    """By lie: audit rate and gain."""

    @property
    def passed(self) -> bool:
        """Whether no lie pays, at any share."""
        return not any(row.pays for row in self.lies)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"passed": self.passed, **dataclasses.asdict(self)}


def study(economy: Economy, watch: Watch, nodes: int, seed: int) -> Study:
    """Closed forms for every lie, and one played task in which a fifth of the nodes lie, all kinds among them."""
    mix = Mix(
        honest_nodes=nodes,
        liars=tuple((lie, max(1, nodes // (_SHARE_OF_HONEST * len(LIES)))) for lie in LIES),
        watch=watch,
        lazy_verifiers=1,
        colluding_verifiers=1,
    )
    lie = LIES[1]
    account = VerifierRow(
        without_liars=verifier_income(economy, watch, 100, lie, 0),
        with_one_liar=verifier_income(economy, watch, 100, lie, 1),
        least_liars=least_liars(economy, watch, lie),
    )
    return Study(
        economy=economy,
        watch=watch,
        lies=tuple(_row(economy, lie, watch) for lie in LIES),
        verifier=account,
        mix=mix,
        outcome=play(economy, mix, seed),
        curves={lie.name: _curve(economy, lie, watch) for lie in LIES},
    )


def summary(result: Study) -> str:
    """The result for a terminal."""
    economy, watch = result.economy, result.watch
    lines = [
        f"A round pays 1. Stake {economy.stake:.1f}, bond {economy.bond:.2f}, reward of a proven challenge "
        f"{economy.reward:.1f}, open pay {economy.open_rounds}, honest cost {economy.work_cost:.2f}.",
        f"{watch.verifiers} honest verifier(s) look at {watch.audit_rate:.1%} of the commitments, "
        f"{watch.drawn} of {economy.units} rollouts each.",
        "",
        f"{'a node that':<46} {'caught':>7} {'gain':>8} {'pays below':>11} {'best share':>11} {'its gain':>9}",
    ]
    for row in result.lies:
        below = "always" if row.break_even is None else f"{row.break_even:.2%}"
        lines.append(
            f"{row.name:<46} {row.caught:>7.1%} {row.gain:>8.2f} {below:>11} {row.best_share:>11.1%} "
            f"{row.best_gain:>9.2f}"
        )
    verifier = result.verifier
    lines += [
        "",
        f"A verifier of 100 nodes earns {verifier.without_liars:+.3f} a round if nobody lies, "
        f"{verifier.with_one_liar:+.3f} if one does; it breaks even at {verifier.least_liars:.3%} liars.",
        "",
        f"{'played, seeded: income over the task':<46} {'count':>7} {'slashed':>8} {'each':>9}",
    ]
    lines += [_group("node", group) for group in result.outcome.nodes]
    lines += [_group("verifier", group) for group in result.outcome.verifiers]
    lines += ["", "No lie pays." if result.passed else "A lie pays: raise the stake, or have more audited."]
    return "\n".join(lines)


def _group(role: str, group: Group) -> str:
    return f"{f'{role}, {group.name}':<46} {group.count:>7} {group.slashed:>8} {group.mean:>9.2f}"


def _row(economy: Economy, lie: Lie, watch: Watch) -> LieRow:
    best = most_profitable(economy, lie, watch)
    return LieRow(
        lie.name,
        caught(economy, lie, watch),
        gain(economy, lie, watch),
        break_even(economy, lie, watch),
        best.false_share,
        gain(economy, best, watch),
    )


def _curve(economy: Economy, lie: Lie, watch: Watch) -> list[tuple[float, float]]:
    """Gain by audit rate, from one in a thousand to all of them, in equal ratios."""
    rates = [10 ** (-3 * (1 - index / _CURVE_POINTS)) for index in range(_CURVE_POINTS + 1)]
    return [(rate, gain(economy, lie, dataclasses.replace(watch, audit_rate=rate))) for rate in rates]
