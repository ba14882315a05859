"""What no rail can truly give back is held: of a payment that was never paid, of another rail's, under another payment's recall."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from builders import a_world, northbound, to_magic
from driver import Books, Driver
from giving_back import book, given_back, lines, recalled, the_recall, the_return

from fx.money import Money
from rails.port import RailReturn
from rails.simulated import SimulatedRail
from switch.flow.ports import Store

NewStore = Callable[[], Awaitable[Store]]


@pytest.fixture
async def driver(new_store: NewStore) -> Driver:
    return await Driver(await new_store(), a_world(rails=Books().rails())).start()


async def credited(driver: Driver, instruction: Any = None) -> str:
    payment_id = await driver.accepted(instruction or northbound("1000.00"))
    await driver.wait(30)
    assert (await driver.stored(payment_id)).settled_at is not None
    return payment_id


async def paid_late(driver: Driver) -> str:
    payment_id = await driver.accepted(to_magic("LATE-ACCEPT", amount="500.00"))
    await driver.wait(60)
    await driver.worker.operate(await driver.stored(payment_id), "reject")
    await driver.wait(2 * 3600)
    assert [each.kind for each in await driver.store.exceptions(payment_id)] == ["late-acceptance"]
    return payment_id


async def test_of_a_payment_that_suspense_bore_nothing_of_no_return_squares_anything(driver: Driver) -> None:
    await credited(driver, northbound("5000.00", person=9))  # the creditor agent's position has what could be taken
    payment_id = await driver.accepted(northbound("100.00", person=3))
    stored = await driver.stored(payment_id)
    about = Money(stored.settlement_minor, stored.settlement_currency)
    rail = driver.world.rails["ibps"]
    assert isinstance(rail, SimulatedRail)
    await rail.dictate((stored.uetr, 1), "rejected", "AC04", driver.world.clock.now(), about)
    await driver.wait(30)
    assert (await driver.stored(payment_id)).status == "rejected"
    for times in (1, 10, 10):
        await book(driver, await given_back(driver, payment_id, stored.settlement_minor * times))
    found = await driver.store.returns(payment_id)
    assert [(each.state, each.why, each.counted_minor) for each in found] == [("suspended", "payment-had-ended", 0)] * 3
    for each in found:
        assert await driver.worker.recalls.release(each, to_creditor=False) is None
        sent = await driver.worker.recalls.release(each, to_creditor=True)
        assert sent is not None and sent.state == "sent_back"
    assert await driver.imbalance() == {}


async def test_a_late_acceptance_is_squared_up_to_what_suspense_bore_and_no_further(driver: Driver) -> None:
    payment_id = await paid_late(driver)
    whole = (await driver.stored(payment_id)).settlement_minor
    parts = (whole - 100, 101, 99, 1, 1)
    for minor in parts:
        await book(driver, await given_back(driver, payment_id, minor, charge_minor=0))
    found = await driver.store.returns(payment_id)
    assert [each.state for each in found] == ["squared", "suspended", "squared", "squared", "suspended"]
    assert sum(each.counted_minor for each in found) == whole
    up, down = (await driver.counters())["suspense:ibps:CNY"][1::2]
    assert up == whole and down == whole + 101 + 1  # what is held is in suspense beside it
    assert await driver.imbalance() == {}


async def test_what_came_back_of_a_late_acceptance_is_not_asked_back_again(driver: Driver) -> None:
    payment_id = await paid_late(driver)
    whole = (await driver.stored(payment_id)).settlement_minor
    await book(driver, await given_back(driver, payment_id, whole - 100))
    much = await recalled(driver, payment_id, "TECH", Money(101, "CNY"))
    assert much.refused is not None and much.refused.name == "recall-too-much"
    assert (await recalled(driver, payment_id, "TECH")).recall is not None
    assert (await the_recall(driver, payment_id)).amount_minor == 100


async def test_a_return_waits_for_the_word_that_what_we_ended_was_paid(driver: Driver) -> None:
    payment_id = await driver.accepted(to_magic("LATE-ACCEPT", amount="500.00"))
    await driver.wait(60)
    await driver.worker.operate(await driver.stored(payment_id), "reject")
    whole = (await driver.stored(payment_id)).settlement_minor
    await book(driver, await given_back(driver, payment_id, whole))
    assert await driver.store.returns(payment_id) == []
    await driver.wait(2 * 3600)
    driver.worker.recalls.watch()
    await driver.wait()
    assert (await the_return(driver, payment_id)).state == "squared"


@pytest.mark.parametrize("other", [{"rail": "hk-fps"}, {"leg": 7}])
async def test_what_another_rail_or_leg_gives_back_moves_no_money(driver: Driver, other: dict[str, Any]) -> None:
    payment_id = await credited(driver)
    before = await driver.counters()
    whole = (await driver.stored(payment_id)).settlement_minor
    await book(driver, await given_back(driver, payment_id, whole, **other))
    back = await the_return(driver, payment_id)
    assert (back.state, back.why, back.counted_minor, back.moved) == ("suspended", "wrong-rail", 0, False)
    assert await driver.worker.recalls.release(back, to_creditor=False) is None
    sent = await driver.worker.recalls.release(back, to_creditor=True)
    assert sent is not None and sent.state == "sent_back"
    assert await lines(driver, payment_id) == [] and await driver.counters() == before
    await book(driver, await given_back(driver, payment_id, whole))  # the rail that paid it still can
    assert (await driver.store.returns(payment_id))[1].state == "returned"


@pytest.mark.parametrize("named", ["another payment's", "no recall of ours", "no uuid"])
async def test_a_return_takes_nothing_over_from_a_recall_that_is_not_its_own(driver: Driver, named: str) -> None:
    asked_back = await credited(driver, to_magic("RECALL-SILENT", amount="1000.00"))
    payment_id = await credited(driver, northbound("500.00", person=2))
    opened = await recalled(driver, asked_back, "TECH", reversal=True)
    assert opened.recall is not None
    recall_id = {
        "another payment's": opened.recall.recall_id, "no recall of ours": "00000000-0000-4000-8000-00000000abcd",
    }.get(named, "R-1")  # fmt: skip
    whole = (await driver.stored(payment_id)).settlement_minor
    await book(driver, await given_back(driver, payment_id, whole, recall_id=recall_id))
    back = await the_return(driver, payment_id)
    assert (back.state, back.mode, back.bears, back.recall_id) == ("returned", "return", "debtor", "")
    assert (await the_recall(driver, asked_back)).state in ("requested", "pending")


async def test_one_that_is_held_is_released_as_no_reversal_either(driver: Driver) -> None:
    payment_id = await credited(driver, northbound("500.00", person=2))
    asked_back = await credited(driver, to_magic("RECALL-SILENT", amount="1000.00"))
    opened = await recalled(driver, asked_back, "TECH", reversal=True)
    assert opened.recall is not None
    providers, driver.world.providers = driver.world.providers, ()
    whole = (await driver.stored(payment_id)).settlement_minor
    given: RailReturn = await given_back(driver, payment_id, whole, recall_id=opened.recall.recall_id)
    await book(driver, given)
    driver.world.providers = providers
    held = (await the_return(driver, payment_id))._replace(recall_id=opened.recall.recall_id)  # as an older one may say
    released = await driver.worker.recalls.release(held, to_creditor=False)
    assert released is not None and (released.state, released.mode, released.bears) == ("released", "return", "debtor")
