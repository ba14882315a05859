"""camt.056: give settled money back. Answered with a camt.029 that says how each recall stands; asked again, how it stands now.

The key of a recall is the message's assignment id and its cancellation id: the same message again asks for nothing twice.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from fx.money import EXPONENTS, Money, format_amount, parse_amount
from limits.calendars import law_day
from rails.messages.camt029 import (
    CAMT_029,
    TRANSACTION_ACCEPTED,
    TRANSACTION_PENDING,
    TRANSACTION_REJECTED,
    CancellationStatus,
    Resolution,
    ReturnInformation,
    build_camt029,
)
from rails.messages.camt056 import CAMT_056, KINDS, Cancellation, CancellationRequest
from rails.messages.codec import Kind
from rails.messages.elements import Amount, Charge
from rails.messages.errors import MessageError
from rails.messages.model import NOT_PROVIDED, BusinessHeader
from rails.messages.original import Assignment, OriginalPayment
from rails.messages.pacs004 import PaymentReturn, Return, build_pacs004
from switch.api.access import Caller
from switch.api.desks.agreement import disagreement
from switch.api.desks.desk import SWITCH_BIC, message_id_of, message_reject, xml_answer
from switch.api.desks.originals import GIVE_UETR, NotNamed, meant
from switch.flow.ports import Stored
from switch.flow.recalls import RecallAsk
from switch.flow.return_books import Opened, StoredRecall, StoredReturn, came_back
from switch.payment.recalling import (
    NARRATIVE,
    NO_ORIGINAL,
    OPEN,
    RECALL_REJECTED,
    REFUSED,
    confirmation,
    confirmation_of_all,
    terms,
)
from switch.payment.returning import HAS_IT
from switch.sandbox import NotFound, Sandbox
from switch.translate.messages import iso_time

_OLDER, _CURRENT = CAMT_029, "camt.029.001.13"
_TEXT_MAX = 105


class Said(NamedTuple):
    """What is said of one recall: the word of the whole message were it alone, and its own part."""

    word: str
    status: CancellationStatus


class RecallDesk:
    """Takes camt.056."""

    kinds: Mapping[str, Kind] = KINDS

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def answer(self, caller: Caller, message: Any, request: Request) -> Response:
        """Ask back what a message asks back, and say how each recall stands."""
        asked: CancellationRequest = message
        said = [await self._status(caller, asked.assignment.assignment_id, each) for each in asked.cancellations]
        at = self._sandbox.world.clock.now()
        to = caller.participant or asked.assignment.assigner
        message_id = message_id_of(to, asked.assignment.assignment_id, at.isoformat())
        given = Assignment(message_id, SWITCH_BIC, to, iso_time(at))
        definition = _OLDER if asked.definition == CAMT_056 else _CURRENT
        header = BusinessHeader(SWITCH_BIC, to, message_id, definition, iso_time(at))
        statuses, word = tuple(each.status for each in said), confirmation_of_all([each.word for each in said])
        return xml_answer(build_camt029(Resolution(given, word, statuses, asked.case, header, definition)))

    async def _status(self, caller: Caller, assignment_id: str, each: Cancellation) -> Said:
        original = each.original
        try:
            stored = await meant(self._sandbox, caller, original)
        except NotFound:
            return _refused(original, NO_ORIGINAL, "It was not received here until now.")
        except NotNamed:
            return _refused(original, NARRATIVE, GIVE_UETR)
        differs = disagreement(original, stored, await self._sandbox.instruction(stored.payment_id))
        if differs is not None:
            return _refused(original, NARRATIVE, f"{differs[0]} is another's. {differs[1]}", each.cancellation_id)
        if each.reason_code not in terms().recall:
            return _refused(original, NARRATIVE, f"Recalls are taken for {', '.join(sorted(terms().recall))}.")
        opened = await self._opened(stored, caller, f"{assignment_id}|{each.cancellation_id}", each)
        return await self._said(original, opened, each.cancellation_id)

    async def _opened(self, stored: Stored, caller: Caller, key: str, each: Cancellation) -> Opened:
        amount = each.requested_amount
        money = None if amount is None else Money(parse_amount(amount.amount, amount.currency), amount.currency)
        ask = RecallAsk(each.reason_code, money, each.text[:_TEXT_MAX])
        return await self._sandbox.recall(stored.payment_id, caller.participant, key, ask)

    async def _said(self, original: OriginalPayment, opened: Opened, cancellation_id: str) -> Said:
        if opened.refused is not None:
            return _refused(original, opened.refused.code, opened.refused.text, cancellation_id)
        assert opened.recall is not None
        if not opened.same_content:
            what = "This assignment and cancellation id were used for another recall."
            return _refused(original, NARRATIVE, what, cancellation_id)
        returns = await self._sandbox.store.returns(opened.recall.payment_id)
        said = status_of(original, opened.recall, returns)
        return said._replace(status=said.status._replace(status_id=cancellation_id))

    def rejection(self, error: MessageError, definition: str, to: str, at: datetime) -> bytes:
        """Write the admi.002 that refuses a recall message."""
        return message_reject(error, to, at)


def status_of(original: OriginalPayment, recall: StoredRecall, returns: list[StoredReturn]) -> Said:
    """Write how a recall stands as camt.029 says it of one payment, with the return that gave the debtor agent its money."""
    word = confirmation(recall.state, recall.amount_minor, came_back(recall, returns))
    if recall.state in OPEN:
        return Said(word, CancellationStatus(original, TRANSACTION_PENDING))
    if recall.state == RECALL_REJECTED:
        return Said(word, CancellationStatus(original, TRANSACTION_REJECTED, recall.code))
    back = next((each for each in returns if each.recall_id == recall.recall_id and each.state in HAS_IT), None)
    info = None
    if back is not None:
        day = law_day(reached_at(back)).isoformat()
        info = ReturnInformation(original.end_to_end_id or NOT_PROVIDED, _credited(back), original.uetr, day)
    return Said(word, CancellationStatus(original, TRANSACTION_ACCEPTED, returned=info))


def reached_at(back: StoredReturn) -> datetime:
    """Return when a return reached the debtor agent: as it was booked, or released."""
    return back.released_at or back.booked_at


def _credited(back: StoredReturn) -> Amount:
    """What the debtor agent's position got."""
    return Amount(back.credited_currency, format_amount(back.credited_minor, back.credited_currency))


