"""Instruction -> facts: the guards one by one, each with its field and reason, and what is read where none objects."""

from datetime import date, datetime, timedelta
from typing import Any, get_args

import pytest
from builders import (
    BANYAN,
    HARBOUR,
    KAPOK,
    NOON,
    PEARL,
    a_firm,
    a_person,
    a_world,
    domestic,
    northbound,
    southbound,
    trade,
)

from fx.money import Money
from limits.calendars import law_day
from limits.facts import ACCOUNT_TYPES, PaymentFacts
from rails.identifiers import fictional
from switch.flow.world import World
from switch.participants.persons import Pair, Persons
from switch.participants.registry import Firm
from switch.payment.instruction import AccountType, Instruction
from switch.payment.magic import DEBTOR_WITHOUT_FUNDS
from switch.payment.plan import Refusal
from switch.payment.reasons import problem
from switch.translate.facts import Translated, translate


@pytest.fixture(scope="module")
def world() -> World:
    return a_world()


def translated(world: World, instruction: Instruction) -> Translated | Refusal:
    return translate(instruction, world.known, NOON, law_day(NOON))


def facts(world: World, instruction: Instruction) -> PaymentFacts:
    found = translated(world, instruction)
    assert isinstance(found, Translated), found
    return found.facts


LI_XIAOMING = "6200068880000000001"  # an account of the packaged directory, at Pearl River Bank
GUARDS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    # what is changed of a valid payment north, the reason, its code, its field
    "no currency of the account debited": (
        {"debtor__account__currency": None}, "field-missing", "CH21", "debtor.account.currency",
    ),
    "too many decimals": (
        {"instructed_amount": {"currency": "HKD", "amount": "1.001"}}, "amount-decimals", "CH20", "instructed_amount",
    ),
    "nothing": (
        {"instructed_amount": {"currency": "HKD", "amount": "0.00"}}, "amount-zero", "AM01", "instructed_amount.amount",
    ),
    "more than the switch carries": (
        {"instructed_amount": {"currency": "KWD", "amount": "9999999999999"}}, "amount-invalid", "AM12", "instructed_amount",
    ),
    "a currency nobody carries": (
        {"instructed_amount": {"currency": "XAU", "amount": "1"}}, "currency-not-carried", "AM03", "instructed_amount",
    ),
    "an account in a currency nobody carries": (
        {"debtor__account__currency": "XAU"}, "currency-not-carried", "AM03", "debtor.account.currency",
    ),
    "a settlement in a currency nobody carries": (
        {"settlement_currency": "XAU"}, "currency-not-carried", "AM03", "settlement_currency",
    ),
    "an amount in a third currency": (
        {"instructed_amount": {"currency": "MOP", "amount": "1.00"}}, "currency-inconsistent", "CURR",
        "instructed_amount.currency",
    ),
    "an unknown debtor agent": ({"debtor_agent": "NOBYHKH0"}, "debtor-agent-unknown", "RC03", "debtor_agent"),
    "an unknown creditor agent": ({"creditor_agent": "NOBYCNS0"}, "creditor-agent-unknown", "RC04", "creditor_agent"),
    "a debtor by proxy": (
        {"debtor__account": {"proxy": {"type": "MBNO", "value": "+852-61900001"}, "currency": "HKD"}},
        "account-malformed", "AC01", "debtor.account",
    ),
    "no account of the debtor": ({"debtor__account": {"currency": "HKD"}}, "account-malformed", "AC01", "debtor.account"),
    "no account of the creditor": ({"creditor__account": {}}, "account-malformed", "AC01", "creditor.account"),
    "a number and a proxy of the creditor": (
        {"creditor__account__proxy": {"type": "MBNO", "value": "+86-13800100001"}}, "account-malformed", "AC01",
        "creditor.account",
    ),
    "a mainland card whose last digit is wrong": (
        {"creditor__account": {"number": "6200068800000000018", "type": "card"}}, "account-malformed", "AC01",
        "creditor.account.number",
    ),
    "a mainland card of twenty digits": (
        {"creditor__account": {"number": "62000688000000000015", "type": "card"}}, "account-malformed", "AC01",
        "creditor.account.number",
    ),
    "no document of the debtor": (
        {"debtor__identification": None}, "identification-missing", "RR12", "debtor.identification",
    ),
    "a wrong check digit of the debtor": (
        {"debtor__identification": {"type": "HKID", "number": "QX1234567", "country": "HK"}}, "identification-wrong", "RR12",
        "debtor.identification.number",
    ),
    "a wrong check digit of the creditor": (
        {"creditor__identification": {"type": "PRCID", "number": "110101199001011234", "country": "CN"}},
        "identification-wrong", "RR12", "creditor.identification.number",
    ),
    "no purpose": ({"purpose_code": None}, "purpose-missing", "FF07", "purpose_code"),
    "a purpose of no code set": ({"purpose_code": "XXXX"}, "purpose-unknown", "FF07", "purpose_code"),
    "a category purpose of no code set": (
        {"category_purpose": "XXXX"}, "category-purpose-unknown", "FF06", "category_purpose",
    ),
    "a debtor's residency that is no country": ({"debtor__residency": "XX"}, "residency-unknown", "RR05", "debtor.residency"),
    "a creditor's residency that is no country": (
        {"creditor__residency": "ZZ"}, "residency-unknown", "RR05", "creditor.residency",
    ),
    "an acceptance after the receipt": (
        {"acceptance_date_time": "2026-03-05T12:00:00.000001+08:00"}, "acceptance-in-future", "DT04", "acceptance_date_time",
    ),
    "an acceptance more than a day before": (
        {"acceptance_date_time": "2026-03-04T03:59:59.999999Z"}, "acceptance-too-old", "DT05", "acceptance_date_time",
    ),
    "an account that covers nothing": (
        {"debtor__account__number": DEBTOR_WITHOUT_FUNDS}, "debtor-funds", "AM04", "debtor.account.number",
    ),
    "a proxy nobody has": (
        {"creditor__account": {"proxy": {"type": "MBNO", "value": "+86-13800199999"}}}, "proxy-unknown", "BE23",
        "creditor.account.proxy.value",
    ),
    "a proxy of another agent": (
        {"creditor__account": {"proxy": {"type": "MBNO", "value": "+86-13800100003"}}}, "creditor-agent-differs", "AGNT",
        "creditor_agent",
    ),
    "another name": (
        {"creditor__account__number": LI_XIAOMING, "creditor__name": "WANG Fang"}, "name-mismatch", "BE01", "creditor.name",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", GUARDS)
def test_a_fault_is_refused_with_its_reason_and_field(world: World, what: str) -> None:
    changes, reason, code, field = GUARDS[what]
    found = translated(world, northbound(**changes))
    assert isinstance(found, Refusal), found
    assert (found.reason, problem(found).code, found.field) == (reason, code, field)
    assert "—" not in problem(found).text, problem(found).text


def test_every_guard_lets_the_valid_payment_pass(world: World) -> None:
    for build in (northbound, southbound, domestic):
        assert isinstance(translated(world, build()), Translated)


def test_a_refusal_shows_no_name_in_full_and_no_number(world: World) -> None:
    """What is refused is stored and logged: it may say what differs, not who somebody is."""
    for changes, *_ in GUARDS.values():
        found = translated(world, northbound(**changes))
        assert isinstance(found, Refusal)
        told = problem(found).text + repr(found.detail)
        assert "Xiaoming" not in told and LI_XIAOMING not in told and "110101199001011234" not in told, told


@pytest.mark.parametrize(
    "name", ["LI Xiaoming", "Xiaoming LI", "li xiao ming", "LI Xiaomin", "Mr LI Xiaoming"], ids=lambda name: name
)
def test_another_order_or_a_slip_of_a_name_is_the_same_payee(world: World, name: str) -> None:
    payment = northbound(creditor__account__number=LI_XIAOMING, creditor__name=name)
    assert isinstance(translated(world, payment), Translated)


def test_an_account_the_directory_does_not_know_is_not_checked(world: World) -> None:
    assert isinstance(translated(world, northbound(creditor__name="Anybody At All")), Translated)


def test_a_proxy_leads_to_the_account_it_is_registered_for(world: World) -> None:
    proxy = {
        "creditor__account": {"proxy": {"type": "MBNO", "value": "+86-13800100001"}},
        "creditor__name": "LI Xiaoming",
    }
    by_proxy, by_number = (
        northbound(**proxy),
        northbound(creditor__account__number=LI_XIAOMING, creditor__name="LI Xiaoming"),
    )
    found = translated(world, by_proxy)
    assert isinstance(found, Translated) and found.creditor_account == LI_XIAOMING
    assert found.facts.creditor_account == facts(world, by_number).creditor_account


# --- what is read ---


def test_the_facts_of_a_payment_north(world: World) -> None:
    found = facts(world, northbound("12.34", category_purpose="CASH"))
    profile = found.profile
    assert (profile.debtor_agent_country, profile.creditor_agent_country) == ("HK", "CN")
    assert (profile.debtor_agent_kind, profile.creditor_agent_kind) == ("bank", "bank")
    assert profile.debtor_agent_schemes == profile.creditor_agent_schemes == {"payment-connect"}
    assert (profile.debtor_kind, profile.creditor_kind) == ("person", "person")
    assert (profile.debtor_residency, profile.creditor_residency) == ("HK", "CN")
    assert (profile.debtor_id, profile.creditor_id, profile.same_name) == ("HKID:HK", "", False)
    assert (profile.purpose_code, profile.category_purpose, profile.venue) == ("GIFT", "CASH", "")
    assert (profile.debit_currency, profile.instructed_currency, profile.settlement_currency) == ("HKD", "HKD", "CNY")
    assert (found.instructed, found.at) == (Money(12_34, "HKD"), NOON)
    assert (found.debtor_agent, found.creditor_agent) == (HARBOUR, PEARL)


def test_a_branch_s_bic_of_eleven_is_its_bank(world: World) -> None:
    found = facts(world, northbound(debtor_agent=f"{HARBOUR}XXX", creditor_agent=f"{BANYAN}123"))
    assert (found.debtor_agent, found.creditor_agent) == (HARBOUR, BANYAN)


def test_a_wallet_keeps_its_own_name_as_institution(world: World) -> None:
    found = facts(world, northbound(debtor_agent=KAPOK))
    assert (found.debtor_agent, found.profile.debtor_agent_kind) == (KAPOK, "svf")


@pytest.mark.parametrize(
    ("party", "kind", "sector"),
    [
        ({"identification": a_person(1)}, "person", "household"),
        ({"identification": a_firm(1)}, "firm", "corporation"),
        ({"identification": a_firm(1), "sector": "education"}, "firm", "education"),
        ({"identification": a_person(1), "sector": "education"}, "person", "education"),
        ({"sector": "utility"}, "firm", "utility"),  # without a document the sector tells
        ({}, "person", "household"),
    ],
)
def test_a_document_s_type_tells_persons_from_firms_and_else_the_sector(
    world: World, party: dict[str, Any], kind: str, sector: str
) -> None:
    profile = facts(world, southbound(**{f"creditor__{name}": value for name, value in party.items()})).profile
    assert (profile.creditor_kind, profile.creditor_sector) == (kind, sector)


def test_documents_count_by_their_type(world: World) -> None:
    papers = [
        {"type": "invoice", "reference": "1"},
        {"type": "contract", "reference": "2"},
        {"type": "invoice", "reference": "3"},
    ]
    assert facts(world, northbound(documents=papers)).profile.documents == {"invoice", "contract"}


@pytest.mark.parametrize("said", ["2026-03-05T12:00:00+08:00", "2026-03-04T04:00:00Z", "2026-03-05T00:00:00.5-03:30"])
def test_an_acceptance_within_a_day_before_the_receipt_is_taken_as_its_instant(world: World, said: str) -> None:
    found = facts(world, northbound(acceptance_date_time=said)).accepted_at
    assert found == datetime.fromisoformat(said) and found.utcoffset() == timedelta(0)
    assert facts(world, northbound()).accepted_at is None


def test_an_account_s_type_is_read_on_both_sides_and_without_one_it_is_ordinary(world: World) -> None:
    found = facts(world, northbound(debtor__account__type="card", creditor__account__type="class-2")).profile
    assert (found.debtor_account_type, found.creditor_account_type) == ("card", "class-2")
    plain = facts(world, northbound()).profile
    assert plain.debtor_account_type == "" == plain.creditor_account_type


def test_a_card_passes_with_its_last_digit_right_and_only_the_mainland_s_are_judged(world: World) -> None:
    right = {"number": f"{fictional.card(1)[:4]}-{fictional.card(1)[4:]}", "type": "card"}
    assert isinstance(found := translated(world, northbound(creditor__account=right)), Translated), found
    for wrong in ({"creditor__account": {"number": "MAGIC-SILENT", "type": "card"}}, {"debtor__account__type": "card"}):
        assert isinstance(found := translated(world, northbound(**wrong)), Translated), found


def test_an_instruction_may_name_the_account_types_the_law_knows_and_no_others() -> None:
    assert frozenset(get_args(AccountType)) == ACCOUNT_TYPES


def test_an_account_written_with_hyphens_is_the_same_account(world: World) -> None:
    plain, hyphens = (facts(world, northbound(debtor__account__number=n)) for n in ("012001000001", "012-001-000001"))
    assert plain.debtor_account == hyphens.debtor_account


INVOICE = {"type": "invoice", "reference": "INV-7 a", "issuer": "Delta Machinery"}
HASH = "0a" * 32
ELSEWHERE = {"creditor__account__number": "6222000000000000018"}


def names(world: World, **changes: Any) -> frozenset[tuple[str, str]]:
    """What one document is known by among the facts."""
    payment = {name: changes.pop(name) for name in ("creditor__account__number", "creditor_agent") if name in changes}
    found = facts(world, northbound(documents=[{**INVOICE, **changes}], **payment)).documents
    assert len(set(found)) == len(found) and {kind for kind, _ in found} == {{**INVOICE, **changes}["type"]}
    return frozenset(found)


@pytest.mark.parametrize(
    "changes",
    [
        {"reference": " inv-7  A "}, {"issuer": "DELTA  machinery"}, {"reference": "ＩＮＶ-７ a"}, {"reference": "INV7A"},
        {"reference": "INV\u20137 a"}, {"reference": "INV - 7 / a"}, {"reference": "IN\u00adV-7 a\u200b"},
        {"reference": "INV\u034f-7 a"}, {"reference": "INV-7 a\ufe0f\u2060\u3164\u115f"}, {"reference": "INV-7 á"},
        {"reference": "INV-\u0667 a"}, {"issuer": "Delta Machinery."}, {"issuer": "D\u00e9lta\u2003\u201cMachinery\u201d"},
    ],
)  # fmt: skip
def test_a_document_written_otherwise_is_known_by_the_same_names(world: World, changes: Any) -> None:
    assert names(world, **changes) == names(world)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": None}, {"issuer": "Acme"}, {"issuer": "..."}, ELSEWHERE, {"creditor_agent": BANYAN},
        {"hash": HASH, "reference": "another", "issuer": "Acme", **ELSEWHERE},
    ],
)  # fmt: skip
def test_whoever_changes_one_name_of_a_document_is_known_by_another(world: World, changes: Any) -> None:
    hashed = names(world, hash=HASH)
    assert names(world, **changes) & hashed and names(world, **changes) != hashed


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "contract", "hash": HASH}, {"reference": "INV-8 a"}, {"hash": "0b" * 32, "reference": "INV-70 a"},
        {"issuer": "Delta", "reference": "Machinery INV-7 a"}, {"issuer": None, **ELSEWHERE},
        {"issuer": None, "creditor_agent": BANYAN}, {"issuer": "Delta", **ELSEWHERE},
        {"reference": "Ι\u039dV-7 a"},  # Greek letters that look Latin: said to be out of scope
    ],
)  # fmt: skip
def test_another_document_shares_no_name(world: World, changes: Any) -> None:
    assert not names(world, **changes) & names(world, hash=HASH)


