"""One report that cannot be carried out, for a reason of its own: it stops no other, and is tried again."""

import asyncio
from datetime import timedelta

import pytest
from builders import NOON, a_submission, domestic, northbound, to_magic
from driver import Driver
from faulty import PAST_DEADLINE, faulty
from structlog.testing import capture_logs

from rails.port import CREDITED, RailReport
from switch.flow import finish
from switch.flow.loops import Loops


async def heard_of(driver: Driver, payments: int) -> list[str]:
    """Accept and send so many payments, whose reports are all due now."""
    ids = [await driver.accepted(northbound(person=n)) for n in range(payments)]
    await driver.wait()
    driver.world.clock.set(NOON + timedelta(seconds=19))
    return ids


async def test_a_report_that_cannot_be_carried_out_stops_no_other_and_is_tried_again() -> None:
    driver, store = await faulty()
    ids = await heard_of(driver, 7)
    bad = ids[2]
    store.cursed = {bad}
    with capture_logs() as logs:
        assert await driver.worker.collect() == 7
        assert await driver.worker.collect() == await driver.worker.retry() == 0
    uetr = (await driver.stored(bad)).uetr
    assert [(entry["event"], entry["uetr"]) for entry in logs] == [("could not carry out a report", uetr)]
    assert driver.worker.metrics.set_aside == 1
    assert [(await driver.stored(n)).status for n in ids] == ["accepted" if n == bad else "credited" for n in ids]

    store.cursed = set()
    assert await driver.worker.retry() == 1 and await driver.worker.retry() == 0
    assert await driver.history(bad) == ["accepted", "credited"]
    assert await driver.imbalance() == {} and not driver.worker.flights


async def test_a_report_that_says_nothing_known_is_set_aside_and_the_next_one_counts() -> None:
    driver, _ = await faulty()
    good, odd = [await driver.accepted(northbound(person=n)) for n in range(2)]
    uetrs = [(await driver.stored(payment_id)).uetr for payment_id in (good, odd)]
    said = [RailReport("ibps", uetr, 1, CREDITED, "", NOON) for uetr in uetrs]
    await driver.worker.finish([said[1]._replace(status="perhaps"), *said])
    assert await driver.history(good) == await driver.history(odd) == ["accepted", "credited"]
    assert driver.worker.metrics.set_aside == 1


async def test_the_loops_carry_on_beside_a_bad_report_and_come_back_to_it() -> None:
    driver, store = await faulty()
    bad, good = await heard_of(driver, 2)
    store.cursed = {bad}
    loops = Loops(driver.worker, renew_seconds=0.02)
    await loops.start()
    await asyncio.sleep(0.1)
    assert (await driver.stored(bad)).status == "accepted" and (await driver.stored(good)).status == "credited"
    later = a_submission(domestic())
    loops.worker.intake.put(later)
    assert (await later.answer).status == "accepted"
    store.cursed = set()
    async with asyncio.timeout(5):
        assert await driver.worker.wait_for(bad) == "credited"
    await loops.stop()


async def test_more_bad_reports_than_can_be_kept_are_the_switch_s_own_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing more is taken off the rails; what can be carried out is, and in the end all is."""
    monkeypatch.setattr(finish, "ASIDE_MAX", 2)
    driver, store = await faulty()
    ids = await heard_of(driver, 5)
    store.cursed = set(ids[:3])
    for _ in range(2):
        with pytest.raises(ValueError, match="planted"):
            await driver.worker.collect()
    assert [(await driver.stored(n)).status for n in ids] == ["accepted"] * 3 + ["credited"] * 2
    assert driver.worker.metrics.set_aside == 2
    store.cursed = set()
    await driver.worker.collect()
    await driver.worker.retry()
    for payment_id in ids:
        assert await driver.history(payment_id) == ["accepted", "credited"]
    assert await driver.imbalance() == {} and await store.exceptions(None) == []


async def test_a_payment_that_cannot_be_put_in_doubt_keeps_no_other_from_it() -> None:
    driver, store = await faulty()
    bad, *good = [await driver.accepted(to_magic("SILENT", person=n)) for n in range(4)]
    await driver.wait()
    store.cursed = {bad}
    await driver.wait(PAST_DEADLINE)
    assert (await driver.stored(bad)).status == "accepted"
    for payment_id in good:
        assert await driver.history(payment_id) == ["accepted", "in_doubt", "credited"]
    store.cursed = set()
    await driver.worker.retry()  # what the rail answered was set aside
    assert await driver.history(bad) == ["accepted", "credited"] and await driver.imbalance() == {}
