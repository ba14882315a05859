"""What /metrics asks of PostgreSQL: two bounded counts."""

from switch.store.postgres.connections import Connection
from switch.store.postgres.queries import queries


async def count_queued(connection: Connection, limit: int) -> int:
    """Count payments that wait for an opening, up to `limit`."""
    return int(await connection.fetchval(queries("measure")["count_queued"], limit))


async def count_unread(connection: Connection, after: str, participant: str | None, limit: int) -> int:
    """Count events after the cursor, of the participant (None = of all), among the next `limit`."""
    xid, _, position = (after or "0-0").partition("-")
    return int(await connection.fetchval(queries("measure")["count_unread"], xid, int(position), participant, limit))
