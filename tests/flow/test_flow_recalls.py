"""A settled payment is asked back: what may be, what becomes of it, and that a crash or another worker loses nothing of it."""

from datetime import timedelta

import pytest
from builders import NOON, a_world, domestic, northbound, to_magic
from driver import Books, Driver
from giving_back import DAY, lines, recalled, the_recall, the_return

from fx.money import Money
from rails.faults import NO_FAULTS, Faults
from switch.flow.ports import PAYMENT, RECALL, RETURN
from switch.flow.return_books import Opened
from switch.store.memory import MemoryStore


async def credited(driver: Driver, magic: str = "RECALL-ACCEPTED", amount: str = "1000.00") -> str:
    payment_id = await driver.accepted(to_magic(magic, amount=amount))
    await driver.wait(30)
    assert (await driver.stored(payment_id)).status == "credited"
    return payment_id


def refused(opened: Opened) -> str:
    assert opened.recall is None and opened.refused is not None
    return opened.refused.name


async def test_an_accepted_recall_brings_the_money_back_and_leaves_the_payment_as_it_was(driver: Driver) -> None:
    payment_id = await credited(driver)
    before = await driver.stored(payment_id)
    await recalled(driver, payment_id)
    assert (await the_recall(driver, payment_id)).state == "requested"
    await driver.wait(1)
    assert (await the_recall(driver, payment_id)).state == "pending"
    await driver.wait(3 * DAY)
    recall, back = await the_recall(driver, payment_id), await the_return(driver, payment_id)
    assert (recall.state, recall.ask_at) == ("returned", None) and recall.answered_at is not None
    assert (back.state, back.amount_minor, back.reason_code, back.recall_id) == (
        "returned",
        before.settlement_minor,
        "FOCR",
        recall.recall_id,
    )
    assert await driver.stored(payment_id) == before
    assert await driver.imbalance() == {}
    events = [
        (event.record, event.detail) for event in await driver.store.events(payment_id) if event.record != PAYMENT
    ]
    assert [record for record, _ in events] == [RECALL, RECALL, RECALL, RETURN]
    assert not any("CHAN" in detail or "mistake" in detail for _, detail in events)


async def test_a_rejected_recall_says_why_and_moves_nothing(driver: Driver) -> None:
    payment_id = await credited(driver, "RECALL-REJECTED-CUST")
    before = await driver.counters()
    await recalled(driver, payment_id)
    await driver.wait(3 * DAY)
    recall = await the_recall(driver, payment_id)
    assert (recall.state, recall.code, recall.ask_at) == ("rejected", "CUST", None)
    assert await driver.store.returns(payment_id) == [] and await driver.counters() == before


async def test_a_silent_creditor_agent_is_asked_again_ever_more_rarely(driver: Driver) -> None:
    payment_id = await credited(driver, "RECALL-SILENT")
    await recalled(driver, payment_id)
    asked = []
    for seconds in (0, 1, 4, 16, 60, 300, 900, 3600, 3600):
        await driver.wait(seconds)
        asked.append((await the_recall(driver, payment_id)).tries)
    assert asked == list(range(1, 10))
    assert (await the_recall(driver, payment_id)).state == "pending"


async def test_the_same_key_is_the_same_recall(driver: Driver) -> None:
    payment_id = await credited(driver)
    first = await recalled(driver, payment_id, key="once")
    again = await recalled(driver, payment_id, key="once")
    other = await recalled(driver, payment_id, "TECH", key="once")
    assert (again.replayed, again.same_content, again.recall) == (True, True, first.recall)
    assert (other.replayed, other.same_content) == (True, False)
    assert len(await driver.store.recalls(payment_id)) == 1


async def test_one_recall_is_under_way_at_a_time(driver: Driver) -> None:
    payment_id = await credited(driver, "RECALL-REJECTED-NOAS")
    await recalled(driver, payment_id, amount=Money(100, "CNY"))
    assert refused(await recalled(driver, payment_id, amount=Money(100, "CNY"))) == "recall-open"
    await driver.wait(3 * DAY)
    assert (await recalled(driver, payment_id)).recall is not None


async def test_only_what_is_settled_can_be_asked_back(driver: Driver) -> None:
    late = await driver.accepted(to_magic("LATE-ACCEPT"))
    assert refused(await recalled(driver, late)) == "not-recallable"
    await driver.wait(30)
    opened = await recalled(driver, late)
    assert refused(opened) == "not-recallable" and opened.refused is not None and "in doubt" in opened.refused.text
    rejected = await driver.accepted(to_magic("REJECT-AC03"))
    await driver.wait(30)
    assert refused(await recalled(driver, rejected)) == "not-recallable"


