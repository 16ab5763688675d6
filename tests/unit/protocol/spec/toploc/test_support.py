import numpy as np
import pytest

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.toploc.activations import top_points
from cupel.protocol.spec.toploc.support import decode_support, encode_support

POINTS = [(7, 0xC040), (1, 0x4000), (4, 0xC000), (9, 0x0001)]


def refused(points: list[tuple[int, int]], elements: int) -> bool:
    with pytest.raises(Rejected) as caught:
        decode_support(encode_support(points), len(points), elements)
    return caught.value.reason is Reason.TOPLOC_SUPPORT


def test_bytes_are_pattern_then_index_big_endian() -> None:
    assert encode_support(POINTS[:2]) == bytes.fromhex("c0400007 40000001")


def test_decoding_reads_what_encoding_wrote() -> None:
    assert decode_support(encode_support(POINTS), 4, 10) == POINTS


@pytest.mark.parametrize("elements", [1, 3, 4, 5, 40])
def test_every_support_decodes(elements: int) -> None:
    patterns = np.array([0x3F80, 0xBF80, 0x0000, 0x8000] * 10, dtype=np.uint16)[:elements]
    points = top_points(patterns, 4)
    assert decode_support(encode_support(points), 4, elements) == points


@pytest.mark.parametrize("change", [b"", encode_support(POINTS)[:-1], encode_support(POINTS) + b"\0\0\0\0"])
def test_any_other_length_is_refused(change: bytes) -> None:
    with pytest.raises(Rejected, match="bytes, not 16"):
        decode_support(change, 4, 10)


def test_order_is_by_magnitude_then_index() -> None:
    assert refused([POINTS[1], POINTS[0], *POINTS[2:]], 10)
    assert refused([POINTS[0], POINTS[2], POINTS[1], POINTS[3]], 10)
    assert refused([POINTS[0], POINTS[0], *POINTS[2:]], 10)


def test_an_index_stands_once() -> None:
    assert refused([*POINTS[:3], (7, 0x0001)], 10)


def test_indices_lie_in_the_chunk() -> None:
    assert refused(POINTS, 9)


@pytest.mark.parametrize("behind", [(3, 0x8000), (3, 0x0001), (4, 0), (0, 0)])
def test_a_short_chunk_is_continued_with_zeros(behind: tuple[int, int]) -> None:
    own = [(1, 0xC040), (0, 0x4000), (2, 0x8000)]
    assert decode_support(encode_support([*own, (3, 0)]), 4, 3) == [*own, (3, 0)]
    assert refused([*own, behind], 3)


def test_what_is_not_finite_is_no_fault_of_form() -> None:
    points = [(0, 0xFFC0), (1, 0x7F80), *POINTS[2:]]
    assert decode_support(encode_support(points), 4, 10) == points


def test_a_chunk_without_elements_is_our_bug() -> None:
    with pytest.raises(AssertionError, match="0 elements"):
        decode_support(encode_support(POINTS), 4, 0)
