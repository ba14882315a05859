"""The audit can fail: each check finds its planted fault alone, in a copy; the original stays as it was, whatever is asked of it."""

import re
import time
from pathlib import Path

import asyncpg
import pytest
from audited_sandbox import SANDBOX, Lived

from loadtest.audit.audit import SETTINGS, audit, audit_moment, prepare
from loadtest.audit.described import table
from loadtest.audit.plant import Unplantable, plant
from loadtest.audit.queries import read_queries


def test_every_check_has_its_plant_and_every_plant_its_check() -> None:
    assert set(read_queries("plants")) == set(read_queries("checks"))
    assert all(each.said["fault"] for each in read_queries("plants").values())


def test_every_check_says_what_it_proves_and_needs_only_tables_that_are_gathered() -> None:
    tables = read_queries("tables")
    for query in (*read_queries("checks").values(), *tables.values()):
        wanted = {name for name in query.said.get("needs", "").split(", ") if name}
        assert wanted <= set(tables), query.name
        read = set(re.findall(r"(?:FROM|JOIN) (\w+)", query.text)) & set(tables) - {query.name}
        assert read - {"source"} <= wanted, f"{query.name} reads {read} and says {wanted}"
    for check in read_queries("checks").values():
        assert {"promise", "half", "over", "reads"} <= set(check.said), check.name


def test_the_document_has_the_table_of_the_checks_as_they_are() -> None:
    assert table() in (Path(__file__).parents[3] / "docs" / "audit.md").read_text("utf-8")


@pytest.mark.prove
async def test_each_planted_fault_is_found_by_its_check_alone_and_the_copy_is_gone_afterwards(lived: Lived) -> None:
    before = await _everything(lived.url)
    shown = await plant(lived.url, SANDBOX, "all", time.time())
    assert shown.clean.violations == []
    assert {fault.check: fault.found_by for fault in shown.planted} == {name: [name] for name in read_queries("checks")}
    assert shown.holds
    assert await _everything(lived.url) == before
    connection = await asyncpg.connect(lived.url)
    assert await connection.fetchval("SELECT count(*) FROM pg_database WHERE starts_with(datname, 'planted_')") == 0
    await connection.close()


async def test_a_fault_of_no_check_is_not_planted(lived: Lived) -> None:
    with pytest.raises(Unplantable, match="there is no check"):
        await plant(lived.url, SANDBOX, "nothing-at-all", time.time())


async def test_the_audit_leaves_every_table_as_it_was(lived: Lived) -> None:
    before = await _everything(lived.url)
    await audit(lived.url, SANDBOX, time.time())
    assert await _everything(lived.url) == before


async def test_the_audits_transaction_can_write_nothing_that_stays(lived: Lived) -> None:
    connection = await asyncpg.connect(lived.url, server_settings=SETTINGS)
    try:
        await prepare(connection, SANDBOX)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            for statement in ("UPDATE payment SET code = code", "CREATE TEMP TABLE more (n int)", "DELETE FROM batch"):
                with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                    async with connection.transaction():
                        await connection.execute(statement)
        async with connection.transaction():  # as a plant has it: what was written before stays possible, nothing after
            await audit_moment(connection, SANDBOX, time.time())
    finally:
        await connection.close()


async def _everything(url: str) -> dict[str, tuple[int, str]]:
    """Give each table's number of rows, and a digest of them and of where they lie: an update that changes nothing moves them."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables "
            "WHERE (schemaname = $1 OR starts_with(schemaname, $1 || '_rail_')) AND tablename <> 'worker'",
            SANDBOX,
        )
        return {
            name: tuple(
                await connection.fetchrow(
                    f"SELECT count(*), coalesce(md5(string_agg(ctid::text || xmin::text || t::text, ',' ORDER BY ctid)), '') FROM {name} t"
                )
            )
            for (name,) in tables
        }
    finally:
        await connection.close()
