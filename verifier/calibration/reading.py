"""Whose tokens are whose in claimed texts, whether replies are the environment's, and whether texts end in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.dialogue import Writing, own_tokens
from cupel.protocol.spec.environments.base import Dialogue, Environment


@dataclass(frozen=True, slots=True)
class Reading:
    """N texts of at most T tokens.

    own: the tokens that the policy sampled, bool [N, T]. ends_wrongly: elsewhere than the rules say, bool [N].
    is_misquoted: another reply than the environment's stands in it, bool [N].
    """

    own: npt.NDArray[np.bool_]
    ends_wrongly: npt.NDArray[np.bool_]
    is_misquoted: npt.NDArray[np.bool_]


def read(
    environment: Environment,
    problems: Sequence[int],
    tokens: npt.NDArray[np.int32],
    lengths: npt.NDArray[np.int32],
) -> Reading:
    """Read N texts. tokens: int32 [N, T], T the most that a task allows; lengths: int32 [N]."""
    inside = np.arange(tokens.shape[1]) < lengths[:, None]
    if isinstance(environment, Dialogue):
        return _read_dialogues(environment, problems, tokens, inside)
    is_end = tokens == environment.end_token
    right = np.where(is_end.any(axis=1), is_end.argmax(axis=1) + 1, tokens.shape[1])
    return Reading(inside, lengths != right, np.zeros(len(tokens), dtype=np.bool_))


def _read_dialogues(
    dialogue: Dialogue,
    problems: Sequence[int],
    tokens: npt.NDArray[np.int32],
    inside: npt.NDArray[np.bool_],
) -> Reading:
    """Write them once more: where that puts another token than the text has, the environment said something else."""
    writing = Writing(dialogue, problems)
    given, count = tokens.astype(np.int64), tokens.shape[1]
    is_misquoted = np.zeros(len(tokens), dtype=np.bool_)
    is_open, ended = np.ones(len(tokens), dtype=np.bool_), np.zeros(len(tokens), dtype=np.int64)
    for step in range(count):
        running = is_open & inside[:, step]
        written, goes_on = writing.write(given[:, step], running)
        is_misquoted |= running & (written != given[:, step])
        ended[running & ~goes_on] = step + 1
        is_open &= goes_on | ~running
    own = np.zeros_like(inside)
    for row, spans in zip(own, writing.spans(), strict=True):
        # A reply may be cut off; what follows the last finished turn and its reply counts as a turn.
        row[:] = own_tokens(spans, max(len(row), sum(spans)))[: len(row)]
    return Reading(own & inside, ended != inside.sum(axis=1), is_misquoted)
