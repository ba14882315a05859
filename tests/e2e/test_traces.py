"""Traces of one payment through the stages: whole, under its caller's own, naming nobody; and nothing where they are off."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from builders import northbound, to_magic
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from serving import Served, a_new_person, body_of

from switch import tracing
from switch.tracing import Tracing, open_tracing

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = CALLER[:-2] + "00"
STAGES = ["decide", "accept", "send", "rail", "collect", "finish", "outbox"]


@asynccontextmanager
async def followed(own: Served, share: float) -> AsyncIterator[InMemorySpanExporter]:
    """A switch whose traces stand in memory."""
    spans = InMemorySpanExporter()
    traces = Tracing([SimpleSpanProcessor(spans)], share, "1", time.time_ns)
    plain, own.door.app = own.door.app, traces.door(own.door.app)
    with traces.following(own.sandbox):
        yield spans
    own.door.app = plain


async def carried_out(own: Served, headers: dict[str, str], instruction: object = None) -> str:
    """Send a payment, have it done, and read of it in the stream; returns its id."""
    async with own.http() as http, own.operator() as operator, own.client() as client:
        answer = await http.post(
            "/v1/payments",
            json=body_of(instruction or northbound(person=a_new_person())),  # type: ignore[arg-type]
            headers={"Idempotency-Key": "traced"} | headers,
        )
        await operator.move_clock(by_seconds=60, settle_seconds=10)
        stream = client.events(None)
        await anext(stream)
        await asyncio.sleep(0.05)
        await stream.aclose()  # type: ignore[attr-defined]
        return str(answer.json()["payment_id"])


def named(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


async def test_one_payment_is_followed_through_every_stage_under_its_callers_trace(own: Served) -> None:
    async with followed(own, share=0.0) as spans:
        payment_id = await carried_out(own, {"traceparent": CALLER})
    found = named(spans)
    door, root = found["POST /v1/payments"], found["payment"]
    assert format(door.context.trace_id, "032x") == CALLER.split("-")[1]
    assert door.parent is not None and format(door.parent.span_id, "016x") == CALLER.split("-")[2]
    assert root.parent is not None and root.parent.span_id == door.context.span_id
    assert root.attributes == {"bayswitch.payment_id": payment_id, "bayswitch.outcome": "accepted"}
    assert door.attributes is not None and door.attributes["http.response.status_code"] == 202
    for stage in STAGES:
        span = found[stage]
        assert span.parent is not None and span.parent.span_id == root.context.span_id, stage
        assert span.context.trace_id == door.context.trace_id, stage
    begun = [found[stage].start_time or 0 for stage in STAGES if stage != "collect"]
    assert begun == sorted(begun) and (root.start_time or 0) <= begun[0]
    assert (found["accept"].end_time or 0) <= (root.end_time or 0)
    for stage in (stage for stage in STAGES if stage != "rail"):
        batch = found[f"batch {stage}"]
        assert batch.parent is None and batch.attributes is not None and batch.attributes["bayswitch.batch.size"]
        assert root.context.span_id in [link.context.span_id for link in batch.links], stage
        assert [link.context.span_id for link in found[stage].links] == [batch.context.span_id], stage


async def test_no_span_names_a_person_an_account_or_an_agent(own: Served) -> None:
    instruction = northbound(person=a_new_person())
    async with followed(own, share=1.0) as spans:
        await carried_out(own, {}, instruction)
    written = "".join(span.to_json() for span in spans.get_finished_spans())
    assert written
    document = instruction.debtor.identification
    assert document is not None
    for secret in (
        instruction.debtor.name, instruction.creditor.name, document.number, instruction.debtor.account.number,
        instruction.creditor.account.number, instruction.debtor_agent, instruction.creditor_agent, "traced",
        own.sandbox.world.known.persons.pseudonym(document.type, document.country, document.number),
    ):  # fmt: skip
        assert secret and secret not in written, secret


async def test_a_refused_payment_says_by_which_rule(own: Served) -> None:
    async with followed(own, share=1.0) as spans:
        await carried_out(own, {}, northbound("50000.00", person=a_new_person()))
    attributes = named(spans)["payment"].attributes or {}
    assert (attributes["bayswitch.outcome"], attributes["bayswitch.rule"]) == (
        "refused", "payment-connect.northbound.day",
    )  # fmt: skip
    assert "send" not in named(spans)


async def test_a_rejection_of_the_rail_ends_the_trace(own: Served) -> None:
    async with followed(own, share=1.0) as spans:
        await carried_out(own, {}, to_magic("REJECT-AC03", person=a_new_person()))
    assert (named(spans)["rail"].attributes or {})["bayswitch.status"] == "rejected"
    assert "payment" in named(spans)


@pytest.mark.parametrize(("share", "headers"), [(0.0, {}), (1.0, {"traceparent": UNSAMPLED})])
async def test_what_is_not_sampled_leaves_nothing(own: Served, share: float, headers: dict[str, str]) -> None:
    async with followed(own, share) as spans:
        await carried_out(own, headers)
    assert spans.get_finished_spans() == ()


async def test_where_traces_are_off_no_stage_knows_of_them(own: Served) -> None:
    taken_in = own.sandbox.submission
    async with followed(own, share=1.0):
        assert own.sandbox.submission != taken_in
    assert own.sandbox.submission == taken_in
    assert all(stage.spans is None for stage in own.sandbox.worker.metrics.stages)


async def test_payments_without_end_do_not_fill_the_memory(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "LIVE_MAX", 2)
    async with followed(own, share=1.0) as spans, own.http() as http:
        for n in range(5):
            body = body_of(northbound(person=a_new_person()))
            await http.post("/v1/payments", json=body, headers={"Idempotency-Key": f"t{n}"})
    assert sum(span.name == "payment" for span in spans.get_finished_spans()) >= 3


async def test_a_fault_of_the_traces_harms_no_payment(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(Tracing, "_took", broken)
    monkeypatch.setattr(Tracing, "_judged", broken)
    async with followed(own, share=1.0):
        payment_id = await carried_out(own, {})
    stored = await own.sandbox.store.payment(payment_id)
    assert stored is not None and stored.status == "credited"


async def test_a_trace_file_has_a_span_a_line(own: Served, tmp_path: Path) -> None:
    traces = open_tracing(tmp_path / "spans.jsonl", None, 1.0, "1", time.time_ns)
    own.door.app = traces.door(own.door.app)
    with traces.following(own.sandbox):
        payment_id = await carried_out(own, {})
    await traces.close()
    lines = [json.loads(line) for line in (tmp_path / "spans.jsonl").read_text().splitlines()]
    assert {line["name"] for line in lines} >= {"payment", *STAGES}
    assert payment_id in {line["attributes"].get("bayswitch.payment_id") for line in lines}
