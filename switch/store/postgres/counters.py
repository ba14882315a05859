"""Counters on PostgreSQL: a batch's sums in one guarded write, and the exact path for what does not fit so.

The functions run inside the caller's transaction, late in it as the rows are hot. limits.counters says what fits.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, Protocol, TypeVar

import asyncpg

from limits.claims import REPORT, Claim, ClaimSet, Refused, Sums
from limits.counters import (
    EMPTY,
    Moved,
    Reservation,
    add_up,
    adjusted,
    admit,
    evaluate,
    posted,
    voided,
)
from switch.payment.plan import Transfer
from switch.payment.postings import is_prefunded
from switch.store.postgres.queries import queries

T = TypeVar("T")

# A deadlock costs its second of waiting; locks are taken in one order, so more than one in a row is a fault of ours.
DEADLOCK_TRIES_MAX = 5


class Connection(Protocol):
    """What is used of an asyncpg connection, whether its own or a pool's."""

    async def fetch(self, query: str, *args: Any) -> list[Any]: ...
    async def execute(self, query: str, *args: Any) -> str: ...


# Of one counter: up_pending, up_posted, down_pending, latching, ceiling, floor. A list, changed in place: this is the
# hottest loop of the house.
Total = list[Any]
_BOUNDS = slice(3, 6)


def totals(batch: Iterable[ClaimSet]) -> dict[str, Total]:
    """Add up a batch's claims by counter: ups and downs apart, the strictest bounds, whether the upper test is strict.

    A claim that never blocks brings no bound, but its amount stands in the sums that the others are tested with.
    """
    rows: dict[str, Total] = {}
    known = rows.get
    for _, claims in batch:
        for _, key, delta, ceiling, floor, _, effect, gross, _, latches, forced, _, _ in claims:
            row = known(key)
            if row is None:
                rows[key] = row = [0, 0, 0, False, None, None]
            if delta < 0:
                row[2] -= delta
                if floor is not None and not forced and effect != REPORT and (row[5] is None or floor > row[5]):
                    row[5] = floor
                continue
            if gross:
                row[1] += delta
            else:
                row[0] += delta
            if ceiling is None or effect == REPORT or (forced and not latches):
                continue
            if latches:
                row[3] = True  # of a forced claim too: it passes, but may close its counter, which the exact path does
            if row[4] is None or ceiling < row[4]:
                row[4] = ceiling
    return rows


def add_transfers(rows: dict[str, Total], transfers: Iterable[Transfer]) -> None:
    """Add pending transfers to the totals: the claims on their accounts' rows (postings.account_claims), without making them."""
    known = rows.get
    for _, debit, credit, amount_minor, _, _ in transfers:
        row = known(debit)
        if row is None:
            rows[debit] = row = [0, 0, 0, False, None, None]
        row[0] += amount_minor
        if row[4] is None and is_prefunded(debit):
            row[4] = 0
        row = known(credit)
        if row is None:
            rows[credit] = row = [0, 0, 0, False, None, None]
        row[2] += amount_minor


def _columns(rows: Mapping[str, Total]) -> tuple[list[str], list[tuple[Any, ...]]]:
    keys = sorted(rows)  # by code point, as COLLATE "C" sorts UTF-8
    return keys, list(zip(*map(rows.__getitem__, keys), strict=True))


async def reserve_fast(connection: Connection, rows: Mapping[str, Total]) -> bool:
    """Reserve a batch's totals in one guarded write, which notes the version it made of each counter.

    Where this returns True every claim is admitted, in whatever order they came. False means that not every row came
    back: the caller rolls its transaction back and takes the exact path. Each payment stands in the batch once.
    """
    if not rows:
        return True
    keys, columns = _columns(rows)
    texts = [",".join(["" if value is None else str(value) for value in column]) for column in columns]
    [[came_back]] = await connection.fetch(queries("counters")["reserve"], ",".join(keys), *texts)
    return bool(came_back == len(keys))


async def reserve_exact(connection: Connection, batch: Sequence[ClaimSet], at: datetime) -> list[Refused | None]:
    """Reserve payment by payment in arrival order under locks; returns the verdicts and notes the version of each counter.

    A counter that no admitted claim moved keeps the version it was seen at; one that is closed now is closed since `at`. The locks last until the transaction ends.
    """
    rows = totals(batch)
    if not rows:
        return [None] * len(batch)
    keys = sorted(rows)
    await connection.execute(queries("counters")["hold"], keys)
    sums = await read_sums(connection, keys)
    versions = {key: state.version for key, state in sums.items()}
    verdicts = []
    after: dict[str, Sums] = {}
    for _, claims in batch:
        refused, moved = admit(claims, sums)
        verdicts.append(refused)
        sums.update(moved)
        after.update(moved)
    if after:
        versions.update(await _write(connection, after, rows, at))
    await note(connection, "accept", versions)
    return verdicts


async def note(connection: Connection, step: str, versions: Mapping[str, int]) -> None:
    """Keep which versions of which counters this transaction made (or, on the exact path, saw)."""
    await connection.execute(queries("counters")["note"], step, list(versions), list(versions.values()))


async def _write(
    connection: Connection, after: Mapping[str, Sums], rows: Mapping[str, Total], at: datetime
) -> dict[str, int]:
    keys = sorted(after)
    sums = list(zip(*(after[key][:5] for key in keys), strict=True))
    bounds = list(zip(*(rows[key][_BOUNDS] for key in keys), strict=True))
    written = dict(await connection.fetch(queries("counters")["write"], keys, *sums, *bounds, at))
    assert len(written) == len(keys), "a counter under our lock was not there to be written"
    return written


