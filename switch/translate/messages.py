"""Instruction <-> pacs.008 and pain.001, and what became of a payment -> pacs.002 and pain.002: the one place that maps them.

A field for an element, without loss: JSON -> XML -> JSON gives an equal Instruction, so an equal decision.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import ValidationError

from fx.money import Money, format_amount
from rails import messages
from rails.messages.checks import DUPLICATE_UETR
from rails.messages.errors import MessageError as MessageError  # those who read messages name it from here
from rails.messages.model import (
    NOT_PROVIDED,
    PACS_002,
    PACS_008,
    PACS_008S,
    Answer,
    CreditTransfer,
    InterbankDetails,
    Pacs008,
    RefusedTransfer,
    TransactionStatus,
)
from rails.messages.model import BusinessHeader as BusinessHeader
from rails.messages.pain import ANSWER_TO as PAIN_ANSWER_TO
from rails.messages.pain import PAIN_001, Pain001, Pain002, build_pain002
from switch.payment.instruction import HIGH, Instruction, Party
from switch.payment.status import ISO_STATUS

# The version of the answer to each version of pacs.008: a sender of one generation is answered in it (facts messages 1.2).
_ANSWER_TO = MappingProxyType({PACS_008S[0]: PACS_002, PACS_008S[1]: "pacs.002.001.15"})
_DAY_PAST, _DAY_TO_COME = "DT01", "CH03"

SWITCH_BIC = "BAYSHKH0"  # fictional, as its location code says


class ParsedMessage(NamedTuple):
    """A pacs.008 or pain.001 as instructions, and apart from them the transactions refused: those are answered, too."""

    msg_id: str
    instructions: list[Instruction]
    refused: list[RefusedTransfer]
    header: BusinessHeader | None
    definition: str  # pacs.008.001.08 or .13, pain.001.001.09 or .12
    created_at: str
    instructing_agent: str | None  # BIC of GrpHdr/InstgAgt
    payment_information_id: str = ""  # of a pain.001


class TransactionOutcome(NamedTuple):
    """What became of one instruction: its payment status (switch.payment.status), and why where it was refused."""

    instruction_id: str
    end_to_end_id: str
    uetr: str | None
    status: str
    reason_code: str = ""  # ExternalStatusReason1Code
    text: str = ""
    clearing_system: tuple[str, str] | None = None  # of the rail that carries it (rails.port.Capabilities)


def parse_instructions(body: bytes) -> ParsedMessage:
    """Read a pacs.008 body; raises MessageError where the message, or every transaction of it, is refused."""
    return instructions_in(messages.read_pacs008(body))


def instructions_in(read: Pacs008) -> ParsedMessage:
    """Map a pacs.008 to the instructions it asks for; raises MessageError where every transaction of it is refused."""
    instructions = _instructions(read.transfers, read.refused, read.message_id)
    return ParsedMessage(
        read.message_id, instructions, list(read.refused), read.header, read.definition, read.created_at,
        read.instructing_agent,
    )  # fmt: skip


def initiation_in(read: Pain001, today: date) -> ParsedMessage:
    """Map a pain.001 to the instructions it asks for, on the law day `today`; raises MessageError.

    It is carried out as it comes, so another day than today is refused: past (DT01) or to come (CH03).
    """
    asked = date.fromisoformat(read.execution_day)
    if asked != today:
        code = _DAY_PAST if asked < today else _DAY_TO_COME
        field, text = "CstmrCdtTrfInitn/PmtInf/ReqdExctnDt/Dt", f"Payments are carried out as they come: send {today}"
        raise MessageError(code, field, text, read.message_id)
    instructions = _instructions(read.transfers, read.refused, read.message_id)
    return ParsedMessage(
        read.message_id, instructions, list(read.refused), read.header, read.definition, read.created_at,
        instructions[0].debtor_agent, read.payment_information_id,
    )  # fmt: skip


def _instructions(
    transfers: Sequence[CreditTransfer], refused: Sequence[RefusedTransfer], message_id: str
) -> list[Instruction]:
    if not transfers:
        raise refused[0].error
    try:
        return [instruction_of(transfer) for transfer in transfers]
    except ValidationError as error:  # our profile is narrower than the model; should they part, refuse and say where
        raise MessageError("FF01", _field(error), error.errors()[0]["msg"], message_id) from None


def _field(error: ValidationError) -> str:
    return "CdtTrfTxInf: " + ".".join(str(step) for step in error.errors()[0]["loc"])


def instruction_of(transfer: CreditTransfer) -> Instruction:
    """Map one transaction to the instruction it asks for; raises pydantic's ValidationError."""
    fields: dict[str, Any] = {
        "instruction_id": transfer.instruction_id,
        "end_to_end_id": transfer.end_to_end_id,
        "uetr": transfer.uetr,
        "instructed_amount": {"currency": transfer.instructed_currency, "amount": transfer.instructed_amount},
        "debtor": _party_fields(transfer.debtor),
        "creditor": _party_fields(transfer.creditor),
        "debtor_agent": transfer.debtor_agent,
        "creditor_agent": transfer.creditor_agent,
        "settlement_currency": transfer.settlement_currency,
        "purpose_code": transfer.purpose_code,
        "category_purpose": transfer.category_purpose,
        "charge_bearer": transfer.charge_bearer,
        "remittance_information": transfer.remittance_information,
        "lane": transfer.lane,
        "allow_lanes": transfer.allow_lanes,
        "venue": transfer.venue,
        "quote_id": transfer.quote_id,
        "if_closed": transfer.if_closed,
        "instruction_priority": (transfer.interbank.priority if transfer.interbank else None) or "NORM",
        "acceptance_date_time": transfer.acceptance_date_time,
        "documents": tuple([document._asdict() for document in transfer.documents]),
    }
    return Instruction.model_validate(fields)


