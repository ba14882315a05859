"""/metrics of a busy sandbox: every series of the table in its form, bounded, and there whatever happens to the store."""

import asyncio
import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import LION, YUEXIU, a_clock, northbound, to_magic, trade
from prometheus_client.parser import text_string_to_metric_families
from serving import Served, a_new_person, body_of, drop_schemas, serving

from switch.api import metrics_books
from switch.api.metrics import families
from switch.api.metrics_series import HISTOGRAM, SERIES, WORKER
from switch.api.metrics_siblings import SILENT_SECONDS, Siblings
from switch.flow.metrics import REFUSALS_MAX, Metrics
from switch.flow.ports import REFUSED, Outcome, StoreUnavailable
from switch.main import make_worker, memory_sandbox, postgres_sandbox
from switch.payment.plan import Refusal
from switch.sandbox import Sandbox
from switch.store.memory import MemoryStore

# Samples of one worker, buckets included, once every kind of thing has happened: 70 operations, 6 rails, some tens of rules.
SAMPLES_MAX = 2_500
NAME, NUMBER = "CHAN Tai Man", "012001"


def read(text: str) -> dict[str, Any]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(text: str, name: str, **labels: str) -> float:
    """The sum of the samples with these labels."""
    found = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert found, f"no sample {name} {labels}"
    return sum(found)


async def scraped(own: Served) -> str:
    async with own.http(None) as http:
        answer = await http.get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return answer.text


async def busy(own: Served) -> list[str]:
    """Have a little of everything happen; returns the ids of what must not be seen."""
    async with own.client() as client, own.http() as http, own.operator() as operator:
        ordinary = [northbound("10.00", person=a_new_person()) for _ in range(20)]
        odd = [to_magic(magic, person=a_new_person()) for magic in ("LATE-ACCEPT", "REJECT-AC03")]
        seen = [(await client.pay(body_of(instruction)))["payment_id"] for instruction in [*ordinary, *odd]]
        batch = [
            {"idempotency_key": f"b{n}", "instruction": body_of(northbound(person=a_new_person()))} for n in range(30)
        ]
        await http.post("/v1/payments/batch", json={"items": batch})
        too_much = body_of(northbound("50000.00", person=a_new_person()))
        assert (await http.post("/v1/payments", json=too_much, headers={"Idempotency-Key": "big"})).status_code == 422
        await http.post("/v1/payments", content=b"{", headers={"Idempotency-Key": "bad"})
        await http.get(f"/v1/payments/{seen[0]}")
        await http.get("/nowhere")
        queued = trade(firm=7, creditor_agent=YUEXIU, if_closed="queue", debtor_agent=LION)
        async with own.http(LION) as lion:
            await lion.post("/v1/payments", json=body_of(queued), headers={"Idempotency-Key": "q"})
        stream = client.events(None)
        await anext(stream)
        await operator.move_clock(by_seconds=300, settle_seconds=20)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
    return seen


async def test_a_busy_sandbox_shows_every_stage_in_bounds_and_names_nobody(own: Served) -> None:
    async with asyncio.timeout(60):
        seen = await busy(own)
        text = await scraped(own)
    families = read(text)
    for name, family in families.items():
        series = SERIES[name]
        assert family.documentation == series.help and family.type == series.kind
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(series.all_labels), sample
    assert sum(len(family.samples) for family in families.values()) < SAMPLES_MAX
    for secret in [*seen, NAME, NUMBER, "MAGIC", *own.sandbox.world.registry.participants]:
        assert secret not in text, f"{secret} is in /metrics"
    for stage in ("decide", "accept", "send", "collect", "finish", "outbox"):
        assert value(text, "bayswitch_stage_payments_sum", stage=stage) > 0, stage
    assert value(text, "bayswitch_admissions_total", outcome="accepted") == 53
    assert value(text, "bayswitch_refusals_total", rule="payment-connect.northbound.day") == 1
    assert value(text, "bayswitch_http_answers_total", operation="POST /v1/payments", status="422") == 1
    assert value(text, "bayswitch_rail_reports_total", rail="ibps", status="rejected") == 1
    assert value(text, "bayswitch_in_doubt_payments") == 1
    assert value(text, "bayswitch_build_info", python=platform.python_version()) == 1
    assert 0 < value(text, "bayswitch_in_doubt_oldest_seconds") < 300
    assert value(text, "bayswitch_rail_turn_seconds_count", rail="ibps") > 0


