"""The PostgreSQL store: one schema is one sandbox; every call is one short transaction.

The accepting transaction is in .accept, SQL in .sql files, counters in .counters. Foreign exceptions are mapped here.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any
from uuid import UUID

import asyncpg

from fx.quotes import Quote
from limits.claims import Claim, Sums
from switch.flow.exceptions import LATE_ACCEPTANCE
from switch.flow.ports import (
    ACCEPTED,
    PERSON,
    REFUSED,
    REPLAYED,
    Admission,
    ExceptionRecord,
    Identity,
    Judge,
    Moved,
    Outcome,
    StaleWorld,
    Step,
    Stored,
    StoredEvent,
    StoredLeg,
    StoredTransfer,
    StoreUnavailable,
    Unfinished,
)
from switch.payment.plan import Transfer
from switch.payment.refusals import OPERATOR_REJECTED, refusal_from
from switch.payment.status import MOVES, REJECTED
from switch.store.postgres.accept import accept_batch
from switch.store.postgres.counters import note
from switch.store.postgres.persons import link, where_sums_are
from switch.store.postgres.queries import queries
from switch.store.postgres.rows import (
    claims_text,
    event_from,
    exception_from,
    leg_from,
    payment_from,
    price_json,
    quote_from,
    sums_from,
    transfer_from,
)

_FUNDING_ID = "00000000-0000-4000-8000-000000000001"  # the payment id under which a sandbox's opening transfers stand
_FUNDING_DAY = date(2000, 1, 1)
_UNIT_SEPARATOR = "\x1f"  # stands in no JSON
_DEADLOCK_TRIES = 5  # two workers may meet once; five times in a row is a fault of ours
# The transition tables as columns, for the query.
_MOVES = [list(column) for column in zip(*MOVES, strict=True)]
_LAST = (datetime(9999, 1, 1, tzinfo=UTC), "ffffffff-ffff-ffff-ffff-ffffffffffff")

# The server is away, or the connection is: nothing is known to have happened.
_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a query sent on a connection whose end asyncpg has not read yet
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)

# The store's queries always go by index: a plan made while a partition was empty must not scan it when it is full.
_SETTINGS = {
    "enable_seqscan": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "application_name": "bayswitch",
}


async def _keep(connection: Any) -> None:
    """Leave a released connection as it is: nothing here changes its session, and asyncpg's reset costs a round trip."""


