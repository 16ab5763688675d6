"""Heads of HTTP/1.1 messages, as far as blocks need them. Strict, because whoever writes them is a stranger."""

from __future__ import annotations

from typing import Final

MAX_HEAD_BYTES: Final = 8 * 1024
MAX_FIELDS: Final = 64
END_OF_HEAD: Final = b"\r\n\r\n"


class MalformedHead(ValueError):
    """Bytes that are no head of a message we take."""


def parse_head(head: bytes) -> tuple[str, dict[str, str]]:
    """First line and fields, by lower-case name, of a head without its empty last line.

    MalformedHead for what is not ASCII, has control characters, a folded line, too many fields, or a field that
    decides where the message ends twice.
    """
    try:
        first, *lines = head.decode("ascii").split("\r\n")
    except UnicodeDecodeError:
        raise MalformedHead("not ASCII") from None
    if len(lines) > MAX_FIELDS or not all(line.replace("\t", " ").isprintable() for line in (first, *lines)):
        raise MalformedHead("too many fields, or control characters")
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise MalformedHead("not a field")
        name = name.lower()
        if name in fields and name in ("content-length", "transfer-encoding", "host", "range"):
            raise MalformedHead(f"{name} twice")
        fields[name] = value.strip()
    return first, fields


def content_length(fields: dict[str, str]) -> int | None:
    """The length that a head tells; None if it tells none. MalformedHead for what is no length."""
    text = fields.get("content-length")
    if text is None:
        return None
    if not text.isdigit() or len(text) > 15:
        raise MalformedHead("not a length")
    return int(text)
