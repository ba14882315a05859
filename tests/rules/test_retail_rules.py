"""Rules of remittances, cards and wallets that no case can reach: what no lane counts, what only reports, what only tells."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import case as rule_case
import pytest

from limits.calendars import LAW_ZONE, PAYMENT
from limits.claims import REPORT
from limits.counters import evaluate
from limits.facts import Amounts, PaymentFacts
from limits.rules import Rulebook, load_rulebook

TODAY = date(2026, 3, 2)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook()


# (rule, first day of the value, minor units before it: None = no limit, "no law" = not in force, and from it)
CHANGES = [
    ("hong-kong.conversion.day", date(2004, 2, 1), "no law", 20_000_00),
    ("hong-kong.conversion.day", date(2014, 11, 17), 20_000_00, None),
    ("macau.conversion.day", date(2019, 12, 18), 20_000_00, None),
    ("hong-kong.cheque.day", date(2005, 12, 1), "no law", 80_000_00),
    ("mainland.fx-purchase.year", date(2007, 2, 1), "no law", 50_000_00),
    ("mainland.fx-sale.year", date(2007, 2, 1), "no law", 50_000_00),
    ("mainland.fx-account.remittance.day", date(2007, 2, 1), "no law", 50_000_00),
    ("mainland.fx-account.cash.day", date(2007, 2, 1), "no law", 10_000_00),
    ("cash-carry.hong-kong", date(2018, 7, 16), "no law", 120_000_01),
    ("cash-carry.mainland.rmb", date(2005, 1, 1), "no law", 20_000_01),
    ("cash-carry.mainland.foreign", date(2003, 1, 1), "no law", 5_000_01),
    ("cash-carry.macau", date(2017, 11, 1), "no law", 120_000_00),
    ("card-cash.year", date(2003, 1, 1), "no law", 100_000_00),
    ("fps.unregistered-payee.day", date(2018, 9, 17), "no law", 10_000_00),
    ("beps.transaction", date(2020, 1, 24), 1_000_000_00, 500_000_000_00),
    ("octopus.balance", date(2023, 11, 15), "no law", 3_000_00),
    ("hong-kong.mso", date(2012, 4, 1), "no law", 8_000_00),
    ("hong-kong.occasional", date(2012, 4, 1), "no law", 120_000_00),
    ("macau.occasional", date(2016, 3, 7), "no law", 120_000_00),
    ("mainland.large-value.cash.day", date(2017, 7, 1), "no law", 50_000_00),
    ("mainland.large-value.firm.day", date(2017, 7, 1), "no law", 2_000_000_00),
    ("mainland.large-value.domestic.day", date(2017, 7, 1), "no law", 500_000_00),
    ("mainland.large-value.cross-border.foreign.day", date(2017, 7, 1), "no law", 10_000_00),
    ("mainland.remitter-verification.cash", date(2026, 1, 1), "no law", 50_000_00),
    ("payment-connect.southbound.payment", date(2025, 6, 22), "no law", None),
]


@pytest.mark.parametrize(("rule", "since", "before", "after"), CHANGES, ids=[f"{row[0]} {row[1]}" for row in CHANGES])
def test_a_figure_holds_from_its_day_and_not_the_day_before(
    rulebook: Rulebook, rule: str, since: date, before: int | str | None, after: int | None
) -> None:
    assert rulebook.on(since).rule(rule).amount_minor == after
    if before == "no law":
        with pytest.raises(KeyError):
            rulebook.on(since - DAY).rule(rule)
    else:
        assert rulebook.on(since - DAY).rule(rule).amount_minor == before


@pytest.mark.parametrize(
    ("day", "share"),
    [
        (date(2007, 5, 20), "0.003"),
        (date(2007, 5, 21), "0.005"),
        (date(2012, 4, 15), "0.005"),
        (date(2012, 4, 16), "0.01"),
        (date(2014, 3, 16), "0.01"),
        (date(2014, 3, 17), "0.02"),
    ],
)
def test_the_spot_band_widened_three_times(rulebook: Rulebook, day: date, share: str) -> None:
    value = rulebook.on(day).rule("mainland.fx-spot-band")
    assert (value.kind, value.rate, value.amount_minor) == ("ratio", Decimal(share), None)


def test_the_card_limit_counted_cards_until_2017_and_persons_since(rulebook: Rulebook) -> None:
    found = [
        (value.scope, value.effect)
        for day in (date(2017, 12, 31), date(2018, 1, 1))
        for value in (rulebook.on(day).rule("card-cash.year"),)
    ]
    assert found == [("card", "refuse"), ("person", "suspend_until")]


NOTICES = [
    "hong-kong.svf-tiers", "home-purchase.facilitation", "mainland.account.attested", "mainland.declaration.rmb-inside",
    "mainland.large-value.payment-firms", "splitting.patterns", "splitting.watch-list",
]  # fmt: skip


@pytest.mark.parametrize("rule", NOTICES)
def test_a_notice_tells_and_limits_nothing(rulebook: Rulebook, rule: str) -> None:
    value = rulebook.on(TODAY).rule(rule)
    assert (value.kind, value.amount_minor, value.amounts) == ("notice", None, {})
    assert value.quote and value.description


def test_no_threshold_of_the_law_ever_blocks(rulebook: Rulebook) -> None:
    """Trap 12: whatever reports has no ceiling in any lane; a threshold on one payment is nowhere a cap."""
    book = rulebook.book
    reporting = {name for name, rule in book.rules.items() if rule.kind == "limit" and rule.effect == REPORT}
    assert {
        "mainland.large-value.cross-border.day", "mainland.large-value.domestic.day", "mainland.remitter-verification",
        "hong-kong.wire", "hong-kong.mso", "card-spend.payment", "mainland.declaration.personal",
    } <= reporting  # fmt: skip
    for lane in book.lanes:
        for use in (*lane.uses, *(use for corridor in lane.corridors for use in corridor.uses)):
            assert use.rule not in reporting or use.effect in ("", REPORT), f"{lane.id}: {use.rule} blocks"
            assert use.rule not in reporting or book.rules[use.rule].window != PAYMENT, f"{lane.id}: {use.rule} caps"


def test_five_people_who_split_a_quota_are_seen_by_no_claim(rulebook: Rulebook) -> None:
    """Trap 13: a pattern lies across persons; each of the five stays within a quota of their own, and passes."""
    profile = rule_case.profile_of("branch-south", {})
    rules = rulebook.on(TODAY)
    (lane,) = rules.judge(profile).eligible
    amounts = Amounts(rule_case.money("CNY 350000.00"), rule_case.money("HKD 385000.00"))
    at = datetime(2026, 3, 2, 12, tzinfo=LAW_ZONE)
    counters = set()
    for n in range(5):
        facts = PaymentFacts(profile, f"p{n}", "abroad", "PEARCNG0", "HBAYHKH0", f"a{n}", "b", amounts.debit, at)
        claims = rules.claims(lane, facts, amounts, lambda *_: Decimal("0.14"))
        assert evaluate(claims, {}) is None
        counters |= {claim.counter for claim in claims if claim.rule == "mainland.fx-purchase.year"}
    assert len(counters) == 5
    assert "five or more people" in rules.rule("splitting.patterns").description


def test_two_banks_of_one_person_do_not_make_two_quotas(rulebook: Rulebook) -> None:
    profile = rule_case.profile_of("branch-south", {"debtor_id": "PRCID:CN"})
    rules = rulebook.on(TODAY)
    (lane,) = rules.judge(profile).eligible
    amounts = Amounts(rule_case.money("CNY 100.00"), rule_case.money("HKD 110.00"))
    at = datetime(2026, 3, 2, 12, tzinfo=LAW_ZONE)
    keys = {
        claim.counter
        for agent, account in (("PEARCNG0", "a1"), ("BANYCNS0", "a2"))
        for claim in rules.claims(
            lane, PaymentFacts(profile, "p1", "p2", agent, "HBAYHKH0", account, "b", amounts.debit, at), amounts,
            lambda *_: Decimal("0.14"),
        )
        if claim.rule == "mainland.fx-purchase.year"
    }  # fmt: skip
    assert keys == {"mainland.fx-purchase.year|p1|2026"}


CLASS_3 = {"creditor": ["mainland.account.credit.day", "mainland.account.credit.year", "mainland.account.balance"],
           "debtor": ["mainland.account.day", "mainland.account.year", "mainland.account.balance"]}  # fmt: skip
HOME = {"purpose_code": "PCOM", "documents": ["contract"]}
# Every lane into or out of the mainland that a person's account may take: base, what differs, whose account is limited.
LANES = [
    ("payment-connect.northbound", "hk-person-north", {}, "creditor"),
    ("payment-connect.northbound.payroll", "hk-employer-north", {}, "creditor"),
    ("same-name.hong-kong", "own-account-north", {}, "creditor"),
    ("same-name.hong-kong.documented", "own-account-north", {"documents": ["invoice"]}, "creditor"),
    ("home-purchase.northbound", "own-account-north", HOME, "creditor"),
    ("same-name.macau", "macau-own-account-north", {}, "creditor"),
    ("branch.northbound", "branch-north", {}, "creditor"),
    ("branch.northbound.documented", "branch-north", {"documents": ["contract"]}, "creditor"),
    ("branch.northbound.non-resident", "branch-north", {"creditor_residency": "MO"}, "creditor"),
    ("domestic.mainland.limited", "mainland-domestic", {}, "creditor"),
    ("domestic.mainland.limited", "mainland-domestic", {}, "debtor"),
    ("payment-connect.southbound", "mainland-person-south", {}, "debtor"),
    (
        "payment-connect.southbound.documented", "mainland-person-south",
        {
            "creditor_kind": "firm", "creditor_sector": "education", "purpose_code": "EDUC", "documents": ["tuition-notice"],
        },
        "debtor",
    ),
    ("branch.southbound", "branch-south", {}, "debtor"),
    ("branch.southbound.documented", "branch-south", {"purpose_code": "EDUC", "documents": ["tuition-notice"]}, "debtor"),
    ("branch.southbound.current-account", "branch-south", {"documents": ["contract"], "purpose_code": "SCVE"}, "debtor"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "base", "facts", "side"), LANES, ids=[f"{row[0]} {row[3]}" for row in LANES])
def test_no_lane_goes_around_the_limits_of_a_class_iii_account(
    rulebook: Rulebook, name: str, base: str, facts: dict[str, object], side: str
) -> None:
    profile = rule_case.profile_of(base, {**facts, f"{side}_account_type": "class-3"})
    rules = rulebook.on(TODAY)
    lane = rules.judge(profile).eligible[0]
    assert lane.id == name
    debit, settlement = (f"{currency} 100.00" for currency in (profile.debit_currency, profile.settlement_currency))
    amounts = Amounts(rule_case.money(debit), rule_case.money(settlement))
    at = datetime(2026, 3, 2, 12, tzinfo=LAW_ZONE)
    given = PaymentFacts(profile, "p1", "p2", "PEARCNG0", "HBAYHKH0", "a1", "a2", amounts.debit, at)
    claims = rules.claims(lane, given, amounts, lambda *_: Decimal(1))
    account = {"creditor": "a2", "debtor": "a1"}[side]
    assert {claim.rule for claim in claims if f"|{account}|" in claim.counter} == set(CLASS_3[side])
    assert all(
        (claim.delta > 0) == (side == "creditor") for claim in claims if claim.rule == "mainland.account.balance"
    )


@pytest.mark.parametrize("kind", ["wallet-1", "foreign-wallet", "e-cny"])
@pytest.mark.parametrize("base", ["mainland-person-south", "branch-south"])
def test_no_wallet_of_the_mainland_leaves_it(rulebook: Rulebook, base: str, kind: str) -> None:
    profile = rule_case.profile_of(base, {"debtor_account_type": kind})
    assert rulebook.on(TODAY).judge(profile).eligible == ()


SOUTH = ["mainland.remitter-verification", "mainland.declaration.personal", "hong-kong.wire"]
NORTH = ["mainland.declaration.personal", "hong-kong.wire"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("branch.southbound", SOUTH),
        ("branch.southbound.documented", SOUTH),
        ("branch.southbound.current-account", SOUTH),
        ("branch.southbound.own-currency", NORTH),
        ("branch.northbound", NORTH),
        ("branch.northbound.documented", NORTH),
        ("branch.northbound.non-resident", NORTH),
        ("branch.northbound.unconverted", NORTH),
        ("payment-connect.northbound", ["hong-kong.wire"]),
        ("payment-connect.southbound", ["mainland.remitter-verification", "hong-kong.wire"]),
        ("payment-connect.southbound.documented", ["mainland.remitter-verification", "hong-kong.wire"]),
        ("same-name.hong-kong", ["hong-kong.wire"]),
        ("same-name.hong-kong.documented", ["hong-kong.wire"]),
        ("same-name.macau", ["macau.wire"]),
        ("home-purchase.northbound", ["hong-kong.wire"]),
        ("e-cny.top-up", ["hong-kong.wire"]),
        ("fps-promptpay.outbound", ["hong-kong.wire"]),
        ("card-spend", ["card-spend.payment"]),
    ],
)
def test_a_lane_reports_what_its_payments_reach(rulebook: Rulebook, name: str, expected: list[str]) -> None:
    lane = next(lane for lane in rulebook.book.lanes if lane.id == name)
    assert list(lane.thresholds) == expected
