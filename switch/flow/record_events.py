"""What the stream says of the records beside a payment, for the reader: JSON with kind, record_id, state and a sentence.

No name or number of a person. What the records are is the books' (doubt_books, return_books); what moves them is the flow's.
"""

import json

from fx.money import format_amount
from switch.flow.doubt_books import Proposal
from switch.flow.return_books import StoredRecall, StoredReturn
from switch.flow.steps import ExceptionRecord
from switch.payment.recalling import PENDING, RECALL_ACCEPTED, RECALL_REJECTED, REQUESTED, RETURNED
from switch.payment.returning import BOOKED, RELEASED, SENT_BACK, SQUARED, SUSPENDED, UNMATCHED


def exception_detail(record: ExceptionRecord) -> str:
    """Write what the stream says of an exception that begins."""
    said = json.loads(record.detail)
    text = f"{said.get('rail', 'A rail')} said what does not go with the payment: {record.kind}."
    return _told(record.kind, record.kind, "open", text)


def exception_code(detail: str) -> str:
    """Return the ISO code that the rail gave, "" without one."""
    code: str = json.loads(detail).get("reason_code", "")
    return code


def resolved_detail(proposal: Proposal) -> str:
    """Write what the stream says of an exception that ends; who decided stays with the operators."""
    return _told("resolved", proposal.subject, "resolved", f"Two operators resolved it: {proposal.action}.")


def abort_detail(uetr: str, rail: str) -> str:
    """Write what the creditor agent is told of a payment that had been announced to it and was ended."""
    text = f"The switch ended this payment, which {rail} may have announced: nothing is to be credited."
    return json.dumps({**json.loads(_told("aborted", uetr, "aborted", text)), "uetr": uetr, "rail": rail})


def _told(kind: str, record_id: str, state: str, text: str) -> str:
    return json.dumps({"kind": kind, "record_id": record_id, "state": state, "text": text})


def recall_detail(recall: StoredRecall) -> str:
    """Write a recall's event for the reader."""
    amount = f"{recall.currency} {format_amount(recall.amount_minor, recall.currency)}"
    says = {
        REQUESTED: f"{amount} is asked back of the creditor agent ({recall.reason_code}).",
        PENDING: f"{recall.rail} has the recall of {amount}; the creditor agent has not decided.",
        RECALL_ACCEPTED: f"The creditor agent gives {amount} back; the money is on its way.",
        RECALL_REJECTED: f"The creditor agent gives {amount} not back ({recall.code}).",
        RETURNED: f"Of {amount} that was asked back the money has come.",
    }
    kind = "asked" if recall.state == REQUESTED else recall.state
    return json.dumps({"kind": kind, "record_id": recall.recall_id, "state": recall.state, "text": says[recall.state]})


def return_detail(stored: StoredReturn) -> str:
    """Write a return's event for the reader."""
    amount = f"{stored.currency} {_major(stored.amount_minor, stored.currency)}"
    credited = f"{stored.credited_currency} {_major(stored.credited_minor, stored.credited_currency)}"
    says = {
        BOOKED: f"{amount} came back ({stored.reason_code}); the debtor agent has {credited}.",
        SUSPENDED: f"{amount} came back ({stored.reason_code}) and is held: {stored.why.replace('-', ' ')}.",
        SQUARED: f"{amount} came back ({stored.reason_code}) of a payment that had ended: suspense bears so much less.",
        RELEASED: f"{amount} that was held is released; the debtor agent has {credited}.",
        SENT_BACK: f"{amount} that was held went back to the creditor agent.",
        UNMATCHED: f"{amount} came back of no payment of ours.",
    }
    return json.dumps(
        {"kind": stored.state, "record_id": stored.return_id, "state": stored.state, "text": says[stored.state]}
        | ({"recall_id": stored.recall_id} if stored.recall_id else {})
    )


def _major(amount_minor: int, currency: str) -> str:
    return format_amount(amount_minor, currency) if currency else str(amount_minor)
