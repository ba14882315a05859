"""What the API shows of payments and events: documents of plain values, amounts as decimal strings in major units.

Built from what the store holds, by payment.explain's documents. Of the sealed instruction only `asked_document` shows
something, to its participant; no document holds a name or a number.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fx.money import Money, format_amount
from switch.flow.doubt_books import ABOUT_PAYMENT, CONFIRMED, Inquiry, Proposal
from switch.flow.exceptions import WRONG_AMOUNT, WRONG_RAIL
from switch.flow.ports import PAYMENT, ExceptionRecord, Stored, StoredEvent
from switch.payment.explain import (
    claim_document,
    exchange_document,
    instant_document,
    money_document,
    of_law,
    reason_document,
)
from switch.payment.instruction import Instruction
from switch.payment.plan import Refusal
from switch.payment.queueing import opening_in
from switch.payment.refusals import refusal_from
from switch.payment.status import ISO_STATUS, QUEUED


def accepted_document(
    payment_id: str, status: str, uetr: str, instruction_id: str, opens_at: datetime | None = None
) -> dict[str, Any]:
    """Write what is known of a payment the moment it is accepted: the first fields of its document; the opening where it waits."""
    document = {
        "payment_id": payment_id,
        "status": status,
        "iso_status": ISO_STATUS[status],
        "uetr": uetr,
        "instruction_id": instruction_id,
    }
    return document if opens_at is None else document | {"queued_until": instant_document(opens_at)}


def known_document(stored: Stored) -> dict[str, Any]:
    """Write of a stored payment what was answered when it was accepted, as it stands now."""
    opens_at = opening_in(stored.detail) if stored.status == QUEUED else None
    return accepted_document(stored.payment_id, stored.status, stored.uetr, stored.instruction_id, opens_at)


def payment_document(stored: Stored) -> dict[str, Any]:
    """Write a payment: what became of it, its amounts, class, lane, route and the law's claims."""
    decision = json.loads(stored.decision)
    return known_document(stored) | {
        "debtor_agent": stored.debtor_agent,
        "creditor_agent": stored.creditor_agent,
        "received_at": stored.received_at.isoformat(),
        "settled_at": stored.settled_at.isoformat() if stored.settled_at else None,
        "reason": reason_of(stored),
        "debit_amount": _amount(stored.debit_minor, stored.debit_currency),
        "settlement_amount": _amount(stored.settlement_minor, stored.settlement_currency),
        "charge": _charge(decision),
        "exchange": _exchange(decision, stored.debit_currency) if stored.debit_currency else None,
        "classification": decision.get("classification"),
        "lane": decision.get("lane"),
        "route": decision.get("route", []),
        "alert": decision.get("alert"),
        "claims": [claim_document(claim) for claim in of_law(stored.claims)],
        "quote_id": stored.quote_id or None,
        "rulebook_id": stored.rulebook_id,
    }


def asked_document(instruction: Instruction) -> dict[str, Any]:
    """Write what was asked, for its participant, where one payment is read by itself; no name, account or id of a person."""
    return {
        "end_to_end_id": instruction.end_to_end_id,
        "instructed_amount": instruction.instructed_amount.model_dump(),
        "settlement_currency": instruction.settlement_currency,
        "purpose_code": instruction.purpose_code,
    }


def route_of(stored: Stored) -> list[dict[str, Any]]:
    """Return the rails a payment takes, none for one that was refused."""
    route: list[dict[str, Any]] = json.loads(stored.decision).get("route", [])
    return route


def reason_of(stored: Stored) -> dict[str, Any] | None:
    """Write why a payment was rejected, None where it was not."""
    refusal = refusal_from(stored.detail) if stored.code else None
    return reason_document(refusal) | {"code": stored.code} if refusal is not None else None


def refusal_in(event: StoredEvent, stored: Stored | None = None) -> Refusal | None:
    """Return why an event rejected its payment; of a refusal at the door only the payment itself keeps the reason."""
    if not event.code:
        return None
    return refusal_from(event.detail) or (refusal_from(stored.detail) if stored is not None else None)


def event_document(event: StoredEvent, stored: Stored | None = None) -> dict[str, Any]:
    """Write one event of a payment; `event_id` is its place in the stream."""
    if event.record != PAYMENT:
        return _record_event_document(event)
    refusal = refusal_in(event, stored)
    return {
        "event_id": event.cursor,
        "record": event.record,
        "payment_id": event.payment_id,
        "n": event.n,
        "status": event.status,
        "iso_status": ISO_STATUS[event.status],
        "code": event.code or None,
        "text": reason_document(refusal)["text"] if refusal is not None else None,
        "at": event.at.isoformat(),
    }


