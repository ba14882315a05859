"""Instruction -> facts: the only place that reads law's facts out of what a participant sent.

A ladder of named guards, cheapest first; then one line that builds the facts. No name and no number leaves this module
except as a keyed pseudonym.
"""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from fx.money import EXPONENTS, AmountError, Money, parse_amount
from limits.facts import PaymentFacts, Profile
from rails import identifiers
from rails.addressing import normalize_account
from rails.identifiers.cards import check_card
from rails.magic import MARK
from rails.messages.codes import load_codes
from switch.directory.directory import Directory
from switch.directory.entries import Entry
from switch.directory.names import describe_mismatch, match_name, written_as
from switch.participants.persons import Persons
from switch.participants.registry import STRICT, Group, Participant
from switch.payment import magic
from switch.payment.instruction import PERSON_ID_TYPES, Document, Identification, Instruction, Party
from switch.payment.plan import Refusal

ACCEPTED_BEFORE_MAX = timedelta(hours=24)  # longer before its receipt no agent holds an instruction (assumed)
CORPORATE_SECTORS = frozenset({"corporation", "education", "medical", "utility", "government", "financial"})
_NONE: frozenset[str] = frozenset()
_UNSEEN_LETTERS = "\u115f\u1160"  # Hangul fillers: letters to Unicode, nothing to the eye; others decompose to them


class Known(NamedTuple):
    """What translation may look up: participants by BIC8, the directory, the sandbox's persons, groups by their firms' ids."""

    participants: Mapping[str, Participant]
    directory: Directory
    persons: Persons
    groups: Mapping[str, Group] = {}


class Translated(NamedTuple):
    """The facts of an instruction, and the creditor's account number for the rail (never stored in clear)."""

    facts: PaymentFacts
    creditor_account: str


def translate(instruction: Instruction, known: Known, at: datetime, day: date) -> Translated | Refusal:
    """Read the facts of an instruction received at `at` on law day `day`, or say what is wrong with it."""
    debtor, creditor = instruction.debtor, instruction.creditor
    instructed = _amount(instruction)
    if isinstance(instructed, Refusal):
        return instructed
    debtor_agent = known.participants.get(instruction.debtor_agent[:8])
    if debtor_agent is None:
        return Refusal("debtor-agent-unknown", {"agent": instruction.debtor_agent}, "debtor_agent")
    creditor_agent = known.participants.get(instruction.creditor_agent[:8])
    if creditor_agent is None:
        return Refusal("creditor-agent-unknown", {"agent": instruction.creditor_agent}, "creditor_agent")
    wrong = _accounts(debtor, creditor) or _identified(debtor.identification, creditor.identification)
    if wrong is not None:
        return wrong
    if debtor.account.type == "card" or creditor.account.type == "card":
        wrong = _cards({"debtor": (debtor, debtor_agent), "creditor": (creditor, creditor_agent)})
        if wrong is not None:
            return wrong
    wrong = _codes(instruction)
    if wrong is not None:
        return wrong
    accepted_at = _accepted_at(instruction.acceptance_date_time, at)
    if isinstance(accepted_at, Refusal):
        return accepted_at
    if debtor.account.number == magic.DEBTOR_WITHOUT_FUNDS:
        return Refusal("debtor-funds", {}, "debtor.account.number")
    payee = magic.of_name(creditor.name, instructed.amount_minor)
    if payee is None:
        payee = _payee(instruction, known.directory, creditor_agent)
    if isinstance(payee, Refusal):
        return payee
    assert (
        debtor.identification is not None and debtor.account.number is not None and debtor.account.currency is not None
    )
    persons = known.persons
    debtor_person = _person(debtor.identification, persons)
    creditor_person = _person(creditor.identification, persons) if creditor.identification else ""
    debtor_kind, creditor_kind = _kind(debtor), _kind(creditor)
    same_name = (
        debtor_person == creditor_person
        if creditor_person
        else debtor_kind == creditor_kind and debtor.name.casefold() == creditor.name.casefold()
    )
    debtor_account = persons.pseudonym("account", debtor_agent.bic, normalize_account(debtor.account.number))
    creditor_account = persons.pseudonym("account", creditor_agent.bic, normalize_account(payee))
    papers = instruction.documents
    pair = persons.pair_between(debtor_person, debtor_account, creditor_account) if persons.pairs else None
    group = known.groups.get(debtor_person)
    if group is not None and known.groups.get(creditor_person) is not group:
        group = None  # no payment within it
    profile = Profile(
        debtor_agent.country, creditor_agent.country, debtor_agent.kind, creditor_agent.kind,
        debtor_agent.schemes_on(day), creditor_agent.schemes_on(day), debtor_kind, creditor_kind,
        debtor.residency, creditor.residency, _sector(debtor, debtor_kind), _sector(creditor, creditor_kind),
        _document(debtor.identification), _document(creditor.identification), same_name,
        instruction.purpose_code or "", instruction.category_purpose or "",
        frozenset([document.type for document in papers]) if papers else _NONE, instruction.venue or "",
        debtor.account.currency, instructed.currency, instruction.settlement_currency,
        debtor.account.type or "", creditor.account.type or "",
        persons.states_on(debtor_person, day) if persons.states else _NONE,
        pair is not None, pair.channel if pair else "",
        persons.channels(debtor_person, pair.direction) if pair else _NONE, group is not None,
    )  # fmt: skip
    facts = PaymentFacts(
        profile, debtor_person, creditor_person, debtor_agent.bic, creditor_agent.bic,
        debtor_account, creditor_account, instructed, at, accepted_at,
        _papers(papers, creditor_account, persons) if papers else (),
        group.name if group else "", group.equity if group else None, debtor_agent.limits or None,
    )  # fmt: skip
    return Translated(facts, payee)


