"""What the flow asks of a store about payments that wait for an opening. Each call is one transaction; instants are aware UTC."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple, Protocol

from switch.flow.steps import Stored, Unfinished


class Queued(NamedTuple):
    """A payment that waits, and for which opening."""

    stored: Stored
    opens_at: datetime


class Release(NamedTuple):
    """One waiting payment that lane and rails carry now; `deadline_at` is its leg's from here on."""

    payment_id: str
    received_on: date
    deadline_at: datetime


class QueueBooks(Protocol):
    """The part of a store's books that waiting payments are in."""

    async def queued(self, until: datetime, limit: int) -> list[Queued]:
        """Return payments that wait for an opening by `until`, the earliest first, whichever worker accepted them."""

    async def next_opening(self) -> datetime | None:
        """Return the earliest opening a payment waits for, or one that a cancelled one waited for; None where none does."""

    async def release(self, releases: Sequence[Release], generation: int, at: datetime) -> list[Unfinished]:
        """Move waiting payments to accepted under the worker registered here, in one transaction; only what moved is returned.

        Raises StaleWorld where `generation` is not the fence's.
        """

    async def put_off(self, waiting: Sequence[Queued]) -> None:
        """Have payments that still wait do so until another opening."""