class PostgresStore:
    """Durable books of the sandbox that lives in `schema`; `pool_size` connections, `incarnation` marks its rows."""

    def __init__(self, url: str, schema: str = "main", pool_size: int = 8) -> None:
        self._url = url
        self._schema = schema
        self._pool_size = pool_size
        self._incarnation = 0
        self._days: set[date] = set()
        self._standings: set[str] = set()
        self._q = queries("payments")
        self._pool: Any = None

    async def open(self) -> None:
        """Make the sandbox's schema if it is not there, and the pool."""
        connection = await asyncpg.connect(self._url)
        try:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", self._schema)
                exists = await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", f'"{self._schema}".fence')
                if not exists:
                    await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"')
                    await connection.execute(f'SET LOCAL search_path TO "{self._schema}"')
                    for script in sorted((files(__package__) / "schema").iterdir(), key=lambda path: path.name):
                        await connection.execute(script.read_text("utf-8"))
        finally:
            await connection.close()
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=2,
            max_size=self._pool_size,
            max_cached_statement_lifetime=0,
            reset=_keep,
            server_settings=_SETTINGS | {"search_path": f'"{self._schema}"'},
        )

    async def close(self) -> None:
        """Let go of connections."""
        if self._pool is not None:
            await self._pool.close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            async with self._pool.acquire() as connection:
                yield connection
        except _AWAY as error:
            raise StoreUnavailable(str(error)) from error

    async def _retrying(self, work: Callable[[Any], Any], *also: type[Exception]) -> Any:
        """Run `work(connection)` again where two transactions met in a deadlock (40P01), or on what `also` names."""
        for tries in range(_DEADLOCK_TRIES):
            try:
                async with self._connection() as connection:
                    return await work(connection)
            except (asyncpg.DeadlockDetectedError, *also):
                if tries == _DEADLOCK_TRIES - 1:
                    raise
        raise AssertionError

    # --- world ---

    async def generation(self) -> int:
        """Return the fence's generation."""
        async with self._connection() as connection:
            return int(await connection.fetchval(self._q["generation"]))

    async def world(self) -> dict[str, str]:
        """Return the world's facts as last stored."""
        async with self._connection() as connection:
            world, persons = await connection.fetchrow(self._q["world"])
        links = json.loads(persons or "{}")
        return dict(json.loads(world)) | {PERSON + document: person_id for document, person_id in links.items()}

    async def advance(self, world: Mapping[str, str], generation: int | None = None) -> int:
        """Store facts of the world and grow the generation; StaleWorld where someone else was first."""
        async with self._connection() as connection:
            grown = await connection.fetchval(self._q["advance_fence"], json.dumps(dict(world)), generation)
        if grown is None:
            raise StaleWorld
        return int(grown)

    async def link_persons(self, first: str, second: str) -> bool:
        """Make one person of two documents' persons, under the fence's exclusive lock; False where they are one already."""

        async def work(connection: Any) -> bool:
            async with connection.transaction():
                linked = await link(connection, first, second)
                if linked:
                    await connection.execute(self._q["advance_fence"], "{}", None)
                return linked

        return bool(await self._retrying(work))

    async def fund(self, transfers: Sequence[Transfer]) -> None:
        """Post opening transfers once."""
        async with self._connection() as connection:
            await self._ensure_day(connection, _FUNDING_DAY)
            async with connection.transaction():
                identity = ([1], [_FUNDING_ID], [_FUNDING_ID], [_FUNDING_DAY], [b""])
                if not await connection.fetch(self._q["claim_identities"], *identity):
                    return
                rows = [(_FUNDING_ID, _FUNDING_DAY, *transfer) for transfer in transfers]
                await connection.execute(self._q["insert_transfers"], *zip(*rows, strict=True))
                await self._write_alone(connection, transfers)

    async def _write_alone(self, connection: Any, transfers: Sequence[Transfer], forced: Sequence[Claim] = ()) -> None:
        """Post transfers (and forced claims) that follow no payment's status, in one sorted write of their counters."""
        sums: dict[str, list[int]] = {}
        for transfer in transfers:
            sums.setdefault(transfer.debit_account, [0, 0])[0] += transfer.amount_minor
            sums.setdefault(transfer.credit_account, [0, 0])[1] += transfer.amount_minor
        for claim in forced:
            sums.setdefault(claim.counter, [0, 0])[0] += claim.delta
        if not sums:
            return
        keys = sorted(sums)
        zeros = [0] * len(keys)
        rows = await connection.fetch(
            self._q["force_counters"], keys, zeros, [sums[k][0] for k in keys], zeros, [sums[k][1] for k in keys]
        )
        await note(connection, "alone", {row["key"]: row["version"] for row in rows})

    async def _ensure_day(self, connection: Any, day: date) -> None:
        """Make the day's partitions before its first row; DDL of its own, never in a payment's transaction."""
        if day in self._days:
            return
        await connection.execute(self._q["ensure_day"], day)
        self._days.add(day)

    # --- the two transactions of a payment ---

    async def accept(self, batch: Sequence[Admission], generation: int, judge: Judge) -> list[Outcome]:
        """Store a batch in one transaction; where its COMMIT stays unanswered, read back by own ids."""
        if not batch:
            return []

        async def work(connection: Any) -> list[Outcome]:
            for day in {item.received_on for item in batch}:
                await self._ensure_day(connection, day)
            return await accept_batch(connection, self._q, batch, generation, self._incarnation, judge, self._standings)

        try:
            outcomes: list[Outcome] = await self._retrying(work)
        except StoreUnavailable:
            # The transaction may have committed. Asking again is safe: what stands is a replay, and ours by its instant.
            outcomes = await self._retrying(work)
            return [await self._own(item, outcome) for item, outcome in zip(batch, outcomes, strict=True)]
        return outcomes

    async def _own(self, item: Admission, outcome: Outcome) -> Outcome:
        """Tell a replay from our own committed row whose answer was lost."""
        if outcome.kind != REPLAYED:
            return outcome
        stored = await self.payment(item.payment_id)
        if stored is None or stored.received_at != item.received_at or not outcome.same_content:
            return outcome
        if stored.status == REJECTED:
            return Outcome(REFUSED, item.payment_id, refusal_from(stored.detail))
        return Outcome(ACCEPTED, item.payment_id)

    async def finish(self, steps: Sequence[Step]) -> list[Moved]:
        """Move payments, all in one transaction; each payment stands in it once."""
        if not steps:
            return []
        columns = (
            ",".join([step.payment_id for step in steps]),
            ",".join([str(step.received_on) for step in steps]),
            ",".join([step.event for step in steps]),
            ",".join([str(step.at) for step in steps]),
            ",".join([step.code for step in steps]),
            _UNIT_SEPARATOR.join([step.detail for step in steps]),
        )
        days = sorted({step.received_on for step in steps})

        async def work(connection: Any) -> Any:
            return await connection.fetch(self._q["finish"], *columns, days, *_MOVES)

        # A counter that would go below zero was emptied by a link of which the statement knew nothing yet: the next one does.
        rows = await self._retrying(work, asyncpg.CheckViolationError)
        assert not rows or rows[0]["missing"] == 0, "a claim of a payment is on a counter that is not there"
        return [Moved(str(row["payment_id"]), row["becomes"]) for row in rows]

    async def record_exception(self, record: ExceptionRecord) -> bool:
        """Write an exception record with its suspense posting once."""
        async with self._connection() as connection, connection.transaction():
            claims = claims_text(record.forced)
            row = (record.payment_id, record.received_on, record.kind, record.at, record.detail, claims)
            if await connection.fetchval(self._q["insert_exception"], *row) is None:
                return False
            if record.transfers:
                rows = [(record.payment_id, record.received_on, *transfer) for transfer in record.transfers]
                await connection.execute(self._q["insert_transfers"], *zip(*rows, strict=True))
            forced = await where_sums_are(connection, record.forced)
            await self._write_alone(connection, record.transfers, forced)
            return True

    # --- workers ---

    async def register(self, incarnation: int, lease_seconds: float) -> int:
        """Take or renew a worker's lease, in database time; returns how many other workers hold one."""
        self._incarnation = incarnation
        async with self._connection() as connection:
            lapsed, living = await connection.fetchrow(self._q["register"], incarnation, lease_seconds)
        self._lapsed = list(lapsed)
        return int(living)

    async def take_over(self, incarnation: int, limit: int) -> list[Unfinished]:
        """Take unfinished payments of workers whose lease has lapsed; forget a worker that holds none any more."""
        lapsed = self._lapsed
        if not lapsed:
            return []
        async with self._connection() as connection, connection.transaction():
            await connection.execute(self._q["lock_workers"], lapsed)
            await connection.execute("SET LOCAL enable_seqscan TO on")  # a scan of what is there, only after a loss
            rows = await connection.fetch(
                self._q["take_over"], incarnation, lapsed, limit, OPERATOR_REJECTED, LATE_ACCEPTANCE
            )
            if not rows:
                await connection.execute(self._q["forget_workers"], lapsed)
                self._lapsed = []
                return []
            legs = await connection.fetch(self._q["legs_of"], [row["payment_id"] for row in rows])
        leg_of = {row["payment_id"]: row for row in legs}
        return [
            Unfinished(
                str(row["payment_id"]), row["received_on"], str(row["uetr"]), row["status"], leg_of[row["payment_id"]]["rail"],
                leg_of[row["payment_id"]]["n"], leg_of[row["payment_id"]]["deadline_at"], row["debit_currency"],
                row["settlement_minor"], row["settlement_currency"], row["sealed"],
            )
            for row in rows
        ]  # fmt: skip

    # --- quotes, keys ---

    async def save_quotes(self, quotes: Sequence[Quote]) -> None:
        """Keep firm quotes."""
        rows = [(quote.quote_id, quote.participant, price_json(quote.price), quote.expires_at) for quote in quotes]
        async with self._connection() as connection:
            await connection.execute(self._q["save_quotes"], *zip(*rows, strict=True))

    async def quotes(self, quote_ids: Sequence[str]) -> dict[str, tuple[Quote, str]]:
        """Return quotes by id, each with the payment that used it."""
        async with self._connection() as connection:
            rows = await connection.fetch(self._q["quotes"], list(quote_ids))
        return {row["quote_id"]: (quote_from(row), str(row["used_by"] or "")) for row in rows}

    async def participant_of_key(self, key_hash: bytes) -> str | None:
        """Return whose API key this is."""
        async with self._connection() as connection:
            owner = await connection.fetchval(self._q["key_owner"], key_hash)
            return None if owner is None else str(owner)

    async def save_key(self, participant: str, key_hash: bytes) -> None:
        """Keep the hash of a participant's API key."""
        async with self._connection() as connection:
            await connection.execute(self._q["save_key"], key_hash, participant)

    # --- reads ---

    async def _rows(self, name: str, *arguments: Any) -> list[Any]:
        async with self._connection() as connection:
            return list(await connection.fetch(self._q[name], *arguments))

    async def sums(self, counters: Iterable[str]) -> dict[str, Sums]:
        """Return the sums of counters that exist."""
        return {row["key"]: sums_from(row) for row in await self._rows("sums", list(counters))}

    async def counters(self, prefix: str) -> dict[str, Sums]:
        """Return all counters whose key begins with `prefix`."""
        return {row["key"]: sums_from(row) for row in await self._rows("counters", prefix, prefix + "\uffff")}

    async def payment(self, payment_id: str) -> Stored | None:
        """Return one payment."""
        rows = await self._rows("payment", payment_id)
        return payment_from(rows[0]) if rows else None

    async def payments(self, participant: str | None, before: tuple[datetime, str] | None, limit: int) -> list[Stored]:
        """Return payments, newest first, after the cursor."""
        instant, payment_id = before or _LAST
        return [payment_from(row) for row in await self._rows("payments", participant, instant, payment_id, limit)]

    async def by_identity(self, identity: Identity) -> tuple[str, date, bytes] | None:
        """Return (payment_id, received_on, content hash) of an identity."""
        rows = await self._rows("find_identities", [identity.kind], [identity.key])
        return (str(rows[0]["payment_id"]), rows[0]["received_on"], rows[0]["content_hash"]) if rows else None

    async def legs(self, payment_id: str) -> list[StoredLeg]:
        """Return a payment's legs."""
        return [leg_from(row) for row in await self._rows("legs_of", [payment_id])]

    async def transfers(self, payment_id: str) -> list[StoredTransfer]:
        """Return a payment's transfers."""
        return [transfer_from(row) for row in await self._rows("transfers_of", payment_id)]

    async def sealed(self, payment_id: str) -> bytes | None:
        """Return a payment's sealed instruction."""
        rows = await self._rows("sealed_of", payment_id)
        return bytes(rows[0]["sealed"]) if rows else None

    async def events(self, payment_id: str) -> list[StoredEvent]:
        """Return a payment's events, oldest first."""
        return [event_from(row) for row in await self._rows("events_of", payment_id)]

    async def stream(self, after: str, participant: str | None, limit: int) -> list[StoredEvent]:
        """Return committed events after the cursor, in the stream's order."""
        xid, _, position = (after or "0-0").partition("-")
        return [event_from(row) for row in await self._rows("stream", xid, int(position), participant, limit)]

    async def exceptions(self, payment_id: str | None) -> list[ExceptionRecord]:
        """Return exception records, of one payment or all."""
        records = []
        for row in await self._rows("exceptions", UUID(payment_id) if payment_id else None):
            transfers = await self._rows("transfers_of", row["payment_id"])
            alone = tuple(transfer_from(item).transfer for item in transfers if item["alone"])
            records.append(exception_from(row, alone))
        return records
