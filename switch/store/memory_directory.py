"""The directory's records in memory: the reference for switch/store/postgres/directory.py, under the same contract.

A part of MemoryStore, which says what it needs of the books below.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from switch.flow.directory_books import DIRECTORY, DirectoryRow


class MemoryDirectory:
    """The part of the books that the directory is in: records by key."""

    def __init__(self) -> None:
        self._directory: dict[str, DirectoryRow] = {}

    @abstractmethod
    async def advance(self, world: Mapping[str, str], generation: int | None = None) -> int:
        """Store facts of the world and grow the generation."""

    async def save_directory(self, rows: Sequence[DirectoryRow], generation: int) -> int:
        """Write records of the directory and grow the generation; StaleWorld where someone else was first."""
        grown = await self.advance({DIRECTORY: str(generation + 1)}, generation)
        self._directory |= {row.key: row._replace(revision=grown) for row in rows}
        return grown

    async def directory(self, after: int, limit: int) -> list[DirectoryRow]:
        """Return records of the directory of later revisions than `after`; what was written together stays together."""
        found = sorted(
            (row for row in self._directory.values() if row.revision > after), key=lambda row: (row.revision, row.key)
        )
        last = found[limit - 1].revision if len(found) >= limit else 0
        return [row for n, row in enumerate(found) if n < limit or row.revision == last]
