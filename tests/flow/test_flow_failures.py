"""The store or a rail fails in the middle of a step: what it did not take stays with the worker and is done again."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from builders import NOON, a_submission, a_world, domestic, northbound, some_rails, to_magic, trade
from driver import Driver
from faulty import PAST_DEADLINE, UETR, being_sent, faulty

from rails.faults import Faults
from rails.port import RailUnavailable
from switch.flow.loops import Loops
from switch.flow.ports import StoreUnavailable
from switch.payment.status import REJECT
from switch.store.memory import MemoryStore


async def stubborn(step: Callable[[], Any], failures: int = 1) -> None:
    """Do a step until it does not fail; it must fail as often as said."""
    for _ in range(failures):
        with pytest.raises(StoreUnavailable):
            await step()
    await step()


@pytest.mark.parametrize("where", ["fail_before", "fail_after"])
async def test_reports_the_store_did_not_take_are_carried_out_again(where: str) -> None:
    driver, store = await faulty()
    ids = [await driver.accepted(northbound(person=n)) for n in range(3)]
    await driver.wait()
    driver.world.clock.set(NOON + timedelta(seconds=20))
    getattr(store, where).add("finish")
    await stubborn(driver.worker.collect)
    for payment_id in ids:
        assert await driver.history(payment_id) == ["accepted", "credited"]
    assert await driver.imbalance() == {} and await store.exceptions(None) == []


@pytest.mark.parametrize("where", ["fail_before", "fail_after"])
async def test_a_deadline_is_not_forgotten_when_the_store_is_away(where: str) -> None:
    driver, store = await faulty()
    payment_id = await driver.accepted(to_magic("SILENT"))
    await driver.wait()
    driver.world.clock.set(NOON + timedelta(seconds=PAST_DEADLINE))
    getattr(store, where).add("finish")
    await stubborn(driver.worker.complete)
    await driver.wait(2)
    assert await driver.history(payment_id) == ["accepted", "in_doubt", "credited"]


async def test_an_answer_to_an_inquiry_that_the_store_did_not_take_is_asked_for_again() -> None:
    driver, store = await faulty()
    payment_id = await driver.accepted(to_magic("SILENT"))
    other = await driver.accepted(to_magic("LATE-ACCEPT", domestic))
    await driver.wait()
    driver.world.clock.set(NOON + timedelta(seconds=PAST_DEADLINE))
    store.fail_before.add("finish")
    store.spared = 1  # that which puts both in doubt; what the rails have answered is not taken
    with pytest.raises(StoreUnavailable):
        await driver.worker.complete()
    await driver.wait(2)
    await driver.wait(10)
    assert await driver.history(payment_id) == ["accepted", "in_doubt", "credited"]
    assert (await driver.stored(other)).status == "rejected"


async def test_a_mark_that_the_store_did_not_take_is_no_loss() -> None:
    driver, store = await faulty()
    payment_id = await driver.accepted(northbound())
    await driver.wait()
    store.fail_before.add("finish")
    with pytest.raises(StoreUnavailable):
        await driver.mark()
    await driver.wait(PAST_DEADLINE)
    assert (await driver.stored(payment_id)).status == "credited"


@pytest.mark.parametrize("where", ["fail_before", "fail_after"])
async def test_an_exception_record_that_the_store_did_not_take_is_written_once(where: str) -> None:
    driver, store = await faulty()
    payment_id = await driver.accepted(to_magic("CONTRADICTORY"))
    await driver.wait()
    driver.world.clock.set(NOON + timedelta(seconds=40))  # the credit and what contradicts it are both due
    getattr(store, where).add("hear_out")
    with pytest.raises(StoreUnavailable):
        await driver.wait()
    await driver.wait()
    assert [record.kind for record in await store.exceptions(payment_id)] == ["contradiction"]


@pytest.mark.parametrize("where", ["fail_before", "fail_after"])
async def test_a_last_word_out_of_turn_that_the_store_did_not_take_is_asked_for_again(where: str) -> None:
    """Nobody else would ask: only the inquiry tells that the rail has paid what an operator rejected."""
    driver, store = await faulty()
    payment_id = await driver.accepted(to_magic("SILENT"))
    await driver.wait()
    await driver.worker.operate(await driver.stored(payment_id), REJECT)
    driver.world.clock.set(NOON + timedelta(seconds=PAST_DEADLINE))
    getattr(store, where).add("hear_out")
    await stubborn(driver.worker.complete)
    await driver.wait(2)
    assert [record.kind for record in await store.exceptions(payment_id)] == ["late-acceptance"]
    assert not (await driver.stored(payment_id)).awaits_rail and not driver.worker.flights
    assert await driver.imbalance() == {}


# --- rails ---


async def test_a_rail_that_is_away_keeps_nobody_else_waiting() -> None:
    driver = await Driver(MemoryStore(), a_world(rails=some_rails())).start()
    ibps = driver.world.rails["ibps"]
    ibps.faults = Faults(outage=True)  # type: ignore[attr-defined]
    held = await driver.accepted(northbound())
    free = await driver.accepted(domestic())
    assert await driver.worker.submit(0.0) == 1
    driver.world.clock.set(NOON + timedelta(seconds=20))
    await driver.worker.collect()
    assert (await driver.stored(free)).status == "credited"
    assert (await driver.stored(held)).status == "accepted" and len(driver.worker.unsent) == 1
    ibps.faults = Faults()  # type: ignore[attr-defined]
    await driver.wait()
    await driver.wait(19)
    assert (await driver.stored(held)).status in ("credited", "in_doubt")
    await driver.wait(120)
    assert (await driver.stored(held)).status == "credited"


async def test_a_payment_its_rail_surely_has_not_taken_by_its_deadline_is_ended_and_holds_nothing(
    driver: Driver,
) -> None:
    before = await driver.counters()
    ibps = driver.world.rails["ibps"]
    ibps.faults = Faults(outage=True)
    payment_id = await driver.accepted(northbound())
    waiter = driver.worker.wait_for(payment_id)
    await driver.worker.submit(0.0)
    driver.world.clock.set(NOON + timedelta(seconds=19))
    await driver.worker.submit(0.0)
    await driver.worker.complete()
    assert (await driver.stored(payment_id)).status == "accepted"
    driver.world.clock.set(NOON + timedelta(seconds=20))
    await driver.worker.complete()
    stored = await driver.stored(payment_id)
    assert (stored.status, stored.code, stored.awaits_rail) == ("rejected", "AB03", False)
    assert "switch-time-out" in stored.detail and await waiter == "rejected"
    assert await driver.counters() == before and not driver.worker.flights and not driver.worker.unsent
    ibps.faults = Faults()
    await driver.wait(60)
    assert await driver.history(payment_id) == ["accepted", "rejected"]
    assert await driver.store.inquiries(payment_id) == [] and await driver.store.exceptions(None) == []


async def test_what_may_be_with_a_rail_that_stays_away_is_in_doubt_until_the_rail_is_back() -> None:
    """Nobody knows whether sending it failed before or after the rail had it: all stays held, it is asked about, not sent late."""
    driver = await Driver(MemoryStore(), a_world(rails=some_rails())).start()
    ibps = driver.world.rails["ibps"]
    send = ibps.send

    async def not_known(batch: Any) -> None:
        raise RailUnavailable("planted: it may have been taken")

    ibps.send = not_known
    payment_id = await driver.accepted(northbound())
    held = await driver.counters()
    await driver.worker.submit(0.0)
    ibps.send, ibps.faults = send, Faults(outage=True)
    for _ in range(5):  # surely not taken now; but before, nobody knows
        await driver.worker.submit(0.0)
        driver.world.clock.set(driver.world.clock.now() + timedelta(seconds=15))
        await driver.worker.complete()
    assert (await driver.stored(payment_id)).status == "in_doubt" and await driver.counters() == held
    ibps.faults = Faults()
    await driver.wait()
    await driver.wait(60)
    stored = await driver.stored(payment_id)
    assert (stored.status, stored.code) == ("rejected", "AG09") and await driver.counters() != held
    assert await driver.store.exceptions(None) == [] and await driver.imbalance() == {}


async def test_what_another_worker_has_taken_over_is_not_ended_as_unsent(driver: Driver) -> None:
    """It may have been sent by then: only who holds a payment knows."""
    driver.world.rails["ibps"].faults = Faults(outage=True)
    payment_id = await driver.accepted(northbound())
    await driver.worker.submit(0.0)
    driver.worker._takeover.incarnation = 7  # its row is under another
    driver.world.clock.set(NOON + timedelta(seconds=PAST_DEADLINE))
    await driver.worker.complete()
    assert (await driver.stored(payment_id)).status == "accepted" and not driver.worker.flights


@pytest.mark.parametrize("call", ["abandon", "ended"])
async def test_what_comes_up_beside_what_fails_comes_up_again(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the simulation, seeds 1296, 1384, 1148 and 2696: the silent payment was looked at no more."""
    driver, store = await faulty()
    driver.world.rails["ibps"].faults = Faults(outage=True)
    await driver.accepted(northbound())
    silent = await driver.accepted(to_magic("UNREPORTED", trade))
    await driver.worker.submit(0.0)
    right, failures = getattr(store, call), ["once"]

    async def fails_once(*given: Any) -> Any:
        if failures:
            failures.pop()
            raise StoreUnavailable(f"planted in {call}")
        return await right(*given)

    monkeypatch.setattr(store, call, fails_once)
    for _ in range(3):
        driver.world.clock.set(driver.world.clock.now() + timedelta(hours=1))
        with suppress(StoreUnavailable):
            await driver.worker.complete()
    assert not failures and (await driver.stored(silent)).status in ("settled", "credited")


