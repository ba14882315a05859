"""Faults to plant in the switch, each of which the auditor must find. Some are the ones peers have had (facts peers 5.2)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from limits.claims import Claim, Refused, Sums
from limits.counters import admit, evaluate, void_changes
from rails.port import RailInstruction
from switch import dryrun
from switch.flow import finish, takeover
from switch.flow.completer import Completer
from switch.flow.finish import Finisher
from switch.flow.flights import Flight, Flights
from switch.flow.ports import UETR, Identity, Moved, Step, StoreUnavailable
from switch.flow.submission import Submission
from switch.flow.takeover import Takeover
from switch.payment import explain
from switch.payment.status import (
    CREDIT,
    CREDITED,
    MONEY,
    PAYMENT_TABLE,
    REJECT,
    REJECTED,
    SETTLE,
    SETTLED,
    TIME_OUT,
    VOIDED,
)
from switch.store import memory
from switch.store.memory import MemoryStore

Plant = Callable[[pytest.MonkeyPatch], None]
Verdict = tuple[Refused | None, dict[str, Sums]]


def _admitted_whatever(claims: tuple[Claim, ...], sums: Mapping[str, Sums]) -> dict[str, Sums]:
    return admit(tuple(claim._replace(forced=True) for claim in claims), sums)[1]


def a_store_that_forgets_to_void(patch: pytest.MonkeyPatch) -> None:
    right = MemoryStore._move_money

    def wrong(self: MemoryStore, row: Any, to: str) -> None:
        if MONEY[to] != VOIDED:
            right(self, row, to)

    patch.setattr(MemoryStore, "_move_money", wrong)


def a_void_that_gives_money_back_and_not_usage(patch: pytest.MonkeyPatch) -> None:
    def wrong(claims: tuple[Claim, ...]) -> Any:
        return void_changes(tuple(claim for claim in claims if "|" not in claim.counter))

    patch.setattr(memory, "void_changes", wrong)


def counters_that_add_instead_of_subtract(patch: pytest.MonkeyPatch) -> None:
    """What is used raises the headroom: the fault of a peer's batch position handler."""

    def wrong(claims: tuple[Claim, ...], sums: Mapping[str, Sums]) -> Verdict:
        flipped = {
            key: state._replace(up_pending=-state.up_pending, up_posted=-state.up_posted) for key, state in sums.items()
        }
        refused = evaluate(claims, flipped)
        return (refused, {}) if refused else (None, _admitted_whatever(claims, sums))

    patch.setattr(memory, "admit", wrong)


def a_batch_judged_against_one_unchanged_figure(patch: pytest.MonkeyPatch) -> None:
    right = MemoryStore.accept
    before: dict[str, Sums] = {}

    async def accept(self: MemoryStore, *given: Any) -> Any:
        before.clear()
        before.update(self._sums)
        return await right(self, *given)

    def wrong(claims: tuple[Claim, ...], sums: Mapping[str, Sums]) -> Verdict:
        refused = evaluate(claims, before)
        return (refused, {}) if refused else (None, _admitted_whatever(claims, sums))

    patch.setattr(MemoryStore, "accept", accept)
    patch.setattr(memory, "admit", wrong)


def a_store_that_loses_payments_it_has_accepted(patch: pytest.MonkeyPatch) -> None:
    right = MemoryStore._store

    def wrong(self: MemoryStore, item: Any, refusal: Any, position: int) -> None:
        if not item.payment_id.startswith("7"):
            right(self, item, refusal, position)

    patch.setattr(MemoryStore, "_store", wrong)


def a_store_that_does_not_know_a_uetr_again(patch: pytest.MonkeyPatch) -> None:
    right = Submission.identities

    def wrong(self: Submission, day: Any) -> Any:
        key, _, instruction = right(self, day)
        return key, Identity(UETR, bytes.fromhex(self.payment_id.replace("-", ""))), instruction

    patch.setattr(Submission, "identities", wrong)


def a_quote_that_can_be_used_again(patch: pytest.MonkeyPatch) -> None:
    right = MemoryStore._admit

    def wrong(self: MemoryStore, item: Any, plan: Any, judge: Any) -> Any:
        outcome = right(self, item, plan, judge)
        if plan.quote_id:
            self._quotes[plan.quote_id] = (self._quotes[plan.quote_id][0], "")
        return outcome

    patch.setattr(MemoryStore, "_admit", wrong)


def silence_taken_for_a_refusal(patch: pytest.MonkeyPatch) -> None:
    right = MemoryStore.finish

    async def wrong(self: MemoryStore, steps: Sequence[Step]) -> list[Moved]:
        return await right(self, [s._replace(event=REJECT, code="AB05") if s.event == TIME_OUT else s for s in steps])

    patch.setattr(MemoryStore, "finish", wrong)


def money_posted_again_with_the_credit(patch: pytest.MonkeyPatch) -> None:
    right = MemoryStore._move_money

    def wrong(self: MemoryStore, row: Any, to: str) -> None:
        right(self, row, to)
        if row.stored.status == SETTLED:
            self._post_alone(row.transfers)

    patch.setattr(MemoryStore, "_move_money", wrong)


def events_after_the_end(patch: pytest.MonkeyPatch) -> None:
    right = MemoryStore._move_money

    def no_money(self: MemoryStore, row: Any, to: str) -> None:
        if row.stored.status != REJECTED:
            right(self, row, to)

    patch.setattr(MemoryStore, "_move_money", no_money)
    patch.setitem(PAYMENT_TABLE, REJECTED, {SETTLE: SETTLED, CREDIT: CREDITED})


