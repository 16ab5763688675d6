"""Where everything stands in a trace of the built-in policy: row number to operator and back, and what each entry is
computed from. Twin of contracts/libraries/RefereeLayout.sol; the order is that of `tiny.hidden_states`.

    T rows of embeddings
    per layer: T moments, T norms, T joint queries, keys and values; per head and position a score, exponential, sum,
    probability and mixture row; T maps back, T sums, T moments, T norms, T maps in, T ReLU, T maps out, T sums
    T moments, T norms
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cupel.protocol.spec.referee.fixed import BLOCK
from cupel.protocol.spec.referee.trace import Kind
from cupel.protocol.spec.task import ModelShape

MAX_LAYERS: Final = 10
"""Names of tensors sort as their layers do up to here."""
MIN_HEAD: Final = 4
_BEFORE_ATTENTION: Final = 3
_AFTER_ATTENTION: Final = 8
_OF_ATTENTION: Final = 5


class Part(IntEnum):
    """The operators of the policy; a layer's in the order of computation."""

    EMBED = 0
    ATTENTION_MOMENTS = 1
    ATTENTION_NORM = 2
    ATTENTION_IN = 3
    SCORE = 4
    EXP = 5
    EXP_SUM = 6
    SOFTMAX = 7
    MIX = 8
    ATTENTION_OUT = 9
    ATTENTION_ADD = 10
    FEED_MOMENTS = 11
    FEED_NORM = 12
    FEED_IN = 13
    FEED_RELU = 14
    FEED_OUT = 15
    FEED_ADD = 16
    FINAL_MOMENTS = 17
    FINAL_NORM = 18


