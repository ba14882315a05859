"""Traces of single payments through the stages (OpenTelemetry): door, decide, accept, send, rail, collect, finish, outbox.

Off unless main.py opens it, which wants the extra `trace`. Then it hangs itself on what the stages already time, batch by batch;
where it is off a batch pays one test. What is followed is kept in this process's memory alone: a payment that another worker
takes over, or that a restart finds, goes on untraced, and its trace ends where the process did. Attributes name the payment, its
rail and statuses; never a person, an account or an agent.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, TextIO

import structlog
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from switch.flow.ports import ACCEPTED, AGAIN, Outcome
from switch.sandbox import Sandbox

log = structlog.get_logger()

Asgi = Callable[..., Awaitable[None]]

LIVE_MAX = (
    1_000  # payments followed at once; past it the oldest is let go, so that a busy hour of full sampling stays small
)
_DOORS = ("POST /v1/payments", "POST /v1/payments/batch", "POST /v1/messages")  # where payments come in
_NS = 1_000_000_000
_PARENT = (b"traceparent", b"tracestate")


class Followed:
    """One payment that is traced."""

    __slots__ = ("context", "judged", "root", "sent_at", "uetr")

    def __init__(self, root: Span) -> None:
        self.root, self.context = root, trace.set_span_in_context(root, Context())
        self.uetr = ""
        self.sent_at = 0.0
        self.judged = False  # a replay of it says nothing of the first


class Tracing:
    """Follows payments from their door to their end; `share` of the calls that bring no `traceparent` are sampled.

    A call that brings one is sampled as its caller says. `now_ns`: nanoseconds since the epoch.
    """

    def __init__(
        self, processors: Sequence[SpanProcessor], share: float, instance: str, now_ns: Callable[[], int]
    ) -> None:
        about = Resource({"service.name": "bayswitch", "service.instance.id": instance})
        payments = TracerProvider(sampler=ParentBased(TraceIdRatioBased(share)), resource=about)
        batches = TracerProvider(sampler=ALWAYS_ON, resource=about)  # only those that hold a sampled payment are made
        for processor in processors:
            payments.add_span_processor(processor)
            batches.add_span_processor(processor)
        self._processors = processors
        self._tracer, self._batches = payments.get_tracer("switch"), batches.get_tracer("switch.batch")
        self._zero_ns = now_ns() - int(perf_counter() * _NS)
        self._live: OrderedDict[str, Followed] = OrderedDict()  # by payment id
        self._by_uetr: dict[str, str] = {}  # payment ids of those handed to a rail

    # --- the door ---

    def door(self, app: Asgi) -> Asgi:
        """Return the application with a span around each call that brings payments in."""
        propagator = TraceContextTextMapPropagator()

        async def traced(scope: Any, receive: Any, send: Any) -> None:
            name = f"{scope['method']} {scope['path']}" if scope["type"] == "http" else ""
            if name not in _DOORS:
                await app(scope, receive, send)
                return
            carrier = {key.decode(): value.decode("latin-1") for key, value in scope["headers"] if key in _PARENT}
            attributes = {"http.request.method": scope["method"], "http.route": scope["path"]}
            span = self._tracer.start_span(
                name, propagator.extract(carrier, Context()), SpanKind.SERVER, attributes, start_time=self._ns()
            )

            async def answer(message: Any) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            token = context.attach(trace.set_span_in_context(span))
            try:
                await app(scope, receive, answer)
            finally:
                context.detach(token)
                span.end(self._ns())

        return traced

    @contextmanager
    def following(self, sandbox: Sandbox) -> Iterator[None]:
        """Follow the payments that come into a sandbox meanwhile."""
        taken_in, stages = sandbox.submission, sandbox.worker.metrics.stages

        def submission(*given: Any, **named: Any) -> Any:
            found = taken_in(*given, **named)
            self._begin(found.payment_id)
            return found

        sandbox.submission = submission  # type: ignore[method-assign]  # so that nobody pays for it where traces are off
        for stage in stages:
            stage.spans = self
        try:
            yield
        finally:
            for stage in stages:
                stage.spans = None
            sandbox.submission = taken_in  # type: ignore[method-assign]

    def _begin(self, payment_id: str) -> None:
        door = trace.get_current_span()
        if not door.is_recording() or payment_id in self._live:
            return
        if len(self._live) >= LIVE_MAX:
            self._let_go(next(iter(self._live)), self._ns())
        attributes = {"bayswitch.payment_id": payment_id}
        root = self._tracer.start_span(
            "payment", trace.set_span_in_context(door), SpanKind.INTERNAL, attributes, None, self._ns()
        )
        self._live[payment_id] = Followed(root)

    # --- the stages: switch.flow.metrics.Spans ---

    def took(self, stage: str, batch: Sequence[Any], begun: float, ended: float, failed: str) -> None:
        """Write a batch that has passed a stage: its own span, linked with one in the trace of each payment followed."""
        if self._live:
            with _harmless():
                self._took(stage, batch, begun, ended, failed)

    def _took(self, stage: str, batch: Sequence[Any], begun: float, ended: float, failed: str) -> None:
        found = [(self._live[key], item) for item in batch if (key := self._id(stage, item)) in self._live]
        if not found:
            return
        links = [Link(followed.root.get_span_context()) for followed, _ in found]
        span = self._batches.start_span(
            f"batch {stage}", Context(), SpanKind.INTERNAL, {"bayswitch.batch.size": len(batch)}, links, self._ns(begun)
        )
        back = Link(span.get_span_context())
        for followed, item in found:
            self._passed(stage, followed, item, begun, ended, failed, back)
        if failed:
            span.set_status(Status(StatusCode.ERROR, failed))
        span.end(self._ns(ended))

    def judged(self, outcomes: Sequence[Outcome]) -> None:
        """End the traces of payments that go no further: refused, or known already."""
        if self._live:
            with _harmless():
                self._judged(outcomes)

    def _judged(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            followed = self._live.get(outcome.payment_id)
            if followed is None or followed.judged or outcome.kind == AGAIN:
                continue
            followed.judged = True
            if not followed.root.is_recording():
                continue  # its rail was faster than the word of its own batch
            followed.root.set_attribute("bayswitch.outcome", outcome.kind)
            if outcome.refusal is not None:
                followed.root.set_attribute("bayswitch.reason", outcome.refusal.reason)
                followed.root.set_attribute("bayswitch.rule", outcome.refusal.detail.get("rule", ""))
            if outcome.kind != ACCEPTED:
                self._let_go(outcome.payment_id, self._ns())

    def _id(self, stage: str, item: Any) -> str:
        if stage == "send":
            return str(item[0].payment_id)
        if stage == "collect":
            return self._by_uetr.get(item.uetr, "")
        return str(item.payment_id)

    def _passed(
        self, stage: str, followed: Followed, item: Any, begun: float, ended: float, failed: str, batch: Link
    ) -> None:
        """Write one payment's passage; what a rail did is written when its report is collected."""
        attributes: dict[str, str] = {}
        if stage == "send":
            followed.uetr, followed.sent_at = item[0].uetr, ended
            self._by_uetr[item[0].uetr] = item[0].payment_id
            attributes = {"bayswitch.rail": item[0].rail}
        elif stage == "collect":
            attributes = {"bayswitch.rail": item.rail, "bayswitch.status": item.status}
            if followed.sent_at:
                self._child("rail", followed, followed.sent_at, attributes, []).end(self._ns(ended))
        elif stage == "finish":
            attributes = {"bayswitch.event": item.event}
        elif stage == "outbox":
            attributes = {"bayswitch.status": item.status}
        child = self._child(stage, followed, begun, attributes, [batch])
        if failed:
            child.set_status(Status(StatusCode.ERROR, failed))
        child.end(self._ns(ended))
        if stage == "finish" and item.last_word and not failed:
            _end(followed.root, self._ns(ended))  # it stays a while: the outbox has still to tell of it
            self._by_uetr.pop(followed.uetr, None)

    def _child(
        self, name: str, followed: Followed, begun: float, attributes: dict[str, str], links: list[Link]
    ) -> Span:
        return self._tracer.start_span(name, followed.context, SpanKind.INTERNAL, attributes, links, self._ns(begun))

    def _let_go(self, payment_id: str, at_ns: int) -> None:
        followed = self._live.pop(payment_id)
        self._by_uetr.pop(followed.uetr, None)
        _end(followed.root, at_ns)

    def _ns(self, at: float | None = None) -> int:
        """Nanoseconds since the epoch of a reading of perf_counter, of now without one."""
        return self._zero_ns + int((perf_counter() if at is None else at) * _NS)

    async def close(self) -> None:
        """Hand over what is still held, and stop."""
        for payment_id in list(self._live):
            self._let_go(payment_id, self._ns())
        for processor in self._processors:
            await asyncio.to_thread(processor.shutdown)  # an absent collector is waited for, but not by the loop


