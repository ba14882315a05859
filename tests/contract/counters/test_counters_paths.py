"""The paths on PostgreSQL, the guarded write of the fast one as its procedure calls it: what the fast one serves, what it leaves, and no ring of waits."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import asyncpg
import pytest
from counter_builders import AGENT, AT, PERSON, SWAP, buy, debit, noted, payment, reserve_fast, same_name, sell, swap

from limits.claims import REPORT, WINDOW, Claim, ClaimSet, Refused
from limits.counters import Change, post_changes
from switch.store.postgres.counters import apply, read_sums, reserve_exact, totals

FLOOR: dict[str, Any] = {"counter": "account:provider/HKD", "gross": False, "ceiling": None}


async def take(pool: asyncpg.Pool, *claims: Claim) -> dict[str, int] | None:
    """The fast path in a transaction that is rolled back where it does not serve."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        fits = await reserve_fast(connection, totals([payment(claim) for claim in claims]))
        versions = await noted(connection) if fits else None
        await (transaction.commit() if fits else transaction.rollback())
        return versions


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ([], [same_name(80_000_00)]),
        ([same_name(79_999_99)], [same_name(1)]),
        ([], [buy(99, ceiling=100, latches=WINDOW)]),
        ([buy(98, ceiling=100)], [buy(1, ceiling=100, latches=WINDOW)]),
        ([debit(-100)], [debit(-1)]),
        ([swap(100)], [swap(-20_000_000_000_00)]),
        ([same_name(5, **FLOOR)], [same_name(-5, floor=-5, **FLOOR)]),
        ([], [same_name(2, ceiling=1, effect=REPORT), same_name(2, ceiling=1, forced=True), same_name(1)]),
        ([], [same_name(-2, **FLOOR, floor=0, effect=REPORT), same_name(-2, **FLOOR, floor=0, forced=True)]),
        ([buy(100, ceiling=100)], [sell(50, ceiling=100, latches=WINDOW)]),
        ([], [same_name(10**15, ceiling=None)]),
    ],
)
async def test_the_fast_path_serves_whatever_fits_as_a_whole(
    empty_database: asyncpg.Pool, first: list[Claim], then: list[Claim]
) -> None:
    assert await take(empty_database, *first) is not None
    assert await take(empty_database, *then) == {then[0].counter: 2 if first else 1}


async def test_the_fast_path_serves_a_counter_that_only_fits_because_of_what_is_there(
    empty_database: asyncpg.Pool,
) -> None:
    await take(empty_database, debit(-100))
    await empty_database.fetch("UPDATE counter SET down_posted = down_pending, down_pending = 0")
    assert await take(empty_database, debit(40), debit(60)) == {AGENT: 2}
    assert await take(empty_database, debit(1)) is None


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ([], [same_name(80_000_01)]),
        ([], [buy(100, ceiling=100, latches=WINDOW)]),
        ([], [buy(100, ceiling=100, latches=WINDOW, forced=True)]),
        ([], [buy(100, ceiling=100, forced=True), buy(1, ceiling=100)]),
        ([], [same_name(60, ceiling=100), same_name(1, ceiling=50)]),
        ([], [same_name(-3, **FLOOR, floor=-5), same_name(-1, **FLOOR, floor=-3)]),
        ([], [debit(-500), debit(1)]),
        ([same_name(1)], [same_name(80_000_00)]),
    ],
)
async def test_the_fast_path_leaves_nothing_of_what_does_not_fit(
    empty_database: asyncpg.Pool, first: list[Claim], then: list[Claim]
) -> None:
    await take(empty_database, *first)
    before = await empty_database.fetch("SELECT * FROM counter")
    assert await take(empty_database, swap(1), *then) is None
    assert await empty_database.fetch("SELECT * FROM counter") == before


async def test_the_exact_path_tells_the_version_that_a_refusal_saw(empty_database: asyncpg.Pool) -> None:
    await take(empty_database, same_name(80_000_00))
    over = same_name(1)
    async with empty_database.acquire() as connection, connection.transaction():
        verdicts = await reserve_exact(connection, [payment(over), payment(swap(1)), payment(swap(-1))], AT)
        versions = await noted(connection)
    assert verdicts == [Refused(over, 0), None, None]
    assert versions == {PERSON: 1, SWAP: 1}


async def test_claims_of_nobody_touch_nothing(empty_database: asyncpg.Pool) -> None:
    async with empty_database.acquire() as connection, connection.transaction():
        assert await reserve_fast(connection, {})
        assert await reserve_exact(connection, [ClaimSet("free", ())], AT) == [None]


