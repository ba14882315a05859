"""Valkey makes it live and never right: news between workers, and the same verdicts without it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from builders import HARBOUR, NOON, a_clock, northbound
from redis.asyncio import Redis
from redis.exceptions import ConnectionError
from serving import Served, a_new_person, body_of, drop_schemas, serving

from bayswitch import AsyncClient, Problem
from limits.claims import Claim, Refused
from switch.embedded.valkey import EmbeddedValkey
from switch.flow.worker import Worker
from switch.main import make_worker, memory_sandbox, postgres_sandbox
from switch.sandbox import Sandbox
from switch.store.valkey import Limiter, ValkeyLink

COUNTER = "stock-connect.shanghai.northbound.day|market|2026-03-05"
CLOSED = Refused(Claim("stock-connect.shanghai.northbound.day", COUNTER, 5, 100, None), 0)
OPEN = Refused(CLOSED.claim._replace(counter=COUNTER + "-b"), 1)


def a_worker() -> Worker:
    sandbox = memory_sandbox(a_clock())
    return make_worker(sandbox.world, sandbox.store)


async def until(true: Callable[[], Any], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def linked(url: str, sandbox: str, *workers: Worker) -> AsyncIterator[None]:
    """Workers that hear each other."""
    links = [ValkeyLink(url, sandbox, worker) for worker in workers]
    for link in links:
        await link.start()
    try:
        await until(lambda: all(worker.board.linked for worker in workers))
        yield
    finally:
        for link in links:
            await link.stop()
    assert not any(worker.board.linked for worker in workers)


async def test_what_one_worker_finds_closed_another_refuses(redis_url: str) -> None:
    one, other, stranger = a_worker(), a_worker(), a_worker()
    async with linked(redis_url, "told", one, other), linked(redis_url, "elsewhere", stranger):
        one.board.learn(CLOSED, 7, NOON)
        one.board.learn(OPEN, 7, NOON)
        await until(lambda: other.board.entries)
        assert other.board.refused([CLOSED.claim], 7, NOON) == CLOSED
        assert other.board.refused([CLOSED.claim], 8, NOON) is None  # the world has moved on
        assert OPEN.claim.counter not in other.board.entries and not stranger.board.entries


async def test_a_worker_that_starts_learns_what_is_closed_and_forgets_it_in_time(redis_url: str) -> None:
    one, late = a_worker(), a_worker()
    async with linked(redis_url, "late", one):
        one.board.learn(CLOSED, 7, NOON)
        await until(lambda: not one.board.outgoing)
        await asyncio.sleep(0.3)
        learnt = one.board.entries[COUNTER]
        async with linked(redis_url, "late", late):
            assert late.board.refused([CLOSED.claim], 7, NOON) == CLOSED
            assert late.board.entries[COUNTER].until <= learnt.until + 0.1
            await asyncio.sleep(1.0)
            assert late.board.refused([CLOSED.claim], 7, NOON) is None


async def test_a_waiter_at_another_worker_is_woken_and_nothing_is_told_twice(redis_url: str) -> None:
    one, other = a_worker(), a_worker()
    async with linked(redis_url, "woken", one, other):
        waiting = other.wait_for("p-1")
        one.wake("p-1", "credited")
        assert await asyncio.wait_for(waiting, 5) == "ACCC"
        await asyncio.sleep(0.05)
        assert not other.board.outgoing


async def test_news_in_another_form_is_passed_over(redis_url: str) -> None:
    one, other = a_worker(), a_worker()
    async with linked(redis_url, "odd", one, other), Redis.from_url(redis_url) as valkey:
        for text in (
            "",
            "x",
            "x\x1ey",
            "x\x1e\x1f\x1f\x1f",
            "x\x1eclosed\x1fa\x1fb",
            b"\xff\xfe",
            "x\x1estatus\x1fp\x1f?",
        ):
            await valkey.publish("odd:news", text)
        await asyncio.sleep(0.1)
        await until(lambda: other.board.linked)
        one.board.learn(CLOSED, 7, NOON)
        await until(lambda: COUNTER in other.board.entries)


async def test_a_link_comes_up_when_valkey_does_and_again_after_it_was_away(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path)
    url = valkey.start()
    valkey.stop()
    worker = a_worker()
    link = ValkeyLink(url, "away", worker)
    await link.start()
    try:
        for _ in range(2):
            await asyncio.sleep(0.1)
            assert not worker.board.linked
            assert valkey.start() == url
            await until(lambda: worker.board.linked)
            valkey.stop()
            await until(lambda: not worker.board.linked)
            worker.wake("nobody", "credited")
            assert not worker.board.outgoing
    finally:
        await link.stop()
        valkey.stop()


async def _cut_while_it_connects(url: str, told: list[str]) -> None:
    """A TCP server where every line is reset while redis opens it; what stands under the client is uvloop, as in `up`."""
    opened = asyncio.open_connection

    async def cut(*args: Any, **named: Any) -> Any:
        reader, writer = await opened(*args, **named)
        writer.transport.abort()
        await asyncio.sleep(0.01)
        with pytest.raises(RuntimeError, match="handler is closed"):
            writer.writelines([b"x"])  # what redis meets
        told.append("cut")
        return reader, writer

    limiter, worker = Limiter(url, "cut"), a_worker()
    link = ValkeyLink(url, "cut", worker)
    asyncio.open_connection = cut
    try:
        assert await limiter.wait_seconds("key") == 0.0
        with pytest.raises(ConnectionError):
            await link._linked()
    finally:
        asyncio.open_connection = opened
        await limiter.close()


async def test_a_line_cut_while_it_is_opened_lets_pass(redis_url: str) -> None:
    """uvloop says RuntimeError there, and a payment was answered with 500."""
    told: list[str] = []
    async with await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await asyncio.to_thread(uvloop.run, _cut_while_it_connects(f"redis://127.0.0.1:{port}/0", told))
    assert told == ["cut"] * 2


async def a_storm(served: list[Served], persons: list[int], run: str) -> Counter[int]:
    """Everyone asks 14 times for a tenth of the daily allowance, through all workers at once; counts what was accepted."""
    accepted: Counter[int] = Counter()

    async def ask(client: AsyncClient, n: int, person: int) -> None:
        try:
            await client.pay(body_of(northbound("1000.00", person=person)), f"{run}-{person}-{n}")
            accepted[person] += 1
        except Problem as problem:
            assert problem.code == "RR04" and problem.headroom == "HKD 0.00", problem

    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(each.client(timeout_seconds=30)) for each in served]
        await asyncio.gather(*[ask(clients[n % len(clients)], n, person) for n in range(14) for person in persons])
    return accepted


@pytest.mark.parametrize("trouble", ["none", "deleted", "stopped", "absent"])
async def test_valkey_deleted_or_gone_under_load_changes_no_verdict(
    postgres_url: str, tmp_path: Path, trouble: str
) -> None:
    """Two workers on one store: each person gets exactly ten of fourteen, whatever becomes of Valkey."""
    schema = f"storm_{trouble}"
    valkey = EmbeddedValkey(tmp_path)
    url = valkey.start()
    sandboxes = [postgres_sandbox(postgres_url, schema, clock=a_clock(), instant=True) for _ in range(2)]
    try:
        async with AsyncExitStack() as stack:
            served = [await stack.enter_async_context(serving(sandbox)) for sandbox in sandboxes]
            await stack.enter_async_context(_links(url, sandboxes, schema))
            if trouble == "absent":
                valkey.stop()
            persons = [a_new_person() for _ in range(12)]
            storm = asyncio.create_task(a_storm(served, persons, trouble))
            await _trouble(trouble, valkey, url, storm)
            assert await storm == Counter(dict.fromkeys(persons, 10))
            assert await served[0].sandbox.settle_down(10)
    finally:
        valkey.stop()
        await drop_schemas(postgres_url, schema)


@asynccontextmanager
async def _links(url: str, sandboxes: list[Sandbox], schema: str) -> AsyncIterator[None]:
    async with linked(url, schema, *[sandbox.worker for sandbox in sandboxes]):
        yield


async def _trouble(trouble: str, valkey: EmbeddedValkey, url: str, storm: "asyncio.Task[Counter[int]]") -> None:
    if trouble == "deleted":
        async with Redis.from_url(url) as client:
            while not storm.done():
                await client.flushall()
                await asyncio.sleep(0.01)
    elif trouble == "stopped":
        await asyncio.sleep(0.1)
        valkey.stop()


async def test_who_waits_at_one_worker_hears_what_another_did(postgres_url: str, redis_url: str) -> None:
    """A payment taken in by one worker is waited for at the other, and the answer comes at once."""
    schema = "pair"
    sandboxes = [postgres_sandbox(postgres_url, schema, clock=a_clock(), instant=True) for _ in range(2)]
    try:
        async with serving(sandboxes[0]) as one, serving(sandboxes[1]) as other, _links(redis_url, sandboxes, schema):
            body, key = body_of(northbound("1.00", person=a_new_person())), f"pair{a_new_person()}"
            async with one.client(HARBOUR) as first, other.client(HARBOUR) as second:
                accepted = await first.pay(body, key)
                again = await second.pay(body, key, wait_seconds=10)
            assert again["payment_id"] == accepted["payment_id"] and again["iso_status"] == "ACCC"
    finally:
        await drop_schemas(postgres_url, schema)
