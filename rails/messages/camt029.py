"""camt.029: the answer to a recall: done, refused and why, pending, in part, handed on, or money on its way. Pure."""

from types import MappingProxyType
from typing import Any, NamedTuple

from rails.messages.checks import check_reason
from rails.messages.codec import Kind, Received, check_identifier
from rails.messages.codes import load_codes
from rails.messages.elements import Amount, amount, instant_of, leaf, reason, reason_of
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

CAMT_029 = "camt.029.001.09"
CAMT_029S = (CAMT_029, "camt.029.001.13")
# Sts/Conf (ExternalInvestigationExecutionConfirmation1Code), and of each payment TxCxlSts.
CANCELLED, REJECTED, PENDING, PARTLY, FORWARDED, PAYMENT_INITIATED = "CNCL", "RJCR", "PDCR", "PECR", "FTNA", "IPAY"
TRANSACTION_ACCEPTED, TRANSACTION_REJECTED, TRANSACTION_PENDING = "ACCR", "RJCR", "PDCR"
_ROOT = "RsltnOfInvstgtn"
# What the word for all says of each payment; a word that is not here leaves it open: beside one that is pending others may be decided.
_OF_EACH = MappingProxyType({CANCELLED: TRANSACTION_ACCEPTED, REJECTED: TRANSACTION_REJECTED})


class ReturnInformation(NamedTuple):
    """The return that gives the money back: end-to-end id, UETR where known, amount, ISO 8601 day."""

    end_to_end_id: str
    amount: Amount
    uetr: str | None = None
    settled_on: str | None = None


class CancellationStatus(NamedTuple):
    """What became of the recall of one payment."""

    original: OriginalPayment
    status: str  # ACCR | RJCR | PDCR
    reason_code: str = ""  # ExternalPaymentCancellationRejection1Code, where RJCR
    text: str = ""
    status_id: str | None = None
    case: Case | None = None
    returned: ReturnInformation | None = None


class Resolution(NamedTuple):
    """A resolution of investigation: the case, the word for all of it, and what became of each payment."""

    assignment: Assignment
    status: str  # CNCL | RJCR | PDCR | PECR | FTNA | IPAY
    statuses: tuple[CancellationStatus, ...] = ()
    case: Case | None = None
    header: BusinessHeader | None = None
    definition: str = CAMT_029


def build_camt029(resolution: Resolution) -> bytes:
    """Build a resolution of investigation, wrapped with its header where it has one. Raises MessageError (RR10)."""
    details = "".join([_status(each) for each in resolution.statuses])
    content = (
        f"{assignment(resolution.assignment)}{case('RslvdCase', resolution.case)}"
        f"<Sts>{leaf('Conf', resolution.status)}</Sts>{f'<CxlDtls>{details}</CxlDtls>' if details else ''}"
    )
    return enveloped(resolution.header, resolution.definition, f"<{_ROOT}>{content}</{_ROOT}>")


def _status(each: CancellationStatus) -> str:
    return (
        f"<TxInfAndSts>{leaf('CxlStsId', each.status_id)}{case('RslvdCase', each.case)}{ids(each.original)}"
        f"{leaf('TxCxlSts', each.status)}{reason('CxlStsRsnInf', each.reason_code, each.text)}"
        f"{_returned(each.returned)}{amounts(each.original)}{reference(each.original)}</TxInfAndSts>"
    )


def _returned(given: ReturnInformation | None) -> str:
    if given is None:
        return ""
    return (
        f"<RsltnRltdInf>{leaf('EndToEndId', given.end_to_end_id)}{leaf('UETR', given.uetr)}"
        f"{amount('IntrBkSttlmAmt', given.amount)}{leaf('IntrBkSttlmDt', given.settled_on)}</RsltnRltdInf>"
    )


def _read(received: Received) -> Resolution:
    header, definition, found = received
    given, status = assignment_of(found), found["Sts"]["Conf"]
    statuses = tuple([_status_of(each) for each in found["CxlDtls"]["TxInfAndSts"]]) if "CxlDtls" in found else ()
    faults = [check_identifier(given.assignment_id, f"{_ROOT}/Assgnmt/Id")]
    faults += [_check(each, status, f"{_ROOT}/CxlDtls/TxInfAndSts[{n}]") for n, each in enumerate(statuses, 1)]
    raise_first(faults, given.assignment_id)
    return Resolution(given, status, statuses, case_of(found, "RslvdCase"), header, definition)


def _status_of(found: dict[str, Any]) -> CancellationStatus:
    code, text = reason_of(found, "CxlStsRsnInf")
    return CancellationStatus(
        original_of(found), found["TxCxlSts"], code, text, found.get("CxlStsId"), case_of(found, "RslvdCase"),
        _returned_of(found["RsltnRltdInf"]) if "RsltnRltdInf" in found else None,
    )  # fmt: skip


def _returned_of(found: dict[str, Any]) -> ReturnInformation:
    return ReturnInformation(
        found["EndToEndId"], Amount(*found["IntrBkSttlmAmt"]), found.get("UETR"), instant_of(found, "IntrBkSttlmDt")
    )


def _check(each: CancellationStatus, status: str, field: str) -> MessageError | None:
    rejections = load_codes().cancellation_rejections
    if _OF_EACH.get(status, each.status) != each.status:
        text = f"Sts/Conf {status} says {_OF_EACH[status]} of each payment, this one is {each.status}"
        return MessageError("CH16", f"{field}/TxCxlSts", text)
    fault = check_original(each.original, field)
    if fault is None and each.returned is not None:
        fault = check_money(each.returned.amount, f"{field}/RsltnRltdInf/IntrBkSttlmAmt")
    if fault is None and each.status == TRANSACTION_REJECTED:
        name = "ExternalPaymentCancellationRejection1Code"
        fault = check_reason(each.reason_code, rejections, f"{field}/CxlStsRsnInf", name)
    return fault


KINDS = MappingProxyType(
    {
        name: Kind(
            name,
            _read,
            ("camt.029.body", "original", "types"),
            frozenset({"TxInfAndSts", "AddtlInf"}),
            message_id="Assgnmt/Id",
        )
        for name in CAMT_029S
    }
)
