"""Tasksets of the `verifiers` interface: `id = "verifiers/TASKSET"`, arguments those of its configuration.

A taskset is an installed package that exports a `Taskset`. Its tasks may ask for a prompt in text and score the reply
by `@reward` functions. With an `Env` beside it, a subclass of the package's `SingleAgentEnv`, the environment's `run`
scripts what the user says between the policy's turns (`scripts.py`).

Tools, containers, judges and users that are models are refused: what a verifier cannot run again alone, nobody can be
convicted by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

from cupel.protocol.environments.scripts import Script, script_of

LIMIT: Final = "limit"
"""An argument of ours: how many tasks of the set are used, the first ones."""
_MOST_TASKS: Final = 10_000


class Taskset:
    """The first tasks of a set, kept in memory."""

    def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
        from verifiers.v1.utils.loaders import load_taskset, taskset_config_type

        given = dict(arguments)
        limit = int(given.pop(LIMIT, _MOST_TASKS))
        config = taskset_config_type(name).model_validate({**given, "id": name})
        taskset = load_taskset(config)
        self._script: Final = script_of(name, config)
        self._tasks = [self._checked(task) for task in islice(taskset, limit)]
        self.size = len(self._tasks)

    def question(self, item: int) -> str:
        """As `Environment.question`: the system prompt and what the user says first."""
        data = self._tasks[item].data
        asked = data.prompt_text if self._script is None else self._run(item, ()).said[0]
        return "\n\n".join(text for text in (data.system_prompt, asked) if text)

    def answer(self, item: int) -> str:
        """As `Environment.answer`: what the task's data calls so, by custom."""
        return str(getattr(self._tasks[item].data, "answer", None) or "")

    def reply(self, item: int, turns: Sequence[str]) -> str | None:
        """As `Dialogue.reply`: what the script's user says next."""
        if self._script is None:
            raise ValueError("the taskset has no environment that replies")
        said = self._run(item, turns).said
        return said[len(turns)] if len(said) > len(turns) else None

    def score(self, item: int, given: str | Sequence[str]) -> float:
        """As `Environment.score`: the weighted sum of the task's rewards for these turns."""
        turns = [given] if isinstance(given, str) else list(given)
        said = [self.question(item)] if self._script is None else self._run(item, turns).said
        task, trace = self._tasks[item], self._trace(item, said, turns)
        asyncio.run(task.score(trace))
        missing = [name for name, reward in trace.rewards.items() if reward is None]
        if missing or not trace.rewards:
            raise ValueError(f"rewards {missing} need more than a reply")
        return float(trace.reward)

    def _run(self, item: int, turns: Sequence[str]) -> Script:
        assert self._script is not None, "there is a script"
        return Script.played(self._script, self._tasks[item], turns)

    def _trace(self, item: int, said: Sequence[str], turns: Sequence[str]) -> Any:
        from verifiers.v1.configs.agent import AgentConfig
        from verifiers.v1.graph import MessageNode
        from verifiers.v1.trace import AgentInfo, Trace, TraceTask
        from verifiers.v1.types import AssistantMessage, UserMessage

        task = self._tasks[item]
        nodes: list[Any] = []
        for number, turn in enumerate(turns):
            above = None if not nodes else len(nodes) - 1
            nodes.append(MessageNode(parent=above, message=UserMessage(content=said[number])))
            reply = AssistantMessage(content=turn)
            nodes.append(MessageNode(parent=len(nodes) - 1, message=reply, sampled=True))
        return Trace(
            task=TraceTask(type=type(task).__name__, data=task.data),
            agent=AgentInfo(config=AgentConfig()),
            nodes=nodes,
            root_reply=turns[-1] if turns else "",
            is_completed=True,
            ok=True,
        )

    def _checked(self, task: Any) -> Any:
        if task.NEEDS_CONTAINER or type(task).toolsets(task.config) or task.plugged_judges():
            raise ValueError("a task needs tools, a container or a judge: text tasks alone can be checked")
        return task
