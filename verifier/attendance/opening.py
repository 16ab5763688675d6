"""A verifier's place in an audit task: whether the task is one that it can stake in, and the parts that serve it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cupel.protocol.attendance import Attended, Looker
from cupel.protocol.chain.bindings.attention_judge import AttentionJudge
from cupel.protocol.chain.games import GameFeed, read_terms
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.config import ConfigError
from cupel.protocol.game_player import GamePlayer
from cupel.protocol.participant import Participant
from cupel.protocol.spec.environments.base import SORTING
from cupel.protocol.spec.referee.game import Terms
from cupel.protocol.spec.task import NOTHING_PINNED, TaskSpec
from cupel.protocol.versions import Versions
from cupel.verifier.attendance.attendant import Attendant


@dataclass(frozen=True, slots=True)
class Attendance:
    """Answers, and the disputes about answers."""

    attendant: Attendant
    player: GamePlayer[Attended]


async def open_attendance(
    participant: Participant,
    checked: bytes,
    audit: bytes,
    spec: TaskSpec,
    versions: Versions,
    secret: bytes,
    now: Callable[[], int],
) -> Attendance:
    """ConfigError for a task in which an honest answer could cost the stake. ChainUnavailable."""
    tasks, deployment, chain = participant.ledger.tasks, participant.deployment, participant.chain
    if audit not in tasks:
        raise ConfigError("audit-task", f"the hub has no task 0x{audit.hex()}", "Correct the task")
    if not deployment.attention_judge:
        raise ConfigError("audit-task", "the deployment names no judge of attention", "Leave the option out")
    judge = AttentionJudge(chain, deployment.attention_judge)
    terms = await read_terms(judge, spec.model.architecture)
    problem = unfit(tasks[audit], tasks[checked], spec, terms, deployment.attention_judge)
    if problem is not None:
        raise ConfigError(
            "audit-task", problem, "An honest answer could cost the stake: leave the option out"
        )
    looker = Looker(participant, lambda: tasks_of()[checked], lambda: tasks_of()[audit], versions, terms)

    def tasks_of() -> dict[bytes, TaskLedger]:
        return participant.ledger.tasks

    feed = GameFeed(chain, participant.hub, judge, terms, deployment.first_block, tasks[audit].params)
    player = GamePlayer(participant, feed, looker.recall, helps=True)
    attendant = Attendant(participant, looker, deployment.attention_judge, secret, now)
    return Attendance(attendant, player)


def unfit(audit: TaskLedger, checked: TaskLedger, spec: TaskSpec, terms: Terms, judge: str) -> str | None:
    """Why a verifier must not stake in this audit task; None if it may."""
    params, others = audit.params, checked.params
    if params.genesis_digest != checked.task:
        return "it audits another task"
    if [one.code for one in params.judges if one != NOTHING_PINNED] != [judge]:
        return "it names other judges than that of attention"
    if (params.chunk_tokens, params.reward_rule) != (others.chunk_tokens, others.reward_rule):
        return "its chunks or its reward rule are not those of the task it audits"
    if terms.shape != spec.model or spec.environment != SORTING:
        return "its judge computes another policy"
    if terms.needed_seconds > params.dispute_seconds:
        return f"a dispute takes up to {terms.needed_seconds} s, and it leaves {params.dispute_seconds}"
    return None