def test_no_issuer_passes_for_an_account_nor_a_reference_for_a_hash(world: World) -> None:
    account = facts(world, northbound()).creditor_account
    own = names(world, hash=HASH)
    assert not names(world, issuer=account, **ELSEWHERE) & own
    assert not names(world, issuer=f"account|{account}", **ELSEWHERE) & own
    assert not names(world, issuer="hash", reference=HASH[:35], **ELSEWHERE) & own


def test_a_document_given_twice_is_one(world: World) -> None:
    def known(*papers: Any) -> int:
        return len(facts(world, northbound(documents=papers)).documents)

    once = known(INVOICE)
    assert once == 2 and known(INVOICE | {"hash": HASH}) == 3
    assert known(INVOICE, INVOICE | {"reference": "inv-7 A"}) == once
    assert known(INVOICE, INVOICE | {"reference": "INV-8"}) == 2 * once
    assert facts(world, northbound()).documents == ()


def test_no_document_s_reference_or_issuer_leaves_but_as_a_pseudonym(world: World) -> None:
    told = repr(facts(world, northbound(documents=[INVOICE | {"hash": HASH}]))).casefold()
    assert not [secret for secret in ("inv-7", "inv7", "delta", HASH) if secret in told]


# --- what the sandbox knows of a person ---


