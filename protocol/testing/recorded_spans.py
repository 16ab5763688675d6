"""A tracer that remembers spans, for tests of who opens which."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from cupel.protocol.spans import TRACER, Attribute, Origin


@dataclass(eq=False)
class RecordedSpan:
    """A span that has begun."""

    name: str
    path: str
    """Its name behind those of the spans around it."""
    origin: Origin | None
    """Whose trace it is in; None for one of its own."""
    attributes: dict[str, Attribute] = field(default_factory=dict)
    error: str = ""
    ended: bool = False


_INNERMOST: ContextVar[RecordedSpan | None] = ContextVar("innermost", default=None)


@dataclass
class RecordedSpans:
    """Satisfies `Tracer`."""

    spans: list[RecordedSpan] = field(default_factory=list)
    """In the order in which they began."""

    @contextmanager
    def open(
        self, name: str, origin: Origin | None, first: bool, attributes: dict[str, Attribute]
    ) -> Iterator[None]:
        """Remember it."""
        around = _INNERMOST.get()
        inside = around is not None and origin in (None, around.origin)
        path = f"{around.path}/{name}" if around is not None and inside else name
        found = around.origin if around is not None and inside else origin
        span = RecordedSpan(name, path, found, dict(attributes))
        self.spans.append(span)
        token = _INNERMOST.set(span)
        try:
            yield
        except Exception as error:
            span.error = type(error).__name__
            raise
        finally:
            span.ended = True
            _INNERMOST.reset(token)

    def note(self, attributes: dict[str, Attribute]) -> None:
        """Add to the innermost."""
        innermost = _INNERMOST.get()
        if innermost is not None:
            innermost.attributes |= attributes

    def named(self, name: str) -> list[RecordedSpan]:
        """Those of this name."""
        return [span for span in self.spans if span.name == name]

    def paths(self) -> list[str]:
        """Of all, in the order in which they began."""
        return [span.path for span in self.spans]


@contextmanager
def recorded_spans() -> Iterator[RecordedSpans]:
    """What is opened in the block."""
    recorded = RecordedSpans()
    token = TRACER.set(recorded)
    try:
        yield recorded
    finally:
        TRACER.reset(token)
