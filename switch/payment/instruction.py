"""The instruction: what a participant asks, in ISO 20022's names, in one form for JSON and XML (design 10).

Only shape and characters are checked here, so that what parses can be stored; meaning is judged by translate and decide.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

# No control characters, which no message may carry (a NUL passes JSON and aborts a whole PostgreSQL batch), nor what XML cannot.
_TEXT = r"^[^\x00-\x1f\x7f-\x9f\ufffe\uffff]+$"
# As rails.messages.checks takes identifiers (FIN X): no / at either end, no //.
_IDENTIFIER = r"^[A-Za-z0-9\-?:().,'+ ]+(/[A-Za-z0-9\-?:().,'+ ]+)*$"
_ACCOUNT = r"^[A-Za-z0-9-]+$"
_CODE = r"^[A-Z0-9]{1,4}$"
STATUS_REASON = r"^[0-9A-Z]{1,4}$"  # the same form, said otherwise
_SLUG = r"^[a-z0-9][a-z0-9.-]*$"
_COUNTRY = r"^[A-Z]{2}$"
_CURRENCY = r"^[A-Z]{3}$"
_BIC = r"^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$"
_AMOUNT = r"^[0-9]{1,13}(\.[0-9]{1,5})?$"
_HASH = r"^[0-9a-f]{64}$"
# An instant of this century with its offset, to the microsecond at most: what ISODateTime and Python both read.
_INSTANT = (
    r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
    r"(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)$"
)
_UETR = r"^[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$"

Text35 = Annotated[str, StringConstraints(min_length=1, max_length=35, pattern=_TEXT)]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=35, pattern=_IDENTIFIER)]
Text140 = Annotated[str, StringConstraints(min_length=1, max_length=140, pattern=_TEXT)]
Code4 = Annotated[str, StringConstraints(pattern=_CODE)]
Slug = Annotated[str, StringConstraints(max_length=64, pattern=_SLUG)]
Country = Annotated[str, StringConstraints(pattern=_COUNTRY)]
Currency = Annotated[str, StringConstraints(pattern=_CURRENCY)]
Bic = Annotated[str, StringConstraints(pattern=_BIC)]
AmountText = Annotated[str, StringConstraints(pattern=_AMOUNT)]
Uetr = Annotated[str, StringConstraints(pattern=_UETR)]
Hash = Annotated[str, StringConstraints(pattern=_HASH)]


def _provided(number: str) -> str:
    """Refuse the word that stands in a message where there is no number: read back, it would be none."""
    if number == "NOTPROVIDED":
        raise ValueError("NOTPROVIDED stands for no number; leave the field out where there is none")
    return number


AccountNumber = Annotated[
    str, StringConstraints(min_length=1, max_length=34, pattern=_ACCOUNT), AfterValidator(_provided)
]


def _of_the_calendar(instant: str) -> str:
    """Refuse a day that no month has."""
    try:
        datetime.fromisoformat(instant)
    except ValueError:
        raise ValueError("names a day that its month does not have") from None
    return instant


Instant = Annotated[str, StringConstraints(pattern=_INSTANT), AfterValidator(_of_the_calendar)]

# limits.facts.ACCOUNT_TYPES: accounts for which the law sets limits of their own; without one an account is ordinary.
AccountType = Literal[
    "class-1", "class-2", "class-3", "wallet-1", "wallet-2", "wallet-3", "foreign-wallet", "foreign-wallet-unverified",
    "ft", "ef", "e-cny", "card",
]  # fmt: skip
IdentificationType = Literal["HKID", "PRCID", "BIR", "HRP", "PASSPORT", "USCC", "BRN", "LEI"]
PERSON_ID_TYPES = frozenset({"HKID", "PRCID", "BIR", "HRP", "PASSPORT"})
Sector = Literal["household", "corporation", "education", "medical", "utility", "government", "financial"]


HIGH = "HIGH"  # what `instruction_priority` asks for besides NORM
QUEUE = "queue"  # what `if_closed` asks for besides a refusal
AMOUNT_AS_TEXT = 'write the amount as "1500.00": digits with at most one point, in quotes'
# Of a text that may not be: the pattern, and how to write it; the API says it instead of the pattern.
WRITE_IT: dict[str, str] = {
    _TEXT: "holds a control character, a line break or what XML cannot carry; leave it out",
    _IDENTIFIER: "takes Latin letters, digits, spaces and /-?:().,'+ ; no / at either end and no //",
    _ACCOUNT: "takes Latin letters, digits and -",
    _CODE: "is a code of up to four capital letters and digits, such as GIFT",
    STATUS_REASON: "is a status reason of ISO 20022 (ExternalStatusReason1Code), such as AC03",
    _SLUG: "takes small letters, digits, points and -, such as payment-connect.northbound",
    _COUNTRY: "is a country of ISO 3166 in two capital letters, such as HK",
    _CURRENCY: "is a currency of ISO 4217 in three capital letters, such as HKD",
    _BIC: "is a BIC of 8 or 11 characters, such as HBAYHKH0",
    _AMOUNT: AMOUNT_AS_TEXT,
    _HASH: "is a SHA-256 in 64 small hexadecimal digits",
    _INSTANT: "is an instant with its offset, such as 2026-03-05T12:00:00+08:00",
    _UETR: "is a UUID of version 4 in small letters, such as 0b7e9a52-4a33-4e0f-9d1b-6c5a4f3e2d1c",
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)


class InstructedAmount(_Part):
    """The amount asked for: a decimal string, and the currency whose side it fixes."""

    currency: Currency
    amount: AmountText


class Identification(_Part):
    """A document: type, number as printed (HKID with or without brackets), issuing country (ISO 3166)."""

    type: IdentificationType
    number: Text35
    country: Country


class Proxy(_Part):
    """An alias resolved in the payee rail's directory (ExternalProxyAccountType1Code)."""

    type: Literal["MBNO", "EMAL", "SHID", "NIDN"]
    value: Annotated[str, StringConstraints(min_length=1, max_length=254, pattern=_TEXT)]