async def test_what_is_not_in_the_table_is_not_shown_and_what_is_there_is_shown_somewhere(
    postgres_url: str,
) -> None:
    schema = "e2e_metrics"
    try:
        async with serving(postgres_sandbox(postgres_url, schema, clock=a_clock())) as own:
            await busy(own)
            text = await scraped(own)
    finally:
        await drop_schemas(postgres_url, schema)
    absent = SERIES.keys() - read(text).keys()
    # What needs trouble, an open stream, or the served process to be seen; none of it is filled in with zero.
    assert absent <= {
        "bayswitch_stage_failures", "bayswitch_loop_failures", "bayswitch_rail_call_failures",
        "bayswitch_exceptions", "bayswitch_returns", "bayswitch_outbox_lag_seconds", "bayswitch_outbox_unread_events",
        "bayswitch_store_readings_failed",
    }  # fmt: skip
    for lane in ("alone", "bulk", "full"):  # a rate over a series that appears with its first event misses that event
        assert f'bayswitch_shed_payments_total{{lane="{lane}"' in text
    assert value(text, "bayswitch_accept_batches_total", path="fast") > 0
    assert value(text, "bayswitch_accept_batches_total", path="exact") > 0
    assert value(text, "bayswitch_pool_connections", state="open") >= 2
    assert value(text, "bayswitch_pool_waiters") == 0
    assert value(text, "bayswitch_queued_payments") == 0
    assert "bayswitch_quota_used_ratio{" in text


class StoreInTrouble(MemoryStore):
    """Does not answer what /metrics asks: `away` at once, `slow` never."""

    away = slow = False

    async def sums(self, counters: Any) -> Any:
        await self._asked()
        return await super().sums(counters)

    async def count_queued(self, limit: int) -> int:
        await self._asked()
        return await super().count_queued(limit)

    async def _asked(self) -> None:
        if self.away:
            raise StoreUnavailable("planted")
        if self.slow:
            await asyncio.sleep(3_600)


@pytest.mark.parametrize("trouble", ["away", "slow"])
async def test_what_the_store_does_not_say_is_absent_and_nobody_waits_for_it(
    trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_books, "KEPT_SECONDS", 0.0)
    world = memory_sandbox(a_clock()).world
    store = StoreInTrouble()
    async with serving(Sandbox(world, store, make_worker(world, store))) as own:
        assert "bayswitch_queued_payments 0.0" in await scraped(own)
        setattr(store, trouble, True)
        begun = asyncio.get_running_loop().time()
        text = await scraped(own)
        assert asyncio.get_running_loop().time() - begun < 2.0
        assert "bayswitch_queued_payments" not in text and "bayswitch_quota_used_ratio" not in text
        assert value(text, "bayswitch_store_readings_failed_total", reading="queued") == 1
        setattr(store, trouble, False)
        assert "bayswitch_queued_payments 0.0" in await scraped(own)


