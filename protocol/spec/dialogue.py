"""Completions in which policy and environment take turns. Pure, so that whose tokens are whose is law.

A dialogue is one sequence behind the prompt: a turn of the policy, the environment's reply, the next turn, and so on to
a last turn. Its lengths in order, turns at even places, are its *spans*. A turn ends with its first end token, or after
`turn_tokens`. Then the environment replies, and the dialogue is over where it has nothing to say, or after `turns`.

All of it stands in the sequence that is hashed and proven: a chunk of a TOPLOC proof, the referee and the chain read a
dialogue as they read any completion. Only the policy's own tokens are sampled, token t of the sequence with row t of
the rollout's noise, whoever wrote the tokens before it: a dialogue needs no further seed. Only they are trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.environments.base import Dialogue
from cupel.protocol.spec.errors import Reason, Rejected

Spans = tuple[int, ...]


def follow_up(dialogue: Dialogue, problem: int, turns: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """What comes behind finished turns: the environment's reply, nothing where the dialogue is over."""
    if len(turns) >= dialogue.turns:
        return ()
    reply = dialogue.reply(problem, turns)
    assert len(reply) <= dialogue.reply_tokens, f"a reply of {len(reply)} tokens"
    return reply


def read_spans(dialogue: Dialogue, problem: int, tokens: Sequence[int]) -> Spans:
    """The spans of a finished dialogue, with the environment's replies computed again.

    Rejected(WRONG_REPLY) where the environment says something else; Rejected(TERMINATION) for a text that ends too
    early or goes on too long.
    """
    given, place = tuple(tokens), 0
    spans: list[int] = []
    turns: list[tuple[int, ...]] = []
    while True:
        turn = _turn(dialogue, given[place:])
        if not turn:
            raise Rejected(Reason.TERMINATION, f"{place} tokens, the dialogue is not over")
        turns.append(turn)
        spans.append(len(turn))
        place += len(turn)
        reply = follow_up(dialogue, problem, turns)
        if not reply:
            break
        if given[place : place + len(reply)] != reply:
            raise Rejected(Reason.WRONG_REPLY, f"token {place} begins another reply than the environment's")
        spans.append(len(reply))
        place += len(reply)
    if place != len(given):
        raise Rejected(Reason.TERMINATION, f"{len(given)} tokens, the dialogue is over after {place}")
    return tuple(spans)


def turns_of(spans: Spans, tokens: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The policy's turns of a dialogue."""
    ends = list(accumulate(spans, initial=0))
    return tuple(tuple(tokens[start:end]) for start, end in list(pairwise(ends))[::2])


def own_tokens(spans: Spans, count: int) -> npt.NDArray[np.bool_]:
    """Which of a completion's first `count` tokens the policy sampled: bool [count]; all where there are no spans."""
    if not spans:
        return np.ones(count, dtype=np.bool_)
    own = np.repeat(np.arange(len(spans)) % 2 == 0, spans)
    return np.concatenate((own, np.ones(count - len(own), dtype=np.bool_)))


class Writing:
    """N dialogues as they are written, a token of each at a step. Satisfies `model.generate.Partner`."""

    def __init__(self, dialogue: Dialogue, problems: Sequence[int]) -> None:
        self._dialogue = dialogue
        self._rows = [_Row(problem) for problem in problems]

    def write(
        self, chosen: npt.NDArray[np.int64], running: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """See `model.generate.Partner`. Raises what the environment raises."""
        written, goes_on = chosen.copy(), running.copy()
        for index in np.flatnonzero(running).tolist():
            written[index], goes_on[index] = self._rows[index].write(self._dialogue, int(chosen[index]))
        return written, goes_on

    def spans(self) -> list[Spans]:
        """Of every dialogue, once none goes on."""
        return [tuple(row.spans) for row in self._rows]


class _Row:
    """One dialogue: what was said, and what is left of the reply that is being written."""

    def __init__(self, problem: int) -> None:
        self._problem = problem
        self._turns: list[tuple[int, ...]] = []
        self._turn: list[int] = []
        self._reply: list[int] = []
        self.spans: list[int] = []

    def write(self, dialogue: Dialogue, chosen: int) -> tuple[int, bool]:
        """The next token, and whether another follows."""
        if self._reply:
            return self._reply.pop(0), True
        self._turn.append(chosen)
        if not _is_over(dialogue, self._turn):
            return chosen, True
        self._turns.append(tuple(self._turn))
        reply = follow_up(dialogue, self._problem, self._turns)
        self.spans += [len(self._turn), len(reply)] if reply else [len(self._turn)]
        self._turn, self._reply = [], list(reply)
        return chosen, bool(reply)


def _turn(dialogue: Dialogue, tokens: tuple[int, ...]) -> tuple[int, ...]:
    """The finished turn that tokens begin with; none if they end before it does."""
    end = dialogue.end_token
    length = tokens.index(end) + 1 if end in tokens[: dialogue.turn_tokens] else dialogue.turn_tokens
    return tokens[:length] if length <= len(tokens) else ()


def _is_over(dialogue: Dialogue, turn: Sequence[int]) -> bool:
    return turn[-1] == dialogue.end_token or len(turn) == dialogue.turn_tokens
