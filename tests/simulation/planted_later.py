"""Faults to plant in the life after acceptance: waiting, doubt, recalls and returns, participants, proxies; each must be found."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

import pytest

from limits.claims import Claim
from limits.counters import Change, adjust_changes
from rails.port import ACCEPTED, RailReturn, RecallAnswer
from switch.directory.directory import Directory
from switch.flow import decisions, recalls
from switch.flow import finish as finisher
from switch.flow.decisions import Decisions
from switch.flow.doubt_books import ABOUT_PAYMENT, CONFIRMED, Proposal
from switch.flow.finish import Finisher
from switch.flow.ports import Step, Stored, Unfinished
from switch.flow.queue import Queue
from switch.flow.recalls import Recalls
from switch.flow.return_books import StoredReturn
from switch.payment import returning
from switch.payment.recalling import RecallRefused, Standing
from switch.payment.route import Router
from switch.payment.status import CANCELLED, PAYMENT_TABLE, SETTLE, SETTLED
from switch.store import memory, memory_queue
from switch.store.memory import MemoryStore
from switch.store.memory_returns import MemoryReturns

Plant = Callable[[pytest.MonkeyPatch], None]


def returns_beyond_the_original(patch: pytest.MonkeyPatch) -> None:
    """Two returns are each held against the original alone."""
    patch.setattr(MemoryReturns, "_counted", lambda self, payment_id, without="": 0)


def a_return_booked_each_time_it_is_told(patch: pytest.MonkeyPatch) -> None:
    right = MemoryStore.book_return

    async def wrong(self: MemoryStore, given: RailReturn, *of: Any) -> tuple[StoredReturn, bool]:
        self._returns.pop(given.return_id, None)
        return await right(self, given, *of)

    patch.setattr(MemoryStore, "book_return", wrong)


def return_money_posted_twice(patch: pytest.MonkeyPatch) -> None:
    right = MemoryStore._post_beside

    def wrong(self: MemoryStore, payment_id: str, transfers: Sequence[Any]) -> None:
        right(self, payment_id, transfers)
        self._post_alone(transfers)

    patch.setattr(MemoryStore, "_post_beside", wrong)


def a_return_to_the_creditor_instead_of_the_debtor(patch: pytest.MonkeyPatch) -> None:
    right = returning.original

    def wrong(*given: Any) -> Any:
        found = right(*given)
        return (
            found._replace(debtor_position=found.creditor_position)
            if found.settlement.currency == found.debit_currency
            else found
        )

    patch.setattr(returning, "original", wrong)


def quota_given_back_by_every_rule(patch: pytest.MonkeyPatch) -> None:
    def wrong(claims: tuple[Claim, ...], *given: Any) -> dict[str, Change]:
        return adjust_changes(tuple(claim._replace(gives_back=True) for claim in claims), *given)

    patch.setattr("limits.counters.adjust_changes", wrong)


def quota_given_back_by_no_rule(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        memory, "adjusted", lambda held, step, share: (held._replace(given=held.given + Fraction(*share)), {})
    )


def quota_given_back_twice(patch: pytest.MonkeyPatch) -> None:
    right = memory.adjusted

    def wrong(*given: Any) -> Any:
        after, changes = right(*given)
        return after, {key: Change(*(2 * each for each in change)) for key, change in changes.items()}

    patch.setattr(memory, "adjusted", wrong)


def a_return_at_a_rate_of_ones_own(patch: pytest.MonkeyPatch) -> None:
    right = Recalls._offers

    def wrong(self: Recalls, of: Any, now: datetime, fixed: Any) -> Any:
        return [
            price._replace(buy=price.buy._replace(amount_minor=price.buy.amount_minor // 2))
            for price in right(self, of, now, fixed)
        ]

    patch.setattr(Recalls, "_offers", wrong)


def waiting_payments_sent_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Queue, "_judged", lambda self, stored, now: now)
    patch.setattr(Queue, "is_due", lambda self: self.next_due() is not None)
    patch.setattr(memory_queue, "opening_detail", lambda opens_at: "{}")
    right = MemoryStore.queued

    async def wrong(self: MemoryStore, until: datetime, limit: int) -> Any:
        return await right(self, datetime.max.replace(tzinfo=until.tzinfo), limit)

    patch.setattr(MemoryStore, "queued", wrong)


def waiting_payments_sent_before_they_are_released(patch: pytest.MonkeyPatch) -> None:
    """A worker takes up one that waits as if it had been accepted."""
    right = MemoryStore.take_over

    async def wrong(self: MemoryStore, incarnation: int, limit: int) -> list[Unfinished]:
        taken = await right(self, incarnation, limit)
        return [item._replace(status="accepted") if item.status == "queued" else item for item in taken]

    patch.setattr(MemoryStore, "take_over", wrong)


def a_cancelled_payment_sent_after_all(patch: pytest.MonkeyPatch) -> None:
    right = Queue.cancel

    async def wrong(self: Queue, stored: Stored) -> bool:
        [row] = [row for payment_id, row in self._store.inner._rows.items() if payment_id == stored.payment_id]  # type: ignore[attr-defined]
        done = await right(self, stored)
        self._take_off(memory._unfinished(row), self._world.clock.now())
        return done

    patch.setattr(Queue, "cancel", wrong)


def a_cancel_that_frees_nothing(patch: pytest.MonkeyPatch) -> None:
    right = MemoryStore._move_money

    def wrong(self: MemoryStore, row: Any, to: str) -> None:
        if to != CANCELLED:
            right(self, row, to)

    patch.setattr(MemoryStore, "_move_money", wrong)


def waiting_payments_that_hold_nothing(patch: pytest.MonkeyPatch) -> None:
    right = MemoryStore._store

    def wrong(self: MemoryStore, item: Any, refusal: Any, position: int) -> None:
        right(self, item, refusal, position)
        row = self._rows[item.payment_id]
        if row.stored.status == "queued":
            self._move_money(row, CANCELLED)

    patch.setattr(MemoryStore, "_store", wrong)


def one_operator_suffices(patch: pytest.MonkeyPatch) -> None:
    right = Decisions.on_payment

    async def wrong(self: Decisions, stored: Stored, event: str, operator: str, reason: str) -> Proposal:
        found = await right(self, stored, event, operator, reason)
        if found.outcome != CONFIRMED:
            await self._operate(stored, event, found)
        return found

    patch.setattr(Decisions, "on_payment", wrong)


def a_lapsed_proposal_confirmed(patch: pytest.MonkeyPatch) -> None:
    """What was proposed on one shift is carried out on the next."""
    patch.setattr(decisions, "LAPSES_AFTER", 1_000 * decisions.LAPSES_AFTER)


def one_operator_resolves_an_exception(patch: pytest.MonkeyPatch) -> None:
    right = Decisions.on_exception

    async def wrong(
        self: Decisions, payment_id: str, kind: str, resolution: str, operator: str, reason: str
    ) -> Proposal:
        assert kind != ABOUT_PAYMENT
        await right(self, payment_id, kind, resolution, operator, reason)
        return await right(self, payment_id, kind, resolution, operator + "'s other self", reason)

    patch.setattr(Decisions, "on_exception", wrong)


def ends_that_nobody_is_told_of(patch: pytest.MonkeyPatch) -> None:
    async def wrong(self: Finisher, stored: Stored) -> None:
        return None

    patch.setattr(Finisher, "_abort", wrong)


def a_recall_answered_and_forgotten(patch: pytest.MonkeyPatch) -> None:
    right = Recalls._answered

    async def wrong(self: Recalls, answer: RecallAnswer) -> None:
        if answer.status == ACCEPTED:
            recall = self._store.inner._recalls[answer.recall_id]  # type: ignore[attr-defined]
            self._store.inner._recalls[answer.recall_id] = recall._replace(ask_at=None)  # type: ignore[attr-defined]
            return
        await right(self, answer)

    patch.setattr(Recalls, "_answered", wrong)


def a_payment_recalled_twice_at_a_time(patch: pytest.MonkeyPatch) -> None:
    right = recalls.judged

    def wrong(standing: Standing, *given: Any) -> Any:
        return right(standing._replace(under_way=""), *given)

    patch.setattr(recalls, "judged", wrong)


def more_asked_back_than_is_left(patch: pytest.MonkeyPatch) -> None:
    right = recalls.judged

    def wrong(standing: Standing, reason: str, asked: Any, *given: Any) -> Any:
        found = right(standing, reason, asked, *given)
        return asked if isinstance(found, RecallRefused) and found.name == "recall-too-much" and asked else found

    patch.setattr(recalls, "judged", wrong)


def unasked_returns_dropped(patch: pytest.MonkeyPatch) -> None:
    right = Recalls._book

    async def wrong(self: Recalls, given: RailReturn) -> bool:
        return True if not given.recall_id else await right(self, given)

    patch.setattr(Recalls, "_book", wrong)


def a_suspended_agent_accepted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Router, "_barred", lambda self, rail, member: None)


def a_suspended_proxy_followed(patch: pytest.MonkeyPatch) -> None:
    def wrong(self: Directory, proxy_type: str, value: str, country: str, agent: str = "") -> Any:
        found = self.registration(proxy_type, value, country, agent)
        return self._accounts[found.agent, found.account] if found is not None else None

    patch.setattr(Directory, "resolve", wrong)


def a_payment_event_after_cancellation(patch: pytest.MonkeyPatch) -> None:
    right = MemoryStore._move_money

    def no_money(self: MemoryStore, row: Any, to: str) -> None:
        if row.stored.status != CANCELLED:
            right(self, row, to)

    async def wrong(self: Queue, stored: Stored) -> bool:
        moved = await cancelled(self, stored)
        await self._store.finish([Step(stored.payment_id, stored.received_on, SETTLE, self._world.clock.now())])
        return moved

    cancelled = Queue.cancel
    patch.setattr(MemoryStore, "_move_money", no_money)
    patch.setitem(PAYMENT_TABLE, CANCELLED, {SETTLE: SETTLED})
    patch.setattr(Queue, "cancel", wrong)


def a_wrong_amount_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(finisher, "misdirected", lambda stored, legs, report: None)


LATER_PLANTS: Mapping[Plant, str] = {
    returns_beyond_the_original: "came back of|is asked back, .* is left",
    a_return_booked_each_time_it_is_told: "went from 'returned' to 'returned'",
    return_money_posted_twice: "payments and returns less|below zero",
    a_return_to_the_creditor_instead_of_the_debtor: "payments and returns less positions",
    quota_given_back_by_every_rule: "counter .* holds",
    quota_given_back_by_no_rule: "counter .* holds|was admitted",
    quota_given_back_twice: "counter .* holds|was admitted|payments and returns less positions",
    a_return_at_a_rate_of_ones_own: "not at the day's rate",
    waiting_payments_sent_at_once: "is closed",
    waiting_payments_sent_before_they_are_released: "was sent while it is queued",
    a_cancelled_payment_sent_after_all: "was sent while it is cancelled",
    a_cancel_that_frees_nothing: "hold what is not pending|pending in a drained world",
    waiting_payments_that_hold_nothing: "hold what is not pending",
    one_operator_suffices: "operators have not agreed",
    a_lapsed_proposal_confirmed: "operators have not agreed",
    one_operator_resolves_an_exception: "is resolved, operators have not agreed",
    ends_that_nobody_is_told_of: "was not told",
    a_recall_answered_and_forgotten: "recall .* is left (pending|requested)",
    a_payment_recalled_twice_at_a_time: "is recalled twice at a time",
    more_asked_back_than_is_left: "is asked back, .* is left",
    unasked_returns_dropped: "return .* is lost",
    a_suspended_agent_accepted: "takes no part",
    a_suspended_proxy_followed: "which leads nowhere",
    a_payment_event_after_cancellation: "went from 'cancelled' to 'settled'",
    a_wrong_amount_believed: "its rail said",
}
