"""What only the PostgreSQL store can get wrong: other workers at the same moment, leases, open transactions, checks."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from builders import NOON, a_step, admitted, funded, northbound, planned, refusing
from lost_connections import LOST

from switch.flow.ports import ACCEPTED, REFUSED, REPLAYED, Admission, StaleWorld, StoreUnavailable
from switch.flow.world import World
from switch.store.postgres.connections import MadeByAnother
from switch.store.postgres.store import PostgresStore

Another = Callable[[], Awaitable[PostgresStore]]
UETR_1 = "6f0d53a2-9d8c-4c1b-8a55-000000000001"


@pytest_asyncio.fixture
async def store(postgres_stores: Another, world: World) -> PostgresStore:
    found = await postgres_stores()
    await found.register(1, 60.0)
    await funded(found, world)
    return found


@pytest_asyncio.fixture
async def connection(postgres_url: str, store: PostgresStore) -> AsyncIterator[Any]:
    """A session of its own in the sandbox's schema, as psql would have it."""
    found = await asyncpg.connect(postgres_url)
    await found.execute(f'SET search_path TO "{store.schema}"')
    yield found
    await found.close()


async def accept(store: PostgresStore, world: World, *items: Admission) -> list[str]:
    outcomes = await store.accept(items, await store.generation(), refusing(world))
    return [outcome.kind for outcome in outcomes]


# --- the stream ---


async def test_the_stream_never_skips_a_transaction_that_commits_late(
    store: PostgresStore, world: World, connection: Any
) -> None:
    """An event of an older transaction that is still open must not be passed by younger ones that have committed."""
    early, late, young = (admitted(world, northbound("1.00", person=n)) for n in range(3))
    await accept(store, world, early)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(
        "INSERT INTO event (payment_id, received_on, n, status, code, at, detail, participant, position) "
        "VALUES ($1, $2, 1, 'accepted', '', $3, '{}', 'HBAYHKH0', 0)",
        late.payment_id, late.received_on, NOON,
    )  # fmt: skip
    await accept(store, world, young)
    first = await store.stream("", None, 100)
    assert [event.payment_id for event in first] == [early.payment_id]
    await transaction.commit()
    then = await store.stream(first[-1].cursor, None, 100)
    assert [event.payment_id for event in then] == [late.payment_id, young.payment_id]


# --- workers ---


async def test_a_living_worker_s_payments_are_left_to_it(
    store: PostgresStore, world: World, postgres_stores: Another
) -> None:
    await accept(store, world, admitted(world, northbound()))
    other = await postgres_stores()
    await other.register(2, 60.0)
    assert await other.take_over(2, 100) == []


async def test_a_worker_that_renews_in_time_keeps_what_it_holds(
    store: PostgresStore, world: World, postgres_stores: Another
) -> None:
    await store.register(1, 0.0)
    await store.register(1, 60.0)
    await accept(store, world, admitted(world, northbound()))
    other = await postgres_stores()
    await other.register(2, 60.0)
    assert await other.take_over(2, 100) == []


async def test_two_takers_never_take_the_same_payment(
    store: PostgresStore, world: World, postgres_stores: Another
) -> None:
    items = [admitted(world, northbound("1.00", person=n)) for n in range(60)]
    await accept(store, world, *items)
    await store.register(1, 0.0)
    takers = [await postgres_stores() for _ in range(3)]
    for n, taker in enumerate(takers):
        await taker.register(10 + n, 60.0)
    taken = await asyncio.gather(*(taker.take_over(10 + n, 7) for n, taker in enumerate(takers) for _ in range(4)))
    seen = Counter(item.payment_id for batch in taken for item in batch)
    assert set(seen.values()) == {1} and len(seen) == 60


