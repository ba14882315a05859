"""The durable digests of a rail in a process of its own: one table beside its book, with connections of its own."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from rails.contents import Content
from rails.port import RailUnavailable

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")  # a name that needs no quotes; PostgreSQL cuts longer ones
_CONNECTIONS_MAX = 2  # batches come several at a time, and a digest is kept in well under a millisecond
_COMMAND_SECONDS = 10  # a batch takes milliseconds; longer means the server is gone
_UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)


def _queries() -> dict[str, str]:
    text = Path(__file__).with_name("contents.sql").read_text(encoding="utf-8")
    sections = (section.partition("\n") for section in text.split("-- name:")[1:])
    return {name.strip(): query.strip() for name, _, query in sections}


class PostgresContents:
    """Digests in the PostgreSQL schema `schema` of the database at `url`."""

    def __init__(self, url: str, schema: str) -> None:
        if not _SCHEMA.fullmatch(schema):
            raise ValueError(f"{schema!r} is no plain schema name; use lower-case letters, digits and _")
        self._url, self._schema = url, schema
        self._queries = _queries()
        self._pool: Any = None

    async def open(self) -> None:
        """Make schema and table if they are not there."""
        assert self._pool is None, "the digests are open"
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=_CONNECTIONS_MAX,
                command_timeout=_COMMAND_SECONDS,
                server_settings={"search_path": self._schema, "application_name": f"rail {self._schema} contents"},
            )
        except _UNREACHABLE as problem:
            raise RailUnavailable(f"the digests of {self._schema} cannot be reached: {problem}") from problem
        async with self._connection() as connection, connection.transaction():
            await connection.execute(self._queries["lock"], self._schema)
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
            await connection.execute(self._queries["create"])

    async def close(self) -> None:
        """Close the connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def keep(self, contents: Sequence[Content]) -> list[bool]:
        """Keep what is new, committed on return, and say of each whether it is the one kept."""
        rows = sorted(contents)  # so that two batches with the same keys cannot wait for each other
        uetrs, legs = [row.uetr for row in rows], [row.leg for row in rows]
        async with self._connection() as connection:
            done: str = await connection.execute(self._queries["keep"], uetrs, legs, [row.digest for row in rows])
            if int(done.rpartition(" ")[2]) == len(rows):  # "INSERT 0 n": all were new
                return [True] * len(contents)
            found = await connection.fetch(self._queries["kept"], uetrs, legs)
        kept = {(str(row["uetr"]), row["leg"]): row["digest"] for row in found}
        return [kept[content.uetr, content.leg] == content.digest for content in contents]

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            async with self._pool.acquire(timeout=_COMMAND_SECONDS) as connection:
                yield connection
        except _UNREACHABLE as problem:
            raise RailUnavailable(f"the digests of {self._schema} cannot be reached: {problem}") from problem
