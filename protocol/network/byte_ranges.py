"""The Range field of a request. Source: RFC 9110, section 14."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

_ONE_RANGE: Final = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


class Unsatisfiable(Enum):
    """No byte of the file is asked for."""

    UNSATISFIABLE = "unsatisfiable"


UNSATISFIABLE: Final = Unsatisfiable.UNSATISFIABLE


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes from `start` to before `end`."""

    start: int
    end: int


def parse_range(text: str | None, num_bytes: int) -> ByteRange | Unsatisfiable | None:
    """The range asked for, of a file of `num_bytes`; None for the whole file.

    Several ranges and what is no range are answered with the whole file, as the RFC allows.
    """
    match = _ONE_RANGE.fullmatch(text.replace(" ", "")) if text is not None else None
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        start, end = max(0, num_bytes - int(last)), num_bytes
    else:
        start, end = int(first), min(num_bytes, int(last) + 1 if last else num_bytes)
        if last and int(last) < start:
            return None
    return ByteRange(start, end) if start < end else UNSATISFIABLE
