"""Who averages with whom: graphs over a task's members, drawn from chain data alone.

Every member computes the same graph from the roster and a beacon, so nobody assigns neighbours and nobody picks its
own. Drawn anew every round, a graph mixes better than one that stays.

    full          everybody with everybody: the exact mean in one round
    ring          two neighbours
    small-world   a ring lattice of four neighbours; each of its longer edges is sent elsewhere with chance one half, so
                  a quarter of all edges (after Watts and Strogatz 1998, but the ring stays: always connected)
    expander      two rings in independent orders: degree four, spectral gap bounded away from zero for any size with
                  high probability (Friedman 2008, permutation model)
    pair          one partner for this round, nobody for one member of an odd roster
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cupel.protocol.spec.encoding import address_bytes, words
from cupel.protocol.spec.hashing import domain, keccak256

TOPOLOGY_SEED: Final = domain("cupel.topology-seed.v1")
TOPOLOGY_ORDER: Final = domain("cupel.topology-order.v1")
TOPOLOGY_DRAW: Final = domain("cupel.topology-draw.v1")


class Kind(StrEnum):
    """A family of graphs."""

    FULL = "full"
    RING = "ring"
    SMALL_WORLD = "small-world"
    EXPANDER = "expander"
    PAIR = "pair"


@dataclass(frozen=True, slots=True)
class Topology:
    """An undirected graph over `members`; edges are pairs of their indices, the smaller first, in ascending order."""

    members: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]

    @property
    def degrees(self) -> tuple[int, ...]:
        """Number of neighbours of every member."""
        degrees = [0] * len(self.members)
        for edge in self.edges:
            for end in edge:
                degrees[end] += 1
        return tuple(degrees)

    def neighbours(self, member: str) -> tuple[str, ...]:
        """Those a member averages with."""
        own = self.members.index(member)
        others = (left + right - own for left, right in self.edges if own in (left, right))
        return tuple(self.members[other] for other in others)


def topology_seed(chain_id: int, hub: str, task: bytes, round_index: int, beacon: bytes) -> bytes:
    """Seed of a round's graph: 32 bytes, the same for every member."""
    return keccak256(words(TOPOLOGY_SEED, chain_id, hub, task, round_index, beacon))


def draw(kind: Kind, roster: Sequence[str], seed: bytes) -> Topology:
    """The graph of distinct members (0x addresses, in any order) under a seed of 32 bytes."""
    members = tuple(sorted(roster, key=address_bytes))
    assert len({address_bytes(member) for member in members}) == len(members), "a member stands twice"
    edges = {
        Kind.FULL: lambda: _full(len(members)),
        Kind.RING: lambda: _ring(_order(members, seed, 0)),
        Kind.SMALL_WORLD: lambda: _small_world(_order(members, seed, 0), seed),
        Kind.EXPANDER: lambda: _ring(_order(members, seed, 0)) | _ring(_order(members, seed, 1)),
        Kind.PAIR: lambda: _pairs(_order(members, seed, 0)),
    }[kind]()
    return Topology(members, tuple(sorted(edges)))


def _order(members: Sequence[str], seed: bytes, index: int) -> list[int]:
    """A permutation of the members: by hash, so a roster that grows by one keeps the others' relative order."""
    keys = [keccak256(words(TOPOLOGY_ORDER, seed, index, member)) for member in members]
    return sorted(range(len(members)), key=keys.__getitem__)


def _draws(seed: bytes) -> Iterator[int]:
    """Uniform 256-bit numbers; a remainder by n is uniform up to n / 2^256."""
    counter = 0
    while True:
        yield int.from_bytes(keccak256(words(TOPOLOGY_DRAW, seed, counter)), "big")
        counter += 1


def _edge(left: int, right: int) -> tuple[int, int]:
    return (left, right) if left < right else (right, left)


def _full(count: int) -> set[tuple[int, int]]:
    return {(left, right) for right in range(count) for left in range(right)}


def _ring(order: Sequence[int], distance: int = 1) -> set[tuple[int, int]]:
    """Edges between members that stand `distance` apart in a circle."""
    count = len(order)
    edges = {_edge(order[place], order[(place + distance) % count]) for place in range(count)}
    return {edge for edge in edges if edge[0] != edge[1]}


def _small_world(order: Sequence[int], seed: bytes) -> set[tuple[int, int]]:
    edges = _ring(order)
    draws = _draws(seed)
    for place in range(len(order)):
        start, end = order[place], order[(place + 2) % len(order)]
        if next(draws) % 2:
            end = order[next(draws) % len(order)]
        # An edge that exists already, or leads back, is not sent elsewhere again: degrees vary, the walk ends.
        if start != end:
            edges.add(_edge(start, end))
    return edges


def _pairs(order: Sequence[int]) -> set[tuple[int, int]]:
    return {_edge(*order[place : place + 2]) for place in range(0, len(order) - 1, 2)}
