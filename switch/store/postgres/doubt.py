"""Doubt on PostgreSQL: inquiries, proposals, and what a worker ends unsent; each call is one short transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from switch.flow.doubt_books import ABOUT_PAYMENT, CONFIRMED, INQUIRIES_KEPT, Inquiry, Proposal
from switch.flow.ports import EXCEPTION, Moved, Step
from switch.flow.record_events import resolved_detail
from switch.store.postgres.connections import Connection, Connections
from switch.store.postgres.finish import finish_batch
from switch.store.postgres.queries import queries
from switch.store.postgres.records import note_record_event


class PostgresDoubt:
    """The part of the store that doubt is in, over its connections."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def abandon(self, steps: Sequence[Step], incarnation: int) -> list[Moved]:
        """Move accepted payments that a worker still holds, all in one transaction."""
        if not steps:
            return []

        async def work(connection: Connection) -> list[Moved]:
            async with connection.transaction():
                ids, days = [step.payment_id for step in steps], sorted({step.received_on for step in steps})
                rows = await connection.fetch(queries("records")["hold_own"], ids, days, incarnation)
                own = {str(row["payment_id"]) for row in rows}
                held = [step for step in steps if step.payment_id in own]
                return await finish_batch(connection, held) if held else []

        return await self._connections.retrying(work)

    async def tell(
        self, payment_id: str, record: str, at: datetime, code: str, detail: str, participant: str | None
    ) -> None:
        """Write one event of a record."""
        async with self._connections.one() as connection:
            await note_record_event(connection, payment_id, record, at, code, detail, participant)

    async def ended(self, payment_ids: Sequence[str]) -> set[str]:
        """Return which of these payments operators have ended while their rails' last word is out."""
        async with self._connections.one() as connection:
            return {str(row["payment_id"]) for row in await connection.fetch(queries("records")["ended"], payment_ids)}

    async def note_inquiries(self, inquiries: Sequence[Inquiry]) -> None:
        """Keep inquiries, one a leg, each as the leg's next; past INQUIRIES_KEPT the last row counts on."""
        rows = [
            (each.payment_id, each.received_on, each.leg, each.rail, each.asked_at, each.answer, each.code)
            for each in sorted(inquiries)  # two workers lock in one order
        ]
        async with self._connections.one() as connection:
            await connection.execute(queries("records")["note_inquiries"], *zip(*rows, strict=True), INQUIRIES_KEPT)

    async def inquiries(self, payment_id: str) -> list[Inquiry]:
        """Return a payment's inquiries, oldest first."""
        async with self._connections.one() as connection:
            rows = await connection.fetch(queries("records")["inquiries"], payment_id)
        return [Inquiry(str(row["payment_id"]), *tuple(row)[1:]) for row in rows]

    async def propose(self, proposal: Proposal) -> bool:
        """Keep a proposal; False where its place is taken, or one on the same subject is open."""
        async with self._connections.one() as connection:
            return await connection.fetchval(queries("records")["propose"], *proposal) is not None

    async def decide_proposal(self, proposal: Proposal, outcome: str, by: str, at: datetime) -> bool:
        """Confirm an open proposal, or have it lapse; False where it is open no more."""
        async with self._connections.one() as connection, connection.transaction():
            place = (proposal.payment_id, proposal.subject, proposal.n)
            if await connection.fetchval(queries("records")["decide_proposal"], *place, outcome, by, at) is None:
                return False
            if outcome == CONFIRMED and proposal.subject != ABOUT_PAYMENT:
                await note_record_event(connection, proposal.payment_id, EXCEPTION, at, "", resolved_detail(proposal))
            return True

    async def proposals(self, payment_id: str | None) -> list[Proposal]:
        """Return proposals, oldest first, of one payment or all."""
        async with self._connections.one() as connection:
            rows = await connection.fetch(queries("records")["proposals"], UUID(payment_id) if payment_id else None)
        return [Proposal(str(row["payment_id"]), *tuple(row)[1:]) for row in rows]
