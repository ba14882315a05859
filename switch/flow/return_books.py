"""What the flow asks of a store about recalls and returns: records beside payments, which never touch their status.

Each call is one transaction and is idempotent by the record's own id. Both stores; amounts are minor units, instants UTC.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple, Protocol

from fx.money import Money
from rails.port import RailReturn, RecallAnswer
from switch.payment.recalling import (
    PENDING,
    RECALL_ACCEPTED,
    RECALL_REJECTED,
    REQUESTED,
    Judge,
    RecallRefused,
)
from switch.payment.returning import Booking, Make

# Business time from one asking to the next (assumed): an answer takes minutes to days, and is asked for rather than told.
RECALL_BACKOFF = tuple(timedelta(seconds=s) for s in (1, 4, 16, 60, 300, 900, 3_600))


class StoredRecall(NamedTuple):
    """A recall as the store holds it."""

    recall_id: str
    payment_id: str
    received_on: date  # the payment's
    participant: str
    rail: str
    uetr: str
    leg: int
    reason_code: str
    amount_minor: int
    currency: str
    reversal: bool  # the switch asks for what was its own fault
    content_hash: bytes
    sealed: bytes  # what the asking agent adds, encrypted
    state: str
    code: str  # why it was rejected
    requested_at: datetime
    answered_at: datetime | None
    ask_at: datetime | None  # when its rail is asked next; None once it has answered
    tries: int


class StoredReturn(NamedTuple):
    """A return as the store holds it; `payment_id` is "" where it is of no payment of ours."""

    return_id: str
    payment_id: str
    participant: str
    n: int  # of the payment's returns
    recall_id: str
    rail: str
    uetr: str
    leg: int
    amount_minor: int
    currency: str
    charge_minor: int
    reason_code: str
    at: datetime  # when the creditor agent gave it back
    booked_at: datetime
    state: str
    why: str
    before_minor: int  # of the original, counted before it
    counted_minor: int
    moved: bool  # whether money moved for it
    credited_minor: int
    credited_currency: str
    sold_minor: int
    bought_minor: int
    market: str
    provider: str
    rate: str
    bears: str
    mode: str
    share: tuple[int, int]
    released_at: datetime | None

    @property
    def given(self) -> RailReturn:
        """What the rail had said."""
        return RailReturn(
            self.rail, self.return_id, self.uetr, self.leg, self.amount_minor, self.currency, self.charge_minor,
            self.reason_code, self.recall_id, self.at,
        )  # fmt: skip


class Opened(NamedTuple):
    """What became of asking for a recall: stored now or before (`replayed`), or refused."""

    recall: StoredRecall | None
    refused: RecallRefused | None = None
    replayed: bool = False
    same_content: bool = True


# (amount asked back) -> the record to store
Draft = Callable[[Money], StoredRecall]


class ReturnBooks(Protocol):
    """The part of a store's books that recalls and returns are in."""

    async def open_recall(
        self, payment_id: str, recall_id: str, content_hash: bytes, judge: Judge, draft: Draft
    ) -> Opened:
        """Judge a recall under its payment's lock and store it; the same recall_id again is a replay."""

    async def due_recalls(self, now: datetime, limit: int) -> list[StoredRecall]:
        """Take recalls whose rails are to be asked by `now`; each is due again after its back-off, whoever asks then."""

    async def next_recall_at(self) -> datetime | None:
        """Return when the next recall is to be asked about, None where all are answered."""

    async def answer_recall(self, answer: RecallAnswer) -> bool:
        """Keep a rail's answer, once: pending, accepted or rejected; False where nothing changed."""

    async def book_return(
        self, given: RailReturn, payment_id: str, at: datetime, make: Make
    ) -> tuple[StoredReturn, bool]:
        """Book what a rail gives back in one transaction: record, transfers, counters, the share of claims, its recall.

        The payment is locked, and of the ways that `make` lists the first that the accounts cover is taken. Returns the record
        and whether it is new: known by its return_id it stands as it is. `payment_id` "" = of no payment of ours.
        """

    async def release_return(self, return_id: str, at: datetime, make: Make) -> StoredReturn | None:
        """Book a held return anew, as `book_return` does; None where no way is covered. One that is not held stays as it is."""

    async def recalls(self, payment_id: str) -> list[StoredRecall]:
        """Return a payment's recalls, oldest first."""

    async def recall_of(self, recall_id: str) -> StoredRecall | None:
        """Return one recall."""

    async def returns(self, payment_id: str) -> list[StoredReturn]:
        """Return a payment's returns in the order of their number."""

    async def return_of(self, return_id: str) -> StoredReturn | None:
        """Return one return."""

    async def returns_in(self, state: str, before: tuple[datetime, str] | None, limit: int) -> list[StoredReturn]:
        """Return returns that stand in a state, newest first, after the cursor (when booked, id)."""


def came_back(recall: StoredRecall, returns: Sequence[StoredReturn]) -> int:
    """Sum up what has come back under a recall, what the creditor agent kept included, minor units."""
    return sum(each.amount_minor + each.charge_minor for each in returns if each.recall_id == recall.recall_id)


def next_ask(now: datetime, tries: int) -> datetime:
    """Return when a recall is asked about next that has been asked about `tries` times."""
    return now + RECALL_BACKOFF[min(tries, len(RECALL_BACKOFF) - 1)]


def answered_state(state: str, answer: RecallAnswer) -> str:
    """Return the state of a recall after its rail's answer; an answer that says no more than is known changes nothing."""
    moves = {"pending": (REQUESTED,), "accepted": (REQUESTED, PENDING), "rejected": (REQUESTED, PENDING)}
    became = {"pending": PENDING, "accepted": RECALL_ACCEPTED, "rejected": RECALL_REJECTED}
    return became[answer.status] if state in moves[answer.status] else state


def code_of(said: RecallAnswer | RailReturn) -> str:
    """Return the reason a rail gives for a rejected recall or a return; NARR where it gives none, or none of ISO's form."""
    code = said.reason_code
    return code if 0 < len(code) <= 4 and code.isascii() and code.isalnum() else "NARR"


def booked(
    given: RailReturn, payment_id: str, participant: str, n: int, before_minor: int, booking: Booking, at: datetime
) -> StoredReturn:
    """Put together the record of a return as it is booked."""
    return StoredReturn(
        given.return_id, payment_id, participant, n, given.recall_id, given.rail, given.uetr, given.leg, given.amount_minor,
        given.currency, given.charge_minor, code_of(given), given.at, at, booking.state, booking.why, before_minor,
        booking.counted_minor, bool(booking.transfers), booking.credited_minor, booking.credited_currency,
        booking.sold_minor, booking.bought_minor, booking.market, booking.provider, booking.rate, booking.bears,
        booking.mode, booking.share, None,
    )  # fmt: skip


def released(stored: StoredReturn, booking: Booking, at: datetime) -> StoredReturn:
    """Put together a held return as it is after its release."""
    return stored._replace(
        state=booking.state, counted_minor=booking.counted_minor, credited_minor=booking.credited_minor,
        credited_currency=booking.credited_currency, sold_minor=booking.sold_minor, bought_minor=booking.bought_minor,
        market=booking.market, provider=booking.provider, rate=booking.rate, bears=booking.bears, mode=booking.mode,
        share=booking.share, released_at=at,
    )  # fmt: skip