_KINDS: Final = {
    Part.EMBED: Kind.EMBED,
    Part.SCORE: Kind.SCORE,
    Part.EXP: Kind.EXP,
    Part.EXP_SUM: Kind.EXP_SUM,
    Part.SOFTMAX: Kind.SOFTMAX,
    Part.MIX: Kind.MIX,
    Part.FEED_RELU: Kind.RELU,
    **dict.fromkeys((Part.ATTENTION_MOMENTS, Part.FEED_MOMENTS, Part.FINAL_MOMENTS), Kind.MOMENTS),
    **dict.fromkeys((Part.ATTENTION_NORM, Part.FEED_NORM, Part.FINAL_NORM), Kind.NORM),
    **dict.fromkeys((Part.ATTENTION_IN, Part.ATTENTION_OUT, Part.FEED_IN, Part.FEED_OUT), Kind.LINEAR),
    **dict.fromkeys((Part.ATTENTION_ADD, Part.FEED_ADD), Kind.ADD),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of the trace holds."""

    part: Part
    layer: int
    """0 for the embedding and the final norm."""
    head: int
    """0 outside attention."""
    position: int

    @property
    def kind(self) -> Kind:
        """The number that its leaf binds."""
        return _KINDS[self.part]


def check_shape(shape: ModelShape) -> None:
    """Assert that every sum of the shape fits one step and that tensors sort as their layers do."""
    assert max(shape.width, shape.feed_forward, shape.positions) <= BLOCK, "a sum longer than one step"
    assert 1 <= shape.layers <= MAX_LAYERS, f"{shape.layers} layers"
    assert shape.width % shape.heads == 0, f"width {shape.width} in {shape.heads} heads"
    assert shape.width // shape.heads >= MIN_HEAD, f"heads of width {shape.width // shape.heads}"


def row_count(shape: ModelShape, tokens: int) -> int:
    """Rows of the trace of one sequence."""
    return tokens * (3 + shape.layers * _rows_of_token(shape))


def locate(shape: ModelShape, tokens: int, index: int) -> Row:
    """The row of this number."""
    assert 0 <= index < row_count(shape, tokens), f"row {index}"
    group, position = divmod(index, tokens)
    if group == 0:
        return Row(Part.EMBED, 0, 0, position)
    layer, group = divmod(group - 1, _rows_of_token(shape))
    if layer == shape.layers:
        return Row(Part(Part.FINAL_MOMENTS + group), 0, 0, position)
    if group < _BEFORE_ATTENTION:
        return Row(Part(Part.ATTENTION_MOMENTS + group), layer, 0, position)
    attention = _OF_ATTENTION * shape.heads
    if group >= _BEFORE_ATTENTION + attention:
        return Row(Part(Part.ATTENTION_OUT + group - _BEFORE_ATTENTION - attention), layer, 0, position)
    # Within attention a position's five rows are neighbours.
    place = (group - _BEFORE_ATTENTION) * tokens + position
    head, place = divmod(place, _OF_ATTENTION * tokens)
    position, part = divmod(place, _OF_ATTENTION)
    return Row(Part(Part.SCORE + part), layer, head, position)


def row_index(shape: ModelShape, tokens: int, row: Row) -> int:
    """Inverse of `locate`."""
    part, start = row.part, (1 + row.layer * _rows_of_token(shape)) * tokens
    if part == Part.EMBED:
        return row.position
    if part >= Part.FINAL_MOMENTS:
        last = 1 + shape.layers * _rows_of_token(shape)
        return (last + part - Part.FINAL_MOMENTS) * tokens + row.position
    if part < Part.SCORE:
        return start + (part - Part.ATTENTION_MOMENTS) * tokens + row.position
    start += _BEFORE_ATTENTION * tokens
    if part <= Part.MIX:
        return start + (row.head * tokens + row.position) * _OF_ATTENTION + part - Part.SCORE
    return start + (_OF_ATTENTION * shape.heads + part - Part.ATTENTION_OUT) * tokens + row.position


def row_length(shape: ModelShape, row: Row) -> int:
    """Entries of a row."""
    match row.part:
        case Part.ATTENTION_IN:
            return 3 * shape.width
        case Part.SCORE | Part.EXP | Part.SOFTMAX:
            return row.position + 1
        case Part.MIX:
            return shape.width // shape.heads
        case Part.FEED_IN | Part.FEED_RELU:
            return shape.feed_forward
        case Part.EXP_SUM:
            return 2
        case _:
            return 4 if row.kind == Kind.MOMENTS else shape.width


def sources(shape: ModelShape, tokens: int, row: Row, column: int) -> tuple[int, ...]:
    """Numbers of the rows that an entry is computed from, all below its own, in the order of the step's openings."""

    def at(part: Part, position: int = row.position, head: int = row.head, layer: int = row.layer) -> int:
        return row_index(shape, tokens, Row(part, layer, head, position))

    stream_in = at(Part.FEED_ADD, head=0, layer=row.layer - 1) if row.layer else at(Part.EMBED, head=0)
    last = at(Part.FEED_ADD, head=0, layer=shape.layers - 1)
    match row.part:
        case Part.EMBED:
            return ()
        case Part.ATTENTION_MOMENTS:
            return (stream_in,)
        case Part.ATTENTION_NORM:
            return (stream_in, at(Part.ATTENTION_MOMENTS))
        case Part.ATTENTION_ADD:
            return (stream_in, at(Part.ATTENTION_OUT))
        case Part.SCORE:
            return (at(Part.ATTENTION_IN, head=0), at(Part.ATTENTION_IN, column, head=0))
        case Part.EXP_SUM:
            return (at(Part.SCORE), at(Part.EXP))
        case Part.SOFTMAX:
            return (at(Part.EXP), at(Part.EXP_SUM))
        case Part.MIX:
            values = (at(Part.ATTENTION_IN, position, head=0) for position in range(row.position + 1))
            return (at(Part.SOFTMAX), *values)
        case Part.ATTENTION_OUT:
            return tuple(at(Part.MIX, head=head) for head in range(shape.heads))
        case Part.FEED_NORM:
            return (at(Part.ATTENTION_ADD), at(Part.FEED_MOMENTS))
        case Part.FEED_MOMENTS:
            return (at(Part.ATTENTION_ADD),)
        case Part.FEED_ADD:
            return (at(Part.ATTENTION_ADD), at(Part.FEED_OUT))
        case Part.FINAL_MOMENTS:
            return (last,)
        case Part.FINAL_NORM:
            return (last, at(Part.FINAL_MOMENTS))
        case Part.ATTENTION_IN | Part.EXP | Part.FEED_IN | Part.FEED_RELU | Part.FEED_OUT:
            return (at(Part(row.part - 1)),)


def weight_rows(shape: ModelShape, row: Row, column: int, token: int) -> tuple[int, ...]:
    """Numbers of the rows of the weights tree that an entry needs. token: at the row's position.

    EMBED: the token's and the position's; a norm: scale and bias; a linear map: one row.
    """
    width, feed = shape.width, shape.feed_forward
    # Sorted names: attention_in.weight, attention_norm.bias, attention_norm.weight, attention_out.weight,
    # feed_in.weight, feed_norm.bias, feed_norm.weight, feed_out.weight; after the layers final_norm.bias,
    # final_norm.weight, head.weight, position_embedding.weight, token_embedding.weight.
    layer = row.layer * (5 * width + feed + 4)
    final = shape.layers * (5 * width + feed + 4)
    match row.part:
        case Part.EMBED:
            position = final + 2 + shape.vocabulary + row.position
            return (final + 2 + shape.vocabulary + shape.positions + token, position)
        case Part.ATTENTION_NORM:
            return (layer + 3 * width + 1, layer + 3 * width)
        case Part.FEED_NORM:
            return (layer + 4 * width + feed + 3, layer + 4 * width + feed + 2)
        case Part.FINAL_NORM:
            return (final + 1, final)
        case Part.ATTENTION_IN:
            return (layer + column,)
        case Part.ATTENTION_OUT:
            return (layer + 3 * width + 2 + column,)
        case Part.FEED_IN:
            return (layer + 4 * width + 2 + column,)
        case Part.FEED_OUT:
            return (layer + 4 * width + feed + 4 + column,)
        case _:
            return ()


def weight_row_count(shape: ModelShape) -> int:
    """Rows of the weights tree."""
    of_layer = 5 * shape.width + shape.feed_forward + 4
    return shape.layers * of_layer + 2 + 2 * shape.vocabulary + shape.positions


def _rows_of_token(shape: ModelShape) -> int:
    """Rows of one layer per token."""
    return _BEFORE_ATTENTION + _OF_ATTENTION * shape.heads + _AFTER_ATTENTION