async def test_a_payment_that_was_locked_at_the_take_over_is_taken_at_the_next(
    store: PostgresStore, world: World, postgres_stores: Another, connection: Any
) -> None:
    """A worker is killed while the server still carries out its last statement: its lease must outlive that payment."""
    item = admitted(world, northbound())
    await accept(store, world, item)
    await store.register(1, 0.0)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SELECT 1 FROM payment WHERE payment_id = $1 FOR UPDATE", item.payment_id)
    other = await postgres_stores()
    await other.register(2, 60.0)
    assert await other.take_over(2, 100) == []
    await transaction.rollback()
    await other.register(2, 60.0)
    assert [taken.payment_id for taken in await other.take_over(2, 100)] == [item.payment_id]


async def test_a_worker_that_holds_nothing_more_is_forgotten(
    store: PostgresStore, world: World, postgres_stores: Another, connection: Any
) -> None:
    await accept(store, world, admitted(world, northbound()))
    await store.register(1, 0.0)
    other = await postgres_stores()
    await other.register(2, 60.0)
    assert len(await other.take_over(2, 100)) == 1
    assert await other.take_over(2, 100) == []
    assert [row[0] for row in await connection.fetch("SELECT incarnation FROM worker")] == [2]


# --- at the same moment ---


async def test_the_same_key_at_two_workers_at_once_is_one_payment(
    store: PostgresStore, world: World, postgres_stores: Another
) -> None:
    stores = [store, *[await postgres_stores() for _ in range(2)]]
    for n in range(5):
        instruction = northbound("10.00", person=n, uetr=UETR_1.replace("0001", f"000{n}"))
        items = [admitted(world, instruction) for _ in stores]
        kinds = await asyncio.gather(*(accept(one, world, item) for one, item in zip(stores, items, strict=True)))
        assert Counter(kind for [kind] in kinds) == {ACCEPTED: 1, REPLAYED: 2}
        assert len(await store.events(items[0].payment_id)) == 1


async def test_the_same_uetr_at_two_workers_at_once_is_paid_once(
    store: PostgresStore, world: World, postgres_stores: Another
) -> None:
    stores = [store, await postgres_stores()]
    items = [admitted(world, northbound("10.00", uetr=UETR_1)) for _ in stores]
    kinds = await asyncio.gather(*(accept(one, world, item) for one, item in zip(stores, items, strict=True)))
    assert sorted(kind for [kind] in kinds) == [ACCEPTED, REFUSED]


async def test_a_cap_holds_among_workers_and_batches_at_once(
    store: PostgresStore, world: World, postgres_stores: Another
) -> None:
    stores = [store, *[await postgres_stores() for _ in range(2)]]
    batches = [[admitted(world, northbound("1100.00", person=p)) for p in (1, 2, 3)] for _ in range(24)]
    kinds = await asyncio.gather(*(accept(stores[n % 3], world, *batch) for n, batch in enumerate(batches)))
    for place in range(3):
        assert Counter(batch[place] for batch in kinds) == {ACCEPTED: 9, REFUSED: 15}  # 9 × 1,100 of 10,000
    sums = await store.counters("payment-connect.northbound.day|")
    assert {found.up_posted for found in sums.values()} == {9_900_00}


async def test_batches_in_opposite_order_do_not_stop_each_other(
    store: PostgresStore, world: World, postgres_stores: Another
) -> None:
    other = await postgres_stores()
    for _round in range(4):
        forwards = [admitted(world, northbound("1.00", person=n)) for n in range(40)]
        backwards = [admitted(world, northbound("1.00", person=n)) for n in reversed(range(40))]
        kinds = await asyncio.gather(accept(store, world, *forwards), accept(other, world, *backwards))
        assert Counter(kind for batch in kinds for kind in batch) == {ACCEPTED: 80}
        steps = [[a_step(item, "credit") for item in items] for items in (forwards, backwards)]
        moved = await asyncio.gather(store.finish(steps[0]), other.finish(steps[1]))
        assert [len(moves) for moves in moved] == [40, 40]


