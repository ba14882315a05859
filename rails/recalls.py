"""What creditor agents do after a leg has settled: answer recalls, and give money back unasked (camt.029, pacs.004).

As in the rail's book, all that will become of a recall is decided and durably written when it is received, and an unasked
return when its leg is (rails.recall_book). `CreditorAgents` is what a simulated rail delegates to. It looks at no clock and at
no account but by its magic (rails.magic).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from rails.book import Book, Entry
from rails.delays import STEPS, table
from rails.magic import Magic
from rails.port import (
    ACCEPTED,
    CREDITED,
    PENDING,
    REJECTED,
    SETTLED,
    RailInstruction,
    RailReturn,
    RecallAnswer,
    RecallRequest,
)
from rails.recall_book import BEGINNING, FIRST_ID, Case, Leg, Mark, RecallBook, Unasked

AFTER_RECALL = "FOCR"  # ExternalReturnReason1Code: return following a cancellation request
NO_ORIGINAL, ALREADY_RETURNED = "NOOR", "ARDT"

# What magic says of a recall, besides ACCEPTED and REJECTED; "" = as the seed has it.
SLOW, PART, MUTE = "slow", "part", "mute"
FULL_RETURN = "full"

# The book is read again this long after it was, for what another worker has put there; the own ones are known to the moment.
POLL = timedelta(seconds=10)

# Returns this long before the last that was told may come from another worker that is gone: they are told again.
REPLAY = timedelta(minutes=60)


class Habits(NamedTuple):
    """How creditor agents answer where nothing else is said (recalls.yaml; all assumed)."""

    accepted: Mapping[str, int]
    rejected: tuple[str, ...]  # a hundred codes, each as often as its weight
    answer: tuple[timedelta, ...]
    pending: timedelta
    returned_after: timedelta


@cache
def habits() -> Habits:
    """Read recalls.yaml, once: it is a value."""
    data: dict[str, Any] = yaml.load(
        Path(__file__).with_name("recalls.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader
    )
    codes = tuple(code for code, weight in data["rejected"].items() for _ in range(weight))
    assert len(codes) == 100, "the weights of recalls.yaml add up to a hundred"
    minutes = {name: value * 60_000 for name, value in data["answer_minutes"].items()}
    return Habits(
        data["accepted"],
        codes,
        table(minutes),
        timedelta(days=data["pending_days"]),
        timedelta(minutes=data["returned_after_minutes"]),
    )


class CreditorAgents:
    """The creditor agents of one simulated rail. `key` seeds their draws, `opens` gives the rail's next opening."""

    def __init__(
        self, rail: str, key: bytes, book: Book, recalls: RecallBook, opens: Callable[[datetime, str], datetime]
    ) -> None:
        self._rail, self._key, self._book, self._recalls, self._opens = rail, key, book, recalls, opens
        self._due: datetime | None = None  # when the next unasked return falls due: for whoever waits
        self._told: dict[str, datetime] = {}  # those of the last REPLAY
        self._mark = BEGINNING  # the book is read on behind it
        self._read_at: datetime | None = None  # when the book was last read to its end

    async def start(self, now: datetime) -> None:
        """Begin anew: every return there ever was is told once more, since the switch may not have stored it."""
        self._told.clear()
        self._mark, self._read_at = BEGINNING, None
        self._due = await self._recalls.next_unasked(now)

    async def remember(self, received: Sequence[tuple[RailInstruction, Entry, Magic]]) -> None:
        """Keep what magic says will become of legs after they settle."""
        legs, unasked = [], []
        for sent, entry, magic in received:
            if magic.recall:
                legs.append(Leg(sent.uetr, sent.leg, magic.recall, magic.recall_code))
            if magic.returns and entry.outcome in (SETTLED, CREDITED):
                unasked.append(self._unasked(sent, entry, magic))
        if legs or unasked:
            await self._recalls.remember(legs, unasked)
            for each in unasked:
                self._await(each.at)

    async def give_back(self, entry: Entry, reason_code: str, at: datetime) -> bool:
        """Have the creditor agent give back at `at`, unasked, what it has left of a leg; False where nothing is."""
        left = entry.amount_minor - await self._recalls.given_back((entry.uetr, entry.leg))
        if left <= 0:
            return False
        return_id = _uuid(self._key, f"dictated|{entry.uetr}|{entry.leg}")
        unasked = Unasked(return_id, entry.uetr, entry.leg, left, entry.currency, reason_code, at)
        await self._recalls.remember([], [unasked])
        self._await(at)
        return True

    async def recall(self, requests: Sequence[RecallRequest], at: datetime) -> list[RecallAnswer]:
        """Decide recalls that are new, and say what has become of each by `at`."""
        known = await self._recalls.cases([request.recall_id for request in requests])
        fresh = [await self._decided(each) for each in _first(requests) if each.recall_id not in known]
        if fresh:
            await self._recalls.insert(fresh)
            known |= await self._recalls.cases([case.recall_id for case in fresh])
        return [self._answer(known[request.recall_id], at) for request in requests]

    async def returns(self, now: datetime, limit: int) -> list[RailReturn]:
        """Tell of unasked returns that are due by `now`, oldest first, those of other workers too."""
        fresh = self._read_at is not None and self._read_at <= now < self._read_at + POLL
        if fresh and not (self._due is not None and self._due <= now):
            return []
        begun = self._mark
        taken, read_to, ended = await self._read_on(now, limit)
        legs = await self._book.find([(each.uetr, each.leg) for each in taken]) if taken else []
        later = await self._recalls.next_unasked(now) if ended else None
        # Nothing is awaited from here on: what was read is told.
        since = now - REPLAY
        known = self._told | {each.return_id: each.at for each in taken}
        self._told = {return_id: at for return_id, at in known.items() if at >= since}
        if self._mark != begun:  # meanwhile one came that is due before it: from there on
            self._read_at, self._due = None, now
        elif ended:
            self._mark, self._read_at = (since, FIRST_ID), now
            self._due = min((at for at in (self._due, later) if at is not None and at > now), default=None)
        else:
            self._mark, self._read_at, self._due = read_to, None, now
        return [
            RailReturn(self._rail, r.return_id, r.uetr, r.leg, r.amount_minor, r.currency, 0, r.reason_code, "", r.at)
            for r, entry in zip(taken, legs, strict=True)
            if entry is not None
            and entry.outcome in (SETTLED, CREDITED)  # an operator may have dictated otherwise since
        ]

    def next_due(self) -> datetime | None:
        """Return when the next unasked return falls due that this worker knows of."""
        return self._due

    def _await(self, at: datetime) -> None:
        self._due = at if self._due is None else min(self._due, at)
        # What was sent long after it was dated is due before what was told.
        self._mark = min(self._mark, (at, FIRST_ID))

    async def _read_on(self, now: datetime, limit: int) -> tuple[list[Unasked], Mark, bool]:
        """Read the book on to a page with returns not told yet: those, where the page ends, and whether the book does."""
        mark = self._mark
        while True:
            page = await self._recalls.unasked(mark, now, limit)
            taken = [each for each in page if each.return_id not in self._told]
            ended = len(page) < limit
            mark = (page[-1].at, page[-1].return_id) if page else mark
            if taken or ended:
                return taken, mark, ended

    def _unasked(self, sent: RailInstruction, entry: Entry, magic: Magic) -> Unasked:
        whole = sent.amount_minor
        amount = whole if magic.returns == FULL_RETURN else max(whole // 2, 1)
        at = self._acts_at(entry.final_at + habits().returned_after, sent.currency)
        return_id = _uuid(self._key, f"return|{sent.uetr}|{sent.leg}")
        return Unasked(return_id, sent.uetr, sent.leg, amount, sent.currency, magic.returns_code, at)

    def _acts_at(self, at: datetime, currency: str) -> datetime:
        """Return when money is given back: at the rail's next opening; where nobody knows one, as if it were open (assumed)."""
        try:
            return self._opens(at, currency)
        except LookupError:
            return at

    async def _decided(self, request: RecallRequest) -> Case:
        """Decide what becomes of a recall: by magic, else by the seed."""
        key, at = (request.uetr, request.leg), request.asked_at
        [entry], kept = await self._book.find([key]), await self._recalls.legs([key])
        if entry is None or entry.outcome not in (SETTLED, CREDITED) or at < (entry.settled_at or entry.final_at):
            return _case(request, REJECTED, NO_ORIGINAL, 0, at)
        left = entry.amount_minor - await self._recalls.given_back(key)
        if left <= 0 or request.currency != entry.currency:
            return _case(request, REJECTED, ALREADY_RETURNED if left <= 0 else NO_ORIGINAL, 0, at)
        amount = min(request.amount_minor, left)
        answers, code, takes = self._answers(request, kept.get(key))
        if answers == REJECTED:
            return _case(request, REJECTED, code, 0, at + takes)
        if answers == MUTE:
            return _case(request, PENDING, "", 0, at)
        if answers == PART:
            amount = max(amount // 2, 1)
        return _case(request, ACCEPTED, "", amount, self._acts_at(at + takes, entry.currency))

    def _answers(self, request: RecallRequest, kept: Leg | None) -> tuple[str, str, timedelta]:
        usual = habits()
        drawn = int.from_bytes(blake2b(request.recall_id.encode(), digest_size=8, key=self._key).digest(), "big")
        drawn, delay = divmod(drawn, STEPS)
        takes = usual.answer[delay]
        if kept is not None:
            return kept.answers, kept.reason_code, usual.pending if kept.answers == SLOW else takes
        drawn, outcome = divmod(drawn, 100)
        if outcome < usual.accepted.get(request.reason_code, usual.accepted["other"]):
            return ACCEPTED, "", takes
        return REJECTED, usual.rejected[drawn % 100], takes

    def _answer(self, case: Case, at: datetime) -> RecallAnswer:
        if at < case.answered_at or case.status == PENDING:
            return RecallAnswer(self._rail, case.recall_id, PENDING, "", case.asked_at)
        if case.status == REJECTED:
            return RecallAnswer(self._rail, case.recall_id, REJECTED, case.reason_code, case.answered_at)
        back = RailReturn(
            self._rail, _uuid(self._key, f"recall|{case.recall_id}"), case.uetr, case.leg, case.amount_minor,
            case.currency, 0, AFTER_RECALL, case.recall_id, case.answered_at,
        )  # fmt: skip
        return RecallAnswer(self._rail, case.recall_id, ACCEPTED, "", case.answered_at, back)


def _first(requests: Sequence[RecallRequest]) -> list[RecallRequest]:
    """Take each recall once: the first stands."""
    return list({request.recall_id: request for request in reversed(requests)}.values())


def _case(request: RecallRequest, status: str, code: str, amount_minor: int, answered_at: datetime) -> Case:
    return Case(
        request.recall_id, request.uetr, request.leg, status, code, amount_minor, request.currency, request.asked_at,
        answered_at,
    )  # fmt: skip


def _uuid(key: bytes, text: str) -> str:
    """Derive an id of a v4's form: the same rail and seed give the same."""
    digits = blake2b(text.encode(), digest_size=16, key=key[:64]).hexdigest()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
