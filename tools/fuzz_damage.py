"""Damage for tools/fuzz_parsers.py: blind, or within the form, so that what is behind the form's check is reached."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from fuzz_form import Form

SPLICES = (b"[" * 20_000, b'{"a":' * 5_000, b"\xff" * 64, b"\0" * 64, b"1e999999", b"9" * 5_000, b'"\\ud800"')
WORDS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1.5, 2**31, 2**32, 2**63, 2**64, 10**30, float("inf"), float("nan")),
    *("", "x", "0", "-1", "0x", "0x00", "é", "\ud800", "\0", "a" * 300, "1,2", "0x" + "ff" * 20, "00" * 32),
    *("F64", "F32", "BF16", "I64", "I8", "U8", "BOOL"),
    *([], [[]], {}, {"a": 1}, [0] * 300, {"": None}),
)
MAX_BYTES = 1 << 17


def damaged(draw: random.Random, seeds: Sequence[bytes], form: Form = Form.BYTES) -> bytes:
    """An input."""
    if not seeds or draw.random() < 0.03:
        return draw.randbytes(draw.randint(0, 300))
    data = draw.choice(seeds)
    if form is not Form.BYTES and draw.random() < 0.6:
        data = _reformed(draw, data, form)
        if draw.random() < 0.7:
            return data[:MAX_BYTES]
    return _blindly(draw, data)[:MAX_BYTES]


def _blindly(draw: random.Random, whole: bytes) -> bytes:
    data = bytearray(whole)
    for _ in range(draw.choice((0, 1, 1, 1, 2, 4, 8))):
        at = draw.randrange(len(data) + 1)
        match draw.randrange(8):
            case 0 if data:
                data[at % len(data)] ^= 1 << draw.randrange(8)
            case 1 if data:
                data[at % len(data)] = draw.choice((0, 1, 0x22, 0x5B, 0x7B, 0x7F, 0x80, 0xFF))
            case 2:
                del data[at:]
            case 3:
                data[at:at] = draw.choice(SPLICES)[: draw.choice((8, 64, 20_000))]
            case 4:
                data += data[at:]
            case 5:
                del data[at : at + draw.randint(1, 40)]
            case 6:
                size = draw.choice((1, 2, 4, 8))
                word = draw.choice(WORDS) % 2 ** (8 * size)
                data[at : at + size] = word.to_bytes(size, draw.choice(("big", "little")))
            case _:
                data[at:at] = draw.randbytes(draw.randint(1, 8))
    return bytes(data)


def _reformed(draw: random.Random, data: bytes, form: Form) -> bytes:
    """The same form with another value somewhere; as it is, if it has not the form."""
    head, body = data, b""
    if form is Form.SAFETENSORS:
        size = int.from_bytes(data[:8], "little")
        head, body = data[8 : 8 + size], data[8 + size :]
    if form is Form.SAFETENSORS and draw.random() < 0.7:
        # As many bytes as the header says, and often under that very header.
        body = _blindly(draw, body)[: len(body)].ljust(len(body), b"\0")
        if draw.random() < 0.6:
            return data[: len(data) - len(body)] + body
    try:
        document = json.loads(head)
    except ValueError:
        return data
    for _ in range(draw.choice((1, 1, 2, 3))):
        document = _changed(draw, document)
    text = json.dumps(document, sort_keys=form is Form.JSON, separators=(",", ":"), ensure_ascii=False)
    text_bytes = text.encode("utf-8", "surrogatepass")
    if form is Form.JSON:
        return text_bytes
    padded = text_bytes.ljust(-(-len(text_bytes) // 8) * 8)
    return len(padded).to_bytes(8, "little") + padded + body


def _changed(draw: random.Random, value: Any) -> Any:
    """The value with something in it replaced, left out, added, doubled or moved by one."""
    inside = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    if inside and draw.random() < 0.85:
        key = draw.choice(inside)
        made = dict(value) if isinstance(value, dict) else list(value)
        match draw.randrange(8):
            case 0:
                del made[key]
            case 1 if isinstance(made, dict):
                made[draw.choice(("a", "kind", "", "zz"))] = draw.choice(VALUES)
            case 1 if isinstance(made, list):
                made.append(draw.choice(VALUES))
            case 2 if isinstance(made, list):
                made.append(made[key])
            case _:
                made[key] = _changed(draw, value[key])
        return made
    if isinstance(value, bool) or draw.random() < 0.4:
        return draw.choice(VALUES)
    if isinstance(value, int):
        return value + draw.choice((-1, 1, -value, 2**16, 2**32, -(2**63)))
    if isinstance(value, str) and value:
        at = draw.randrange(len(value))
        return (
            value[:at]
            + draw.choice(("", "0", "f", "A", " ", "\n", "_", "é"))
            + value[at + draw.randrange(2) :]
        )
    return draw.choice(VALUES)
