"""Single-turn tasksets of the `verifiers` interface: `id = "verifiers/TASKSET"`, arguments those of its configuration.

A taskset is an installed package that exports a `Taskset`. Its tasks may ask for a prompt in text and score the reply
by `@reward` functions. Tools, containers, judges that are models, and further turns are refused: what a verifier
cannot run again alone, nobody can be convicted by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

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
        self._tasks = [self._checked(task) for task in islice(taskset, limit)]
        self.size = len(self._tasks)

    def question(self, item: int) -> str:
        """As `Environment.question`: the system prompt and the prompt."""
        data = self._tasks[item].data
        return "\n\n".join(text for text in (data.system_prompt, data.prompt_text) if text)

    def answer(self, item: int) -> str:
        """As `Environment.answer`: what the task's data calls so, by custom."""
        return str(getattr(self._tasks[item].data, "answer", None) or "")

    def score(self, item: int, completion: str) -> float:
        """As `Environment.score`: the weighted sum of the task's rewards for this reply."""
        from verifiers.v1.configs.agent import AgentConfig
        from verifiers.v1.graph import MessageNode
        from verifiers.v1.trace import AgentInfo, Trace, TraceTask
        from verifiers.v1.types import AssistantMessage, UserMessage

        task = self._tasks[item]
        nodes = [
            MessageNode(message=UserMessage(content=self.question(item))),
            MessageNode(parent=0, message=AssistantMessage(content=completion), sampled=True),
        ]
        trace = Trace(
            task=TraceTask(type=type(task).__name__, data=task.data),
            agent=AgentInfo(config=AgentConfig()),
            nodes=nodes,
            root_reply=completion,
            is_completed=True,
            ok=True,
        )
        asyncio.run(task.score(trace))
        missing = [name for name, reward in trace.rewards.items() if reward is None]
        if missing or not trace.rewards:
            raise ValueError(f"rewards {missing} need more than a reply")
        return float(trace.reward)

    def _checked(self, task: Any) -> Any:
        if task.NEEDS_CONTAINER or type(task).toolsets(task.config) or task.plugged_judges():
            raise ValueError(
                "a task needs tools, a container or a judge: single-turn text tasks alone can be checked"
            )
        return task