def _refused(original: OriginalPayment, code: str, text: str, cancellation_id: str | None = None) -> Said:
    return Said(REFUSED, CancellationStatus(original, TRANSACTION_REJECTED, code, text, cancellation_id))


def return_message(stored: Stored, back: StoredReturn, end_to_end_id: str, definition: str) -> bytes:
    """Write a return that the debtor agent has as the pacs.004 that tells it so; `definition` is one of PACS_004S.

    Its interbank amounts are those of the debtor agent's leg: what it had sent, what its position got. What the creditor
    agent gave back before exchange and charges is RtrdInstdAmt.
    """
    original = OriginalPayment(
        stored.uetr, end_to_end_id, stored.instruction_id, None, None,
        Amount(stored.debit_currency, format_amount(stored.debit_minor, stored.debit_currency)), None,
        stored.debtor_agent, stored.creditor_agent,
    )  # fmt: skip
    exchanged = back.credited_currency != back.currency
    kept: tuple[Charge, ...] = ()
    if back.charge_minor:
        kept = (Charge(Amount(back.currency, format_amount(back.charge_minor, back.currency)), stored.creditor_agent),)
    given_back = Amount(back.currency, format_amount(back.amount_minor + back.charge_minor, back.currency))
    given = Return(
        back.return_id.replace("-", ""), original, _credited(back), back.reason_code, "",
        law_day(reached_at(back)).isoformat(), given_back if exchanged or kept else None,
        _exchange_rate(back) if exchanged else None, "SHAR" if kept else None, kept,
    )  # fmt: skip
    at, message_id = iso_time(reached_at(back)), message_id_of(stored.participant, back.return_id)
    header = BusinessHeader(SWITCH_BIC, stored.participant, message_id, definition, at)
    return build_pacs004(
        PaymentReturn(message_id, at, (given,), SWITCH_BIC, stored.participant, None, header, definition)
    )


def _exchange_rate(back: StoredReturn) -> str:
    """Return the rate of a return as XchgRate takes it, 11 digits at most; of a mirrored one, what was bought for one sold."""
    rate = (
        Decimal(back.rate)
        if back.rate
        else _major(back.bought_minor, back.credited_currency) / _major(back.sold_minor, back.currency)
    )
    return f"{rate.quantize(Decimal(1).scaleb(min(0, max(rate.adjusted(), 0) - 10))):f}"


def _major(amount_minor: int, currency: str) -> Decimal:
    return Decimal(amount_minor).scaleb(-EXPONENTS[currency])