async def test_two_workers_finish_a_payment_once(store: PostgresStore, world: World, postgres_stores: Another) -> None:
    other = await postgres_stores()
    items = [admitted(world, northbound("1.00", person=n)) for n in range(20)]
    await accept(store, world, *items)
    steps = [a_step(item, "credit") for item in items]
    moved = await asyncio.gather(store.finish(steps), other.finish(steps[::-1]))
    assert Counter(move.payment_id for moves in moved for move in moves) == {item.payment_id: 1 for item in items}


@pytest.mark.parametrize(("first", "then", "end"), [("settle", "credit", "credited"), ("submit", "settle", "settled")])
async def test_a_step_is_judged_by_what_the_payment_is_once_its_row_is_free(
    store: PostgresStore, world: World, postgres_stores: Another, connection: Any, first: str, then: str, end: str
) -> None:
    """Both wait for the row; the second was looked up while the payment was still accepted."""
    other = await postgres_stores()
    item = admitted(world, northbound("1.00"))
    await accept(store, world, item)
    holding = connection.transaction()
    await holding.start()
    await connection.execute("SELECT FROM payment WHERE payment_id = $1 FOR UPDATE", item.payment_id)
    running = []
    for waiting, (books, event) in enumerate(((store, first), (other, then)), 1):
        running.append(asyncio.create_task(books.finish([a_step(item, event)])))
        while await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < waiting:
            await asyncio.sleep(0.005)
    await holding.rollback()
    assert [len(moved) for moved in await asyncio.gather(*running)] == [1, 1]
    stored = await store.payment(item.payment_id)
    assert stored is not None and stored.status == end


async def test_two_workers_meet_a_new_day_at_once(store: PostgresStore, world: World, postgres_stores: Another) -> None:
    stores = [store, *[await postgres_stores() for _ in range(3)]]
    for day in range(1, 4):
        at = NOON + timedelta(days=day)
        items = [admitted(world, northbound("1.00", person=n), at=at) for n in range(4)]
        kinds = await asyncio.gather(*(accept(one, world, item) for one, item in zip(stores, items, strict=True)))
        assert kinds == [[ACCEPTED]] * 4


async def test_a_sandbox_opened_by_many_at_once_is_made_and_funded_once(
    postgres_url: str, world: World, fresh_schema: Callable[[], Awaitable[str]]
) -> None:
    schema = await fresh_schema()
    stores = [PostgresStore(postgres_url, schema, pool_size=2) for _ in range(4)]
    await asyncio.gather(*(one.open() for one in stores))
    await asyncio.gather(*(funded(one, world) for one in stores))
    sums = await stores[0].counters("position:HBAYHKH0:hk-fps:HKD")
    assert [found.down_posted for found in sums.values()] == [200_000_000_00]
    for one in stores:
        await one.close()


async def test_the_world_moves_on_only_between_batches(store: PostgresStore, world: World, connection: Any) -> None:
    """A batch holds the fence shared until it commits: whoever advances it waits, and the next batch is stale."""
    generation = await store.generation()
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SELECT generation FROM fence FOR SHARE")
    advancing = asyncio.create_task(store.advance({"clock_rate": "1.0"}))
    await asyncio.sleep(0.05)
    assert not advancing.done()
    await transaction.commit()
    assert await advancing == generation + 1
    with pytest.raises(StaleWorld):
        await store.accept([admitted(world, northbound())], generation, refusing(world))


# --- the server is away ---


async def test_where_no_server_ever_answered_the_error_is_the_system_s_own(tmp_path: Any) -> None:
    """Nobody waits for what is not there: `up` says at once that the URL is wrong."""
    with pytest.raises(OSError):
        await PostgresStore(f"postgresql://nobody@/none?host={tmp_path}", "main").open()


async def test_a_server_that_goes_away_while_the_store_opens_is_unavailable() -> None:
    """As a PostgreSQL that restarts behind a proxy is: whoever opens may try again."""
    met: list[asyncio.StreamWriter] = []

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(writer)
        writer.transport.abort()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(StoreUnavailable):
            await PostgresStore(f"postgresql://nobody@127.0.0.1:{port}/none?sslmode=disable", "main").open()
    assert met


