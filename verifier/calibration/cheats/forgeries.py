"""Proofs made without the states they stand for, under an honest text: the worst case, for a text gives nothing away.

A forger knows the statistics of up to SEEN_ROLLOUTS honest rollouts of the same policy, never the audited one's states.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.model.generate import Generation
from cupel.protocol.spec.toploc import Proof, build_proofs_batch, chunk_counts, to_bfloat16
from cupel.protocol.spec.toploc.activations import select_points
from cupel.protocol.spec.toploc.polynomial import interpolate
from cupel.verifier.calibration.cheats.base import Bench, Cheat, Forger, claim_of, generation_of
from cupel.verifier.calibration.evidence import Claim
from cupel.verifier.calibration.setting import Assigned, Setting, derive_seed

SEEN_ROLLOUTS: Final = 512

Points = list[tuple[int, int]]
Forge = Callable[[Setting, Generation, Generation], list[list[bytes]]]
"""Proofs from what was seen and the audited text, whose states only `negated` may use."""


def constant(setting: Setting, seen: Generation, text: Generation) -> list[list[bytes]]:
    """The typical pattern everywhere: the zero-degree polynomial that passes the published deployment."""
    patterns = _support(setting, seen)[1]
    typical = int(np.median(patterns[patterns > 0]))
    proof = Proof((typical, *[0] * (setting.topk - 1))).to_bytes()
    return _same(setting, text, proof)


def constant_at_outliers(setting: Setting, seen: Generation, text: Generation) -> list[list[bytes]]:
    """The typical pattern at the places that are in the support most often: of full degree, so well-formed."""
    patterns = _support(setting, seen)[1]
    typical = int(np.median(patterns[patterns > 0]))
    places = [index for index, _ in _outliers(setting, seen)]
    points = [*((place, typical) for place in places[1:]), (places[0], typical ^ 1)]
    return _same(setting, text, Proof(tuple(interpolate(points))).to_bytes())


def predicted_outliers(setting: Setting, seen: Generation, text: Generation) -> list[list[bytes]]:
    """The places that are in the support most often, each with its mean value there."""
    return _same(setting, text, Proof(tuple(interpolate(_outliers(setting, seen)))).to_bytes())


def state_table(setting: Setting, seen: Generation, text: Generation) -> list[list[bytes]]:
    """The mean state of every position and token before and after it, looked up: a model without attention."""
    table: dict[tuple[int, ...], npt.NDArray[np.float64]] = {}
    counts: dict[tuple[int, ...], int] = {}
    for keys, states in zip(_contexts(seen.tokens, seen.lengths), seen.hidden, strict=True):
        for place, pair in enumerate(keys):
            for key in pair:
                table[key] = table.get(key, 0.0) + states[place].astype(np.float64)
                counts[key] = counts.get(key, 0) + 1
    middle = seen.hidden.sum(axis=(0, 1)) / max(int(seen.lengths.sum()), 1)
    hidden = np.zeros_like(text.hidden)
    for row, keys in zip(hidden, _contexts(text.tokens, text.lengths), strict=True):
        for place, pair in enumerate(keys):
            known = [key for key in pair if key in table]
            row[place] = table[known[0]] / counts[known[0]] if known else middle
    return build_proofs_batch(hidden, text.lengths, setting.chunk_tokens, setting.topk)


def replayed(setting: Setting, seen: Generation, text: Generation) -> list[list[bytes]]:
    """Honest proofs of other rollouts, whichever comes to hand."""
    proofs = build_proofs_batch(seen.hidden, seen.lengths, setting.chunk_tokens, setting.topk)
    flat = [proof for rollout in proofs for proof in rollout]
    counts = chunk_counts(text.lengths, setting.chunk_tokens).tolist()
    ends = np.cumsum(counts).tolist()
    return [
        [flat[place % len(flat)] for place in range(end - count, end)]
        for count, end in zip(counts, ends, strict=True)
    ]


def negated(setting: Setting, seen: Generation, text: Generation) -> list[list[bytes]]:
    """The right states with the opposite sign, as the published comparison does not see."""
    return build_proofs_batch(-text.hidden, text.lengths, setting.chunk_tokens, setting.topk)


def null(setting: Setting, seen: Generation, text: Generation) -> list[list[bytes]]:
    """Coefficients of zero."""
    return _same(setting, text, Proof((0,) * setting.topk).to_bytes())


def _support(setting: Setting, seen: Generation) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint16]]:
    return select_points(seen.hidden, seen.lengths, setting.chunk_tokens, setting.topk)


def _outliers(setting: Setting, seen: Generation) -> Points:
    """The k places that are in the support most often, each with the mean value of the chunks that have it."""
    indices, patterns = _support(setting, seen)
    size = min(setting.chunk_tokens, setting.max_tokens) * setting.model.width
    size = max(size, setting.topk)
    values = (patterns.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    times = np.bincount(indices.ravel(), minlength=size)
    sums = np.bincount(indices.ravel(), weights=values.ravel(), minlength=size)
    places = np.argsort(-times, kind="stable")[: setting.topk]
    means = to_bfloat16((sums[places] / np.maximum(times[places], 1)).astype(np.float32))
    return list(zip(places.tolist(), means.tolist(), strict=True))


def _same(setting: Setting, text: Generation, proof: bytes) -> list[list[bytes]]:
    return [[proof] * count for count in chunk_counts(text.lengths, setting.chunk_tokens).tolist()]


def _contexts(
    tokens: npt.NDArray[np.int32], lengths: npt.NDArray[np.int32]
) -> list[list[tuple[tuple[int, ...], ...]]]:
    """For every token of every rollout what is known of it, most telling first."""
    rollouts: list[list[tuple[tuple[int, ...], ...]]] = []
    for row, length in zip(tokens.tolist(), lengths.tolist(), strict=True):
        before = [-1, *row[: length - 1]]
        rollouts.append(
            [
                ((place, last, chosen), (place, chosen), (place,))
                for place, (last, chosen) in enumerate(zip(before, row[:length], strict=True))
            ]
        )
    return rollouts


def _forgery(name: str, title: str, forge: Forge) -> Cheat:
    def prepare(bench: Bench) -> Forger:
        setting, policy = bench.setting, bench.policy
        known = setting.assign(derive_seed(bench.seed, "seen"), setting.at_once(SEEN_ROLLOUTS))
        seen = generation_of(setting, policy, known)

        def make(assigned: Assigned) -> Claim:
            text = generation_of(setting, policy, assigned)
            proofs = forge(setting, seen, text)
            return claim_of(setting, assigned, text, proofs)

        return make

    return Cheat(name, title, prepare)


FORGERIES: Final = (
    _forgery("constant", "constant polynomial", constant),
    _forgery("constant-at-outliers", "one pattern at predicted outliers", constant_at_outliers),
    _forgery("predicted-outliers", "mean values at predicted outliers", predicted_outliers),
    _forgery("state-table", "mean state by position and tokens", state_table),
    _forgery("replayed", "another rollout's proof", replayed),
    _forgery("negated", "the states with the opposite sign", negated),
    _forgery("null", "null polynomial", null),
)
