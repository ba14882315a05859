"""Recalls and returns in memory: the reference for switch/store/postgres/returns.py. One event loop; each method is one step.

A part of MemoryStore, which says what it needs of the books below.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from fx.money import Money
from limits.claims import Sums
from limits.counters import admit
from rails.port import RailReturn, RecallAnswer
from switch.flow.ports import RECALL, RETURN, Stored
from switch.flow.record_events import recall_detail, return_detail
from switch.flow.return_books import (
    Draft,
    Opened,
    StoredRecall,
    StoredReturn,
    answered_state,
    booked,
    code_of,
    next_ask,
    released,
)
from switch.payment.plan import Transfer
from switch.payment.postings import account_claims
from switch.payment.recalling import OPEN, RECALL_REJECTED, RETURNED, UNDER_WAY, Judge, RecallRefused, Standing
from switch.payment.returning import SUSPENDED, UNKNOWN, UNMATCHED, Booking, Make, share_left


class MemoryReturns:
    """The part of the books that recalls and returns are in."""

    def __init__(self) -> None:
        self._recalls: dict[str, StoredRecall] = {}
        self._returns: dict[str, StoredReturn] = {}

    # --- what it needs of the books ---

    @abstractmethod
    def _held(self, payment_id: str) -> Stored:
        """Return a payment that is there."""

    @abstractmethod
    def _sums_of(self, keys: Iterable[str]) -> Mapping[str, Sums]:
        """Return the sums of accounts."""

    @abstractmethod
    def _post_beside(self, payment_id: str, transfers: Sequence[Transfer]) -> None:
        """Post transfers beside a payment."""

    @abstractmethod
    def _given_back(self, payment_id: str) -> tuple[int, int]:
        """Return which share of a payment's claims has gone back."""

    @abstractmethod
    def _give_back(self, payment_id: str, step: str, share: tuple[int, int]) -> bool:
        """Give back a share of a payment's claims."""

    @abstractmethod
    def _record_event(
        self, payment_id: str, record: str, at: datetime, code: str = "", detail: str = "{}", participant: str = ""
    ) -> None:
        """Append an event of a record beside a payment."""

    # --- recalls ---

    async def open_recall(
        self, payment_id: str, recall_id: str, content_hash: bytes, judge: Judge, draft: Draft
    ) -> Opened:
        """Judge a recall and store it; the same recall_id again is a replay."""
        known = self._recalls.get(recall_id)
        if known is not None:
            return Opened(known, None, True, known.content_hash == content_hash)
        stored = self._held(payment_id)
        settlement = Money(stored.settlement_minor, stored.settlement_currency)
        under_way = next((r.recall_id for r in self._recalls_of(payment_id) if r.state in UNDER_WAY), "")
        verdict = judge(Standing(stored.status, stored.settled_at, settlement, self._counted(payment_id), under_way))
        if isinstance(verdict, RecallRefused):
            return Opened(None, verdict)
        recall = self._recalls[recall_id] = draft(verdict)
        self._say(recall, recall.requested_at)
        return Opened(recall)

    async def due_recalls(self, now: datetime, limit: int) -> list[StoredRecall]:
        """Take recalls whose rails are to be asked by `now`; each is due again after its back-off."""
        due = sorted(
            (r for r in self._recalls.values() if r.ask_at is not None and r.ask_at <= now),
            key=lambda r: (r.ask_at, r.recall_id),
        )[:limit]
        for recall in due:
            later = recall._replace(ask_at=next_ask(now, recall.tries), tries=recall.tries + 1)
            self._recalls[recall.recall_id] = later
        return due

    async def next_recall_at(self) -> datetime | None:
        """Return when the next recall is to be asked about."""
        return min((r.ask_at for r in self._recalls.values() if r.ask_at is not None), default=None)

    async def answer_recall(self, answer: RecallAnswer) -> bool:
        """Keep a rail's answer, once."""
        recall = self._recalls[answer.recall_id]
        state = answered_state(recall.state, answer)
        if state == recall.state:
            return False
        code = code_of(answer) if state == RECALL_REJECTED else ""
        self._move(recall, state, code, None if state in OPEN else answer.at, answer.at)
        return True

    def _move(self, recall: StoredRecall, state: str, code: str, answered_at: datetime | None, at: datetime) -> None:
        ask_at = recall.ask_at if answered_at is None else None
        moved = recall._replace(state=state, code=code, answered_at=answered_at, ask_at=ask_at)
        self._recalls[recall.recall_id] = moved
        self._say(moved, at)

    def _say(self, recall: StoredRecall, at: datetime) -> None:
        self._record_event(recall.payment_id, RECALL, at, recall.code or recall.reason_code, recall_detail(recall))

    # --- returns ---

    async def book_return(
        self, given: RailReturn, payment_id: str, at: datetime, make: Make
    ) -> tuple[StoredReturn, bool]:
        """Book what a rail gives back; known by its return_id it stands as it is."""
        known = self._returns.get(given.return_id)
        if known is not None:
            self._answered(known._replace(recall_id=given.recall_id), at)
            return known, False
        if not payment_id:
            stored = self._returns[given.return_id] = booked(given, "", "", 1, 0, Booking(UNMATCHED, UNKNOWN), at)
            return stored, True
        before, n = self._counted(payment_id), len(self._returns_of(payment_id)) + 1
        booking = self._take(payment_id, given.return_id, make(before, n))
        assert booking is not None, "the last way to book a return always fits"
        stored = booked(given, payment_id, self._held(payment_id).participant, n, before, booking, at)
        self._returns[given.return_id] = stored
        self._answered(stored, at)
        self._record_event(payment_id, RETURN, at, stored.reason_code, return_detail(stored))
        return stored, True

    def _answered(self, stored: StoredReturn, at: datetime) -> None:
        """Let the recall that a return answers have its end."""
        recall = self._recalls.get(stored.recall_id)
        if recall is not None and recall.state in UNDER_WAY and recall.payment_id == stored.payment_id:
            self._move(recall, RETURNED, "", recall.answered_at or stored.at, at)

    async def release_return(self, return_id: str, at: datetime, make: Make) -> StoredReturn | None:
        """Book a held return anew; None where no way is covered."""
        stored = self._returns[return_id]
        if stored.state != SUSPENDED:
            return stored
        before = self._counted(stored.payment_id, return_id)
        booking = self._take(stored.payment_id, return_id, make(before, stored.n))
        if booking is None:
            return None
        after = self._returns[return_id] = released(stored, booking, at)._replace(before_minor=before)
        self._record_event(stored.payment_id, RETURN, at, after.reason_code, return_detail(after))
        return after

    def _take(self, payment_id: str, return_id: str, ways: Sequence[Booking]) -> Booking | None:
        """Post the first way that its accounts cover, and give back its share of the claims."""
        for way in ways:
            claims = tuple(account_claims(way.transfers))
            sums = self._sums_of(claim.counter for claim in claims)
            if admit(claims, sums)[0] is not None:
                continue
            self._post_beside(payment_id, way.transfers)
            if not way.share[0]:
                return way
            taken = share_left(way.share, self._given_back(payment_id))
            self._give_back(payment_id, f"return:{return_id}", taken)
            return way._replace(share=taken)
        return None

    def _counted(self, payment_id: str, without: str = "") -> int:
        return sum(each.counted_minor for each in self._returns_of(payment_id) if each.return_id != without)

    # --- reads ---

    def _recalls_of(self, payment_id: str) -> list[StoredRecall]:
        return [recall for recall in self._recalls.values() if recall.payment_id == payment_id]

    def _returns_of(self, payment_id: str) -> list[StoredReturn]:
        return [each for each in self._returns.values() if each.payment_id == payment_id]

    async def recalls(self, payment_id: str) -> list[StoredRecall]:
        """Return a payment's recalls, oldest first."""
        return sorted(self._recalls_of(payment_id), key=lambda r: (r.requested_at, r.recall_id))

    async def recall_of(self, recall_id: str) -> StoredRecall | None:
        """Return one recall."""
        return self._recalls.get(recall_id)

    async def returns(self, payment_id: str) -> list[StoredReturn]:
        """Return a payment's returns in the order of their number."""
        return sorted(self._returns_of(payment_id), key=lambda each: each.n)

    async def return_of(self, return_id: str) -> StoredReturn | None:
        """Return one return."""
        return self._returns.get(return_id)

    async def returns_in(self, state: str, before: tuple[datetime, str] | None, limit: int) -> list[StoredReturn]:
        """Return returns that stand in a state, newest first, after the cursor."""
        found = sorted(self._returns.values(), key=lambda each: (each.booked_at, each.return_id), reverse=True)
        return [
            each
            for each in found
            if each.state == state and (before is None or (each.booked_at, each.return_id) < before)
        ][:limit]
