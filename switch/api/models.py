"""The shapes of the API besides the instruction: what other bodies are read as, and what answers are documented as.

Answers are written by documents.py; a test holds that what is answered is what stands here.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from switch.api.decision_models import ExceptionDocument, InquiryDocument
from switch.api.shapes import Answer, Asked
from switch.payment.instruction import AmountText, Currency, Identification, Identifier, Instruction

BATCH_ITEMS_MAX = 1_000  # two transactions of the switch: a call that answers within a second


class BatchItem(Asked):
    """One payment of a batch under a key of its own."""

    idempotency_key: str
    instruction: Instruction


class Batch(Asked):
    """Up to 1,000 payments; each has its own outcome."""

    items: Annotated[list[BatchItem], Field(min_length=1, max_length=BATCH_ITEMS_MAX)]


class LooseBatch(Asked):
    """A batch before its items are looked at: read where one of them does not parse."""

    items: Annotated[list[Any], Field(min_length=1, max_length=BATCH_ITEMS_MAX)]


class HeadroomQuestion(Instruction):
    """An instruction that is only asked about: its id may be left out."""

    instruction_id: Identifier = "HEADROOM"


class Amount(Asked):
    """A decimal string and its currency (ISO 4217)."""

    currency: Currency
    amount: AmountText


class QuoteRequest(Asked):
    """A conversion: what is sold (debited), what is bought (received), and the amount, which fixes one side of the two."""

    sell_currency: Currency
    buy_currency: Currency
    amount: Amount
    market: Literal["onshore", "offshore"] = "offshore"


class PersonDocument(Identification):
    """A document of a person: type, number as printed, issuing country (ISO 3166)."""

    type: Literal["HKID", "PRCID", "BIR", "HRP", "PASSPORT"]


class PersonLink(Asked):
    """Two documents of one person."""

    documents: tuple[PersonDocument, PersonDocument]


# --- answers ---

_ASKED = "As asked; to its participant, where one payment is read by itself"


class ShownAmount(Answer):
    """A decimal string with the currency's own number of decimals."""

    currency: str
    amount: str


class ProblemDocument(BaseModel):
    """A problem (RFC 9457). With `payment_id`: a refused payment, stored as rejected."""

    type: str
    title: str
    status: int
    detail: str
    name: str = Field(description="Name of the problem, as in payment.reasons or docs/api.md")
    instance: str | None = None
    payment_id: str | None = None
    uetr: str | None = None
    code: str | None = Field(None, description="ExternalStatusReason1Code")
    field: str | None = Field(None, description="Path of the field at fault")
    fields: list[str] | None = Field(None, description="All fields that differ, where a key came with other content")
    rule: str | None = Field(None, description="The rule that binds first")
    source: str | None = Field(None, description="Its source")
    since: str | None = None
    ceiling: str | None = None
    headroom: str | None = Field(None, description="What is left under the rule")
    asked: str | None = None
    opens_at: str | None = None
    assumed: bool | None = None
    what_to_do: str | None = None
    errors: list[dict[str, str]] | None = Field(
        None, description="field, what, kind of each fault of a body that does not parse"
    )


class AcceptedDocument(Answer):
    """A payment at the moment it is accepted: ACSP, regard it as sent; PDNG where it waits for an opening, and surely is not."""

    payment_id: str
    status: str
    iso_status: str
    uetr: str
    instruction_id: str
    queued_until: str | None = Field(default=None, description="Only where it waits: for which opening")


class ReasonDocument(BaseModel):
    """Why a payment was rejected."""

    code: str
    text: str
    name: str


class ClaimDocument(Answer):
    """A claim of the law as it was admitted."""

    rule: str
    ceiling: str | None
    claimed: str
    currency: str


class ExchangeDocument(Answer):
    """The conversion: whose price, at what rate, what of it is the provider's margin."""

    provider: str
    market: str
    exchange_rate: str
    mid: str
    as_of: str
    spread: ShownAmount | None


