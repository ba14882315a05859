"""Bodies of the wire: rail values written as ISO 20022 messages and read back, a function each way for each message. Pure.

A leg is known by UETR and InstrId (rails.wire.values). What a pacs.002 dates is settlement (FctvIntrBkSttlmDt); all else
it says holds as of the message (CreDtTm). A recall is a camt.056 of its own: its CxlId is the case, and the RtrId of the
pacs.004 that follows stands in the camt.029 (RsltnRltdInf/EndToEndId).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from fx.money import AmountError, format_amount, parse_amount
from rails.messages import CreditTransfer, MessageError, RefusedTransfer, build_pacs008, read_pacs008
from rails.messages.admi002 import MessageReject, build_admi002, rejection_of
from rails.messages.camt029 import (
    CANCELLED,
    PARTLY,
    TRANSACTION_ACCEPTED,
    TRANSACTION_PENDING,
    TRANSACTION_REJECTED,
    CancellationStatus,
    Resolution,
    ReturnInformation,
    build_camt029,
)
from rails.messages.camt029 import PENDING as RESOLUTION_PENDING
from rails.messages.camt029 import REJECTED as RESOLUTION_REJECTED
from rails.messages.camt056 import Cancellation, CancellationRequest, build_camt056
from rails.messages.elements import Amount, Charge
from rails.messages.kinds import read_any
from rails.messages.model import NOT_PROVIDED, PACS_002, PACS_008, BusinessHeader, StatusReport, TransactionStatus
from rails.messages.original import Assignment, Case, OriginalPayment
from rails.messages.pacs004 import PACS_004, PaymentReturn, Return, build_pacs004
from rails.messages.pacs028 import PACS_028, Inquiry, StatusRequest, build_pacs028
from rails.messages.write_pacs002 import build_report
from rails.port import ACCEPTED, PENDING, REJECTED, RailInstruction, RailReturn, RecallAnswer, RecallRequest
from rails.wire import WireError, instant, written
from rails.wire.values import LegStatus, instruction_id, leg_of

FOLLOWS_A_RECALL = "FOCR"  # ExternalReturnReason1Code: return following a cancellation request
_RECALL_STATUS = {PENDING: TRANSACTION_PENDING, ACCEPTED: TRANSACTION_ACCEPTED, REJECTED: TRANSACTION_REJECTED}
_OF_RECALL_STATUS = {iso: status for status, iso in _RECALL_STATUS.items()}
_RESOLUTION = {PENDING: RESOLUTION_PENDING, ACCEPTED: CANCELLED, REJECTED: RESOLUTION_REJECTED}


class Envelope(NamedTuple):
    """What every message says of itself."""

    message_id: str
    at: datetime  # business time of its making
    from_bic: str
    to_bic: str  # "" = not known

    def header(self, definition: str) -> BusinessHeader:
        """Return the header of a message of `definition`."""
        return BusinessHeader(self.from_bic, self.to_bic, self.message_id, definition, written(self.at))


class Asked(NamedTuple):
    """What a rail reads of a request's envelope."""

    message_id: str
    sender: str  # BIC of the header's Fr, "" without a header


# --- pacs.008 ---


class Instructions(NamedTuple):
    """A pacs.008 read by a rail."""

    asked: Asked
    instructions: tuple[RailInstruction, ...]
    refused: tuple[LegStatus, ...]  # transactions that break a rule: RJCT


def write_instructions(batch: Sequence[RailInstruction], envelope: Envelope) -> bytes:
    """Write legs of at most BATCH_MAX as one pacs.008; each must carry its transfer. Raises MessageError (RR10)."""
    transfers = [_transfer(sent) for sent in batch]
    header = envelope.header(PACS_008)
    return build_pacs008(transfers, message_id=envelope.message_id, created_at=written(envelope.at), header=header)


def _transfer(sent: RailInstruction) -> CreditTransfer:
    """Make the transfer of one hop: its own InstrId, the agents and amount of the leg, the account it is paid to."""
    transfer = sent.transfer
    assert transfer is not None, "a rail that carries messages is handed the transfer"
    amount = format_amount(sent.amount_minor, sent.currency)
    account = transfer.creditor.account._replace(number=sent.creditor_account, proxy_type=None, proxy_value=None)
    return transfer._replace(
        instruction_id=instruction_id(sent.uetr, sent.leg), uetr=sent.uetr, instructed_amount=amount,
        instructed_currency=sent.currency, interbank_amount=amount, interbank_currency=sent.currency,
        creditor=transfer.creditor._replace(account=account), debtor_agent=sent.debtor_agent,
        creditor_agent=sent.creditor_agent, settlement_currency=sent.currency, lane=None, allow_lanes=False, venue=None,
        quote_id=None, if_closed="refuse",
    )  # fmt: skip


