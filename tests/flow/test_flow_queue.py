"""Payments that wait for an opening: held whole, released once by whoever is there, put off, refused or cancelled."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from builders import BANYAN, YUEXIU, a_world, northbound, southbound, trade
from driver import Books, Driver
from faulty import FaultyStore

from rails.hours import Closure
from switch.flow.ports import StaleWorld, Store, StoreUnavailable
from switch.flow.queue_books import Release
from switch.flow.world import closures_fact
from switch.participants.states import state_fact
from switch.payment.instruction import Instruction
from switch.payment.status import ISO_STATUS

NewStore = Callable[[], Awaitable[Store]]
HK_TIME = timezone(timedelta(hours=8))
SATURDAY = datetime(2026, 3, 7, 12, 0, tzinfo=HK_TIME).astimezone(UTC)  # CHATS and HVPS are closed
MONDAY = datetime(2026, 3, 9, 8, 30, tzinfo=HK_TIME).astimezone(UTC)  # CHATS opens; HVPS has since Sunday night
NIGHT = datetime(2026, 3, 5, 23, 30, tzinfo=HK_TIME).astimezone(UTC)  # Payment Connect is closed southbound
MORNING = datetime(2026, 3, 6, 7, 0, tzinfo=HK_TIME).astimezone(UTC)


def waiting(amount: str = "100.00", **changes: object) -> Instruction:
    """Over CHATS and HVPS: Yuexiu Bank has not joined CIPS."""
    return trade(amount, creditor_agent=YUEXIU, if_closed="queue", **changes)


async def a_driver(store: object, at: datetime = SATURDAY, books: Books | None = None, incarnation: int = 1) -> Driver:
    return await Driver(store, a_world(at, (books or Books()).rails()), incarnation).start()


async def queued(driver: Driver, instruction: Instruction) -> str:
    answer = await driver.pay(instruction)
    assert (answer.refusal, answer.status) == (None, "queued"), answer
    return answer.payment_id


async def to(driver: Driver, at: datetime) -> None:
    """Move the clock and let happen what is due."""
    await driver.wait((at - driver.world.clock.now()).total_seconds())


async def take(driver: Driver, fact: dict[str, str]) -> None:
    """Set a fact of the world, and have the worker know it."""
    await driver.store.advance(fact)
    await driver.worker.refresh()


async def test_a_payment_waits_with_all_it_holds_and_goes_at_the_opening(new_store: NewStore) -> None:
    driver = await a_driver(await new_store())
    before = await driver.counters()
    answer = await driver.pay(waiting())
    assert (answer.status, ISO_STATUS[answer.status], answer.opens_at) == ("queued", "PDNG", MONDAY)
    stored = await driver.stored(answer.payment_id)
    assert json.loads(stored.detail) == {"opens_at": MONDAY.isoformat()} and stored.awaits_rail and not stored.at_rest
    held = await driver.counters()
    assert held != before and await driver.imbalance() == {}
    [leg] = await driver.store.legs(answer.payment_id)
    assert leg.status == "held" and leg.deadline_at > MONDAY

    await driver.wait((MONDAY - SATURDAY).total_seconds() - 1)
    assert await driver.history(answer.payment_id) == ["queued"] and not driver.worker.unsent
    assert await driver.counters() == held

    assert driver.worker.next_due() == MONDAY
    await driver.wait(1)
    assert await driver.history(answer.payment_id) == ["queued", "accepted"]
    assert (await driver.stored(answer.payment_id)).detail == "{}"
    [leg] = await driver.store.legs(answer.payment_id)
    assert leg.deadline_at == MONDAY + driver.world.rails[leg.rail].capabilities.deadline
    await driver.wait(1200)
    assert await driver.history(answer.payment_id) == ["queued", "accepted", "settled"]
    events = await driver.store.events(answer.payment_id)
    assert [event.n for event in events] == [1, 2, 3] and json.loads(events[0].detail) == {
        "opens_at": MONDAY.isoformat()
    }
    assert await driver.imbalance() == {} and driver.worker.queue.next_due() is None


async def test_a_lane_s_own_hours_are_waited_for_too_and_the_law_day_is_that_of_acceptance(memory: Driver) -> None:
    driver = await a_driver(memory.store, NIGHT)
    payment_id = await queued(driver, southbound("100.00", if_closed="queue"))
    claims = (await driver.stored(payment_id)).claims
    assert claims and (await driver.stored(payment_id)).received_on.isoformat() == "2026-03-05"
    await to(driver, MORNING - timedelta(milliseconds=1))
    assert await driver.history(payment_id) == ["queued"]
    await to(driver, MORNING)
    await driver.wait(30)
    assert (await driver.history(payment_id))[-1] == "credited"
    assert (await driver.stored(payment_id)).claims == claims


async def test_the_price_is_that_of_acceptance(memory: Driver) -> None:
    driver = await a_driver(memory.store)
    payment_id = await queued(driver, waiting(currency="HKD"))
    before = await driver.stored(payment_id)
    await to(driver, MONDAY)
    await driver.wait(1200)
    after = await driver.stored(payment_id)
    assert after.status == "settled"
    assert (after.debit_minor, after.settlement_minor, after.decision) == (
        before.debit_minor, before.settlement_minor, before.decision,
    )  # fmt: skip


async def test_what_does_not_ask_to_wait_is_refused_and_what_is_open_goes_at_once(memory: Driver) -> None:
    driver = await a_driver(memory.store)
    answer = await driver.pay(trade())
    assert answer.refusal is not None and answer.refusal.reason == "rail-closed"
    assert (await driver.pay(northbound(if_closed="queue"))).status == "accepted"


async def test_a_clock_that_jumps_over_an_opening_has_the_payment_wait_for_the_next(new_store: NewStore) -> None:
    """From Saturday to Tuesday night: Monday's and Tuesday's openings are over when anyone looks."""
    driver = await a_driver(await new_store())
    payment_id = await queued(driver, waiting())
    tuesday_night = datetime(2026, 3, 10, 19, 0, tzinfo=HK_TIME).astimezone(UTC)  # HVPS: 17:15 to 20:30 closed
    await to(driver, tuesday_night)
    assert await driver.history(payment_id) == ["queued"]
    opens_at = datetime(2026, 3, 10, 20, 30, tzinfo=HK_TIME).astimezone(UTC)
    assert json.loads((await driver.stored(payment_id)).detail) == {"opens_at": opens_at.isoformat()}
    assert driver.worker.next_due() == opens_at
    await to(driver, opens_at)
    assert await driver.history(payment_id) == ["queued", "accepted"]


async def test_over_lunar_new_year_a_payment_waits_until_both_sides_are_open(memory: Driver) -> None:
    """CHATS opens on 20 February, HVPS on the evening of the 23rd, when RMB CHATS is open too."""
    driver = await a_driver(memory.store, datetime(2026, 2, 18, 12, 0, tzinfo=HK_TIME).astimezone(UTC))
    answer = await driver.pay(waiting())
    assert answer.opens_at == datetime(2026, 2, 23, 20, 30, tzinfo=HK_TIME).astimezone(UTC)


# --- cancelling ---


async def test_a_waiting_payment_is_cancelled_and_everything_is_free_again(new_store: NewStore) -> None:
    driver = await a_driver(await new_store())
    before = await driver.counters()
    payment_id = await queued(driver, waiting())
    assert await driver.worker.cancel(await driver.stored(payment_id))
    stored = await driver.stored(payment_id)
    assert (stored.status, stored.code, stored.awaits_rail) == ("cancelled", "", False)
    assert await driver.history(payment_id) == ["queued", "cancelled"]
    assert {key: sums for key, sums in (await driver.counters()).items() if sums[0] or sums[2]} == {}
    assert {key: sums for key, sums in (await driver.counters()).items() if key in before} == before
    await to(driver, MONDAY + timedelta(hours=1))
    assert await driver.history(payment_id) == ["queued", "cancelled"]
    assert driver.worker.next_due() is None  # nor does anyone look for it again


async def test_what_has_been_released_is_not_cancelled(new_store: NewStore) -> None:
    driver = await a_driver(await new_store())
    payment_id = await queued(driver, waiting())
    stored = await driver.stored(payment_id)
    await to(driver, MONDAY)
    assert not await driver.worker.cancel(stored)
    assert await driver.history(payment_id) == ["queued", "accepted"]


async def test_of_a_cancelling_and_a_release_at_the_same_moment_one_holds(new_store: NewStore) -> None:
    driver = await a_driver(await new_store())
    ids = [await queued(driver, waiting(firm=n)) for n in range(1, 9)]
    stored = [await driver.stored(payment_id) for payment_id in ids]
    driver.world.clock.set(MONDAY)
    _, *cancelled = await asyncio.gather(driver.worker.release(), *map(driver.worker.cancel, stored))
    await driver.wait(1200)
    for payment_id, was_cancelled in zip(ids, cancelled, strict=True):
        expected = ["queued", "cancelled"] if was_cancelled else ["queued", "accepted", "settled"]
        assert await driver.history(payment_id) == expected
    assert await driver.imbalance() == {}


# --- workers come and go ---


async def test_another_worker_releases_what_one_that_is_gone_has_accepted(new_store: NewStore) -> None:
    books = Books()
    first = await a_driver(await new_store(), books=books)
    payment_id = await queued(first, waiting())
    second = await a_driver(await new_store(), books=books, incarnation=2)
    await second.worker.queue.look()
    await to(second, MONDAY)
    assert await second.history(payment_id) == ["queued", "accepted"] and len(second.worker.flights) == 1
    await second.wait(1200)
    assert (await second.history(payment_id))[-1] == "settled"


async def test_taking_a_waiting_payment_over_neither_sends_it_nor_asks_about_it(new_store: NewStore) -> None:
    books = Books()
    first = await a_driver(await new_store(), books=books)
    await first.store.register(1, -1.0)  # its lease has lapsed
    payment_id = await queued(first, waiting())
    second = await a_driver(await new_store(), books=books, incarnation=2)
    assert await second.worker.take_over() == 1
    assert not second.worker.flights and not second.worker.unsent
    await to(second, MONDAY - timedelta(seconds=1))
    assert await second.history(payment_id) == ["queued"]


async def test_two_workers_at_the_opening_send_a_payment_once(new_store: NewStore) -> None:
    books = Books()
    first = await a_driver(await new_store(), books=books)
    second = await a_driver(await new_store(), books=books, incarnation=2)
    ids = [await queued(first, waiting(firm=n)) for n in range(1, 9)]
    await second.worker.queue.look()
    for driver in (first, second):
        driver.world.clock.set(MONDAY)
    await first.store.register(1, 60.0)
    await asyncio.gather(first.worker.release(), second.worker.release())
    assert len(first.worker.flights) + len(second.worker.flights) == len(ids)
    assert not set(first.worker.flights.by_key) & set(second.worker.flights.by_key)
    for payment_id in ids:
        assert await first.history(payment_id) == ["queued", "accepted"]


async def test_a_worker_that_dies_between_release_and_sending_leaves_it_to_be_taken_over(new_store: NewStore) -> None:
    books = Books()
    first = await a_driver(await new_store(), books=books)
    payment_id = await queued(first, waiting())
    first.world.clock.set(MONDAY)
    await first.worker.release()
    assert first.worker.unsent  # and it crashes
    await first.store.register(1, -1.0)
    second = await a_driver(await new_store(), MONDAY, books, 2)
    assert await second.worker.take_over() == 1
    await second.wait(1200)
    assert await second.history(payment_id) == ["queued", "accepted", "settled"]


class ForgetfulStore(FaultyStore):
    """A store whose release commits without saying so, once."""

    forgets = True

    async def release(self, releases: list[Release], generation: int, at: datetime) -> list[object]:  # type: ignore[override]
        released = await super().release(releases, generation, at)
        if self.forgets:
            self.forgets = False
            raise StoreUnavailable("planted")
        return list(released)


async def test_a_release_that_commits_without_an_answer_is_taken_up_again() -> None:
    driver = await a_driver(ForgetfulStore())
    payment_id = await queued(driver, waiting())
    driver.world.clock.set(MONDAY)
    with pytest.raises(StoreUnavailable):
        await driver.worker.release()
    await driver.worker.register(60.0)
    while await driver.worker.take_over():
        pass
    await driver.wait(1200)
    assert await driver.history(payment_id) == ["queued", "accepted", "settled"]


async def test_a_stale_world_releases_nothing(new_store: NewStore) -> None:
    driver = await a_driver(await new_store())
    payment_id = await queued(driver, waiting())
    stored = await driver.stored(payment_id)
    release = Release(payment_id, stored.received_on, MONDAY)
    with pytest.raises(StaleWorld):
        await driver.store.release([release], driver.world.generation + 1, MONDAY)
    assert await driver.history(payment_id) == ["queued"]


# --- what changes while it waits ---


async def test_a_rail_in_maintenance_at_the_opening_has_the_payment_wait_for_its_end(new_store: NewStore) -> None:
    driver = await a_driver(await new_store())
    payment_id = await queued(driver, waiting())
    until = MONDAY + timedelta(hours=2)
    await take(driver, closures_fact("hvps", [Closure(MONDAY - timedelta(hours=1), until, "maintenance")]))
    await to(driver, MONDAY + timedelta(minutes=1))
    assert await driver.history(payment_id) == ["queued"] and driver.worker.next_due() == until
    await to(driver, until)
    assert await driver.history(payment_id) == ["queued", "accepted"]


async def test_a_closure_that_is_lifted_lets_the_payment_go_at_once(new_store: NewStore) -> None:
    driver = await a_driver(await new_store())
    await take(driver, closures_fact("hvps", [Closure(SATURDAY, MONDAY + timedelta(days=3), "maintenance")]))
    answer = await driver.pay(waiting())
    assert answer.opens_at == MONDAY + timedelta(days=3)
    await to(driver, MONDAY + timedelta(hours=1))
    assert await driver.history(answer.payment_id) == ["queued"]
    await take(driver, closures_fact("hvps", []))
    await driver.wait()
    assert await driver.history(answer.payment_id) == ["queued", "accepted"]


async def test_a_rail_suspended_until_further_notice_is_looked_at_again(memory: Driver) -> None:
    driver = await a_driver(memory.store)
    payment_id = await queued(driver, waiting())
    await take(driver, closures_fact("hvps", [Closure(SATURDAY, None, "suspended")]))
    await to(driver, MONDAY)
    assert await driver.history(payment_id) == ["queued"]
    await take(driver, closures_fact("hvps", []))
    await driver.wait()
    assert await driver.history(payment_id) == ["queued", "accepted"]


@pytest.mark.parametrize(
    ("bic", "state", "code"),
    [(YUEXIU, "offline", "AB08"), (YUEXIU, "suspended", "AG11"), ("HBAYHKH0", "offline", "AB07"), ("HBAYHKH0", "suspended", "AG10")],
)  # fmt: skip
async def test_an_agent_that_takes_no_part_at_the_opening_ends_the_payment(
    new_store: NewStore, bic: str, state: str, code: str
) -> None:
    driver = await a_driver(await new_store())
    payment_id = await queued(driver, waiting())
    await take(driver, state_fact(bic, "", state))
    await to(driver, MONDAY)
    stored = await driver.stored(payment_id)
    assert (stored.status, stored.code, stored.awaits_rail) == ("rejected", code, False)
    assert {key: sums for key, sums in (await driver.counters()).items() if sums[0] or sums[2]} == {}


async def test_another_participants_state_is_nothing_to_it(memory: Driver) -> None:
    driver = await a_driver(memory.store)
    payment_id = await queued(driver, waiting())
    await take(driver, state_fact(BANYAN, "", "suspended"))
    await to(driver, MONDAY)
    assert await driver.history(payment_id) == ["queued", "accepted"]