def knowing(world: World, told: Any, **payment: Any) -> PaymentFacts:
    """The facts of a payment north where the fence holds what `told` makes of persons and the payment's own facts."""
    persons = world.known.persons
    plain = facts(world, northbound(**payment))
    known = world.known._replace(persons=persons.taking({}, told(persons, plain)))
    found = translate(northbound(**payment), known, NOON, law_day(NOON))
    assert isinstance(found, Translated)
    return found.facts


def test_a_debtor_on_the_watch_list_is_so_to_its_last_day(world: World) -> None:
    for last, states in ((date(2026, 3, 5), {"watch-list"}), (date(2026, 3, 4), frozenset())):
        found = knowing(world, lambda p, plain, last=last: p.put(plain.debtor_id, "watch-list", last))
        assert found.profile.debtor_states == states
    assert not knowing(world, lambda p, plain: p.put("another", "watch-list", date(2028, 1, 1))).profile.debtor_states


@pytest.mark.parametrize("way", ["out", "back"])
def test_the_accounts_of_a_pair_are_paired_both_ways_and_the_channels_are_those_of_its_direction(
    world: World, way: str
) -> None:
    def told(persons: Persons, plain: PaymentFacts) -> dict[str, str]:
        accounts = (plain.debtor_account, plain.creditor_account)
        direction, pair = ("northbound", accounts) if way == "out" else ("southbound", accounts[::-1])
        made = persons.register(plain.debtor_id, Pair(direction, "bank", *pair))
        for n, other in enumerate(("northbound", "southbound")):
            if other == direction:
                made |= persons.taking({}, made).register(plain.debtor_id, Pair(other, "broker", f"a{n}", f"b{n}"))
        return made

    profile = knowing(world, told).profile
    assert (profile.paired, profile.wealth_channel, profile.wealth_channels) == (True, "bank", {"bank", "broker"})


