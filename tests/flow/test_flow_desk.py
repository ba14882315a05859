"""The order desk: batches in the order they came, by the law and the reference rate of the trading day."""

import asyncio
from decimal import Decimal

import pytest
from builders import a_world, funded
from order_builders import DAY, QUOTA_RULE, ask, buy, sell

from limits.orders import EXECUTE, QUOTA
from switch.flow.desk import Desk
from switch.flow.flights import BATCH_MAX
from switch.flow.order_books import REFUSED, TAKEN
from switch.store.memory import MemoryStore


async def a_desk() -> tuple[Desk, MemoryStore]:
    world, store = a_world(), MemoryStore()
    await store.register(1, 60.0)
    await funded(store, world)
    return Desk(world, store), store


async def test_events_are_answered_in_the_order_they_came_over_batches() -> None:
    desk, _ = await a_desk()
    first, selling = buy(12_999), sell(5)
    answers = [desk.put(each) for each in (first, selling, *(buy(1) for _ in range(BATCH_MAX)))]
    assert await desk.step() == BATCH_MAX and await desk.step() == 2 and await desk.step() == 0
    kinds = [answer.result().kind for answer in answers]
    assert kinds[:3] == [TAKEN] * 3 and set(kinds[3:]) == {REFUSED}
    assert answers[-1].result().reason == QUOTA
    trade = desk.put(ask(EXECUTE, 5, order=selling))
    late = desk.put(buy(1))
    await desk.step()
    assert trade.result().kind == TAKEN and late.result().kind == REFUSED, "latched"


async def test_a_world_that_moved_on_is_taken_up() -> None:
    desk, store = await a_desk()
    await store.advance({})
    answer = desk.put(buy(1))
    assert await desk.step() == 1 and answer.result().kind == TAKEN


async def test_what_could_not_be_stored_waits_and_a_caller_who_has_gone_is_no_matter() -> None:
    desk, store = await a_desk()
    answers = [desk.put(buy(1)), desk.put(buy(1))]
    answers[0].cancel()
    real, store.take_orders = store.take_orders, _failing  # type: ignore[method-assign]
    try:
        await desk.step()
    except ConnectionError:
        store.take_orders = real  # type: ignore[method-assign]
    assert await desk.step() == 2 and (await answers[1]).kind == TAKEN


async def _failing(*_: object) -> list[object]:
    await asyncio.sleep(0)
    raise ConnectionError


async def test_southbound_orders_are_in_hong_kong_dollars_at_the_rate_of_the_morning() -> None:
    desk, _ = await a_desk()
    south = desk.market("stock-connect.shanghai.southbound.day", DAY)
    assert (south.currency, south.rate, south.may_be_reduced) == ("HKD", Decimal("0.9"), True)
    north = desk.market(QUOTA_RULE, DAY)
    assert (north.currency, north.rate, north.may_be_reduced) == ("CNY", Decimal(1), False)
    assert north is desk.market(QUOTA_RULE, DAY) and north.claim is not None
    assert north.claim(1, "continuous").latches == "window"


@pytest.mark.parametrize(
    "quota",
    ["wealth-connect.person", "bond-connect.southbound.day", "stock-connect.shanghai.northbound.aggregate", "no-such"],
)
async def test_what_is_no_quota_on_orders_is_not_queued(quota: str) -> None:
    desk, _ = await a_desk()
    with pytest.raises(KeyError):
        desk.put(buy(1)._replace(quota=quota))
    assert await desk.step() == 0
