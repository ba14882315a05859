"""What our messages carry, as plain values: one field for one element of the profile (docs/messages.md has the table).

Amounts stay texts as sent; nothing is judged here.
"""

from typing import NamedTuple

from rails.messages.elements import Amount, Charge, ClearingSystem
from rails.messages.errors import MessageError

PACS_008 = "pacs.008.001.08"
PACS_008S = (PACS_008, "pacs.008.001.13")  # v08-era and 2025 generation, as all of them here (facts messages 1.2)
PACS_002 = "pacs.002.001.10"
PACS_002S = (PACS_002, "pacs.002.001.15")
HEADER = "head.001.001.02"
# Versions of the header that are taken; .01 (HK FPS) has its instants in UTC with Z only (facts messages 1.1).
HEADERS = ("head.001.001.01", HEADER, "head.001.001.04")
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


class AgentAccount(NamedTuple):
    """An agent by BIC, and the number of the account used there where it is given."""

    agent: str
    account: str | None = None


class AgreedRate(NamedTuple):
    """A rate agreed before (AgrdRate, version 13 only). `quote_id` is a UUID of version 4."""

    rate: str
    unit_currency: str | None = None
    quoted_currency: str | None = None
    quote_id: str | None = None


class InterbankDetails(NamedTuple):
    """What agents between debtor and creditor agent say of a transaction (facts messages 1.3); the switch judges none of it.

    At most two intermediary agents and two charges: the debtor's side and the creditor's side.
    """

    priority: str | None = None  # InstrPrty: HIGH | NORM
    settled_on: str | None = None  # IntrBkSttlmDt, ISO 8601 day
    exchange_rate: str | None = None  # XchgRate
    agreed_rate: AgreedRate | None = None
    charges: tuple[Charge, ...] = ()
    previous_agent: AgentAccount | None = None
    instructing_agent: str | None = None
    instructed_agent: str | None = None
    intermediary_agents: tuple[AgentAccount, ...] = ()


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
    if_closed: str = "refuse"  # refuse | queue: what is asked for where lane or rails are closed
    interbank: InterbankDetails | None = None  # None: nothing of it is said


class BusinessHeader(NamedTuple):
    """The business application header: who sends what to whom. `created_at` is ISO 8601 text."""

    from_bic: str
    to_bic: str
    business_message_id: str
    message_definition: str
    created_at: str
    version: str = HEADER  # one of HEADERS
    business_service: str | None = None  # BizSvc: the service, as `swift.cbprplus.03`
    possible_duplicate: bool = False  # PssblDplct


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
    instructed_agent: str | None = None
    clearing_system: ClearingSystem | None = None  # read, not heeded: the switch picks the rail


class TransactionStatus(NamedTuple):
    """One TxInfAndSts: what became of one transaction. `text` of any length is cut into AddtlInf pieces.

    What follows `clearing_system` a rail or agent may add; instants are ISO 8601 texts with offset, agents BICs.
    """

    instruction_id: str  # NOTPROVIDED where the sender leaves it out
    end_to_end_id: str
    uetr: str | None
    status: str  # ACSP, ACSC, ACCC, PDNG, RJCT, CANC or BLCK of the switch; of others also RCVD, ACTC, ACCP, ACWC, ACWP
    reason_code: str = ""  # ExternalStatusReason1Code
    text: str = ""
    clearing_system: tuple[str, str] | None = None  # ("Cd" | "Prtry", code) of the rail that carries it
    accepted_at: str | None = None  # when the one who reports took it
    settled_at: str | None = None
    clearing_system_reference: str | None = None
    amount: Amount | None = None  # interbank amount of the payment meant, as the one who reports has it
    debtor_agent: str | None = None
    creditor_agent: str | None = None
    charges: tuple[Charge, ...] = ()


class StatusReport(NamedTuple):
    """A pacs.002 read, or to be written: of transactions, or (`group_status` RJCT) of a message refused as a whole."""

    message_id: str
    created_at: str
    instructing_agent: str | None
    instructed_agent: str | None
    original_message_id: str
    original_definition: str
    statuses: tuple[TransactionStatus, ...] = ()
    group_status: str = ""
    reason_code: str = ""
    text: str = ""
    header: BusinessHeader | None = None
    definition: str = PACS_002


class Answer(NamedTuple):
    """What every answer says of itself and of the message it answers."""

    message_id: str
    created_at: str  # ISO 8601 text
    from_bic: str
    to_bic: str  # "" = not known
    original_message_id: str = NOT_PROVIDED
    original_definition: str = PACS_008
    definition: str = PACS_002  # of the answer itself
