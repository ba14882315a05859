"""Payments that wait, in memory: the reference for switch/store/postgres/queue.py. One event loop; each method is one step.

A part of MemoryStore, which says what it needs of the books below.
"""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime

from switch.flow.ports import Stored, Unfinished
from switch.flow.queue_books import Queued, Release
from switch.payment.queueing import opening_detail
from switch.payment.status import QUEUED


class MemoryQueue:
    """The part of the books that waiting payments are in."""

    def __init__(self) -> None:
        self._queued: dict[str, datetime] = {}  # payments that wait, and for which opening

    @abstractmethod
    def _held(self, payment_id: str) -> Stored:
        """Return a payment that is there."""

    @abstractmethod
    def _begin(self, generation: int) -> None:
        """Begin a transaction in the world of this generation."""

    @abstractmethod
    def _set_out(self, release: Release, at: datetime, position: int) -> Unfinished:
        """Move a waiting payment to accepted under the worker registered here."""

    @abstractmethod
    def _note_detail(self, payment_id: str, detail: str) -> None:
        """Have a payment say something else."""

    def _wait(self, payment_id: str, opens_at: datetime) -> str:
        """Have a payment wait; returns what it says of itself."""
        self._queued[payment_id] = opens_at
        return opening_detail(opens_at)

    async def queued(self, until: datetime, limit: int) -> list[Queued]:
        """Return payments that wait for an opening by `until`, the earliest first."""
        due = sorted((opens_at, payment_id) for payment_id, opens_at in self._queued.items() if opens_at <= until)
        found = [Queued(self._held(payment_id), opens_at) for opens_at, payment_id in due]
        for each in found:
            if each.stored.status != QUEUED:
                del self._queued[each.stored.payment_id]
        return [each for each in found if each.stored.status == QUEUED][:limit]

    async def next_opening(self) -> datetime | None:
        """Return the earliest opening a payment waits for."""
        return min(self._queued.values(), default=None)

    async def release(self, releases: Sequence[Release], generation: int, at: datetime) -> list[Unfinished]:
        """Move waiting payments to accepted under the worker registered here; only what moved is returned."""
        self._begin(generation)
        released = []
        for position, each in enumerate(releases):
            if self._held(each.payment_id).status == QUEUED:
                self._queued.pop(each.payment_id, None)
                released.append(self._set_out(each, at, position))
        return released

    async def put_off(self, waiting: Sequence[Queued]) -> None:
        """Have payments that still wait do so until another opening."""
        for each in waiting:
            payment_id = each.stored.payment_id
            if self._held(payment_id).status == QUEUED:
                self._note_detail(payment_id, self._wait(payment_id, each.opens_at))