async def apply(connection: Connection, deltas: Mapping[str, tuple[int, int, int, int]]) -> dict[str, int]:
    """Add to counters (up pending, up posted, down pending, down posted); returns the version of each.

    For post, void and give-back, whose deltas limits.counters makes. A counter that is not there is our own error: a
    give-back never creates one; so is a sum that would become negative (asyncpg's CheckViolationError).
    """
    if not deltas:
        return {}
    keys = sorted(deltas)
    columns = list(zip(*map(deltas.__getitem__, keys), strict=True))
    versions = dict(await connection.fetch(queries("counters")["change"], keys, *columns))
    assert len(versions) == len(keys), f"no such counter: {set(keys) - set(versions)}"
    return versions


async def read_sums(connection: Connection, keys: Sequence[str]) -> dict[str, Sums]:
    """Read the sums of these counters without a lock; one never used is empty."""
    found = {key: Sums(*sums) for key, *sums in await connection.fetch(queries("counters")["read"], keys)}
    return {key: found.get(key, EMPTY) for key in keys}


class _TakeExactPath(Exception):
    """Rolls the fast path's transaction back."""


_AT = datetime(
    2014, 11, 17, tzinfo=UTC
)  # PostgresCounters knows no time: what latches is closed since the first such quota


class PostgresCounters:
    """The port on PostgreSQL alone, keeping each payment's reservation in the table `counter_claim`.

    The switch calls the functions above from its own transactions and keeps the claims in the payment's row instead.
    """

    def __init__(self, pool: Any, always_exact: bool = False) -> None:
        self._pool = pool
        self._always_exact = always_exact

    async def reserve(self, batch: Sequence[ClaimSet]) -> list[Refused | None]:
        if not self._always_exact:
            try:
                return await self._transaction(self._reserve, batch, False)
            except _TakeExactPath:
                pass
        return await self._transaction(self._reserve, batch, True)

    async def _reserve(self, connection: Any, batch: Sequence[ClaimSet], exact: bool) -> list[Refused | None]:
        verdicts: dict[str, Refused | None] = dict.fromkeys(payment_id for payment_id, _ in batch)
        claims_by_id = dict(reversed(batch))
        ids = sorted(claims_by_id)
        texts = [json.dumps(claims_by_id[payment_id]) for payment_id in ids]
        inserted = {row[0] for row in await connection.fetch(queries("counters")["remember"], ids, texts)}
        new = [ClaimSet(payment_id, claims_by_id[payment_id]) for payment_id in verdicts if payment_id in inserted]
        if exact:
            judged = await reserve_exact(connection, new, _AT)
            verdicts.update((payment_id, refused) for (payment_id, _), refused in zip(new, judged, strict=True))
            refused_ids = [payment_id for payment_id, refused in verdicts.items() if refused is not None]
            await connection.execute(queries("counters")["forget"], refused_ids)
        elif not await reserve_fast(connection, totals(new)):
            raise _TakeExactPath
        return [verdicts[payment_id] for payment_id, _ in batch]

    async def check(self, claims: tuple[Claim, ...]) -> Refused | None:
        return evaluate(claims, await self.sums([claim.counter for claim in claims]))

    async def post(self, payment_ids: Sequence[str]) -> None:
        await self._transaction(self._move, payment_ids, posted)

    async def void(self, payment_ids: Sequence[str]) -> None:
        await self._transaction(self._move, payment_ids, voided)

    async def adjust(self, payment_id: str, step: str, share: tuple[int, int]) -> None:
        def give_back(reservation: Reservation) -> Moved:
            return adjusted(reservation, step, share)

        await self._transaction(self._move, [payment_id], give_back)

    async def sums(self, keys: Sequence[str]) -> dict[str, Sums]:
        async with self._pool.acquire() as connection:
            return await read_sums(connection, keys)

    async def open(self) -> None:
        """Make the table of reservations if it is not there."""
        async with self._pool.acquire() as connection:
            await connection.execute(queries("counters")["create_claims"])

    async def _move(self, connection: Any, payment_ids: Sequence[str], step: Callable[[Reservation], Moved]) -> None:
        rows = await connection.fetch(queries("counters")["recall"], sorted(set(payment_ids)))
        assert {row[0] for row in rows} == set(payment_ids), "a payment that reserved nothing is moved"
        moves = {row[0]: step(_reservation(*row[1:])) for row in rows}
        for payment_id, (reservation, _) in moves.items():
            state = (reservation.status, str(reservation.given), sorted(reservation.steps))
            await connection.execute(queries("counters")["move"], payment_id, *state)
        await apply(connection, add_up(item for _, changes in moves.values() for item in changes.items()))

    async def _transaction(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        for _ in range(DEADLOCK_TRIES_MAX - 1):
            try:
                return await self._once(work, *args)
            except asyncpg.DeadlockDetectedError:
                continue
        return await self._once(work, *args)

    async def _once(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        async with self._pool.acquire() as connection, connection.transaction():
            return await work(connection, *args)


def _reservation(claims: str, status: str, given: str, steps: list[str]) -> Reservation:
    return Reservation(tuple(Claim(*claim) for claim in json.loads(claims)), status, Fraction(given), frozenset(steps))
