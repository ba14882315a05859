"""camt.056: a recall. The debtor's side asks the creditor's side to give settled money back, all of it or a part. Pure."""

from types import MappingProxyType
from typing import Any, NamedTuple

from rails.messages.checks import check_reason
from rails.messages.codec import Kind, Received, check_identifier
from rails.messages.codes import load_codes
from rails.messages.elements import Amount, amount, amount_of, leaf, reason, reason_of
from rails.messages.envelope import enveloped
from rails.messages.errors import MessageError
from rails.messages.model import BusinessHeader
from rails.messages.original import (
    Assignment,
    Case,
    OriginalPayment,
    amounts,
    assignment,
    assignment_of,
    case,
    case_of,
    check_money,
    check_original,
    ids,
    original_of,
    raise_first,
    reference,
)
from rails.messages.profile import SUPPLEMENT_NAMESPACE

CAMT_056 = "camt.056.001.08"
CAMT_056S = (CAMT_056, "camt.056.001.11")
_ROOT = "FIToFIPmtCxlReq"


class Cancellation(NamedTuple):
    """One payment asked back; `requested_amount` None = all of it."""

    cancellation_id: str
    original: OriginalPayment
    reason_code: str  # ExternalCancellationReason1Code, of those in codes.yaml
    text: str = ""
    requested_amount: Amount | None = None


class CancellationRequest(NamedTuple):
    """A message of recalls: one case, handed by the assigner to the assignee."""

    assignment: Assignment
    cancellations: tuple[Cancellation, ...]
    case: Case | None = None
    header: BusinessHeader | None = None
    definition: str = CAMT_056


def build_camt056(request: CancellationRequest) -> bytes:
    """Build a cancellation request, wrapped with its header where it has one. Raises MessageError (RR10)."""
    count = f"<CtrlData>{leaf('NbOfTxs', str(len(request.cancellations)))}</CtrlData>"
    content = "".join([_cancellation(each) for each in request.cancellations])
    return enveloped(
        request.header,
        request.definition,
        f"<{_ROOT}>{assignment(request.assignment)}{case('Case', request.case)}{count}{content}</{_ROOT}>",
    )


def _cancellation(each: Cancellation) -> str:
    supplement = ""
    if each.requested_amount is not None:
        asked = amount("RequestedAmount", each.requested_amount)
        supplement = (
            f'<SplmtryData><Envlp><Recall xmlns="{SUPPLEMENT_NAMESPACE}">{asked}</Recall></Envlp></SplmtryData>'
        )
    return (
        f"<Undrlyg><TxInf>{leaf('CxlId', each.cancellation_id)}{ids(each.original)}{amounts(each.original)}"
        f"{reason('CxlRsnInf', each.reason_code, each.text)}{reference(each.original)}{supplement}</TxInf></Undrlyg>"
    )


def _read(received: Received) -> CancellationRequest:
    header, definition, found = received
    given = assignment_of(found)
    cancellations = tuple([_cancellation_of(each["TxInf"]) for each in found["Undrlyg"]])
    faults = [check_identifier(given.assignment_id, f"{_ROOT}/Assgnmt/Id"), _check_count(found, len(cancellations))]
    faults += [_check(each, f"{_ROOT}/Undrlyg[{n}]/TxInf") for n, each in enumerate(cancellations, 1)]
    raise_first(faults, given.assignment_id)
    return CancellationRequest(given, cancellations, case_of(found, "Case"), header, definition)


def _cancellation_of(found: dict[str, Any]) -> Cancellation:
    code, text = reason_of(found, "CxlRsnInf")
    supplement = found["SplmtryData"]["Envlp"] if "SplmtryData" in found else {}
    return Cancellation(found["CxlId"], original_of(found), code, text, amount_of(supplement, "RequestedAmount"))


def _check_count(found: dict[str, Any], count: int) -> MessageError | None:
    if "CtrlData" in found and int(found["CtrlData"]["NbOfTxs"]) != count:
        text = f"NbOfTxs says {found['CtrlData']['NbOfTxs']}, the message has {count} transactions"
        return MessageError("AM18", f"{_ROOT}/CtrlData/NbOfTxs", text)
    return None


def _check(each: Cancellation, field: str) -> MessageError | None:
    return (
        check_identifier(each.cancellation_id, f"{field}/CxlId")
        or check_original(each.original, field)
        or check_money(each.requested_amount, f"{field}/SplmtryData/Envlp/Recall/RequestedAmount")
        or check_reason(
            each.reason_code, load_codes().cancellation_reasons, f"{field}/CxlRsnInf", "ExternalCancellationReason1Code"
        )
    )


KINDS = MappingProxyType(
    {
        name: Kind(
            name,
            _read,
            ("camt.056.body", "original", "types"),
            frozenset({"Undrlyg", "AddtlInf"}),
            message_id="Assgnmt/Id",
            heads=3,
        )
        for name in CAMT_056S
    }
)