class Account(_Part):
    """An account by number or by proxy (exactly one: judged when facts are read), its currency, and its type if it has one."""

    number: AccountNumber | None = None
    proxy: Proxy | None = None
    currency: Currency | None = None
    type: AccountType | None = None


class Party(_Part):
    """Debtor or creditor. `residency` is the centre of economic interest, whatever the document says."""

    name: Text140
    identification: Identification | None = None
    residency: Country
    sector: Sector = "household"
    account: Account


class Document(_Part):
    """A supporting document: its type, its issuer, the issuer's own reference, and a SHA-256 of its contents."""

    type: Literal["invoice", "contract", "tuition-notice", "medical-bill", "utility-bill", "payroll", "tax-certificate"]
    reference: Text35
    issuer: Text140 | None = None
    hash: Hash | None = None


class Instruction(_Part):
    """One credit transfer asked for. `debtor.account.currency` is debited; the creditor receives `settlement_currency`."""

    instruction_id: Identifier
    end_to_end_id: Identifier = "NOTPROVIDED"
    uetr: Uetr | None = None  # derived from the payment id where not given
    instructed_amount: InstructedAmount
    debtor: Party
    creditor: Party
    debtor_agent: Bic
    creditor_agent: Bic
    acceptance_date_time: Instant | None = None  # when the debtor agent took it
    settlement_currency: Currency
    purpose_code: Code4 | None = None
    category_purpose: Code4 | None = None
    charge_bearer: Literal["DEBT", "CRED", "SHAR", "SLEV"] = "SLEV"
    remittance_information: Text140 | None = None
    lane: Slug | None = None
    allow_lanes: bool = False
    venue: Slug | None = None
    documents: Annotated[tuple[Document, ...], Field(max_length=8)] = ()
    quote_id: Text35 | None = None
    instruction_priority: Literal["HIGH", "NORM"] = "NORM"  # HIGH: the clock runs from its acceptance (docs/life.md)
    if_closed: Literal["refuse", "queue"] = "refuse"  # where lane or rails are closed now, and open later