def a_worker_that_forgets_a_flight(patch: pytest.MonkeyPatch) -> None:
    right = Flights.begin

    def wrong(self: Flights, flight: Flight) -> None:
        if not flight.payment_id.startswith("3"):
            right(self, flight)

    patch.setattr(Flights, "begin", wrong)


def a_worker_that_sends_again_under_another_uetr(patch: pytest.MonkeyPatch) -> None:
    right = takeover.instruction_again

    def wrong(*given: Any) -> RailInstruction:
        sent = right(*given)
        return sent._replace(uetr="f" + sent.uetr[1:])

    patch.setattr(takeover, "instruction_again", wrong)


def late_acceptances_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(finish, "late_acceptance", lambda stored, transfers, report: None)


def an_operators_rejection_taken_for_the_rails_word(patch: pytest.MonkeyPatch) -> None:
    right = Finisher.operate

    async def wrong(self: Finisher, stored: Any, event: str, *more: Any) -> None:
        await right(self, stored, event, *more)
        self._flights.end((stored.uetr, 1))

    patch.setattr(Finisher, "operate", wrong)


def last_words_that_are_not_kept(patch: pytest.MonkeyPatch) -> None:
    """Such payments would be asked about after each restart, for ever."""
    finish, hear_out = MemoryStore.finish, MemoryStore.hear_out

    async def wrong(self: MemoryStore, steps: Sequence[Step]) -> list[Moved]:
        return await finish(self, [step._replace(last_word=False) for step in steps])

    async def deaf(self: MemoryStore, step: Step, record: Any) -> bool:
        return await hear_out(self, step._replace(last_word=False), record)

    patch.setattr(MemoryStore, "finish", wrong)
    patch.setattr(MemoryStore, "hear_out", deaf)


def words_out_of_turn_that_are_not_kept(patch: pytest.MonkeyPatch) -> None:
    right = MemoryStore.hear_out

    async def wrong(self: MemoryStore, step: Step, record: Any) -> bool:
        return record is not None and await right(self, step, record)

    patch.setattr(MemoryStore, "hear_out", wrong)


def an_operators_word_kept_as_the_rails(patch: pytest.MonkeyPatch) -> None:
    """Nobody asks the rail any more once the worker that remembers is gone."""
    right = MemoryStore.finish

    async def wrong(self: MemoryStore, steps: Sequence[Step]) -> list[Moved]:
        return await right(self, [s._replace(last_word=s.event in (SETTLE, CREDIT, REJECT)) for s in steps])

    patch.setattr(MemoryStore, "finish", wrong)


def an_explanation_that_reads_no_counter(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dryrun, "evaluate", lambda claims, sums: None)
    patch.setattr(explain, "evaluate", lambda claims, sums: None)


def a_commit_without_reply_taken_for_none(patch: pytest.MonkeyPatch) -> None:
    """The batch is judged again and found known: nobody carries it out, until the next restart."""

    async def wrong(self: Takeover, lease_seconds: float) -> None:
        await self._store.register(self.incarnation, lease_seconds)

    patch.setattr(Takeover, "register", wrong)


def deadlines_forgotten_when_the_store_is_away(patch: pytest.MonkeyPatch) -> None:
    right = Completer._time_out

    async def wrong(self: Completer, now: Any) -> int:
        flights = self._flights
        due = {key for at, _, key in flights._deadlines if at <= now}
        try:
            return await right(self, now)
        except StoreUnavailable:
            flights._deadlines = [item for item in flights._deadlines if item[2] not in due]
            raise

    patch.setattr(Completer, "_time_out", wrong)


# Each with words of what the auditor says of it: a fault that only crashes the switch proves nothing of the auditor.
PLANTS: dict[Plant, str] = {
    a_store_that_forgets_to_void: "hold what is not pending|pending in a drained world|holds",
    a_void_that_gives_money_back_and_not_usage: "counter .* holds",
    counters_that_add_instead_of_subtract: "was admitted to .* cap|below zero",
    a_batch_judged_against_one_unchanged_figure: "was admitted to .* cap|below zero",
    a_store_that_loses_payments_it_has_accepted: "is not in the event stream|is lost",
    a_store_that_does_not_know_a_uetr_again: "both accepted under UETR|does not come to rest",
    a_quote_that_can_be_used_again: "was used by .* and",
    silence_taken_for_a_refusal: "its rail said",
    money_posted_again_with_the_credit: "payments and returns less positions",
    events_after_the_end: "went from 'rejected' to",
    a_worker_that_forgets_a_flight: "is left",
    a_worker_that_sends_again_under_another_uetr: "which no payment owns",
    late_acceptances_ignored: "paid .*, which is rejected",
    last_words_that_are_not_kept: "awaits its rail",
    words_out_of_turn_that_are_not_kept: "awaits its rail",
    an_operators_word_kept_as_the_rails: "paid .*, which is rejected|awaits its rail",
    an_explanation_that_reads_no_counter: "explained as .*, answered",
}
# These show only in a worker that lives on: another takes up from the store what they forget.
MENDED_BY_A_RESTART: dict[Plant, str] = {
    a_commit_without_reply_taken_for_none: "is left accepted",
    deadlines_forgotten_when_the_store_is_away: "is left",
    an_operators_rejection_taken_for_the_rails_word: "paid .*, which is rejected|awaits its rail",
}
