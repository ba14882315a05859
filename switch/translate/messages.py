"""Instruction <-> pacs.008, and what became of a payment -> pacs.002: the one place that maps them (docs/messages.md).

A field for an element, without loss: JSON -> XML -> JSON gives an equal Instruction, so an equal decision.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from fx.money import Money, format_amount
from rails import messages
from rails.messages.checks import DUPLICATE_UETR
from rails.messages.errors import MessageError as MessageError  # those who read messages name it from here
from rails.messages.model import (
    NOT_PROVIDED,
    PACS_008,
    Answer,
    CreditTransfer,
    RefusedTransfer,
    TransactionStatus,
)
from rails.messages.model import BusinessHeader as BusinessHeader
from switch.payment.instruction import Instruction, Party
from switch.payment.status import ISO_STATUS


class ParsedMessage(NamedTuple):
    """A pacs.008 as instructions, and apart from them the transactions refused: those are answered, too."""

    msg_id: str
    instructions: list[Instruction]
    refused: list[RefusedTransfer]
    header: BusinessHeader | None
    definition: str  # pacs.008.001.08 or .13
    created_at: str
    instructing_agent: str | None  # BIC of GrpHdr/InstgAgt


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
    read = messages.read_pacs008(body)
    refused = list(read.refused)
    if not read.transfers:
        raise refused[0].error
    instructions: list[Instruction] = []
    for transfer in read.transfers:
        try:
            instructions.append(instruction_of(transfer))
        except (
            ValidationError
        ) as error:  # our profile is narrower than the model; should they part, refuse and say where
            raise MessageError("FF01", _field(error), error.errors()[0]["msg"], read.message_id) from None
    return ParsedMessage(
        read.message_id, instructions, refused, read.header, read.definition, read.created_at, read.instructing_agent
    )


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
        instruction.acceptance_date_time,
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
    statuses = [
        TransactionStatus(
            each.instruction_id,
            each.end_to_end_id,
            each.uetr,
            ISO_STATUS[each.status],
            each.reason_code,
            each.text,
            each.clearing_system,
        )
        for each in outcomes
    ]
    if original is not None:
        statuses.extend(_refused(each) for each in original.refused)
    return messages.build_pacs002(_answer(message_id, created_at, from_bic, to_bic, original), statuses)


def pacs002_for_error(
    error: MessageError, *, message_id: str, created_at: datetime, from_bic: str, to_bic: str
) -> bytes:
    """Write the status report that rejects a whole message (GrpSts RJCT), by its own id where that could be read.

    `to_bic` "" where nobody knows who sent it: the header's To is then NOTPROVIDED.
    """
    return messages.build_rejection(_answer(message_id, created_at, from_bic, to_bic, None), error)


def _answer(
    message_id: str, created_at: datetime, from_bic: str, to_bic: str, original: ParsedMessage | None
) -> Answer:
    original_id, definition = (
        (original.msg_id, original.definition) if original is not None else (NOT_PROVIDED, PACS_008)
    )
    return Answer(message_id, iso_time(created_at), from_bic, to_bic, original_id, definition)


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
