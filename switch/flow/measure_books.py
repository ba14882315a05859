"""What /metrics asks of a store: what it has counted itself, at once, and two counts of its books, bounded."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class Usage(NamedTuple):
    """What a store has counted since it was made, and how its connections are used; what it does not have is absent."""

    batches: Mapping[str, int]  # accepted, by path through the counters: fast | exact
    connections: Mapping[str, int]  # open, and idle of these
    waiters: int | None  # tasks that wait for a connection


class MeasureBooks(Protocol):
    """The part of a store that is measured."""

    def usage(self) -> Usage:
        """Return what the store has counted; asks nobody."""

    async def count_queued(self, limit: int) -> int:
        """Count payments that wait for an opening, up to `limit`."""

    async def count_unread(self, after: str, participant: str | None, limit: int) -> int:
        """Count events after the cursor that `stream` would give, among the next `limit` of all participants."""
