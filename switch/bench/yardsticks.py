"""Yardsticks of the store: pgbench, and the rows of finished payments written by who checks nothing, many or one a transaction.

They run on the same PostgreSQL in the same run. The rows are those the pipeline wrote in the same round, with all their
columns and indexes, into tables made by the switch's own scripts; sums of counters are left out, so it is a ceiling.
"""

import asyncio
import io
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import asyncpg
import uvloop

from switch.bench.machine import Cpu, tree_seconds
from switch.bench.rows_in_process import played
from switch.bench.setting import Bench, Round, Turn
from switch.embedded.binaries import find_binary
from switch.embedded.process import tied
from switch.flow.flights import BATCH_MAX
from switch.flow.loops import ACCEPTS_IN_FLIGHT
from switch.main import open_sandbox, postgres_sandbox
from switch.queries import queries

PGBENCH_CLIENTS = (8, 32)
PGBENCH_WARM_UP_SECONDS = 1
WRITERS = ACCEPTS_IN_FLIGHT + 1  # connections that write at once, as the switch's: one of them finishes
SAMPLE_MAX = 60_000  # payments, about 150 MB held ready
ONE_CLIENTS = 32
ONE_SHARE_WARM_UP = 5  # a fifth of the sample
RAW = "bench_raw"  # the sandbox whose empty tables are written to
_queries = partial(queries, __package__, "yardsticks")
_TPS = re.compile(r"tps = ([0-9.]+)")


class Table(NamedTuple):
    """A table of the sample: where its rows go, which columns, how many a payment."""

    name: str
    schema: str
    columns: tuple[str, ...]
    rows_per_payment: float


class Sample(NamedTuple):
    """Rows of so many payments, by table."""

    payments: int
    tables: tuple[Table, ...]

    def seen(self) -> dict[str, float]:
        """Say how many rows a payment has in each table."""
        return {table.name: round(table.rows_per_payment, 2) for table in self.tables}


def pgbench(bench: Bench, turn: Turn) -> Round:
    """Run pgbench's TPC-B-like script, prepared, for each number of clients; the best of them counts."""
    binary, settings = find_binary("pgbench"), bench.settings
    if turn == Turn(1):
        bench.say(f"pgbench: making scale {settings.pgbench_scale}")
        _pgbench([binary, "-i", "-q", "-s", settings.pgbench_scale], bench.database_url)
    seconds = max(1, round(settings.pgbench_seconds / settings.rounds))
    _pgbench([binary, "-M", "prepared", "-c", 32, "-j", 2, "-T", PGBENCH_WARM_UP_SECONDS], bench.database_url)
    rates, used = {}, {}
    for clients in PGBENCH_CLIENTS:
        before = tree_seconds(bench.postgres_pid)
        command = [binary, "-M", "prepared", "-c", clients, "-j", 2, "-T", seconds]
        rates[str(clients)] = _tps(_pgbench(command, bench.database_url))
        spent = tree_seconds(bench.postgres_pid) - before
        used[str(clients)] = round(1e6 * spent / (rates[str(clients)] * seconds), 1)
    seen = {
        "by_clients": rates,
        "postgres_cpu_us_by_clients": used,
        "seconds": seconds,
        "scale": settings.pgbench_scale,
    }
    return Round(max(rates.values()), [], seen)


def raw_insert(bench: Bench, turn: Turn) -> Round:
    """Write the rows of this round's payments in batches by COPY: first a third to warm up, then all of them, measured."""
    return uvloop.run(_raw_insert(bench, turn))