def _end(root: Span, at_ns: int) -> None:
    """End a payment's span, once: a rail's last word may come twice, and a payment that is returned finishes again."""
    if root.is_recording():
        root.end(at_ns)


class _Lines(ConsoleSpanExporter):
    """Writes a span a line."""

    def __init__(self, lines: TextIO) -> None:
        super().__init__(out=lines, formatter=lambda span: f"{span.to_json(indent=None)}\n")
        self._lines = lines

    def shutdown(self) -> None:
        self._lines.close()


@contextmanager
def _harmless() -> Iterator[None]:
    """Let nothing that goes wrong with a trace touch the payment: what was being stored is stored."""
    try:
        yield
    except Exception:
        log.exception("a trace could not be written")


def open_tracing(
    file: Path | None, collector: str | None, share: float, instance: str, now_ns: Callable[[], int]
) -> Tracing:
    """Open traces to a collector (the URL of its OTLP door over HTTP) and to a file, a span a line; raises OSError."""
    processors: list[SpanProcessor] = []
    if collector:
        processors.append(BatchSpanProcessor(OTLPSpanExporter(f"{collector.rstrip('/')}/v1/traces")))
    if file is not None:
        processors.append(BatchSpanProcessor(_Lines(file.open("a", buffering=1, encoding="utf-8"))))
    return Tracing(processors, share, instance, now_ns)