def _party_fields(party: messages.Party) -> dict[str, Any]:
    account, given = party.account, party.identification
    proxy = {"type": account.proxy_type, "value": account.proxy_value} if account.proxy_type is not None else None
    return {
        "name": party.name,
        "identification": given._asdict() if given is not None else None,
        "residency": party.residency,
        "sector": party.sector,
        "account": {"number": account.number, "proxy": proxy, "currency": account.currency, "type": account.type},
    }


def instruction_to_pacs008(
    instruction: Instruction,
    *,
    message_id: str,
    created_at: datetime,
    header: BusinessHeader | None = None,
    debited: Money | None = None,
) -> bytes:
    """Write an instruction as a pacs.008 of one transaction; `debited` is the amount debited, where it is known.

    Raises MessageError (RR10) where a text holds what XML cannot carry.
    """
    transfer = transfer_of(instruction, debited)
    return messages.build_pacs008([transfer], message_id=message_id, created_at=iso_time(created_at), header=header)


def transfer_of(instruction: Instruction, debited: Money | None = None) -> CreditTransfer:
    """Map an instruction to the transaction that asks for it.

    IntrBkSttlmAmt is the amount in the debited currency. Where the other side's amount was asked for and the price is
    not yet known, it repeats InstdAmt: DbtrAcct/Ccy still says what is debited.
    """
    instructed = instruction.instructed_amount
    interbank_amount, interbank_currency = instructed.amount, instructed.currency
    if debited is not None and debited.currency != instructed.currency:
        interbank_amount, interbank_currency = format_amount(debited.amount_minor, debited.currency), debited.currency
    return CreditTransfer(
        instruction.instruction_id, instruction.end_to_end_id, instruction.uetr, instructed.amount, instructed.currency,
        interbank_amount, interbank_currency, _party(instruction.debtor), _party(instruction.creditor),
        instruction.debtor_agent, instruction.creditor_agent, instruction.settlement_currency, instruction.purpose_code,
        instruction.category_purpose, instruction.charge_bearer, instruction.remittance_information,
        tuple([messages.Document(each.type, each.reference, each.issuer, each.hash) for each in instruction.documents]),
        instruction.lane, instruction.allow_lanes, instruction.venue, instruction.quote_id,
        instruction.acceptance_date_time, instruction.if_closed,
        InterbankDetails(priority=HIGH) if instruction.instruction_priority == HIGH else None,
    )  # fmt: skip


def _party(party: Party) -> messages.Party:
    given, account = party.identification, party.account
    proxy_type, proxy_value = (account.proxy.type, account.proxy.value) if account.proxy is not None else (None, None)
    return messages.Party(
        party.name,
        messages.Identification(given.type, given.number, given.country) if given is not None else None,
        party.residency,
        party.sector,
        messages.Account(account.number, proxy_type, proxy_value, account.currency, account.type),
    )


