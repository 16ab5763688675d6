"""Every attack by its name."""

from __future__ import annotations

from typing import Final

from cupel.devnet.attacks import form, updates, work
from cupel.devnet.attacks.base import Strategy
from cupel.devnet.attacks.canary import CanaryNode
from cupel.devnet.attacks.verifiers import VERIFIERS
from cupel.devnet.attacks.zoo import cheats

_CLASSES: Final[tuple[type[Strategy], ...]] = (
    work.EasyProblems,
    work.WrongProblem,
    work.ChosenSeed,
    work.WrittenAnswers,
    work.GreedyDecoding,
    work.ReplayedRound,
    work.CopiedWork,
    work.CopiedCommitment,
    work.RepeatedRollout,
    work.FuturePolicy,
    work.FalseDigest,
    work.StalePolicy,
    work.InflatedReward,
    work.OneFalseReward,
    work.StolenManifest,
    form.TruncatedCompletions,
    form.PaddedCompletions,
    form.HackedReward,
    form.UnknownToken,
    form.MalformedProof,
    form.InflatedUnits,
    form.SurplusLeaves,
    form.FalseRoot,
    form.GarbageManifest,
    form.GarbageRollouts,
    form.FalseSize,
    form.HostileAddress,
    updates.GarbageUpdate,
    updates.ScaledUpdate,
    updates.PoisonedUpdate,
    updates.ZeroUpdate,
    updates.CopiedUpdate,
    updates.FalseCheckpoint,
    updates.WithheldData,
    updates.WithheldRollouts,
    updates.Equivocation,
    updates.Spam,
    CanaryNode,
)


def strategies() -> dict[str, Strategy]:
    """Every node's strategy, fresh, by its name."""
    made: tuple[Strategy, ...] = (*(one() for one in _CLASSES), *cheats())
    return {one.name: one for one in made}


def attack_names() -> tuple[str, ...]:
    """Every attack, those of nodes first."""
    return (*strategies(), *VERIFIERS)
