"""Compares what a generator was told it had accepted with the books: a payment that was promised and left no row is found.

The audit's checks look at the rows there are; none of them can miss a payment of which all rows are gone. It reads and judges no status:
what became of an accepted payment is for the checks.
"""

from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from loadtest.audit.audit import DETAILS_MAX, Violation
from loadtest.audit.queries import read_queries

CHECK = "accepted-is-in-the-books"
_ID_BYTES = 16


class Accepted(NamedTuple):
    """Payments accepted as the generator has it, each counted once; the books' others: refused, or accepted and not known to it."""

    told: int
    in_books: int
    missing: int
    refused: int  # at the door, and kept
    others: int  # of an earlier run, of somebody else, or their answer never arrived


def ids_in(kept: bytes) -> list[UUID]:
    """Read what a generator has kept, 16 bytes each; raises ValueError where the last is cut."""
    if len(kept) % _ID_BYTES:
        raise ValueError(f"{len(kept)} bytes are no ids of {_ID_BYTES} bytes each")
    return [UUID(bytes=kept[n : n + _ID_BYTES]) for n in range(0, len(kept), _ID_BYTES)]


async def compare(database_url: str, sandbox: str, ids: list[UUID]) -> tuple[Accepted, list[Violation]]:
    """Look up payment_ids (or UETRs) in a sandbox there is. Raises OSError, asyncpg.PostgresError."""
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        return await compare_on(connection, sandbox, ids)
    finally:
        await connection.close()


async def compare_on(connection: Any, sandbox: str, ids: list[UUID]) -> tuple[Accepted, list[Violation]]:
    """Do the same over a connection, as it sees the books."""
    others = read_queries("others")
    await connection.execute(others["look_in"].text, sandbox, False)
    found = await connection.fetchrow(others["accepted"].text, ids)
    missing = found["missing"]
    said = [Violation(CHECK, f"payment {id} was answered as accepted and is not in the books") for id in missing]
    if len(said) > DETAILS_MAX:
        said[DETAILS_MAX:] = [Violation(CHECK, f"and {len(said) - DETAILS_MAX} more")]
    told = found["told"]
    return Accepted(told, told - len(missing), len(missing), found["refused"], found["others"]), said