def pacs002_for(
    outcomes: Sequence[TransactionOutcome],
    *,
    message_id: str,
    created_at: datetime,
    from_bic: str,
    to_bic: str,
    original: ParsedMessage | None = None,
) -> bytes:
    """Write the status report of outcomes, in their order; transactions refused at reading follow them as RJCT.

    `original` is the message answered, None for a payment that came as JSON (OrgnlMsgId NOTPROVIDED).
    """
    statuses = _statuses(outcomes, original)
    return messages.build_pacs002(_answer(message_id, created_at, from_bic, to_bic, original), statuses)


def pain002_for(
    outcomes: Sequence[TransactionOutcome], *, message_id: str, created_at: datetime, original: ParsedMessage
) -> bytes:
    """Write the status report that answers a pain.001, to the customer, in its generation, with a header where it had one."""
    definition, at = PAIN_ANSWER_TO[original.definition], iso_time(created_at)
    asked = original.header
    report = Pain002(
        definition, message_id, at, original.instructing_agent or "", original.msg_id, original.definition,
        original.payment_information_id, tuple(_statuses(outcomes, original)),
        header=BusinessHeader(SWITCH_BIC, asked.from_bic, message_id, definition, at) if asked is not None else None,
    )  # fmt: skip
    return build_pain002(report)


def pain002_for_error(error: MessageError, definition: str, *, message_id: str, created_at: datetime) -> bytes:
    """Write the status report that refuses a pain.001 as a whole (GrpSts RJCT); its header, where it had one, names the sender."""
    text = f"{error.field}: {error.text}" if error.field else error.text
    answer, at = PAIN_ANSWER_TO.get(definition, PAIN_ANSWER_TO[PAIN_001]), iso_time(created_at)
    header = BusinessHeader(SWITCH_BIC, error.sender, message_id, answer, at) if error.sender else None
    return build_pain002(
        Pain002(answer, message_id, at, "", error.message_id, definition, "", (), error.code, text, header)
    )


def _statuses(outcomes: Sequence[TransactionOutcome], original: ParsedMessage | None) -> list[TransactionStatus]:
    statuses = [
        TransactionStatus(
            each.instruction_id, each.end_to_end_id, each.uetr, ISO_STATUS[each.status], each.reason_code, each.text,
            each.clearing_system,
        )
        for each in outcomes
    ]  # fmt: skip
    return statuses + [_refused(each) for each in original.refused] if original is not None else statuses


def pacs002_for_error(
    error: MessageError,
    *,
    message_id: str,
    created_at: datetime,
    from_bic: str,
    to_bic: str,
    definition: str = PACS_008,
) -> bytes:
    """Write the status report that rejects a whole message (GrpSts RJCT), by its own id where that could be read.

    `to_bic` "" where nobody knows who sent it: the header's To is then NOTPROVIDED.
    """
    answer = _answer(message_id, created_at, from_bic, to_bic, None)
    if definition in _ANSWER_TO:
        answer = answer._replace(original_definition=definition, definition=_ANSWER_TO[definition])
    return messages.build_rejection(answer, error)


def _answer(
    message_id: str, created_at: datetime, from_bic: str, to_bic: str, original: ParsedMessage | None
) -> Answer:
    original_id, definition = (
        (original.msg_id, original.definition) if original is not None else (NOT_PROVIDED, PACS_008)
    )
    return Answer(
        message_id,
        iso_time(created_at),
        from_bic,
        to_bic,
        original_id,
        definition,
        _ANSWER_TO.get(definition, PACS_002),
    )


def _refused(refused: RefusedTransfer) -> TransactionStatus:
    error = refused.error
    # A repeated UETR is the earlier transaction's, which stands: an answer that named it would be taken for that one's.
    uetr = refused.uetr if error.code != DUPLICATE_UETR else None
    return TransactionStatus(
        refused.instruction_id, refused.end_to_end_id, uetr, "RJCT", error.code, f"{error.field}: {error.text}"
    )


def iso_time(at: datetime) -> str:
    """Write an aware instant as ISODateTime in UTC with Z, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
