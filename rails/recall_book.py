"""What is kept of a rail's recalls and unasked returns: rows written once, beside its book (rails.book).

`RecallBook` is the port, `MemoryRecallBook` the version without a server; rails.postgres_recalls holds the durable one. What
is decided, and when, is rails.recalls.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from heapq import nsmallest
from typing import NamedTuple, Protocol

Key = tuple[str, int]  # uetr, leg
Mark = tuple[datetime, str]  # when a return is due, and its id: whoever reads on begins behind it

FIRST_ID = "00000000-0000-0000-0000-000000000000"  # before every id
BEGINNING: Mark = (datetime(1, 1, 1, tzinfo=UTC), FIRST_ID)


class Leg(NamedTuple):
    """How the creditor agent of a leg will answer a recall: only of magic accounts is anything kept."""

    uetr: str
    leg: int
    answers: str  # accepted | rejected | slow | part | mute
    reason_code: str  # where it rejects


class Case(NamedTuple):
    """One recall with all that will become of it."""

    recall_id: str
    uetr: str
    leg: int
    status: str  # accepted | rejected | pending, which stays so
    reason_code: str  # where rejected
    amount_minor: int  # what comes back, 0 unless accepted
    currency: str
    asked_at: datetime
    answered_at: datetime  # business times


class Unasked(NamedTuple):
    """Money that a creditor agent gives back by itself."""

    return_id: str
    uetr: str
    leg: int
    amount_minor: int
    currency: str
    reason_code: str
    at: datetime


class RecallBook(Protocol):
    """Durable rows of one rail in one sandbox, written once and never changed; opened and closed with the rail's book."""

    async def remember(self, legs: Sequence[Leg], unasked: Sequence[Unasked]) -> None:
        """Keep what is new, durably on return. Raises RailUnavailable, as all of these do."""

    async def legs(self, keys: Sequence[Key]) -> dict[Key, Leg]:
        """Return what is kept of legs."""

    async def insert(self, cases: Sequence[Case]) -> None:
        """Keep every case whose recall is new, durably on return."""

    async def cases(self, recall_ids: Sequence[str]) -> dict[str, Case]:
        """Return cases by their recall."""

    async def given_back(self, key: Key) -> int:
        """Return how much of a leg comes back by what is decided already, minor units."""

    async def unasked(self, behind: Mark, until: datetime, limit: int) -> list[Unasked]:
        """Return what is given back unasked behind a mark and by `until`, by time and id, at most `limit`."""

    async def next_unasked(self, after: datetime) -> datetime | None:
        """Return when the first return after `after` is due; None where none is known."""


class MemoryRecallBook:
    """The rows in memory, for as long as the object lives."""

    def __init__(self) -> None:
        self._legs: dict[Key, Leg] = {}
        self._unasked: dict[str, Unasked] = {}
        self._cases: dict[str, Case] = {}

    async def remember(self, legs: Sequence[Leg], unasked: Sequence[Unasked]) -> None:
        """Keep what is new."""
        for leg in legs:
            self._legs.setdefault((leg.uetr, leg.leg), leg)
        for each in unasked:
            self._unasked.setdefault(each.return_id, each)

    async def legs(self, keys: Sequence[Key]) -> dict[Key, Leg]:
        """Return what is kept of legs."""
        return {key: self._legs[key] for key in keys if key in self._legs}

    async def insert(self, cases: Sequence[Case]) -> None:
        """Keep every case whose recall is new."""
        for case in cases:
            self._cases.setdefault(case.recall_id, case)

    async def cases(self, recall_ids: Sequence[str]) -> dict[str, Case]:
        """Return cases by their recall."""
        return {recall_id: self._cases[recall_id] for recall_id in recall_ids if recall_id in self._cases}

    async def given_back(self, key: Key) -> int:
        """Return how much of a leg comes back by what is decided already."""
        recalled = sum(case.amount_minor for case in self._cases.values() if (case.uetr, case.leg) == key)
        return recalled + sum(each.amount_minor for each in self._unasked.values() if (each.uetr, each.leg) == key)

    async def unasked(self, behind: Mark, until: datetime, limit: int) -> list[Unasked]:
        """Return what is given back unasked behind a mark and by `until`, by time and id."""
        found = [each for each in self._unasked.values() if (each.at, each.return_id) > behind and each.at <= until]
        return nsmallest(limit, found, key=lambda each: (each.at, each.return_id))

    async def next_unasked(self, after: datetime) -> datetime | None:
        """Return when the first return after `after` is due."""
        return min((each.at for each in self._unasked.values() if each.at > after), default=None)
