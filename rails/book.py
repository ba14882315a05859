"""A rail's own book: one row for each instruction, written once at receipt with everything that will become of it.

Because outcome and due times are known at receipt, no row is ever updated, and an inquiry after a crash answers truly.
What is rare has rows of its own: what is odd about an entry's reports (faults), and what an operator has dictated, which
stands in place of the entry from then on. `Book` is the port, `MemoryBook` the version without a server;
rails.postgres_book holds the durable one.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from rails.port import PENDING, REJECTED, SETTLED, UNKNOWN
from rails.recall_book import MemoryRecallBook, RecallBook

# What a rail's reports do, as against what is true: an inquiry always tells the truth.
SILENT = "silent"  # none comes
ONCE = "once"
TWICE = "twice"  # the last one is repeated
CONTRADICTED = "contradicted"  # the last one is followed by a rejection that is not true

CONTRADICTION_AFTER = timedelta(seconds=1)
CONTRADICTION_CODE = "MS03"  # no reason given by the agent

Key = tuple[str, int]  # uetr, leg


class Entry(NamedTuple):
    """One row. An outcome of UNKNOWN is a tombstone: an inquiry came first, and the instruction is ignored for good.

    PENDING is dictated only: the rail keeps silent until it is told otherwise.
    """

    uetr: str
    leg: int
    outcome: str  # settled | credited | rejected | blocked | unknown | pending
    reporting: str
    reason_code: str  # "" unless rejected
    amount_minor: int  # 0 and XXX for a tombstone
    currency: str
    received_at: datetime  # business times from here on
    settled_at: datetime | None  # where settlement is reported before the credit (five steps)
    final_at: datetime


class Oddity(NamedTuple):
    """What is wrong with the reports of one entry; the entry itself is true."""

    uetr: str
    leg: int
    reported_after: timedelta  # on their way back for so long
    skew: timedelta  # their stamps are so much ahead
    wrong_by_minor: int  # they name an amount so much off, 0 = they name none
    overtaken_by: timedelta  # the first one comes so much after the last one should have


class Event(NamedTuple):
    """A report that falls due: the n-th of its entry; `at` is the rail's own stamp."""

    due: datetime
    n: int
    status: str
    reason_code: str
    at: datetime


class Book(Protocol):
    """The durable rows of one rail in one sandbox."""

    recalls: RecallBook  # what becomes of legs after they have settled

    async def open(self) -> None:
        """Make the book if it is not there. Raises RailUnavailable, as all of these do."""

    async def close(self) -> None:
        """Let go of connections."""

    async def insert(self, entries: Sequence[Entry], odd: Sequence[Oddity] = ()) -> int:
        """Keep every entry whose key is new, durably on return, and say how many were; a key that is there stands.

        `odd` is kept first, so that no entry is there without what is odd about it.
        """

    async def find(self, keys: Sequence[Key]) -> list[Entry | None]:
        """Return the entry of each key, or what was dictated in its place, None where there is neither, in order."""

    async def final_since(self, since: datetime) -> list[Entry]:
        """Return the entries, as `find` would, that become final at `since` or later, tombstones left out."""

    async def oddities(self, since: datetime) -> list[Oddity]:
        """Return what is odd about the entries that become final at `since` or later."""

    async def dictate(self, entry: Entry) -> None:
        """Keep an entry that stands in place of the one there is, or of one that comes later; the last one stands."""

    async def dictated(self, key: Key) -> Entry | None:
        """Return what was dictated for a key, by this worker or another, None where nothing was."""


def tombstone(key: Key, at: datetime) -> Entry:
    """Make the row that keeps an instruction out for good: it was inquired after before it came."""
    return Entry(*key, UNKNOWN, SILENT, "", 0, "XXX", at, None, at)


def answer(entry: Entry, at: datetime) -> tuple[str, str, datetime]:
    """Say what is true of an entry at business time `at`: status, reason code, since when."""
    if entry.outcome == UNKNOWN:
        return UNKNOWN, "", at
    if entry.outcome == PENDING:
        return PENDING, "", at
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
        yield Event(settled_at, 0, SETTLED, "", settled_at)
    yield Event(final_at, 1, outcome, reason_code, final_at)
    if reporting == TWICE:
        yield Event(final_at, 2, outcome, reason_code, final_at)
    elif reporting == CONTRADICTED:
        untrue_at = final_at + CONTRADICTION_AFTER
        yield Event(untrue_at, 2, REJECTED, CONTRADICTION_CODE, untrue_at)


def odd_events(entry: Entry, odd: Oddity) -> Iterator[Event]:
    """List the reports of an entry as they come where something is wrong with them: overtaken, a settlement follows its credit."""
    for first, event in enumerate(events(entry)):
        overtaken = odd.overtaken_by and first == 0
        due = entry.final_at + odd.overtaken_by if overtaken else event.due
        yield event._replace(due=due + odd.reported_after, at=event.at + odd.skew)


class MemoryBook:
    """A book in memory: as truthful as the durable one for as long as the object lives."""

    def __init__(self) -> None:
        self._entries: dict[Key, Entry] = {}
        self._odd: dict[Key, Oddity] = {}
        self._dictated: dict[Key, Entry] = {}
        self.recalls: RecallBook = MemoryRecallBook()

    async def open(self) -> None:
        """Nothing to make."""

    async def close(self) -> None:
        """Nothing to let go of; the rows stay for a rail that starts again on this book."""

    async def insert(self, entries: Sequence[Entry], odd: Sequence[Oddity] = ()) -> int:
        """Keep every entry whose key is new and say how many were."""
        kept, before = self._entries, len(self._entries)
        for oddity in odd:
            if (key := (oddity.uetr, oddity.leg)) not in kept:
                self._odd.setdefault(key, oddity)
        for entry in entries:
            kept.setdefault((entry[0], entry[1]), entry)
        return len(kept) - before

    async def find(self, keys: Sequence[Key]) -> list[Entry | None]:
        """Return the entry of each key, or what was dictated in its place, None where there is neither, in order."""
        return [self._dictated.get(key) or self._entries.get(key) for key in keys]

    async def final_since(self, since: datetime) -> list[Entry]:
        """Return the entries, as `find` would, that become final at `since` or later, tombstones left out."""
        standing = self._entries | self._dictated
        return [entry for entry in standing.values() if entry.final_at >= since and entry.outcome != UNKNOWN]

    async def oddities(self, since: datetime) -> list[Oddity]:
        """Return what is odd about the entries that become final at `since` or later."""
        return [
            odd
            for key, odd in self._odd.items()
            if key in self._entries and key not in self._dictated and self._entries[key].final_at >= since
        ]

    async def dictate(self, entry: Entry) -> None:
        """Keep an entry that stands in place of the one there is, or of one that comes later; the last one stands."""
        self._entries.setdefault((entry.uetr, entry.leg), entry)
        self._dictated[entry.uetr, entry.leg] = entry

    async def dictated(self, key: Key) -> Entry | None:
        """Return what was dictated for a key, None where nothing was."""
        return self._dictated.get(key)
