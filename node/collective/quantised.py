"""A sum of floats that travels in four or eight bits a value and is exact from the rounding at home on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.node.collective.member import CollectiveMember
from cupel.node.collective.outcome import Outcome
from cupel.protocol.spec.collective.quantised import dequantise, least_exponents, quantise, sum_dtype
from cupel.protocol.spec.collective.reduce import Operation, Reduce

EXPONENT_TAG: Final = 1 << 40
"""Added to a reduce's tag for the maximum of its exponents."""


@dataclass(frozen=True, slots=True)
class QuantisedOutcome:
    """Sum or mean (float32, the same bits on all), this member's remainder of rounding, bytes sent, both reduces."""

    values: npt.NDArray[np.float32]
    remainder: npt.NDArray[np.float32]
    sent_bytes: int
    exponents: Outcome
    mantissas: Outcome


def reduce_quantised(
    member: CollectiveMember, reduce: Reduce, values: npt.NDArray[np.float32], bits: int = 8
) -> QuantisedOutcome:
    """Sum or mean of float32 [reduce.size] in so many bits. Rejected as `member.reduce`.

    Add the remainder to the next values. Tags below EXPONENT_TAG. Who is lost between the two reduces has raised
    exponents and no values: the sum is exact all the same.
    """
    assert reduce.operation in (Operation.SUM, Operation.MEAN)
    assert reduce.dtype == "float32"
    assert reduce.tag < EXPONENT_TAG
    members = len(member.roster(reduce.round).order)
    wanted = least_exponents(values, bits)
    shared = member.reduce(
        Reduce(reduce.task, reduce.round, reduce.tag + EXPONENT_TAG, Operation.MAX, "int8", wanted.size),
        wanted,
    )
    own = quantise(values, shared.values, bits, members)
    dtype = sum_dtype(members, bits)
    summed = replace(reduce, operation=Operation.SUM, dtype=dtype, size=own.mantissas.size)
    total = member.reduce(summed, own.mantissas)
    found = dequantise(total.values, shared.values, values.size)
    if reduce.operation is Operation.MEAN:
        found /= np.float32(len(total.survivors))
    sent = 2 * (members - 1) * (wanted.nbytes + own.mantissas.nbytes) // members
    return QuantisedOutcome(found, own.remainder, sent, shared, total)