def read_instructions(body: bytes, sent_at: datetime, expires_at: datetime) -> Instructions:
    """Read a pacs.008 as legs; raises MessageError where the message as a whole cannot be taken."""
    read = read_pacs008(body)
    taken: list[RailInstruction] = []
    refused = [_refused(each) for each in read.refused]
    for transfer in read.transfers:
        sent = _instruction(transfer, sent_at, expires_at)
        if isinstance(sent, LegStatus):
            refused.append(sent)
        else:
            taken.append(sent)
    asked = Asked(read.message_id, read.header.from_bic if read.header else "")
    return Instructions(asked, tuple(taken), tuple(refused))


def _instruction(transfer: CreditTransfer, sent_at: datetime, expires_at: datetime) -> RailInstruction | LegStatus:
    named = transfer.instruction_id
    try:
        leg = leg_of(named)
    except WireError as error:
        return LegStatus(transfer.uetr or "", 0, "RJCT", "FF01", f"PmtId/InstrId: {error}", named=named)
    if transfer.uetr is None or instruction_id(transfer.uetr, leg) != named:
        return LegStatus(transfer.uetr or "", leg, "RJCT", "FF01", "PmtId: UETR and InstrId do not agree", named=named)
    account = transfer.creditor.account.number
    if account is None:
        return LegStatus(transfer.uetr, leg, "RJCT", "AC01", "CdtrAcct/Id: a rail pays to an account number")
    return RailInstruction(
        transfer.uetr, leg, transfer.debtor_agent, transfer.creditor_agent, account,
        parse_amount(transfer.interbank_amount, transfer.interbank_currency), transfer.interbank_currency, sent_at,
        expires_at, transfer,
    )  # fmt: skip


def _refused(refused: RefusedTransfer) -> LegStatus:
    error: MessageError = refused.error
    text = f"{error.field}: {error.text}"
    return LegStatus(refused.uetr or "", 0, "RJCT", error.code, text, named=refused.instruction_id)


# --- pacs.002 ---


def write_statuses(
    statuses: Sequence[LegStatus], envelope: Envelope, original: str = NOT_PROVIDED, definition: str = PACS_008
) -> bytes:
    """Write statuses of legs as one pacs.002, in answer to message `original`, or to none."""
    return build_report(
        StatusReport(
            envelope.message_id, written(envelope.at), envelope.from_bic, envelope.to_bic or None,
            original or NOT_PROVIDED, definition, tuple([_status(each) for each in statuses]),
            header=envelope.header(PACS_002),
        )
    )  # fmt: skip


def _status(said: LegStatus) -> TransactionStatus:
    settled = said.status in ("ACSC", "ACCC") and said.at is not None
    amount = None
    if said.amount_minor is not None and said.currency:
        amount = Amount(said.currency, format_amount(said.amount_minor, said.currency))
    return TransactionStatus(
        said.named or instruction_id(said.uetr, said.leg), NOT_PROVIDED, said.uetr or None, said.status,
        said.reason_code, said.text, settled_at=written(said.at) if settled and said.at is not None else None,
        amount=amount,
    )  # fmt: skip


def read_statuses(body: bytes) -> list[LegStatus]:
    """Read a pacs.002; what names no leg of ours is left out. Raises MessageError, WireError."""
    report = read_any(body)
    if not isinstance(report, StatusReport):
        raise WireError(f"a {PACS_002} was expected")
    if report.group_status:
        raise WireError(f"the whole message is {report.group_status} {report.reason_code}: {report.text}")
    created_at = instant(report.created_at, "CreDtTm")
    found: list[LegStatus] = []
    for each in report.statuses:
        try:
            leg = leg_of(each.instruction_id)
        except WireError:
            continue
        at = instant(each.settled_at, "FctvIntrBkSttlmDt") if each.settled_at else created_at
        try:
            minor, currency = _money(each.amount)
        except WireError:  # it stops none of the others, and is asked about
            continue
        found.append(LegStatus(each.uetr or "", leg, each.status, each.reason_code, each.text, at, minor, currency))
    return found


def _money(amount: Amount | None) -> tuple[int | None, str]:
    if amount is None:
        return None, ""
    try:
        return parse_amount(amount.amount, amount.currency), amount.currency
    except AmountError as error:
        raise WireError(f"an amount cannot be read: {error}") from None


# --- pacs.028 ---


