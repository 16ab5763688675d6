"""What a process does and for how long, as spans for an OpenTelemetry collector; nothing where no collector is named.

The trace of a commitment follows from what the chain says of it: whoever works on it and whoever checks it find the
same one without a message.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from cupel.protocol.config import ConfigError

if TYPE_CHECKING:
    from cupel.protocol.observe import Observer

Attribute = str | int | bool
_DOMAIN: Final = b"cupel.trace.v1"


@dataclass(frozen=True, slots=True)
class Origin:
    """The trace of one commitment."""

    trace_id: int
    """128 bits."""
    span_id: int
    """64 bits: the span that the trace begins with, a node's round."""

    @classmethod
    def of(cls, task: bytes, node: str, number: int, is_version: bool = False) -> Origin:
        """number: the round of rollouts, or the version of a posted checkpoint: a node commits to each once."""
        named = f"{node.lower()} {'version' if is_version else 'round'} {number}".encode()
        digest = hashlib.sha256(_DOMAIN + task + named).digest()
        # Zero is no valid identifier (W3C Trace Context, 3.2.2).
        trace, span = int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:24], "big")
        return cls(trace or 1, span or 1)


class Tracer(Protocol):
    """Takes spans; the innermost that is open in a task, and in the threads it asks, is the parent of the next."""

    def open(
        self, name: str, origin: Origin | None, first: bool, attributes: dict[str, Attribute]
    ) -> AbstractContextManager[None]:
        """As `span`."""

    def note(self, attributes: dict[str, Attribute]) -> None:
        """As `note`."""


TRACER: Final[ContextVar[Tracer | None]] = ContextVar("tracer", default=None)
_NOWHERE: Final = nullcontext()


def span(
    name: str, origin: Origin | None = None, *, first: bool = False, **attributes: Attribute
) -> AbstractContextManager[None]:
    """The block is a span: a part of the one around it, and without one, or in another trace than its, of `origin`.

    first: whether it is the one that `origin`'s trace begins with. A name is one of few: what differs is an attribute.
    """
    tracer = TRACER.get()
    return _NOWHERE if tracer is None else tracer.open(name, origin, first, attributes)


def note(**attributes: Attribute) -> None:
    """Add to the innermost span what was not known when it began."""
    tracer = TRACER.get()
    if tracer is not None:
        tracer.note(attributes)


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Spans one after the other: what is yielded ends one and begins the next, or none if it is nameless; the last ends
    with the block."""
    current = ""
    with contextlib.ExitStack() as stack:

        def step(name: str) -> None:
            nonlocal current
            if name == current:
                return
            stack.close()
            current = name
            if name:
                stack.enter_context(span(name))

        yield step


@asynccontextmanager
async def traced(collector: str, role: str, account: str, observer: Observer) -> AsyncIterator[None]:
    """Send the block's spans to the collector at this URL; to nobody if it is empty.

    role: `node` or `verifier`; account: whose process it is. ConfigError if the extra is not installed. A collector
    that fails is reported once and disturbs nothing.
    """
    if not collector:
        yield
        return
    # OpenTelemetry takes a moment to load, and is an extra.
    try:
        from cupel.protocol.otlp import exporting
    except ImportError as error:
        remedy = "Install it with: pip install 'cupel[traces]', or leave traces empty"
        raise ConfigError("traces", f"its library cannot be loaded ({error})", remedy) from None

    async with exporting(collector, role, account, observer) as tracer:
        token = TRACER.set(tracer)
        try:
            yield
        finally:
            TRACER.reset(token)
