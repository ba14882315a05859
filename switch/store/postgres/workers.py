"""Leases of workers, in database time, and what is taken over from those whose lease has lapsed."""

from collections.abc import Mapping, Sequence
from typing import Any

from switch.flow.ports import Unfinished

Connection = Any  # asyncpg has no types of its own


async def register(
    connection: Connection, queries: Mapping[str, str], incarnation: int, lease_seconds: float
) -> tuple[list[int], int]:
    """Take or renew a worker's lease; returns which others' have lapsed, and how many others hold one."""
    lapsed, living = await connection.fetchrow(queries["register"], incarnation, lease_seconds)
    return list(lapsed), int(living)


async def take_over(
    connection: Connection, queries: Mapping[str, str], incarnation: int, lapsed: Sequence[int], limit: int
) -> list[Unfinished]:
    """Take what workers whose lease has lapsed hold and their rails have not had their last word on.

    Where that is nothing those workers are forgotten.
    """
    async with connection.transaction():
        await connection.execute(queries["lock_workers"], lapsed)
        await connection.execute("SET LOCAL enable_seqscan TO on")  # a scan of what is there, only after a loss
        rows = await connection.fetch(queries["take_over"], incarnation, lapsed, limit)
        if not rows:
            await connection.execute(queries["forget_workers"], lapsed)
            return []
        legs = await connection.fetch(queries["legs_of"], [row["payment_id"] for row in rows])
    leg_of = {row["payment_id"]: row for row in legs}
    return [_unfinished(row, leg_of[row["payment_id"]]) for row in rows]


def _unfinished(row: Any, leg: Any) -> Unfinished:
    return Unfinished(
        str(row["payment_id"]), row["received_on"], str(row["uetr"]), row["status"], leg["rail"], leg["n"],
        leg["deadline_at"], row["debit_currency"], row["settlement_minor"], row["settlement_currency"], row["sealed"],
    )  # fmt: skip
