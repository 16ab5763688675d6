"""How a process that is behind comes to the newest version: deltas from what it holds, or the whole checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MAX_CHAIN: Final = 8
"""Deltas to apply one after the other: each takes a pass over all weights, and one that is missing wastes the rest."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A version that stands on the chain, and what it would take to fetch it: bytes that are not here yet."""

    digest: bytes
    checkpoint_bytes: int
    update_bytes: int
    """Zero if the weights are the parent's."""


@dataclass(frozen=True, slots=True)
class Route:
    """A way to `version`."""

    version: int
    deltas: bool
    """Every delta since the version held, or the checkpoint."""
    num_bytes: int


def routes(held: int, offers: Mapping[int, Offer]) -> tuple[Route, ...]:
    """Every way to a newer version, in the order to try them: the newest version first, and the fewest bytes to it.

    held: newest version held; -1 for none. Never a version that is not newer, nor one that the chain does not know.
    """
    newer = sorted((version for version in offers if version > held), reverse=True)
    return tuple(route for version in newer for route in _routes_to(version, held, offers))


def _routes_to(version: int, held: int, offers: Mapping[int, Offer]) -> list[Route]:
    found = [Route(version, False, offers[version].checkpoint_bytes)]
    chain = range(held + 1, version + 1)
    if held >= 0 and len(chain) <= MAX_CHAIN and all(link in offers for link in chain):
        found.append(Route(version, True, sum(offers[link].update_bytes for link in chain)))
    # Between equals the checkpoint, which needs no work.
    return sorted(found, key=lambda route: (route.num_bytes, route.deltas))
