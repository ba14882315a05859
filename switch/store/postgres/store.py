"""The PostgreSQL store: one schema is one sandbox; every call is one short transaction.

The accepting transaction is in .accept, the finishing one in .finish, what is posted beside a payment in .alone, leases
in .workers; reads stand here. SQL is in .sql files, connections and the mapping of their errors in .connections.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from fx.quotes import Quote
from limits.claims import Sums
from switch.flow.directory_books import DirectoryRow
from switch.flow.figures import Figures, Period
from switch.flow.measure_books import Usage
from switch.flow.order_books import Markets, OrderAsk, OrderOutcome, StoredOrder
from switch.flow.ports import (
    PERSON,
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
    Unfinished,
)
from switch.flow.queue_books import Queued, Release
from switch.payment.plan import Transfer
from switch.store.postgres import alone, directory, measure, orders, queue, workers
from switch.store.postgres.accept import accept_batch
from switch.store.postgres.adjust import adjust_payment
from switch.store.postgres.connections import Connections
from switch.store.postgres.doubt import PostgresDoubt
from switch.store.postgres.finish import finish_batch
from switch.store.postgres.persons import link
from switch.store.postgres.queries import queries
from switch.store.postgres.report import read_figures
from switch.store.postgres.returns import PostgresReturns
from switch.store.postgres.rows import (
    event_from,
    exception_from,
    leg_from,
    payment_from,
    price_json,
    quote_from,
    sums_from,
    transfer_from,
)

_LAST = (datetime(9999, 1, 1, tzinfo=UTC), "ffffffff-ffff-ffff-ffff-ffffffffffff")


class PostgresStore:
    """Durable books of the sandbox that lives in `schema`, over `pool_size` connections."""

    def __init__(self, url: str, schema: str = "main", pool_size: int = 8) -> None:
        self.schema = schema
        self._connections = connections = Connections(url, schema, pool_size)
        self.open, self.close = connections.open, connections.close
        back = PostgresReturns(connections)
        self.open_recall, self.due_recalls, self.answer_recall = back.open_recall, back.due_recalls, back.answer_recall
        self.next_recall_at, self.recalls, self.recall_of = back.next_recall_at, back.recalls, back.recall_of
        self.book_return, self.release_return = back.book_return, back.release_return
        self.returns, self.return_of, self.returns_in = back.returns, back.return_of, back.returns_in
        doubt = PostgresDoubt(connections)
        self.abandon, self.tell = doubt.abandon, doubt.tell
        self.ended = doubt.ended
        self.note_inquiries, self.inquiries = doubt.note_inquiries, doubt.inquiries
        self.propose, self.decide_proposal, self.proposals = doubt.propose, doubt.decide_proposal, doubt.proposals
        self._incarnation = 0  # of the worker that registered here: it marks the rows it accepts
        self._lapsed: list[int] = []  # incarnations whose lease had lapsed when it registered
        self._days: set[date] = set()  # whose partitions are there
        self._standings: set[str] = set()  # that are stored
        self._paths: Counter[str] = Counter()  # batches accepted, by path through the counters

    # --- world ---

    async def generation(self) -> int:
        """Return the fence's generation."""
        async with self._connections.one() as connection:
            return int(await connection.fetchval(queries("payments")["generation"]))

    async def world(self) -> dict[str, str]:
        """Return the world's facts as last stored."""
        async with self._connections.one() as connection:
            world, persons = await connection.fetchrow(queries("payments")["world"])
        links = json.loads(persons or "{}")
        return dict(json.loads(world)) | {PERSON + document: person_id for document, person_id in links.items()}

    async def advance(self, world: Mapping[str, str], generation: int | None = None) -> int:
        """Store facts of the world and grow the generation; StaleWorld where someone else was first."""
        async with self._connections.one() as connection:
            grown = await connection.fetchval(queries("payments")["advance_fence"], json.dumps(dict(world)), generation)
        if grown is None:
            raise StaleWorld
        return int(grown)

    async def link_persons(self, first: str, second: str) -> bool:
        """Make one person of two documents' persons, under the fence's exclusive lock; False where they are one already."""

        async def work(connection: Any) -> bool:
            async with connection.transaction():
                linked = await link(connection, first, second)
                if linked:
                    await connection.execute(queries("payments")["advance_fence"], "{}", None)
                return linked

        return await self._connections.retrying(work)

    async def save_directory(self, rows: Sequence[DirectoryRow], generation: int) -> int:
        """Write records of the directory and grow the generation; StaleWorld where someone else was first."""
        async with self._connections.one() as connection:
            return await directory.save(connection, rows, generation)

    async def directory(self, after: int, limit: int) -> list[DirectoryRow]:
        """Return records of the directory of later revisions than `after`."""
        async with self._connections.one() as connection:
            return await directory.later(connection, after, limit)

    async def fund(self, transfers: Sequence[Transfer]) -> None:
        """Post opening transfers once."""
        async with self._connections.one() as connection:
            await self._ensure_day(connection, alone.FUNDING_DAY)
            await alone.fund(connection, transfers)

    async def _ensure_day(self, connection: Any, day: date) -> None:
        """Make the day's partitions before its first row; DDL of its own, never in a payment's transaction."""
        if day in self._days:
            return
        await connection.execute(queries("payments")["ensure_day"], day)
        self._days.add(day)

    # --- the two transactions of a payment ---

    async def accept(self, batch: Sequence[Admission], generation: int, judge: Judge) -> list[Outcome]:
        """Store a batch in one transaction. Where its COMMIT stays unanswered, asking again tells: what stands is a replay."""
        if not batch:
            return []

        async def work(connection: Any) -> list[Outcome]:
            for day in {item.received_on for item in batch}:
                await self._ensure_day(connection, day)
            return await accept_batch(
                connection, batch, generation, self._incarnation, judge, self._standings, self._paths
            )

        return await self._connections.retrying(work)

    async def finish(self, steps: Sequence[Step]) -> list[Moved]:
        """Move payments, those of a day in one transaction; each payment stands in `steps` once."""
        if not steps:
            return []

        async def work(connection: Any) -> list[Moved]:
            for day in {step.received_on for step in steps}:
                await self._ensure_day(connection, day)
            return await finish_batch(connection, steps)

        # A counter that would go below zero was emptied by a link of which the statement knew nothing yet: the next one does.
        return await self._connections.retrying(work, asyncpg.CheckViolationError)

    async def hear_out(self, step: Step, record: ExceptionRecord | None) -> bool:
        """Await a rail no more after its last word; write an exception record with its suspense posting once."""
        async with self._connections.one() as connection:
            return await alone.hear_out(connection, step, record)

    async def adjust(self, payment_id: str, step: str, share: tuple[int, int], at: datetime) -> bool:
        """Give back a share of a posted payment's claims; False where this step has counted before."""

        async def work(connection: Any) -> bool:
            return await adjust_payment(connection, payment_id, step, share, at)

        return await self._connections.retrying(work)

    # --- orders ---

    async def take_orders(self, asks: Sequence[OrderAsk], markets: Markets, generation: int) -> list[OrderOutcome]:
        """Judge a batch of events in one transaction. Where its COMMIT stays unanswered, asking again tells: what stands is a replay."""
        if not asks:
            return []

        async def work(connection: Any) -> list[OrderOutcome]:
            for day in {ask.day for ask in asks}:
                await self._ensure_day(connection, day)
            return await orders.take_orders(connection, asks, markets, generation, self._incarnation)

        # Where two workers are asked the same of an order without a quota, the second finds it known.
        return await self._connections.retrying(work, asyncpg.UniqueViolationError)

    async def order(self, order_id: str, day: date) -> StoredOrder | None:
        """Return an order, None where there is none."""
        async with self._connections.one() as connection:
            return await orders.order(connection, order_id, day)

    # --- workers ---

    async def register(self, incarnation: int, lease_seconds: float) -> int:
        """Take or renew a worker's lease, in database time; returns how many other workers hold one."""
        self._incarnation = incarnation
        async with self._connections.one() as connection:
            self._lapsed, living = await workers.register(connection, incarnation, lease_seconds)
        return living

    async def take_over(self, incarnation: int, limit: int) -> list[Unfinished]:
        """Take payments that await their rail's last word from workers whose lease had lapsed; forget who holds none."""
        if not self._lapsed:
            return []
        async with self._connections.one() as connection:
            taken = await workers.take_over(connection, incarnation, self._lapsed, limit)
        if not taken:
            self._lapsed = []
        return taken

    # --- those that wait for an opening ---

    async def queued(self, until: datetime, limit: int) -> list[Queued]:
        """Return payments that wait for an opening by `until`, the earliest first."""
        async with self._connections.one() as connection:
            return await queue.queued(connection, until, limit)

    async def next_opening(self) -> datetime | None:
        """Return the earliest opening a payment waits for."""
        async with self._connections.one() as connection:
            return await queue.next_opening(connection)

    async def release(self, releases: Sequence[Release], generation: int, at: datetime) -> list[Unfinished]:
        """Move waiting payments to accepted under the worker registered here, in one transaction."""

        async def work(connection: Any) -> list[Unfinished]:
            return await queue.release(connection, releases, generation, self._incarnation, at)

        return await self._connections.retrying(work)

    async def put_off(self, waiting: Sequence[Queued]) -> None:
        """Have payments that still wait do so until another opening."""
        async with self._connections.one() as connection:
            await queue.put_off(connection, waiting)

    # --- what is measured ---

    def usage(self) -> Usage:
        """Return what the store has counted; asks nobody."""
        size, idle, waiters = self._connections.usage()
        return Usage(self._paths, {"open": size, "idle": idle}, waiters)

    async def count_queued(self, limit: int) -> int:
        """Count payments that wait for an opening, up to `limit`."""
        async with self._connections.one() as connection:
            return await measure.count_queued(connection, limit)

    async def count_unread(self, after: str, participant: str | None, limit: int) -> int:
        """Count events after the cursor that `stream` would give, among the next `limit` of all participants."""
        async with self._connections.one() as connection:
            return await measure.count_unread(connection, after, participant, limit)

    # --- quotes, keys ---

    async def save_quotes(self, quotes: Sequence[Quote]) -> None:
        """Keep firm quotes."""
        rows = [(quote.quote_id, quote.participant, price_json(quote.price), quote.expires_at) for quote in quotes]
        async with self._connections.one() as connection:
            await connection.execute(queries("payments")["save_quotes"], *zip(*rows, strict=True))

    async def quotes(self, quote_ids: Sequence[str]) -> dict[str, tuple[Quote, str]]:
        """Return quotes by id, each with the payment that used it."""
        async with self._connections.one() as connection:
            rows = await connection.fetch(queries("payments")["quotes"], list(quote_ids))
        return {row["quote_id"]: (quote_from(row), str(row["used_by"] or "")) for row in rows}

    async def participant_of_key(self, key_hash: bytes) -> str | None:
        """Return whose API key this is."""
        async with self._connections.one() as connection:
            owner = await connection.fetchval(queries("payments")["key_owner"], key_hash)
            return None if owner is None else str(owner)

    async def save_key(self, participant: str, key_hash: bytes) -> None:
        """Keep the hash of a participant's API key."""
        async with self._connections.one() as connection:
            await connection.execute(queries("payments")["save_key"], key_hash, participant)

    # --- reads ---

    async def _rows(self, name: str, *arguments: Any) -> list[Any]:
        async with self._connections.one() as connection:
            return list(await connection.fetch(queries("payments")[name], *arguments))

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
        return [leg_from(row) for row in await self._rows("legs_of", payment_id)]

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
        asked = UUID(payment_id) if payment_id else None
        rows = await self._rows(
            "exceptions", asked
        )  # first: a record that comes between is left out with its transfers
        transfers = defaultdict(list)
        for row in await self._rows("exception_transfers", asked) if rows else ():
            transfers[row["payment_id"], row["kind"]].append(transfer_from(row).transfer)
        return [exception_from(row, tuple(transfers[row["payment_id"], row["kind"]])) for row in rows]

    async def figures(self, period: Period) -> Figures:
        """Return what settled in a period, added up by what is alike; of one snapshot."""
        async with self._connections.one() as connection:
            return await read_figures(connection, period)