def test_accounts_that_are_no_pair_are_not_paired(world: World) -> None:
    def told(persons: Persons, plain: PaymentFacts) -> dict[str, str]:
        return persons.register(plain.debtor_id, Pair("northbound", "bank", plain.debtor_account, "another"))

    def of_another(persons: Persons, plain: PaymentFacts) -> dict[str, str]:
        return persons.register("another", Pair("northbound", "bank", plain.debtor_account, plain.creditor_account))

    for each in (told, of_another):
        profile = knowing(world, each).profile
        assert (profile.paired, profile.wealth_channel, profile.wealth_channels) == (False, "", frozenset())


def test_two_firms_of_one_group_bring_its_name_and_equity_and_others_none(world: World) -> None:
    lion, delta = world.registry.groups
    hong_kong, mainland = lion.members[:2]
    stranger = Firm(*(a_firm(1, "CN")[name] for name in ("type", "country", "number")))

    def of(debtor: Firm, creditor: Firm | None) -> PaymentFacts:
        paid_to = {"creditor__identification": creditor._asdict() if creditor else None}
        return facts(world, trade(debtor__identification=debtor._asdict(), **paid_to))

    found = of(hong_kong, mainland)
    assert (found.profile.same_group, found.group, found.group_equity) == (True, lion.name, lion.equity)
    for other in (stranger, delta.members[1], None):
        found = of(hong_kong, other)
        assert (found.profile.same_group, found.group, found.group_equity) == (False, "", None)
    assert not of(stranger, mainland).profile.same_group


