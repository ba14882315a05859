"""A simulated rail: what becomes of an instruction is decided, and durably written, the moment it is received.

Outcome and delay follow from seed, rail, UETR, the creditor account's magic value and the faults in force; the rail
never looks at a clock. A heap holds what will fall due and is rebuilt from the book after a restart.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from heapq import heappop, heappush

from rails.book import ONCE, SILENT, TWICE, Book, Entry, Key, answer, events, tombstone
from rails.delays import STEPS, Delays
from rails.faults import IN_ALL, NO_FAULTS, Faults
from rails.hours import Hours
from rails.magic import magic_of
from rails.port import REJECTED, Capabilities, RailInstruction, RailReport, RailUnavailable
from rails.steps import Answer, Unfold, final

CLOSED = "ED06"  # the rail is closed
WRONG_CURRENCY = "AM03"

# What fell due this long before a restart is reported again: the switch may not have stored it. Longer than any batch
# of the switch takes; what is older still is learned by inquiry.
REPLAY = timedelta(minutes=60)

# An item of the heap: due, uetr, leg, n-th report of its entry, status, reason code. The order does not depend on the
# order of sending, so a restart repeats it.
_Item = tuple[datetime, str, int, int, str, str]


class SimulatedRail:
    """A rail in the process of the switch, with a book of its own."""

    def __init__(
        self, capabilities: Capabilities, unfold: Unfold, book: Book, hours: Hours, delays: Delays, seed: int
    ) -> None:
        self.capabilities = capabilities
        self.faults: Faults = NO_FAULTS  # switchable at run time
        self._unfold = unfold
        self._book = book
        self._hours = hours
        self._delays = delays
        self._key = f"{seed}|{capabilities.rail}".encode()
        self._heap: list[_Item] = []
        self._waiting: dict[Key, int] = {}  # how many items of the heap each key has

    async def start(self, now: datetime) -> None:
        """Open the book and arm what fell due within REPLAY before `now`, or will."""
        await self._book.open()
        self._heap.clear()
        self._waiting.clear()
        self._arm(await self._book.final_since(now - REPLAY))

    async def stop(self) -> None:
        """Let go of the book."""
        await self._book.close()

    async def send(self, batch: Sequence[RailInstruction]) -> None:
        """Write the batch with all that will become of it; what is there already stands, and is reported again."""
        if self.faults.outage:
            raise RailUnavailable(f"{self.capabilities.rail} takes nothing: an outage is switched on")
        entries = [entry for entry in map(self._received, batch) if entry is not None]
        if entries and await self._book.insert(entries) < len(entries):
            # Sent before, or inquired after: what the book says stands. It is reported again, as US RTP does (facts
            # messages 4.1): that mends a send whose reply was lost.
            stored = await self._book.find([(entry.uetr, entry.leg) for entry in entries])
            entries = list(dict.fromkeys(entry for entry in stored if entry is not None))
        self._arm(entry for entry in entries if (entry.uetr, entry.leg) not in self._waiting)

    async def inquire(self, uetrs: Sequence[Key], at: datetime) -> list[RailReport]:
        """Answer from the book; what is not in it is kept out for good before UNKNOWN is said."""
        if self.faults.outage:
            raise RailUnavailable(f"{self.capabilities.rail} answers nothing: an outage is switched on")
        found = await self._book.find(uetrs)
        missing = [key for key, entry in zip(uetrs, found, strict=True) if entry is None]
        if missing:
            await self._book.insert([tombstone(key, at) for key in dict.fromkeys(missing)])
            found = await self._book.find(uetrs)
        reports = []
        for (uetr, leg), entry in zip(uetrs, found, strict=True):
            assert entry is not None
            status, reason_code, since = answer(entry, at)
            reports.append(RailReport(self.capabilities.rail, uetr, leg, status, reason_code, since))
        return reports

    async def reports(self, now: datetime, limit: int) -> list[RailReport]:
        """Take what is due off the heap, oldest first."""
        heap, waiting, rail = self._heap, self._waiting, self.capabilities.rail
        due: list[RailReport] = []
        if self.faults.outage:
            return due
        while heap and heap[0][0] <= now and len(due) < limit:
            at, uetr, leg, _n, status, reason_code = heappop(heap)
            left = waiting[uetr, leg] - 1
            if left:
                waiting[uetr, leg] = left
            else:
                del waiting[uetr, leg]
            due.append(RailReport(rail, uetr, leg, status, reason_code, at))
        return due

    def next_due(self) -> datetime | None:
        """Return when the next report falls due; during an outage none will."""
        return self._heap[0][0] if self._heap and not self.faults.outage else None

    def is_open(self, at: datetime, currency: str) -> bool:
        """Whether the rail takes instructions in `currency` at `at`."""
        return self._hours.is_open(at, currency)

    def next_opening(self, at: datetime, currency: str) -> datetime:
        """Return the first instant from `at` on (UTC) at which the rail takes instructions in `currency`."""
        return self._hours.next_opening(at, currency)

    def _received(self, sent: RailInstruction) -> Entry | None:
        """Decide what becomes of an instruction; None where it gets lost on its way here."""
        magic = magic_of(sent.creditor_account)
        if magic is not None and not magic.received:
            return None
        if not self._hours.is_open(sent.sent_at, sent.currency):
            carried = sent.currency in self.capabilities.currencies
            return final(sent, REJECTED, CLOSED if carried else WRONG_CURRENCY, sent.sent_at, ONCE)
        drawn = int.from_bytes(
            blake2b(f"{sent.uetr}|{sent.leg}".encode(), digest_size=8, key=self._key).digest(), "big"
        )
        drawn, answer_draw = divmod(drawn, STEPS)
        drawn, confirmation_draw = divmod(drawn, STEPS)
        takes, confirmed_after = self._delays.answer[answer_draw], self._delays.confirmation[confirmation_draw]
        reporting = ONCE
        if self.faults is not NO_FAULTS:
            takes, confirmed_after = (delay * self.faults.delay_percent // 100 for delay in (takes, confirmed_after))
            reporting = self._faulty_reporting(drawn)
        at = sent.sent_at + takes
        if magic is None:
            return self._unfold(sent, Answer(at, "", True, reporting), confirmed_after)
        if magic.reporting != ONCE:
            reporting = magic.reporting
        acted = Answer(magic.answers_at(sent, at), magic.reason_code, magic.heard, reporting)
        return self._unfold(sent, acted, confirmed_after)

    def _faulty_reporting(self, drawn: int) -> str:
        drawn, lost = divmod(drawn, IN_ALL)
        if lost < self.faults.lost_reports:
            return SILENT
        return TWICE if drawn % IN_ALL < self.faults.repeated_reports else ONCE

    def _arm(self, entries: Iterable[Entry]) -> None:
        heap, waiting = self._heap, self._waiting
        for entry in entries:
            uetr, leg = entry.uetr, entry.leg
            count = 0
            for due, n, status, reason_code in events(entry):
                heappush(heap, (due, uetr, leg, n, status, reason_code))
                count += 1
            if count:
                waiting[uetr, leg] = count
