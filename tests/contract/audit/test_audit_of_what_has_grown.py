"""A sandbox that was multiplied by SQL is as right as the one it was made of, and goes on living; what cannot be multiplied says why."""

import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from audited_sandbox import HONG_KONG, START_AT, by_rtgs, drop, northbound

from limits.rulebook import read_documents
from limits.rules import Rulebook
from loadtest.audit.audit import audit
from loadtest.audit.grown import CannotGrow, grow
from switch.clock import BusinessClock
from switch.main import open_sandbox, postgres_sandbox
from switch.sandbox import Sandbox

SANDBOX = "contract_grown"


def a_law_that_may_overshoot() -> Rulebook:
    """The law of the day, but the daily allowance of Payment Connect is taken while any of it is left: as market quotas are."""
    documents, name = read_documents(), "payment-connect.northbound.day.yaml"
    return Rulebook({**documents, name: {**documents[name], "admission": "while_open"}})


@pytest_asyncio.fixture
async def plain(postgres_url: str) -> AsyncIterator[Sandbox]:
    """A sandbox of six payments at rest: two overshoot, one is refused after that, one is rejected, one settles."""
    connection = await asyncpg.connect(postgres_url)
    await drop(connection, SANDBOX)
    clock = BusinessClock()
    clock.begin(START_AT, rate=0)
    sandbox = postgres_sandbox(postgres_url, SANDBOX, clock=clock, instant=True, rulebook=a_law_that_may_overshoot())
    await open_sandbox(sandbox, START_AT)
    try:
        instructions = (
            northbound(1, "9000.00"),
            northbound(1, "9000.00", instruction_id="G2"),
            northbound(1, "0.01", instruction_id="G3"),
            northbound(2, account="MAGIC-REJECT-AC03-1"),
            northbound(3),
            by_rtgs(4),
        )
        answers = [await sandbox.pay(each, HONG_KONG, f"g{n}") for n, each in enumerate(instructions)]
        assert await sandbox.settle_down(5)
        found = [(await sandbox.payment(answer.payment_id, None)).status for answer in answers]
        assert found == ["credited", "credited", "rejected", "rejected", "credited", "settled"]
        yield sandbox
    finally:
        await sandbox.stop()
        await drop(connection, SANDBOX)
        await connection.close()


async def test_what_has_grown_is_audited_without_a_violation_and_goes_on(plain: Sandbox, postgres_url: str) -> None:
    assert (await audit(postgres_url, SANDBOX, time.time(), drained=True)).violations == []
    grown = await grow(postgres_url, SANDBOX, 25, 2, lambda _: None)
    assert (grown["payments"], grown["clones"]) == (30, 4)
    assert (await plain.pay(northbound(5), HONG_KONG, "after")).status != "rejected"
    assert await plain.settle_down(5)
    found = await audit(postgres_url, SANDBOX, time.time(), drained=True)
    assert (found.payments, found.violations) == (31, [])
    looked_at = {done.check: done.looked_at for done in found.checks}
    assert looked_at["while-open-finds-headroom"] == 5 * 4 + 1


async def test_it_grows_once(plain: Sandbox, postgres_url: str) -> None:
    await grow(postgres_url, SANDBOX, 12, 2, lambda _: None)
    with pytest.raises(CannotGrow, match="not of one day"):
        await grow(postgres_url, SANDBOX, 40, 2, lambda _: None)
