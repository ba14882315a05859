"""What comes more than once: a rail's last word ends a trace once, and exception records of several workers are one sum."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import use_span

from switch.drills.reckoning import _exceptions
from switch.flow.ports import ACCEPTED, Outcome
from switch.tracing import Tracing


def _followed() -> tuple[Tracing, InMemorySpanExporter]:
    spans = InMemorySpanExporter()
    traces = Tracing([SimpleSpanProcessor(spans)], 1.0, "1", lambda: 0)
    with use_span(traces._tracer.start_span("door"), end_on_exit=True):
        traces._begin("p1")
    return traces, spans


def test_a_last_word_that_comes_twice_ends_the_trace_once(caplog: pytest.LogCaptureFixture) -> None:
    traces, spans = _followed()
    finished = SimpleNamespace(payment_id="p1", event="settle", last_word=True)
    with caplog.at_level(logging.WARNING):
        traces.took("finish", [finished], 0.0, 1.0, "")
        traces.took("finish", [finished], 1.0, 2.0, "")
        asyncio.run(traces.close())
    assert "ended span" not in caplog.text
    assert [span.name for span in spans.get_finished_spans()].count("payment") == 1


def test_a_rail_faster_than_its_own_batch_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    traces, _ = _followed()
    with caplog.at_level(logging.WARNING):
        traces.took("finish", [SimpleNamespace(payment_id="p1", event="settle", last_word=True)], 0.0, 1.0, "")
        traces.judged([Outcome(ACCEPTED, "p1", *[None] * (len(Outcome._fields) - 2))])  # type: ignore[arg-type]
        asyncio.run(traces.close())
    assert "ended span" not in caplog.text


class _Metrics:
    """A player whose switch has two workers."""

    def client(self) -> "_Metrics":
        return self

    async def metrics(self) -> str:
        rows = (
            '{kind="contradiction",worker="1"} 1.0',
            '{kind="late-acceptance",worker="1"} 9.0',
            '{kind="contradiction",worker="2"} 2.0',
        )
        return "".join(f"bayswitch_exceptions_total{row}\n" for row in rows)


def test_the_records_of_all_workers_count() -> None:
    steps: list[Any] = [SimpleNamespace(line={"expect": {"exception": "contradiction"}}) for _ in range(3)]
    found = asyncio.run(_exceptions(_Metrics(), steps))  # type: ignore[arg-type]
    assert found == {"contradiction": "contradiction"}
