"""What the demo hears: the JSON lines of its children, its own stages and what the chain's logs say, as one stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cupel.protocol.observe import Value

DEMO: Final = "demo"
"""Source of the orchestrator's own events."""
CHAIN: Final = "chain"
"""Source of events read from the chain."""
OUTPUT: Final = "output"
"""A line that is no event, with its `text`."""


@dataclass(frozen=True, slots=True)
class DemoEvent:
    """Something that happened in one process of the demo."""

    source: str
    """Process name (`node-1`, `verifier-2`, `creator`), or `demo`, or `chain`."""
    name: str
    time_ms: int
    """Unix milliseconds."""
    fields: Mapping[str, Value] = field(default_factory=dict)

    def text(self, key: str, default: str = "") -> str:
        """A field as text; `default` if it is absent or null."""
        value = self.fields.get(key)
        return default if value is None else str(value)

    def number(self, key: str, default: int = 0) -> int:
        """A field as an integer (amounts are decimal strings); `default` if it is absent or not one."""
        value = self.fields.get(key)
        if isinstance(value, int):
            return value
        try:
            return int(value) if isinstance(value, str) else default
        except ValueError:
            return default

    def as_json(self) -> str:
        """One line for the run's event log."""
        line = {"source": self.source, "event": self.name, "time": self.time_ms, **self.fields}
        return json.dumps(line, separators=(",", ":"))


def parse_line(source: str, line: bytes, now_ms: int) -> DemoEvent | None:
    """The event on one line of a child's standard output; None for an empty line.

    A line that is not an event becomes `output{text}`: it belongs in the log, and must not end the demo.
    """
    text = line.decode("utf-8", errors="replace").strip()
    if not text:
        return None
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("event"), str):
        return DemoEvent(source, OUTPUT, now_ms, {"text": text[:400]})
    time_ms = value.pop("time", now_ms)
    name = value.pop("event")
    value.pop("source", None)
    return DemoEvent(source, name, time_ms if isinstance(time_ms, int) else now_ms, value)
