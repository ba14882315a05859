"""The auditor's books of recalls and returns: what was asked back, what the rails said, what the stream says became of it.

A return's own figures are read once, when the stream tells of it, and held against the rail's word and the auditor's rules.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from own_law import (
    BEAR_IT,
    HAS_IT,
    POSTED,
    RATES,
    RECALL_MOVES,
    RETURN_MOVES,
    SPREAD_MAX,
    UNDER_WAY,
    expect,
    holder,
)

from rails.port import ACCEPTED, PENDING, REJECTED, RailReturn, RecallAnswer
from rails.recall_book import Case, Unasked
from switch.flow.ports import Stored
from switch.flow.recalls import RecallAsk
from switch.flow.return_books import Opened, StoredReturn


class Asked(NamedTuple):
    """A recall the switch has said it took."""

    recall_id: str
    payment_id: str
    ask: RecallAsk | None  # None: the reply to the first was lost, and this one was another


class OwnReturns:
    """Everything seen of money asked back and given back."""

    def __init__(self) -> None:
        self.late: set[str] = set()  # payments that were paid after their end, as the stream says, and not resolved
        self.recalls: dict[str, str] = {}  # recall -> its state, as the stream says
        self.of_payment: defaultdict[str, list[str]] = defaultdict(list)  # payment -> its recalls
        self.states: dict[str, str] = {}  # return -> its state, as the stream says
        self.figures: dict[str, StoredReturn] = {}  # return -> what the switch reckoned
        self._first: dict[str, StoredReturn] = {}  # the same, as it was when it was first booked
        self._payment: dict[str, str] = {}  # return -> payment
        self._told: dict[str, RailReturn] = {}  # return -> the rail's word
        self._answers: defaultdict[str, set[str]] = defaultdict(set)  # recall -> the rail's words
        self._by_key: dict[tuple[str, str], Asked] = {}
        self._reversals: set[str] = set()  # payments of which one was asked for

    # --- what is seen ---

    def told(self, returns: Sequence[RailReturn]) -> None:
        """A rail told of money given back."""
        for given in returns:
            known = self._told.setdefault(given.return_id, given)
            expect(known == given, f"return {given.return_id} was told as {known} and as {given}")

    def answered(self, answers: Sequence[RecallAnswer]) -> None:
        """A rail answered recalls."""
        for answer in answers:
            self._answers[answer.recall_id].add(answer.status)
            if answer.returned is not None:
                self.told([answer.returned])

    def asking(self, payment_id: str, ask: RecallAsk) -> None:
        """A client asks a payment back, and may never be answered."""
        if ask.reversal:
            self._reversals.add(payment_id)

    def asked(self, stored: Stored, key: str, ask: RecallAsk, status: str, before: set[str], opened: Opened) -> None:
        """A client asked a payment back and was answered; `before`: recalls that were under way when it did."""
        payment_id, recall = stored.payment_id, opened.recall
        known = self._by_key.get((stored.participant, key))
        if known is not None:
            expect(opened.replayed, f"recall {known.recall_id} was asked again under its key and is a new one")
            same = (known.payment_id, known.ask) == (payment_id, ask)
            told = opened.same_content == same or known.ask is None
            expect(told, f"recall {known.recall_id}: whether content is the same")
            expect(recall is not None and recall.recall_id == known.recall_id, f"key {key} is another recall's")
            return
        if opened.refused is not None:
            if opened.refused.name == "not-recallable":
                expect(status not in POSTED, f"{payment_id} is {status}, and is not to be recalled")
            elif opened.refused.name == "recall-open":
                expect(bool(before), f"{payment_id} has no recall under way, and another is refused")
            return
        assert recall is not None
        self._by_key[stored.participant, key] = Asked(
            recall.recall_id, payment_id, ask if opened.same_content else None
        )
        if opened.replayed:  # the reply to the first was lost
            return
        late = payment_id in self.late and ask.reason_code == "TECH"
        expect(status in POSTED or late, f"{payment_id} is {status}, and is recalled")
        expect(not before, f"{payment_id} is recalled twice at a time")
        left = stored.settlement_minor - self._taken(stored)
        fits = recall.currency == stored.settlement_currency and 0 < recall.amount_minor <= left
        expect(fits, f"{payment_id}: {recall.amount_minor} {recall.currency} is asked back, {left} is left")

    def under_way(self, payment_id: str) -> set[str]:
        """Return the recalls of a payment that may still bring money back."""
        return {recall for recall in self.of_payment[payment_id] if self.recalls[recall] in UNDER_WAY}

    def recall_moved(self, payment_id: str, recall_id: str, state: str) -> None:
        """The stream tells of a recall."""
        last = self.recalls.get(recall_id, "")
        expect(state in RECALL_MOVES[last], f"recall {recall_id} went from {last!r} to {state!r}")
        if not last:
            self.of_payment[payment_id].append(recall_id)
        self.recalls[recall_id] = state
        said = self._answers[recall_id]
        right = {"requested": True, "pending": bool(said), "rejected": REJECTED in said}.get(state, ACCEPTED in said)
        expect(right, f"recall {recall_id} is {state}, its rail said {said or 'nothing'}")

    def return_moved(self, stored: Stored, status: str, figures: StoredReturn, state: str) -> None:
        """The stream tells of a return of a payment that stands so."""
        return_id, payment_id = figures.return_id, stored.payment_id
        last = self.states.get(return_id, "")
        expect(state in RETURN_MOVES[last], f"return {return_id} went from {last!r} to {state!r}")
        given = self._told.get(return_id)
        if given is None:
            expect(False, f"return {return_id} of {payment_id} is {state}, no rail told of it")
            return
        same = (given.uetr, given.amount_minor, given.currency) == (stored.uetr, figures.amount_minor, figures.currency)
        expect(same, f"return {return_id} of {payment_id} was told as {given}, and kept as {figures}")
        self.states[return_id], self.figures[return_id] = state, figures
        self._first.setdefault(return_id, figures)
        self._payment[return_id] = payment_id
        paid = status in POSTED
        fitting = state != "squared" if paid else state not in HAS_IT
        expect(fitting, f"{payment_id} is {status}, its return {return_id} {state}")
        if state in HAS_IT:
            expect(figures.currency == stored.settlement_currency, f"return {return_id} is {state} in another currency")
            back = self._taken(stored)
            expect(back <= stored.settlement_minor, f"{payment_id}: {back} came back of {stored.settlement_minor}")
            self._fair(stored, figures)

    def _taken(self, stored: Stored) -> int:
        """Return how much of a payment has come back to its debtor agent."""
        mine = [self.figures[each] for each in self._of(stored.payment_id) if self.states[each] in HAS_IT]
        return sum(each.amount_minor + each.charge_minor for each in mine)

    def _of(self, payment_id: str) -> list[str]:
        return [return_id for return_id, whose in self._payment.items() if whose == payment_id]

    def _fair(self, stored: Stored, back: StoredReturn) -> None:
        """The debtor agent gets what came, at the day's rate; more or less only where somebody else bears it."""
        what = f"return {back.return_id} of {stored.payment_id}"
        expect(back.credited_currency == stored.debit_currency, f"{what} is credited in another currency")
        bears = "switch" if back.mode == "reversal" or (back.bears == "switch") else ""
        bears = bears or ("creditor" if back.reason_code in BEAR_IT and back.released_at is None else "debtor")
        expect(back.bears == bears, f"{what} is borne by {back.bears}, not by {bears}")
        if bears == "switch":
            expect(stored.payment_id in self._reversals, f"{what} is borne by the switch, and nobody reversed it")
        if bears != "debtor":
            expect(0 <= back.credited_minor <= stored.debit_minor, f"{what} credits more than was debited")
            return
        if back.currency == stored.debit_currency:
            expect(
                back.credited_minor == back.amount_minor, f"{what} credits {back.credited_minor} of {back.amount_minor}"
            )
            return
        low, high = (Decimal(rate) * back.amount_minor for rate in RATES[back.currency, stored.debit_currency])
        dear, _ = SPREAD_MAX
        right = low * 100 / dear - 1 <= back.credited_minor <= high + 1
        expect(right, f"{what} credits {back.credited_minor} for {back.amount_minor}, not at the day's rate")

    def share(self, stored: Stored) -> Fraction:
        """Return which share of a payment has come back, for quotas that are given back."""
        mine = [self.figures[each] for each in self._of(stored.payment_id) if self.states[each] in HAS_IT]
        return min(Fraction(sum(each.amount_minor for each in mine), stored.settlement_minor), Fraction(1))

    # --- at the end ---

    def money(self, stored: Mapping[str, Stored]) -> tuple[Counter[tuple[str, str]], Counter[str]]:
        """Return what all returns have moved: by (position's holder, currency), and suspense by currency."""
        positions: Counter[tuple[str, str]] = Counter()
        suspense: Counter[str] = Counter()
        for return_id, state in self.states.items():
            of, back, first = stored[self._payment[return_id]], self.figures[return_id], self._first[return_id]
            debtor, creditor = holder(of.debtor_agent), holder(of.creditor_agent)
            if first.state in ("suspended", "squared") and first.moved:
                positions[creditor, back.currency] -= back.amount_minor
                suspense[back.currency] += back.amount_minor
            if state in HAS_IT:
                positions[debtor, back.credited_currency] += back.credited_minor
                if state == "returned" or not first.moved:
                    positions[creditor, back.currency] -= _given(back)
                else:
                    suspense[back.currency] -= back.amount_minor
            if state == "sent_back" and first.moved:
                positions[creditor, back.currency] += back.amount_minor
                suspense[back.currency] -= back.amount_minor
        return positions, suspense

    def close(
        self,
        cases: Sequence[Case],
        unasked: Sequence[Unasked],
        owners: Mapping[str, str],
        dictated: set[str],
        now: datetime,
    ) -> None:
        """Compare with the rails' books of a drained world."""
        by_recall = {case.recall_id: case for case in cases}
        for recall_id, state in self.recalls.items():
            case = by_recall.get(recall_id)
            expect(case is not None, f"recall {recall_id} has never come to its rail")
            assert case is not None
            ended = {PENDING: {"pending"}, REJECTED: {"rejected"}, ACCEPTED: {"returned"}}[case.status]
            expect(state in ended, f"recall {recall_id} is left {state}, its rail has {case.status}")
        stray = [case.recall_id for case in cases if case.recall_id not in self.recalls]
        expect(not stray, f"rails have recalls nobody asked for: {stray}")
        for each in unasked:
            payment_id = owners.get(each.uetr, "")
            due = each.at <= now and payment_id != "" and payment_id not in dictated
            expect(not due or each.return_id in self.states, f"return {each.return_id} of {payment_id} is lost")


def _given(back: StoredReturn) -> int:
    """Return what the creditor agent gave for a return: what came, or what it costs where that agent bears it."""
    if back.bears != "creditor":
        return back.amount_minor
    return back.sold_minor or back.credited_minor