# --- who is who ---


def test_the_same_document_written_otherwise_is_the_same_person(world: World) -> None:
    plain = a_person(1)
    printed = plain | {"number": f"{plain['number'][:-1]}({plain['number'][-1]})".lower()}
    one, other = northbound(), northbound(debtor__identification=printed)
    assert facts(world, one).debtor_id == facts(world, other).debtor_id
    assert facts(world, one).debtor_id != facts(world, northbound(person=2)).debtor_id


def test_the_same_number_of_another_country_is_another_person(world: World) -> None:
    passports = [{"type": "PASSPORT", "number": "K1234567", "country": country} for country in ("GB", "FR")]
    found = {facts(world, northbound(debtor__identification=passport)).debtor_id for passport in passports}
    assert len(found) == 2


def test_same_name_is_one_document_and_not_one_name(world: World) -> None:
    namesake = {"creditor__name": "CHAN Tai Man"}
    own = facts(world, northbound(**namesake, creditor__identification=a_person(1)))
    other = facts(world, northbound(**namesake, creditor__identification=a_person(2)))
    assert own.profile.same_name and own.debtor_id == own.creditor_id
    assert not other.profile.same_name


def test_without_the_creditor_s_document_name_and_kind_must_be_the_same(world: World) -> None:
    assert facts(world, northbound(creditor__name="chan tai man")).profile.same_name
    assert not facts(world, northbound(creditor__name="Tai Man CHAN")).profile.same_name
    assert not facts(world, northbound(creditor__name="CHAN Tai Man", creditor__sector="education")).profile.same_name