class Inquiries(NamedTuple):
    """A pacs.028 read by a rail."""

    asked: Asked
    definition: str
    keys: tuple[tuple[str, int], ...]


def write_inquiry(keys: Sequence[tuple[str, int]], envelope: Envelope) -> bytes:
    """Write an inquiry after legs of at most BATCH_MAX as one pacs.028."""
    inquiries = tuple([Inquiry(OriginalPayment(uetr, None, instruction_id(uetr, leg))) for uetr, leg in keys])
    header = envelope.header(PACS_028)
    return build_pacs028(StatusRequest(envelope.message_id, written(envelope.at), inquiries, header=header))


def read_inquiry(body: bytes) -> Inquiries:
    """Read a pacs.028; raises MessageError."""
    request = read_any(body)
    if not isinstance(request, StatusRequest):
        raise MessageError("FF01", "Document", f"A {PACS_028} is taken here")
    keys = tuple([_key(each.original, f"TxInf[{n}]") for n, each in enumerate(request.inquiries, 1)])
    asked = Asked(request.message_id, request.header.from_bic if request.header else "")
    return Inquiries(asked, request.definition, keys)


def _key(original: OriginalPayment, field: str) -> tuple[str, int]:
    if original.uetr is None or original.instruction_id is None:
        raise MessageError("CH21", f"{field}/OrgnlUETR", "OrgnlUETR and OrgnlInstrId say which leg is meant")
    try:
        return original.uetr, leg_of(original.instruction_id)
    except WireError as error:
        raise MessageError("FF01", f"{field}/OrgnlInstrId", str(error)) from None


# --- camt.056 and camt.029 ---


class Recalls(NamedTuple):
    """A camt.056 read by a rail."""

    asked: Asked
    requests: tuple[RecallRequest, ...]


def write_recall(request: RecallRequest, envelope: Envelope) -> bytes:
    """Write one recall as a camt.056: its case is the recall."""
    case_id = _digits(request.recall_id)
    amount = Amount(request.currency, format_amount(request.amount_minor, request.currency))
    original = OriginalPayment(request.uetr, None, instruction_id(request.uetr, request.leg))
    return build_camt056(
        CancellationRequest(
            Assignment(envelope.message_id, envelope.from_bic, envelope.to_bic, written(envelope.at)),
            (Cancellation(case_id, original, request.reason_code, request.text, amount),),
            Case(case_id, envelope.from_bic),
        )
    )


def read_recalls(body: bytes, asked_at: datetime) -> Recalls:
    """Read a camt.056; raises MessageError."""
    request = read_any(body)
    if not isinstance(request, CancellationRequest):
        raise MessageError("FF01", "Document", "A camt.056 is taken here")
    requests = []
    for n, each in enumerate(request.cancellations, 1):
        uetr, leg = _key(each.original, f"Undrlyg[{n}]/TxInf")
        minor, currency = _money(each.requested_amount)
        if minor is None:
            raise MessageError("CH21", f"Undrlyg[{n}]/TxInf/SplmtryData", "RequestedAmount says how much is asked back")
        recall_id = _uuid(each.cancellation_id, f"Undrlyg[{n}]/TxInf/CxlId")
        requests.append(RecallRequest(recall_id, uetr, leg, each.reason_code, minor, currency, asked_at, each.text))
    return Recalls(Asked(request.assignment.assignment_id, request.assignment.assigner), tuple(requests))


def write_resolution(requests: Sequence[RecallRequest], answers: Sequence[RecallAnswer], envelope: Envelope) -> bytes:
    """Write what became of recalls as a camt.029, each with the return that gives its money back, if one does."""
    statuses = tuple([_resolved(*pair) for pair in zip(requests, answers, strict=True)])
    words = {_RESOLUTION[answer.status] for answer in answers}
    return build_camt029(
        Resolution(
            Assignment(envelope.message_id, envelope.from_bic, envelope.to_bic, written(envelope.at)),
            words.pop() if len(words) == 1 else PARTLY,
            statuses,
        )
    )


def _resolved(request: RecallRequest, answer: RecallAnswer) -> CancellationStatus:
    returned = None
    if answer.returned is not None:
        amount = Amount(answer.returned.currency, format_amount(answer.returned.amount_minor, answer.returned.currency))
        returned = ReturnInformation(_digits(answer.returned.return_id), amount, request.uetr)
    return CancellationStatus(
        OriginalPayment(request.uetr, None, instruction_id(request.uetr, request.leg)), _RECALL_STATUS[answer.status],
        answer.reason_code, "", _digits(answer.recall_id), None, returned,
    )  # fmt: skip


