"""What a schema cannot check of a transaction: codes, decimals, characters, countries, amounts, duplicates. Pure.

A ladder of named guards, cheapest first. Meaning (who, whether, how much) is judged by the switch, not here.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from fx.money import AmountError, parse_amount
from rails.messages.codec import check_identifier as check_identifier
from rails.messages.codes import Codes
from rails.messages.errors import MessageError
from rails.messages.model import CreditTransfer

DUPLICATE_UETR = "DU03"
# Control characters: none belongs in a name or a reference, and a database may choke on one.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def check_transfer(transfer: CreditTransfer, codes: Codes) -> MessageError | None:
    """Say what is wrong with a transfer; `field` of the error begins at the transaction."""
    return (
        check_identifier(transfer.instruction_id, "PmtId/InstrId")
        or check_identifier(transfer.end_to_end_id, "PmtId/EndToEndId")
        or _check_characters(transfer)
        or _check_codes(transfer, codes)
        or _check_countries(transfer, codes)
        or _check_amounts(transfer)
        or (_check_interbank(transfer) if transfer.interbank is not None else None)
    )


def _check_characters(transfer: CreditTransfer) -> MessageError | None:
    if _CONTROL.search("".join(text for _, text in _texts(transfer))) is None:
        return None
    field = next(field for field, text in _texts(transfer) if _CONTROL.search(text))
    return MessageError("RR10", field, "Control characters, tabs and line breaks are not taken")


def _texts(transfer: CreditTransfer) -> Iterator[tuple[str, str]]:
    for side, party in (("Dbtr", transfer.debtor), ("Cdtr", transfer.creditor)):
        yield f"{side}/Nm", party.name
        if party.identification is not None:
            yield f"{side}/Id", party.identification.number
        if party.account.proxy_value is not None:
            yield f"{side}Acct/Prxy/Id", party.account.proxy_value
    if transfer.remittance_information is not None:
        yield "RmtInf/Ustrd", transfer.remittance_information
    if transfer.quote_id is not None:
        yield "SplmtryData/Envlp/Supplement/QuoteId", transfer.quote_id
    for document in transfer.documents:
        yield "RgltryRptg/Dtls/Inf", document.reference
        if document.issuer is not None:
            yield "RgltryRptg/Authrty/Nm", document.issuer


def _check_codes(transfer: CreditTransfer, codes: Codes) -> MessageError | None:
    if transfer.purpose_code is not None and transfer.purpose_code not in codes.purposes:
        return MessageError(
            "FF07", "Purp/Cd", f"Purpose {transfer.purpose_code} is not in the code set of this profile"
        )
    category = transfer.category_purpose
    if category is not None and category not in codes.category_purposes:
        return MessageError(
            "FF06", "PmtTpInf/CtgyPurp/Cd", f"Category purpose {category} is not in the code set of this profile"
        )
    return None


def _check_countries(transfer: CreditTransfer, codes: Codes) -> MessageError | None:
    agents = (("RC03", "DbtrAgt", transfer.debtor_agent), ("RC04", "CdtrAgt", transfer.creditor_agent))
    for code, side, bic in agents:
        if bic[4:6] not in codes.agent_countries:
            taken = ", ".join(sorted(codes.agent_countries))
            return MessageError(
                code, f"{side}/FinInstnId/BICFI", f"{bic} is of {bic[4:6]}; the switch connects agents of {taken}"
            )
    for code, side, party in (("BE10", "Dbtr", transfer.debtor), ("BE11", "Cdtr", transfer.creditor)):
        if party.residency not in codes.countries:
            return MessageError(code, f"{side}/CtryOfRes", f"{party.residency} is no country of ISO 3166")
        if party.identification is not None and party.identification.country not in codes.countries:
            return MessageError(code, f"{side}/Id", f"{party.identification.country} is no country of ISO 3166")
    return None


def _check_amounts(transfer: CreditTransfer) -> MessageError | None:
    """Decimals per currency (CH20), zero (AM01), currencies carried (AM03), and the two amounts against each other."""
    instructed = check_amount(transfer.instructed_amount, transfer.instructed_currency, "InstdAmt")
    if isinstance(instructed, MessageError):
        return instructed
    if transfer.interbank_currency == transfer.instructed_currency:
        if Decimal(transfer.interbank_amount) != Decimal(transfer.instructed_amount):
            return MessageError("AM09", "IntrBkSttlmAmt", "InstdAmt is of the same currency and another amount")
        return None
    interbank = check_amount(transfer.interbank_amount, transfer.interbank_currency, "IntrBkSttlmAmt")
    if isinstance(interbank, MessageError):
        return interbank
    if transfer.debtor.account.currency not in (None, transfer.interbank_currency):
        return MessageError("CURR", "IntrBkSttlmAmt", "It is neither in the debited nor in the instructed currency")
    return None


def _check_interbank(transfer: CreditTransfer) -> MessageError | None:
    """A rate of the sender's needs a quote of ours (AB04, facts messages 1.4); charges are amounts, zero allowed."""
    details = transfer.interbank
    assert details is not None
    if details.agreed_rate is not None and transfer.quote_id is None:
        text = "A rate is agreed with the switch by a quote: name it in SplmtryData/Envlp/Supplement/QuoteId"
        return MessageError("AB04", "AgrdRate", text)
    for n, charge in enumerate(details.charges, 1):
        fault = check_amount(charge.amount.amount, charge.amount.currency, f"ChrgsInf[{n}]/Amt")
        if isinstance(fault, MessageError) and fault.code != "AM01":
            return fault
    return None


def check_amount(text: str, currency: str, field: str) -> int | MessageError:
    """Return an amount in minor units, or what is wrong with it: AM03, CH20, AM12, AM01."""
    try:
        amount_minor = parse_amount(text, currency)
    except AmountError as error:
        return MessageError(error.code, field, str(error))
    return amount_minor or MessageError("AM01", field, "The amount is zero")


def check_reason(code: str, taken: frozenset[str], field: str, set_name: str) -> MessageError | None:
    """Say what is wrong with a reason code: none (CH21), or one the profile does not take (CH16)."""
    if not code:
        return MessageError("CH21", f"{field}/Rsn/Cd", "Cd is missing: a reason is needed")
    if code not in taken:
        text = f"{code} is not taken; of {set_name} these are: {', '.join(sorted(taken))}"
        return MessageError("CH16", f"{field}/Rsn/Cd", text)
    return None


def duplicates(transfers: list[CreditTransfer]) -> dict[int, MessageError]:
    """Find transactions that repeat an earlier one's UETR (DU03) or instruction id (DU05); keys are places from 0."""
    found: dict[int, MessageError] = {}
    uetrs: set[str] = set()
    instructions: set[tuple[str, str]] = set()
    for place, transfer in enumerate(transfers):
        instruction = (transfer.debtor_agent, transfer.instruction_id)
        if transfer.uetr is not None and transfer.uetr in uetrs:
            found[place] = MessageError(
                DUPLICATE_UETR, "PmtId/UETR", "An earlier transaction of the message has this UETR"
            )
        elif instruction in instructions:
            found[place] = MessageError(
                "DU05", "PmtId/InstrId", "An earlier transaction of the message has this instruction id"
            )
        uetrs.add(transfer.uetr or "")
        instructions.add(instruction)
    return found