class PaymentDocument(AcceptedDocument):
    """A payment."""

    debtor_agent: str
    creditor_agent: str
    received_at: str
    settled_at: str | None
    reason: ReasonDocument | None
    debit_amount: ShownAmount | None
    settlement_amount: ShownAmount | None
    charge: ShownAmount | None
    exchange: ExchangeDocument | None
    classification: dict[str, Any] | None
    lane: dict[str, Any] | None
    route: list[dict[str, Any]]
    alert: str | None = Field(
        description="suspicious-proxy: the payee was under that alert when this was accepted (docs/directory.md)"
    )
    claims: list[ClaimDocument]
    quote_id: str | None
    rulebook_id: str
    end_to_end_id: str | None = Field(None, description=_ASKED)
    instructed_amount: ShownAmount | None = Field(None, description=_ASKED)
    settlement_currency: str | None = Field(None, description=_ASKED)
    purpose_code: str | None = Field(None, description=_ASKED)
    lanes: list[dict[str, Any]] = Field([], description="Every lane's verdict, where one payment is read by itself")
    returned_amount: ShownAmount | None = Field(
        None,
        description="What came back of the settlement amount, where one payment is read by itself (docs/returns.md)",
    )
    exceptions: list[ExceptionDocument] = Field([], description="What a rail said after the end, in the same place")
    inquiries: list[InquiryDocument] = Field(
        [], description="What its rail was asked while it was in doubt, in the same place"
    )


class PaymentPage(Answer):
    """Payments, newest first; `cursor` null on the last page."""

    payments: list[PaymentDocument]
    cursor: str | None


class ItemOutcome(Answer):
    """What became of one item: as a call of its own would have been answered."""

    idempotency_key: str | None
    http_status: int
    replayed: bool = False
    retry_after: int | None = Field(
        None, description="Seconds after which to ask again: the header of a call of its own"
    )
    payment: AcceptedDocument | PaymentDocument | None = None
    problem: ProblemDocument | None = None


class BatchOutcome(Answer):
    """Outcomes in the order of the items."""

    items: list[ItemOutcome]
    accepted: int = Field(description="Items answered below 400, replayed ones too")
    refused: int = Field(description="The others")
    replayed: int = Field(description="Items of both kinds whose key was known: they pay nothing again")


class EventDocument(Answer):
    """One event of a payment, or of a record beside it: those of the payment end with its final status."""

    event_id: str
    record: Literal["payment", "exception", "recall", "return", "abort"] = Field(
        description="Whose event it is: the payment's own, or that of a record beside it"
    )
    payment_id: str
    n: int | None = Field(description="Counts the payment's own events; null of a record's")
    status: str = Field(description="The payment's; no event of a record changes it")
    iso_status: str
    code: str | None
    text: str | None
    at: str
    kind: str | None = Field(None, description="Of a record: what happened to it")
    record_id: str | None = Field(None, description="Of a record: its own id")
    state: str | None = Field(None, description="Of a record: its own state from then on")


class EventList(Answer):
    """Events of a payment, oldest first."""

    payment_id: str
    events: list[EventDocument]


class MessageDocument(Answer):
    """One message of a payment, as XML text: of this API, or (`edge`) between the switch and the payment's rail."""

    direction: Literal["in", "out"]
    definition: str
    at: str
    xml: str = Field(description="Of a CNAPS2 message with its header block before it")
    edge: Literal["rail"] | None = Field(None, description="Absent for messages of this API")
    dialect: str | None = Field(None, description="At the rail's edge: in whose words, by the rail's name")
    not_written: str | None = Field(None, description="What the rail's words cannot carry; `xml` is then empty")


class MessageList(Answer):
    """Messages of a payment: the pacs.008 that asks for it, a pacs.002 for each status; then those at the rail's edge."""

    payment_id: str
    messages: list[MessageDocument]


