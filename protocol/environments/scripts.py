"""The user's side of a `verifiers` environment, played again from what the policy said.

`Env.run(task, agents)` is ordinary control flow: it sends messages to an agent and waits for its replies. Here the
agent has the policy's turns so far, and the run is left where it waits for a turn that there is not yet: the message it
sent is the environment's reply. So every question begins the run anew, and nothing is kept between them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any, Final

_AGENT: Final = "agent"


class _Waits(BaseException):
    """The run waits for the policy. No `except Exception` of an environment catches it."""


class Script:
    """One run: `said` are the messages to the policy, each answered by the turn of the same place."""

    def __init__(self, turns: Sequence[str]) -> None:
        self._turns: Final = tuple(turns)
        self.said: list[str] = []

    @classmethod
    def played(cls, environment: Any, task: Any, turns: Sequence[str]) -> Script:
        """Run until the environment waits for the turn behind the last, or is done. Raises what it raises."""
        script = cls(turns)
        seats = SimpleNamespace(**{_AGENT: _Agent(script)})
        with suppress(_Waits):
            asyncio.run(environment.run(task, seats))
        if not script.said:
            raise ValueError("the environment says nothing")
        return script

    def answer(self, message: str) -> Any:
        """The policy's turn to a message, as the interface has it."""
        from verifiers.v1.agent import Segment
        from verifiers.v1.types import AssistantMessage

        self.said.append(message)
        if len(self.said) > len(self._turns):
            raise _Waits
        return Segment(messages=[AssistantMessage(content=self._turns[len(self.said) - 1])])


class _Agent:
    """The one seat of the environment."""

    def __init__(self, script: Script) -> None:
        self._script = script

    @asynccontextmanager
    async def interaction(self, task: Any) -> AsyncIterator[_Interaction]:
        yield _Interaction(self._script, task)


class _Interaction:
    """As `verifiers.v1.agent.Interaction`, for texts."""

    def __init__(self, script: Script, task: Any) -> None:
        self._script, self._task = script, task

    async def turn(self, message: Any = None) -> Any:
        opens = not self._script.said and self._task.data.prompt is not None
        if opens != (message is None):
            raise ValueError(
                "a task with a prompt speaks first, and a turn without a message is for that alone"
            )
        said = self._task.data.prompt_text if opens else message
        if not isinstance(said, str):
            raise ValueError("messages are texts")
        return self._script.answer(said)


def script_of(name: str, config: Any) -> Any:
    """The environment exported beside a taskset, if it scripts a user; None for the plain single turn.

    ValueError for one that takes more than that: several agents, or work before and after the run.
    """
    from verifiers.v1.env import Env
    from verifiers.v1.envs.single_agent import SingleAgentEnv
    from verifiers.v1.utils.loaders import env_config_type, environment_class

    found = environment_class(name)
    if found is SingleAgentEnv:
        return None
    own = {
        hook
        for hook in ("setup", "finalize", "start", "stop")
        if getattr(found, hook) is not getattr(Env, hook)
    }
    if not issubclass(found, SingleAgentEnv) or own:
        raise ValueError(f"{found.__name__} needs more than one agent's turns, or has {sorted(own)}")
    # Its constructor would load the agents' programs, which nobody runs here.
    environment = found.__new__(found)
    environment.config = env_config_type(name).model_construct(taskset=config)
    return environment
