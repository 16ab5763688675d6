"""An installed environment as a task sees one: token ids in and out, its code in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import Any, Final

from cupel.protocol.config import ConfigError
from cupel.protocol.environments.port import ENTRY_POINTS
from cupel.protocol.environments.process import EnvironmentFailed, EnvironmentProcess, Overrun
from cupel.protocol.environments.tokens import ByteTokens, Tokens, open_tokens
from cupel.protocol.spec.dialogue import read_spans, turns_of
from cupel.protocol.spec.environments import base, text
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.task import EnvironmentRef

# A round's problems and those of a few others that a verifier looks at.
_KEPT_ITEMS: Final = 4096
# What is scored was replied to just before.
_KEPT_REPLIES: Final = 4096
MARGIN: Final = 8
"""How much slower or faster another machine may be: between an eighth of a task's limit and eight times it, both the
score and nothing are accepted."""


class Installed:
    """Satisfies `spec.environments.base.Environment`; every method may raise EnvironmentFailed."""

    def __init__(
        self, reference: EnvironmentRef, process: EnvironmentProcess, tokens: Tokens | None = None
    ) -> None:
        self._tokens: Final = ByteTokens() if tokens is None else tokens
        self.vocabulary = self._tokens.vocabulary
        self.end_token = self._tokens.end_token
        self.target_tokens = self._tokens.target_tokens
        self.prompt_tokens = reference.prompt_tokens
        self.max_tokens = reference.answer_tokens
        self._score_seconds = reference.score_seconds
        self._process = process
        self._item = lru_cache(_KEPT_ITEMS)(self._find)

    def prompt(self, problem: int) -> tuple[int, ...]:
        """Token ids of the problem's prompt."""
        return self._item(problem)[1]

    def answer(self, problem: int) -> tuple[int, ...]:
        """Token ids of the right answer, which the environment may not have."""
        answer = self._item(problem)[2]
        if len(answer) == 1:
            raise EnvironmentFailed(f"problem {problem} has no answer to show")
        return answer

    def reward(self, problem: int, tokens: Sequence[int]) -> int:
        """Millionths. A rubric that raises, or whose score is no number, has judged: nothing is earned.

        Nothing too where it takes longer than the task allows.
        """
        try:
            return self._score(problem, tokens, self._score_seconds)[0]
        except Overrun:
            return 0

    def accepted(self, problem: int, tokens: Sequence[int], claimed: int) -> tuple[int, ...]:
        """See `port.Timed`. Machines differ in speed by less than MARGIN, both ways."""
        limit = self._score_seconds
        try:
            earned, seconds = self._score(problem, tokens, limit * MARGIN if claimed else -(-limit // MARGIN))
        except Overrun:
            return (0,)
        return (earned, 0) if limit and seconds * MARGIN >= limit else (earned,)

    def _score(self, problem: int, tokens: Sequence[int], seconds: int) -> tuple[int, float]:
        """The reward, and the processor time it took. Overrun."""
        item, said = self._item(problem)[0], self._said(problem, tokens)
        reply = self._process.ask("score", item, said, processor_seconds=seconds)
        earned = 0 if "raised" in reply else text.millionths(reply.get("score"))
        return earned, float(reply.get("seconds", 0.0))

    def render(self, tokens: Sequence[int]) -> str:
        """Tokens as text, for people."""
        return self._tokens.render(tokens)

    def close(self) -> None:
        """End the environment's process."""
        self._process.close()

    def _said(self, problem: int, tokens: Sequence[int]) -> str | list[str]:
        """What is scored."""
        return self._tokens.text(tokens)

    def _fits(self, answer: str) -> tuple[int, ...] | None:
        """An answer's tokens, if it is one that can be shown."""
        return self._tokens.answer(answer, self.max_tokens)

    def _find(self, problem: int) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
        """Number, prompt and answer of the first item tried whose prompt and answer fit the task's lengths."""
        self._process.start()
        for attempt in range(text.ATTEMPTS):
            item = text.item_of(problem, attempt, self._process.size)
            question, answer = _texts(self._process.ask("item", item), item)
            prompt, answered = self._tokens.prompt(question, self.prompt_tokens), self._fits(answer)
            if prompt is not None and answered is not None:
                return item, prompt, answered
        raise EnvironmentFailed(
            f"no item of {text.ATTEMPTS} tried fits spec.environment.prompt_tokens = {self.prompt_tokens} "
            f"and answer_tokens = {self.max_tokens}"
        )


class InstalledDialogue(Installed):
    """Satisfies `spec.environments.base.Dialogue`: an environment that also replies."""

    def __init__(
        self, reference: EnvironmentRef, process: EnvironmentProcess, tokens: Tokens | None = None
    ) -> None:
        super().__init__(reference, process, tokens)
        self.turns = reference.turns
        self.turn_tokens = reference.answer_tokens
        self.reply_tokens = reference.reply_tokens
        self._reply = lru_cache(_KEPT_REPLIES)(self._ask_reply)

    def reply(self, problem: int, turns: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        """See `Dialogue.reply`. One that raises, or is too long, ends the dialogue."""
        return self._reply(problem, tuple(self._tokens.text(turn) for turn in turns))

    def check_replies(self) -> None:
        """EnvironmentFailed unless it replies at all."""
        answer = self._process.ask("reply", self._item(0)[0], [""])
        if "reply" not in answer:
            raise EnvironmentFailed(f"it does not reply: {answer.get('raised', 'no reply')}")

    def _ask_reply(self, problem: int, turns: tuple[str, ...]) -> tuple[int, ...]:
        answer = self._process.ask("reply", self._item(problem)[0], turns).get("reply")
        ids = self._tokens.reply(answer, self.reply_tokens) if isinstance(answer, str) else None
        return ids or ()

    def _said(self, problem: int, tokens: Sequence[int]) -> str | list[str]:
        try:
            spans = read_spans(self, problem, tokens)
        except Rejected:
            # What is no dialogue of this environment says nothing; `checks.turns` has refused it before.
            return []
        return [self._tokens.text(turn) for turn in turns_of(spans, tokens)]

    def _fits(self, answer: str) -> tuple[int, ...] | None:
        # Nobody is shown an answer to a dialogue.
        return (self.end_token,)


def open_environment(reference: EnvironmentRef) -> base.Environment:
    """The environment a task names: built in, or of the distribution it pins.

    Rejected(UNKNOWN_ENVIRONMENT) with what to install, if this machine does not have it; ConfigError likewise for its
    tokenizer. Nothing is downloaded.
    """
    if not reference.package:
        return base.get_environment(reference)
    _check_package(reference)
    kind = InstalledDialogue if reference.turns > 1 else Installed
    return kind(reference, EnvironmentProcess(reference.id, reference.arguments), open_tokens(reference))


def check_environment(reference: EnvironmentRef) -> base.Environment:
    """`open_environment`, and one prompt asked for: better now than after a stake. ConfigError if there is none."""
    environment = open_environment(reference)
    try:
        environment.prompt(0)
        if isinstance(environment, InstalledDialogue):
            environment.check_replies()
    except EnvironmentFailed as error:
        remedy = (
            f"Try it: python -m cupel.protocol.environments.worker {reference.id} '{reference.arguments}'"
        )
        raise ConfigError("spec.environment", str(error), remedy) from error
    return environment


def _check_package(reference: EnvironmentRef) -> None:
    name, _, wanted = reference.package.partition("==")
    try:
        present = version(name)
    except PackageNotFoundError:
        present = None
    opener = reference.id.partition("/")[0]
    if present != wanted:
        found = "nothing" if present is None else present
        detail = (
            f"{reference.id} needs {reference.package}, {found} is installed: pip install {reference.package}"
        )
        raise Rejected(Reason.UNKNOWN_ENVIRONMENT, detail)
    if opener not in {point.name for point in entry_points(group=ENTRY_POINTS)}:
        raise Rejected(Reason.UNKNOWN_ENVIRONMENT, f"no installed distribution opens {opener}/… environments")


def _texts(reply: dict[str, Any], item: int) -> tuple[str, str]:
    match reply:
        case {"question": str(question), "answer": str(answer)}:
            return question, answer
    raise EnvironmentFailed(f"item {item} has no question and answer: {reply.get('raised', 'not text')}")
