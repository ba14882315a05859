"""What becomes of a reservation, on every implementation: post, void and give-back, each counted once."""

import asyncio

import pytest
from counter_builders import (
    AGENT,
    MILLION,
    PERSON,
    SHANGHAI,
    SWAP,
    buy,
    debit,
    left,
    reserve,
    same_name,
    sell,
    settle,
    swap,
)
from store_counters import StoreCounters

from limits.claims import WINDOW, Refused
from limits.counters import CounterPort
from switch.flow.world import World
from switch.store.memory import MemoryStore
from switch.store.postgres.store import PostgresStore


async def four(counters: CounterPort, key: str) -> tuple[int, ...]:
    return tuple((await counters.sums([key]))[key][:4])


async def test_posting_moves_pending_to_posted_and_frees_nothing(counters: CounterPort) -> None:
    up, _ = await reserve(counters, swap(70))
    down, _ = await reserve(counters, swap(-30))
    assert await four(counters, SWAP) == (70, 0, 30, 0)
    await counters.post([up, down])
    assert await four(counters, SWAP) == (0, 70, 0, 30)


async def test_a_gross_claim_is_posted_from_the_start_and_a_post_writes_nothing(counters: CounterPort) -> None:
    payment_id, _ = await reserve(counters, same_name(40))
    before = await counters.sums([PERSON])
    await counters.post([payment_id])
    assert before[PERSON][:4] == (0, 40, 0, 0)
    assert await counters.sums([PERSON]) == before


@pytest.mark.parametrize("gross", [True, False])
async def test_a_void_frees_all_that_was_reserved(counters: CounterPort, gross: bool) -> None:
    payment_id, _ = await reserve(counters, same_name(80, ceiling=100, gross=gross), swap(-7))
    await counters.void([payment_id])
    assert await four(counters, PERSON) == await four(counters, SWAP) == (0, 0, 0, 0)
    assert (await reserve(counters, same_name(100, ceiling=100, gross=gross)))[1] is None


async def test_a_give_back_frees_headroom_only_when_it_is_posted(counters: CounterPort) -> None:
    await reserve(counters, buy(100, ceiling=100))
    sold, _ = await reserve(counters, sell(60, ceiling=100))
    assert (await reserve(counters, buy(1, ceiling=100)))[1] == Refused(buy(1, ceiling=100), 0)
    await counters.post([sold])
    assert await left(counters, buy(1, ceiling=100)) == 60


async def test_each_step_counts_once_however_often_it_is_asked_for(counters: CounterPort) -> None:
    kept, _ = await reserve(counters, swap(100))
    dropped, _ = await reserve(counters, swap(50))
    for _ in range(2):
        await counters.post([kept, kept])
        await counters.adjust(kept, "returned in part", (1, 4))
        await counters.void([dropped])
    assert await four(counters, SWAP) == (0, 75, 0, 0)


async def test_parallel_repeats_of_a_step_count_once(counters: CounterPort) -> None:
    payment_id, _ = await reserve(counters, swap(100))
    await asyncio.gather(*(counters.post([payment_id]) for _ in range(10)))
    assert await four(counters, SWAP) == (0, 100, 0, 0)
    await asyncio.gather(*(counters.adjust(payment_id, "returned in part", (1, 10)) for _ in range(10)))
    assert await four(counters, SWAP) == (0, 90, 0, 0)


async def test_parallel_returns_of_one_payment_all_count(counters: CounterPort) -> None:
    payment_id = await settle(counters, swap(100))
    await asyncio.gather(*(counters.adjust(payment_id, f"return {number}", (1, 7)) for number in range(7)))
    assert await four(counters, SWAP) == (0, 0, 0, 0)


async def test_the_first_of_post_and_void_closes_the_payment(counters: CounterPort) -> None:
    first, _ = await reserve(counters, swap(100))
    second, _ = await reserve(counters, swap(10))
    await counters.post([first])
    await counters.void([first])
    await counters.void([second])
    await counters.post([second])
    await counters.adjust(second, "too late", (1, 1))
    assert await four(counters, SWAP) == (0, 100, 0, 0)


