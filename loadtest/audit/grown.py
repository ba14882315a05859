"""`python -m loadtest.audit.grown`: make a sandbox large by telling the payments it holds again and again, as SQL alone.

Run a small sandbox first (a bench's pipeline of some seconds, some thousand persons), let it come to rest, then

    python -m loadtest.audit.grown --database-url URL --sandbox NAME --payments 10000000 [--days 30] [--json]

multiplies what is stored until at least so many payments stand there: with ids, persons, identities, places (transaction,
position) and versions of their own, rows in the rails' books, and sums of every counter in step, so that `bayswitch audit`
finds nothing. Accounts are shared by all clones, as they are in life; a clone has as many persons as the seed. With `--days`
the clones stand on that many days before the seed's (0: on its own day). The sandbox may be open, but nothing may be sent to it
meanwhile. Each clone is one transaction, which costs the memory of one sort of the seed; stopped half way, the sandbox is
whole. It can grow only once: its clones are of more than one day, and the clones of clones would be the same. What a clone
has of its own is said by the names and types of columns, so that a new column is told again as it is; what was asked (sealed)
is the seed's. It is no part of the auditor, which writes nothing.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, NamedTuple

import asyncpg

from loadtest.audit.queries import Query, read_queries

_SETTINGS = {"application_name": "bayswitch grown", "work_mem": "256MB", "jit": "off", "synchronous_commit": "off"}
# A clone's number stands in four letters of its persons' pseudonyms, a digit of sixteen each.
CLONES_MAX = 0xFFFF
_BURN_TRIES = 100

# What a clone has of its own, by column; $1 clone, $2 its first transaction number, $3 days, $4 the seed's day.
_OWN = {
    "payment_id": "pg_temp.clone_of(payment_id, $1)",
    "uetr": "pg_temp.clone_of(uetr, $1)",
    "instruction_id": "instruction_id || '-' || $1",
    "received_on": "received_on - $3::integer",
    "xid": "($2 + rank)::text::xid8",
    "moves": "CASE cardinality(ranks) WHEN 1 THEN ARRAY[($2 + ranks[1])::text::xid8] "
    "WHEN 2 THEN ARRAY[($2 + ranks[1])::text::xid8, ($2 + ranks[2])::text::xid8] "
    "ELSE ARRAY(SELECT ($2 + r)::text::xid8 FROM unnest(ranks) WITH ORDINALITY x (r, n) ORDER BY n) END",
    "claims": "pg_temp.key_of(claims, $1, $4, $3)",
}
_LATER = "{0} - make_interval(days => $3::integer)"


class CannotGrow(Exception):
    """The sandbox cannot be multiplied; says why."""


class Copied(NamedTuple):
    """A table whose rows each clone has: the schema, and the statement that writes them."""

    schema: str
    statement: str


async def grow(database_url: str, sandbox: str, payments: int, days: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Multiply a sandbox until it holds at least `payments`; raises CannotGrow, OSError, asyncpg.PostgresError."""
    connection = await asyncpg.connect(database_url, server_settings=_SETTINGS)
    try:
        return await _grow(connection, sandbox, payments, days, say)
    finally:
        await connection.close()