class QuoteDocument(Answer):
    """A firm price, used at most once and until it expires."""

    quote_id: str
    provider: str
    market: str
    sell_amount: ShownAmount
    buy_amount: ShownAmount
    spread: ShownAmount
    exchange_rate: str
    mid: str
    as_of: str
    expires_at: str


class TextsDocument(Answer):
    """A decision in words: `person` without jargon, `analyst` with class, lane, rule, date and source."""

    person: str
    analyst: str


class RemedyDocument(Answer):
    """One change that would let a refused payment pass, found by deciding again with it (docs/explain.md)."""

    kind: Literal["amount", "instant", "document", "lane"]
    patch: dict[str, Any] = Field(
        description="A merge patch (RFC 7396) of the instruction; empty where only time mends it"
    )
    at: str | None = Field(description="The first instant at which it passes as it is")
    binding: str | None = Field(description="What refuses one minor unit, or one millisecond, short of it")
    text: dict[str, str] = Field(description="Language (en, zh-Hant, zh-Hans) -> sentence")


class NearlyDocument(Answer):
    """A classification row that nearly applied, and what failed."""

    row: str
    failed: str


class ExplainDocument(BaseModel):
    """What would become of an instruction now, and why (design 10)."""

    status: str = Field(description="ACSP, PDNG where it would wait for an opening, or RJCT")
    reason: ReasonDocument | None
    queued_until: str | None = Field(description="The opening it would wait for (if_closed: queue)")
    facts: dict[str, Any] | None = Field(
        description="What class and lanes were decided on; no name, number or pseudonym"
    )
    classification: dict[str, Any] | None
    nearly: list[NearlyDocument]
    claims: list[dict[str, Any]] = Field(
        description="used, held, headroom: before this payment; null where they are not the sender's to see"
    )
    route: list[dict[str, Any]]
    alert: str | None = Field(description="suspicious-proxy: the payee is under that alert; it refuses nothing")
    remedies: list[RemedyDocument] = Field(
        description="Single changes that would let it pass; what asks least comes first"
    )
    texts: dict[str, TextsDocument] = Field(description="Language (en, zh-Hant, zh-Hans) -> texts")
    at: str
    rulebook_id: str


class LaneHeadroom(Answer):
    """What is left over one lane; `binding` is the limit that stops this payment first: under which it fits the fewest times."""

    lane: str
    status: str
    greatest_amount: ShownAmount | None = Field(
        description="The greatest amount in the instruction's currency that passes now, as far as the law, the rails and the "
        "caller's own position go; null where none does"
    )
    binding: dict[str, Any] | None
    claims: list[dict[str, Any]]
    reason: ReasonDocument | None


class HeadroomDocument(Answer):
    """What the debtor may still send, lane by lane."""

    at: str
    lanes: list[LaneHeadroom]


class AccountDocument(Answer):
    """A prefunded account: what is posted, what is reserved, what is available."""

    account: str
    currency: str
    posted: str
    reserved: str
    available: str


class QuotaBoard(Answer):
    """The limits with an amount on the day, and the prefunded accounts the caller may see."""

    at: str
    rulebook_id: str
    rules: list[dict[str, Any]]
    positions: list[AccountDocument]
    inventories: list[AccountDocument]


class PersonLinkDocument(Answer):
    """`linked`: true where the two were made one person now, false where they were one already."""

    linked: bool


class ParticipantDocument(Answer):
    """A fictional participant: its rails and schemes with the day it joined them."""

    bic: str
    name: str
    country: str
    kind: str
    settles_through: str
    rails: dict[str, str]
    schemes: dict[str, str]


class ParticipantList(Answer):
    """All participants of the sandbox."""

    participants: list[ParticipantDocument]


class MagicDocument(Answer):
    """A magic creditor account and what it makes happen."""

    account: str
    description: str


class MagicList(Answer):
    """The table of magic creditor accounts."""

    accounts: list[MagicDocument]


class HealthDocument(Answer):
    """Whether the switch is alive, or takes payments."""

    status: str
