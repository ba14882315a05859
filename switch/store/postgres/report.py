"""The figures of a report, read in one snapshot beside whatever the switch is writing. Changes nothing, makes nothing."""

from typing import Any

import asyncpg

from switch.flow.exceptions import LATE_ACCEPTANCE
from switch.flow.figures import Figures, Group, Period
from switch.store.postgres.connections import SCAN_SECONDS_MAX
from switch.store.postgres.queries import queries


class Unreadable(Exception):
    """The books cannot be read: no such database or sandbox, or it does not answer; says which."""


# A wrong address, a database or user that is not there, a server that goes away.
_FAULTS = (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


async def read_figures(connection: Any, period: Period) -> Figures:
    """Read what settled in a period, added up by what is alike."""
    q = queries("report")
    currencies, amounts = list(period.small), list(period.small.values())
    long = SCAN_SECONDS_MAX
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(q["freely"])
        rows = await connection.fetch(
            q["settled"], period.begin, period.end, period.until, period.participant, currencies, amounts, timeout=long
        )
        back = await connection.fetch(
            q["returned"], period.begin, period.end, period.participant, currencies, amounts, timeout=long
        )
        held = await connection.fetchval(q["held"], period.begin, period.end, period.participant, timeout=long)
        unsettled = await connection.fetch(q["unsettled"], period.since, period.until, period.participant, timeout=long)
        late = await connection.fetchval(
            q["late"], period.begin, period.end, period.participant, LATE_ACCEPTANCE, timeout=long
        )
    groups = sorted(_group(row) for row in rows)
    of_returns = sorted(_group(row) for row in back)
    by_status = {row["status"]: row["count"] for row in unsettled}
    return Figures(tuple(groups), by_status, int(late), tuple(of_returns), int(held))


async def figures_at(database_url: str, sandbox: str, period: Period) -> Figures:
    """Read the figures of a sandbox, running or stopped, over a connection of its own; raises Unreadable."""
    schema = sandbox.replace('"', '""')
    settings = {"application_name": "bayswitch report", "jit": "off", "search_path": f'"{schema}"'}
    try:
        connection = await asyncpg.connect(database_url, server_settings=settings)
        try:
            if not await connection.fetchval(queries("report")["sandbox"]):
                raise Unreadable(f"this PostgreSQL holds no sandbox {sandbox!r}")
            return await read_figures(connection, period)
        finally:
            await connection.close()
    except _FAULTS as error:
        raise Unreadable(str(error) or type(error).__name__) from error


def _group(row: Any) -> Group:
    return Group(
        row["day"], row["standing"], row["origin"], row["destination"], row["debit_currency"], row["settlement_currency"],
        row["market"], row["small_sold"], row["small_settled"], row["count"], int(row["sold_minor"]),
        int(row["bought_minor"]), int(row["settled_minor"]),
    )  # fmt: skip