async def test_scrapers_together_ask_the_store_once(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    count = own.sandbox.store.count_queued

    async def counted(limit: int) -> int:
        asked.append(limit)
        return await count(limit)

    monkeypatch.setattr(own.sandbox.store, "count_queued", counted)
    await asyncio.gather(*(scraped(own) for _ in range(5)))
    assert len(asked) == 1


def a_worker() -> Sandbox:
    world, store = memory_sandbox(a_clock()).world, MemoryStore()
    return Sandbox(world, store, make_worker(world, store))


async def test_any_worker_answers_for_all(tmp_path: Path) -> None:
    async with serving(a_worker()) as one, one.app.state.metrics.watching(tmp_path):
        async with serving(a_worker()) as other, other.app.state.metrics.watching(tmp_path):
            async with one.client() as client:
                await client.pay(body_of(northbound(person=a_new_person())))
            await asyncio.sleep(1.3)  # each has published again
            text = await scraped(other)
            labels = {str(each.sandbox.worker.incarnation) for each in (one, other)}
            ages = read(text)["bayswitch_snapshot_age_seconds"].samples
            assert {sample.labels[WORKER] for sample in ages} == labels
            label = str(one.sandbox.worker.incarnation)
            assert value(text, "bayswitch_admissions_total", outcome="accepted", worker=label) == 1
            assert value(text, "bayswitch_stage_seconds_count", stage="accept", worker=label) == 1
            assert value(text, "bayswitch_snapshot_age_seconds", worker=label) < SILENT_SECONDS
        text = await scraped(one)
        assert str(other.sandbox.worker.incarnation) not in text, "who has stopped is still counted"
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_worker_left_and_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    one, dead = Siblings(tmp_path, "1"), Siblings(tmp_path, "2")
    one.publish({"bayswitch_payments": [(("settled",), 1)]})
    dead.publish({})
    left = json.loads((tmp_path / "2.json").read_text())
    (tmp_path / "2.json").write_text(json.dumps(left | {"at": left["at"] - SILENT_SECONDS}))
    (tmp_path / "3.json").write_text("{ half")
    (tmp_path / "4.json").write_text(json.dumps({"at": left["at"], "samples": {"of_another_version": [[[], 1]]}}))
    found = one.others()
    assert found.keys() == {"4"} and not (tmp_path / "2.json").exists()
    assert [family.name for family in families(found, {})] == ["bayswitch_snapshot_age_seconds"]


async def test_a_stream_that_is_not_read_lags(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_books, "LAGS_SECONDS", 0.0)
    async with own.client() as client:
        stream = client.events(None)
        for _ in range(3):
            await client.pay(body_of(northbound(person=a_new_person())))
        await anext(stream)
        reader = own.app.state.metrics._stream.slowest()
        reader.cursor, reader.caught_up_at = "", reader.caught_up_at - 100.0  # as of one that has been told nothing
        own.app.state.metrics._books._unread = (0.0, None)
        monkeypatch.setattr(type(reader), "__setattr__", lambda *_: None)
        text = await scraped(own)
        monkeypatch.undo()
        assert value(text, "bayswitch_outbox_streams") == 1
        assert value(text, "bayswitch_outbox_lag_seconds") >= 100
        assert value(text, "bayswitch_outbox_unread_events") >= 3
        await stream.aclose()  # type: ignore[attr-defined]


def test_a_scenario_of_many_rules_does_not_make_metrics_grow_without_end() -> None:
    counts = Metrics()
    outcomes: Sequence[Outcome] = [
        Outcome(REFUSED, "", Refusal("person-quota", {"rule": f"rule.{n}"})) for n in range(2 * REFUSALS_MAX)
    ]
    counts.judged(outcomes)
    assert len(counts.refusals) == REFUSALS_MAX + 1 and sum(counts.refusals.values()) == 2 * REFUSALS_MAX


def test_every_series_is_named_as_prometheus_wants_it() -> None:
    for series in SERIES.values():
        assert series.name.startswith("bayswitch_") and not series.name.endswith(
            ("_total", "_count", "_sum", "_bucket")
        )
        assert series.help.endswith(".") and series.question.endswith("?")
        assert not any(unit in series.name for unit in ("_ms", "milli", "micro", "_kb", "percent"))
        assert {"le", "payment", "payment_id", "participant", "person"}.isdisjoint(series.labels)
        assert series.kind != HISTOGRAM or series.name.rpartition("_")[2] in ("seconds", "payments")
