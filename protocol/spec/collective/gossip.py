"""Averaging with neighbours only, in exact integers: what one member gives up another receives.

Metropolis weights (Xiao and Boyd 2004): an edge of members i and j has weight 1 / (1 + max(degree_i, degree_j)). Each
end computes the flow of the edge, (x_j - x_i) * weight rounded half to even, which only differs in sign at the other
end: the sum over all members stays the same to the last bit, whatever is rounded. What rounding costs is the end of
the convergence: an edge whose ends differ by at most (1 + max degree) / 2 units carries nothing any more, so replicas
may stay that far apart per edge of the way between them. Values in units of 2^-32 make that nothing; a consensus round
(the full mean) makes it zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.collective.topology import Kind, Topology
from cupel.protocol.spec.diloco.outer import divide
from cupel.protocol.spec.task import Aggregation

# Differences of values up to this never leave an int64, nor do the sums of their flows.
MAX_VALUE: Final = 2**61
SHRINK: Final = 1000


def gossip(values: npt.NDArray[np.int64], topology: Topology) -> npt.NDArray[np.int64]:
    """One round: int64 [members, coordinates] in `topology.members` order, absolute values up to MAX_VALUE."""
    assert len(values) == len(topology.members)
    degrees = topology.degrees
    moved = values.copy()
    for left, right in topology.edges:
        flow = divide(values[right] - values[left], 1 + max(degrees[left], degrees[right]))
        moved[left] += flow
        moved[right] -= flow
    return moved


def received(
    own: npt.NDArray[np.int64], neighbours: Sequence[tuple[npt.NDArray[np.int64], int]], degree: int
) -> npt.NDArray[np.int64]:
    """A member's own part of `gossip`, from the values and degrees of its neighbours: int64 [coordinates]."""
    moved = own.copy()
    for value, other in neighbours:
        moved += divide(value - own, 1 + max(degree, other))
    return moved


def mixing_matrix(topology: Topology) -> npt.NDArray[np.float64]:
    """What a round multiplies the members' values by, before rounding: [members, members], symmetric, rows sum to 1."""
    degrees = topology.degrees
    matrix = np.eye(len(topology.members))
    for left, right in topology.edges:
        weight = 1 / (1 + max(degrees[left], degrees[right]))
        matrix[left, right] = matrix[right, left] = weight
        matrix[left, left] -= weight
        matrix[right, right] -= weight
    return matrix


def spectral_gap(topology: Topology) -> float:
    """One minus the factor by which a round shrinks the worst disagreement; 0 for a graph that never agrees."""
    if len(topology.members) == 1:
        return 1.0
    values = np.sort(np.abs(np.linalg.eigvalsh(mixing_matrix(topology))))
    # The largest belongs to the mean itself. What is left of a gap below rounding noise is none.
    gap = float(1 - values[-2])
    return gap if gap > 1e-12 else 0.0


def expected_gap(topologies: Sequence[Topology]) -> float:
    """The same for graphs drawn anew every round, in the root mean square: from the mean of W^2 over a sample."""
    count = len(topologies[0].members)
    mean = np.full((count, count), 1 / count)
    squares = np.mean([mixing_matrix(topology) @ mixing_matrix(topology) for topology in topologies], axis=0)
    return float(1 - math.sqrt(max(0.0, np.linalg.eigvalsh(squares - mean)[-1])))


def rounds_to_consensus(gap: float) -> int | None:
    """Rounds until the worst disagreement is SHRINK times smaller; None if that never happens."""
    if gap <= 0:
        return None
    return 1 if gap >= 1 - 1 / SHRINK else math.ceil(math.log(SHRINK) / -math.log1p(-gap))


def spread(values: npt.NDArray[np.int64]) -> float:
    """How far replicas are apart: root mean square distance from their mean, over the root mean square of that mean.

    values: int64 [members, coordinates]. 0 for equal replicas.
    """
    floats = values.astype(np.float64)
    mean = floats.mean(axis=0)
    distance = math.sqrt(float(((floats - mean) ** 2).mean()))
    size = math.sqrt(float((mean**2).mean()))
    return distance / size if size else (math.inf if distance else 0.0)


def coupling_warning(kind: Kind, aggregation: Aggregation) -> str | None:
    """What to tell whoever combines this outer momentum with this topology; None if nothing speaks against it.

    Replicas that see only neighbours' updates build up momenta of their own, and a long memory can make the difference
    grow. With neighbours that stay, a ring of 4 fell 9.5 % behind the full mean at 0.9 and 0.2 % at 0.5. Neighbours
    drawn anew every round seem to cure most of that (8 nodes, one seed: 1.7 % at either; benchmarks/results/diloco.md),
    so this is a caution and no error.
    """
    if kind is Kind.FULL or 2 * aggregation.momentum_numerator <= aggregation.momentum_denominator:
        return None
    momentum = f"{aggregation.momentum_numerator}/{aggregation.momentum_denominator}"
    return (
        f"outer momentum {momentum} with topology {kind.value}: replicas that average with neighbours only may "
        "fall behind the full mean above 1/2; draw the graph anew every round, lower the momentum or use the full mean"
    )
