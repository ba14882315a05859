"""The durable rows of recalls and returns: tables beside the rail's book, over that book's connections (rails.postgres_book)."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from rails.queries import queries
from rails.recall_book import Case, Key, Leg, Mark, Unasked


class PostgresRecallBook:
    """The rows in the schema of a rail's book; `connection` gives one of the book's connections."""

    def __init__(self, connection: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        self._connection = connection
        self._queries = queries("recalls")

    async def remember(self, legs: Sequence[Leg], unasked: Sequence[Unasked]) -> None:
        """Keep what is new, committed on return."""
        async with self._connection() as connection, connection.transaction():
            if legs:
                await connection.execute(self._queries["remember_legs"], *zip(*sorted(legs), strict=True))
            if unasked:
                await connection.execute(self._queries["remember_unasked"], *zip(*sorted(unasked), strict=True))

    async def legs(self, keys: Sequence[Key]) -> dict[Key, Leg]:
        """Return what is kept of legs."""
        async with self._connection() as connection:
            rows = await connection.fetch(self._queries["legs"], [uetr for uetr, _ in keys], [leg for _, leg in keys])
        found = [Leg(str(row["uetr"]), row["leg"], row["answers"], row["reason_code"]) for row in rows]
        return {(leg.uetr, leg.leg): leg for leg in found}

    async def insert(self, cases: Sequence[Case]) -> None:
        """Keep every case whose recall is new, committed on return."""
        async with self._connection() as connection:
            await connection.execute(self._queries["insert"], *zip(*sorted(cases), strict=True))

    async def cases(self, recall_ids: Sequence[str]) -> dict[str, Case]:
        """Return cases by their recall."""
        async with self._connection() as connection:
            rows = await connection.fetch(self._queries["cases"], list(recall_ids))
        found = [Case(str(recall_id), str(uetr), *rest) for recall_id, uetr, *rest in rows]
        return {case.recall_id: case for case in found}

    async def given_back(self, key: Key) -> int:
        """Return how much of a leg comes back by what is decided already."""
        async with self._connection() as connection:
            return int(await connection.fetchval(self._queries["given_back"], *key))

    async def unasked(self, behind: Mark, until: datetime, limit: int) -> list[Unasked]:
        """Return what is given back unasked behind a mark and by `until`, by time and id."""
        async with self._connection() as connection:
            rows = await connection.fetch(self._queries["unasked"], *behind, until, limit)
        return [Unasked(str(return_id), str(uetr), *rest) for return_id, uetr, *rest in rows]

    async def next_unasked(self, after: datetime) -> datetime | None:
        """Return when the first return after `after` is due."""
        async with self._connection() as connection:
            found: datetime | None = await connection.fetchval(self._queries["next_unasked"], after)
        return found
