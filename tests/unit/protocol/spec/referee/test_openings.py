"""What shows a row, a row of weights, and a version's root; and what does not."""

import dataclasses

import pytest

from cupel.protocol.model.layout import layout_of
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.referee import layout, tree
from cupel.protocol.spec.referee.moves import RowOpening
from cupel.protocol.spec.referee.openings import opened_row, opened_weights, shown_root
from cupel.protocol.spec.referee.sides import Weights, trace_of
from cupel.protocol.spec.referee.weights_tree import canonical_root, rows
from cupel.protocol.testing.game_case import WIDE, example_parameters, game_case, tensors_of
from cupel.protocol.testing.vectors import CHAIN_ID, HUB, NODE, example_params

PARAMETERS = example_parameters(WIDE)
TOKENS = (12, 3, 9)
TRACE = trace_of(WIDE, tensors_of(WIDE, PARAMETERS), TOKENS)
ROOT = TRACE.record.root()


def opening(number: int) -> RowOpening:
    return RowOpening(TRACE.record.blocks[number], tree.proof(TRACE.record.leaves, number))


def test_every_row_is_shown() -> None:
    for number, entries in enumerate(TRACE.record.entries):
        assert opened_row(WIDE, len(TOKENS), ROOT, number, opening(number)) == entries


def test_another_row_or_other_data_is_not() -> None:
    number = layout.row_index(WIDE, len(TOKENS), layout.Row(layout.Part.ATTENTION_IN, 0, 0, 1))
    right = opening(number)
    first, *rest = right.blocks
    for false in (
        opening(number + 1),
        dataclasses.replace(right, blocks=(bytes([first[0] ^ 1]) + first[1:], *rest)),
        dataclasses.replace(right, blocks=(first[:-5], first[-5:] + rest[0], *rest[1:])),
        dataclasses.replace(right, blocks=right.blocks[:-1]),
        dataclasses.replace(right, blocks=(*right.blocks, b"")),
        dataclasses.replace(right, nodes=right.nodes[:-1]),
    ):
        with pytest.raises(Rejected) as caught:
            opened_row(WIDE, len(TOKENS), ROOT, number, false)
        assert caught.value.reason is Reason.REFEREE_MOVE


def test_every_kind_of_weight_row_is_shown() -> None:
    weights, root = (
        Weights(PARAMETERS, layout_of(WIDE).tensors),
        canonical_root(PARAMETERS, layout_of(WIDE).tensors),
    )
    own = [tuple(row.tolist()) for row in rows(PARAMETERS, layout_of(WIDE).tensors)]
    for number in range(0, len(own), 37):
        shown = opened_weights(WIDE, root, number, len(own[number]), weights.opening(number))
        assert shown == own[number]
    with pytest.raises(Rejected):
        opened_weights(WIDE, root, 1, len(own[0]), weights.opening(0))
    with pytest.raises(Rejected):
        opened_weights(WIDE, root, 0, len(own[0]) - 1, weights.opening(0))


def test_a_manifest_shows_its_root() -> None:
    manifest = game_case(WIDE, example_params(), CHAIN_ID, HUB, NODE).manifest
    assert shown_root(manifest, sha256(manifest)) == canonical_root(PARAMETERS, layout_of(WIDE).tensors)


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest[40:],
        lambda manifest: manifest.replace(b"canonical_root", b"Canonical_root"),
        lambda manifest: manifest[:59] + manifest[59:123].upper() + manifest[123:],
        lambda manifest: manifest[:122] + manifest[123:],
        lambda manifest: manifest[:80],
        lambda manifest: manifest + bytes(1024),
    ],
)
def test_bytes_without_a_root_in_its_place_show_none(change: object) -> None:
    manifest = game_case(WIDE, example_params(), CHAIN_ID, HUB, NODE).manifest
    assert callable(change)
    changed = change(manifest)
    with pytest.raises(Rejected):
        shown_root(changed, sha256(changed))


def test_another_manifest_shows_nothing() -> None:
    manifest = game_case(WIDE, example_params(), CHAIN_ID, HUB, NODE).manifest
    with pytest.raises(Rejected):
        shown_root(manifest, sha256(b"another"))
