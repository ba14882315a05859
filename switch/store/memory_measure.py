"""What /metrics asks of the store in memory: the reference for switch/store/postgres/measure.py.

A part of MemoryStore, which says what it needs of the books below.
"""

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime

from switch.flow.measure_books import Usage
from switch.flow.ports import Stored, StoredEvent
from switch.payment.status import QUEUED


class MemoryMeasure:
    """The part of the books that is measured: it has one path and no connections."""

    _queued: dict[str, datetime]

    @abstractmethod
    def _held(self, payment_id: str) -> Stored:
        """Return a payment that is there."""

    @abstractmethod
    async def stream(self, after: str, participant: str | None, limit: int) -> list[StoredEvent]:
        """Return committed events after the cursor."""

    def usage(self) -> Usage:
        """Return what the store has counted: nothing."""
        return Usage({}, {}, None)

    async def count_queued(self, limit: int) -> int:
        """Count payments that wait for an opening, up to `limit`."""
        waiting: Mapping[str, datetime] = self._queued
        return min(sum(self._held(payment_id).status == QUEUED for payment_id in waiting), limit)

    async def count_unread(self, after: str, participant: str | None, limit: int) -> int:
        """Count events after the cursor that `stream` would give, among the next `limit` of all participants."""
        found = await self.stream(after, None, limit)
        return sum(participant in (None, event.participant) for event in found)
