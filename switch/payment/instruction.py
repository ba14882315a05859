"""The instruction: what a participant asks, in ISO 20022's names, in one form for JSON and XML (design 10).

Only shape and characters are checked here, so that what parses can be stored; meaning is judged by translate and decide.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# No control characters: a NUL passes JSON and aborts a whole PostgreSQL batch.
_TEXT = r"^[^\x00-\x1f\x7f]+$"
Text35 = Annotated[str, StringConstraints(min_length=1, max_length=35, pattern=_TEXT)]
Text140 = Annotated[str, StringConstraints(min_length=1, max_length=140, pattern=_TEXT)]
Code4 = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,4}$")]
Slug = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z0-9][a-z0-9.-]*$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Bic = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$")]
AmountText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,13}(\.[0-9]{1,5})?$")]
Uetr = Annotated[
    str, StringConstraints(pattern=r"^[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$")
]

IdentificationType = Literal["HKID", "PRCID", "BIR", "HRP", "PASSPORT", "USCC", "BRN", "LEI"]
PERSON_ID_TYPES = frozenset({"HKID", "PRCID", "BIR", "HRP", "PASSPORT"})
Sector = Literal["household", "corporation", "education", "medical", "utility", "government", "financial"]


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
    """An account by number or by proxy (exactly one: judged when facts are read), and its currency."""

    number: Annotated[str, StringConstraints(min_length=1, max_length=34, pattern=r"^[A-Za-z0-9-]+$")] | None = None
    proxy: Proxy | None = None
    currency: Currency | None = None


class Party(_Part):
    """Debtor or creditor. `residency` is the centre of economic interest, whatever the document says."""

    name: Text140
    identification: Identification | None = None
    residency: Country
    sector: Sector = "household"
    account: Account


class Document(_Part):
    """A supporting document: its type and the issuer's own reference."""

    type: Literal["invoice", "contract", "tuition-notice", "medical-bill", "utility-bill", "payroll", "tax-certificate"]
    reference: Text35
    issuer: Text140 | None = None


class Instruction(_Part):
    """One credit transfer asked for. `debtor.account.currency` is debited; the creditor receives `settlement_currency`."""

    instruction_id: Text35
    end_to_end_id: Text35 = "NOTPROVIDED"
    uetr: Uetr | None = None  # derived from the payment id where not given
    instructed_amount: InstructedAmount
    debtor: Party
    creditor: Party
    debtor_agent: Bic
    creditor_agent: Bic
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
