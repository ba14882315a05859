"""A rail's book as the audit reads it is the one the rail reports by: what an operator has dictated stands in it."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest_asyncio
from audited_sandbox import HONG_KONG, drop, northbound

from loadtest.audit.audit import audit
from switch.clock import BusinessClock
from switch.main import open_sandbox, postgres_sandbox

SANDBOX = "contract_dictated"
NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def dictated(postgres_url: str) -> AsyncIterator[str]:
    """A sandbox in which one payment was set rejected before its rail would have paid it, and one credited that was to be refused."""
    connection = await asyncpg.connect(postgres_url)
    await drop(connection, SANDBOX)
    clock = BusinessClock()
    clock.begin(NOON, rate=0)
    sandbox = postgres_sandbox(postgres_url, SANDBOX, clock=clock, instant=True)
    await open_sandbox(sandbox, NOON)
    try:
        for n, (magic, state) in enumerate((("LATE-ACCEPT", "rejected"), ("SILENT-REJECTED", "credited")), 1):
            instruction = northbound(n, account=f"MAGIC-{magic}-{n}")
            paid = await sandbox.pay(instruction, HONG_KONG, f"d{n}")
            await sandbox.settle_down(1)
            await sandbox.set_state(paid.payment_id, state, "", 0.5)
            for _ in range(2):
                await sandbox.move_clock(clock.now() + timedelta(seconds=4000), None)
                assert await sandbox.settle_down(5)
            assert (await sandbox.payment(paid.payment_id, None)).status == state
    finally:
        await sandbox.stop()
    yield postgres_url
    await drop(connection, SANDBOX)
    await connection.close()


async def found(url: str) -> set[str]:
    return {each.check for each in (await audit(url, SANDBOX, time.time(), drained=True)).violations}


async def test_what_was_dictated_is_no_violation_and_another_outcome_in_its_place_is(dictated: str) -> None:
    assert await found(dictated) == set()
    connection = await asyncpg.connect(dictated)
    try:
        table = f"{SANDBOX}_rail_ibps.dictated"
        assert await connection.execute(f"UPDATE {table} SET outcome = 2, reason_code = NULL") == "UPDATE 2"
        assert await found(dictated) == {"rejected-is-not-paid"}
        assert await connection.execute(f"DELETE FROM {table}") == "DELETE 2"
        assert await found(dictated) == {"rejected-is-not-paid", "paid-is-in-the-rails-book"}
    finally:
        await connection.close()