async def _raw_insert(bench: Bench, turn: Turn) -> Round:
    sample = await _sampled(bench, turn)
    connections = [await asyncpg.connect(bench.database_url) for _ in range(WRITERS)]
    try:
        batches = [batch async for batch in _batches(connections[0], sample)]
        await _emptied(connections[0], sample)
        await _written(connections, sample, batches[: len(batches) // 3 + 1])
        await _emptied(connections[0], sample)
        before, begun = _cpu(bench), time.perf_counter()
        await _written(connections, sample, batches)
        seconds, used = time.perf_counter() - begun, _cpu(bench).since(before)
        await _emptied(connections[0], sample)
    finally:
        for connection in connections:
            await connection.close()
    seen = {
        "payments": sample.payments,
        "seconds": seconds,
        "rows_per_payment": sample.seen(),
        "bytes_per_payment_copied": round(sum(len(b) for batch in batches for b in batch) / sample.payments),
        "batch": BATCH_MAX,
        "writers": WRITERS,
        "cpu_us": used.per(sample.payments),
    }
    return Round(sample.payments / seconds, [], seen)


def one_per_transaction(bench: Bench, turn: Turn) -> Round:
    """Write the same rows one payment a transaction, by pgbench: no Python takes part."""
    sample = uvloop.run(_prepared(bench, turn))
    each = sample.payments // ONE_CLIENTS
    warm_up = each // ONE_SHARE_WARM_UP
    if not warm_up:
        return Round(0.0, [f"{sample.payments} payments are too few for {ONE_CLIENTS} clients"], {})
    script = bench.folder / "one_per_transaction.sql"
    script.write_text("\n".join(_script(sample)), encoding="utf-8")
    binary = find_binary("pgbench")
    common: list[Any] = [binary, "-n", "-M", "prepared", "-c", ONE_CLIENTS, "-j", 2, "-f", script]
    _pgbench([*common, "-t", warm_up, "-D", "i=-1"], bench.database_url)
    before = tree_seconds(bench.postgres_pid)
    out = _pgbench([*common, "-t", each - warm_up, "-D", f"i={warm_up - 1}"], bench.database_url)
    payments = (each - warm_up) * ONE_CLIENTS
    used = round(1e6 * (tree_seconds(bench.postgres_pid) - before) / payments, 1)
    uvloop.run(_cleared(bench, sample))
    return Round(_tps(out), [], {"payments": payments, "clients": ONE_CLIENTS, "postgres_cpu_us": used})


# --- the sample ---


def source_of(bench: Bench, turn: Turn) -> str:
    """Name the sandbox of this round's pipeline, at the attempt that was kept; one is filled where there is none."""
    kept = bench.kept.get(("pipeline", turn.round))
    if kept is not None:
        return bench.sandbox("pipeline", kept)
    bench.say("payments to take the rows of")
    played(bench, "sample", turn, load="pipeline")
    return bench.sandbox("sample", turn)


async def _sampled(bench: Bench, turn: Turn) -> Sample:
    """Give the sample of this round, the same at each attempt: taken once."""
    found = bench.samples.get(turn.round)
    if isinstance(found, Sample):
        return found
    source = source_of(bench, turn)
    schemas = await _empty_tables(bench)
    connection = await asyncpg.connect(bench.database_url)
    try:
        named = _queries()
        books = " UNION ALL ".join(named["books"].format(schema=schema.replace(RAW, source, 1)) for schema in schemas)
        await connection.execute(named["make_sample"].format(source=source, most=SAMPLE_MAX, books=books))
        rows = await connection.fetch(named["sampled"])
        payments = int(await connection.fetchval(named["payments"]))
        days = [row["received_on"] for row in await connection.fetch(named["days"])]
        await connection.execute(f"SET search_path = {RAW}")
        for day in days:
            await connection.execute(named["ensure_day"], day)
    finally:
        await connection.close()
    tables = tuple(
        Table(row["name"], schemas[0] if row["name"] == "book" else RAW, tuple(row["columns"]), row["rows_per_payment"])
        for row in rows
    )
    bench.samples[turn.round] = sample = Sample(payments, tables)
    return sample


async def _empty_tables(bench: Bench) -> list[str]:
    """Make the tables of a sandbox that nobody serves, by the switch's own scripts; give its rails' schemas."""
    sandbox = postgres_sandbox(bench.database_url, RAW, instant=True)
    await open_sandbox(sandbox)
    await sandbox.stop()
    return [f"{RAW}_rail_{rail.replace('-', '_')}" for rail in sandbox.world.rails]


async def _batches(connection: Any, sample: Sample) -> Any:
    """Read the sample, a batch at a time: for each table what COPY takes."""
    rows = _queries()["rows"]
    for start in range(0, sample.payments, BATCH_MAX):
        batch = []
        for table in sample.tables:
            order = "kind, key" if table.name == "identity" else "place"  # sorted, as the switch writes them
            query = rows.format(columns=", ".join(table.columns), table=table.name, order=order)
            out = io.BytesIO()
            await connection.copy_from_query(query, start, start + BATCH_MAX, output=out, format="binary")
            batch.append(out.getvalue())
        yield batch


async def _written(connections: Sequence[Any], sample: Sample, batches: Sequence[Sequence[bytes]]) -> None:
    """Write the batches, each in a transaction of its own, over all connections at once."""
    waiting = iter(batches)

    async def write(connection: Any) -> None:
        for batch in waiting:
            async with connection.transaction():
                for table, content in zip(sample.tables, batch, strict=True):
                    await connection.copy_to_table(
                        table.name,
                        schema_name=table.schema,
                        columns=table.columns,
                        source=io.BytesIO(content),
                        format="binary",
                    )

    await asyncio.gather(*(write(connection) for connection in connections))


async def _emptied(connection: Any, sample: Sample) -> None:
    tables = ", ".join(f"{table.schema}.{table.name}" for table in sample.tables)
    await connection.execute(_queries()["truncate"].format(tables=tables))


async def _prepared(bench: Bench, turn: Turn) -> Sample:
    sample = await _sampled(bench, turn)
    await _cleared(bench, sample)
    return sample


async def _cleared(bench: Bench, sample: Sample) -> None:
    connection = await asyncpg.connect(bench.database_url)
    try:
        await _emptied(connection, sample)
    finally:
        await connection.close()


def _script(sample: Sample) -> Iterator[str]:
    """Write pgbench's script: each client takes every 32nd payment, each once."""
    yield "\\set i :i + 1"
    yield f"\\set n :i * {ONE_CLIENTS} + :client_id"
    yield "BEGIN;"
    for table in sample.tables:
        yield _queries()["one_insert"].format(
            into=f"{table.schema}.{table.name}", columns=", ".join(table.columns), table=table.name
        )
    yield "END;"


# --- programs ---


def _pgbench(command: Sequence[Any], url: str) -> str:
    """Run pgbench and give what it says; raises CalledProcessError."""
    return subprocess.run(tied([*command, url]), check=True, capture_output=True, text=True).stdout


def _tps(out: str) -> float:
    found = _TPS.search(out)
    assert found is not None, out
    return float(found.group(1))


def _cpu(bench: Bench) -> Cpu:
    return Cpu(time.process_time(), tree_seconds(bench.postgres_pid))
