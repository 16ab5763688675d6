"""Every entry of a trace is what its step gives of the rows and weights that the layout names."""

import pytest

from cupel.protocol.model.layout import layout_of
from cupel.protocol.spec.referee import layout
from cupel.protocol.spec.referee.execution import block_lengths, compute, entry_bytes, read_entries
from cupel.protocol.spec.referee.sides import trace_of
from cupel.protocol.spec.referee.trace import Kind
from cupel.protocol.spec.referee.weights_tree import rows
from cupel.protocol.spec.task import ModelShape
from cupel.protocol.testing.game_case import NARROW, WIDE, example_parameters, tensors_of

TOKENS = (12, 3, 9)


@pytest.mark.parametrize("shape", [NARROW, WIDE])
def test_every_entry_is_its_step(shape: ModelShape) -> None:
    parameters = example_parameters(shape)
    record = trace_of(shape, tensors_of(shape, parameters), TOKENS).record
    weights = [tuple(row.tolist()) for row in rows(parameters, layout_of(shape).tensors)]
    for number, entries in enumerate(record.entries):
        row = layout.locate(shape, len(TOKENS), number)
        token = TOKENS[row.position]
        for column in {0, 1 % len(entries), len(entries) // 2, len(entries) - 1}:
            sources = [record.entries[place] for place in layout.sources(shape, len(TOKENS), row, column)]
            opened = [weights[place] for place in layout.weight_rows(shape, row, column, token)]
            assert compute(shape, row, column, sources, opened) == entries[column], (row, column)


def test_blocks_hold_sixty_four_entries_and_the_rest() -> None:
    assert [block_lengths(length) for length in (2, 64, 65, 216)] == [(2,), (64,), (64, 1), (64, 64, 64, 24)]


def test_entries_are_signed() -> None:
    assert (entry_bytes(Kind.LINEAR), entry_bytes(Kind.MOMENTS), entry_bytes(Kind.EXP_SUM)) == (5, 16, 16)
    data = (-5).to_bytes(5, "big", signed=True) + (7).to_bytes(5, "big")
    assert read_entries(data, 5) == (-5, 7)
