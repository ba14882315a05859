"""What an operator has rejected is asked about again after a restart: a silent rail may have paid."""

import time
from datetime import timedelta

import asyncpg
from audited_sandbox import HONG_KONG, START_AT, agreed, drop, northbound

from loadtest.audit.audit import audit
from rails.faults import Faults
from rails.simulated import SimulatedRail
from switch.clock import BusinessClock
from switch.main import open_sandbox, postgres_sandbox
from switch.sandbox import Sandbox

SANDBOX = "contract_restart"


async def test_a_late_acceptance_that_nobody_reports_is_found_after_a_restart(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    await drop(connection, SANDBOX)
    try:
        payment_id = await _rejected_by_an_operator(postgres_url)
        [lost] = (await audit(postgres_url, SANDBOX, time.time(), drained=True)).violations
        assert lost.check == "rejected-is-not-paid"
        await connection.execute(f"UPDATE {SANDBOX}.worker SET lease_until = '2000-01-01'")
        sandbox = await _opened(postgres_url)
        try:
            assert await sandbox.settle_down(5)
            assert [record.kind for record in await sandbox.store.exceptions(payment_id)] == ["late-acceptance"]
        finally:
            await sandbox.stop()
        assert (await audit(postgres_url, SANDBOX, time.time(), drained=True)).violations == []
    finally:
        await drop(connection, SANDBOX)
        await connection.close()


async def _opened(url: str) -> Sandbox:
    clock = BusinessClock()
    clock.begin(START_AT, rate=0)
    sandbox = postgres_sandbox(url, SANDBOX, clock=clock, instant=True)
    await open_sandbox(sandbox, START_AT)
    return sandbox


async def _rejected_by_an_operator(url: str) -> str:
    """Live until an operator rejects a payment that its rail has paid without a word."""
    sandbox = await _opened(url)
    clock, ibps = sandbox.world.clock, sandbox.world.rails["ibps"]
    assert isinstance(ibps, SimulatedRail)
    try:
        answer = await sandbox.pay(northbound(1, account="MAGIC-SILENT-1"), HONG_KONG, "one")
        await sandbox.move_clock(clock.now() + timedelta(seconds=1), 0)
        assert await sandbox.settle_down(5)
        ibps.faults = Faults(outage=True)
        await sandbox.move_clock(clock.now() + timedelta(seconds=60), None)
        assert await sandbox.settle_down(5)
        assert (await agreed(sandbox, answer.payment_id, "reject")).status == "rejected"
        return answer.payment_id
    finally:
        await sandbox.stop()