def test_linked_documents_are_one_person(world: World) -> None:
    """An HKID and a home return permit of one holder: usage adds up, and a transfer between them is same-name."""
    persons = Persons(world.known.persons.key, {})
    permit = {"type": "HRP", "number": "H12345678", "country": "CN"}
    identity = a_person(1)
    linked = persons._replace(
        links={persons.pseudonym("HRP", "CN", "H12345678"): persons.pseudonym("HKID", "HK", identity["number"])}
    )
    known = world.known._replace(persons=linked)
    payment = northbound(creditor__identification=permit)
    apart, together = translated(world, payment), translate(payment, known, NOON, law_day(NOON))
    assert isinstance(apart, Translated) and isinstance(together, Translated)
    assert not apart.facts.profile.same_name and together.facts.profile.same_name
    assert together.facts.debtor_id == together.facts.creditor_id == apart.facts.debtor_id


def test_no_name_and_no_number_leaves_but_as_a_keyed_pseudonym(world: World) -> None:
    payment = northbound(creditor__identification=a_person(5, "CN"))
    told = repr(facts(world, payment))
    for secret in (
        "CHAN", "Tai Man", "Li Wei", a_person(1)["number"], a_person(5, "CN")["number"], "012001000001", "6222000000000000017",
    ):  # fmt: skip
        assert secret not in told
    other_key = world.known._replace(persons=Persons(b"x" * 32, {}))
    found = translate(payment, other_key, NOON, law_day(NOON))
    assert isinstance(found, Translated)
    assert {found.facts.debtor_id, found.facts.creditor_id}.isdisjoint(
        {facts(world, payment).debtor_id, facts(world, payment).creditor_id}
    )
