"""The durable digests of what was asked: a table beside the rail's book, over that book's connections (rails.postgres_book)."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from rails.contents import Content
from rails.queries import queries


class PostgresContents:
    """Digests in the schema of a rail's book; `connection` gives one of the book's connections."""

    def __init__(self, connection: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        self._connection = connection
        self._queries = queries("contents")

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