async def test_a_step_adds_to_its_counters_and_creates_none(empty_database: asyncpg.Pool) -> None:
    await take(empty_database, swap(10), debit(-10))
    async with empty_database.acquire() as connection:
        assert await apply(connection, post_changes((swap(10), debit(-10)))) == {SWAP: 2, AGENT: 2}
        assert (await read_sums(connection, [SWAP, AGENT]))[AGENT][:4] == (0, 0, 0, 10)
    with pytest.raises(AssertionError, match="no such counter"):
        async with empty_database.acquire() as connection, connection.transaction():
            await apply(connection, {SWAP: Change(up_posted=-1), "unknown": Change(up_posted=-1)})
    assert [tuple(row) for row in await empty_database.fetch("SELECT key, up_posted FROM counter ORDER BY key")] == [
        (AGENT, 0),
        (SWAP, 10),
    ]


async def test_no_step_makes_a_sum_negative(empty_database: asyncpg.Pool) -> None:
    await take(empty_database, swap(10))
    with pytest.raises(asyncpg.CheckViolationError):
        await apply(empty_database, {SWAP: Change(up_pending=-11)})


KEYS = [f"k{number}" for number in range(10)]
ON_DISK = [*reversed(KEYS[:8:2]), *KEYS[1:8:2]]  # in another order than their keys; k8 and k9 are not there yet


def claims_on(keys: list[str]) -> list[ClaimSet]:
    return [payment(*(same_name(1, counter=key, ceiling=None) for key in keys))]


@pytest.mark.parametrize(
    ("work", "argument"),
    [
        (reserve_fast, totals(claims_on(ON_DISK + KEYS[8:]))),
        (partial(reserve_exact, at=AT), claims_on(KEYS[8:] + ON_DISK)),
        (apply, {key: Change(up_posted=1) for key in ON_DISK}),
    ],
)
async def test_locks_are_taken_along_the_key_so_that_nobody_waits_in_a_ring(
    empty_database: asyncpg.Pool, work: Callable[..., Awaitable[object]], argument: Any
) -> None:
    await empty_database.execute("INSERT INTO counter (key) SELECT unnest($1::text[])", ON_DISK)
    async with empty_database.acquire() as holder, empty_database.acquire() as worker, empty_database.acquire() as eye:
        holding = holder.transaction()
        await holding.start()
        await holder.execute("SELECT FROM counter WHERE key = 'k4' FOR UPDATE")

        async def run() -> None:
            async with worker.transaction():
                await work(worker, argument)

        running = asyncio.create_task(run())
        waits = "SELECT cardinality(pg_blocking_pids($1)) > 0"
        while not await eye.fetchval(waits, worker.get_server_pid()):
            assert not running.done()
        free = await eye.fetch("SELECT key FROM counter ORDER BY key FOR UPDATE SKIP LOCKED")
        with_later = eye.transaction()
        await with_later.start()
        await eye.execute("SET LOCAL lock_timeout = '200ms'; INSERT INTO counter (key) VALUES ('k8'), ('k9')")
        await with_later.rollback()
        assert [row["key"] for row in free] == ["k5", "k6", "k7"]
        await holding.rollback()
        await running


async def test_concurrent_batches_and_steps_lose_no_update(empty_database: asyncpg.Pool) -> None:
    await empty_database.execute("INSERT INTO counter (key, up_pending) SELECT unnest($1::text[]), 20", ON_DISK)
    steps = dict.fromkeys(ON_DISK, Change(up_pending=-1, up_posted=1))

    async def in_transaction(work: Callable[..., Awaitable[object]], argument: Any) -> None:
        async with empty_database.acquire() as connection, connection.transaction():
            await work(connection, argument)

    works: list[tuple[Callable[..., Awaitable[object]], Any]] = [
        (reserve_fast, totals(claims_on(KEYS))),
        (partial(reserve_exact, at=AT), claims_on(ON_DISK)),
        (apply, steps),
        (apply, steps),
    ]
    await asyncio.gather(*(in_transaction(work, argument) for _ in range(10) for work, argument in works))
    sums = await read_sums(empty_database, KEYS)
    assert {sums[key][:4] for key in ON_DISK} == {(0, 40, 0, 0)}
    assert {sums[key].version for key in ON_DISK} == {40}
    assert {sums[key][:4] for key in KEYS[8:]} == {(0, 10, 0, 0)}
