"""The directory's records in memory: the reference of switch.store.postgres.directory, under the same contract."""

from collections.abc import Sequence

from switch.flow.ports import DirectoryRow


class MemoryDirectory:
    """Records by key; who holds it keeps the generation."""

    def __init__(self) -> None:
        self._rows: dict[str, DirectoryRow] = {}

    def save(self, rows: Sequence[DirectoryRow], revision: int) -> None:
        """Write records, each in place of the one of its key."""
        self._rows |= {row.key: row._replace(revision=revision) for row in rows}

    def later(self, after: int, limit: int) -> list[DirectoryRow]:
        """Return records of later revisions than `after`, in their order; what was written together stays together."""
        found = sorted(
            (row for row in self._rows.values() if row.revision > after), key=lambda row: (row.revision, row.key)
        )
        last = found[limit - 1].revision if len(found) >= limit else 0
        return [row for n, row in enumerate(found) if n < limit or row.revision == last]