@pytest.mark.parametrize("where", ["fail_before", "fail_after"])
async def test_an_unsent_payment_the_store_did_not_end_is_ended_later(where: str) -> None:
    driver, store = await faulty()
    before = await driver.counters()
    driver.world.rails["ibps"].faults = Faults(outage=True)
    payment_id = await driver.accepted(northbound())
    await driver.worker.submit(0.0)
    driver.world.clock.set(NOON + timedelta(seconds=PAST_DEADLINE))
    getattr(store, where).add("finish")
    await stubborn(driver.worker.complete)
    assert (await driver.stored(payment_id)).code == "AB03" and await driver.counters() == before
    assert not driver.worker.flights and not driver.worker.unsent


@pytest.mark.parametrize("where", ["fail_before", "fail_after"])
async def test_what_may_be_rejected_already_is_not_sent_though_its_rail_is_back(where: str) -> None:
    """Found by seed 2719 of the simulation: the reply to its rejection was lost, and its rail took it before that was told again."""
    driver, store = await faulty()
    driver.world.rails["ibps"].faults = Faults(outage=True)
    payment_id = await driver.accepted(northbound())
    await driver.worker.submit(0.0)
    driver.world.clock.set(NOON + timedelta(seconds=PAST_DEADLINE))
    getattr(store, where).add("finish")
    with pytest.raises(StoreUnavailable):
        await driver.worker.complete()
    driver.world.rails["ibps"].faults = Faults()
    assert await driver.worker.submit(0.0) == 0
    await driver.worker.complete()
    assert (await driver.stored(payment_id)).code == "AB03" and not driver.worker.flights


