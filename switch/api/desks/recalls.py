"""camt.056: give settled money back. Answered with a camt.029 that says how each recall stands; asked again, how it stands now.

The key of a recall is the message's assignment id and its cancellation id: the same message again asks for nothing twice.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fx.money import Money, format_amount, parse_amount
from rails.messages.camt029 import (
    CAMT_029,
    CANCELLED,
    PARTLY,
    PENDING,
    REJECTED,
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
from rails.messages.original import Assignment, OriginalPayment
from rails.messages.pacs004 import PaymentReturn, Return, build_pacs004
from switch.api.access import Caller
from switch.api.desks.desk import SWITCH_BIC, message_id_of, message_reject, xml_answer
from switch.flow.ports import Stored
from switch.flow.recalls import RecallAsk
from switch.flow.return_books import Opened, StoredRecall, StoredReturn
from switch.flow.submission import uetr_identity
from switch.payment.recalling import OPEN, RECALL_REJECTED, RecallRefused, terms
from switch.payment.returning import HAS_IT
from switch.sandbox import NotFound, Sandbox
from switch.translate.messages import iso_time

_OLDER, _CURRENT = CAMT_029, "camt.029.001.13"
_TEXT_MAX = 105
# ExternalPaymentCancellationRejection1Code for what is refused here (facts messages 3.3; which stands for which is assumed).
_REFUSED = {"not-recallable": "NOOR", "recall-too-late": "LEGL", "recall-too-much": "ARDT", "recall-open": "NARR"}


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
        given = Assignment(
            message_id_of(to, asked.assignment.assignment_id, at.isoformat()), SWITCH_BIC, to, iso_time(at)
        )
        definition = _OLDER if asked.definition == CAMT_056 else _CURRENT
        return xml_answer(build_camt029(Resolution(given, _of_all(said), tuple(said), asked.case, None, definition)))

    async def _status(self, caller: Caller, assignment_id: str, each: Cancellation) -> CancellationStatus:
        original = each.original
        found = await self._sandbox.store.by_identity(uetr_identity(original.uetr)) if original.uetr else None
        try:
            if found is None:
                raise NotFound
            stored = await self._sandbox.payment(found[0], caller.participant)
        except NotFound:
            what = (
                "It was never received here." if original.uetr else "Payments are found by their UETR: give OrgnlUETR."
            )
            return CancellationStatus(original, TRANSACTION_REJECTED, "NOOR", what)
        if each.reason_code not in terms().recall:
            what = f"Recalls are taken for {', '.join(sorted(terms().recall))}."
            return CancellationStatus(original, TRANSACTION_REJECTED, "NARR", what)
        opened = await self._opened(stored, caller, f"{assignment_id}|{each.cancellation_id}", each)
        return await self._said(original, opened, each.cancellation_id)

    async def _opened(self, stored: Stored, caller: Caller, key: str, each: Cancellation) -> Opened:
        amount = each.requested_amount
        money = None if amount is None else Money(parse_amount(amount.amount, amount.currency), amount.currency)
        ask = RecallAsk(each.reason_code, money, each.text[:_TEXT_MAX])
        return await self._sandbox.recall(stored.payment_id, caller.participant, key, ask)

    async def _said(self, original: OriginalPayment, opened: Opened, cancellation_id: str) -> CancellationStatus:
        if opened.refused is not None:
            refused: RecallRefused = opened.refused
            return CancellationStatus(
                original, TRANSACTION_REJECTED, _REFUSED[refused.name], refused.text, cancellation_id
            )
        assert opened.recall is not None
        if not opened.same_content:
            what = "This assignment and cancellation id were used for another recall."
            return CancellationStatus(original, TRANSACTION_REJECTED, "NARR", what, cancellation_id)
        returns = await self._sandbox.store.returns(opened.recall.payment_id)
        return status_of(original, opened.recall, returns)._replace(status_id=cancellation_id)

    def rejection(self, error: MessageError, definition: str, to: str, at: datetime) -> bytes:
        """Write the admi.002 that refuses a recall message."""
        return message_reject(error, to, at)


def status_of(original: OriginalPayment, recall: StoredRecall, returns: list[StoredReturn]) -> CancellationStatus:
    """Write how a recall stands as camt.029 says it of one payment, with the return that gives the money back."""
    if recall.state in OPEN:
        return CancellationStatus(original, TRANSACTION_PENDING)
    if recall.state == RECALL_REJECTED:
        return CancellationStatus(original, TRANSACTION_REJECTED, recall.code)
    back = next((each for each in returns if each.recall_id == recall.recall_id), None)
    info = None
    if back is not None:
        amount = Amount(back.currency, format_amount(back.amount_minor, back.currency))
        info = ReturnInformation(original.end_to_end_id or "NOTPROVIDED", amount, None, back.at.date().isoformat())
    return CancellationStatus(original, TRANSACTION_ACCEPTED, returned=info)


def return_message(stored: Stored, back: StoredReturn, end_to_end_id: str, definition: str) -> bytes:
    """Write a return as the pacs.004 that tells the debtor agent of it; `definition` is one of PACS_004S.

    It names what came back between the agents, and where it was exchanged what the debtor agent was credited.
    """
    original = OriginalPayment(
        stored.uetr, end_to_end_id, stored.instruction_id, None, None,
        Amount(stored.settlement_currency, format_amount(stored.settlement_minor, stored.settlement_currency)), None,
        stored.debtor_agent, stored.creditor_agent,
    )  # fmt: skip
    credited = None
    if back.state in HAS_IT and back.credited_currency != back.currency:
        credited = Amount(back.credited_currency, format_amount(back.credited_minor, back.credited_currency))
    kept: tuple[Charge, ...] = ()
    if back.charge_minor:
        kept = (Charge(Amount(back.currency, format_amount(back.charge_minor, back.currency)), stored.creditor_agent),)
    given = Return(
        back.return_id.replace("-", ""), original, Amount(back.currency, format_amount(back.amount_minor, back.currency)),
        back.reason_code, "", back.at.date().isoformat(), credited, None, "SHAR" if kept else None, kept,
    )  # fmt: skip
    at = iso_time(back.booked_at)
    message_id = message_id_of(stored.participant, back.return_id)
    return build_pacs004(
        PaymentReturn(message_id, at, (given,), SWITCH_BIC, stored.participant, None, None, definition)
    )


def _of_all(said: list[CancellationStatus]) -> str:
    """Say of all recalls together what they have in common; of several kinds, that it is done in part."""
    words = {TRANSACTION_ACCEPTED: CANCELLED, TRANSACTION_REJECTED: REJECTED, TRANSACTION_PENDING: PENDING}
    found = {words[each.status] for each in said}
    return found.pop() if len(found) == 1 else PARTLY