async def _grow(connection: Any, sandbox: str, payments: int, days: int, say: Callable[[str], None]) -> dict[str, Any]:
    queries, begun = read_queries("grown"), time.monotonic()
    if not await connection.fetchval(read_queries("others")["sandbox_exists"].text, sandbox):
        raise CannotGrow(f"there is no sandbox {sandbox!r} in this database")
    await _look_in(connection, sandbox)
    seed = await connection.fetchval(queries["payments"].text)
    clones = max(-(-(payments - seed) // seed), 0) if seed else 0
    if clones > CLONES_MAX or not seed:
        raise CannotGrow(f"{payments} payments cannot be made of {seed}, at most {CLONES_MAX} times as many")
    if clones:
        tables = await _read_seed(connection, queries, sandbox, clones)
        day: date = await connection.fetchval(queries["day"].text)
        for clone in range(1, clones + 1):
            await _clone(connection, queries, sandbox, tables, clone, 1 + (clone - 1) % days if days else 0, day)
            say(f"{seed * (clone + 1)} payments after {time.monotonic() - begun:.0f} s")
        for schema in dict.fromkeys(table.schema for table in tables):
            await _look_in(connection, schema)
            for table in await connection.fetch(queries["ordinary_tables"].text, schema):
                await connection.execute(f'VACUUM (ANALYZE) "{table["tablename"]}"')
    return {"payments": seed * (clones + 1), "clones": clones, "seconds": round(time.monotonic() - begun, 1)}


async def _read_seed(connection: Any, queries: dict[str, Query], sandbox: str, clones: int) -> list[Copied]:
    """Copy what is told again into temporary tables; returns how each clone's rows are written."""
    why = await connection.fetchval(queries["refuse"].text)
    if why is not None:
        raise CannotGrow(f"sandbox {sandbox!r} cannot be multiplied: {why}")
    for name in ("rank", "line", "account"):
        await connection.execute(queries[name].text)
    short = await connection.fetchrow(queries["too_many"].text, clones)
    if short is not None:
        raise CannotGrow(f"{short['key']} bears {short['clones']} clones, not {clones}: begin with smaller amounts")
    for name in ("burn", "clone_of", "key_of"):
        await connection.execute(queries[name].text)
    tables = []
    for (table,) in await connection.fetch(queries["days_tables"].text):
        made = queries["seed_payment"].text if table == "payment" else queries["seed_of_days"].text.format(table=table)
        await connection.execute(made)
        order = "1" if table == "payment" else "rank, position"
        tables.append(await _copied(connection, queries, sandbox, table, f"seed_{table}", order))
    for table, order in (("identity", "1, 2"), ("counter", "1")):
        await connection.execute(queries[f"seed_{table}"].text)
        tables.append(await _copied(connection, queries, sandbox, table, f"seed_{table}", order))
    for schema, _ in await connection.fetch(read_queries("others")["rail_schemas"].text, sandbox):
        await _look_in(connection, schema)
        for (table,) in await connection.fetch(queries["rails_tables"].text):
            seed = f"seed_{schema.removeprefix(sandbox + '_')}_{table}"
            await connection.execute(queries["seed_of_rail"].text.format(seed=seed, table=table))
            if await connection.fetchval(queries["holds"].text.format(seed=seed)):
                tables.append(await _copied(connection, queries, schema, table, seed, "1"))
    await _look_in(connection, sandbox)
    return tables


async def _copied(connection: Any, queries: dict[str, Query], schema: str, table: str, seed: str, order: str) -> Copied:
    own = dict(_OWN)
    if (
        table == "identity"
    ):  # the key of a payment's own identity is its id, that of its UETR the UETR: one function for all
        own["key"] = "pg_temp.clone_of(key, $1)"
    elif table == "counter":
        own["key"] = "pg_temp.key_of(key, $1, $4, $3)"
    columns = await connection.fetch(queries["columns"].text, table)
    names: Sequence[str] = [name for name, _ in columns]
    values = [
        own.get(name, _LATER.format(name) if type_ == "timestamp with time zone" and table != "counter" else name)
        for name, type_ in columns
    ]
    text = queries["told_again"].text
    return Copied(
        schema,
        text.format(table=table, columns=", ".join(names), values=", ".join(values), seed=seed, order=order),
    )


async def _clone(
    connection: Any,
    queries: dict[str, Query],
    sandbox: str,
    tables: Sequence[Copied],
    clone: int,
    days: int,
    day: date,
) -> None:
    first = await _burn(connection, await connection.fetchval(queries["transactions"].text))
    await connection.execute("SELECT ensure_day($1::date - $2::integer)", day, days)
    async with connection.transaction():
        for schema, statement in tables:
            await _look_in(connection, schema)
            await connection.execute(statement, clone, first, days, day)
        await _look_in(connection, sandbox)
        await connection.execute(queries["clone_batch"].text, clone, first, days, day)
        await connection.execute(queries["clone_accounts"].text)


async def _burn(connection: Any, numbers: int) -> int:
    """Take `numbers` transaction numbers in a row; returns the first."""
    for _ in range(_BURN_TRIES):
        first = await connection.fetchval("CALL pg_temp.burn($1, NULL)", numbers)
        if first:
            return int(first)
    raise CannotGrow("others take transaction numbers all the time: let the sandbox come to rest first")


async def _look_in(connection: Any, schema: str) -> None:
    await connection.execute(read_queries("others")["look_in"].text, schema, False)


def main() -> int:
    """Grow a sandbox and say how large it is; 0 done, 2 it cannot be."""
    parser = argparse.ArgumentParser(
        prog="loadtest.audit.grown", description="Multiply what a sandbox on PostgreSQL holds."
    )
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--sandbox", default="main")
    parser.add_argument("--payments", type=int, required=True, help="at least so many shall stand there")
    parser.add_argument("--days", type=int, default=30, help="on so many days before the seed's; 0: on its own")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    told = parser.parse_args()

    def say(line: str) -> None:
        print(line, file=sys.stderr)

    try:
        grown = asyncio.run(grow(told.database_url, told.sandbox, told.payments, told.days, say))
    except (CannotGrow, OSError, asyncpg.PostgresError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(grown) if told.json else f"{grown['payments']} payments stand there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
