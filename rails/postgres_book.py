"""The durable book of a rail: its tables in a PostgreSQL schema of its own, with its own few connections.

All I/O of the rails stands here. A row is committed, and so on disk, before `insert` returns.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import blake2b
from typing import Any

import asyncpg

from rails.book import CONTRADICTED, ONCE, SILENT, TWICE, Entry, Key, Oddity
from rails.port import BLOCKED, CREDITED, PENDING, REJECTED, SETTLED, UNKNOWN, RailUnavailable
from rails.postgres_contents import PostgresContents
from rails.postgres_recalls import PostgresRecallBook
from rails.queries import queries
from rails.recall_book import RecallBook

_NULL = "\\N"  # as COPY writes it
_OUTCOMES = (UNKNOWN, SETTLED, CREDITED, REJECTED, BLOCKED, PENDING)  # by their number in the table
_REPORTINGS = (SILENT, ONCE, TWICE, CONTRADICTED)
_OUTCOME_NUMBERS = {outcome: number for number, outcome in enumerate(_OUTCOMES)}
_REPORTING_NUMBERS = {reporting: number for number, reporting in enumerate(_REPORTINGS)}

_COLUMNS = tuple(name for name in Entry._fields)
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")  # a name that needs no quotes; PostgreSQL cuts longer ones
_CONNECTIONS_MAX = 2  # one writes while one answers inquiries; six rails share the server with the switch
_COMMAND_SECONDS = 10  # a batch takes milliseconds; longer means the server is gone
_SETTINGS = {
    "default_transaction_isolation": "read committed",
    "lock_timeout": "0",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "5s",  # whoever stands still holds no rows
}
_UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a query sent on a connection whose end asyncpg has not read yet
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # the server is shutting down, or was told to stop the statement
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.LockNotAvailableError,
    asyncpg.TransactionRollbackError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)


class MadeByAnother(RailUnavailable):
    """The rail's tables were made by another version, which laid them out otherwise."""


