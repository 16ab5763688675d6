"""Where rows stand: against what the forward pass tells its listener."""

import json
from pathlib import Path

import numpy as np
import pytest

from cupel.protocol.model.layout import layout_of
from cupel.protocol.spec.referee import layout, tiny, weights_tree
from cupel.protocol.spec.referee.layout import Part, Row
from cupel.protocol.spec.referee.record import Record
from cupel.protocol.spec.referee.trace import Commitment
from cupel.protocol.spec.task import ModelShape
from cupel.protocol.testing.game_case import example_parameters
from cupel.protocol.testing.game_vectors import SHAPES
from cupel.protocol.testing.vectors import FILES

SHAPE = SHAPES[0][0]
TOKENS = [3, 0, 6, 6, 1]


def traced(listener: Record | Commitment) -> None:
    tensors = layout_of(SHAPE).split(example_parameters(SHAPE))
    tiny.hidden_states(SHAPE, tensors, np.array(TOKENS), listener)


def test_file_is_what_the_code_gives() -> None:
    path = Path(__file__).parents[4] / "vectors" / "referee_game.json"
    assert FILES["referee_game"]() == json.loads(path.read_text(encoding="utf-8"))


def test_every_row_has_the_kind_and_length_that_the_forward_pass_tells() -> None:
    record = Record()
    traced(record)
    assert len(record.kinds) == layout.row_count(SHAPE, len(TOKENS))
    for index, (kind, entries) in enumerate(zip(record.kinds, record.entries, strict=True)):
        row = layout.locate(SHAPE, len(TOKENS), index)
        assert (row.kind, layout.row_length(SHAPE, row)) == (kind, len(entries)), index


@pytest.mark.parametrize(("shape", "tokens"), SHAPES[:2])
def test_a_row_and_its_number_are_inverse_and_sources_come_earlier(shape: ModelShape, tokens: int) -> None:
    for index in range(layout.row_count(shape, tokens)):
        row = layout.locate(shape, tokens, index)
        assert layout.row_index(shape, tokens, row) == index
        for column in (0, layout.row_length(shape, row) - 1):
            assert all(source < index for source in layout.sources(shape, tokens, row, column)), row


def test_a_record_and_a_commitment_have_one_root() -> None:
    record, commitment = Record(), Commitment()
    traced(record)
    traced(commitment)
    assert record.root() == commitment.root()


def test_weight_rows_are_the_tensors_rows() -> None:
    tensors = layout_of(SHAPE)
    parameters = example_parameters(SHAPE)
    rows = list(weights_tree.rows(parameters, tensors.tensors))
    named = tensors.split(parameters)
    assert len(rows) == layout.weight_row_count(SHAPE)
    cases = {
        (Part.EMBED, 0): (named["token_embedding.weight"][4], named["position_embedding.weight"][2]),
        (Part.FINAL_NORM, 0): (named["final_norm.weight"], named["final_norm.bias"]),
    }
    prefix = "blocks.1."
    for part, name in (
        (Part.ATTENTION_IN, "attention_in"),
        (Part.ATTENTION_OUT, "attention_out"),
        (Part.FEED_IN, "feed_in"),
        (Part.FEED_OUT, "feed_out"),
    ):
        cases[part, 1] = (named[f"{prefix}{name}.weight"][5],)
    for part, name in ((Part.ATTENTION_NORM, "attention_norm"), (Part.FEED_NORM, "feed_norm")):
        cases[part, 1] = (named[f"{prefix}{name}.weight"], named[f"{prefix}{name}.bias"])
    for (part, layer), expected in cases.items():
        numbers = layout.weight_rows(SHAPE, Row(part, layer, 0, 2), 5, 4)
        assert len(numbers) == len(expected)
        for number, row in zip(numbers, expected, strict=True):
            assert np.array_equal(rows[number], row), part
