"""What /metrics asks of a store: bounded counts that agree with what is read one by one."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone

from builders import HARBOUR, LION, YUEXIU, a_step, admitted, funded, northbound, refusing, trade

from switch.flow.ports import Store
from switch.flow.world import World
from switch.payment.status import CANCEL
from switch.store.postgres.store import PostgresStore

SATURDAY = datetime(2026, 3, 7, 12, 0, tzinfo=timezone(timedelta(hours=8))).astimezone(UTC)


async def test_those_that_wait_are_counted_up_to_a_limit_and_cancelled_ones_are_not(store: Store, world: World) -> None:
    assert await store.count_queued(10) == 0
    items = [
        admitted(world, trade(firm=firm, creditor_agent=YUEXIU, if_closed="queue"), at=SATURDAY) for firm in (1, 2, 3)
    ]
    await store.accept(items, await store.generation(), refusing(world))
    assert (await store.count_queued(10), await store.count_queued(2)) == (3, 2)
    await store.finish([a_step(items[0], CANCEL)])
    assert await store.count_queued(10) == 2


async def test_what_a_reader_has_not_read_is_counted_as_the_stream_gives_it(store: Store, world: World) -> None:
    items = [
        admitted(world, northbound(person=n, debtor_agent=agent)) for n, agent in enumerate((HARBOUR, LION, HARBOUR), 1)
    ]
    await store.accept(items, await store.generation(), refusing(world))
    events = await store.stream("", None, 10)
    assert len(events) == 3
    for participant in (None, HARBOUR, LION):
        assert await store.count_unread("", participant, 10) == len(await store.stream("", participant, 10))
        for event in events:
            unread = await store.count_unread(event.cursor, participant, 10)
            assert unread == len(await store.stream(event.cursor, participant, 10))
    assert await store.count_unread("", None, 2) == 2
    assert await store.count_unread("", LION, 1) == 0, "the limit is of all participants' events"


async def test_the_path_of_each_batch_is_counted(
    postgres_stores: Callable[[], Awaitable[PostgresStore]], world: World
) -> None:
    store = await postgres_stores()
    await funded(store, world)
    first, second = (admitted(world, northbound(person=n)) for n in (1, 2))
    await store.accept([first], await store.generation(), refusing(world))
    assert store.usage().batches == {"fast": 1}
    await store.accept([first, second], await store.generation(), refusing(world))  # one is known
    assert store.usage().batches == {"fast": 1, "exact": 1}


async def test_the_use_of_the_connections_is_told(postgres_stores: Callable[[], Awaitable[PostgresStore]]) -> None:
    store = await postgres_stores()
    usage = store.usage()
    assert usage.connections["open"] >= usage.connections["idle"] >= 1 and usage.waiters == 0
    connections = store._connections
    held = [connections.one() for _ in range(4)]
    for each in held:
        await each.__aenter__()
    assert store.usage().connections == {"open": 4, "idle": 0}
    asking = asyncio.create_task(store.generation())
    await asyncio.sleep(0.01)
    assert store.usage().waiters == 1
    for each in held:
        await each.__aexit__(None, None, None)
    await asking
    assert store.usage().waiters == 0
