"""Attention challenges: only the drawn layer's committed proofs open the root."""

import dataclasses

import pytest

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.toploc.attention import (
    LayerOpening,
    attention_root,
    check_opening,
    drawn_layer,
    open_layer,
)

LAYERS, CHUNKS = 5, 3
PROOFS = [[bytes([layer, chunk]) * 17 for chunk in range(CHUNKS)] for layer in range(LAYERS)]
ROOT = attention_root(PROOFS)
# Golden: the same in every implementation.
GOLDEN_ROOT = "13ebba435cf99712b52e34ed503239949e9eae70133c68ffe757ec9c20da4b42"
GOLDEN_DRAWS = [0, 0, 3, 3, 3, 1, 0, 0]


def reason(opening: LayerOpening, layer: int) -> Reason | None:
    rejected = check_opening(ROOT, opening, layer, LAYERS, CHUNKS)
    return None if rejected is None else rejected.reason


@pytest.mark.parametrize("layer", range(LAYERS))
def test_every_layer_opens_and_only_where_it_was_drawn(layer: int) -> None:
    opening = open_layer(PROOFS, layer)
    assert reason(opening, layer) is None
    assert reason(opening, (layer + 1) % LAYERS) is Reason.TOPLOC_LAYER
    renamed = dataclasses.replace(opening, layer=(layer + 1) % LAYERS)
    assert reason(renamed, (layer + 1) % LAYERS) is Reason.TOPLOC_LAYER


def test_a_proof_made_after_the_draw_does_not_open() -> None:
    opening = open_layer(PROOFS, 2)
    late = dataclasses.replace(opening, proofs=(*opening.proofs[:-1], bytes(34)))
    assert reason(late, 2) is Reason.TOPLOC_LAYER


def test_proofs_cannot_change_places() -> None:
    opening = open_layer(PROOFS, 2)
    swapped = dataclasses.replace(opening, proofs=opening.proofs[::-1], siblings=opening.siblings[::-1])
    assert reason(swapped, 2) is Reason.TOPLOC_LAYER


@pytest.mark.parametrize("count", [0, CHUNKS - 1, CHUNKS + 1])
def test_every_chunk_is_opened(count: int) -> None:
    opening = open_layer(PROOFS, 1)
    proofs, siblings = (opening.proofs * 2)[:count], (opening.siblings * 2)[:count]
    assert reason(LayerOpening(1, proofs, siblings), 1) is Reason.TOPLOC_COUNT
    assert reason(LayerOpening(1, opening.proofs, siblings), 1) is Reason.TOPLOC_COUNT


def test_every_layer_is_drawn_about_as_often() -> None:
    drawn = [drawn_layer(keccak256(b"block"), 3, rollout, LAYERS) for rollout in range(1000)]
    assert all(150 < drawn.count(layer) < 250 for layer in range(LAYERS))
    assert drawn != [drawn_layer(keccak256(b"another"), 3, rollout, LAYERS) for rollout in range(1000)]
    assert drawn[:8] == GOLDEN_DRAWS
    assert ROOT.hex() == GOLDEN_ROOT
