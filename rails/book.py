"""A rail's own book: one row for each instruction, written once at receipt with everything that will become of it.

Because outcome and due times are known at receipt, no row is ever updated, and an inquiry after a crash answers truly.
`Book` is the port, `MemoryBook` the version without a server; rails.postgres_book holds the durable one.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from rails.port import PENDING, REJECTED, SETTLED, UNKNOWN

# What a rail's reports do, as against what is true: an inquiry always tells the truth.
SILENT = "silent"  # none comes
ONCE = "once"
TWICE = "twice"  # the last one is repeated
CONTRADICTED = "contradicted"  # the last one is followed by a rejection that is not true

CONTRADICTION_AFTER = timedelta(seconds=1)
CONTRADICTION_CODE = "MS03"  # no reason given by the agent

Key = tuple[str, int]  # uetr, leg


class Entry(NamedTuple):
    """One row. An outcome of UNKNOWN is a tombstone: an inquiry came first, and the instruction is ignored for good."""

    uetr: str
    leg: int
    outcome: str  # settled | credited | rejected | unknown
    reporting: str
    reason_code: str  # "" unless rejected
    amount_minor: int  # 0 and XXX for a tombstone
    currency: str
    received_at: datetime  # business times from here on
    settled_at: datetime | None  # where settlement is reported before the credit (five steps)
    final_at: datetime


class Event(NamedTuple):
    """A report that falls due: the n-th of its entry."""

    due: datetime
    n: int
    status: str
    reason_code: str


class Book(Protocol):
    """The durable rows of one rail in one sandbox."""

    async def open(self) -> None:
        """Make the book if it is not there. Raises RailUnavailable, as all of these do."""

    async def close(self) -> None:
        """Let go of connections."""

    async def insert(self, entries: Sequence[Entry]) -> int:
        """Keep every entry whose key is new, durably on return, and say how many were; a key that is there stands."""

    async def find(self, keys: Sequence[Key]) -> list[Entry | None]:
        """Return the entry of each key, None where there is none, in order."""

    async def final_since(self, since: datetime) -> list[Entry]:
        """Return the entries that become final at `since` or later, tombstones left out."""


def tombstone(key: Key, at: datetime) -> Entry:
    """Make the row that keeps an instruction out for good: it was inquired after before it came."""
    return Entry(*key, UNKNOWN, SILENT, "", 0, "XXX", at, None, at)


def answer(entry: Entry, at: datetime) -> tuple[str, str, datetime]:
    """Say what is true of an entry at business time `at`: status, reason code, since when."""
    if entry.outcome == UNKNOWN:
        return UNKNOWN, "", at
    if at >= entry.final_at:
        return entry.outcome, entry.reason_code, entry.final_at
    if entry.settled_at is not None and at >= entry.settled_at:
        return SETTLED, "", entry.settled_at
    return PENDING, "", at


def events(entry: Entry) -> Iterator[Event]:
    """List the reports that an entry gives rise to, in order."""
    _uetr, _leg, outcome, reporting, reason_code, _amount, _currency, _received_at, settled_at, final_at = entry
    if reporting == SILENT:
        return
    if settled_at is not None:
        yield Event(settled_at, 0, SETTLED, "")
    yield Event(final_at, 1, outcome, reason_code)
    if reporting == TWICE:
        yield Event(final_at, 2, outcome, reason_code)
    elif reporting == CONTRADICTED:
        yield Event(final_at + CONTRADICTION_AFTER, 2, REJECTED, CONTRADICTION_CODE)


class MemoryBook:
    """A book in memory: as truthful as the durable one for as long as the object lives."""

    def __init__(self) -> None:
        self._entries: dict[Key, Entry] = {}

    async def open(self) -> None:
        """Nothing to make."""

    async def close(self) -> None:
        """Nothing to let go of; the rows stay for a rail that starts again on this book."""

    async def insert(self, entries: Sequence[Entry]) -> int:
        """Keep every entry whose key is new and say how many were."""
        kept, before = self._entries, len(self._entries)
        for entry in entries:
            kept.setdefault((entry[0], entry[1]), entry)
        return len(kept) - before

    async def find(self, keys: Sequence[Key]) -> list[Entry | None]:
        """Return the entry of each key, None where there is none, in order."""
        return [self._entries.get(key) for key in keys]

    async def final_since(self, since: datetime) -> list[Entry]:
        """Return the entries that become final at `since` or later, tombstones left out."""
        return [entry for entry in self._entries.values() if entry.final_at >= since and entry.outcome != UNKNOWN]
