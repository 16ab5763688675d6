"""The rollouts file of a submission: a safetensors file of six or seven arrays, strict on read.

N rollouts, T = the task's longest completion, C chunks in all, B = 2 + 2k bytes of a proof:

    tokens    int32 [N, T], padded with -1        rewards   int32 [N], millionths
    lengths   int32 [N]                           proofs    uint8 [C, B], rollout after rollout
    problems  int64 [N]                           seeds     uint8 [N, 32]

The second form is that of dialogues, whose most spans in the file are S, an odd number:

    spans     int32 [N, S], of every dialogue its turns and replies in tokens, padded with 0

Which form a task's files have, its environment decides: the verifier's termination check.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.spec.task import TaskParams

PAD: Final = -1
SEED_BYTES: Final = 32
_SPANS: Final = "spans"
_MAX_TOKEN: Final = 2**31 - 1


def encode(rollouts: Sequence[Rollout], params: TaskParams) -> bytes:
    """Canonical bytes of a round's rollouts, in index order."""
    tokens = np.full((len(rollouts), params.max_tokens), PAD, dtype=np.int32)
    for row, rollout in zip(tokens, rollouts, strict=True):
        row[: len(rollout.tokens)] = rollout.tokens
    proofs = b"".join(proof for rollout in rollouts for proof in rollout.proofs)
    arrays: dict[str, npt.NDArray[Any]] = {
        "tokens": tokens,
        "lengths": np.array([len(rollout.tokens) for rollout in rollouts], dtype=np.int32),
        "problems": np.array([rollout.problem for rollout in rollouts], dtype=np.int64),
        "seeds": _bytes_rows(b"".join(rollout.seed for rollout in rollouts), SEED_BYTES),
        "rewards": np.array([rollout.reward for rollout in rollouts], dtype=np.int32),
        "proofs": _bytes_rows(proofs, _proof_bytes(params)),
    }
    if any(rollout.spans for rollout in rollouts):
        arrays[_SPANS] = _padded_spans([rollout.spans for rollout in rollouts])
    return save(arrays)


def decode(data: bytes, params: TaskParams) -> tuple[Rollout, ...]:
    """The rollouts of a file.

    Rejected(SCHEMA) for missing or unknown arrays, wrong shapes or types, lengths outside [1, max tokens], padding
    that is not -1, negative token ids, problems and rewards, and spans that do not add up to their lengths.
    """
    arrays = _load(data)
    count = int(arrays["lengths"].shape[0]) if arrays["lengths"].ndim == 1 else -1
    if not 1 <= count <= params.units_per_round:
        raise Rejected(Reason.SCHEMA, f"{count} rollouts, 1 to {params.units_per_round} allowed")
    _expect(arrays, "tokens", np.int32, (count, params.max_tokens))
    _expect(arrays, "lengths", np.int32, (count,))
    _expect(arrays, "problems", np.int64, (count,))
    _expect(arrays, "seeds", np.uint8, (count, SEED_BYTES))
    _expect(arrays, "rewards", np.int32, (count,))
    lengths = arrays["lengths"]
    if lengths.min() < 1 or lengths.max() > params.max_tokens:
        raise Rejected(Reason.SCHEMA, "a length outside [1, max tokens]")
    chunks = -(-lengths // params.chunk_tokens)
    _expect(arrays, "proofs", np.uint8, (int(chunks.sum()), _proof_bytes(params)))
    padding = np.arange(params.max_tokens)[None, :] >= lengths[:, None]
    if not np.array_equal(arrays["tokens"] == PAD, padding) or (arrays["tokens"] < PAD).any():
        raise Rejected(Reason.SCHEMA, "tokens and lengths disagree")
    if arrays["problems"].min() < 0 or arrays["problems"].max() > _MAX_TOKEN or arrays["rewards"].min() < 0:
        raise Rejected(Reason.SCHEMA, "a problem or reward out of range")
    return _rows(arrays, chunks, _spans(arrays, count, params.max_tokens))


def _rows(
    arrays: dict[str, npt.NDArray[np.signedinteger]],
    chunks: npt.NDArray[np.signedinteger],
    spans: list[tuple[int, ...]],
) -> tuple[Rollout, ...]:
    tokens, lengths = arrays["tokens"].tolist(), arrays["lengths"].tolist()
    problems, rewards = arrays["problems"].tolist(), arrays["rewards"].tolist()
    ends = np.cumsum(chunks).tolist()
    proofs = [row.tobytes() for row in arrays["proofs"]]
    seeds = [row.tobytes() for row in arrays["seeds"]]
    return tuple(
        Rollout(
            problem=problems[i],
            seed=seeds[i],
            tokens=tuple(tokens[i][: lengths[i]]),
            reward=rewards[i],
            proofs=tuple(proofs[ends[i - 1] if i else 0 : ends[i]]),
            spans=spans[i],
        )
        for i in range(len(lengths))
    )


def _spans(
    arrays: dict[str, npt.NDArray[np.signedinteger]], count: int, max_tokens: int
) -> list[tuple[int, ...]]:
    """Spans of every rollout; none where the file is of the first form."""
    spans = arrays.get(_SPANS)
    if spans is None:
        return [()] * count
    most = spans.shape[1] if spans.ndim == 2 else 0
    _expect(arrays, _SPANS, np.int32, (count, most))
    present = spans > 0
    counts = present.sum(axis=1)
    problems = {
        "spans behind a gap or negative": not np.array_equal(spans != 0, np.arange(most) < counts[:, None]),
        "an even number of spans": not (counts % 2 == 1).all(),
        "more columns of spans than any rollout has": most > max_tokens or most != counts.max(initial=0),
        "spans and lengths disagree": not np.array_equal(
            spans.sum(axis=1, dtype=np.int64), arrays["lengths"]
        ),
    }
    for problem, wrong in problems.items():
        if wrong:
            raise Rejected(Reason.SCHEMA, problem)
    return [tuple(row[:present_]) for row, present_ in zip(spans.tolist(), counts.tolist(), strict=True)]


def _padded_spans(spans: Sequence[tuple[int, ...]]) -> npt.NDArray[np.int32]:
    padded = np.zeros((len(spans), max(map(len, spans))), dtype=np.int32)
    for row, given in zip(padded, spans, strict=True):
        row[: len(given)] = given
    return padded


def _load(data: bytes) -> dict[str, npt.NDArray[np.signedinteger]]:
    try:
        arrays = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise Rejected(Reason.SCHEMA, f"not a safetensors file: {error}") from None
    expected = {"tokens", "lengths", "problems", "seeds", "rewards", "proofs"}
    if set(arrays) not in (expected, expected | {_SPANS}):
        raise Rejected(Reason.SCHEMA, f"arrays {sorted(arrays)}, expected {sorted(expected)}")
    return arrays


def _expect(
    arrays: dict[str, npt.NDArray[np.signedinteger]],
    name: str,
    dtype: type[np.generic],
    shape: tuple[int, ...],
) -> None:
    array = arrays[name]
    if array.dtype != dtype or array.shape != shape:
        found = f"{array.dtype} {list(array.shape)}"
        raise Rejected(Reason.SCHEMA, f"{name} is {found}, expected {np.dtype(dtype)} {list(shape)}")


def _proof_bytes(params: TaskParams) -> int:
    return 2 + 2 * params.topk


def _bytes_rows(data: bytes, width: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, width)
