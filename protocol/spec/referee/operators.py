"""The operators of a transformer on the referee's integers. Each hands its output rows to the listener."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import numpy as np

from cupel.protocol.spec.referee.fixed import (
    ACTIVATION_FRACTION_BITS,
    ONE,
    WEIGHT_FRACTION_BITS,
    Integers,
    divide,
    dot,
    dot_wide,
    multiply,
    saturate,
    square_sums,
    widen,
)
from cupel.protocol.spec.referee.functions import exp_negative, inverse_root, relu, silu
from cupel.protocol.spec.referee.functions import product as multiply_pairs
from cupel.protocol.spec.referee.trace import Kind, Listener

MIN_EPSILON = 1 << 27


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """Weights of a norm: scale [K] and, for a layer norm, bias [K]; epsilon in units of 2^-48, at least 2^27."""

    scale: Integers
    epsilon: int
    bias: Integers | None = None


def linear(values: Integers, weight: Integers, bias: Integers | None, listener: Listener) -> Integers:
    """values [T, K], weight [N, K], bias [N] -> [T, N]."""
    result = dot(values, weight, WEIGHT_FRACTION_BITS)
    if bias is not None:
        result = saturate(result + widen(bias))
    listener.rows(Kind.LINEAR, result)
    return result


def normalise(values: Integers, norm: Norm, listener: Listener) -> Integers:
    """Layer norm of rows [T, K] if there is a bias, else RMS norm. The mean is rounded, the sum of squares exact."""
    width = values.shape[1]
    # An RMS norm has no mean: zeros.
    sums = values.sum(axis=1) if norm.bias is not None else np.zeros(len(values), dtype=np.int64)
    means = divide(sums, np.asarray(width))
    values = values - means[:, None]
    assert norm.epsilon >= MIN_EPSILON, f"epsilon of {norm.epsilon} units"
    squares = square_sums(values)
    inverses = [inverse_root(total // width + norm.epsilon) for total in squares]
    factors, shifts = np.array(inverses, dtype=np.int64).T
    words = (factors << 8) + shifts
    moments = zip(sums.tolist(), squares, means.tolist(), words.tolist(), strict=True)
    listener.statistics(Kind.MOMENTS, list(moments))
    result = saturate(multiply(values, factors[:, None], shifts[:, None]))
    result = multiply(result, norm.scale.astype(np.int64), WEIGHT_FRACTION_BITS)
    if norm.bias is not None:
        result = result + widen(norm.bias)
    result = saturate(result)
    listener.rows(Kind.NORM, result)
    return result


def attend(query: Integers, keys: Integers, values: Integers, listener: Listener) -> Integers:
    """Causal attention of one head, each [T, D], D in [4, 256] -> [T, D].

    Position by position, so that memory is one row of scores: T rows of scores, probabilities and mixtures.
    """
    width = query.shape[1]
    assert width >= 4, f"heads of width {width}"
    scale = np.asarray(isqrt((1 << (2 * ACTIVATION_FRACTION_BITS)) // width))
    mixed = np.empty_like(query)
    for place in range(len(query)):
        seen = slice(0, place + 1)
        raw = dot_wide(query[place : place + 1], keys[seen])
        scores = multiply(raw, scale, ACTIVATION_FRACTION_BITS)
        listener.rows(Kind.SCORE, scores)
        chances = softmax(scores, listener)
        mixed[place] = dot(values[seen].T, chances, ACTIVATION_FRACTION_BITS)[:, 0]
        listener.rows(Kind.MIX, mixed[place : place + 1])
    return mixed


def softmax(scores: Integers, listener: Listener) -> Integers:
    """Probabilities in units of 2^-24 of each row of activations [R, C], C <= 2^18."""
    greatest = scores.max(axis=1, keepdims=True)
    weights = exp_negative(greatest - scores)
    listener.rows(Kind.EXP, weights)
    sums = weights.sum(axis=1, keepdims=True)
    listener.statistics(Kind.EXP_SUM, np.concatenate((greatest, sums), axis=1).tolist())
    chances = divide(weights << ACTIVATION_FRACTION_BITS, sums)
    listener.rows(Kind.SOFTMAX, chances)
    return chances


def add(values: Integers, others: Integers, listener: Listener) -> Integers:
    """Saturated sum of two [T, K]."""
    result = saturate(values + others)
    listener.rows(Kind.ADD, result)
    return result


def rectify(values: Integers, listener: Listener) -> Integers:
    """max(x, 0) of [T, K]."""
    result = relu(values)
    listener.rows(Kind.RELU, result)
    return result


def gate(gates: Integers, values: Integers, listener: Listener) -> Integers:
    """silu(gates) * values of two [T, K]."""
    opened = silu(gates)
    listener.rows(Kind.SILU, opened)
    result = multiply_pairs(opened, values)
    listener.rows(Kind.PRODUCT, result)
    return result


def epsilon_units(billionths: int) -> int:
    """A norm's epsilon, given in billionths, in units of 2^-48, rounded half up."""
    return (2 * billionths * ONE * ONE + 10**9) // (2 * 10**9)
