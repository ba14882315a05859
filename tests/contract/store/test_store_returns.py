"""What both stores keep to of recalls and returns: once by their id, whole or not at all, never beyond the original."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from builders import NOON, a_step, admitted, funded, northbound, planned
from linked_persons import accept, counter, link, used

from fx.money import Money
from rails.port import RailReturn, RecallAnswer
from switch.flow.ports import ACCEPTED, RECALL, RETURN, Admission, ExceptionRecord, Store
from switch.flow.return_books import StoredRecall
from switch.flow.world import World
from switch.payment.plan import Transfer
from switch.payment.postings import suspense
from switch.payment.recalling import RecallRefused, Standing
from switch.payment.returning import BOOKED, RELEASED, SQUARED, SUSPENDED, Booking
from switch.store.postgres.store import PostgresStore

CASE = "00000000-0000-5000-8000-00000000ca5e"
POSITION, BACK = "position:PEARCNG0:ibps:CNY", "position:HBAYHKH0:ibps:CNY"


async def credited(store: Store, world: World, person: int = 1) -> Admission:
    """A payment of RMB 1,000 that has arrived, under rules that give back."""
    item = admitted(world, northbound("1000.00", "CNY", person=person))
    plan = planned(item)
    item = item._replace(verdict=plan._replace(claims=tuple(c._replace(gives_back=True) for c in plan.claims)))
    assert await accept(store, world, item) == [ACCEPTED]
    assert len(await store.finish([a_step(item, "credit")])) == 1
    return item


def given(item: Admission, number: int, amount: int = 400_00, recall_id: str = "") -> RailReturn:
    return_id = f"00000000-0000-4000-8000-{number:012}"
    return RailReturn("ibps", return_id, item.uetr, 1, amount, "CNY", 0, "AC04", recall_id, NOON)


def making(amount: int = 400_00, source: str = POSITION) -> Callable[[int, int], list[Booking]]:
    """Book straight back while it fits, else hold it."""

    def make(before: int, n: int) -> list[Booking]:
        held = Booking(SUSPENDED, "beyond-the-original")
        if before + amount > 1000_00:
            return [held]
        line = Transfer(200 + 20 * n, source, BACK, amount, "CNY", "returned")
        return [Booking(BOOKED, "", amount, amount, "CNY", transfers=(line,), share=(amount, 1000_00)), held]

    return make


def a_recall(item: Admission, amount: Money) -> StoredRecall:
    return StoredRecall(
        CASE, item.payment_id, item.received_on, item.participant, "ibps", item.uetr, 1, "DUPL", amount.amount_minor,
        amount.currency, False, b"content", b"sealed", "requested", "", NOON, None, NOON, 0,
    )  # fmt: skip


async def asked(store: Store, item: Admission) -> Any:
    def judge(standing: Standing) -> Money | RecallRefused:
        if standing.under_way:
            return RecallRefused("recall-open", "")
        return Money(standing.settlement.amount_minor - standing.returned_minor, "CNY")

    return await store.open_recall(item.payment_id, CASE, b"content", judge, lambda amount: a_recall(item, amount))


async def test_a_return_is_booked_once_with_money_share_and_event(store: Store, world: World) -> None:
    item = await credited(store, world)
    before = await store.payment(item.payment_id)
    first, fresh = await store.book_return(given(item, 1), item.payment_id, NOON, making())
    again, anew = await store.book_return(given(item, 1, 999), item.payment_id, NOON, making())
    assert (fresh, anew, again) == (True, False, first)
    assert await used(store, counter(world, 1)) == [600_00 * 11 // 10]  # counted in HKD at 1.10 when it was paid
    sums = (await store.sums([POSITION]))[POSITION]
    assert sums.up_posted == 400_00
    assert [each.record for each in await store.events(item.payment_id)][-1] == RETURN
    assert [each.transfer.line for each in await store.transfers(item.payment_id)][-1] == "returned"
    assert await store.payment(item.payment_id) == before
    assert await store.return_of(first.return_id) == first and await store.returns(item.payment_id) == [first]


async def test_the_ways_are_tried_in_their_order_and_what_is_not_covered_leaves_no_trace(
    store: Store, world: World
) -> None:
    item = await credited(store, world)
    stored, _ = await store.book_return(
        given(item, 1), item.payment_id, NOON, making(source="position:NOBODY:ibps:CNY")
    )
    assert (stored.state, stored.moved, stored.share) == (SUSPENDED, False, (0, 1))
    assert await used(store, counter(world, 1)) == [1100_00]
    found = await store.returns_in(SUSPENDED, None, 10)
    assert found == [stored]
    assert await store.returns_in(SUSPENDED, (stored.booked_at, stored.return_id), 10) == []


async def test_an_exception_has_its_own_transfers_beside_another_one_and_a_return(store: Store, world: World) -> None:
    item = admitted(world, northbound("1000.00", "CNY"))
    assert await accept(store, world, item) == [ACCEPTED]
    await store.finish([a_step(item, "reject")])
    paid = Transfer(100, suspense("ibps", "CNY"), POSITION, 1000_00, "CNY", "suspense")
    late = ExceptionRecord(item.payment_id, item.received_on, "late-acceptance", NOON, "{}", (paid,), ())
    odd = late._replace(kind="contradiction", at=NOON + timedelta(hours=1), transfers=())
    for record in (late, odd):
        assert await store.hear_out(a_step(item, "credit"), record)
    line = Transfer(101, POSITION, suspense("ibps", "CNY"), 400_00, "CNY", "returned")
    squared = Booking(SQUARED, "", 400_00, transfers=(line,))
    await store.book_return(given(item, 1), item.payment_id, NOON, lambda before, n: [squared])
    assert await store.exceptions(item.payment_id) == [late, odd]
    assert await store.exceptions(None) == [late, odd]


async def test_a_held_return_is_released_once(store: Store, world: World) -> None:
    item = await credited(store, world)
    nothing = making(source="position:NOBODY:ibps:CNY")
    stored, _ = await store.book_return(given(item, 1), item.payment_id, NOON, nothing)

    def release(before: int, n: int) -> list[Booking]:
        return [way._replace(state=RELEASED) for way in making()(before, n)[:1]]

    assert await store.release_return(stored.return_id, NOON, lambda before, n: nothing(before, n)[:1]) is None
    done = [await store.release_return(stored.return_id, NOON, release) for _ in range(2)]
    assert done[0] == done[1] and done[0] is not None and done[0].state == RELEASED
    assert await store.return_of(stored.return_id) == done[0]
    assert (await store.sums([POSITION]))[POSITION].up_posted == 400_00
    assert len([each for each in await store.transfers(item.payment_id) if each.transfer.line == "returned"]) == 1


async def test_a_recall_is_one_at_a_time_asked_ever_later_and_answered_once(store: Store, world: World) -> None:
    item = await credited(store, world)
    opened = await asked(store, item)
    assert opened.recall is not None and opened.recall.amount_minor == 1000_00
    assert (await asked(store, item)).replayed
    assert await store.next_recall_at() == NOON
    [due] = await store.due_recalls(NOON, 10)
    assert due.tries == 0 and await store.due_recalls(NOON, 10) == []
    [due] = await store.due_recalls(NOON + timedelta(seconds=1), 10)
    assert due.tries == 1
    for status, changed in (("pending", True), ("pending", False), ("rejected", True), ("accepted", False)):
        code = "CUST" if status == "rejected" else ""
        assert await store.answer_recall(RecallAnswer("ibps", CASE, status, code, NOON)) == changed
    [recall] = await store.recalls(item.payment_id)
    assert (recall.state, recall.code, recall.ask_at, recall.answered_at) == ("rejected", "CUST", None, NOON)
    assert await store.next_recall_at() is None and await store.recall_of(CASE) == recall
    assert [each.record for each in await store.events(item.payment_id)].count(RECALL) == 3


async def test_a_recall_ends_with_the_return_that_answers_it(store: Store, world: World) -> None:
    item = await credited(store, world)
    await asked(store, item)
    await store.book_return(given(item, 1, recall_id=CASE), item.payment_id, NOON, making())
    [recall] = await store.recalls(item.payment_id)
    assert (recall.state, recall.ask_at) == ("returned", None)
    assert not await store.answer_recall(RecallAnswer("ibps", CASE, "rejected", "CUST", NOON))


async def test_a_return_that_was_booked_before_its_recall_was_answered_ends_it_too(store: Store, world: World) -> None:
    item, other = await credited(store, world), await credited(store, world, person=2)
    await asked(store, item)
    await store.book_return(given(item, 1), item.payment_id, NOON, making())
    await store.book_return(given(other, 2), other.payment_id, NOON, making())
    await store.book_return(given(other, 2, recall_id=CASE), other.payment_id, NOON, making())
    assert [each.state for each in await store.recalls(item.payment_id)] == ["requested"]  # that is another payment's
    first, fresh = await store.book_return(given(item, 1, recall_id=CASE), item.payment_id, NOON, making())
    assert not fresh and await store.returns(item.payment_id) == [first]
    assert [each.state for each in await store.recalls(item.payment_id)] == ["returned"]


async def test_what_comes_back_finds_the_linked_person(store: Store, world: World) -> None:
    item = await credited(store, world, 2)
    await link(store, world, 1, 2)
    await store.book_return(given(item, 1), item.payment_id, NOON, making())
    assert await used(store, counter(world, 1), counter(world, 2)) == [600_00 * 11 // 10, 0]


@pytest.mark.parametrize("rounds", range(3))
async def test_returns_at_once_in_several_workers_never_exceed_the_original(
    postgres_stores: Callable[[], Awaitable[PostgresStore]], world: World, rounds: int
) -> None:
    stores = [await postgres_stores() for _ in range(3)]
    await funded(stores[0], world)
    item = await credited(stores[0], world)
    given_back = [given(item, n) for n in range(1, 6)]
    calls = [store.book_return(each, item.payment_id, NOON, making()) for each in given_back for store in stores]
    done = await asyncio.gather(*calls)
    assert sum(fresh for _, fresh in done) == 5
    returns = await stores[0].returns(item.payment_id)
    assert [each.n for each in returns] == [1, 2, 3, 4, 5]
    assert sorted(each.state for each in returns) == [BOOKED, BOOKED, SUSPENDED, SUSPENDED, SUSPENDED]
    assert (await stores[0].sums([POSITION]))[POSITION].up_posted == 800_00


async def test_two_recalls_at_once_are_one(
    postgres_stores: Callable[[], Awaitable[PostgresStore]], world: World
) -> None:
    stores = [await postgres_stores() for _ in range(2)]
    await funded(stores[0], world)
    item = await credited(stores[0], world)
    opened = await asyncio.gather(*(asked(store, item) for store in stores * 3))
    assert sum(each.replayed for each in opened) == 5
    due = await asyncio.gather(*(store.due_recalls(NOON, 10) for store in stores))
    assert sum(map(len, due)) == 1
