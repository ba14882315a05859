"""A payment that was ended and paid all the same is asked back under TECH: the money squares suspense, in every book."""

import time

import asyncpg
import pytest
from builders import NOON, a_clock, to_magic
from driver import Driver
from giving_back import DAY, recalled, the_return
from test_flow_recalls import refused
from test_returns_whole import move_on

from loadtest.audit.audit import audit
from switch.flow.decisions import Decisions, NotRecalled
from switch.flow.recalls import RecallAsk
from switch.flow.return_books import StoredRecall
from switch.main import open_sandbox, postgres_sandbox

SANDBOX = "late_acceptance"


async def paid_late(driver: Driver) -> str:
    payment_id = await driver.accepted(to_magic("LATE-ACCEPT", amount="500.00"))
    await driver.wait(60)
    await driver.worker.operate(await driver.stored(payment_id), "reject")
    assert refused(await recalled(driver, payment_id, "TECH")) == "not-recallable"  # nothing was paid yet
    await driver.wait(2 * 3600)
    return payment_id


async def came_back(driver: Driver, payment_id: str) -> StoredRecall:
    """Ask until the creditor agent says yes: by the seed, nine in ten."""
    for n in range(5):
        opened = await recalled(driver, payment_id, "TECH", key=f"late-{n}")
        assert opened.recall is not None
        await driver.wait(4 * DAY)
        last = (await driver.store.recalls(payment_id))[-1]
        if last.state == "returned":
            return last
        assert last.state == "rejected"
    raise AssertionError("no recall was accepted")


async def test_a_late_acceptance_is_recalled_and_squares_its_suspense(driver: Driver) -> None:
    payment_id = await paid_late(driver)
    stored = await driver.stored(payment_id)
    whole = stored.settlement_minor
    assert (await driver.counters())["suspense:ibps:CNY"][1] == whole
    assert refused(await recalled(driver, payment_id, "DUPL")) == "not-recallable"
    recall = await came_back(driver, payment_id)
    back = await the_return(driver, payment_id)
    assert (back.state, back.recall_id, back.amount_minor) == ("squared", recall.recall_id, whole)
    assert (await driver.counters())["suspense:ibps:CNY"] == (0, whole, 0, whole)
    assert (await driver.stored(payment_id)) == stored and stored.status == "rejected"
    assert await driver.imbalance() == {}
    assert refused(await recalled(driver, payment_id, "TECH")) == "recall-too-much"


async def test_it_is_resolved_as_recalled_only_once_it_is_and_then_asked_back_no_more(driver: Driver) -> None:
    payment_id = await paid_late(driver)
    eyes = Decisions(driver.world, driver.store, driver.worker.operate)
    about = (payment_id, "late-acceptance")
    with pytest.raises(NotRecalled):
        await eyes.on_exception(*about, "recalled", "Chan", "They give it back.")
    await came_back(driver, payment_id)
    for operator in ("Chan", "Wong"):
        found = await eyes.on_exception(*about, "recalled", operator, "They gave it back.")
    assert found.outcome == "confirmed"


async def test_what_two_operators_wrote_off_is_not_asked_back(driver: Driver) -> None:
    payment_id = await paid_late(driver)
    eyes = Decisions(driver.world, driver.store, driver.worker.operate)
    for operator in ("Chan", "Wong"):
        await eyes.on_exception(payment_id, "late-acceptance", "written-off", operator, "Too small.")
    assert refused(await recalled(driver, payment_id, "TECH")) == "not-recallable"


async def test_a_late_acceptance_has_its_ten_days_from_the_day_it_was_paid(driver: Driver) -> None:
    payment_id = await paid_late(driver)
    await driver.wait(20 * DAY)
    assert refused(await recalled(driver, payment_id, "TECH")) == "recall-too-late"


async def test_the_auditor_agrees(postgres_url: str) -> None:
    sandbox = postgres_sandbox(postgres_url, SANDBOX, clock=a_clock(), instant=True)
    try:
        await open_sandbox(sandbox, NOON)
        await sandbox.move_clock(None, 0)
        instruction = to_magic("LATE-ACCEPT", amount="500.00")
        payment_id = (await sandbox.pay(instruction, instruction.debtor_agent, "late")).payment_id
        await move_on(sandbox, 0)
        for operator in ("Chan", "Wong"):
            stored = await sandbox.payment(payment_id, None)
            await sandbox.decisions.on_payment(stored, "reject", operator, "no answer")
        await move_on(sandbox, 1)
        for n in range(5):
            if await sandbox.store.returns(payment_id):
                break
            assert (await sandbox.recall(payment_id, None, f"ask-{n}", RecallAsk("TECH", None, ""))).recall is not None
            await move_on(sandbox, 3)
        [back] = await sandbox.store.returns(payment_id)
        assert back.state == "squared"
        assert (await audit(postgres_url, SANDBOX, time.time(), drained=True)).violations == []
    finally:
        await sandbox.stop()
        connection = await asyncpg.connect(postgres_url)
        for row in await connection.fetch("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)", SANDBOX):
            await connection.execute(f'DROP SCHEMA "{row["nspname"]}" CASCADE')
        await connection.close()
