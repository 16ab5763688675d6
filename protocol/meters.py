"""Counting what a process does: the numbers behind its Prometheus endpoint.

Labels come from this build's own tables, so the number of counters is bounded however long a process runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cupel.protocol.observe import Observer, Value

Key = tuple[str, tuple[tuple[str, str], ...]]
"""A counter's name and labels."""
Counted = Callable[[str, Mapping[str, Value]], Iterable[tuple[Key, int]]]
"""The counters that an event moves, and by how much."""


class Meters:
    """An observer that counts events and passes them on."""

    def __init__(
        self,
        observer: Observer,
        prefix: str,
        help_texts: Mapping[str, str],
        counted: Counted,
        gauges: Callable[[], Mapping[str, int]],
    ) -> None:
        """prefix: of every name; help_texts: of every counter and gauge, by name."""
        self._observer = observer
        self._prefix = prefix
        self._help = help_texts
        self._counted = counted
        self.gauges = gauges
        """What is true now, asked whenever somebody looks."""
        self.counts: Counter[Key] = Counter()

    def emit(self, event: str, **fields: Value) -> None:
        """Count the event and pass it on."""
        for key, amount in self._counted(event, fields):
            self.counts[key] += amount
        self._observer.emit(event, **fields)

    def prometheus(self) -> str:
        """Everything in Prometheus' text format, version 0.0.4."""
        lines: list[str] = []
        for name, told in self._help.items():
            found = [
                (labels, count) for (counter, labels), count in sorted(self.counts.items()) if counter == name
            ]
            if name.endswith("_total"):
                lines += self._head(name, told, "counter")
                lines += [f"{self._prefix}{name}{_shown(labels)} {count}" for labels, count in found]
        for name, value in sorted(self.gauges().items()):
            lines += self._head(name, self._help.get(name, ""), "gauge")
            lines.append(f"{self._prefix}{name} {value}")
        return "\n".join(lines) + "\n"

    def as_json(self, now: float) -> dict[str, Any]:
        """Everything as plain values. now: Unix seconds, by which a reader knows how old this is."""
        counters = [
            {"name": name, "labels": dict(labels), "count": amount}
            for (name, labels), amount in sorted(self.counts.items())
        ]
        return {"written": int(now), "gauges": dict(self.gauges()), "counters": counters}

    def _head(self, name: str, told: str, kind: str) -> list[str]:
        help_line = [f"# HELP {self._prefix}{name} {told}"] if told else []
        return [*help_line, f"# TYPE {self._prefix}{name} {kind}"]


def amount_of(fields: Mapping[str, Value], name: str) -> int:
    """A field that is a number; 0 if it is none."""
    value = fields.get(name)
    return value if isinstance(value, int) else 0


def _shown(labels: tuple[tuple[str, str], ...]) -> str:
    inside = ",".join(f'{label}="{value}"' for label, value in labels)
    return f"{{{inside}}}" if inside else ""
