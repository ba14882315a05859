"""Leases of workers, in database time, and what is taken over from those whose lease has lapsed."""

from collections.abc import Sequence

from switch.flow.ports import StaleWorld, StoreUnavailable, Unfinished
from switch.store.postgres.connections import SCAN_SECONDS_MAX, Connection
from switch.store.postgres.queries import queries
from switch.store.postgres.rows import unfinished_from

LEASE_LOST = "this worker's lease was taken for lost; it must be registered anew"


async def check_fence(connection: Connection, generation: int, incarnation: int) -> None:
    """Hold the fence and the worker's lease until the transaction ends; StoreUnavailable where the lease is lost, StaleWorld."""
    found = await connection.fetchval(queries("payments")["share_fence"], incarnation)
    if found is None:
        raise StoreUnavailable(LEASE_LOST)
    if found != generation:
        raise StaleWorld


async def register(connection: Connection, incarnation: int, lease_seconds: float) -> tuple[list[int], int]:
    """Take or renew a worker's lease; returns which others' have lapsed, and how many others hold one."""
    lapsed, living = await connection.fetchrow(queries("payments")["register"], incarnation, lease_seconds)
    return list(lapsed), int(living)


async def take_over(connection: Connection, incarnation: int, lapsed: Sequence[int], limit: int) -> list[Unfinished]:
    """Take what workers whose lease has lapsed hold and their rails have not had their last word on.

    Where that is nothing those workers are forgotten.
    """
    async with connection.transaction():
        await connection.execute(queries("payments")["lock_workers"], lapsed)
        await connection.execute("SET LOCAL enable_seqscan TO on")  # a scan of what is there, only after a loss
        rows = await connection.fetch(
            queries("payments")["take_over"], incarnation, lapsed, limit, timeout=SCAN_SECONDS_MAX
        )
        if not rows:
            await connection.execute(queries("payments")["forget_workers"], lapsed, timeout=SCAN_SECONDS_MAX)
            return []
    return [unfinished_from(row) for row in rows]
