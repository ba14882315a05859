"""The rules of market and fund schemes on each side of each day on which they changed; and that what comes home gives room.

What an order does to a daily quota is not here: only the rule that says how it is counted.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from limits_builders import amounts, facts, no_rate

from fx.money import Money
from limits.calendars import is_trading_day
from limits.claims import WHILE_OPEN, Claim, ClaimSet
from limits.counters import MemoryCounters, evaluate
from limits.facts import PaymentFacts, Profile
from limits.rules import Rulebook, load_rulebook

BN = 10**11  # minor units in a billion
ONE_DAY = timedelta(days=1)
AT = datetime.fromisoformat("2026-03-02T12:00:00+08:00")
OPEN_END = "9999-12-31"

# rule, first day, last day, billions of the unit; None = abolished
HISTORY: list[tuple[str, str, str, str | None]] = [
    ("stock-connect.shanghai.northbound.day", "2014-11-17", "2018-04-30", "13"),
    ("stock-connect.shanghai.northbound.day", "2018-05-01", OPEN_END, "52"),
    ("stock-connect.shanghai.southbound.day", "2014-11-17", "2018-04-30", "10.5"),
    ("stock-connect.shanghai.southbound.day", "2018-05-01", OPEN_END, "42"),
    ("stock-connect.shenzhen.northbound.day", "2016-12-05", "2018-04-30", "13"),
    ("stock-connect.shenzhen.northbound.day", "2018-05-01", OPEN_END, "52"),
    ("stock-connect.shenzhen.southbound.day", "2016-12-05", "2018-04-30", "10.5"),
    ("stock-connect.shenzhen.southbound.day", "2018-05-01", OPEN_END, "42"),
    ("stock-connect.shanghai.northbound.aggregate", "2014-11-17", "2016-08-15", "300"),
    ("stock-connect.shanghai.northbound.aggregate", "2016-08-16", OPEN_END, None),
    ("stock-connect.shanghai.southbound.aggregate", "2014-11-17", "2016-08-15", "250"),
    ("stock-connect.shanghai.southbound.aggregate", "2016-08-16", OPEN_END, None),
    ("bond-connect.southbound.day", "2021-09-24", OPEN_END, "20"),
    ("bond-connect.southbound.year", "2021-09-24", OPEN_END, "500"),
    ("swap-connect.northbound.day", "2023-05-15", "2025-10-12", "20"),
    ("swap-connect.northbound.day", "2025-10-13", OPEN_END, "45"),
    ("swap-connect.clearing", "2023-05-15", OPEN_END, "4"),
    ("wealth-connect.northbound.aggregate", "2021-10-10", OPEN_END, "150"),
    ("wealth-connect.southbound.aggregate", "2021-10-10", OPEN_END, "150"),
    ("wealth-connect.person", "2021-10-10", "2024-02-25", "0.001"),
    ("wealth-connect.person", "2024-02-26", OPEN_END, "0.003"),
    ("mutual-recognition.northbound.aggregate", "2015-07-01", OPEN_END, "300"),
    ("mutual-recognition.southbound.aggregate", "2015-07-01", OPEN_END, "300"),
    ("rqfii.hong-kong.aggregate", "2011-12-01", "2011-12-31", "20"),
    ("rqfii.hong-kong.aggregate", "2012-01-01", "2012-10-31", "70"),
    ("rqfii.hong-kong.aggregate", "2012-11-01", "2017-07-03", "270"),
    ("rqfii.hong-kong.aggregate", "2017-07-04", "2020-06-05", "500"),
    ("rqfii.hong-kong.aggregate", "2020-06-06", OPEN_END, None),
    ("qfii.aggregate", "2013-01-01", "2013-06-30", "80"),
    ("qfii.aggregate", "2013-07-01", "2018-12-31", "150"),
    ("qfii.aggregate", "2019-01-01", "2020-06-05", "300"),
    ("qfii.aggregate", "2020-06-06", OPEN_END, None),
    ("qdii.aggregate", "2020-09-23", "2020-11-29", "107.34"),
    ("qdii.aggregate", "2020-11-30", "2021-01-12", "116.70"),
    ("qdii.aggregate", "2021-01-13", "2021-03-30", "125.72"),
    ("qdii.aggregate", "2021-03-31", "2021-06-01", "134.57"),
    ("qdii.aggregate", "2021-06-02", "2021-12-14", "147.32"),
    ("qdii.aggregate", "2021-12-15", "2025-06-29", "157.52"),
    ("qdii.aggregate", "2025-06-30", OPEN_END, "170.87"),
    ("shanghai-london.eastbound.aggregate", "2019-06-17", OPEN_END, "250"),
    ("shanghai-london.westbound.aggregate", "2019-06-17", OPEN_END, "300"),
]
NOTICES = [
    ("bond-connect.northbound", "2017-07-03", "V2"), ("bond-connect.southbound.investors", "2021-09-24", "V1"),
    ("swap-connect.southbound", "2023-05-15", "V2"), ("wealth-connect.eligibility", "2021-10-10", "V2"),
    ("rqdii", "2014-01-01", "V2"), ("china-europe", "2022-02-01", "K"), ("qflp", "2025-09-15", "V2"), ("qdie", "2025-09-15", "V2"),
    ("insurance-connect", "2021-01-01", "K"), ("fta", "2014-01-01", "K"), ("ef-account", "2024-05-06", "V2"),
    ("cash-pool.outflow", "2014-11-01", "V2"), ("cash-pool.integrated", "2021-01-01", "V2"),
    ("stock-connect.announced", "2024-04-19", "V2"), ("stock-connect.northbound.investors", "2022-07-25", "K"),
]  # fmt: skip
LINKS = [f"stock-connect.{link}.{way}.day" for link in ("shanghai", "shenzhen") for way in ("northbound", "southbound")]

BANKS = Profile(
    "CN", "HK", "bank", "bank", frozenset(), frozenset(), "firm", "firm", "CN", "HK", "financial", "financial",
    "USCC:CN", "BRN:HK", False, "SECU", "", frozenset(), "bond-connect", "CNY", "CNY", "CNY",
)  # fmt: skip
HOME = BANKS._replace(
    debtor_agent_country="HK",
    creditor_agent_country="CN",
    creditor_residency="CN",
    same_name=True,
    creditor_id="USCC:CN",
)
PERSON = BANKS._replace(
    debtor_kind="person", creditor_kind="person", debtor_sector="household", creditor_sector="household", debtor_id="PRCID:CN",
    creditor_id="PRCID:CN", creditor_residency="CN", same_name=True, purpose_code="", venue="wealth-connect", paired=True,
    wealth_channel="bank", wealth_channels=frozenset({"bank"}),
)  # fmt: skip
INVESTOR = BANKS._replace(
    debtor_kind="person", debtor_sector="household", debtor_id="PRCID:CN", venue="mutual-recognition"
)
REDEMPTION = HOME._replace(
    creditor_kind="person", creditor_sector="household", creditor_id="PRCID:CN", same_name=False, debtor_residency="HK",
    debtor_id="BRN:HK", venue="mutual-recognition",
)  # fmt: skip
GROUP = BANKS._replace(
    debtor_sector="corporation", creditor_sector="corporation", venue="cash-pool", same_group=True, purpose_code="INTC"
)
GROUP_IN = GROUP._replace(
    debtor_agent_country="HK", creditor_agent_country="CN", debtor_residency="HK", creditor_residency="CN"
)


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook()


def claims(rulebook: Rulebook, given: PaymentFacts, paid: str) -> tuple[Claim, ...]:
    """The claims of RMB paid on the first lane open to the facts, those of reports left out."""
    day = given.at.date()
    lane = rulebook.on(day).judge(given.profile).eligible[0]
    made = rulebook.on(day).claims(lane, given, amounts(f"CNY {paid}", f"CNY {paid}"), lambda *_: Decimal("0.125"))
    return tuple(claim for claim in made if claim.ceiling is not None)


# --- Each figure, on each side of each day ---


@pytest.mark.parametrize(("rule", "since", "until", "billions"), HISTORY, ids=[f"{row[0]} {row[1]}" for row in HISTORY])
def test_a_cap_holds_from_its_first_day_to_its_last(
    rulebook: Rulebook, rule: str, since: str, until: str, billions: str | None
) -> None:
    first, last = date.fromisoformat(since), date.fromisoformat(until)
    expected = None if billions is None else int(Decimal(billions) * BN)
    for day in {first, min(last, date(2100, 1, 1))}:
        value = rulebook.on(day).rule(rule)
        assert (value.amount_minor, value.since) == (expected, first)
        assert value.reference and (value.quote or value.assumed)
    begins = first == min(date.fromisoformat(row[1]) for row in HISTORY if row[0] == rule)
    if begins:
        with pytest.raises(KeyError):
            rulebook.on(first - ONE_DAY).rule(rule)


@pytest.mark.parametrize(("rule", "since", "confidence"), NOTICES)
def test_what_has_no_live_quota_says_so_with_its_source(
    rulebook: Rulebook, rule: str, since: str, confidence: str
) -> None:
    first = date.fromisoformat(since)
    value = rulebook.on(first).rule(rule)
    assert (value.kind, value.amount_minor, value.confidence) == ("notice", None, confidence)
    assert value.reference and (value.assumed or value.quote)
    with pytest.raises(KeyError):
        rulebook.on(first - ONE_DAY).rule(rule)


@pytest.mark.parametrize(
    ("rule", "day", "share"),
    [
        ("mutual-recognition.host-sales-share", "2015-07-01", "0.50"),
        ("mutual-recognition.host-sales-share", "2024-12-31", "0.50"),
        ("mutual-recognition.host-sales-share", "2025-01-01", "0.80"),
        ("stock-connect.northbound.display", "2024-05-13", "0.30"),
    ],
)
def test_a_share_is_told_and_limits_no_payment(rulebook: Rulebook, rule: str, day: str, share: str) -> None:
    value = rulebook.on(date.fromisoformat(day)).rule(rule)
    assert (value.kind, value.rate) == ("ratio", Decimal(share))


def test_mainland_investors_stop_buying_northbound_a_year_after_new_accounts_are_barred(rulebook: Rulebook) -> None:
    rule = "stock-connect.northbound.investors"
    assert "buy nothing" not in rulebook.on(date(2023, 7, 23)).rule(rule).quote
    assert "buy nothing" in rulebook.on(date(2023, 7, 24)).rule(rule).quote


def test_integrated_pools_are_a_pilot_until_the_notice_of_december_2025(rulebook: Rulebook) -> None:
    assert "Pilots" in rulebook.on(date(2025, 12, 25)).rule("cash-pool.integrated").quote
    assert "whole country" in rulebook.on(date(2025, 12, 26)).rule("cash-pool.integrated").quote


@pytest.mark.parametrize(
    "rule",
    ["bond-connect.southbound.day", "bond-connect.southbound.year", "swap-connect.northbound.day", "swap-connect.clearing",
     "shanghai-london.eastbound.aggregate", "shanghai-london.westbound.aggregate", "qdii.aggregate"],
)  # fmt: skip
def test_a_payment_that_is_returned_gives_back_what_a_net_scheme_counted(rulebook: Rulebook, rule: str) -> None:
    assert rulebook.book.rules[rule].gives_back


def test_wealth_connect_asks_two_years_from_the_day_on_which_it_asked_five(rulebook: Rulebook) -> None:
    assert "five years" in rulebook.on(date(2024, 2, 25)).rule("wealth-connect.eligibility").quote
    assert "Two years" in rulebook.on(date(2024, 2, 26)).rule("wealth-connect.eligibility").quote


def test_more_investors_may_go_southbound_in_bonds_within_the_same_limits(rulebook: Rulebook) -> None:
    before, after = rulebook.on(date(2025, 7, 7)), rulebook.on(date(2025, 7, 8))
    assert (
        before.rule("bond-connect.southbound.investors").quote != after.rule("bond-connect.southbound.investors").quote
    )
    for span in ("day", "year"):
        rule = f"bond-connect.southbound.{span}"
        assert before.rule(rule).amount_minor == after.rule(rule).amount_minor


# --- Stock Connect: how the order engine is to count ---


@pytest.mark.parametrize("rule", LINKS)
def test_trap_1_a_daily_quota_counts_buy_orders_and_gives_back(rulebook: Rulebook, rule: str) -> None:
    found = rulebook.book.rules[rule]
    assert (found.basis, found.unit, found.gives_back, found.enforced_by) == ("net-buy-orders", "CNY", True, "exchange")
    assert "exchange-traded funds" in found.description and "2022-07-04" in found.description


@pytest.mark.parametrize("rule", LINKS)
def test_trap_2_continuous_and_closing_sessions_latch_and_the_opening_auction_does_not(
    rulebook: Rulebook, rule: str
) -> None:
    found = rulebook.book.rules[rule]
    assert {session for session, until in found.latches_in.items() if until == "window"} == {
        "continuous",
        "closing-auction",
    }
    assert (found.admission, found.effect) == (WHILE_OPEN, "refuse")
    assert found.latch_on_carry is False and "latch_on_carry" in found.assumptions


@pytest.mark.parametrize("rule", LINKS)
def test_trap_3_a_daily_quota_begins_anew_each_trading_day_and_nothing_caps_turnover(
    rulebook: Rulebook, rule: str
) -> None:
    found = rulebook.book.rules[rule]
    assert (found.window, found.counted.calendar) == ("trading-day", rule.removesuffix(".day"))
    of_link = {name for name in rulebook.book.rules if name.startswith(rule.removesuffix("day"))}
    assert of_link <= {rule, rule.removesuffix("day") + "aggregate"}


def test_trap_4_each_link_has_a_quota_of_its_own(rulebook: Rulebook) -> None:
    for way, billions in (("northbound", 52), ("southbound", 42)):
        for link in ("shanghai", "shenzhen"):
            rule = rulebook.book.rules[f"stock-connect.{link}.{way}.day"]
            assert rule.scope == "link"
            assert rulebook.on(date(2026, 3, 2)).rule(rule.id).amount_minor == billions * BN


def test_trap_5_a_quota_changes_on_a_day_that_is_a_holiday(rulebook: Rulebook) -> None:
    for rule in LINKS:
        calendar = rulebook.book.rules[rule].counted.calendar
        assert [is_trading_day(calendar, date(2018, 5, day)) for day in (1, 2)] == [False, True]
        assert rulebook.on(date(2018, 5, 1)).rule(rule) == rulebook.on(date(2018, 5, 2)).rule(rule)


def test_shenzhen_connect_never_had_an_aggregate_quota(rulebook: Rulebook) -> None:
    assert not [
        rule for rule in rulebook.book.rules if rule.startswith("stock-connect.shenzhen") and "aggregate" in rule
    ]


def test_no_cash_claims_what_orders_claim(rulebook: Rulebook) -> None:
    orders = {rule.id for rule in rulebook.book.rules.values() if rule.basis == "net-buy-orders"}
    used = {use.rule for lane in rulebook.book.lanes for use in lane.uses}
    assert set(LINKS) < orders and not orders & used


def test_trap_8_swap_connect_counts_notional_netted_over_the_market_and_no_cash(rulebook: Rulebook) -> None:
    rule = rulebook.book.rules["swap-connect.northbound.day"]
    assert (rule.basis, rule.scope, rule.window) == ("net-notional", "market", "trading-day")
    assert rulebook.book.rules["swap-connect.clearing"].window == "outstanding"
    assert not [use for lane in rulebook.book.lanes for use in lane.uses if use.rule.startswith("swap-connect")]


# --- Stocks, and what comes home ---


@pytest.mark.parametrize(
    "rule",
    [
        "wealth-connect.northbound.aggregate", "wealth-connect.southbound.aggregate", "wealth-connect.person",
        "wealth-connect.person.channel", "mutual-recognition.northbound.aggregate", "mutual-recognition.southbound.aggregate",
        "qdii.institution", "qfii.aggregate", "rqfii.hong-kong.aggregate", "cash-pool.inflow",
        "stock-connect.shanghai.northbound.aggregate", "stock-connect.shanghai.southbound.aggregate",
    ],
)  # fmt: skip
def test_trap_6_a_stock_never_begins_anew_and_what_returns_gives_room(rulebook: Rulebook, rule: str) -> None:
    found = rulebook.book.rules[rule]
    assert (found.window, found.gives_back, found.basis.startswith("net-")) == ("outstanding", True, True)


@pytest.mark.parametrize(
    "rule", ["payment-connect.northbound.day", "payment-connect.northbound.year", "same-name.hong-kong.day"]
)
def test_trap_6_a_gross_flow_gives_no_room_back(rulebook: Rulebook, rule: str) -> None:
    found = rulebook.book.rules[rule]
    assert (found.basis, found.gives_back) == ("gross", False)


async def reserved(counters: MemoryCounters, name: str, made: tuple[Claim, ...]) -> str | None:
    [refused] = await counters.reserve([ClaimSet(name, made)])
    return refused.claim.rule if refused else None


@pytest.mark.parametrize(
    ("out", "home", "cap", "rule"),
    [
        (BANKS, HOME, "20000000000.00", "bond-connect.southbound.day"),
        (PERSON, PERSON._replace(debtor_agent_country="HK", creditor_agent_country="CN"), "3000000.00", "wealth-connect.person"),
        (INVESTOR, REDEMPTION, "300000000000.00", "mutual-recognition.southbound.aggregate"),
        (BANKS._replace(venue="qdii"), HOME._replace(venue="qdii"), "40000000000.00", "qdii.institution"),
        (GROUP_IN, GROUP, "500.00", "cash-pool.inflow"),
    ],
)  # fmt: skip
async def test_what_comes_home_frees_headroom_once_it_is_settled(
    rulebook: Rulebook, out: Profile, home: Profile, cap: str, rule: str
) -> None:
    sent = facts(
        out, AT, debtor_agent="PEARCNG0", creditor_agent="HBAYHKH0", group="g1", group_equity=Money(1000_00, "CNY")
    )
    back = sent._replace(profile=home, debtor_agent="HBAYHKH0", creditor_agent="PEARCNG0")
    counters, fen = MemoryCounters(), claims(rulebook, sent, "0.01")
    assert await reserved(counters, "all", claims(rulebook, sent, cap)) is None
    await counters.post(["all"])
    assert await reserved(counters, "a fen above", fen) == rule
    # The way home has no ceiling to meet; its claims are all down.
    lane = rulebook.on(AT.date()).judge(home).eligible[0]
    made = rulebook.on(AT.date()).claims(lane, back, amounts("CNY 0.01", "CNY 0.01"), lambda *_: Decimal("0.125"))
    returned = tuple(claim for claim in made if claim.rule in {each.rule for each in fen})
    assert returned and all(claim.delta < 0 for claim in returned)
    assert await reserved(counters, "home", returned) is None
    assert await reserved(counters, "too early", fen) == rule
    await counters.post(["home"])
    assert await reserved(counters, "again", fen) is None
    assert await reserved(counters, "no more", fen) == rule


def test_a_person_has_two_directions_of_wealth_connect(rulebook: Rulebook) -> None:
    north = PERSON._replace(
        debtor_agent_country="HK", creditor_agent_country="CN", debtor_residency="HK", creditor_residency="HK",
        debtor_id="HKID:HK", creditor_id="HKID:HK",
    )  # fmt: skip
    south_keys, north_keys = (
        {claim.counter for claim in claims(rulebook, facts(each, AT), "1.00")} for each in (PERSON, north)
    )
    assert len(south_keys) == len(north_keys) == 3 and not south_keys & north_keys


def test_bank_and_broker_share_what_one_channel_has_alone(rulebook: Rulebook) -> None:
    both = PERSON._replace(wealth_channels=frozenset({"bank", "broker"}))
    for profile, day, cap in (
        (PERSON, date(2024, 2, 25), 1_000_000),
        (PERSON, date(2024, 2, 26), 3_000_000),
        (both, date(2024, 2, 26), 1_500_000),
    ):
        at = datetime.fromisoformat(f"{day}T12:00:00+08:00")
        made = claims(rulebook, facts(profile, at), "1.00")
        assert [claim.ceiling for claim in made if claim.rule == "wealth-connect.person.channel"] == [cap * 100]


@pytest.mark.parametrize(
    ("day", "ceiling"),
    [("2014-11-01", 100_00), ("2015-09-22", 100_00), ("2015-09-23", 500_00), ("2026-03-02", 500_00)],
)
def test_a_pool_draws_in_a_share_of_its_groups_equity(rulebook: Rulebook, day: str, ceiling: int) -> None:
    at = datetime.fromisoformat(f"{day}T12:00:00+08:00")
    given = facts(GROUP_IN, at, group="g1", group_equity=Money(1000_00, "CNY"))
    for paid, fits in (
        (Money(ceiling, "CNY"), True),
        (Money(ceiling + 1, "CNY"), False),
    ):
        made = claims(rulebook, given, str(paid).split()[-1])
        assert [claim.counter for claim in made] == ["cash-pool.inflow|g1|all"]
        assert (evaluate(made, {}) is None) is fits


def test_a_pool_of_no_known_equity_draws_in_nothing(rulebook: Rulebook) -> None:
    refused = evaluate(claims(rulebook, facts(GROUP_IN, AT, group="g1"), "0.01"), {})
    assert refused is not None and refused.headroom == 0


def test_each_institution_has_its_own_qdii_quota_and_one_unknown_has_none(rulebook: Rulebook) -> None:
    profile = BANKS._replace(venue="qdii")
    found = {
        agent: [
            (claim.counter, claim.ceiling)
            for claim in claims(rulebook, facts(profile, AT, debtor_agent=agent), "1.00")
            if claim.rule == "qdii.institution"
        ]
        for agent in ("PEARCNG0", "BANYCNS0", "NOBODYN0")
    }
    assert found == {
        "PEARCNG0": [("qdii.institution|PEARCNG0|all", 5 * BN)],
        "BANYCNS0": [("qdii.institution|BANYCNS0|all", 3 * BN)],
        "NOBODYN0": [("qdii.institution|NOBODYN0|all", 0)],
    }
    assert rulebook.on(AT.date()).rule("qdii.institution").assumed


# --- Lanes: from which day, and to whom they are open ---

NORTH = BANKS._replace(
    debtor_agent_country="HK", creditor_agent_country="CN", debtor_residency="HK", creditor_residency="CN", debtor_id="BRN:HK",
    creditor_id="USCC:CN",
)  # fmt: skip
NORTH_HOME = BANKS._replace(debtor_residency="HK", debtor_id="BRN:HK", same_name=True)
HONG_KONG = PERSON._replace(
    debtor_agent_country="HK", creditor_agent_country="CN", debtor_residency="HK", creditor_residency="HK", debtor_id="HKID:HK",
    creditor_id="HKID:HK",
)  # fmt: skip
BACK = {"debtor_agent_country": "HK", "creditor_agent_country": "CN"}
OUTWARD = {"debtor_agent_country": "CN", "creditor_agent_country": "HK"}
OPEN = [
    ("stock-connect.settlement.northbound", NORTH._replace(venue="stock-connect"), "2014-11-17"),
    ("stock-connect.settlement.southbound", BANKS._replace(venue="stock-connect", settlement_currency="HKD"), "2014-11-17"),
    ("bond-connect.southbound", BANKS, "2021-09-24"),
    ("bond-connect.southbound.return", HOME, "2021-09-24"),
    ("bond-connect.northbound", NORTH, "2017-07-03"),
    ("bond-connect.northbound.return", NORTH_HOME, "2017-07-03"),
    ("wealth-connect.southbound", PERSON, "2021-10-10"),
    ("wealth-connect.southbound.return", PERSON._replace(**BACK), "2021-10-10"),
    ("wealth-connect.northbound", HONG_KONG, "2021-10-10"),
    ("wealth-connect.northbound.return", HONG_KONG._replace(**OUTWARD), "2021-10-10"),
    ("mutual-recognition.southbound", INVESTOR, "2015-07-01"),
    ("mutual-recognition.southbound.return", REDEMPTION, "2015-07-01"),
    ("mutual-recognition.northbound", NORTH._replace(venue="mutual-recognition"), "2015-07-01"),
    ("mutual-recognition.northbound.return", BANKS._replace(venue="mutual-recognition", creditor_sector="corporation"), "2015-07-01"),
    ("qdii", BANKS._replace(venue="qdii"), "2006-01-01"),
    ("qdii.return", HOME._replace(venue="qdii"), "2006-01-01"),
    ("rqdii", BANKS._replace(venue="rqdii"), "2014-01-01"),
    ("rqdii.return", HOME._replace(venue="rqdii"), "2014-01-01"),
    ("qfii", NORTH._replace(venue="qfii"), "2013-01-01"),
    ("qfii.return", NORTH_HOME._replace(venue="qfii"), "2013-01-01"),
    ("rqfii", NORTH._replace(venue="rqfii"), "2011-12-01"),
    ("rqfii.return", NORTH_HOME._replace(venue="rqfii"), "2011-12-01"),
    ("cash-pool.inflow", GROUP_IN, "2014-11-01"),
    ("cash-pool.outflow", GROUP, "2014-11-01"),
    ("fta.ef.northbound", NORTH._replace(venue="fta", purpose_code="GDDS", creditor_account_type="ef"), "2024-05-06"),
    ("fta.ef.southbound", BANKS._replace(venue="fta", purpose_code="GDDS", debtor_account_type="ef"), "2024-05-06"),
]  # fmt: skip
# What closes a lane to which it was open; "firms" only those that take no person, "securities" those for one purpose.
CLOSING: list[tuple[str, dict[str, str]]] = [
    ("no venue", {"venue": ""}),
    ("a wallet sends", {"debtor_agent_kind": "svf"}),
    ("a wallet receives", {"creditor_agent_kind": "svf"}),
    ("patacas leave", {"debit_currency": "MOP"}),
    ("patacas arrive", {"settlement_currency": "MOP"}),
    ("a visitor", {"debtor_id": "PASSPORT:GB", "debtor_kind": "person"}),
    ("a visitor is paid", {"creditor_kind": "person", "creditor_id": "PASSPORT:GB"}),
    ("goods", {"purpose_code": "GDDS"}),
    ("hedging", {"purpose_code": "HEDG"}),
    ("from another place", {"debtor_agent_country": "TH"}),
]
PERSONS_TOO = ("mutual-recognition",)


def verdict(rulebook: Rulebook, lane: str, profile: Profile, day: date) -> bool:
    return next(each.eligible for each in rulebook.on(day).judge(profile).lanes if each.lane == lane)


@pytest.mark.parametrize(("lane", "profile", "since"), OPEN, ids=[row[0] for row in OPEN])
def test_a_schemes_lane_opens_on_its_first_day(rulebook: Rulebook, lane: str, profile: Profile, since: str) -> None:
    first = date.fromisoformat(since)
    assert [verdict(rulebook, lane, profile, day) for day in (first - ONE_DAY, first, AT.date())] == [False, True, True]


@pytest.mark.parametrize(("lane", "profile", "since"), OPEN, ids=[row[0] for row in OPEN])
def test_a_schemes_lane_is_closed_to_what_is_not_the_schemes(
    rulebook: Rulebook, lane: str, profile: Profile, since: str
) -> None:
    for what, changes in CLOSING:
        takes_persons = lane.startswith(PERSONS_TOO) and "visitor" in what
        takes_paired = lane.startswith("wealth-connect") and what in ("goods", "hedging", "a visitor is paid")
        takes_goods = lane.startswith("fta") and what == "goods"
        expected = takes_persons or takes_paired or takes_goods
        assert verdict(rulebook, lane, profile._replace(**changes), AT.date()) is expected, what


@pytest.mark.parametrize(("lane", "profile", "since"), OPEN, ids=[row[0] for row in OPEN])
def test_no_payment_fits_a_scheme_and_its_way_home(rulebook: Rulebook, lane: str, profile: Profile, since: str) -> None:
    assert [each.id for each in rulebook.on(AT.date()).judge(profile).eligible] == [lane]


@pytest.mark.parametrize(
    ("lane", "profile", "changes"),
    [
        ("stock-connect.settlement.northbound", 0, {"debtor_sector": "corporation"}),
        ("stock-connect.settlement.northbound", 0, {"creditor_sector": "corporation"}),
        ("bond-connect.southbound", 2, {"debtor_residency": "HK"}),
        ("bond-connect.southbound", 2, {"debtor_sector": "corporation"}),
        ("bond-connect.southbound", 2, {"creditor_sector": "corporation"}),
        ("bond-connect.southbound.return", 3, {"creditor_residency": "HK"}),
        ("bond-connect.southbound.return", 3, {"creditor_sector": "corporation"}),
        ("bond-connect.southbound.return", 3, {"same_name": False}),
        ("bond-connect.northbound", 4, {"debtor_residency": "CN"}),
        ("bond-connect.northbound", 4, {"creditor_sector": "corporation"}),
        ("bond-connect.northbound.return", 5, {"creditor_residency": "CN"}),
        ("bond-connect.northbound.return", 5, {"same_name": False}),
        ("wealth-connect.southbound", 6, {"paired": False}),
        ("wealth-connect.southbound.return", 7, {"same_name": False}),
        ("wealth-connect.southbound.return", 7, {"paired": False}),
        ("wealth-connect.northbound", 8, {"same_name": False}),
        ("wealth-connect.northbound", 8, {"paired": False}),
        ("wealth-connect.northbound.return", 9, {"same_name": False}),
        ("wealth-connect.northbound.return", 9, {"paired": False}),
        ("mutual-recognition.southbound", 10, {"debtor_residency": "HK"}),
        ("mutual-recognition.southbound", 10, {"creditor_sector": "corporation"}),
        ("mutual-recognition.southbound", 10, {"same_name": True}),
        ("mutual-recognition.southbound.return", 11, {"creditor_residency": "HK"}),
        ("mutual-recognition.southbound.return", 11, {"debtor_sector": "corporation"}),
        ("mutual-recognition.southbound.return", 11, {"creditor_sector": "financial"}),
        ("mutual-recognition.southbound.return", 11, {"same_name": True}),
        ("mutual-recognition.northbound", 12, {"debtor_residency": "CN"}),
        ("mutual-recognition.northbound", 12, {"creditor_sector": "corporation"}),
        ("mutual-recognition.northbound", 12, {"same_name": True}),
        ("mutual-recognition.northbound.return", 13, {"creditor_residency": "CN"}),
        ("mutual-recognition.northbound.return", 13, {"debtor_sector": "corporation"}),
        ("mutual-recognition.northbound.return", 13, {"creditor_sector": "financial"}),
        ("mutual-recognition.northbound.return", 13, {"same_name": True}),
        ("qdii", 14, {"debtor_sector": "corporation"}),
        ("qdii", 14, {"debtor_residency": "HK"}),
        ("qdii.return", 15, {"creditor_sector": "corporation"}),
        ("qdii.return", 15, {"creditor_residency": "HK"}),
        ("rqdii", 16, {"debtor_sector": "corporation"}),
        ("rqdii", 16, {"debtor_residency": "HK"}),
        ("rqdii", 16, {"settlement_currency": "HKD"}),
        ("rqdii.return", 17, {"creditor_sector": "corporation"}),
        ("rqdii.return", 17, {"creditor_residency": "HK"}),
        ("qfii", 18, {"debtor_sector": "corporation"}),
        ("qfii", 18, {"debtor_residency": "CN"}),
        ("qfii.return", 19, {"creditor_sector": "corporation"}),
        ("qfii.return", 19, {"creditor_residency": "CN"}),
        ("rqfii", 20, {"debtor_sector": "corporation"}),
        ("rqfii", 20, {"debtor_residency": "CN"}),
        ("rqfii", 20, {"debit_currency": "HKD"}),
        ("rqfii.return", 21, {"creditor_sector": "corporation"}),
        ("rqfii.return", 21, {"creditor_residency": "CN"}),
        ("cash-pool.inflow", 22, {"same_group": False}),
        ("cash-pool.outflow", 23, {"same_group": False}),
        ("fta.ef.northbound", 24, {"creditor_account_type": ""}),
        ("fta.ef.southbound", 25, {"debtor_account_type": "ft"}),
    ],
)  # fmt: skip
def test_a_schemes_lane_is_closed_to_who_does_not_belong_to_it(
    rulebook: Rulebook, lane: str, profile: int, changes: dict[str, str]
) -> None:
    name, given, _ = OPEN[profile]
    assert name == lane
    assert not verdict(rulebook, lane, given._replace(**changes), AT.date())


def test_every_lane_of_a_scheme_asks_for_its_venue(rulebook: Rulebook) -> None:
    schemes = {
        "wealth-connect", "bond-connect", "stock-connect", "mutual-recognition", "qdii", "rqdii", "qfii", "rqfii", "cash-pool", "fta",
    }  # fmt: skip
    lanes = [lane for lane in rulebook.book.lanes if lane.scheme in schemes]
    assert len(lanes) == 26
    for lane in lanes:
        assert f"venue must be {lane.scheme}" in [condition.text for condition in lane.when], lane.id


def test_no_rate_is_asked_where_the_law_counts_in_what_is_paid(rulebook: Rulebook) -> None:
    lane = rulebook.on(AT.date()).judge(BANKS).eligible[0]
    made = rulebook.on(AT.date()).claims(lane, facts(BANKS, AT), amounts("CNY 1.00", "CNY 1.00"), no_rate)
    assert [claim.delta for claim in made] == [100, 100]
