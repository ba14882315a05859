"""Instruction -> facts: the only place that reads law's facts out of what a participant sent.

A ladder of named guards, cheapest first; then one line that builds the facts. No name and no number leaves this module
except as a keyed pseudonym. Pseudonyms of documents and accounts are remembered (bounded memos of pure functions).
"""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from fx.money import AmountError, Money, parse_amount
from limits.facts import PaymentFacts
from rails import identifiers
from rails.addressing import normalize_account
from rails.identifiers.cards import check_card
from rails.magic import MARK
from switch.directory.directory import Directory
from switch.directory.entries import Entry
from switch.directory.names import describe_mismatch, match_name, written_as
from switch.participants.persons import Persons, pseudonym
from switch.participants.registry import STRICT, Group, Participant
from switch.payment import magic
from switch.payment.instruction import Account, Document, Identification, Instruction
from switch.payment.plan import Refusal
from switch.translate.kinds import Kind, Kinds, alike_in, codes_refused, currencies_refused, kind_of, sides_refused

ACCEPTED_BEFORE_MAX = timedelta(hours=24)  # longer before its receipt no agent holds an instruction (assumed)
# Documents and accounts whose pseudonyms are remembered: a debtor's and two accounts for each of the bench's 10,000 persons,
# about 450 bytes each. Who pays, pays again; of a stranger it costs what it cost.
_REMEMBERED_MAX = 1 << 15
_NONE: frozenset[str] = frozenset()
_UNSEEN_LETTERS = "\u115f\u1160"  # Hangul fillers: letters to Unicode, nothing to the eye; others decompose to them


class Known(NamedTuple):
    """What translation may look up: participants by BIC8, the directory, the sandbox's persons, groups by their firms' ids."""

    participants: Mapping[str, Participant]
    directory: Directory
    persons: Persons
    groups: Mapping[str, Group]
    kinds: Kinds  # of instructions seen before


class Holder(NamedTuple):
    """What a document says of who holds it: what is wrong with it, else the holder's pseudonym."""

    wrong: str | None
    pseudonym: str


class Translated(NamedTuple):
    """The facts of an instruction, and the creditor's account number for the rail (never stored in clear)."""

    facts: PaymentFacts
    creditor_account: str


def translate(instruction: Instruction, known: Known, at: datetime, day: date) -> Translated | Refusal:
    """Read the facts of an instruction received at `at` on law day `day`, or say what is wrong with it."""
    alike = alike_in(instruction, day)
    kind = known.kinds.get(alike, known.participants)
    if kind is None:
        examined = _examined(instruction, known, day)
        if isinstance(examined, Refusal):
            return examined
        kind = known.kinds.keep(alike, examined)
    # What is categorical has been let through; from here on, what is this payment's own.
    debtor, creditor, persons = instruction.debtor, instruction.creditor, known.persons
    instructed = _amount(instruction)
    if isinstance(instructed, Refusal):
        return instructed
    wrong = _accounts(debtor.account, creditor.account)
    if wrong is not None:
        return wrong
    payer, payee = _held(debtor.identification, persons), _held(creditor.identification, persons)
    wrong = _identified(payer, payee)
    if wrong is None and kind.has_card:
        wrong = _cards(instruction, kind.debtor_agent, kind.creditor_agent)
    if wrong is not None:
        return wrong
    accepted_at = _accepted_at(instruction.acceptance_date_time, at)
    if isinstance(accepted_at, Refusal):
        return accepted_at
    if debtor.account.number == magic.DEBTOR_WITHOUT_FUNDS:
        return Refusal("debtor-funds", {}, "debtor.account.number")
    account = magic.of_name(creditor.name, instructed.amount_minor)
    if account is None:
        account = _payee(instruction, known.directory, kind.creditor_agent)
    if isinstance(account, Refusal):
        return account
    # The rest must succeed.
    assert debtor.account.number is not None
    links = persons.links
    debtor_person = links.get(payer.pseudonym, payer.pseudonym)
    creditor_person = links.get(payee.pseudonym, payee.pseudonym)
    if creditor_person:
        same_name = debtor_person == creditor_person
    else:
        same_name = kind.may_be_one and debtor.name.casefold() == creditor.name.casefold()
    debtor_bic, creditor_bic = kind.debtor_agent.bic, kind.creditor_agent.bic
    debtor_account = _account(persons.key, debtor_bic, debtor.account.number)
    creditor_account = _account(persons.key, creditor_bic, account)
    facts = PaymentFacts(
        kind.of_one if same_name else kind.of_others, debtor_person, creditor_person, debtor_bic, creditor_bic,
        debtor_account, creditor_account, instructed, at, accepted_at, (), "", None, kind.limits,
    )  # fmt: skip
    if (
        instruction.documents
        or debtor_person in persons.states
        or debtor_person in persons.pairs
        or debtor_person in known.groups
    ):
        facts = _with_what_is_rare(facts, instruction.documents, known, day)
    return Translated(facts, account)


