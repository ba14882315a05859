"""What goes back of a posted payment: where, how often, and what it leaves alone. The sums are in the counter contract."""

import asyncio

import pytest
from builders import NOON, a_step, admitted, northbound, planned
from linked_persons import accept, counter, link, paid, rejected, used

from switch.flow.ports import ACCEPTED, Admission, Store
from switch.flow.world import World

HALF = (1, 2)


async def credited(
    store: Store, world: World, person: int, event: str = "credit", gives_back: bool = True
) -> Admission:
    """A payment of HKD 1,000 that has arrived, under rules that give back."""
    item = admitted(world, northbound("1000.00", person=person))
    plan = planned(item)
    claims = tuple(claim._replace(gives_back=gives_back) for claim in plan.claims)
    item = item._replace(verdict=plan._replace(claims=claims))
    assert await accept(store, world, item) == [ACCEPTED]
    assert len(await store.finish([a_step(item, event)])) == 1
    return item


async def test_a_step_says_whether_it_counted(store: Store, world: World) -> None:
    item = await credited(store, world, 1)
    assert await store.adjust(item.payment_id, "first", HALF, NOON)
    assert not await store.adjust(item.payment_id, "first", HALF, NOON)
    assert await store.adjust(item.payment_id, "second", HALF, NOON)
    assert await used(store, counter(world, 1)) == [0]


async def test_a_step_that_gives_nothing_back_counts_once_too(store: Store, world: World) -> None:
    item = await credited(store, world, 1, gives_back=False)
    assert await store.adjust(item.payment_id, "all", (1, 1), NOON)
    assert not await store.adjust(item.payment_id, "all", (1, 1), NOON)
    assert await used(store, counter(world, 1)) == [1000_00]


async def test_a_payment_stays_what_it_was(store: Store, world: World) -> None:
    item = await credited(store, world, 1)
    before = await asyncio.gather(*(read(item.payment_id) for read in (store.payment, store.events, store.transfers)))
    accounts = await store.counters("position:")
    await store.adjust(item.payment_id, "all", (1, 1), NOON)
    after = await asyncio.gather(*(read(item.payment_id) for read in (store.payment, store.events, store.transfers)))
    assert after == before and await store.counters("position:") == accounts


async def test_a_settled_payment_gives_back_before_and_after_its_credit(store: Store, world: World) -> None:
    item = await credited(store, world, 1, event="settle")
    assert await store.adjust(item.payment_id, "first", HALF, NOON)
    assert len(await store.finish([a_step(item, "credit")])) == 1
    assert await used(store, counter(world, 1)) == [500_00]
    assert await store.adjust(item.payment_id, "second", HALF, NOON)
    assert await used(store, counter(world, 1)) == [0]


async def test_a_rejected_payment_has_nothing_left_to_give(store: Store, world: World) -> None:
    item = await paid(store, world, "1000.00", 1)
    await rejected(store, item)
    assert not await store.adjust(item.payment_id, "late", HALF, NOON)
    assert await used(store, counter(world, 1)) == [0]


async def test_what_is_pending_or_unknown_is_not_returned(store: Store, world: World) -> None:
    pending = await paid(store, world, "1000.00", 1)
    for payment_id in (pending.payment_id, "00000000-0000-4000-8000-00000000dead"):
        with pytest.raises(AssertionError):
            await store.adjust(payment_id, "early", HALF, NOON)
    assert await used(store, counter(world, 1)) == [1000_00]


async def test_a_return_finds_the_linked_person_at_the_end_of_a_chain(store: Store, world: World) -> None:
    item = await credited(store, world, 3)
    await store.adjust(item.payment_id, "before", (1, 4), NOON)
    await link(store, world, 2, 3)
    await store.adjust(item.payment_id, "between", (1, 4), NOON)
    assert await used(store, *(counter(world, person) for person in (1, 2, 3))) == [0, 500_00, 0]
    await link(store, world, 1, 2)
    await store.adjust(item.payment_id, "after", HALF, NOON)
    assert await used(store, *(counter(world, person) for person in (1, 2, 3))) == [0, 0, 0]


async def test_returns_while_persons_are_linked_lose_nothing(store: Store, world: World) -> None:
    item = await credited(store, world, 2)
    steps = [store.adjust(item.payment_id, f"step {n}", (1, 10), NOON) for n in range(5)]
    one = counter(world, 1)
    await asyncio.gather(*steps[:2], link(store, world, 1, 2), *steps[2:])
    assert await used(store, one, counter(world, 2)) == [500_00, 0]
