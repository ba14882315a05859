"""The traps of a naive implementer from the sixth on (facts 10), a test each; those of orders are in test_order_traps.

Each asks only the rulebook it is given; test_planted_traps hands it faulty ones, and so shows that each can fail.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import case as rule_case
import pytest
from trap_builders import BILLION, TODAY, claimed, order, payment, periods, planted, posted

from fx.money import Money
from limits.calendars.days import is_business_day
from limits.claims import REPORT, REQUIRE_DOCUMENTS, WINDOW, Claim, Sums
from limits.counters import admit, evaluate
from limits.documents import RulebookError
from limits.lanes import LaneDocument
from limits.measures import Use
from limits.rules import Rulebook, RulesOfDay, load_rulebook
from limits.values import NET_BASES
from rails.catalogue import load_catalogue
from rails.hours import Hours, read_session

MS = timedelta(milliseconds=1)
WAYS = ("northbound", "southbound")
CNY: Mapping[str, Any] = {"debit_currency": "CNY", "instructed_currency": "CNY", "settlement_currency": "CNY"}
HKD: Mapping[str, Any] = {"debit_currency": "HKD", "instructed_currency": "HKD"}
PAYMENT_CONNECT = {"debtor_agent_schemes": ["payment-connect"], "creditor_agent_schemes": ["payment-connect"]}


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook()


def uses(lane: LaneDocument) -> tuple[Use, ...]:
    """All rules that claim in a lane, those of one corridor too."""
    return (*lane.uses, *(use for corridor in lane.corridors for use in corridor.uses))


def owner(claim: Claim) -> str:
    return claim.counter.split("|")[1]


# --- Stocks and flows ---

# Out, home, the venue where the base has another, the day, and what is counted up and down again.
STOCKS = [
    ("wealth-south", "wealth-south-home", "", TODAY, {"wealth-connect.southbound.aggregate", "wealth-connect.person", "wealth-connect.person.channel"}),
    ("wealth-north", "wealth-north-home", "", TODAY, {"wealth-connect.northbound.aggregate", "wealth-connect.person", "wealth-connect.person.channel"}),
    ("fund-south", "fund-south-home", "", TODAY, {"mutual-recognition.southbound.aggregate"}),
    ("fund-north", "fund-north-home", "", TODAY, {"mutual-recognition.northbound.aggregate"}),
    ("bonds-south", "bonds-south-home", "qdii", TODAY, {"qdii.institution", "qdii.aggregate"}),
    ("bonds-north", "bonds-north-home", "qfii", date(2019, 6, 3), {"qfii.aggregate"}),
    ("bonds-north", "bonds-north-home", "rqfii", date(2019, 6, 3), {"rqfii.hong-kong.aggregate"}),
    ("group-in", "group-out", "", TODAY, {"cash-pool.inflow"}),
]  # fmt: skip
OLD_AGGREGATES = {f"stock-connect.shanghai.{way}.aggregate" for way in WAYS}
FLOWS = [
    "payment-connect.northbound.day", "payment-connect.northbound.year", "payment-connect.southbound.day", "same-name.hong-kong.day",
    "same-name.macau.day", "easy-transfer.day", "mainland.fx-purchase.year", "mainland.fx-sale.year", "fps-promptpay.day",
]  # fmt: skip


def moves(rules: RulesOfDay, base: str, venue: str, only: set[str]) -> list[dict[str, int]]:
    """What a payment moves, in each lane open to it: counter -> minor units."""
    who = {"group": "g1", "group_equity": Money(10**8, "CNY")}
    found = payment(rules, base, "CNY 100.00", "CNY 100.00", who, **({"venue": venue} if venue else {}))
    return [{claim.counter: claim.delta for claim in claims if claim.rule in only} for claims in found.values()]


def test_trap_6_stocks_never_begin_anew_and_what_returns_frees_them(rulebook: Rulebook) -> None:
    for out, home, venue, day, names in STOCKS:
        rules = rulebook.on(day)
        sent, returned = moves(rules, out, venue, names), moves(rules, home, venue, names)
        assert sent and all({counter.split("|")[0] for counter in each} == names for each in sent), out
        assert all(delta > 0 for each in sent for delta in each.values()), out
        assert returned and all(back == {key: -delta for key, delta in sent[0].items()} for back in returned), home
    for name in OLD_AGGREGATES.union(*(names for *_, names in STOCKS)):
        rule = rulebook.book.rules[name]
        assert periods(rulebook, name) == {"outstanding"}, name
        assert rule.basis in NET_BASES and rule.gives_back, name
    for name in OLD_AGGREGATES:
        buy = order(rulebook, name, BILLION, day=date(2016, 8, 15))
        assert buy.counter == order(rulebook, name, 1, day=date(2014, 11, 17)).counter


def test_trap_6_a_gross_flow_begins_anew_and_no_return_frees_it(rulebook: Rulebook) -> None:
    for name in FLOWS:
        rule = rulebook.book.rules[name]
        assert periods(rulebook, name) == {"calendar-year" if name.endswith(".year") else "calendar-day"}, name
        assert rule.basis in ("gross", "fx-conversion-gross") and not rule.gives_back, name
        assert not any(use.down for lane in rulebook.book.lanes for use in uses(lane) if use.rule == name), name


def test_trap_7_bond_connect_counts_money_that_leaves_and_not_that_of_a_qdii(rulebook: Rulebook) -> None:
    rules, quotas = rulebook.on(TODAY), {"bond-connect.southbound.day", "bond-connect.southbound.year"}
    for name, period in (("day", "trading-day"), ("year", "calendar-year")):
        rule = rulebook.book.rules[f"bond-connect.southbound.{name}"]
        assert (rule.basis, rule.scope, rule.gives_back) == ("net-outflow", "market", True)
        assert periods(rulebook, rule.id) == {period}
    sent, returned = (moves(rules, base, "", quotas) for base in ("bonds-south", "bonds-south-home"))
    assert [set(each.values()) for each in sent] == [{100_00}] and len(sent[0]) == len(quotas)
    assert returned == [{counter: -delta for counter, delta in sent[0].items()}]
    for lane in rulebook.book.lanes:
        if any(use.rule.startswith("bond-connect") for use in uses(lane)):
            assert (lane.scheme, lane.direction) == ("bond-connect", "southbound"), lane.id
    for base, venue in product(("bonds-south", "bonds-south-home"), ("qdii", "rqdii")):
        found = payment(rules, base, "CNY 100.00", "CNY 100.00", venue=venue)
        binding = {claim.rule for claims in found.values() for claim in claims if claim.ceiling is not None}
        assert found and binding == ({"qdii.institution"} if venue == "qdii" else set()), f"{base} {venue}"


def test_trap_8_swap_connect_nets_the_notional_of_all_and_no_payment_uses_it(rulebook: Rulebook) -> None:
    day, clearing = "swap-connect.northbound.day", "swap-connect.clearing"
    for name, basis, period in ((day, "net-notional", "trading-day"), (clearing, "net-exposure", "outstanding")):
        rule = rulebook.book.rules[name]
        assert (rule.basis, rule.scope, rule.gives_back, periods(rulebook, name)) == (basis, "market", True, {period})
    widen, narrow, again = (order(rulebook, day, n * 45 * BILLION) for n in (1, -1, 1))
    refused, sums = admit((widen,), {})
    assert refused is None
    sums = posted(sums, widen)
    assert evaluate((order(rulebook, day, 1),), sums) is not None, "all investors share it"
    _, offset = admit((narrow,), sums)
    assert evaluate((again,), posted({**sums, **offset}, narrow)) is None, "netted over all of them"
    for lane in rulebook.book.lanes:
        named = {*(use.rule for use in uses(lane)), *lane.thresholds}
        assert not any(rule.startswith("swap-connect") for rule in named), f"{lane.id}: notional is no cash"


# --- Persons ---


def test_trap_9_payment_connect_north_is_each_institution_s_and_in_hong_kong_dollars(rulebook: Rulebook) -> None:
    rules = rulebook.on(TODAY)
    for debit, facts, counted in (("HKD 100.00", {}, 100_00), ("CNY 100.00", CNY, 110_00)):
        for bank in ("AGENTHK0", "HARBHKH0"):
            found = payment(rules, "hk-person-north", debit, "CNY 90.00", {"debtor_agent": bank}, **facts)
            for name, ceiling in (("day", 10_000_00), ("year", 200_000_00)):
                [claim] = claimed(found, f"payment-connect.northbound.{name}").values()
                assert (owner(claim), claim.unit) == (f"p1@{bank}", "HKD")
                assert (claim.delta, claim.ceiling, claim.effect) == (counted, ceiling, "refuse")
    for lane in rulebook.book.lanes:
        named = {use.rule for use in uses(lane)}
        assert not (lane.scheme == "payment-connect" and any(rule.startswith("same-name") for rule in named)), lane.id


OWN, THIRD = "own-account-north", "hk-person-north"
# What is paid, the lanes in which it uses the RMB 80,000, and whether a lane must be open to it that does not (facts 4.2).
EIGHTY_THOUSAND: list[tuple[str, str, Mapping[str, Any], set[str], bool]] = [
    ("RMB to oneself", OWN, CNY, {"same-name.hong-kong"}, False),
    ("RMB to oneself, with Payment Connect", OWN, {**CNY, **PAYMENT_CONNECT}, {"same-name.hong-kong"}, True),
    ("RMB to oneself for documented spending", OWN, {**CNY, "documents": ["invoice"]}, {"same-name.hong-kong"}, True),
    ("RMB for a home", OWN, {**CNY, "purpose_code": "PCOM", "documents": ["contract"]}, set(), True),
    ("RMB to another", THIRD, {**CNY, "debtor_agent_schemes": []}, set(), False),
    ("RMB to another, with Payment Connect", THIRD, CNY, set(), True),
    ("RMB to another over a branch", "branch-north", CNY, set(), False),
    ("HKD to oneself", OWN, HKD, set(), False),
    ("HKD to oneself over a branch", OWN, {**HKD, "venue": "branch"}, set(), True),
    ("HKD to another over a branch", "branch-north", {}, set(), True),
    ("HKD that stay HKD", "branch-north", {**HKD, "settlement_currency": "HKD"}, set(), True),
    ("Wealth Connect", "wealth-north", {}, set(), True),
]


def test_trap_10_the_80_000_bind_rmb_to_oneself_alone(rulebook: Rulebook) -> None:
    rules, rule = rulebook.on(TODAY), "same-name.hong-kong.day"
    for what, base, facts, using, free in EIGHTY_THOUSAND:
        debit = rule_case.profile_of(base, facts).debit_currency
        found = payment(
            rules, base, f"{debit} 100.00", "HKD 100.00" if what.endswith("stay HKD") else "CNY 100.00", **facts
        )
        claims = claimed(found, rule)
        assert set(claims) == using, what
        assert not free or set(found) - using, f"{what}: no lane is open"
        for claim in claims.values():
            assert (owner(claim), claim.ceiling, claim.unit) == ("p1", 80_000_00, "CNY"), "over all banks together"
    elsewhere = payment(rules, OWN, "CNY 1.00", "CNY 1.00", {"debtor_agent": "HARBHKH0"})
    assert {owner(claim) for claim in claimed(elsewhere, rule).values()} == {"p1"}


BUY, SELL = "mainland.fx-purchase.year", "mainland.fx-sale.year"
NOTICE = {"purpose_code": "STDY", "documents": ["tuition-notice"]}
# What is paid, and the effect of the two quotas in each lane that uses one; a lane not named uses neither (facts 4.1, 4.2).
FIFTY_THOUSAND: list[tuple[str, str, Mapping[str, Any], dict[str, tuple[str, str]]]] = [
    ("south, paid out in HKD", "mainland-person-south", {}, {"payment-connect.southbound": (BUY, "refuse")}),
    ("south, paid out in RMB", "mainland-person-south", CNY, {"payment-connect.southbound": (BUY, "refuse")}),
    ("a school's bill by Payment Connect", "mainland-person-south",
     {**NOTICE, "creditor_kind": "firm", "creditor_sector": "education", "creditor_id": "BRN:HK"}, {"payment-connect.southbound": (BUY, "refuse")}),
    ("bought at a branch", "branch-south", {}, {"branch.southbound": (BUY, REQUIRE_DOCUMENTS)}),
    ("bought with a contract", "branch-south", {"documents": ["contract"], "purpose_code": "SCVE"},
     {"branch.southbound": (BUY, REQUIRE_DOCUMENTS), "branch.southbound.current-account": (BUY, REPORT)}),
    ("tuition at a branch", "branch-south", NOTICE, {"branch.southbound": (BUY, REQUIRE_DOCUMENTS)}),
    ("already owned", "branch-south", {**HKD, "settlement_currency": "HKD"}, {}),
    ("spent by card", "card-spend", {}, {}),
    ("sold by a resident", "branch-north", {}, {"branch.northbound": (SELL, REQUIRE_DOCUMENTS)}),
    ("sold with papers", "branch-north", {"documents": ["contract"]},
     {"branch.northbound": (SELL, REQUIRE_DOCUMENTS), "branch.northbound.documented": (SELL, REPORT)}),
    ("received and not sold", "branch-north", {**HKD, "settlement_currency": "HKD"}, {}),
    ("received in RMB", "hk-person-north", {}, {}),
]  # fmt: skip


def test_trap_11_the_two_50_000_are_two_and_one_of_them_is_used_by_payment_connect_south(rulebook: Rulebook) -> None:
    rules = rulebook.on(TODAY)
    for name in (BUY, SELL):
        rule = rulebook.book.rules[name]
        assert (rule.basis, rule.effect, rule.unit) == ("fx-conversion-gross", REQUIRE_DOCUMENTS, "USD")
    for what, base, facts, expected in FIFTY_THOUSAND:
        profile = rule_case.profile_of(base, facts)
        for bank in ("AGENTCN0", "PEARCNG0"):  # one quota over all banks, whichever side converts
            who = {"debtor_agent" if profile.debtor_agent_country == "CN" else "creditor_agent": bank}
            found = payment(
                rules, base, f"{profile.debit_currency} 100.00", f"{profile.settlement_currency} 100.00", who, **facts
            )
            assert found.keys() >= expected.keys() and found, what
            bought, sold = claimed(found, BUY), claimed(found, SELL)
            assert {lane: (claim.rule, claim.effect) for lane, claim in (bought | sold).items()} == expected, what
            assert not bought.keys() & sold.keys(), f"{what}: never both"
            for claim in (*bought.values(), *sold.values()):
                assert claim.counter == f"{claim.rule}|{'p1' if claim.rule == BUY else 'p2'}|2026", what
                assert claim.ceiling == (None if claim.effect == REPORT else 50_000_00), what


# --- Reports ---

# Thresholds of facts 4.4 and 4.2: whatever the amount, they ask for data or a report.
THRESHOLDS = {
    *(f"mainland.large-value.{which}.day" for which in ("cash", "firm", "domestic", "cross-border", "cross-border.foreign")),
    "mainland.remitter-verification", "mainland.remitter-verification.cash", "hong-kong.wire", "hong-kong.mso", "hong-kong.occasional",
    "macau.wire", "macau.occasional", "card-spend.payment", "mainland.declaration.personal",
}  # fmt: skip
SEEN = {f"mainland.large-value.{which}.day" for which in ("firm", "domestic", "cross-border", "cross-border.foreign")}


def walked(rulebook: Rulebook, amount: str, **who: str) -> dict[tuple[str, str], tuple[Claim, ...]]:
    """Every base payment in every lane open to it, with its claims."""
    rules = rulebook.on(TODAY)
    found: dict[tuple[str, str], tuple[Claim, ...]] = {}
    for base in rule_case.BASES:
        profile = rule_case.profile_of(base, {})
        given = payment(
            rules, base, f"{profile.debit_currency} {amount}", f"{profile.settlement_currency} {amount}", who
        )
        found |= {(base, lane): claims for lane, claims in given.items()}
    return found


def test_trap_12_thresholds_of_reports_never_block(rulebook: Rulebook) -> None:
    rules = rulebook.book.rules
    reporting = THRESHOLDS | {name for name, rule in rules.items() if rule.kind == "limit" and rule.effect == REPORT}
    for name in reporting:
        assert {rules[name].effect_on(row.value) for row in rules[name].values} == {REPORT}, name
    for lane in rulebook.book.lanes:
        for use in uses(lane):
            assert use.rule not in reporting or use.effect in ("", REPORT), f"{lane.id}: {use.rule} blocks"
    seen = set()
    for where, claims in walked(rulebook, "9000000000000.00").items():
        reports = tuple(claim for claim in claims if claim.rule in reporting)
        assert all((claim.ceiling, claim.floor, claim.effect) == (None, None, REPORT) for claim in reports), where
        assert evaluate(reports, {claim.counter: Sums(up_posted=10**18, latched=WINDOW) for claim in reports}) is None
        seen |= {claim.rule for claim in reports}
    assert seen >= SEEN


def test_trap_13_large_value_is_the_day_s_sum_and_splitting_is_a_pattern_over_people(rulebook: Rulebook) -> None:
    large = {rule.id for rule in rulebook.book.rules.values() if rule.kind == "limit" and ".large-value." in rule.id}
    assert large >= SEEN | {"mainland.large-value.cash.day"}
    for name in large:
        rule = rulebook.book.rules[name]
        assert (periods(rulebook, name), rule.basis) == ({"calendar-day"}, "gross"), name
        assert rule.scope in ("person-institution", "creditor-agent"), f"{name}: an institution reports its customer"
    first, second, other = (
        {claim.counter for claims in walked(rulebook, amount, **who).values() for claim in claims if claim.rule in large}
        for amount, who in (("1.00", {}), ("2.00", {"debtor_account": "b"}), ("1.00", {"debtor_id": "p8", "creditor_id": "p9"}))
    )  # fmt: skip
    assert first == second and not first & other, "one person's payments of a day are one sum; another's are none of it"
    assert {counter.split("|")[2] for counter in first} == {str(TODAY)}
    assert rulebook.on(TODAY).rule("splitting.patterns").kind == "notice", "no counter of one person sees a pattern"


# --- Hours, classes and data ---


def test_trap_14_north_is_open_around_the_clock_and_south_from_seven_to_eleven(rulebook: Rulebook) -> None:
    catalogue = load_catalogue()
    # A Monday and a Sunday, the first day of Lunar New Year and of Golden Week, and the last day of a year.
    for day in map(date.fromisoformat, ("2026-03-02", "2026-03-01", "2026-02-17", "2025-10-01", "2025-12-31")):
        rules, midnight = rulebook.on(day), datetime.fromisoformat(f"{day}T00:00:00+08:00")
        lanes = {opened.document.id: lane for opened in rules.lanes for _, lane in opened.lanes}
        opens, closes = midnight + timedelta(hours=7), midnight + timedelta(hours=23)
        edges = [(opens - MS, False), (opens, True), (closes - MS, True), (closes, False)]
        for name in ("payment-connect.southbound", "payment-connect.southbound.documented"):
            hours = [rules.hours(lanes[name], at) for at, _ in edges]
            assert [found.open for found in hours] == [is_open for _, is_open in edges], f"{name} on {day}"
            assert (hours[0].next_opening, hours[3].next_opening) == (opens, opens + timedelta(days=1))
        for name in ("payment-connect.northbound", "payment-connect.northbound.payroll"):
            for at in (midnight, midnight + timedelta(hours=3), *(at for at, _ in edges)):
                assert rules.hours(lanes[name], at).open, f"{name} at {at}"
                for rail in (*lanes[name].source_rails, *lanes[name].destination_rails):
                    kept = {
                        currency: tuple(map(read_session, rows)) for currency, rows in catalogue[rail]["hours"].items()
                    }
                    assert Hours(kept, is_business_day).is_open(at, "CNY"), f"{rail} is shut at {at}"


@pytest.mark.parametrize(
    ("base", "facts", "tag", "item"),
    [
        ("hk-employer-north", {}, "CSTRDR", "primary-income.compensation-of-employees"),
        ("own-account-north", {}, "RMT", "other-investment.deposits"),
        ("mainland-person-south", {"purpose_code": "EDUC", "settlement_currency": "CNY"}, "CSTRDR", "services.travel.education"),
    ],
)  # fmt: skip
def test_trap_15_the_tag_that_carries_it_is_not_the_box_it_falls_in(
    rulebook: Rulebook, base: str, facts: Mapping[str, Any], tag: str, item: str
) -> None:
    found = rulebook.on(TODAY).judge(rule_case.profile_of(base, facts)).classification
    assert found is not None and found.rmb_tag == tag and {entry.item for entry in found.entries} == {item}


@pytest.mark.parametrize("code", ["101010", "202050", "301010", "401010", "0101", "A01", "B01", "62101"])
def test_trap_16_codes_of_the_older_sets_do_not_load(code: str) -> None:
    for file, path in (
        ("classification/safe-codes", ("codes", 0, "code")),
        ("classification/goods-and-services", ("rows", "goods", "entries", 0, "code")),
    ):
        with pytest.raises(RulebookError) as caught:
            planted((file, path, code))
        assert caught.value.key.endswith("code") and code in caught.value.text


def test_trap_17_since_2024_08_19_northbound_net_flow_is_not_to_be_seen(rulebook: Rulebook) -> None:
    notice, first = "stock-connect.northbound.disclosure", date(2024, 8, 19)
    assert rulebook.book.rules[notice].values[0].since == first
    for day in (first, TODAY):
        value = rulebook.on(day).rule(notice)
        assert (value.kind, value.since, value.amounts) == ("notice", first, {})
        assert "net flow cannot be seen" in value.description and "earlier data" in value.description
    for lane in rulebook.book.lanes:
        assert notice not in {*(use.rule for use in uses(lane)), *lane.thresholds}
