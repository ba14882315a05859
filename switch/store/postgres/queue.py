"""Payments that wait for an opening, in PostgreSQL: which are due, their release in one transaction, and their putting off."""

from collections.abc import Sequence
from datetime import datetime

from switch.flow.ports import Unfinished
from switch.flow.queue_books import Queued, Release
from switch.payment.queueing import opening_detail
from switch.payment.status import PAYMENT_TABLE, QUEUED, RELEASE
from switch.store.postgres.connections import Connection
from switch.store.postgres.queries import queries
from switch.store.postgres.rows import payment_from, unfinished_from
from switch.store.postgres.workers import check_fence


async def queued(connection: Connection, until: datetime, limit: int) -> list[Queued]:
    """Return what waits for an opening by `until`, the earliest first."""
    rows = await connection.fetch(queries("queue")["queued"], until, limit)
    return [Queued(payment_from(row), row["opens_at"]) for row in rows]


async def next_opening(connection: Connection) -> datetime | None:
    """Return the earliest opening anything waits for."""
    found: datetime | None = await connection.fetchval(queries("queue")["next_opening"])
    return found


async def release(
    connection: Connection, releases: Sequence[Release], generation: int, incarnation: int, at: datetime
) -> list[Unfinished]:
    """Move what is still queued; a worker whose lease is lost, or whose world is stale, moves nothing."""
    async with connection.transaction():
        await check_fence(connection, generation, incarnation)
        rows = await connection.fetch(
            queries("queue")["release"],
            [each.payment_id for each in releases],
            [each.received_on for each in releases],
            [each.deadline_at for each in releases],
            QUEUED,
            PAYMENT_TABLE[QUEUED][RELEASE],
            incarnation,
            at,
        )
    return [unfinished_from(row) for row in rows]


async def put_off(connection: Connection, waiting: Sequence[Queued]) -> None:
    """Have payments wait for another opening."""
    await connection.execute(
        queries("queue")["put_off"],
        [each.stored.payment_id for each in waiting],
        [each.stored.received_on for each in waiting],
        [each.opens_at for each in waiting],
        [opening_detail(each.opens_at) for each in waiting],
    )
