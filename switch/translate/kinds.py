"""Kinds of instructions: what all that are alike in everything categorical have in common, found once and remembered.

Agents and their schemes, currencies, codes, residencies and the profile hang on no name, number, amount or instant. Here are
the guards on these; those on what is an instruction's own, and the order of all, are switch.translate.facts'.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from fx.money import EXPONENTS
from limits.facts import Profile
from rails.messages.codes import load_codes
from switch.participants.registry import Participant
from switch.payment.instruction import PERSON_ID_TYPES, Identification, Instruction, Party
from switch.payment.plan import Refusal

CORPORATE_SECTORS = frozenset({"corporation", "education", "medical", "utility", "government", "financial"})
# A day of real traffic has some hundreds. Venue, purpose and the countries of documents are the participant's to write: a
# hostile one could make as many as it likes, at about a kilobyte each; then all are forgotten and found anew.
KINDS_MAX = 16_384
_NONE: frozenset[str] = frozenset()

Alike = tuple[date | str | None, ...]


class Kind(NamedTuple):
    """What instructions of one kind have in common on a law day."""

    debtor_agent: Participant
    creditor_agent: Participant
    of_others: Profile  # without documents, states, pair and group: what most payments have
    of_one: Profile  # the same, where debtor and creditor are one person
    may_be_one: bool  # by name, where the creditor's document is not given
    has_card: bool
    limits: Mapping[str, str] | None  # the debtor agent's own


class Kinds:
    """Remembers kinds by what makes instructions alike, for one set of participants."""

    def __init__(self) -> None:
        self._participants: Mapping[str, Participant] = {}
        self._known: dict[Alike, Kind] = {}

    def get(self, alike: Alike, participants: Mapping[str, Participant]) -> Kind | None:
        """Return the kind known among these participants; None where the first of it is still to be examined."""
        if participants is not self._participants:
            self._participants = participants
            self._known.clear()
        return self._known.get(alike)

    def keep(self, alike: Alike, kind: Kind) -> Kind:
        """Remember the kind of an instruction that no guard has refused."""
        if len(self._known) >= KINDS_MAX:
            self._known.clear()
        self._known[alike] = kind
        return kind


def alike_in(instruction: Instruction, day: date) -> Alike:
    """Return all that is categorical of an instruction on a law day."""
    debtor, creditor, amount = instruction.debtor, instruction.creditor, instruction.instructed_amount
    of_debtor, of_creditor = debtor.identification, creditor.identification
    source, target = debtor.account, creditor.account
    return (
        day, instruction.debtor_agent, instruction.creditor_agent, source.currency, amount.currency,
        instruction.settlement_currency, source.type, target.type, debtor.residency, creditor.residency,
        debtor.sector, creditor.sector, instruction.purpose_code, instruction.category_purpose, instruction.venue,
        None if of_debtor is None else of_debtor.type, None if of_debtor is None else of_debtor.country,
        None if of_creditor is None else of_creditor.type, None if of_creditor is None else of_creditor.country,
    )  # fmt: skip


def kind_of(instruction: Instruction, debtor_agent: Participant, creditor_agent: Participant, day: date) -> Kind:
    """Find the kind of an instruction that the guards have let through."""
    debtor, creditor = instruction.debtor, instruction.creditor
    debtor_kind, creditor_kind = _kind(debtor), _kind(creditor)
    assert debtor.account.currency is not None
    profile = Profile(
        debtor_agent.country, creditor_agent.country, debtor_agent.kind, creditor_agent.kind,
        debtor_agent.schemes_on(day), creditor_agent.schemes_on(day), debtor_kind, creditor_kind,
        debtor.residency, creditor.residency, _sector(debtor, debtor_kind), _sector(creditor, creditor_kind),
        _document(debtor.identification), _document(creditor.identification), False,
        instruction.purpose_code or "", instruction.category_purpose or "", _NONE, instruction.venue or "",
        debtor.account.currency, instruction.instructed_amount.currency, instruction.settlement_currency,
        debtor.account.type or "", creditor.account.type or "",
    )  # fmt: skip
    return Kind(
        debtor_agent, creditor_agent, profile, profile._replace(same_name=True),
        creditor.identification is None and debtor_kind == creditor_kind,
        "card" in (debtor.account.type, creditor.account.type), debtor_agent.limits or None,
    )  # fmt: skip


def currencies_refused(instruction: Instruction) -> Refusal | None:
    """Refuse an instruction without the currency debited, or in one that is not carried."""
    debited = instruction.debtor.account.currency
    if debited is None:
        return Refusal(
            "field-missing",
            {"field": "debtor.account.currency", "why": "It is the currency debited."},
            "debtor.account.currency",
        )
    sides = (("debtor.account.currency", debited), ("settlement_currency", instruction.settlement_currency))
    for field, currency in sides:
        if currency not in EXPONENTS:
            what = f"currency {currency!r} is not carried; use one of {', '.join(sorted(EXPONENTS))}"
            return Refusal("currency-not-carried", {"what": what}, field)
    return None


def sides_refused(instruction: Instruction) -> Refusal | None:
    """Refuse an amount in a currency that neither side has."""
    debited, settled = instruction.debtor.account.currency, instruction.settlement_currency
    currency = instruction.instructed_amount.currency
    if currency in (debited, settled):
        return None
    detail = {"instructed": currency, "debit": debited or "", "settlement": settled}
    return Refusal("currency-inconsistent", detail, "instructed_amount.currency")


def codes_refused(instruction: Instruction) -> Refusal | None:
    """Take the code sets that a message may carry, so that JSON and XML are judged alike."""
    codes = load_codes()
    purpose, category = instruction.purpose_code, instruction.category_purpose
    if not purpose:
        return Refusal("purpose-missing", {}, "purpose_code")
    if purpose not in codes.purposes:
        return Refusal("purpose-unknown", {"purpose": purpose}, "purpose_code")
    if category is not None and category not in codes.category_purposes:
        return Refusal("category-purpose-unknown", {"category_purpose": category}, "category_purpose")
    for side, party in (("debtor", instruction.debtor), ("creditor", instruction.creditor)):
        if party.residency not in codes.countries:
            return Refusal("residency-unknown", {"residency": party.residency}, f"{side}.residency")
        given = party.identification
        if given is not None and given.country not in codes.countries:
            return Refusal("country-unknown", {"country": given.country}, f"{side}.identification.country")
    return None


def _kind(party: Party) -> str:
    if party.identification is not None:
        return "person" if party.identification.type in PERSON_ID_TYPES else "firm"
    return "firm" if party.sector in CORPORATE_SECTORS else "person"


def _sector(party: Party, kind: str) -> str:
    return "corporation" if kind == "firm" and party.sector == "household" else party.sector


def _document(given: Identification | None) -> str:
    return f"{given.type}:{given.country}" if given is not None else ""
