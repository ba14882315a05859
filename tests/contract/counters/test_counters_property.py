"""Random claims that collide: both stores against the reference verdict by verdict, then PostgreSQL before an auditor."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import asyncpg
import pytest
from counter_auditor import Book, Record
from counter_builders import AGENT, AT, debit, noted, reserve_fast
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_counters import StoreCounters

from limits.claims import REPORT, WHILE_OPEN, WINDOW, Claim, ClaimSet, Sums
from limits.counters import CounterPort, MemoryCounters
from switch.flow.world import World
from switch.store.memory import MemoryStore
from switch.store.postgres.counters import read_sums, reserve_exact, totals
from switch.store.postgres.store import PostgresStore

# A few seconds in all; derandomize: the same examples at each run, and a failure prints what replays it.
quick = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# One rule a counter, few counters, small bounds: most payments meet one another.
RULES = (
    Claim("gross", "a", 1, 40, None, gross=True),
    Claim("gross, gives back", "b", 1, 60, None, gross=True, gives_back=True),
    Claim("outstanding", "c", 1, 50, None, gives_back=True),
    Claim("latching", "d", 1, 60, None, WHILE_OPEN, gives_back=True),
    Claim("net", "e", 1, 30, -30, gives_back=True),
    Claim("net, while open", "f", 1, 25, -25, WHILE_OPEN),
    Claim("stock", "g", 1, None, 0),
    Claim("suspending", "h", 1, 30, None, WHILE_OPEN, gross=True),
    Claim(
        "look", "h", 0, 30, None, gross=True
    ),  # at an older window: claims nothing, and refuses where it was exceeded
    Claim("threshold", "a", 1, 5, None, effect=REPORT, gross=True),
)
BOTH_WAYS = {"latching", "net", "net, while open", "stock", "outstanding"}


@st.composite
def claim(draw: st.DrawFn) -> Claim:
    rule = draw(st.sampled_from(RULES))
    amount = draw(st.integers(1, 25)) if rule.delta else 0
    down = rule.rule in BOTH_WAYS and draw(st.booleans())
    rare = draw(st.integers(0, 19))
    drawn = rule._replace(
        delta=-amount if down else amount,
        latches=draw(st.sampled_from(["", "pre-open", WINDOW])) if rule.rule == "latching" else "",
        latches_on_carry=draw(st.booleans()),
        forced=rare == 0,
    )
    if rare == 1 and drawn.ceiling:  # the law was changed while payments are under way
        drawn = drawn._replace(ceiling=drawn.ceiling // 2)
    if rare == 2 and drawn.floor:
        drawn = drawn._replace(floor=drawn.floor // 2)
    return drawn


# The last claim of a payment may be on its agent's position: a transfer, so neither forced nor under another law.
on_account = st.integers(-25, 10).filter(bool).map(debit)
claims = st.tuples(st.lists(claim(), min_size=1, max_size=3), st.lists(on_account, max_size=1)).map(
    lambda drawn: (*drawn[0], *drawn[1])
)
payments = st.lists(claims, min_size=1, max_size=24).map(
    lambda drawn: [ClaimSet(f"p{number:02}", each) for number, each in enumerate(drawn)]
)
share = st.sampled_from([(1, 2), (1, 3), (1, 7), (1, 4)])


class Life(NamedTuple):
    """What happens to a payment after it was admitted, in this order; what is pending is never returned."""

    close: str | None
    returns: Sequence[tuple[int, int]]


lives = st.builds(Life, st.sampled_from(["post", "post", "void"]), st.lists(share, max_size=2)) | st.just(
    Life(None, ())
)


def cut(items: Sequence[ClaimSet], sizes: Sequence[int]) -> list[Sequence[ClaimSet]]:
    batches, start, turn = [], 0, 0
    while start < len(items):
        size = sizes[turn % len(sizes)]
        batches.append(items[start : start + size])
        start, turn = start + size, turn + 1
    return batches


async def live(counters: CounterPort, payment_id: str, life: Life, times: int = 1) -> None:
    """Carry a payment through its life, each step asked for `times` times at once."""
    if life.close:
        step = counters.post if life.close == "post" else counters.void
        await asyncio.gather(*(step([payment_id]) for _ in range(times)))
    for number, part in enumerate(life.returns):
        await asyncio.gather(*(counters.adjust(payment_id, f"return {number}", part) for _ in range(times)))


async def all_sums(counters: CounterPort) -> dict[str, Sums]:
    found = await counters.sums(sorted({AGENT, *(rule.counter for rule in RULES)}))
    return {key: sums._replace(version=0) for key, sums in found.items()}


@pytest.mark.parametrize("books", ["memory", "postgres", "postgres, always exact"])
@quick
@given(payments, st.lists(st.integers(1, 9), min_size=1, max_size=4), st.data())
async def test_store_and_reference_differ_in_no_verdict_whatever_the_batches(
    postgres_store: PostgresStore,
    empty_database: asyncpg.Pool,
    world: World,
    books: str,
    asked: list[ClaimSet],
    sizes: list[int],
    data: st.DataObject,
) -> None:
    await empty_database.execute("TRUNCATE counter")
    store = MemoryStore() if books == "memory" else postgres_store
    reference, subject = MemoryCounters(), StoreCounters(store, world, always_exact=books.endswith("exact"))
    for batch in cut(asked, sizes):
        expected = [verdict for item in batch for verdict in await reference.reserve([item])]
        assert await subject.reserve(batch) == expected
        for item, verdict in zip(batch, expected, strict=True):
            if verdict is None and data.draw(st.booleans()):
                life = data.draw(lives)
                await live(reference, item.payment_id, life)
                await live(subject, item.payment_id, life)
        assert await all_sums(subject) == await all_sums(reference)


async def accept(pool: asyncpg.Pool, batch: Sequence[ClaimSet]) -> Record:
    """Accept a batch as the switch does, without a second try: a deadlock fails the test."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        if await reserve_fast(connection, totals(batch)):
            versions = await noted(connection)
            await transaction.commit()
            return Record(batch, [None] * len(batch), versions)
        await transaction.rollback()
        async with connection.transaction():
            verdicts = await reserve_exact(connection, batch, AT)
            return Record(batch, verdicts, await noted(connection))


