"""What the law looks at: the facts of one payment, as plain values.

`Profile` holds everything categorical, so that classification and lanes are decided once per profile and day and
remembered; `PaymentFacts` adds who, how much and when. No names, no id numbers: a person is a pseudonymous `person_id`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from fx.money import Money

ACCOUNT_TYPES = frozenset({
    "class-1", "class-2", "class-3", "wallet-1", "wallet-2", "wallet-3", "foreign-wallet", "foreign-wallet-unverified",
    "ft", "ef", "e-cny", "card",
})  # fmt: skip


class Profile(NamedTuple):
    """The categorical facts of a payment: everything a classification row or a lane may test."""

    debtor_agent_country: str  # ISO 3166, place of the debtor agent: HK, MO or CN
    creditor_agent_country: str
    debtor_agent_kind: str  # bank | svf
    creditor_agent_kind: str
    debtor_agent_schemes: frozenset[str]  # schemes the debtor agent takes part in on the day, e.g. payment-connect
    creditor_agent_schemes: frozenset[str]
    debtor_kind: str  # person | firm (from the type of identification)
    creditor_kind: str
    debtor_residency: str  # ISO 3166, centre of economic interest: never read from the document, account or rail
    creditor_residency: str
    debtor_sector: str  # household | corporation | education | medical | utility | government | financial
    creditor_sector: str
    debtor_id: str  # type and country, e.g. HKID:HK, PRCID:CN, BIR:MO, PASSPORT:GB, USCC:CN, BRN:HK, LEI:GB
    creditor_id: str  # the same, or "" where the creditor's id is not given
    same_name: (
        bool  # debtor and creditor are one person (by linked documents, else by document, else by exact name and kind)
    )
    purpose_code: str  # ExternalPurpose1Code, "" where not given
    category_purpose: str  # ExternalCategoryPurpose1Code, "" where not given
    documents: frozenset[
        str
    ]  # types of the documents given: invoice, contract, tuition-notice, medical-bill, utility-bill, payroll, tax-certificate
    venue: str  # scheme venue flag, "" for an ordinary remittance
    debit_currency: str
    instructed_currency: str
    settlement_currency: str
    debtor_account_type: str = (
        ""  # "" ordinary; class-1 … wallet-3, foreign-wallet, ft, ef, e-cny, card (ACCOUNT_TYPES)
    )
    creditor_account_type: str = ""
    debtor_states: frozenset[str] = frozenset()  # what an authority has put the debtor under, e.g. watch-list
    paired: bool = False  # debtor's and creditor's accounts are a registered pair (Wealth Management Connect)
    wealth_channel: str = ""  # bank | broker: the channel of that pair
    wealth_channels: frozenset[str] = frozenset()  # the channels in which the person has a pair in that direction
    same_group: bool = False  # debtor and creditor are firms of one group


class PaymentFacts(NamedTuple):
    """The facts of one payment, as the rulebook sees them."""

    profile: Profile
    debtor_id: str  # pseudonymous person (or firm) id
    creditor_id: str  # "" where unknown
    debtor_agent: str  # BIC8 of the institution (a wallet's own, not its sponsor's)
    creditor_agent: str
    debtor_account: str  # pseudonymous account key
    creditor_account: str
    instructed: Money
    at: datetime  # received_at, aware, UTC: the law of its day judges
    accepted_at: datetime | None = None  # when the debtor agent took the instruction, where it says so
    documents: tuple[tuple[str, str], ...] = ()  # (type, pseudonym) of every name of each document, each once
    group: str = ""  # the firms' group, "" = none
    group_equity: Money | None = None  # owners' equity of that group's members
    own_limits: Mapping[str, str] | None = None  # rule id -> the debtor agent's own lower limit, in the rule's unit


class Amounts(NamedTuple):
    """The priced amounts of a payment: what claims are measured on."""

    debit: Money  # what leaves the debtor's account for the payment, before charges
    settlement: Money  # what the creditor side receives, before charges deducted
