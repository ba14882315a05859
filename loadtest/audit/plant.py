"""Shows that the checks can fail: a fault for each is written into a copy of a sandbox, and must be found by that check alone.

The original is only read, in one read-only transaction. The copy is a database of its own on the same server, dropped at the
end. Each fault stands in a transaction of its own, which is rolled back after the audit has looked at it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from loadtest.audit.audit import SETTINGS, Audit, NoSandbox, Violation, audit_moment, prepare
from loadtest.audit.queries import Query, read_queries

# What is read of the original and not yet written to the copy: pieces of some 64 KiB each.
_PIECES_MAX = 64


class Unplantable(Exception):
    """There is nothing in the sandbox to plant a fault into, or no such check; says why."""


class Planted(NamedTuple):
    """A fault, and the checks that reported it; `not_applicable` says why it could not be planted, '' where it was."""

    check: str
    fault: str
    found_by: list[str]
    detail: str  # what its check said
    not_applicable: str
    seconds: float

    @property
    def alone(self) -> bool:
        """Whether its check found it, and no other."""
        return self.found_by == [self.check]


class Shown(NamedTuple):
    """What planting has shown: the audit of the copy as it was, and each fault."""

    clean: Audit
    planted: list[Planted]

    @property
    def holds(self) -> bool:
        """Whether the copy was clean, and every fault was found by its check alone."""
        return not self.clean.violations and all(fault.alone for fault in self.planted)


async def plant(database_url: str, sandbox: str, which: str, machine_now: float) -> Shown:
    """Plant one fault for each check (`which`: all), or that of one check, into a copy of the sandbox.

    Raises NoSandbox, Unplantable, OSError, asyncpg.PostgresError.
    """
    plants = read_queries("plants")
    if which != "all" and which not in plants:
        raise Unplantable(f"there is no check {which!r}; there are {', '.join(plants)}")
    async with copied(database_url, sandbox) as url:
        connection = await asyncpg.connect(url, server_settings=SETTINGS)
        try:
            rails = await _ready(connection, sandbox)
            await prepare(connection, sandbox)
            clean = await audit_moment(connection, sandbox, machine_now)
            chosen = list(plants.values()) if which == "all" else [plants[which]]
            return Shown(clean, [await _planted(connection, sandbox, each, rails, machine_now) for each in chosen])
        finally:
            await connection.close()


async def _ready(connection: Any, sandbox: str) -> dict[str, str]:
    """Choose what to plant into; returns what stands for the braces of a plant."""
    queries = read_queries("copies")
    others = read_queries("others")
    await connection.execute(others["look_in"].text, sandbox, False)
    await connection.execute(queries["functions"].text)
    schemas = {rail: schema for schema, rail in await connection.fetch(others["rail_schemas"].text, sandbox)}
    paid = await connection.fetchrow(queries["paid"].text, list(schemas))
    if paid is None:
        raise Unplantable(
            f"no payment of sandbox {sandbox!r} has simply been paid: there is nothing to plant a fault into"
        )
    schema = schemas.get(paid["rail"])
    await connection.execute(queries["choose"].text, paid["payment_id"], schema)
    braces = {"paid": paid["payment_id"]}
    return braces | ({"rail": f'"{schema}"', "book": f'"{schema}".book'} if schema else {})


async def _planted(connection: Any, sandbox: str, plant: Query, braces: dict[str, str], machine_now: float) -> Planted:
    begun = time.monotonic()
    text = plant.text
    for name, value in braces.items():
        text = text.replace("{" + name + "}", value)
    if "{book}" in text or "{rail}" in text:
        why = "the books of the rails lie elsewhere"
        return Planted(plant.name, plant.said["fault"], [], "", why, time.monotonic() - begun)
    await prepare(connection, sandbox)
    transaction = connection.transaction()
    await transaction.start()
    try:
        for statement in text.split(";"):
            if (done := await connection.execute(statement)).endswith(" 0"):
                raise Unplantable(f"the fault of {plant.name} changed nothing: {done}")
        found = await audit_moment(connection, sandbox, machine_now)
    finally:
        await transaction.rollback()
    named = list(dict.fromkeys(violation.check for violation in found.violations))
    return Planted(
        plant.name, plant.said["fault"], named, _said(found.violations, plant.name), "", time.monotonic() - begun
    )


def _said(violations: Sequence[Violation], check: str) -> str:
    return next((violation.detail for violation in violations if violation.check == check), "")


@asynccontextmanager
async def copied(database_url: str, sandbox: str) -> AsyncIterator[str]:
    """Copy a sandbox into a database of its own, as it is at one moment; gives its URL, and drops it at the end."""
    name = f"planted_{uuid4().hex}"
    original = await asyncpg.connect(database_url, server_settings={"application_name": "bayswitch audit"})
    try:
        if not await original.fetchval(read_queries("others")["sandbox_exists"].text, sandbox):
            raise NoSandbox(sandbox)
        await original.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            url = urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))
            copy = await asyncpg.connect(url, server_settings={"synchronous_commit": "off"})
            try:
                async with original.transaction(isolation="repeatable_read", readonly=True):
                    await _copy(original, copy, sandbox)
            finally:
                await copy.close()
            yield url
        finally:
            await original.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await original.close()


async def _copy(original: Any, copy: Any, sandbox: str) -> None:
    queries = read_queries("copies")
    for (schema,) in await original.fetch(queries["schemas"].text, sandbox):
        await copy.execute(f'CREATE SCHEMA "{schema}"')
        for table, columns in await original.fetch(queries["tables"].text, schema):
            await copy.execute(queries["make"].text.format(schema=f'"{schema}"', table=f'"{table}"', columns=columns))
            await _pour(original, copy, schema, table)
        look_in = read_queries("others")["look_in"].text
        await original.execute(look_in, schema, True)
        await copy.execute(look_in, schema, False)
        for view, text in await original.fetch(queries["views"].text, schema):
            await copy.execute(f'CREATE VIEW "{view}" AS {text}')
    await copy.execute("ANALYZE")


async def _pour(original: Any, copy: Any, schema: str, table: str) -> None:
    """Copy the rows of one table, a bounded part of them in memory at any time."""
    pieces: asyncio.Queue[bytes] = asyncio.Queue(_PIECES_MAX)

    async def read() -> None:
        query = read_queries("copies")["read"].text.format(schema=f'"{schema}"', table=f'"{table}"')
        await original.copy_from_query(query, output=pieces.put, format="binary")
        await pieces.put(b"")

    async def given() -> AsyncIterator[bytes]:
        while piece := await pieces.get():
            yield piece

    async with asyncio.TaskGroup() as both:
        both.create_task(read())
        both.create_task(copy.copy_to_table(table, schema_name=schema, source=given(), format="binary"))
