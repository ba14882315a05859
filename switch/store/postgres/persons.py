"""Linking persons on PostgreSQL: their counters become one, and what follows from earlier claims finds its way there.

The functions run inside the caller's transaction. SQL is in persons.sql.
"""

from collections.abc import Sequence

from limits.claims import Claim
from switch.store.postgres.connections import Connection
from switch.store.postgres.queries import queries


async def link(connection: Connection, first: str, second: str) -> bool:
    """Make the persons of two documents one, whose usage is that of both; False where they are one already."""
    q = queries("persons")
    await connection.execute(q["hold_fence"])
    persons = dict(await connection.fetch(q["persons_of"], [first, second]))
    one, other = persons.get(first, first), persons.get(second, second)
    if one == other:
        return False
    await connection.execute(q["join_persons"], first, second, one, other)
    await connection.execute(q["hold_counters"], one, other)
    await connection.execute(q["move_counters"], one, other)
    return True


async def where_sums_are(connection: Connection, claims: Sequence[Claim]) -> list[Claim]:
    """Return claims on the counters that bear them now; no link comes between before the transaction ends."""
    q = queries("persons")
    await connection.execute(q["share_fence"])
    becomes = dict(await connection.fetch(q["aliases"], [claim.counter for claim in claims]))
    return [claim._replace(counter=becomes.get(claim.counter, claim.counter)) for claim in claims]
