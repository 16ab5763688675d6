"""What must hold after every run, whatever went wrong in it. Named, pure, and read from the chain where it tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cupel.devnet.chaos.world import Outcome
from cupel.protocol.chain.bindings.structs import ChallengeStatus
from cupel.protocol.spec.rounds import commit_deadline, round_start

AGAIN_SECONDS: Final = 30.0
"""To notice a reorganisation, to do the round's work over for the seed it has now, and to have it mined."""
GOOD_LATENCY_SECONDS, GOOD_LOSS, GOOD_SPEED = 0.1, 0.05, 1e6
"""Links over which a round of these spans is never missed."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that did not hold."""

    rule: str
    what: str


def no_defect(run: Outcome) -> list[str]:
    """No process ends by an exception that is none of the world's failures"""
    return [f"{name}: {actor.defect}" for name, actor in run.actors.items() if actor.defect]


def everybody_ends(run: Outcome) -> list[str]:
    """Every honest node and verifier ends by itself, with exit code 0, when the task is over"""
    scenario = run.scenario
    ends = {name: run.actors[name].code for name in (*scenario.honest_nodes, *scenario.verifier_names)}
    return [f"{name} ended with {code}" for name, code in ends.items() if code != 0]


def no_honest_stake_lost(run: Outcome) -> list[str]:
    """Nobody who follows the protocol is slashed"""
    return [name for name in run.scenario.honest_nodes if run.ledger.slashed(run.addresses[name])]


def one_commitment_a_round(run: Outcome) -> list[str]:
    """No node has two commitments of one round, and none is lost that could be sent again"""
    problems = []
    for name in run.scenario.honest_nodes:
        rounds = Counter(work.round for work in run.ledger.work.values() if work.node == run.addresses[name])
        problems += [
            f"{name} committed round {number} twice" for number, times in rounds.items() if times > 1
        ]
        told = {
            fields["round"]: at for at, event, fields in run.actors[name].ears.heard if event == "committed"
        }
        problems += [
            f"{name} lost its commitment of round {number}"
            for number, at in told.items()
            if number not in rounds and not _taken_too_late(run, name, int(str(number)), at)
        ]
    return problems


def _taken_too_late(run: Outcome, name: str, number: int, at: float) -> bool:
    """Whether a reorganisation took what was mined by then, and the node had little or no time to do it again."""
    scenario = run.scenario
    latest = commit_deadline(run.ledger.params, number) - run.start - AGAIN_SECONDS
    # Work that is made anew is also shown to others before it is committed to.
    spans = [*scenario.absences(name), *((cut.begins, cut.ends) for cut in scenario.partitions)]
    ends = [ends for begins, ends in spans if begins <= latest]
    return any(
        at <= turn.at <= at + (turn.depth + 1) * scenario.block_seconds and max(turn.at, *ends, 0.0) > latest
        for turn in scenario.reorganisations
    )


def honest_are_paid(run: Outcome) -> list[str]:
    """Every unit an honest node has on the chain is paid, its stake is home, and nothing of either is missing"""
    problems = []
    for name in run.scenario.honest_nodes:
        account = run.addresses[name]
        units = sum(work.units for work in run.ledger.work.values() if work.node == account)
        due = units * run.ledger.params.rate + _bonds_won(run, account)
        if run.actors[name].code == 0 and run.balances[name] != due:
            problems.append(f"{name} gained {run.balances[name]} for {units} units, due {due}")
    return problems


def liars_are_slashed(run: Outcome) -> list[str]:
    """Who committed to false work loses its stake: two verifiers had a window that was longer than any trouble"""
    lost = []
    for name, lie in run.scenario.liars.items():
        account = run.addresses[name]
        false = any(work.node == account and work.units for work in run.ledger.work.values())
        if lie == "false-checkpoint":
            false = any(record.node == account for record in run.ledger.posted)
        if lie == "replayed-round":
            false = len([work for work in run.ledger.work.values() if work.node == account]) > 1
        if false and not run.ledger.slashed(account):
            lost.append(f"{name} ({lie}) kept its stake")
    return lost


def hub_is_solvent(run: Outcome) -> list[str]:
    """The hub holds what it owes, to the last unit"""
    return [] if run.owed == run.held else [f"owes {run.owed}, holds {run.held}"]


def one_truth(run: Outcome) -> list[str]:
    """The newest version that an honest node ended with is the chain's"""
    problems, standing = [], {record.version: record.digest for record in run.ledger.standing()}
    for name in run.scenario.honest_nodes:
        # Earlier ones it may have computed before a reorganisation took a commitment from under them.
        told = [fields for _, event, fields in run.actors[name].ears.heard if event == "policy"]
        digest = standing.get(int(str(told[-1]["version"]))) if told else None
        if digest is not None and told[-1]["digest"] != "0x" + digest.hex():
            problems.append(f"{name} ended with another version {told[-1]['version']}")
    return problems


def undisturbed_rounds_are_worked(run: Outcome) -> list[str]:
    """Over good links, a node that nothing touched from the round before until the deadline has committed"""
    problems: list[str] = []
    params, link = run.ledger.params, run.scenario.link
    if (
        link.latency_seconds > GOOD_LATENCY_SECONDS
        or link.loss > GOOD_LOSS
        or link.bytes_per_second < GOOD_SPEED
    ):
        return problems
    for name in run.scenario.honest_nodes:
        member = run.ledger.members.get(run.addresses[name])
        done = {work.round for work in run.ledger.work.values() if work.node == run.addresses[name]}
        for number in range(params.rounds if member else 0):
            begins = round_start(params, number) - run.start
            touched = run.scenario.disturbed(
                name, begins - params.round_seconds, begins + params.commit_seconds
            )
            liars = any(lie.startswith("withheld") for lie in run.scenario.lies)
            if not touched and not liars and member and number >= member.first_round and number not in done:
                problems.append(f"{name} missed round {number}")
    return problems


def no_challenge_is_left(run: Outcome) -> list[str]:
    """Every challenge has its verdict in the end"""
    return [
        f"challenge {number} against {record.node}"
        for number, record in run.ledger.challenges.items()
        if record.status is ChallengeStatus.PENDING
    ]


RULES: Final[dict[str, Callable[[Outcome], list[str]]]] = {
    "no-defect": no_defect,
    "everybody-ends": everybody_ends,
    "no-honest-stake-lost": no_honest_stake_lost,
    "one-commitment-a-round": one_commitment_a_round,
    "honest-are-paid": honest_are_paid,
    "liars-are-slashed": liars_are_slashed,
    "hub-is-solvent": hub_is_solvent,
    "one-truth": one_truth,
    "undisturbed-rounds-are-worked": undisturbed_rounds_are_worked,
    "no-challenge-is-left": no_challenge_is_left,
}


def broken_rules(run: Outcome) -> list[Broken]:
    """Every rule held against a run"""
    return [Broken(name, what) for name, rule in RULES.items() for what in rule(run)]


def _bonds_won(run: Outcome, account: str) -> int:
    """What false challenges brought the accused."""
    accusations = [one for one in run.ledger.challenges.values() if one.node == account]
    return run.ledger.params.bond * sum(one.status is ChallengeStatus.NOT_GUILTY for one in accusations)