async def test_a_partial_execution_frees_its_share_of_every_pending_claim(orders: CounterPort) -> None:
    payment_id, _ = await reserve(orders, same_name(80), buy(200 * MILLION), swap(-40, gives_back=False))
    for _ in range(2):
        await orders.adjust(payment_id, "a quarter was not executed", (1, 4))
    assert await four(orders, PERSON) == (0, 60, 0, 0)
    assert await four(orders, SHANGHAI) == (150 * MILLION, 0, 0, 0)
    assert await four(orders, SWAP) == (0, 0, 30, 0)
    await orders.void([payment_id])
    assert {await four(orders, key) for key in (PERSON, SHANGHAI, SWAP)} == {(0, 0, 0, 0)}


async def test_a_return_after_settlement_frees_only_where_the_rule_gives_back(counters: CounterPort) -> None:
    payment_id = await settle(counters, same_name(80), swap(100), debit(-60))
    await counters.adjust(payment_id, "returned", (1, 2))
    assert await four(counters, PERSON) == (0, 80, 0, 0)
    assert await four(counters, SWAP) == (0, 50, 0, 0)
    assert await four(counters, AGENT) == (0, 0, 0, 60)  # a return's money has transfers of its own


@pytest.mark.parametrize("parts", [[(1, 1)], [(1, 3), (1, 3), (1, 3)], [(1, 7), (2, 7), (3, 7), (1, 7)]])
@pytest.mark.parametrize("delta", [100, -100, 1])
async def test_a_full_return_in_any_parts_frees_exactly_what_was_claimed(
    counters: CounterPort, parts: list[tuple[int, int]], delta: int
) -> None:
    await settle(counters, swap(1_000))
    await settle(counters, swap(-1_000))
    before = await four(counters, SWAP)
    payment_id = await settle(counters, swap(delta), same_name(55, gives_back=True))
    for number, share in enumerate(parts):
        await counters.adjust(payment_id, f"return {number}", share)
    assert await four(counters, SWAP) == before
    assert await four(counters, PERSON) == (0, 0, 0, 0)


async def test_part_of_a_return_never_frees_more_than_its_share(counters: CounterPort) -> None:
    payment_id = await settle(counters, swap(100))
    await counters.adjust(payment_id, "a third", (1, 3))
    assert await four(counters, SWAP) == (0, 67, 0, 0)


async def test_giving_back_more_than_was_claimed_is_our_own_error(counters: CounterPort) -> None:
    payment_id = await settle(counters, swap(100))
    await counters.adjust(payment_id, "most", (3, 4))
    with pytest.raises(AssertionError):
        await counters.adjust(payment_id, "too much", (1, 2))
    assert await four(counters, SWAP) == (0, 25, 0, 0)


async def test_a_step_of_a_payment_that_reserved_nothing_is_our_own_error(counters: CounterPort) -> None:
    known, _ = await reserve(counters, swap(5))
    refused, verdict = await reserve(counters, same_name(1, ceiling=0))
    assert verdict is not None
    for step in (counters.post, counters.void):
        with pytest.raises(AssertionError):
            await step([known, refused])
    assert await four(counters, SWAP) == (5, 0, 0, 0)


async def test_an_account_follows_its_payment(counters: CounterPort) -> None:
    await settle(counters, debit(-100))
    kept, _ = await reserve(counters, debit(60))
    dropped, _ = await reserve(counters, debit(40))
    assert await four(counters, AGENT) == (100, 0, 0, 100)
    await counters.post([kept])
    await counters.void([dropped])
    assert await four(counters, AGENT) == (0, 60, 0, 100)


async def test_a_give_back_does_not_open_a_closed_counter(counters: CounterPort) -> None:
    payment_id, _ = await reserve(counters, buy(100, ceiling=100, latches=WINDOW))
    await counters.void([payment_id])
    assert (await counters.sums([SHANGHAI]))[SHANGHAI].latched
    assert (await reserve(counters, buy(1, ceiling=100)))[1] == Refused(buy(1, ceiling=100), 0)


async def test_a_share_of_what_is_still_pending_is_no_return(postgres_store: PostgresStore, world: World) -> None:
    for store in (MemoryStore(), postgres_store):
        counters = StoreCounters(store, world)
        payment_id, _ = await reserve(counters, swap(100))
        before = await counters.sums([SWAP])
        with pytest.raises(AssertionError):
            await counters.adjust(payment_id, "too early", (1, 2))
        assert await counters.sums([SWAP]) == before
