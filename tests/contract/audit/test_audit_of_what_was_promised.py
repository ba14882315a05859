"""A payment that was answered as accepted and of which every row is gone is found; the checks alone would never miss it."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from audited_sandbox import SANDBOX, Lived

from loadtest.audit.accepted import CHECK, Accepted, compare, compare_on, ids_in

MADE_UP = UUID("00000000-0000-4000-8000-00000000dead")
TABLES = ("payment", "decision", "transfer", "event", "identity")


async def promised(lived: Lived) -> list[UUID]:
    """Return the payments whose history has more in it than a refusal."""
    async with undone(lived.url) as connection:
        query = f"SELECT payment_id FROM {SANDBOX}.event GROUP BY payment_id HAVING array_agg(status) <> '{{rejected}}'"
        return [row["payment_id"] for row in await connection.fetch(query)]


@asynccontextmanager
async def undone(url: str) -> AsyncIterator[Any]:
    """Give a connection whose changes nobody else ever sees."""
    connection = await asyncpg.connect(url)
    change = connection.transaction()
    await change.start()
    try:
        yield connection
    finally:
        await change.rollback()
        await connection.close()


async def test_what_was_promised_is_in_the_books_counted_once_and_the_rest_is_named(lived: Lived) -> None:
    ids = await promised(lived)
    found, missing = await compare(lived.url, SANDBOX, [*ids[1:], ids[1]])
    assert missing == [] and found == Accepted(len(ids) - 1, len(ids) - 1, 0, len(lived.payments) - len(ids), 1)


async def test_a_payment_that_came_by_message_is_found_by_its_uetr(lived: Lived) -> None:
    async with undone(lived.url) as connection:
        uetr = await connection.fetchval(
            f"SELECT uetr FROM {SANDBOX}.payment WHERE payment_id = $1", lived.payments["credited"]
        )
        found, missing = await compare_on(connection, SANDBOX, [uetr])
    assert (found.told, found.in_books, missing) == (1, 1, [])


async def test_a_payment_whose_rows_are_all_gone_is_found(lived: Lived) -> None:
    lost = lived.payments["credited"]
    async with undone(lived.url) as connection:
        for table in TABLES:
            await connection.execute(f"DELETE FROM {SANDBOX}.{table} WHERE payment_id = $1", lost)
        found, (missing,) = await compare_on(connection, SANDBOX, await promised(lived))
    assert found.missing == 1 and found.in_books == found.told - 1
    assert missing.check == CHECK and lost in missing.detail


async def test_what_was_answered_as_accepted_and_stored_as_refused_is_found(lived: Lived) -> None:
    found, _ = await compare(lived.url, SANDBOX, [UUID(lived.payments["refused"])])
    assert found.missing == 1


async def test_the_program_says_what_is_missing_and_its_status_is_1(lived: Lived, tmp_path: Path) -> None:
    file = tmp_path / "accepted.ids"
    ids = [*await promised(lived), MADE_UP]
    file.write_bytes(b"".join(id.bytes for id in ids))
    command = [sys.executable, "-m", "loadtest.audit", "--database-url", lived.url, "--sandbox", SANDBOX]
    ran = subprocess.run([*command, "--accepted", str(file)], check=False, capture_output=True, text=True)
    assert ran.returncode == 1
    assert f"{CHECK}: payment {MADE_UP} was answered as accepted" in ran.stdout and ", 1 missing" in ran.stdout
    file.write_bytes(b"cut")
    ran = subprocess.run([*command, "--accepted", str(file)], check=False, capture_output=True, text=True)
    assert ran.returncode == 2 and "cannot be read" in ran.stderr


def test_a_file_that_was_cut_is_none() -> None:
    with pytest.raises(ValueError, match="17 bytes"):
        ids_in(bytes(17))