def _amount(instruction: Instruction) -> Money | Refusal:
    debit_currency = instruction.debtor.account.currency
    if debit_currency is None:
        return Refusal(
            "field-missing",
            {"field": "debtor.account.currency", "why": "It is the currency debited."},
            "debtor.account.currency",
        )
    currency, text = instruction.instructed_amount.currency, instruction.instructed_amount.amount
    settlement = instruction.settlement_currency
    for field, side in (("debtor.account.currency", debit_currency), ("settlement_currency", settlement)):
        if side not in EXPONENTS:
            what = f"currency {side!r} is not carried; use one of {', '.join(sorted(EXPONENTS))}"
            return Refusal("currency-not-carried", {"what": what}, field)
    try:
        amount_minor = parse_amount(text, currency)
    except AmountError as error:
        name = {"CH20": "amount-decimals", "AM03": "currency-not-carried"}.get(error.code, "amount-invalid")
        return Refusal(name, {"what": str(error)}, "instructed_amount")
    if amount_minor == 0:
        return Refusal("amount-zero", {}, "instructed_amount.amount")
    if currency not in (debit_currency, settlement):
        detail = {"instructed": currency, "debit": debit_currency, "settlement": settlement}
        return Refusal("currency-inconsistent", detail, "instructed_amount.currency")
    return Money(amount_minor, currency)


def _accounts(debtor: Party, creditor: Party) -> Refusal | None:
    if debtor.account.number is None or debtor.account.proxy is not None:
        return Refusal(
            "account-malformed", {"what": "The debtor's account must be given by its number"}, "debtor.account"
        )
    if (creditor.account.number is None) == (creditor.account.proxy is None):
        return Refusal(
            "account-malformed",
            {"what": "The creditor's account has neither or both of number and proxy"},
            "creditor.account",
        )
    return None


def _cards(sides: Mapping[str, tuple[Party, Participant]]) -> Refusal | None:
    """Judge the numbers of mainland bank cards; of those of other places no form is known (facts messages 2.5)."""
    for side, (party, agent) in sides.items():
        number = party.account.number
        if party.account.type != "card" or agent.country != "CN" or number is None or MARK in number:
            continue
        what = check_card(normalize_account(number))
        if what is not None:
            return Refusal("account-malformed", {"what": what}, f"{side}.account.number")
    return None


def _identified(debtor: Identification | None, creditor: Identification | None) -> Refusal | None:
    if debtor is None:
        return Refusal("identification-missing", {}, "debtor.identification")
    for side, given in (("debtor", debtor), ("creditor", creditor)):
        if given is not None:
            what = identifiers.check(given.type, given.number, given.country)
            if what is not None:
                return Refusal("identification-wrong", {"what": what}, f"{side}.identification.number")
    return None


def _accepted_at(said: str | None, received_at: datetime) -> datetime | Refusal | None:
    """Read when the debtor agent took the instruction: at its receipt by the switch at the latest, and not long before."""
    if said is None:
        return None
    accepted_at = datetime.fromisoformat(said)
    if accepted_at > received_at:
        return Refusal("acceptance-in-future", {"accepted_at": said}, "acceptance_date_time")
    if received_at - accepted_at > ACCEPTED_BEFORE_MAX:
        return Refusal("acceptance-too-old", {"accepted_at": said}, "acceptance_date_time")
    return accepted_at.astimezone(UTC)


def _codes(instruction: Instruction) -> Refusal | None:
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


