"""Orders in both stores: a batch is judged in the order it came, once, and the quota's balance is what the events say."""

from datetime import date
from random import Random
from typing import Any

import pytest
from builders import HARBOUR
from order_builders import DAY, MILLION, QUOTA_RULE, a_day, ask, buy, market, sell

from limits.counters import EMPTY, headroom
from limits.orders import CANCEL, DONE, EXECUTE, PLACE, QUOTA, REJECT
from switch.flow.order_books import REFUSED, REPLAYED, TAKEN, WRONG, OrderAsk, OrderOutcome, StoredOrder, judge_batch
from switch.flow.ports import StaleWorld, Store


async def take(store: Store, *asks: OrderAsk) -> list[OrderOutcome]:
    return await store.take_orders(asks, market, await store.generation())


async def balance(store: Store) -> int:
    """The daily quota balance, millions of CNY."""
    claim = market(QUOTA_RULE, DAY).claim
    assert claim is not None
    plain = claim(1, "")
    sums = (await store.sums([plain.counter])).get(plain.counter, EMPTY)
    left = headroom(plain, sums._replace(latched=""))
    assert left is not None
    return left // (100 * MILLION)


async def test_a_batch_is_judged_in_the_order_it_came(store: Store) -> None:
    """In the middle of a batch the quota is used up: what came before is taken, and what comes after is not, whatever sells."""
    first, last, late = buy(12_999), buy(2), buy(1)
    selling = sell(5)
    outcomes = await take(store, first, last, late, selling, ask(EXECUTE, 5, order=selling), buy(1))
    assert [each.kind for each in outcomes] == [TAKEN, TAKEN, REFUSED, TAKEN, TAKEN, REFUSED]
    assert {each.reason for each in outcomes} == {"", QUOTA} and outcomes[2].refused is not None
    assert outcomes[2].refused.headroom == -1 * 100 * MILLION
    assert await balance(store) == 4


async def test_an_order_lives_over_batches(store: Store) -> None:
    order = buy(1_000)
    await take(store, order)
    [outcome] = await take(store, ask(EXECUTE, 400, order=order, price="0.5"))
    assert outcome.order is not None and (outcome.order.open_quantity, outcome.kind) == (600 * MILLION, TAKEN)
    assert await balance(store) == 13_000 - 600 - 200
    [outcome] = await take(store, ask(EXECUTE, 600, order=order))
    assert outcome.order is not None and outcome.order.state == DONE
    stored = await store.order(order.order_id, DAY)
    assert stored is not None and stored.order == outcome.order
    assert (stored.quota, stored.participant, stored.instrument) == (QUOTA_RULE, HARBOUR, "600000")
    assert await store.order(order.order_id, date(2014, 11, 18)) is None


async def test_an_event_counts_once(store: Store) -> None:
    order = buy(1_000)
    done = ask(EXECUTE, 400, order=order)
    await take(store, order, done)
    again = await take(store, order, done, done._replace(content_hash=b"other"))
    assert [(each.kind, each.same_content) for each in again] == [(REPLAYED, True), (REPLAYED, True), (REPLAYED, False)]
    assert again[1].order is not None and again[1].order.open_quantity == 600 * MILLION
    assert await balance(store) == 12_000
    once = buy(7)
    assert [each.kind for each in await take(store, once, once)] == [TAKEN, REPLAYED] and await balance(store) == 11_993


async def test_a_refused_placing_is_known_and_stays_refused(store: Store) -> None:
    full, late = buy(13_000), buy(1)
    await take(store, full, late)
    await take(store, ask(REJECT, 0, order=full))
    [again] = await take(store, late)
    assert (again.kind, again.reason) == (REPLAYED, QUOTA)
    assert await store.order(late.order_id, DAY) is None


async def test_what_cannot_be_of_an_order_leaves_nothing(store: Store) -> None:
    order = buy(10)
    await take(store, order)
    too_much = ask(EXECUTE, 11, order=order)
    stranger = ask(CANCEL, 0, order=buy(1))
    outcomes = await take(store, too_much, stranger)
    assert [(each.kind, each.field) for each in outcomes] == [(WRONG, "quantity"), (WRONG, "order_id")]
    assert all(each.text for each in outcomes) and await balance(store) == 12_990
    [mended] = await take(store, too_much._replace(event=too_much.event._replace(quantity=10 * MILLION)))
    assert mended.kind == TAKEN, "what was wrong was not kept under its id"


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ({"quota": "stock-connect.shanghai.southbound.day"}, "order_id"),
        ({"participant": "LIONHKH0"}, "order_id"),
        ({"day": date(2014, 11, 18)}, "at"),
    ],
)
async def test_an_event_is_of_its_order_s_quota_participant_and_day_or_of_none(
    store: Store, fault: dict[str, Any], field: str
) -> None:
    order = buy(10)
    await take(store, order)
    [outcome, other] = await take(store, ask(CANCEL, 0, order=order)._replace(**fault), buy(1))
    assert (outcome.kind, outcome.field, other.kind) == (WRONG, field, TAKEN) and await balance(store) == 12_989


async def test_an_order_is_placed_once_and_on_its_own_day(store: Store) -> None:
    order = buy(10)
    await take(store, order)
    again = buy(20)._replace(order_id=order.order_id)
    elsewhere = buy(20)._replace(day=date(2014, 11, 18))
    outcomes = await take(store, again, elsewhere, buy(1))
    assert [(each.kind, each.field) for each in outcomes] == [(WRONG, "order_id"), (WRONG, "at"), (TAKEN, "")]
    assert await balance(store) == 12_989


async def test_a_batch_of_another_world_is_judged_anew(store: Store) -> None:
    generation = await store.generation()
    await store.advance({})
    with pytest.raises(StaleWorld):
        await store.take_orders([buy(1)], market, generation)
    assert await balance(store) == 13_000


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_day_in_batches_of_any_size_gives_the_same_balance_at_every_instant(store: Store, seed: int) -> None:
    """Against the pure functions one event after the other: on the way the quota is used up."""
    events = a_day(Random(seed))
    chance = Random(seed)
    orders: dict[str, StoredOrder] = {}
    known: dict[str, tuple[bytes, str]] = {}
    sums = {market(QUOTA_RULE, DAY).counter: EMPTY}
    kinds = set()
    while events:
        size = chance.choice([1, 2, 7, 40])
        batch, events = events[:size], events[size:]
        outcomes = await take(store, *batch)
        for each, outcome in zip(batch, outcomes, strict=True):
            [expected] = judge_batch([each], market, orders, known, sums).outcomes
            assert outcome == expected
            kinds.add((each.event.kind, outcome.reason))
            known[each.event_id] = each.content_hash, outcome.reason
        [(key, state)] = sums.items()
        assert (await store.sums([key]))[key][:5] == state[:5]
    assert kinds >= {(PLACE, ""), (PLACE, QUOTA), (EXECUTE, ""), (CANCEL, "")}
