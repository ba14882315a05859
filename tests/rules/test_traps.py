"""The traps of a naive implementer, each with its own test: what a plausible switch gets wrong, and this one must not."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import case as rule_case
import pytest

from fx.money import Money
from limits.calendars import law_day
from limits.calendars.trading import is_trading_day, next_trading_day
from limits.claims import Claim, Sums
from limits.counters import admit, evaluate, headroom, post_changes
from limits.facts import Amounts, PaymentFacts
from limits.rules import Rulebook, RulesOfDay, load_rulebook
from limits.values import NET_BASES

TODAY = date(2026, 3, 2)
NOON = datetime.fromisoformat("2026-03-02T12:00:00+08:00")
BILLION = 10**11  # fen
SHANGHAI, SHENZHEN = "stock-connect.shanghai.northbound.day", "stock-connect.shenzhen.northbound.day"


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook()


@pytest.fixture(scope="module")
def rules(rulebook: Rulebook) -> RulesOfDay:
    return rulebook.on(TODAY)


def order(rules: RulesOfDay, rule: str, amount: int, **changes: Any) -> Claim:
    """An order's claim on a link's quota: a buy above zero, a sell below."""
    value = rules.rule(rule)
    return Claim(rule, f"{rule}|market|{TODAY}", amount, value.amount_minor, None, "while_open", **changes)


def paid(rules: RulesOfDay, base: str, debit: str, settlement: str, **facts: Any) -> tuple[str, tuple[Claim, ...]]:
    """The lane that a payment of these facts takes, and its claims."""
    profile = rule_case.profile_of(base, facts)
    [lane, *_] = rules.judge(profile).eligible
    money: tuple[Money, Money] = (rule_case.money(debit), rule_case.money(settlement))
    given = PaymentFacts(profile, "p1", "p2", "AGENTHK0", "AGENTCN0", "account-1", "account-2", money[0], NOON)

    def rate(base: str, quote: str, market: str) -> Decimal:
        return Decimal({"HKD/USD/onshore": "0.128", **rule_case.DAY_RATES}[f"{base}/{quote}/{market}"])

    return lane.id, rules.claims(lane, given, Amounts(*money), rate)


def counters(claims: tuple[Claim, ...]) -> Mapping[str, str]:
    return {claim.rule: claim.counter for claim in claims}


def test_trap_1_a_buy_order_uses_quota_when_placed_and_a_resting_sell_gives_none(rules: RulesOfDay) -> None:
    refused, placed = admit((order(rules, SHANGHAI, 40 * BILLION),), {})
    assert refused is None and placed[f"{SHANGHAI}|market|{TODAY}"].up_pending == 40 * BILLION
    _, resting = admit((order(rules, SHANGHAI, -40 * BILLION),), placed)
    assert headroom(order(rules, SHANGHAI, 1), resting[f"{SHANGHAI}|market|{TODAY}"]) == 12 * BILLION
    sold = post_changes((order(rules, SHANGHAI, -40 * BILLION),))[f"{SHANGHAI}|market|{TODAY}"]
    assert (sold.down_pending, sold.down_posted) == (-40 * BILLION, 40 * BILLION), "the trade gives it back"


def test_trap_2_continuous_trading_latches_and_the_opening_auction_recovers(rules: RulesOfDay) -> None:
    assert rules.rule(SHANGHAI).latches_in == {"continuous", "closing-auction"}
    full = {f"{SHANGHAI}|market|{TODAY}": Sums(up_posted=53 * BILLION)}
    sold = {f"{SHANGHAI}|market|{TODAY}": Sums(up_posted=53 * BILLION, down_posted=6 * BILLION)}
    auction, continuous = order(rules, SHANGHAI, 1), order(rules, SHANGHAI, 1, latches=True, latches_on_carry=True)
    assert evaluate((auction,), full) is not None and evaluate((auction,), sold) is None
    refused, latched = admit((continuous,), full)
    assert refused is not None and latched[f"{SHANGHAI}|market|{TODAY}"].latched
    recovered = {key: state._replace(down_posted=6 * BILLION) for key, state in latched.items()}
    assert evaluate((continuous,), recovered) is not None, "sells that lift the balance do not open it again"


def test_trap_3_the_balance_may_be_above_the_quota(rules: RulesOfDay) -> None:
    left = headroom(order(rules, SHANGHAI, 1), Sums(up_posted=2 * BILLION, down_posted=3 * BILLION))
    assert left == 53 * BILLION > (rules.rule(SHANGHAI).amount_minor or 0)


def test_trap_4_shanghai_and_shenzhen_are_two_buckets(rules: RulesOfDay) -> None:
    assert rules.rule(SHANGHAI).amount_minor == rules.rule(SHENZHEN).amount_minor == 52 * BILLION
    assert rules.rule(SHANGHAI).scope == "link"
    assert order(rules, SHANGHAI, 1).counter != order(rules, SHENZHEN, 1).counter


def test_trap_5_a_quota_may_change_on_a_day_that_does_not_trade(rulebook: Rulebook) -> None:
    first = date(2018, 5, 1)
    assert rulebook.on(first).rule(SHANGHAI).amount_minor == 52 * BILLION
    assert not is_trading_day("stock-connect.shanghai", first)
    assert next_trading_day("stock-connect.shanghai", date(2018, 4, 30)) == date(2018, 5, 2)


@pytest.mark.parametrize(
    ("rule", "stock"),
    [
        ("wealth-connect.southbound.aggregate", True), ("wealth-connect.person", True), ("qdii.institution", True),
        ("mutual-recognition.northbound.aggregate", True), ("payment-connect.northbound.day", False),
        ("same-name.hong-kong.day", False), ("easy-transfer.day", False),
    ],
)  # fmt: skip
def test_trap_6_stocks_never_begin_anew_and_flows_do(rules: RulesOfDay, rule: str, stock: bool) -> None:
    value = rules.rule(rule)
    assert (value.window == "outstanding") is stock and (value.basis in NET_BASES) is stock


def test_trap_6_the_old_aggregate_quota_never_began_anew(rulebook: Rulebook) -> None:
    assert rulebook.on(date(2016, 8, 15)).rule("stock-connect.shanghai.northbound.aggregate").window == "outstanding"


def test_trap_7_bond_connect_counts_money_that_leaves_and_not_that_of_a_qdii(rules: RulesOfDay) -> None:
    firm = {
        "venue": "bond-connect",
        "purpose_code": "SECU",
        "debtor_sector": "financial",
        "creditor_sector": "financial",
    }
    lane, claims = paid(rules, "mainland-firm-south", "CNY 100.00", "CNY 100.00", **firm)
    assert lane == "bond-connect.southbound"
    assert {"bond-connect.southbound.day", "bond-connect.southbound.year"} <= counters(claims).keys()
    lane, claims = paid(
        rules, "mainland-firm-south", "CNY 100.00", "CNY 100.00",
        **firm | {"venue": "qdii", "debtor_agent_schemes": ["qdii"]},
    )  # fmt: skip
    assert lane == "qdii" and not any(rule.startswith("bond-connect") for rule in counters(claims))


def test_trap_8_swap_connect_nets_the_notional_of_all_and_no_payment_uses_it(
    rulebook: Rulebook, rules: RulesOfDay
) -> None:
    rule = rules.rule("swap-connect.northbound.day")
    assert (rule.basis, rule.scope, rule.amount_minor) == ("net-notional", "market", 45 * BILLION)
    assert not any(use.rule.startswith("swap-connect") for lane in rules.lanes for use in lane.document.uses)


def test_trap_9_payment_connect_north_is_each_institution_s_and_in_hong_kong_dollars(rules: RulesOfDay) -> None:
    _, claims = paid(rules, "hk-person-north", "HKD 100.00", "CNY 90.00")
    day = counters(claims)["payment-connect.northbound.day"]
    assert day.split("|")[1] == "p1@AGENTHK0" and rules.rule("payment-connect.northbound.day").currency == "HKD"
    assert "same-name.hong-kong.day" not in counters(claims), "it stands beside the RMB 80,000"


def test_trap_10_the_80_000_bind_rmb_to_oneself_alone(rules: RulesOfDay) -> None:
    rule = "same-name.hong-kong.day"
    assert rule in counters(paid(rules, "own-account-north", "CNY 100.00", "CNY 100.00")[1])
    own = {"same_name": True, "creditor_id": "HKID:HK", "creditor_residency": "HK"}
    third = {"debit_currency": "CNY", "instructed_currency": "CNY"}
    assert rule not in counters(paid(rules, "branch-north", "HKD 100.00", "CNY 90.00")[1]), "Hong Kong dollars"
    assert rule not in counters(paid(rules, "hk-person-north", "CNY 100.00", "CNY 100.00", **third)[1]), "to another"
    lane, claims = paid(rules, "hk-person-north", "CNY 100.00", "CNY 100.00", **third | own)
    assert lane == "payment-connect.northbound" and rule not in counters(claims), "it stands beside Payment Connect"


def test_trap_11_the_two_50_000_are_two_and_one_of_them_is_used_by_payment_connect_south(rules: RulesOfDay) -> None:
    purchase, sale = rules.rule("mainland.fx-purchase.year"), rules.rule("mainland.fx-sale.year")
    assert purchase.rule != sale.rule and purchase.basis == sale.basis == "fx-conversion-gross"
    assert purchase.effect == sale.effect == "require_documents", "a threshold of documents, no ban"
    _, claims = paid(rules, "mainland-person-south", "CNY 100.00", "CNY 100.00", settlement_currency="CNY")
    assert {claim.rule: claim.effect for claim in claims}["mainland.fx-purchase.year"] == "refuse"


def test_trap_12_thresholds_of_reports_never_block(rules: RulesOfDay) -> None:
    for rule in ("mainland.large-value.cross-border.day", "hong-kong.wire", "mainland.remitter-verification"):
        assert rules.rule(rule).effect == "report"
    _, claims = paid(rules, "hk-employer-north", "CNY 90000000.00", "CNY 90000000.00")
    assert [claim.rule for claim in claims] and evaluate(claims, {}) is None


def test_trap_13_large_value_is_the_day_s_sum_and_splitting_is_a_pattern_over_people(rules: RulesOfDay) -> None:
    assert rules.rule("mainland.large-value.cross-border.day").window == "calendar-day"
    assert rules.rule("splitting.patterns").kind == "notice", "said with its source; no counter of one person sees it"


def test_trap_14_north_is_open_around_the_clock_and_south_from_seven_to_eleven(rules: RulesOfDay) -> None:
    night = datetime.fromisoformat("2026-03-02T03:00:00+08:00")
    north, south = (
        rules.judge(rule_case.profile_of(base, {})).eligible[0] for base in ("hk-person-north", "mainland-person-south")
    )
    assert rules.hours(north, night).open and not rules.hours(south, night).open
    assert law_day(night) == TODAY


@pytest.mark.parametrize(
    ("base", "facts", "tag", "item"),
    [
        ("hk-employer-north", {}, "CSTRDR", "primary-income.compensation-of-employees"),
        ("own-account-north", {}, "RMT", "other-investment.deposits"),
        (
            "mainland-person-south", {"purpose_code": "EDUC", "settlement_currency": "CNY"}, "CSTRDR",
            "services.travel.education",
        ),
    ],
)  # fmt: skip
def test_trap_15_the_tag_that_carries_it_is_not_the_box_it_falls_in(
    rules: RulesOfDay, base: str, facts: Mapping[str, Any], tag: str, item: str
) -> None:
    found = rules.judge(rule_case.profile_of(base, facts)).classification
    assert found is not None and found.rmb_tag == tag and {entry.item for entry in found.entries} == {item}


def test_trap_16_codes_of_the_older_sets_do_not_load(rulebook: Rulebook) -> None:
    codes = {entry.code for row, _ in rulebook.on(TODAY).rows for entry in row.entries if entry.code}
    assert codes and not any(code[:4] in ("1010", "2020") or code[0] == "0" or len(code) != 6 for code in codes)


def test_trap_17_since_2024_08_19_northbound_net_flow_is_not_to_be_seen(rules: RulesOfDay) -> None:
    assert rules.rule("stock-connect.northbound.disclosure").since == date(2024, 8, 19)
