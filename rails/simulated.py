"""A simulated rail: what becomes of an instruction is decided, and durably written, the moment it is received.

Outcome and delay follow from seed, rail, UETR, the creditor account's magic value and the faults in force; the rail
never looks at a clock. A heap holds what will fall due and is rebuilt from the book after a restart. An operator may
dictate what becomes of an instruction; that stands in place of what was decided.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from heapq import heapify, heappop, heappush

from fx.money import Money
from rails.book import ONCE, SILENT, TWICE, Book, Entry, Key, Oddity, answer, events, odd_events, tombstone
from rails.delays import STEPS, Delays
from rails.faults import IN_ALL, NO_EFFECT, NO_FAULTS, Effect, Faults, effect_of
from rails.hours import Closure, Hours
from rails.magic import Magic, magic_of
from rails.port import (
    BLOCKED,
    CREDITED,
    PENDING,
    REJECTED,
    SETTLED,
    Capabilities,
    RailInstruction,
    RailReport,
    RailReturn,
    RailUnavailable,
    RecallAnswer,
    RecallRequest,
)
from rails.recalls import CreditorAgents
from rails.steps import Answer, Unfold, final

CLOSED = "ED06"  # the rail is closed
WRONG_CURRENCY = "AM03"
ABORTED = "AB03"  # the settlement was aborted: the switch has told that it ended the payment

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
        self.takes_faults = True
        # Whether those who hand over to it send again, or ask about, whatever they have not heard the last word of, as the
        # switch does with what it takes over. Then each report is armed where its payment is held, and nowhere else: armed at
        # a start, every worker would carry out every report of the last hour.
        self.resent = False
        self._unfold = unfold
        self._book = book
        self._hours = hours
        self._delays = delays
        self._key = f"{seed}|{capabilities.rail}".encode()
        self._agents = CreditorAgents(capabilities.rail, self._key, book, book.recalls, hours.next_opening)
        self._later: list[
            tuple[RailInstruction, Entry, Magic]
        ] = []  # of the batch at hand: what magic has happen after it settled
        self._heap: list[_Item] = []
        self._waiting: dict[Key, int] = {}  # how many items of the heap each key has
        self._odd: dict[Key, Oddity] = {}  # of keys that wait: what is wrong with their reports
        self._said: dict[tuple[str, int, int], tuple[datetime, int | None]] = {}  # of those: stamp and amount they name

    async def start(self, now: datetime) -> None:
        """Open the book and arm what fell due within REPLAY before `now`, or will; nothing where it is `resent`."""
        await self._book.open()
        self._heap.clear()
        self._waiting.clear()
        self._said.clear()
        self._odd = {(odd.uetr, odd.leg): odd for odd in await self._book.oddities(now - REPLAY)}
        if not self.resent:
            self._arm(await self._book.final_since(now - REPLAY))
        await self._agents.start(now)

    async def stop(self) -> None:
        """Let go of the book."""
        await self._book.close()

    async def send(self, batch: Sequence[RailInstruction]) -> None:
        """Write the batch with all that will become of it; what is there already stands, and is reported again."""
        if self.faults.takes_nothing:
            raise RailUnavailable(f"{self.capabilities.rail} takes nothing: an outage is switched on", taken_none=True)
        odd: list[Oddity] = []
        if self.faults.rules:
            entries = [entry for sent in batch for entry in self._received_by_rules(sent, odd)]
        else:
            entries = [entry for entry in map(self._received, batch) if entry is not None]
        if self._later:
            later, self._later = self._later, []
            await self._agents.remember(later)
        if entries and await self._book.insert(entries, odd) < len(entries):
            # Sent before, or inquired after: what the book says stands. It is reported again, as US RTP does (facts
            # messages 4.1): that mends a send whose reply was lost.
            stored = await self._book.find([(entry.uetr, entry.leg) for entry in entries])
            entries = list(dict.fromkeys(entry for entry in stored if entry is not None))
        self._odd.update({key: each for each in odd if (key := (each.uetr, each.leg)) not in self._waiting})
        self._arm(entry for entry in entries if (entry.uetr, entry.leg) not in self._waiting)

    async def inquire(self, uetrs: Sequence[Key], at: datetime) -> list[RailReport]:
        """Answer from the book; what is not in it is kept out for good before UNKNOWN is said."""
        if self.faults.takes_nothing or self.faults.says_nothing:
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
        if self.faults.says_nothing:
            return due
        while heap and heap[0][0] <= now and len(due) < limit:
            at, uetr, leg, n, status, reason_code = heappop(heap)
            left = waiting[uetr, leg] - 1
            if left:
                waiting[uetr, leg] = left
            else:
                del waiting[uetr, leg]
            said = self._said.pop((uetr, leg, n), None) if self._said else None
            if said is None:
                due.append(RailReport(rail, uetr, leg, status, reason_code, at))
            else:
                due.append(RailReport(rail, uetr, leg, status, reason_code, *said))
        return due

    async def recall(self, requests: Sequence[RecallRequest], at: datetime) -> list[RecallAnswer]:
        """Hand over recalls that are new and say what has become of each."""
        if self.faults.takes_nothing or self.faults.says_nothing:
            raise RailUnavailable(f"{self.capabilities.rail} answers nothing: an outage is switched on")
        return await self._agents.recall(requests, at)

    async def returns(self, now: datetime, limit: int) -> list[RailReturn]:
        """Tell of the money given back unasked that is due."""
        return [] if self.faults.says_nothing else await self._agents.returns(now, limit)

    def next_due(self) -> datetime | None:
        """Return when the next report or return falls due; during an outage none will."""
        if self.faults.says_nothing:
            return None
        returned_at = self._agents.next_due()
        if not self._heap:
            return returned_at
        reported_at = self._heap[0][0]
        return reported_at if returned_at is None else min(reported_at, returned_at)

    async def dictate(self, key: Key, outcome: str, reason_code: str, at: datetime, about: Money) -> None:
        """Let an operator say what has become of an instruction at business time `at`: reports and inquiries say so from now on.

        `outcome` is a status of reports, PENDING for a rail that keeps silent; `about` is what the leg carries, kept where the
        rail knows nothing of it. What was to be reported before is not. Durable; the last word stands. Raises RailUnavailable.
        """
        uetr, leg = key
        reporting = SILENT if outcome == PENDING else ONCE
        entry = Entry(uetr, leg, outcome, reporting, reason_code, about.amount_minor, about.currency, at, None, at)
        await self._book.dictate(entry)
        self._heap = [item for item in self._heap if item[1:3] != key]
        heapify(self._heap)
        self._waiting.pop(key, None)
        self._odd.pop(key, None)
        self._said = {said: told for said, told in self._said.items() if said[:2] != key}
        self._arm([entry])

    async def stands(self, report: RailReport) -> bool:
        """Say whether a report still holds: what an operator has dictated since, through another worker, takes it back."""
        dictated = await self._book.dictated((report.uetr, report.leg))
        return dictated is None or dictated.outcome == report.status

    async def give_back(self, key: Key, reason_code: str, at: datetime) -> bool:
        """Let an operator have the creditor agent give back what it has left of a leg; False where nothing is, or it was never paid."""
        [entry] = await self._book.find([key])
        if entry is None or answer(entry, at)[0] not in (SETTLED, CREDITED):
            return False
        return await self._agents.give_back(entry, reason_code, at)

    async def abort(self, uetrs: Sequence[Key], at: datetime) -> list[RailReport]:
        """Reject (AB03) what has not settled by business time `at`, keep out what has not come, and say what is true then."""
        for report in await self.inquire(uetrs, at):
            if report.status == PENDING and self.capabilities.takes_veto:
                key = report.uetr, report.leg
                [entry] = await self._book.find([key])
                assert entry is not None
                await self.dictate(key, REJECTED, ABORTED, at, Money(entry.amount_minor, entry.currency))
        return await self.inquire(uetrs, at)

    @property
    def closures(self) -> tuple[Closure, ...]:
        """What closes the rail besides its hours; may be set at any time."""
        return self._hours.closures

    @closures.setter
    def closures(self, closures: tuple[Closure, ...]) -> None:
        self._hours.closures = closures

    def is_open(self, at: datetime, currency: str) -> bool:
        """Whether the rail takes instructions in `currency` at `at`."""
        return self._hours.is_open(at, currency)

    def next_opening(self, at: datetime, currency: str) -> datetime:
        """Return the first instant from `at` on (UTC) at which the rail takes instructions in `currency`."""
        return self._hours.next_opening(at, currency)

    def _received(self, sent: RailInstruction, effect: Effect = NO_EFFECT) -> Entry | None:
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
            percent = self.faults.delay_percent * effect.percent // 100
            takes, confirmed_after = (
                delay * percent // 100 for delay in (takes if effect.answer is None else effect.answer, confirmed_after)
            )
            reporting = self._faulty_reporting(drawn, effect)
        at = sent.sent_at + takes
        if magic is None and effect is NO_EFFECT:
            return self._unfold(sent, Answer(at, "", True, reporting), confirmed_after)
        return self._unfolded_oddly(sent, magic, effect, at, confirmed_after, reporting)

    def _unfolded_oddly(
        self,
        sent: RailInstruction,
        magic: Magic | None,
        effect: Effect,
        at: datetime,
        confirmed_after: timedelta,
        reporting: str,
    ) -> Entry:
        """Unfold an instruction for which magic or a fault has the creditor agent act otherwise; magic stands before faults."""
        reason_code, heard = effect.reason_code, effect.heard
        if effect.past_deadline is not None:
            at = max(sent.expires_at, sent.sent_at) + effect.past_deadline
        if magic is None:
            return self._unfold(sent, Answer(at, reason_code, heard, reporting), confirmed_after)
        if magic.reporting != ONCE:
            reporting = magic.reporting
        acted = Answer(magic.answers_at(sent, at), magic.reason_code or reason_code, magic.heard and heard, reporting)
        entry = self._unfold(sent, acted, confirmed_after)
        if magic.recall or magic.returns:
            self._later.append((sent, entry, magic))
        if magic.blocked and entry.outcome != REJECTED:
            return entry._replace(outcome=BLOCKED, settled_at=None)
        return entry

    def _received_by_rules(self, sent: RailInstruction, odd: list[Oddity]) -> list[Entry]:
        """Decide as `_received` does, under the rules in force: none where it gets lost, two where it arrives twice.

        What is wrong with its reports is added to `odd`.
        """

        def draw(name: str, outcomes: int) -> int:
            digest = blake2b(f"{sent.uetr}|{sent.leg}|{name}".encode(), digest_size=8, key=self._key).digest()
            return int.from_bytes(digest, "big") % outcomes

        effect = effect_of(self.faults.rules, sent.creditor_agent, sent.sent_at, draw)
        arrived = sent._replace(sent_at=sent.sent_at + effect.travels) if effect.travels else sent
        entry = self._received(arrived, effect) if effect.received else None
        if entry is None:
            return []
        if effect.reported_after or effect.skew or effect.wrong_by_minor or effect.overtaken_by:
            odd.append(
                Oddity(
                    sent.uetr, sent.leg, effect.reported_after, effect.skew, effect.wrong_by_minor, effect.overtaken_by
                )
            )
        return [entry, entry] if effect.arrives_twice else [entry]

    def _faulty_reporting(self, drawn: int, effect: Effect) -> str:
        drawn, lost = divmod(drawn, IN_ALL)
        if lost < self.faults.lost_reports or effect.lost_report:
            return SILENT
        return TWICE if drawn % IN_ALL < self.faults.repeated_reports or effect.repeated_report else ONCE

    def _arm(self, entries: Iterable[Entry]) -> None:
        heap, waiting = self._heap, self._waiting
        for entry in entries:
            uetr, leg = entry.uetr, entry.leg
            odd = self._odd.pop((uetr, leg), None) if self._odd else None
            count = 0
            for due, n, status, reason_code, at in events(entry) if odd is None else odd_events(entry, odd):
                heappush(heap, (due, uetr, leg, n, status, reason_code))
                if odd is not None:
                    about = entry.amount_minor + odd.wrong_by_minor if odd.wrong_by_minor else None
                    self._said[uetr, leg, n] = at, about
                count += 1
            if count:
                waiting[uetr, leg] = count