async def test_what_is_sent_late_is_dated_by_when_it_was_sent() -> None:
    driver = await Driver(MemoryStore(), a_world(rails=some_rails())).start()
    ibps = driver.world.rails["ibps"]
    ibps.faults = Faults(outage=True)
    payment_id = await driver.accepted(northbound())
    await driver.worker.submit(0.0)
    driver.world.clock.set(NOON + timedelta(seconds=15))
    ibps.faults = Faults()
    await driver.wait()
    await driver.wait(PAST_DEADLINE)
    events = await driver.store.events(payment_id)
    assert events[-1].status == "credited" and events[-1].at > NOON + timedelta(seconds=15)


async def test_a_payment_that_may_have_reached_a_rail_that_is_now_away_is_in_doubt_and_asked_about_later() -> None:
    driver = await Driver(MemoryStore(), a_world(rails=some_rails())).start()
    ibps = driver.world.rails["ibps"]
    payment_id = await driver.accepted(northbound())
    await driver.worker.submit(0.0)
    ibps.faults = Faults(outage=True)  # type: ignore[attr-defined]
    for _ in range(3):
        driver.world.clock.set(driver.world.clock.now() + timedelta(seconds=15))
        await driver.worker.complete()
    assert (await driver.stored(payment_id)).status == "in_doubt"
    ibps.faults = Faults()  # type: ignore[attr-defined]
    await driver.wait(60)
    assert await driver.history(payment_id) == ["accepted", "in_doubt", "credited"]