def _examined(instruction: Instruction, known: Known, day: date) -> Kind | Refusal:
    """Take the first of its kind through all guards, each in its place, and find the kind."""
    refused = currencies_refused(instruction)
    if refused is not None:
        return refused
    instructed = _amount(instruction)
    if isinstance(instructed, Refusal):
        return instructed
    debtor, creditor, persons = instruction.debtor, instruction.creditor, known.persons
    refused = sides_refused(instruction)
    if refused is not None:
        return refused
    debtor_agent = known.participants.get(instruction.debtor_agent[:8])
    if debtor_agent is None:
        return Refusal("debtor-agent-unknown", {"agent": instruction.debtor_agent}, "debtor_agent")
    creditor_agent = known.participants.get(instruction.creditor_agent[:8])
    if creditor_agent is None:
        return Refusal("creditor-agent-unknown", {"agent": instruction.creditor_agent}, "creditor_agent")
    refused = _accounts(debtor.account, creditor.account)
    if refused is None and debtor.identification is None:
        refused = Refusal("identification-missing", {}, "debtor.identification")
    refused = (
        refused
        or _identified(_held(debtor.identification, persons), _held(creditor.identification, persons))
        or _cards(instruction, debtor_agent, creditor_agent)
        or codes_refused(instruction)
    )
    return refused or kind_of(instruction, debtor_agent, creditor_agent, day)


def _with_what_is_rare(facts: PaymentFacts, papers: tuple[Document, ...], known: Known, day: date) -> PaymentFacts:
    """Add what few payments have: documents, states the debtor is under, a registered pair of accounts, a group of firms."""
    persons, debtor_person = known.persons, facts.debtor_id
    pair = persons.pair_between(debtor_person, facts.debtor_account, facts.creditor_account)
    group = known.groups.get(debtor_person)
    if group is not None and known.groups.get(facts.creditor_id) is not group:
        group = None  # no payment within it
    profile = facts.profile._replace(
        documents=frozenset([document.type for document in papers]),
        debtor_states=persons.states_on(debtor_person, day),
        paired=pair is not None,
        wealth_channel=pair.channel if pair else "",
        wealth_channels=persons.channels(debtor_person, pair.direction) if pair else _NONE,
        same_group=group is not None,
    )
    return facts._replace(
        profile=profile,
        documents=_papers(papers, facts.creditor_account, persons),
        group=group.name if group else "",
        group_equity=group.equity if group else None,
    )


def _amount(instruction: Instruction) -> Money | Refusal:
    currency = instruction.instructed_amount.currency
    try:
        amount_minor = parse_amount(instruction.instructed_amount.amount, currency)
    except AmountError as error:
        name = {"CH20": "amount-decimals", "AM03": "currency-not-carried"}.get(error.code, "amount-invalid")
        return Refusal(name, {"what": str(error)}, "instructed_amount")
    if amount_minor == 0:
        return Refusal("amount-zero", {}, "instructed_amount.amount")
    return Money(amount_minor, currency)


def _accounts(debtor: Account, creditor: Account) -> Refusal | None:
    if debtor.number is None or debtor.proxy is not None:
        return Refusal(
            "account-malformed", {"what": "The debtor's account must be given by its number"}, "debtor.account"
        )
    if (creditor.number is None) == (creditor.proxy is None):
        return Refusal(
            "account-malformed",
            {"what": "The creditor's account has neither or both of number and proxy"},
            "creditor.account",
        )
    return None


def _identified(debtor: Holder, creditor: Holder) -> Refusal | None:
    if debtor.wrong is not None:
        return Refusal("identification-wrong", {"what": debtor.wrong}, "debtor.identification.number")
    if creditor.wrong is not None:
        return Refusal("identification-wrong", {"what": creditor.wrong}, "creditor.identification.number")
    return None


def _cards(instruction: Instruction, debtor_agent: Participant, creditor_agent: Participant) -> Refusal | None:
    """Judge the numbers of mainland bank cards; of those of other places no form is known (facts messages 2.5)."""
    sides = (("debtor", instruction.debtor, debtor_agent), ("creditor", instruction.creditor, creditor_agent))
    for side, party, agent in sides:
        number = party.account.number
        if party.account.type != "card" or agent.country != "CN" or number is None or MARK in number:
            continue
        what = check_card(normalize_account(number))
        if what is not None:
            return Refusal("account-malformed", {"what": what}, f"{side}.account.number")
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


def _held(given: Identification | None, persons: Persons) -> Holder:
    return _holder(persons.key, given.type, given.number, given.country) if given is not None else _NOBODY


@lru_cache(_REMEMBERED_MAX)
def _holder(key: bytes, kind: str, number: str, country: str) -> Holder:
    wrong = identifiers.check(kind, number, country)
    return Holder(wrong, "" if wrong else pseudonym(key, kind, country, identifiers.normalize(kind, number)))


@lru_cache(2 * _REMEMBERED_MAX)
def _account(key: bytes, bic: str, number: str) -> str:
    return pseudonym(key, "account", bic, normalize_account(number))


_NOBODY = Holder(None, "")
