"""A dispute's cost: what is counted is what the judge counts, the ABI encodes, and the snapshots add up to."""

from __future__ import annotations

import pytest
from dispute_cost import (
    MEASURED,
    TRANSACTION,
    descent_of,
    moves_of,
    shipped,
    size,
    snapshot,
    words,
)
from eth_abi.abi import encode
from growth import SHAPES

from cupel.protocol.chain.bindings import structs
from cupel.protocol.spec.referee.game import Terms
from cupel.protocol.spec.task import Thresholds


def of_a_linear_map() -> dict[str, int]:
    name = "linear map, "
    return {key.removeprefix(name): gas for key, gas in snapshot("CanonicalJudge").items() if name in key}


def test_the_measured_dispute_adds_up() -> None:
    gas = of_a_linear_map()
    moves = list(moves_of(MEASURED, gas, TRANSACTION))
    assert len(moves) == MEASURED.moves
    # Of each move the dearest was kept.
    assert sum(move.gas for move in moves) == pytest.approx(gas["whole dispute"], rel=0.01)


def test_the_worst_case_is_what_the_judge_asks_for() -> None:
    shape, clock, grace = shipped()
    terms = Terms(shape, Thresholds(0, 0, 0), clock, grace)
    assert descent_of(shape, shape.positions).worst_seconds(clock, grace) == terms.needed_seconds


@pytest.mark.parametrize("name", SHAPES)
def test_a_longer_text_is_no_shorter_dispute(name: str) -> None:
    short, long = (descent_of(SHAPES[name], tokens) for tokens in (64, 2_048))
    assert short.rounds < long.rounds
    gas = of_a_linear_map()
    assert len(list(moves_of(long, gas, TRANSACTION))) == long.moves


def test_calls_are_as_long_as_they_are_encoded() -> None:
    address, digest = "0x" + 40 * "1", bytes(32)
    game = (0, address, address, 0, 0, 0, digest, 0, digest, 0, 0, 0)
    chunk = ((address, digest), 0, 0, digest, digest, 0, 0, 0, 0, 0, digest, digest)
    opened = encode(["uint256", structs.CANONICAL_GAME_ABI, "bytes32[16]"], [0, game, 16 * [digest]])
    begun = encode(["uint256", structs.CANONICAL_GAME_ABI, structs.CANONICAL_CHUNK_ABI], [0, game, chunk])
    bytes_of = {move.name: move.bytes for move in moves_of(MEASURED, of_a_linear_map(), TRANSACTION)}
    assert bytes_of["open a node"] == 4 + len(opened)
    assert bytes_of["descend"] == 4 + len(begun)
    assert size(words(structs.CANONICAL_GAME_ABI)) == 4 + 32 * len(game)
