"""Creating an audit task: verifiers of a task are then paid for looking, also when nobody lies."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from cupel.protocol.chain.bindings.attention_judge import AttentionJudge
from cupel.protocol.config import ConfigError
from cupel.protocol.observe import Observer
from cupel.protocol.participant import Participant, participate
from cupel.protocol.settings import Settings
from cupel.protocol.spec.audits import MAX_ANSWERS
from cupel.protocol.spec.task import NOTHING_PINNED, Pinned, TaskParams, task_id
from cupel.protocol.task.creator import settle


@dataclass(frozen=True, slots=True)
class AuditTerms:
    """What its creator decides; everything else is the checked task's."""

    auditors: int
    """Verifiers that can be paid for every round."""
    answers: int
    """Most answers that one is paid for in a round."""
    rate: int
    """Pay of an answer, in the smallest unit of the task's token."""

    @property
    def problem(self) -> str | None:
        """Why these make no task."""
        if self.auditors < 1 or self.rate < 1:
            return "somebody has to be paid something"
        if not 1 <= self.answers <= MAX_ANSWERS:
            return f"a commitment holds 1 to {MAX_ANSWERS} answers"
        return None


def audit_params(
    checked: TaskParams, task: bytes, terms: AuditTerms, judges: tuple[Pinned, ...], needed: int, now: int
) -> TaskParams:
    """Parameters of a task whose rounds are each about the checked task's round before.

    needed: seconds that a dispute before the judge of attention may take. ConfigError if no round is left.
    """
    gone = max(0, (now - checked.start) // checked.round_seconds + 1)
    if gone >= checked.rounds:
        raise ConfigError("task", "its last round has begun", "Create the audit task earlier")
    return dataclasses.replace(
        checked,
        genesis_digest=task,
        start=checked.start + (gone + 1) * checked.round_seconds,
        rounds=checked.rounds - gone,
        problems_per_round=terms.answers,
        group_size=1,
        problem_count=max(checked.problem_count, terms.answers),
        rate=terms.rate,
        dispute_seconds=max(checked.dispute_seconds, needed),
        judges=judges,
    )


async def run_audit(settings: Settings, observer: Observer, terms: AuditTerms) -> int:
    """Create the audit task of the settings' task, and take back what nobody earned; the process's exit code."""
    if terms.problem is not None:
        raise ConfigError("audit", terms.problem, "See `cupel task audit --help`")
    async with participate(settings, observer) as participant:
        await participant.announce_endpoint()
        ledger = await participant.find_task(settings.task)
        params = await create_audit(participant, ledger.params, ledger.task, terms)
        await settle(participant, params)
    observer.emit("done")
    return 0


async def create_audit(
    participant: Participant, checked: TaskParams, task: bytes, terms: AuditTerms
) -> TaskParams:
    """Approve, escrow and create. ConfigError where the chain has no judge of attention, or it leaves no time."""
    deployment, chain, hub = participant.deployment, participant.chain, participant.hub
    if not deployment.attention_judge:
        raise ConfigError("deployment", "names no judge of attention", "Deploy one, or leave it")
    if checked.reward_rule == NOTHING_PINNED:
        raise ConfigError("task", "has no rule that tells its prompts to the chain", "It cannot be audited")
    needed = await AttentionJudge(chain, deployment.attention_judge).needed_seconds()
    judge = deployment.attention_judge
    judges = (Pinned(judge, await chain.code_hash(judge)),)
    params = audit_params(checked, task, terms, judges, needed, await chain.now())
    units = terms.auditors * terms.answers * params.rounds
    await participant.approve(params.token, hub.address, units * params.rate)
    await participant.send("create audit task", hub.create_task(params, units))
    made = task_id(chain.chain_id, hub.address, params)
    participant.observer.emit("task", task="0x" + made.hex(), start=params.start, rounds=params.rounds)
    return params
