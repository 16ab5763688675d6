"""What tools/fuzz_parsers.py knows of a parser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto


class Form(Enum):
    """What damage keeps whole, so that it reaches what is behind the first check."""

    BYTES = auto()
    JSON = auto()
    SAFETENSORS = auto()


@dataclass(frozen=True)
class Target:
    """A parser, how it refuses, and inputs that it takes."""

    parse: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...]
    seeds: Sequence[bytes]
    form: Form = Form.BYTES