class Resolved(NamedTuple):
    """What a rail says of a recall."""

    status: str  # pending | accepted | rejected
    reason_code: str
    return_id: str  # of the return that gives the money back, "" while none is named


def read_resolution(body: bytes) -> dict[tuple[str, int], Resolved]:
    """Read a camt.029: what became of the recall of each leg. Raises MessageError, WireError."""
    resolution = read_any(body)
    if not isinstance(resolution, Resolution):
        raise WireError("a camt.029 was expected")
    found: dict[tuple[str, int], Resolved] = {}
    for each in resolution.statuses:
        try:
            key = _key(each.original, "CxlDtls/TxInfAndSts")
            return_id = _uuid(each.returned.end_to_end_id, "RsltnRltdInf/EndToEndId") if each.returned else ""
        except MessageError as error:
            raise WireError(str(error)) from None
        found[key] = Resolved(_OF_RECALL_STATUS[each.status], each.reason_code, return_id)
    return found


# --- pacs.004 ---


def write_returns(returned: Sequence[RailReturn], envelope: Envelope) -> bytes:
    """Write money given back as one pacs.004."""
    header = envelope.header(PACS_004)
    returns = tuple([_return(each, envelope.from_bic) for each in returned])
    return build_pacs004(PaymentReturn(envelope.message_id, written(envelope.at), returns, header=header))


def _return(returned: RailReturn, agent: str) -> Return:
    currency = returned.currency
    charges: tuple[Charge, ...] = ()
    if returned.charge_minor:  # the rail names itself: it does not say which agent kept it
        charges = (Charge(Amount(currency, format_amount(returned.charge_minor, currency)), agent),)
    return Return(
        _digits(returned.return_id),
        OriginalPayment(returned.uetr, None, instruction_id(returned.uetr, returned.leg)),
        Amount(currency, format_amount(returned.amount_minor, currency)), returned.reason_code,
        settled_on=returned.at.date().isoformat(), charges=charges,
    )  # fmt: skip


class ReturnsRead(NamedTuple):
    """A pacs.004 read by the switch: one return that cannot be read stops none of the others."""

    returns: tuple[RailReturn, ...]
    unreadable: tuple[str, ...]  # what is wrong with each of the others


def read_returns(body: bytes, rail: str) -> ReturnsRead:
    """Read a pacs.004; raises MessageError, WireError. Which recall one follows is not in it: `recall_id` is ""."""
    message = read_any(body)
    if not isinstance(message, PaymentReturn):
        raise WireError(f"a {PACS_004} was expected")
    at = instant(message.created_at, "CreDtTm")
    found: list[RailReturn] = []
    unreadable: list[str] = []
    for n, each in enumerate(message.returns, 1):
        try:
            found.append(_given_back(each, rail, at, f"TxInf[{n}]"))
        except (MessageError, WireError) as error:
            unreadable.append(f"TxInf[{n}]: {error}")
    return ReturnsRead(tuple(found), tuple(unreadable))


def _given_back(given: Return, rail: str, at: datetime, field: str) -> RailReturn:
    uetr, leg = _key(given.original, field)
    minor, currency = _money(given.returned_amount)
    assert minor is not None, "our profile makes RtrdIntrBkSttlmAmt mandatory"
    kept = sum(_money(charge.amount)[0] or 0 for charge in given.charges if charge.amount.currency == currency)
    return_id = _uuid(given.return_id, f"{field}/RtrId")
    return RailReturn(rail, return_id, uetr, leg, minor, currency, kept, given.reason_code, "", at)


# --- admi.002 ---


def write_refusal(error: MessageError) -> bytes:
    """Write why a request was not taken as an admi.002; undated, since the request may have told no business time."""
    return build_admi002(rejection_of(error, "")._replace(rejected_at=None))


def is_refusal(body: bytes) -> bool:
    """Whether a body is an admi.002."""
    try:
        return isinstance(read_any(body), MessageReject)
    except MessageError:
        return False


def read_refusal(body: bytes) -> str:
    """Say in one line why a request was not taken; raises MessageError."""
    reject = read_any(body)
    parts = [getattr(reject, name, None) for name in ("reason_code", "location", "description")]
    return " ".join(part for part in parts if part)


def _digits(identification: str) -> str:
    """Write a UUID as an id of at most 35 characters: its 32 hexadecimal digits."""
    return identification.replace("-", "")


def _uuid(text: str, field: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise MessageError("FF01", field, "This id is a UUID's 32 hexadecimal digits") from None