@pytest.mark.parametrize(("reason", "days"), [("DUPL", 14), ("TECH", 14), ("FRAD", 396)])
async def test_a_recall_has_its_time(reason: str, days: int) -> None:
    for late in (False, True):  # settled on Thursday 5 March 2026: ten working days of the mainland end on 19 March
        driver = await Driver(MemoryStore(), a_world(rails=Books().rails())).start()
        payment_id = await credited(driver)
        await driver.wait((days + late) * DAY)
        opened = await recalled(driver, payment_id, reason)
        assert (opened.refused is not None) == late, opened
        if late:
            assert refused(opened) == "recall-too-late"


async def test_no_more_is_asked_than_is_left_and_in_the_currency_that_was_paid(driver: Driver) -> None:
    payment_id = await credited(driver, "RECALL-PARTIAL")
    whole = (await driver.stored(payment_id)).settlement_minor
    for amount in (Money(whole + 1, "CNY"), Money(whole, "HKD"), Money(0, "CNY")):
        assert refused(await recalled(driver, payment_id, amount=amount)) == "recall-too-much"
    await recalled(driver, payment_id)
    await driver.wait(3 * DAY)
    back = await the_return(driver, payment_id)
    assert back.amount_minor == whole // 2
    assert refused(await recalled(driver, payment_id, amount=Money(whole - whole // 2 + 1, "CNY"))) == "recall-too-much"
    opened = await recalled(driver, payment_id)
    assert opened.recall is not None and opened.recall.amount_minor == whole - whole // 2


async def test_a_recall_outlives_an_outage_and_the_worker_that_asked(
    new_store,
) -> None:  # type: ignore[no-untyped-def]
    books = Books()
    driver = await Driver(await new_store(), a_world(rails=books.rails())).start()
    payment_id = await credited(driver)
    for rail in driver.world.rails.values():
        rail.faults = Faults(outage=True)
    await recalled(driver, payment_id)
    await driver.wait(2)
    assert (await the_recall(driver, payment_id)).state == "requested"
    for rail in driver.world.rails.values():
        rail.faults = NO_FAULTS
    other = await Driver(await new_store(), a_world(driver.world.clock.now(), books.rails()), incarnation=2).start()
    await other.wait(3 * DAY)
    assert (await the_recall(other, payment_id)).state == "returned"
    assert await other.imbalance() == {}


async def test_an_unasked_return_is_booked_once_whoever_hears_it(new_store) -> None:  # type: ignore[no-untyped-def]
    books = Books()
    driver = await Driver(await new_store(), a_world(rails=books.rails())).start()
    payment_id = await credited(driver, "RETURNED-AC06")
    other = await Driver(await new_store(), a_world(driver.world.clock.now(), books.rails()), incarnation=2).start()
    await driver.wait(3600)
    await other.wait(3600)
    again = await Driver(await new_store(), a_world(other.world.clock.now(), books.rails()), incarnation=3).start()
    await again.wait(3600)
    back = await the_return(again, payment_id)
    assert (back.state, back.reason_code, back.recall_id) == ("returned", "AC06", "")
    assert len([line for line in await lines(again, payment_id) if line[0] == "returned"]) == 1


async def test_a_return_waits_for_the_report_of_its_payment(driver: Driver) -> None:
    payment_id = await driver.accepted(northbound("1000.00"))
    await driver.worker.submit(0.0)
    stored = await driver.stored(payment_id)
    from giving_back import book, given_back

    await book(driver, await given_back(driver, payment_id, stored.settlement_minor))
    assert await driver.store.returns(payment_id) == []
    await driver.wait(30)
    driver.worker.recalls.watch()
    await driver.wait()
    assert (await the_return(driver, payment_id)).state == "returned"


async def test_what_one_rail_returns_domestically_goes_straight_back(driver: Driver) -> None:
    payment_id = await driver.accepted(to_magic("RETURNED-CUST", domestic, amount="250.00"))
    await driver.wait(30)
    await driver.wait(3600)
    assert await lines(driver, payment_id) == [
        ("returned", "position:LIONHKH0:hk-fps:HKD", "position:HBAYHKH0:hk-fps:HKD", 250_00)
    ]
    assert NOON + timedelta(minutes=30) < (await the_return(driver, payment_id)).at
