"""Spans to an OpenTelemetry collector, over OTLP and HTTP. The extra `traces`; only `spans` imports this.

Of what an attribute or an error says, URLs keep their host alone. A collector that wants a password is given it by
OpenTelemetry's own variable, OTEL_EXPORTER_OTLP_HEADERS.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from cupel.protocol.activity import without_secrets
from cupel.protocol.observe import Observer
from cupel.protocol.spans import Attribute, Origin

PATH: Final = "/v1/traces"
SEND_SECONDS: Final = 3.0
"""For one batch, its repetitions included. A silent collector delays the end of a process by two of these."""
BATCH_SECONDS: Final = 1.0
MAX_QUEUED: Final = 4096
"""Spans that wait to be sent; of more, the newest are lost."""
_PREFIX: Final = "cupel."
_FIRST: ContextVar[Origin | None] = ContextVar("first", default=None)


@asynccontextmanager
async def exporting(
    collector: str, role: str, account: str, observer: Observer
) -> AsyncIterator[CollectorTracer]:
    """A tracer whose spans go to this URL as long as the block runs, and what is left at its end."""
    loop = asyncio.get_running_loop()

    def tell(message: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(lambda: observer.emit("error", message=message))

    # It tells of every attempt; `tell` says it once.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    address = collector.rstrip("/")
    address = address if address.endswith(PATH) else address + PATH
    exporter = _Telling(OTLPSpanExporter(endpoint=address, timeout=SEND_SECONDS), collector, tell)
    provider = TracerProvider(
        sampler=ALWAYS_ON,
        resource=Resource.create({"service.name": f"cupel-{role}", "service.instance.id": account}),
        id_generator=_Identifiers(),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=MAX_QUEUED,
            schedule_delay_millis=1000 * BATCH_SECONDS,
            max_export_batch_size=512,
        )
    )
    try:
        yield CollectorTracer(provider)
    finally:
        exporter.end()
        await asyncio.to_thread(provider.shutdown)


class CollectorTracer:
    """OpenTelemetry's own tracer behind the port of `spans`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("cupel")
        self._newest: Origin | None = None

    @contextmanager
    def open(
        self, name: str, origin: Origin | None, first: bool, attributes: dict[str, Attribute]
    ) -> Iterator[None]:
        """A span. An exception is told by its class and message, a cancellation is none."""
        parent = None
        if first and origin is not None and origin != self._newest:
            # Begun again after a failure, a round is a part of itself: no two spans may have one identifier.
            self._newest = origin
            opened = self._begin(name, origin, attributes)
        else:
            if origin is not None and trace.get_current_span().get_span_context().trace_id != origin.trace_id:
                parent = _remote(origin)
            opened = self._tracer.start_span(name, parent, attributes=_named(attributes))
        with trace.use_span(opened, True, record_exception=False, set_status_on_exception=False):
            try:
                yield
            except Exception as error:
                opened.set_attribute("error.type", type(error).__name__)
                opened.set_status(trace.StatusCode.ERROR, without_secrets(str(error)))
                raise

    def note(self, attributes: dict[str, Attribute]) -> None:
        """More of the innermost span."""
        trace.get_current_span().set_attributes(_named(attributes))

    def _begin(self, name: str, origin: Origin, attributes: dict[str, Attribute]) -> trace.Span:
        token = _FIRST.set(origin)
        try:
            nothing = trace.set_span_in_context(trace.INVALID_SPAN)
            return self._tracer.start_span(name, nothing, attributes=_named(attributes))
        finally:
            _FIRST.reset(token)


class _Identifiers(RandomIdGenerator):
    """Drawn, but for the span that a commitment's trace begins with."""

    def generate_span_id(self) -> int:
        origin = _FIRST.get()
        return super().generate_span_id() if origin is None else origin.span_id

    def generate_trace_id(self) -> int:
        origin = _FIRST.get()
        return super().generate_trace_id() if origin is None else origin.trace_id


class _Telling(SpanExporter):
    """Sends by another exporter, and says when that begins to fail."""

    def __init__(self, onward: SpanExporter, collector: str, tell: Callable[[str], None]) -> None:
        self._onward = onward
        self._collector = without_secrets(collector)
        self._tell = tell
        self._failing = False
        self._ending = False

    def end(self) -> None:
        """From now on one failure is enough: the process waits."""
        self._ending = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Whatever goes wrong loses these spans and nothing else."""
        if self._ending and self._failing:
            return SpanExportResult.FAILURE
        try:
            result = self._onward.export(spans)
        except Exception:
            result = SpanExportResult.FAILURE
        failed = result is not SpanExportResult.SUCCESS
        if failed and not self._failing:
            self._tell(f"traces: {self._collector} takes no spans; the work goes on without")
        self._failing = failed
        return result

    def shutdown(self) -> None:
        self._onward.shutdown()


def _remote(origin: Origin) -> Context:
    context = trace.SpanContext(
        origin.trace_id,
        origin.span_id,
        is_remote=True,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(context))


def _named(attributes: dict[str, Attribute]) -> dict[str, Attribute]:
    return {_PREFIX + name: without_secrets(value, name) for name, value in attributes.items()}
