"""Connections to the schema of one sandbox: made here, pooled, each set the same way; foreign exceptions are mapped here.

It knows no query but the schema's own scripts.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from hashlib import blake2b
from importlib.resources import files
from typing import Any, TypeVar

import asyncpg

from switch.flow.ports import StoreUnavailable

T = TypeVar("T")
Connection = Any  # asyncpg has no types of its own

# Of a statement, and of opening a connection: the longest honest one takes a tenth of a second, a disk that flushes a
# checkpoint seconds; and after ten (flow.loops.LEASE_SECONDS) other workers take this one for dead anyhow. What scans
# books says so with a limit of its own: SCAN_SECONDS_MAX.
STATEMENT_SECONDS_MAX = 10.0
SCAN_SECONDS_MAX = 3_600.0  # a report over a year, or a look for what the dead hold, is minutes of reading

_DEADLOCK_TRIES = 5  # two workers may meet once; five times in a row is no chance, and nothing was written

# A server that was there goes away, comes back, is short of something, or was told to stop: soon it answers again.
_RESTARTS = (
    ConnectionResetError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)

# The server is away, or the connection is: nothing is known to have happened.
_AWAY = (
    OSError,  # TimeoutError is one: a statement, a COMMIT among them, that was not answered in time
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a query sent on a connection whose end asyncpg has not read yet
    *_RESTARTS,
)

# The store's queries always go by index: a plan made while a partition was empty must not scan it when it is full.
_SETTINGS = {
    "enable_seqscan": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    # What the store's transactions rest on, whatever the role or the database has for its own.
    "default_transaction_isolation": "read committed",
    "statement_timeout": "0",
    "lock_timeout": "0",
    # A worker that stands still, or whose host is gone, holds no rows for longer than its lease would have it living.
    "idle_in_transaction_session_timeout": "5s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "application_name": "bayswitch",
}


class MadeByAnother(Exception):
    """The sandbox's tables were made by another version of the switch, which laid them out otherwise."""


async def _keep(connection: Any) -> None:
    """Leave a released connection as it is: nothing here changes its session, and asyncpg's reset costs a round trip."""


class Connections:
    """A pool of `size` connections to the sandbox that lives in `schema`."""

    def __init__(self, url: str, schema: str, size: int) -> None:
        self._url, self._schema, self._size = url, schema, size
        self._pool: Any = None
        self._asked_for = 0  # connections taken, or waited for

    async def open(self) -> None:
        """Make the sandbox's schema if it is not there, and the pool; raises MadeByAnother.

        Raises StoreUnavailable where the server goes away meanwhile; where none answers at the URL, the OSError says it better.
        A digest of the scripts stands as the schema's comment. There are no migrations: a sandbox is made anew.
        """
        limits = {"timeout": STATEMENT_SECONDS_MAX, "command_timeout": STATEMENT_SECONDS_MAX}
        try:
            await self._make_schema(limits)
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=2,
                max_size=self._size,
                max_cached_statement_lifetime=0,
                reset=_keep,
                **limits,
                server_settings=_SETTINGS | {"search_path": f'"{self._schema}"'},
            )
        except _RESTARTS as error:
            raise StoreUnavailable(str(error)) from error

    async def _make_schema(self, limits: Mapping[str, float]) -> None:
        scripts = [
            script.read_text("utf-8")
            for script in sorted((files(__package__) / "schema").iterdir(), key=lambda path: path.name)
        ]
        layout = blake2b("".join(scripts).encode(), digest_size=8).hexdigest()
        connection = await asyncpg.connect(self._url, **limits, server_settings=_SETTINGS)
        try:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", self._schema)
                exists = await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", f'"{self._schema}".fence')
                if not exists:
                    await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"')
                    await connection.execute(f'SET LOCAL search_path TO "{self._schema}"')
                    for script in scripts:
                        await connection.execute(script)
                    await connection.execute(f"COMMENT ON SCHEMA \"{self._schema}\" IS '{layout}'")
                found = await connection.fetchval(
                    "SELECT obj_description(to_regnamespace($1), 'pg_namespace')", f'"{self._schema}"'
                )
                if found != layout:
                    raise MadeByAnother(
                        f"the tables of sandbox {self._schema} were made by another version of bayswitch; begin with a new data folder "
                        "(--data) or database"
                    )
        finally:
            await connection.close()

    async def close(self) -> None:
        """Let go of connections."""
        if self._pool is not None:
            await self._pool.close()

    def usage(self) -> tuple[int, int, int]:
        """Return how many connections are open, how many of these idle, and how many tasks wait for one."""
        size, idle = self._pool.get_size(), self._pool.get_idle_size()
        return size, idle, max(0, self._asked_for - (size - idle))

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Any]:
        """Take a connection. Raises StoreUnavailable where it is lost meanwhile."""
        self._asked_for += 1
        try:
            async with self._pool.acquire() as connection:
                yield connection
        except _AWAY as error:
            raise StoreUnavailable(str(error)) from error
        finally:
            self._asked_for -= 1

    async def retrying(self, work: Callable[[Any], Awaitable[T]], *also: type[Exception]) -> T:
        """Run `work(connection)` again where transactions met in a deadlock or the like (class 40), or on what `also` names."""
        for tries in range(_DEADLOCK_TRIES):
            try:
                async with self.one() as connection:
                    return await work(connection)
            except asyncpg.TransactionRollbackError as error:
                if tries == _DEADLOCK_TRIES - 1:
                    raise StoreUnavailable(str(error)) from error
            except also:
                if tries == _DEADLOCK_TRIES - 1:
                    raise
        raise AssertionError