async def test_a_connection_cut_by_the_server_is_unavailable_and_the_next_call_works(
    store: PostgresStore, world: World, connection: Any
) -> None:
    item = admitted(world, northbound())
    await accept(store, world, item)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bayswitch' AND pid <> pg_backend_pid()"
    )
    for _ in range(10):  # each dead connection of the pool is found out by its next use
        try:
            stored = await store.payment(item.payment_id)
            break
        except StoreUnavailable:
            continue
    assert stored is not None and stored.status == "accepted"


# --- the database keeps what the code promises ---


@pytest.mark.parametrize(
    "breach",
    [
        "UPDATE payment SET status = 'rejected'",  # without a code
        "UPDATE payment SET code = 'AC03'",  # without a rejection
        "UPDATE payment SET status = 'settled'",  # without an instant
        "UPDATE payment SET settled_at = received_at",  # without a settlement
        "UPDATE payment SET status = 'nowhere'",
        "UPDATE payment SET awaits_rail = false",  # while it is under way
        "UPDATE payment SET status = 'credited', settled_at = received_at",  # and awaited
        "UPDATE leg SET status = 'nowhere'",
        "UPDATE counter SET up_pending = -1",
        "UPDATE transfer SET amount_minor = 0",
        "INSERT INTO fence VALUES (2, 1, '{}')",
    ],
)
async def test_the_database_refuses_what_the_code_never_does(
    store: PostgresStore, world: World, connection: Any, breach: str
) -> None:
    await accept(store, world, admitted(world, northbound()))
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(breach)


async def test_what_is_refused_at_the_last_statement_leaves_nothing_behind(
    store: PostgresStore, world: World, connection: Any
) -> None:
    """Planted: a transfer of nothing, which the database's check refuses after identities and payment were written."""
    item = admitted(world, northbound())
    plan = planned(item)
    transfers = (plan.transfers[0]._replace(amount_minor=0), *plan.transfers[1:])
    broken = item._replace(verdict=plan._replace(transfers=transfers))
    with pytest.raises(asyncpg.CheckViolationError):
        await accept(store, world, broken)
    assert await store.payment(item.payment_id) is None
    assert await store.by_identity(item.identities[0]) is None
    assert await accept(store, world, item) == [ACCEPTED]


async def test_the_stream_goes_by_number_where_transactions_gain_a_digit(
    store: PostgresStore, world: World, connection: Any
) -> None:
    items = [admitted(world, northbound("1.00", person=n)) for n in range(3)]
    for item, xid in zip(items, ("9", "10", "100"), strict=True):
        await accept(store, world, item)
        await connection.execute("UPDATE event SET xid = $1::text::xid8 WHERE payment_id = $2", xid, item.payment_id)
    seen, cursor = [], ""
    while found := await store.stream(cursor, None, 1):
        seen.append(found[0].payment_id)
        cursor = found[0].cursor
    assert seen == [item.payment_id for item in items]


async def test_a_worker_whose_lease_was_taken_for_lost_accepts_nothing(
    store: PostgresStore, world: World, postgres_stores: Another, connection: Any
) -> None:
    """Else nobody would ever look for its payments again."""
    await connection.execute("DELETE FROM worker")
    item = admitted(world, northbound())
    with pytest.raises(StoreUnavailable):
        await accept(store, world, item)
    assert await store.payment(item.payment_id) is None


async def test_a_sandbox_of_another_version_is_not_opened(
    postgres_stores: Another, connection: Any, store: PostgresStore
) -> None:
    """Its tables are laid out otherwise: better to say so than to fail at the first payment."""
    await connection.execute(f"COMMENT ON SCHEMA \"{store.schema}\" IS 'as it was'")
    with pytest.raises(MadeByAnother, match="another version"):
        await postgres_stores()


async def test_a_connection_lost_in_any_way_makes_the_store_unavailable(store: PostgresStore) -> None:
    for lost in LOST:
        with pytest.raises(StoreUnavailable):
            async with store._connections.one():
                raise lost