def _record_event_document(event: StoredEvent) -> dict[str, Any]:
    """Write an event of a record beside a payment: `status` is the payment's, as it was and stays."""
    said = json.loads(event.detail)
    return {
        "event_id": event.cursor,
        "record": event.record,
        "payment_id": event.payment_id,
        "n": None,
        "status": event.status,
        "iso_status": ISO_STATUS[event.status],
        "code": event.code or None,
        "text": said.get("text"),
        "at": event.at.isoformat(),
        "kind": said.get("kind"),
        "record_id": said.get("record_id"),
        "state": said.get("state"),
    }


def proposal_document(proposal: Proposal, state: str) -> dict[str, Any]:
    """Write what an operator proposed, and what has become of it; for operators."""
    return {
        "payment_id": proposal.payment_id,
        "subject": proposal.subject,
        "n": proposal.n,
        "action": proposal.action,
        "reason": proposal.reason,
        "proposed_by": proposal.proposed_by,
        "proposed_at": proposal.proposed_at.isoformat(),
        "lapses_at": proposal.lapses_at.isoformat(),
        "state": state,
        "decided_by": proposal.decided_by or None,
        "decided_at": proposal.decided_at.isoformat() if proposal.decided_at else None,
    }


def inquiry_document(inquiry: Inquiry) -> dict[str, Any]:
    """Write what a rail was asked about a payment in doubt, and its answer."""
    return {
        "n": inquiry.n,
        "rail": inquiry.rail,
        "asked_at": inquiry.asked_at.isoformat(),
        "answer": inquiry.answer,
        "code": inquiry.code or None,
        "times": inquiry.times,
    }


def resolutions(proposals: Sequence[Proposal]) -> dict[str, Proposal]:
    """Return by kind how the exceptions of one payment were resolved."""
    return {each.subject: each for each in proposals if each.outcome == CONFIRMED and each.subject != ABOUT_PAYMENT}


def exception_document(record: ExceptionRecord, resolved: Proposal | None = None) -> dict[str, Any]:
    """Write an exception record: what the rail said, what that did to money and quota, and how it was resolved."""
    said = json.loads(record.detail)
    used = [claim_document(claim) for claim in record.forced]
    return {
        "payment_id": record.payment_id,
        "kind": record.kind,
        "at": record.at.isoformat(),
        "rail": said["rail"],
        "said": said["said"],
        "code": said["reason_code"] or None,
        "text": f"{_moved(record, said)} {_used_again(used)}",
        "used": [{"rule": claim["rule"], "amount": claim["claimed"], "currency": claim["currency"]} for claim in used],
        "state": "open" if resolved is None else "resolved",
        "resolution": resolved.action if resolved else None,
        "resolved_at": resolved.decided_at.isoformat() if resolved and resolved.decided_at else None,
    }


def _moved(record: ExceptionRecord, said: Mapping[str, Any]) -> str:
    if record.kind == WRONG_AMOUNT:
        return f"{said['rail']} said {said['said']} of another amount than it was sent: not carried out, it is asked."
    if record.kind == WRONG_RAIL:
        return f"{said['rail']} said {said['said']} of a payment that it does not carry: not carried out."
    if not record.transfers:
        coded = f" ({said['reason_code']})" if said["reason_code"] else ""
        return f"{said['rail']} said {said['said']}{coded} of a payment that has ended otherwise: no money moves."
    paid = " and ".join(
        f"{each.currency} {format_amount(each.amount_minor, each.currency)}" for each in record.transfers
    )
    return f"{said['rail']} paid although the payment had ended: the creditor agent has {paid}, out of the rail's suspense account."


def _used_again(used: Sequence[Mapping[str, Any]]) -> str:
    if not used:
        return "The debtor's quota stays as it was."
    rules = ", ".join(f"{claim['currency']} {claim['claimed']} of {claim['rule']}" for claim in used)
    return f"It counts, whatever the limits say: {rules}."


def _amount(amount_minor: int, currency: str) -> dict[str, str] | None:
    return money_document(Money(amount_minor, currency)) if currency else None


def _charge(decision: Mapping[str, Any]) -> dict[str, str] | None:
    charge = decision.get("charge")
    return _amount(charge["amount_minor"], charge["currency"]) if charge else None


def _exchange(decision: Mapping[str, Any], debit_currency: str) -> dict[str, Any] | None:
    price = decision.get("price")
    if not price:
        return None
    return exchange_document(price, Money(price["spread_minor"], debit_currency))
