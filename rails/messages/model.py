"""What our messages carry, as plain values: one field for one element of the profile (docs/messages.md has the table).

Amounts stay texts as sent; nothing is judged here.
"""

from typing import NamedTuple

from rails.messages.errors import MessageError

PACS_008 = "pacs.008.001.08"
PACS_002 = "pacs.002.001.10"
HEADER = "head.001.001.02"
# ISO's word for a mandatory element whose content is not known: the account's Id beside a proxy, an unknown original.
NOT_PROVIDED = "NOTPROVIDED"


class Identification(NamedTuple):
    """A document: type (HKID, PRCID, BIR, HRP, PASSPORT, USCC, BRN, LEI), number as printed, issuing country."""

    type: str
    number: str
    country: str


class Account(NamedTuple):
    """An account by number or by proxy; `currency` and `type` None = not given."""

    number: str | None
    proxy_type: str | None
    proxy_value: str | None
    currency: str | None
    type: str | None = None


class Party(NamedTuple):
    """Debtor or creditor."""

    name: str
    identification: Identification | None
    residency: str
    sector: str
    account: Account


class Document(NamedTuple):
    """One supporting document."""

    type: str
    reference: str
    issuer: str | None
    hash: str | None = None  # SHA-256 of its contents, 64 hex digits


class CreditTransfer(NamedTuple):
    """One CdtTrfTxInf. `interbank_*` is in the debited currency where the sender knows it (docs/messages.md)."""

    instruction_id: str
    end_to_end_id: str
    uetr: str | None
    instructed_amount: str
    instructed_currency: str
    interbank_amount: str
    interbank_currency: str
    debtor: Party
    creditor: Party
    debtor_agent: str
    creditor_agent: str
    settlement_currency: str
    purpose_code: str | None
    category_purpose: str | None
    charge_bearer: str
    remittance_information: str | None
    documents: tuple[Document, ...]
    lane: str | None
    allow_lanes: bool
    venue: str | None
    quote_id: str | None
    acceptance_date_time: str | None = None  # ISO 8601 text with offset


class BusinessHeader(NamedTuple):
    """The business application header: who sends what to whom. `created_at` is ISO 8601 text."""

    from_bic: str
    to_bic: str
    business_message_id: str
    message_definition: str
    created_at: str


class RefusedTransfer(NamedTuple):
    """One transaction of a message that breaks a rule no schema can check; the others of the message stand."""

    position: int  # from 1
    instruction_id: str
    end_to_end_id: str
    uetr: str | None
    error: MessageError


class Pacs008(NamedTuple):
    """A pacs.008 read: transfers in the message's order, and apart from them the transactions that are refused."""

    header: BusinessHeader | None
    definition: str  # pacs.008.001.08 or .13
    message_id: str
    created_at: str
    instructing_agent: str | None
    transfers: tuple[CreditTransfer, ...]
    refused: tuple[RefusedTransfer, ...]


class TransactionStatus(NamedTuple):
    """One TxInfAndSts: what became of one transaction. `text` of any length is cut into AddtlInf pieces."""

    instruction_id: str
    end_to_end_id: str
    uetr: str | None
    status: str  # ACSP, ACSC, ACCC, PDNG, RJCT, CANC or BLCK
    reason_code: str = ""  # ExternalStatusReason1Code
    text: str = ""
    clearing_system: tuple[str, str] | None = None  # ("Cd" | "Prtry", code) of the rail that carries it


class Answer(NamedTuple):
    """What every answer says of itself and of the message it answers."""

    message_id: str
    created_at: str  # ISO 8601 text
    from_bic: str
    to_bic: str  # "" = not known
    original_message_id: str = NOT_PROVIDED
    original_definition: str = PACS_008