async def test_a_send_whose_reply_was_lost_is_sent_again_and_paid_once() -> None:
    driver = await Driver(MemoryStore(), a_world(rails=some_rails())).start()
    ibps = driver.world.rails["ibps"]
    send = ibps.send

    async def loses_the_reply(batch: Any) -> None:
        await send(batch)
        ibps.send = send  # type: ignore[method-assign]
        raise RailUnavailable("planted")

    ibps.send = loses_the_reply  # type: ignore[method-assign]
    payment_id = await driver.accepted(northbound())
    await driver.worker.submit(0.0)
    assert len(driver.worker.unsent) == 1
    await driver.wait()
    await driver.wait(PAST_DEADLINE)
    assert await driver.history(payment_id) == ["accepted", "credited"] and await driver.imbalance() == {}


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_payment_past_its_deadline_is_not_asked_about_before_it_has_been_sent(arrives: bool) -> None:
    driver, rail, payment_id, sending = await being_sent()
    driver.world.clock.set(NOON + timedelta(seconds=PAST_DEADLINE))
    await driver.worker.complete()
    assert rail.asked == [] and (await driver.stored(payment_id)).status == "accepted"
    rail.let_go.set_result(None if arrives else RailUnavailable("planted"))
    assert await sending == arrives
    driver.world.clock.set(NOON + timedelta(seconds=PAST_DEADLINE + 2))
    await driver.worker.complete()
    assert rail.asked == [UETR]
    await driver.wait()
    await driver.wait(60)
    stored = await driver.stored(payment_id)
    assert (rail.sent, stored.status, stored.code) == (
        ([UETR], "credited", "") if arrives else ([], "rejected", "AG09")
    )


async def test_what_an_operator_rejects_while_it_is_being_sent_may_still_be_paid_and_is_recorded() -> None:
    driver, rail, payment_id, sending = await being_sent()
    await driver.worker.operate(await driver.stored(payment_id), REJECT)
    rail.let_go.set_result(None)
    assert await sending == 0  # of those that are still wanted
    await driver.wait(60)
    assert await driver.history(payment_id) == ["accepted", "rejected"]
    assert [record.kind for record in await driver.store.exceptions(payment_id)] == ["late-acceptance"]
    assert await driver.imbalance() == {} and not driver.worker.flights


async def test_what_an_operator_rejects_while_it_is_being_sent_is_not_sent_again() -> None:
    driver, rail, payment_id, sending = await being_sent()
    before = await driver.counters()
    await driver.worker.operate(await driver.stored(payment_id), REJECT)
    rail.let_go.set_result(RailUnavailable("planted"))
    await sending
    await driver.wait(60)
    assert rail.sent == [] and rail.asked == [UETR]  # asked about: the rail might have had it all the same
    assert await driver.history(payment_id) == ["accepted", "rejected"]
    assert await driver.store.exceptions(None) == [] and not driver.worker.flights
    assert await driver.counters() != before and await driver.imbalance() == {}


async def test_the_loops_rest_while_a_rail_is_away() -> None:
    """An outage must not make the loop spin: it is tried again after a pause, and everything else goes on."""
    driver = await Driver(MemoryStore(), a_world(rails=some_rails())).start()
    ibps = driver.world.rails["ibps"]
    ibps.faults = Faults(outage=True)  # type: ignore[attr-defined]
    tries = 0
    send = ibps.send

    async def counted(batch: Any) -> None:
        nonlocal tries
        tries += 1
        await send(batch)

    ibps.send = counted  # type: ignore[method-assign]
    loops = Loops(driver.worker)
    await loops.start()
    held, free = a_submission(northbound()), a_submission(domestic())
    for submission in (held, free):
        loops.worker.intake.put(submission)
    assert (await held.answer).status == (await free.answer).status == "accepted"
    driver.world.clock.set(rate=100)
    await asyncio.sleep(0.5)
    assert (await driver.stored(free.payment_id)).status == "credited"
    assert 1 <= tries < 60
    await loops.stop()
