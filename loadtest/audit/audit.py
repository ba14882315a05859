"""Runs the checks over one moment of a sandbox, running or stopped. What is wrong is told, never mended."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import asyncpg

from loadtest.audit.queries import read_queries

# Told of one check; the rest is counted. More than this says the same again.
DETAILS_MAX = 50
# A running system is given this long for what fell due: its loops take milliseconds, a restart some seconds.
GRACE_SECONDS = 10

# Sorts of some million claims stay in memory; no plan may fall back on loops because a table has just been made.
_SETTINGS = {"application_name": "bayswitch audit", "work_mem": "128MB", "jit": "off"}
_TABLES = (
    "money", "money_rows", "move", "move_rows", "row", "transaction", "written", "limit_claim", "forced_claim", "claim",
    "closing", "alone", "given", "back", "path", "resting", "elsewhere", "tight", "change", "link_change", "touched", "owner",
    "rail_book", "rail_back", "back_line", "back_net", "source",
)  # fmt: skip


class NoSandbox(Exception):
    """There is no sandbox of this name in the database."""


class Violation(NamedTuple):
    """One thing that is wrong, and the check that found it."""

    check: str
    detail: str


class Audit(NamedTuple):
    """What an audit found. `forced` claims are no violations: a late acceptance counts whatever the bound says."""

    payments: int
    violations: list[Violation]
    forced: list[dict[str, Any]]  # payment_id, kind, rule, counter, delta
    rails: list[str]  # whose books were looked at: none where they lie elsewhere
    horizon: datetime  # business time up to which everything due must have been carried out


async def audit(database_url: str, sandbox: str, machine_now: float, drained: bool = False) -> Audit:
    """Audit a sandbox at machine time `machine_now`, seconds since the epoch.

    `drained`: nothing was sent lately and everything due has happened, so that every payment must be final. Raises
    NoSandbox, OSError, asyncpg.PostgresError.
    """
    connection = await asyncpg.connect(database_url, server_settings=_SETTINGS)
    try:
        async with connection.transaction(isolation="repeatable_read"):
            return await audit_moment(connection, sandbox, machine_now, drained)
    finally:
        await connection.close()


async def audit_moment(connection: Any, sandbox: str, machine_now: float, drained: bool = False) -> Audit:
    """Audit what the open transaction of `connection` sees; what this makes is gone when that ends."""
    setup, checks = read_queries("setup"), read_queries("checks")
    if not await connection.fetchval(setup["sandbox_exists"].text, sandbox):
        raise NoSandbox(sandbox)
    path = f'"{sandbox}"'
    await connection.execute(setup["search_path"].text, path)
    for name in _TABLES:
        await connection.execute(setup[name].text)
    rails: list[str] = []
    for schema, rail in await connection.fetch(setup["rail_schemas"].text, sandbox):
        await connection.execute(setup["search_path"].text, f'"{schema}"')
        await connection.execute(setup["copy_book"].text, rail)
        await connection.execute(setup["copy_back"].text, rail)
        rails.append(rail)
    await connection.execute(setup["search_path"].text, path)
    await connection.execute(setup["analyze"].text)
    horizon = _horizon(await connection.fetchrow(setup["clock"].text), machine_now, drained)
    told = {"horizon": horizon, "drained": drained, "rails": rails}
    violations: list[Violation] = []
    for check in checks.values():
        rows = await connection.fetch(check.text, *(told[name] for name in check.takes))
        violations += [Violation(check.name, row[0]) for row in rows[:DETAILS_MAX]]
        if len(rows) > DETAILS_MAX:
            violations.append(Violation(check.name, f"and {len(rows) - DETAILS_MAX} more"))
    forced = [dict(row) for row in await connection.fetch(setup["forced"].text)]
    payments = await connection.fetchval(setup["payments"].text)
    return Audit(payments, violations, forced, rails, horizon)


def _horizon(clock: Any, machine_now: float, drained: bool) -> datetime:
    """Say up to which business time everything due must have happened.

    Drained: now. Else a grace before the newest event: what fell due while the system was down is not yet wrong.
    """
    newest: datetime = clock["newest_event_at"] or datetime(1970, 1, 1, tzinfo=UTC)
    if clock["business"] is None:
        return newest
    rate = float(clock["rate"])
    if drained:
        passed = timedelta(seconds=(machine_now - float(clock["anchor"])) * rate)
        return datetime.fromisoformat(clock["business"]) + passed
    return newest - timedelta(seconds=GRACE_SECONDS * max(rate, 1.0))
