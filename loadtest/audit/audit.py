"""Runs the checks over one moment of a sandbox, running or stopped. What is wrong is told, never mended.

It cannot write: its transaction is READ ONLY, in which PostgreSQL lets nothing but temporary tables be filled, and these are made
empty before. Two connections, each with one half of the checks, see the same moment through one exported snapshot.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import asyncpg

from loadtest.audit.queries import Query, read_queries

# Told of one check; the rest is counted. More than this says the same again.
DETAILS_MAX = 50
# A running system is given this long for what fell due: its loops take milliseconds, a restart some seconds.
GRACE_SECONDS = 10

# Sorts and hash tables of some million claims stay in memory, in each of two connections; PostgreSQL counts work_mem for each node
# of a plan, and the widest here have three that are full at once. temp_buffers hold what is gathered.
SETTINGS = {
    "application_name": "bayswitch audit",
    "work_mem": "512MB",
    "hash_mem_multiplier": "2",
    "temp_buffers": "1GB",
    "enable_mergejoin": "off",  # two sorts of millions for what one hash table does
    "jit": "off",
    "timezone": "UTC",
}
_FILLED_FROM_RAILS = {"rail_book": "copy_book", "rail_back": "copy_back"}


class NoSandbox(Exception):
    """There is no sandbox of this name in the database."""


class Violation(NamedTuple):
    """One thing that is wrong, and the check that found it."""

    check: str
    detail: str


class Done(NamedTuple):
    """One check that was made: how many of what it looked at, and how long its query took."""

    check: str
    looked_at: int
    what: str
    seconds: float


class Audit(NamedTuple):
    """What an audit found. `forced` claims are no violations: a late acceptance counts whatever the bound says."""

    payments: int
    violations: list[Violation]
    forced: list[dict[str, Any]]  # payment_id, kind, rule, counter, delta
    rails: list[str]  # whose books were looked at: none where they lie elsewhere
    horizon: datetime  # business time up to which everything due must have been carried out
    checks: list[Done]
    gathered: dict[str, float]  # seconds it took to fill each table
    seconds: float
    temporary_bytes: int  # what the gathered tables took; sorts that left memory are not in it


class _Half(NamedTuple):
    violations: list[Violation]
    checks: list[Done]
    gathered: dict[str, float]
    temporary_bytes: int


async def audit(database_url: str, sandbox: str, machine_now: float, drained: bool = False) -> Audit:
    """Audit a sandbox at machine time `machine_now`, seconds since the epoch, on two connections.

    `drained`: nothing was sent lately and everything due has happened, so that every payment must be final. Raises
    NoSandbox, OSError, asyncpg.PostgresError.
    """
    begun = time.monotonic()
    checks = list(read_queries("checks").values())
    halves = [[check for check in checks if check.said["half"] == half] for half in ("books", "lives")]
    async with AsyncExitStack() as ends:
        connections = []
        for half in halves:
            connection = await asyncpg.connect(database_url, server_settings=SETTINGS)
            ends.push_async_callback(connection.close)
            await prepare(connection, sandbox, half)
            connections.append(connection)
        first, second = connections
        await ends.enter_async_context(first.transaction(isolation="repeatable_read", readonly=True))
        snapshot = await first.fetchval("SELECT pg_export_snapshot()")
        await ends.enter_async_context(second.transaction(isolation="repeatable_read", readonly=True))
        await second.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        moment = await _moment(first, sandbox, machine_now, drained)
        made = await asyncio.gather(
            *(_make(connection, moment, half) for connection, half in zip(connections, halves, strict=True))
        )
        return await _told(first, moment, made, checks, begun)


async def prepare(connection: Any, sandbox: str, checks: Sequence[Query] | None = None) -> None:
    """Make the tables that checks need, empty and of this session alone: what the audit is about to fill.

    Raises NoSandbox.
    """
    others = read_queries("others")
    if not await connection.fetchval(others["sandbox_exists"].text, sandbox):
        raise NoSandbox(sandbox)
    await connection.execute(others["look_in"].text, sandbox, False)
    await connection.execute("DISCARD TEMP")
    for table in _needed(read_queries("checks").values() if checks is None else checks):
        await connection.execute(others["make"].text.format(table=table.name, query=table.text))


async def audit_moment(connection: Any, sandbox: str, machine_now: float, drained: bool = False) -> Audit:
    """Audit what the open transaction of `connection` sees, on that connection alone, which `prepare` has seen to."""
    begun = time.monotonic()
    checks = list(read_queries("checks").values())
    async with connection.transaction():
        await connection.execute("SET TRANSACTION READ ONLY")
        moment = await _moment(connection, sandbox, machine_now, drained)
        made = await _make(connection, moment, checks)
        return await _told(connection, moment, [made], checks, begun)


class _Moment(NamedTuple):
    sandbox: str
    rails: dict[str, str]  # schema by rail
    horizon: datetime
    drained: bool


async def _moment(connection: Any, sandbox: str, machine_now: float, drained: bool) -> _Moment:
    others = read_queries("others")
    found = await connection.fetch(others["rail_schemas"].text, sandbox)
    horizon = _horizon(await connection.fetchrow(others["clock"].text), machine_now, drained)
    return _Moment(sandbox, {rail: schema for schema, rail in found}, horizon, drained)


async def _make(connection: Any, moment: _Moment, checks: Sequence[Query]) -> _Half:
    """Fill what the checks need, and make them."""
    gathered = {}
    others = read_queries("others")
    for table in _needed(checks):
        begun = time.monotonic()
        if table.name in _FILLED_FROM_RAILS:
            for rail, schema in moment.rails.items():
                await _look_in(connection, schema)
                await connection.execute(others[_FILLED_FROM_RAILS[table.name]].text, rail)
            await _look_in(connection, moment.sandbox)
        else:
            await connection.execute(others["fill"].text.format(table=table.name, query=table.text))
        await connection.execute(f"ANALYZE {table.name}")
        gathered[table.name] = time.monotonic() - begun
    told = {"horizon": moment.horizon, "drained": moment.drained, "rails": list(moment.rails)}
    violations: list[Violation] = []
    done: list[Done] = []
    counts: dict[str, int] = {}
    for check in checks:
        what, _, relation = check.said["over"].partition(" = ")
        begun = time.monotonic()
        rows = await connection.fetch(check.text, *(told[name] for name in check.takes))
        seconds = time.monotonic() - begun
        violations += [Violation(check.name, row[0]) for row in rows[:DETAILS_MAX]]
        if len(rows) > DETAILS_MAX:
            violations.append(Violation(check.name, f"and {len(rows) - DETAILS_MAX} more"))
        if relation not in counts:
            counts[relation] = await connection.fetchval(others["count"].text.format(relation=relation))
        done.append(Done(check.name, counts[relation], what, seconds))
    return _Half(violations, done, gathered, await connection.fetchval(others["temporary_bytes"].text))


async def _told(
    connection: Any, moment: _Moment, made: Sequence[_Half], checks: Sequence[Query], begun: float
) -> Audit:
    order = [check.name for check in checks]
    violations = sorted((v for half in made for v in half.violations), key=lambda v: order.index(v.check))
    done = sorted((d for half in made for d in half.checks), key=lambda d: order.index(d.check))
    gathered: dict[str, float] = {}
    for half in made:
        for name, seconds in half.gathered.items():
            gathered[name] = gathered.get(name, 0.0) + seconds
    others = read_queries("others")
    forced = [dict(row) for row in await connection.fetch(others["forced"].text)]
    payments = await connection.fetchval(others["count"].text.format(relation="payment"))
    return Audit(
        payments,
        violations,
        forced,
        list(moment.rails),
        moment.horizon,
        done,
        gathered,
        time.monotonic() - begun,
        sum(half.temporary_bytes for half in made),
    )


def _needed(checks: Iterable[Query]) -> list[Query]:
    """Give the gathered tables that checks need, and those these need, in the order in which they are filled."""
    tables = read_queries("tables")
    wanted = {name for check in checks for name in needs(check)}
    for table in reversed(tables.values()):
        if table.name in wanted:
            wanted.update(needs(table))
    return [table for table in tables.values() if table.name in wanted]


def needs(query: Query) -> list[str]:
    """Say which gathered tables a query reads."""
    return [name for name in query.said.get("needs", "").split(", ") if name]


async def _look_in(connection: Any, schema: str) -> None:
    await connection.execute(read_queries("others")["look_in"].text, schema, True)


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
