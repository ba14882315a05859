"""Payments that wait for an opening are explained to the audit as long as somebody will come to it."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest_asyncio
from audited_sandbox import HONG_KONG, by_rtgs, drop

from loadtest.audit.audit import audit
from switch.clock import BusinessClock
from switch.main import open_sandbox, postgres_sandbox

SANDBOX = "contract_waiting"
SATURDAY = datetime(2026, 3, 7, 4, 0, tzinfo=UTC)
MONDAY_NOON = datetime(2026, 3, 9, 4, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def waiting(postgres_url: str) -> AsyncIterator[str]:
    """A sandbox in which one payment waits, one was cancelled, and one has been released and settled."""
    connection = await asyncpg.connect(postgres_url)
    await drop(connection, SANDBOX)
    clock = BusinessClock()
    clock.begin(SATURDAY, rate=0)
    sandbox = postgres_sandbox(postgres_url, SANDBOX, clock=clock, instant=True)
    await open_sandbox(sandbox, SATURDAY)
    ids = []
    try:
        for n in range(2):
            instruction = by_rtgs(2).model_copy(update={"instruction_id": f"W{n}", "if_closed": "queue"})
            ids.append((await sandbox.pay(instruction, HONG_KONG, f"w{n}")).payment_id)
        assert await sandbox.cancel(ids[0], HONG_KONG) is not None
        await sandbox.move_clock(MONDAY_NOON, None)
        assert await sandbox.settle_down(5)
        assert (await sandbox.payment(ids[1], None)).status == "settled"
        await sandbox.move_clock(datetime(2026, 3, 9, 12, 0, tzinfo=UTC), None)
        instruction = by_rtgs(2).model_copy(update={"instruction_id": "W3", "if_closed": "queue"})
        assert (await sandbox.pay(instruction, HONG_KONG, "w3")).status == "queued"
    finally:
        await sandbox.stop()
    yield postgres_url
    await drop(connection, SANDBOX)
    await connection.close()


async def found(url: str) -> set[str]:
    return {each.check for each in (await audit(url, SANDBOX, time.time(), drained=True)).violations}


async def test_what_waits_breaks_no_rule_and_what_waits_for_nothing_does(waiting: str) -> None:
    assert await found(waiting) == set()
    connection = await asyncpg.connect(waiting)
    try:
        await connection.execute(f"UPDATE {SANDBOX}.queued SET opens_at = '2026-03-01'")
        assert await found(waiting) == {"queued-waits-for-an-opening"}
        await connection.execute(f"DELETE FROM {SANDBOX}.queued")
        assert await found(waiting) == {"queued-waits-for-an-opening"}
    finally:
        await connection.close()