@quick
@given(payments, st.lists(st.integers(1, 5), min_size=1, max_size=4))
async def test_an_auditor_finds_every_verdict_of_concurrent_batches_right(
    empty_database: asyncpg.Pool, asked: list[ClaimSet], sizes: list[int]
) -> None:
    await empty_database.execute("TRUNCATE counter")
    records = await asyncio.gather(*(accept(empty_database, batch) for batch in cut(asked, sizes)))
    sums = await read_sums(empty_database, sorted({rule.counter for rule in RULES}))
    for counter, found in sums.items():
        book = Book(counter)
        book.replay(records)
        assert not book.wrong
        assert found == (book.up_pending, book.up_posted, book.down_pending, 0, book.latched, book.version)


@quick
@given(payments, st.lists(st.integers(1, 5), min_size=1, max_size=4), st.lists(lives, min_size=24, max_size=24))
async def test_after_concurrent_and_repeated_steps_the_sums_are_those_of_the_admitted_claims(
    postgres_store: PostgresStore,
    empty_database: asyncpg.Pool,
    world: World,
    asked: list[ClaimSet],
    sizes: list[int],
    planned: list[Life],
) -> None:
    await empty_database.execute("TRUNCATE counter")
    subject, books = StoreCounters(postgres_store, world), MemoryCounters()
    batches = cut(asked, sizes)
    verdicts = await asyncio.gather(*(subject.reserve(batch) for batch in batches))
    told = {
        item.payment_id: verdict
        for batch, each in zip(batches, verdicts, strict=True)
        for item, verdict in zip(batch, each, strict=True)
    }
    admitted = [item for item in asked if told[item.payment_id] is None]
    planned_by_id = {item.payment_id: life for item, life in zip(asked, planned, strict=False)}
    await asyncio.gather(*(live(subject, item.payment_id, planned_by_id[item.payment_id], 2) for item in admitted))
    for item in admitted:
        await books.reserve([item._replace(claims=tuple(claim._replace(forced=True) for claim in item.claims))])
        await live(books, item.payment_id, planned_by_id[item.payment_id])
    found, expected = await all_sums(subject), await all_sums(books)
    assert {key: sums[:4] for key, sums in found.items()} == {key: sums[:4] for key, sums in expected.items()}