class PostgresBook:
    """A book in the PostgreSQL schema `schema` of the database at `url`."""

    def __init__(self, url: str, schema: str) -> None:
        if not _SCHEMA.fullmatch(schema):
            raise ValueError(f"{schema!r} is no plain schema name; use lower-case letters, digits and _")
        self._url = url
        self._schema = schema
        self._queries = queries("book")
        self._pool: Any = None
        self.recalls: RecallBook = PostgresRecallBook(self._connection)
        self.contents = PostgresContents(self._connection)  # of a rail in a process of its own

    async def open(self) -> None:
        """Make schema and tables if they are not there; raises RailUnavailable, or MadeByAnother as one."""
        assert self._pool is None, "the book is open"
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=_CONNECTIONS_MAX,
                command_timeout=_COMMAND_SECONDS,
                max_cached_statement_lifetime=0,
                server_settings=_SETTINGS | {"search_path": self._schema, "application_name": f"rail {self._schema}"},
            )
        except _UNREACHABLE as problem:
            raise RailUnavailable(f"the book {self._schema} cannot be reached: {problem}") from problem
        try:
            await self._make()
        except BaseException:
            await self.close()
            raise

    async def _make(self) -> None:
        """Make what is not there, under a lock, since several workers may start at once.

        A digest of the scripts stands as the schema's comment, as in the switch's own store: there are no migrations.
        """
        scripts = [queries(file)["create"] for file in ("book", "recalls", "contents")]
        layout = blake2b("".join(scripts).encode(), digest_size=8).hexdigest()
        async with self._connection() as connection, connection.transaction():
            await connection.execute(self._queries["lock"], self._schema)
            if not await connection.fetchval(self._queries["is_made"]):
                await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
                for script in scripts:
                    await connection.execute(script)
                await connection.execute(f"COMMENT ON SCHEMA {self._schema} IS '{layout}'")
            found = await connection.fetchval(self._queries["layout"], self._schema)
        if found != layout:
            raise MadeByAnother(
                f"the tables of the rail {self._schema} were made by another version of bayswitch; begin with a new data folder "
                "(--data) or database"
            )

    async def close(self) -> None:
        """Close the connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def insert(self, entries: Sequence[Entry], odd: Sequence[Oddity] = ()) -> int:
        """Keep every entry whose key is new, committed on return, and say how many were; what is odd about them first."""
        if not entries:
            return 0
        if odd:
            await self._execute("insert_odd", *zip(*sorted(odd), strict=True))
        lines = _lines(entries)
        lines.sort()  # so that two batches with the same keys cannot wait for each other
        body = "\n".join(lines) + "\n"
        async with self._connection() as connection:
            try:
                await connection.copy_to_table("book", source=_once(body.encode()), columns=_COLUMNS, format="text")
                return len(lines)
            except asyncpg.UniqueViolationError:  # something is there already: the rest is kept one by one
                rows = [*map(_row, sorted(entries, key=_key))]
                done: str = await connection.execute(self._queries["insert"], *zip(*rows, strict=True))
        return int(done.rpartition(" ")[2])  # "INSERT 0 n"

    async def find(self, keys: Sequence[Key]) -> list[Entry | None]:
        """Return the entry of each key, or what was dictated in its place, None where there is neither, in order."""
        asked = [uetr for uetr, _ in keys], [leg for _, leg in keys]
        async with self._connection() as connection:
            rows = await connection.fetch(self._queries["find"], *asked)
            rows += await connection.fetch(self._queries["find_dictated"], *asked)  # later: these stand
        found = {(entry.uetr, entry.leg): entry for entry in map(_entry, rows)}
        return [found.get(key) for key in keys]

    async def final_since(self, since: datetime) -> list[Entry]:
        """Return the entries, as `find` would, that become final at `since` or later, tombstones left out."""
        async with self._connection() as connection:
            return [_entry(row) for row in await connection.fetch(self._queries["final_since"], since)]

    async def oddities(self, since: datetime) -> list[Oddity]:
        """Return what is odd about the entries that become final at `since` or later."""
        async with self._connection() as connection:
            rows = await connection.fetch(self._queries["oddities"], since)
        return [Oddity(str(uetr), *rest) for uetr, *rest in rows]

    async def dictate(self, entry: Entry) -> None:
        """Keep an entry that stands in place of the one there is, or of one that comes later; the last one stands.

        First as an ordinary entry where there is none, so that an instruction that comes later changes nothing.
        """
        await self._execute("insert", *([value] for value in _row(entry)))
        await self._execute("dictate", *_row(entry))

    async def dictated(self, key: Key) -> Entry | None:
        """Return what was dictated for a key, None where nothing was."""
        uetr, leg = key
        async with self._connection() as connection:
            rows = await connection.fetch(self._queries["find_dictated"], [uetr], [leg])
        return _entry(rows[0]) if rows else None

    async def _execute(self, query: str, *arguments: Any) -> None:
        async with self._connection() as connection:
            await connection.execute(self._queries[query], *arguments)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            async with self._pool.acquire(timeout=_COMMAND_SECONDS) as connection:
                yield connection
        except _UNREACHABLE as problem:
            raise RailUnavailable(f"the book {self._schema} cannot be reached: {problem}") from problem


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _key(entry: Entry) -> Key:
    return entry.uetr, entry.leg


def _lines(entries: Sequence[Entry]) -> list[str]:
    """Write entries as COPY's text takes them; instants repeat within a batch, and are slow to write."""
    texts: dict[datetime | None, str] = {None: _NULL}

    def text(at: datetime | None) -> str:
        found = texts.get(at)
        if found is None:
            found = texts[at] = str(at)
        return found

    return [
        f"{uetr}\t{leg}\t{_OUTCOME_NUMBERS[outcome]}\t{_REPORTING_NUMBERS[reporting]}\t{reason_code or _NULL}\t{amount_minor}\t"
        f"{currency}\t{text(received_at)}\t{text(settled_at)}\t{text(final_at)}"
        for (
            uetr, leg, outcome, reporting, reason_code, amount_minor, currency, received_at, settled_at, final_at
        ) in entries
    ]  # fmt: skip


def _row(entry: Entry) -> tuple[Any, ...]:
    uetr, leg, outcome, reporting, reason_code, *rest = entry
    return uetr, leg, _OUTCOME_NUMBERS[outcome], _REPORTING_NUMBERS[reporting], reason_code or None, *rest


def _entry(row: Any) -> Entry:
    uetr, leg, outcome, reporting, reason_code, *rest = row
    return Entry(str(uetr), leg, _OUTCOMES[outcome], _REPORTINGS[reporting], reason_code or "", *rest)
