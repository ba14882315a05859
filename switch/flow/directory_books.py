"""What the flow asks of a store about the directory: sealed records in the order they were written. Each call is one transaction."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

DIRECTORY = "directory_revision"  # the world's fact that says at which generation the directory was last changed


class DirectoryRow(NamedTuple):
    """One record of the directory as it is stored: under a pseudonym, sealed, with the fence's generation that wrote it."""

    key: str
    sealed: bytes
    revision: int = 0


class DirectoryBooks(Protocol):
    """The part of a store's books that the directory is in."""

    async def save_directory(self, rows: Sequence[DirectoryRow], generation: int) -> int:
        """Write records of the directory, each in place of the one of its key, and grow the generation; returns the new one.

        They carry it as their revision, and the world's fact DIRECTORY says it. Raises StaleWorld where `generation` is not
        the fence's.
        """

    async def directory(self, after: int, limit: int) -> list[DirectoryRow]:
        """Return records of the directory by (revision, key), those of a later revision than `after`; at least `limit` or all.

        What was written together is returned together.
        """
