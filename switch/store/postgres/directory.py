"""The directory's records on PostgreSQL: written under the fence, read by who knows an earlier revision. SQL is in directory.sql."""

from collections.abc import Sequence

from switch.flow.directory_books import DirectoryRow
from switch.flow.ports import StaleWorld
from switch.store.postgres.connections import Connection
from switch.store.postgres.queries import queries


async def save(connection: Connection, rows: Sequence[DirectoryRow], generation: int) -> int:
    """Write records and grow the fence's generation; raises StaleWorld where `generation` is not the fence's."""
    keys, sealed = [row.key for row in rows], [row.sealed for row in rows]
    grown = await connection.fetchval(queries("directory")["save"], generation, keys, sealed)
    if grown is None:
        raise StaleWorld
    return int(grown)


async def later(connection: Connection, after: int, limit: int) -> list[DirectoryRow]:
    """Return records of later revisions than `after`, in their order."""
    rows = await connection.fetch(queries("directory")["later"], after, limit)
    found = [DirectoryRow(row["key"], bytes(row["sealed"]), row["revision"]) for row in rows]
    return sorted(found, key=lambda row: (row.revision, row.key))