def _payee(instruction: Instruction, directory: Directory, agent: Participant) -> str | Refusal:
    """Resolve the creditor's account and compare its name; accounts the directory does not know pass unchecked."""
    account = instruction.creditor.account
    entry: Entry | None
    if account.proxy is not None:
        entry = directory.resolve(account.proxy.type, account.proxy.value, agent.country, agent.bic)
        if entry is None:
            asked = magic.of_proxy(account.proxy.type, account.proxy.value)
            if asked is not None:
                return asked
            return Refusal("proxy-unknown", {"proxy_type": account.proxy.type}, "creditor.account.proxy.value")
        if entry.agent != agent.bic:
            return Refusal("creditor-agent-differs", {"registered": entry.agent, "agent": agent.bic}, "creditor_agent")
        number = entry.account
    else:
        assert account.number is not None
        number = account.number
        entry = directory.account(agent.bic, number)
    if entry is not None and match_name(instruction.creditor.name, entry.name) == "no":
        return Refusal(
            "name-mismatch", {"what": describe_mismatch(instruction.creditor.name, entry.name)}, "creditor.name"
        )
    if agent.names == STRICT:
        return _strictly(instruction, entry, agent) or number
    return number


def _strictly(instruction: Instruction, entry: Entry | None, agent: Participant) -> Refusal | None:
    """What a payee's bank has really refused (facts rules 4.1): a name not written as registered, remarks in other letters."""
    if entry is not None and not written_as(instruction.creditor.name, entry.name):
        what = f"{agent.bic} takes a name only as registered; order, spaces, spelling and form of characters count"
        return Refusal("name-mismatch", {"what": what}, "creditor.name")
    remarks = instruction.remittance_information
    if remarks and instruction.debtor_agent[4:6] != agent.country and not _latin(remarks):
        return Refusal("remarks-not-latin", {"agent": agent.bic}, "remittance_information")
    return None


def _latin(text: str) -> bool:
    return text.isascii() or all(
        unicodedata.name(char, "").startswith("LATIN") for char in unicodedata.normalize("NFKC", text) if char.isalpha()
    )


def payee_alerted(instruction: Instruction, known: Known) -> bool:
    """Whether the payee's account, or the proxy it is called by, is under a suspicious-proxy alert now."""
    agent, account = known.participants.get(instruction.creditor_agent[:8]), instruction.creditor.account
    if agent is None or not known.directory.has_alerts:
        return False
    if account.proxy is None:
        entry = known.directory.account(agent.bic, account.number or "")
        return entry is not None and known.directory.is_alerted(entry)
    proxy = (account.proxy.type, account.proxy.value, agent.country, agent.bic)
    entry = known.directory.resolve(*proxy)
    return entry is not None and known.directory.is_alerted(entry, known.directory.registration(*proxy))


def _papers(papers: tuple[Document, ...], creditor_account: str, persons: Persons) -> tuple[tuple[str, str], ...]:
    """Name each document by all it may be known by again: its issuer's reference, the creditor account's, and its hash.

    (type, keyed pseudonym), each once: whoever leaves one name out, or writes one otherwise, is known by another.
    """
    found = []
    for paper in papers:
        kind, reference = f"document:{paper.type}", _folded(paper.reference)
        names = [("account", creditor_account, reference)]
        if paper.issuer and (issuer := _folded(paper.issuer)):
            names.append(("issuer", issuer, reference))
        if paper.hash:
            names.append(("hash", "", paper.hash))
        # None of the parts can hold the bar that parts them: letters, digits and hexadecimal alone.
        found += [(paper.type, persons.pseudonym(kind, f"{name}|{whose}", number)) for name, whose, number in names]
    return tuple(dict.fromkeys(found))


def _folded(text: str) -> str:
    """Return the letters and digits of a text alone: without case, width, accents, spaces, punctuation and what is not seen.

    Letters of two scripts that look alike (Latin N, Greek Nu) stay two.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join([_digit(char) for char in text.casefold() if char.isalnum() and char not in _UNSEEN_LETTERS])


def _digit(char: str) -> str:
    return char if char.isascii() else str(unicodedata.decimal(char, char))


def _person(given: Identification, persons: Persons) -> str:
    return persons.person_id(given.type, given.country, identifiers.normalize(given.type, given.number))


def _kind(party: Party) -> str:
    if party.identification is not None:
        return "person" if party.identification.type in PERSON_ID_TYPES else "firm"
    return "firm" if party.sector in CORPORATE_SECTORS else "person"


def _sector(party: Party, kind: str) -> str:
    return "corporation" if kind == "firm" and party.sector == "household" else party.sector


def _document(given: Identification | None) -> str:
    return f"{given.type}:{given.country}" if given is not None else ""
