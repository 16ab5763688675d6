"""The Range field."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cupel.protocol.network.byte_ranges import UNSATISFIABLE, ByteRange, Unsatisfiable, parse_range


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, None),
        ("bytes=2-4", ByteRange(2, 5)),
        ("bytes=2-", ByteRange(2, 10)),
        ("bytes=-3", ByteRange(7, 10)),
        ("bytes=-30", ByteRange(0, 10)),
        ("bytes=0-99", ByteRange(0, 10)),
        ("bytes=10-", UNSATISFIABLE),
        ("bytes=-0", UNSATISFIABLE),
        ("bytes=4-2", None),
        ("bytes=-", None),
        ("bytes=1-2,4-5", None),
        ("lines=1-2", None),
        ("bytes=x-2", None),
    ],
)
def test_ranges(text: str | None, wanted: ByteRange | Unsatisfiable | None) -> None:
    assert parse_range(text, 10) == wanted


@settings(deadline=None)
@given(st.text(max_size=40) | st.from_regex(r"bytes=[0-9]{0,30}-[0-9]{0,30}"), st.integers(0, 1 << 50))
def test_any_text_asks_for_bytes_of_the_file_or_for_none(text: str, num_bytes: int) -> None:
    wanted = parse_range(text, num_bytes)
    if isinstance(wanted, ByteRange):
        assert 0 <= wanted.start < wanted.end <= num_bytes
