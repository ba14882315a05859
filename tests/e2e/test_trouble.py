"""When the switch itself is in trouble: the one 5xx it allows itself says so, and the same key pays once afterwards."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from builders import NOON, a_clock, northbound
from serving import Served, body_of, serving

from switch import serving as served_by
from switch.api import intake
from switch.flow import intake as flow_intake
from switch.flow import loops
from switch.flow.ports import Admission, Judge, Outcome, StoreUnavailable
from switch.main import make_worker, memory_sandbox
from switch.sandbox import Sandbox
from switch.store.memory import MemoryStore


class StoreThatGoesAway(MemoryStore):
    """Answers nothing while `away`."""

    away = False

    async def accept(self, batch: Sequence[Admission], generation: int, judge: Judge) -> list[Outcome]:
        self._here()
        return await super().accept(batch, generation, judge)

    async def generation(self) -> int:
        self._here()
        return await super().generation()

    async def payment(self, payment_id: str):  # type: ignore[no-untyped-def]
        self._here()
        return await super().payment(payment_id)

    def _here(self) -> None:
        if self.away:
            raise StoreUnavailable("planted")


async def test_while_the_store_is_away_the_answer_is_503_and_later_the_payment_stands_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake, "ANSWER_SECONDS_MAX", 0.3)
    monkeypatch.setattr(loops, "RETRY_SECONDS", 0.05)
    world = memory_sandbox(a_clock(), instant=True).world
    store = StoreThatGoesAway()
    async with serving(Sandbox(world, store, make_worker(world, store))) as own, own.http() as http:
        body, key = body_of(northbound()), {"Idempotency-Key": "one"}
        store.away = True
        answer = await http.post("/v1/payments", json=body, headers=key)
        assert (answer.status_code, answer.json()["name"]) == (503, "unavailable") and answer.headers["Retry-After"]
        again = await http.post("/v1/payments", json=body, headers=key)
        assert again.status_code == 503 and again.headers["Retry-After"]  # its key is free: nobody waits for the first
        read = await http.get("/v1/payments/00000000-0000-4000-8000-000000000000")
        assert read.status_code == 503 and read.json()["what_to_do"]
        assert (await http.get("/readyz")).status_code == 503 and (await http.get("/healthz")).status_code == 200
        store.away = False
        await asyncio.sleep(0.2)  # longer than the pause after a store that did not answer
        assert (await http.get("/v1/payments")).json()[
            "payments"
        ] == []  # what nobody waited for was not decided after all
        answer = await http.post("/v1/payments", json=body, headers=key)
        assert answer.status_code == 202 and "Idempotency-Replayed" not in answer.headers
        assert len((await http.get("/v1/payments")).json()["payments"]) == 1
        assert (await http.get("/readyz")).status_code == 200


async def test_a_full_queue_says_come_back(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_intake, "WAITING_MAX", 0)
    async with own.http() as http:
        answer = await http.post("/v1/payments", json=body_of(northbound()), headers={"Idempotency-Key": "full"})
        assert (answer.status_code, answer.json()["name"]) == (503, "busy") and answer.headers["Retry-After"]
        batch = {"items": [{"idempotency_key": "full", "instruction": body_of(northbound())}]}
        many = await http.post("/v1/payments/batch", json=batch)
        assert (many.status_code, many.json()["name"]) == (503, "busy") and int(many.headers["Retry-After"]) >= 1
        monkeypatch.setattr(
            own.sandbox.worker.intake, "make_room", lambda bulk: None
        )  # it fills up while the batch is read
        [item] = (await http.post("/v1/payments/batch", json=batch)).json()["items"]
        assert item["http_status"] == 503 and item["retry_after"] >= 1
        monkeypatch.undo()
        monkeypatch.setattr(flow_intake, "WAITING_MAX", 0)
        message = await http.post("/v1/payments", content=b"{", headers={"Content-Type": "application/json"})
        assert message.status_code == 503  # before anything is read of it
        monkeypatch.setattr(flow_intake, "WAITING_MAX", 10)
        assert (
            await http.post("/v1/payments", json=body_of(northbound()), headers={"Idempotency-Key": "full"})
        ).status_code == 202


async def test_a_worker_that_would_turn_a_payment_away_says_it_is_not_ready(
    own: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A balancer that asks it then sends the payment elsewhere; before, it was ready until 20,000 waited."""
    async with own.http() as http:
        assert (await http.get("/readyz")).status_code == 200
        refused = own.sandbox.worker.intake.pressure.refused
        monkeypatch.setattr(own.sandbox.worker.intake, "_deciding_alone", 100_000)
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "the queue is full")
        assert own.sandbox.worker.intake.pressure.refused == refused  # it has asked, and was not refused
        answer = await http.post("/v1/payments", json=body_of(northbound()), headers={"Idempotency-Key": "no"})
        assert answer.status_code == 503


async def test_a_fault_of_ours_is_a_500_that_tells_nothing_of_it(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def faulty(*_: object) -> None:
        raise RuntimeError("CHAN Tai Man")

    monkeypatch.setattr(own.sandbox, "explain", faulty)
    async with own.http() as http:
        answer = await http.post("/v1/payments/explain", json=body_of(northbound()))
        assert answer.status_code == 500 and answer.headers["content-type"] == "application/problem+json"
        assert "CHAN" not in answer.text and answer.json()["what_to_do"]


async def test_a_worker_whose_store_goes_away_while_it_opens_tries_again_and_says_so_in_the_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[Sandbox] = []

    def a_sandbox(*_: object, **__: object) -> Sandbox:
        world = memory_sandbox(a_clock(), instant=True).world
        store = StoreThatGoesAway()
        store.away = len(made) < away_times
        made.append(Sandbox(world, store, make_worker(world, store)))
        return made[-1]

    monkeypatch.setattr(served_by, "postgres_sandbox", a_sandbox)
    monkeypatch.setattr(served_by, "OPENING_PAUSE_SECONDS", 0.01)
    asked = served_by.Serving(tmp_path, "127.0.0.1", 0, None, None, None, 1, NOON), served_by.Urls("", "")
    away_times = 2
    opened = await served_by._opened_patiently(*asked, gone=(7,), joins=False)
    assert opened is made[2] and len(made) == 3
    await opened.stop()
    away_times = 1_000
    monkeypatch.setattr(served_by, "OPENING_SECONDS_MAX", 0.05)
    with pytest.raises(served_by.CannotOpen, match="the store does not answer: planted"):
        await served_by._opened_patiently(*asked, gone=(), joins=False)
