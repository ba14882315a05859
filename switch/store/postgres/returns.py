"""Recalls and returns on PostgreSQL: each one short transaction, under its payment's lock.

A return is booked whole or not at all: record, transfers, the accounts' counters, the share of the law's claims, the recall it
answers, events. Its order is that of every adjusting transaction: payment, then the fence, then counters along their key.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fx.money import Money
from limits.counters import admit
from rails.port import RailReturn, RecallAnswer
from switch.flow.ports import RECALL, RETURN
from switch.flow.record_events import recall_detail, return_detail
from switch.flow.return_books import (
    Draft,
    Opened,
    StoredRecall,
    StoredReturn,
    answered_state,
    booked,
    code_of,
    next_ask,
    released,
)
from switch.payment.postings import account_claims
from switch.payment.recalling import OPEN, RECALL_REJECTED, RETURNED, UNDER_WAY, Judge, RecallRefused, Standing
from switch.payment.returning import SUSPENDED, UNKNOWN, UNMATCHED, Booking, Make, share_left
from switch.store.postgres.adjust import give_back, reservation_of
from switch.store.postgres.alone import post
from switch.store.postgres.connections import Connection, Connections
from switch.store.postgres.counters import read_sums
from switch.store.postgres.persons import where_sums_are
from switch.store.postgres.queries import queries
from switch.store.postgres.records import note_record_event
from switch.store.postgres.rows import claims_from

_LAST = (datetime(9999, 1, 1, tzinfo=UTC), "ffffffff-ffff-ffff-ffff-ffffffffffff")


class PostgresReturns:
    """The part of the store that recalls and returns are in, over its connections."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    # --- recalls ---

    async def open_recall(
        self, payment_id: str, recall_id: str, content_hash: bytes, judge: Judge, draft: Draft
    ) -> Opened:
        """Judge a recall under its payment's lock and store it; the same recall_id again is a replay."""

        async def work(connection: Connection) -> Opened:
            async with connection.transaction():
                held = await connection.fetchrow(queries("returns")["hold_standing"], payment_id)
                replayed = await self._opened(connection, recall_id, content_hash)
                if replayed is not None:
                    return replayed
                back = await connection.fetchrow(queries("returns")["come_back"], payment_id, None)
                under_way = await connection.fetchval(queries("returns")["under_way"], payment_id)
                settlement = Money(held["settlement_minor"], held["settlement_currency"])
                standing = Standing(
                    held["status"], held["settled_at"], settlement, back["counted"], str(under_way or "")
                )
                verdict = judge(standing)
                if isinstance(verdict, RecallRefused):
                    return Opened(None, verdict)
                recall = draft(verdict)
                if await connection.fetchval(queries("returns")["insert_recall"], *recall) is None:
                    # The same key for another payment, at the same time: no lock of ours keeps that one out.
                    replayed = await self._opened(connection, recall_id, content_hash)
                    assert replayed is not None
                    return replayed
                await self._say(connection, recall, recall.requested_at)
                return Opened(recall)

        return await self._connections.retrying(work)

    async def _opened(self, connection: Connection, recall_id: str, content_hash: bytes) -> Opened | None:
        """Return what was opened under this id before."""
        row = await connection.fetchrow(queries("returns")["recall"], recall_id)
        if row is None:
            return None
        recall = _recall_from(row)
        return Opened(recall, None, True, recall.content_hash == content_hash)

    async def due_recalls(self, now: datetime, limit: int) -> list[StoredRecall]:
        """Take recalls whose rails are to be asked by `now`; each is due again after its back-off."""
        async with self._connections.one() as connection, connection.transaction():
            due = [_recall_from(row) for row in await connection.fetch(queries("returns")["due_recalls"], now, limit)]
            if due:
                ids = [recall.recall_id for recall in due]
                later = [next_ask(now, recall.tries) for recall in due]
                await connection.execute(queries("returns")["ask_later"], ids, later)
            return due

    async def next_recall_at(self) -> datetime | None:
        """Return when the next recall is to be asked about."""
        async with self._connections.one() as connection:
            found: datetime | None = await connection.fetchval(queries("returns")["next_recall"])
        return found

    async def answer_recall(self, answer: RecallAnswer) -> bool:
        """Keep a rail's answer, once."""
        async with self._connections.one() as connection, connection.transaction():
            row = await connection.fetchrow(queries("returns")["hold_recall"], answer.recall_id)
            recall = _recall_from(row)
            state = answered_state(recall.state, answer)
            if state == recall.state:
                return False
            code = code_of(answer) if state == RECALL_REJECTED else ""
            await self._move(connection, recall, state, code, None if state in OPEN else answer.at, answer.at)
            return True

    async def _move(
        self,
        connection: Connection,
        recall: StoredRecall,
        state: str,
        code: str,
        answered_at: datetime | None,
        at: datetime,
    ) -> None:
        await connection.execute(
            queries("returns")["move_recall"], recall.recall_id, recall.state, state, code, answered_at
        )
        await self._say(connection, recall._replace(state=state, code=code), at)

    async def _say(self, connection: Connection, recall: StoredRecall, at: datetime) -> None:
        code = recall.code or recall.reason_code
        await note_record_event(connection, recall.payment_id, RECALL, at, code, recall_detail(recall))

    # --- returns ---

    async def book_return(
        self, given: RailReturn, payment_id: str, at: datetime, make: Make
    ) -> tuple[StoredReturn, bool]:
        """Book what a rail gives back in one transaction; known by its return_id it stands as it is."""

        async def work(connection: Connection) -> tuple[StoredReturn, bool]:
            async with connection.transaction():
                known = await self._known(connection, given.return_id)  # mostly a repetition: without a lock
                if known is not None:
                    await self._answered(connection, known._replace(recall_id=given.recall_id), at)
                    return known, False
                if not payment_id:
                    unmatched = Booking(UNMATCHED, UNKNOWN)
                    stored = booked(given, "", "", 1, 0, unmatched, at)
                    fresh = await self._insert(connection, stored, None, 0)
                    return (stored if fresh else await self._stored(connection, given.return_id)), fresh
                held = await connection.fetchrow(queries("returns")["hold_standing"], payment_id)
                known = await self._known(connection, given.return_id)
                if known is not None:
                    await self._answered(connection, known._replace(recall_id=given.recall_id), at)
                    return known, False
                back = await connection.fetchrow(queries("returns")["come_back"], payment_id, None)
                booking = await self._take(
                    connection, payment_id, held, given.return_id, make(back["counted"], back["n"]), at
                )
                assert booking is not None, "the last way to book a return always fits"
                stored = booked(given, payment_id, held["participant"], back["n"], back["counted"], booking, at)
                await self._insert(connection, stored, held["received_on"], held["settlement_minor"])
                await self._answered(connection, stored, at)
                detail = return_detail(stored)
                await note_record_event(connection, payment_id, RETURN, at, stored.reason_code, detail)
                return stored, True

        return await self._connections.retrying(work)

    async def release_return(self, return_id: str, at: datetime, make: Make) -> StoredReturn | None:
        """Book a held return anew; None where no way is covered."""

        async def work(connection: Connection) -> StoredReturn | None:
            async with connection.transaction():
                stored = await self._stored(connection, return_id)
                if stored.state != SUSPENDED:
                    return stored
                held = await connection.fetchrow(queries("returns")["hold_standing"], stored.payment_id)
                stored = await self._stored(connection, return_id)
                if stored.state != SUSPENDED:
                    return stored
                back = await connection.fetchrow(queries("returns")["come_back"], stored.payment_id, return_id)
                ways = make(back["counted"], stored.n)
                booking = await self._take(connection, stored.payment_id, held, return_id, ways, at)
                if booking is None:
                    return None
                after = released(stored, booking, at)._replace(before_minor=back["counted"])
                await connection.execute(
                    queries("returns")["release_return"], return_id, after.state, after.before_minor, after.counted_minor,
                    after.credited_minor, after.credited_currency, after.sold_minor, after.bought_minor, after.market,
                    after.provider, after.rate, after.bears, after.mode, *after.share, at,
                )  # fmt: skip
                await note_record_event(
                    connection, stored.payment_id, RETURN, at, after.reason_code, return_detail(after)
                )
                return after

        return await self._connections.retrying(work)

    async def _answered(self, connection: Connection, stored: StoredReturn, at: datetime) -> None:
        """Let the recall that a return answers have its end."""
        if not stored.recall_id:
            return
        row = await connection.fetchrow(queries("returns")["hold_recall"], stored.recall_id)
        if row is not None and row["state"] in UNDER_WAY and str(row["payment_id"]) == stored.payment_id:
            recall = _recall_from(row)
            await self._move(connection, recall, RETURNED, "", recall.answered_at or stored.at, at)

    async def _take(
        self, connection: Connection, payment_id: str, held: Any, return_id: str, ways: Sequence[Booking], at: datetime
    ) -> Booking | None:
        """Post the first way that its accounts cover, and give back its share of the claims."""
        accounts = {
            account for way in ways for each in way.transfers for account in (each.debit_account, each.credit_account)
        }
        claims = tuple(await where_sums_are(connection, claims_from(held["claims"])))
        keys = sorted(accounts | {claim.counter for claim in claims if claim.gives_back})
        if keys:
            await connection.execute(queries("counters")["hold"], keys)
        sums = await read_sums(connection, keys)
        for way in ways:
            if admit(tuple(account_claims(way.transfers)), sums)[0] is not None:
                continue
            await post(connection, payment_id, held["received_on"], way.transfers)
            if not way.share[0]:
                return way
            before = await reservation_of(connection, payment_id, held["status"], claims)
            share = share_left(way.share, before.given.as_integer_ratio())
            await give_back(connection, payment_id, before, f"return:{return_id}", share, at)
            return way._replace(share=share)
        return None

    async def _known(self, connection: Connection, return_id: str) -> StoredReturn | None:
        row = await connection.fetchrow(queries("returns")["return"], return_id)
        return None if row is None else _return_from(row)

    async def _stored(self, connection: Connection, return_id: str) -> StoredReturn:
        found = await self._known(connection, return_id)
        assert found is not None, f"there is no return {return_id}"
        return found

    async def _insert(
        self, connection: Connection, stored: StoredReturn, received_on: Any, original_minor: int
    ) -> bool:
        s = stored
        done = await connection.fetchval(
            queries("returns")["insert_return"], s.return_id, s.payment_id or None, received_on, s.participant, s.n, s.recall_id, s.rail,
            s.uetr, s.leg, s.amount_minor, s.currency, s.charge_minor, s.reason_code, s.at, s.booked_at, s.state, s.why,
            original_minor, s.before_minor, s.counted_minor, s.moved, s.credited_minor, s.credited_currency, s.sold_minor,
            s.bought_minor, s.market, s.provider, s.rate, s.bears, s.mode, *s.share,
        )  # fmt: skip
        return done is not None

    # --- reads ---

    async def _rows(self, name: str, *arguments: Any) -> list[Any]:
        async with self._connections.one() as connection:
            return list(await connection.fetch(queries("returns")[name], *arguments))

    async def recalls(self, payment_id: str) -> list[StoredRecall]:
        """Return a payment's recalls, oldest first."""
        return [_recall_from(row) for row in await self._rows("recalls", payment_id)]

    async def recall_of(self, recall_id: str) -> StoredRecall | None:
        """Return one recall."""
        rows = await self._rows("recall", recall_id)
        return _recall_from(rows[0]) if rows else None

    async def returns(self, payment_id: str) -> list[StoredReturn]:
        """Return a payment's returns in the order of their number."""
        return [_return_from(row) for row in await self._rows("returns", payment_id)]

    async def return_of(self, return_id: str) -> StoredReturn | None:
        """Return one return."""
        rows = await self._rows("return", return_id)
        return _return_from(rows[0]) if rows else None

    async def returns_in(self, state: str, before: tuple[datetime, str] | None, limit: int) -> list[StoredReturn]:
        """Return returns that stand in a state, newest first, after the cursor."""
        instant, return_id = before or _LAST
        return [_return_from(row) for row in await self._rows("returns_in", state, instant, UUID(return_id), limit)]


def _recall_from(row: Any) -> StoredRecall:
    return StoredRecall(
        str(row["recall_id"]), str(row["payment_id"]), row["received_on"], row["participant"], row["rail"], str(row["uetr"]),
        row["leg"], row["reason_code"], row["amount_minor"], row["currency"], row["reversal"], row["content_hash"],
        row["sealed"], row["state"], row["code"], row["requested_at"], row["answered_at"], row["ask_at"], row["tries"],
    )  # fmt: skip


def _return_from(row: Any) -> StoredReturn:
    return StoredReturn(
        str(row["return_id"]), str(row["payment_id"] or ""), row["participant"], row["n"], row["recall_id"], row["rail"],
        str(row["uetr"]), row["leg"], row["amount_minor"], row["currency"], row["charge_minor"], row["reason_code"], row["at"],
        row["booked_at"], row["state"], row["why"], row["before_minor"], row["counted_minor"], row["moved"],
        row["credited_minor"], row["credited_currency"], row["sold_minor"], row["bought_minor"], row["market"], row["provider"],
        row["rate"], row["bears"], row["mode"], (row["share"], row["share_of"]), row["released_at"],
    )  # fmt: skip
