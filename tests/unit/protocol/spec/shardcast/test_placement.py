"""Placement: the golden vectors, and what moves when the roster changes."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.shardcast.placement import NO_BEACON, REPLICAS, holders

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[4] / "vectors" / "placement.json").read_text())
TASK = keccak256(b"task")
ROSTER = [f"0x{number:040x}" for number in range(1, 21)]
ITEMS = [keccak256(bytes([number])) for number in range(200)]


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: f"{len(case['roster'])} nodes")
def test_holders_are_those_of_the_vectors(case: dict[str, Any]) -> None:
    digest, beacon = (bytes.fromhex(case[name][2:]) for name in ("digest", "beacon"))
    assert list(holders(case["roster"], TASK, digest, beacon, case["replicas"])) == case["holders"]


def test_the_order_of_the_roster_does_not_matter() -> None:
    assert holders(ROSTER, TASK, ITEMS[0], NO_BEACON) == holders(ROSTER[::-1], TASK, ITEMS[0], NO_BEACON)


def test_a_small_roster_keeps_everything() -> None:
    assert set(holders(ROSTER[:REPLICAS], TASK, ITEMS[0], NO_BEACON)) == set(ROSTER[:REPLICAS])
    assert holders([], TASK, ITEMS[0], NO_BEACON) == ()


def test_who_leaves_hands_over_only_what_it_held() -> None:
    for item in ITEMS:
        before = holders(ROSTER, TASK, item, NO_BEACON)
        after = holders(ROSTER[1:], TASK, item, NO_BEACON)
        assert after[: REPLICAS - 1] == tuple(one for one in before if one != ROSTER[0])[: REPLICAS - 1]
        assert ROSTER[0] in before or after == before


def test_the_load_is_even_and_follows_the_beacon() -> None:
    load = Counter(account for item in ITEMS for account in holders(ROSTER, TASK, item, NO_BEACON))
    # 200 items on 5 of 20 nodes: 50 each, and a standard deviation of 6.
    assert set(load) == set(ROSTER)
    assert max(load.values()) < 80
    moved = sum(
        holders(ROSTER, TASK, item, NO_BEACON) != holders(ROSTER, TASK, item, keccak256(b"b"))
        for item in ITEMS
    )
    assert moved > 190
