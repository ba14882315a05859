"""Payment Connect as its facts have it (facts 4.1), row by row: who pays whom, in what, for what, and what it costs.

Its caps, quota and hours at their edges are in the cases of both directions and in the traps.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import case as rule_case
import pytest
from trap_builders import TODAY, claimed, payment

from limits.claims import Claim
from limits.lanes import Lane
from limits.rules import Rulebook, load_rulebook

NORTH, SOUTH = "payment-connect.northbound", "payment-connect.southbound"
PAYROLL, DOCUMENTED = f"{NORTH}.payroll", f"{SOUTH}.documented"
BASES = {NORTH: "hk-person-north", SOUTH: "mainland-person-south", PAYROLL: "hk-employer-north"}
LAUNCH = date(2025, 6, 22)
INVESTMENT, PROPERTY = ("INVS", "SECU", "UNIT", "DERI", "HEDG", "CORT"), ("PCOM", "PDEP", "PLDS", "PLRF", "HLRP")
SCHOOL = {"creditor_kind": "firm", "creditor_sector": "education", "creditor_id": "BRN:HK", "purpose_code": "STDY"}
HOSPITAL = SCHOOL | {"creditor_sector": "medical", "purpose_code": "MDCS"}
UTILITY = SCHOOL | {"creditor_sector": "utility", "purpose_code": "UBIL"}
# What differs from a gift between two persons, or from wages with their payroll, and whether the lane is open to it.
OPEN: dict[str, list[tuple[str, Mapping[str, Any], bool]]] = {
    NORTH: [
        ("payer: a Hong Kong identity card", {"debtor_id": "HKID:HK"}, True),
        ("payer: its holder who lives in the mainland", {"debtor_residency": "CN"}, True),
        ("payer: a mainland identity card", {"debtor_id": "PRCID:CN"}, False),
        ("payer: a Macau identity card", {"debtor_id": "BIR:MO"}, False),
        ("payer: a passport", {"debtor_id": "PASSPORT:GB"}, False),
        ("payer: a firm", {"debtor_kind": "firm", "debtor_sector": "corporation", "debtor_id": "BRN:HK"}, False),
        ("payee: a third party", {"same_name": False}, True),
        ("payee: oneself", {"same_name": True, "creditor_id": "HKID:HK", "creditor_residency": "HK", "purpose_code": "SAVG"}, True),
        ("payee: a shop", {"creditor_kind": "firm", "creditor_sector": "corporation", "creditor_id": "USCC:CN", "purpose_code": "GDDS"}, True),
        ("payee: at a bank that takes no part", {"creditor_agent_schemes": []}, False),
        ("payee: at a mainland wallet", {"creditor_agent_kind": "svf"}, False),
        ("payer: at a bank that takes no part", {"debtor_agent_schemes": []}, False),
        ("currency: HKD, paid out in RMB", {"debit_currency": "HKD"}, True),
        ("currency: RMB, paid out in RMB", {"debit_currency": "CNY"}, True),
        ("currency: HKD, paid out in HKD", {"settlement_currency": "HKD"}, False),
        ("currency: RMB, paid out in HKD", {"debit_currency": "CNY", "settlement_currency": "HKD"}, False),
        ("currency: MOP", {"debit_currency": "MOP"}, False),
    ],
    SOUTH: [
        ("payer: a mainland identity card", {"debtor_id": "PRCID:CN"}, True),
        ("payer: a Hong Kong identity card", {"debtor_id": "HKID:HK"}, False),
        ("payer: a passport", {"debtor_id": "PASSPORT:GB"}, False),
        ("payer: a firm", {"debtor_kind": "firm", "debtor_sector": "corporation", "debtor_id": "USCC:CN"}, False),
        ("payee: a third party", {"same_name": False}, True),
        ("payee: oneself", {"same_name": True, "creditor_id": "PRCID:CN", "creditor_residency": "CN", "purpose_code": "SAVG"}, True),
        ("payee: at a wallet that takes part", {"creditor_agent_kind": "svf"}, True),
        ("payee: at a bank that takes no part", {"creditor_agent_schemes": []}, False),
        ("payer: at a mainland wallet", {"debtor_agent_kind": "svf"}, False),
        ("currency: RMB, paid out in HKD", {"settlement_currency": "HKD"}, True),
        ("currency: RMB, paid out in RMB", {"settlement_currency": "CNY"}, True),
        ("currency: HKD", {"debit_currency": "HKD"}, False),
    ],
    PAYROLL: [
        ("wages that a bank has vetted", {}, True),
        ("wages that none has", {"documents": []}, False),
        ("no wages", {"purpose_code": "GDDS"}, False),
        ("wages of a person", {"debtor_kind": "person", "debtor_id": "HKID:HK", "debtor_sector": "household"}, False),
    ],
    DOCUMENTED: [
        ("a school with its notice", {**SCHOOL, "documents": ["tuition-notice"]}, True),
        ("a hospital with its bill", {**HOSPITAL, "documents": ["medical-bill"]}, True),
        ("a utility with its bill", {**UTILITY, "documents": ["utility-bill"]}, True),
        ("a school without it", SCHOOL, False),
        ("a hospital with a school's notice", {**HOSPITAL, "documents": ["tuition-notice"]}, False),
        ("a shop with an invoice", {**SCHOOL, "creditor_sector": "corporation", "documents": ["invoice"]}, False),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook()


def opened(rulebook: Rulebook, lane: str, changes: Mapping[str, Any], day: date = TODAY) -> Lane | None:
    profile = rule_case.profile_of(BASES.get(lane, BASES[SOUTH]), changes)
    return next((found for found in rulebook.on(day).judge(profile).eligible if found.id == lane), None)


def of(topic: str) -> list[Any]:
    rows = [(lane, *row) for lane, rows in OPEN.items() for row in rows]
    return [pytest.param(*row, id=f"{row[0]} {row[1]}") for row in rows if row[1].startswith(topic)]


@pytest.mark.parametrize(("lane", "who", "changes", "is_open"), of("payer"))
def test_an_identity_card_of_the_debtor_s_side_opens_payment_connect(
    rulebook: Rulebook, lane: str, who: str, changes: Mapping[str, Any], is_open: bool
) -> None:
    assert (opened(rulebook, lane, changes) is not None) is is_open


@pytest.mark.parametrize(("lane", "who", "changes", "is_open"), of("payee"))
def test_anybody_at_an_agent_that_takes_part_may_be_paid(
    rulebook: Rulebook, lane: str, who: str, changes: Mapping[str, Any], is_open: bool
) -> None:
    assert (opened(rulebook, lane, changes) is not None) is is_open


@pytest.mark.parametrize(("lane", "which", "changes", "is_open"), of("currency"))
def test_payment_connect_pays_out_rmb_north_and_either_currency_south(
    rulebook: Rulebook, lane: str, which: str, changes: Mapping[str, Any], is_open: bool
) -> None:
    assert (opened(rulebook, lane, changes) is not None) is is_open


@pytest.mark.parametrize(
    ("lane", "what", "changes", "is_open"), [(lane, *row) for lane in (PAYROLL, DOCUMENTED) for row in OPEN[lane]]
)
def test_institutions_take_part_with_papers_and_outside_the_personal_caps(
    rulebook: Rulebook, lane: str, what: str, changes: Mapping[str, Any], is_open: bool
) -> None:
    found = payment(
        rulebook.on(TODAY),
        BASES.get(lane, BASES[SOUTH]),
        "CNY 9000000.00",
        "CNY 9000000.00",
        **changes,
        settlement_currency="CNY",
    )
    assert (lane in found) is is_open, what
    personal: list[Claim] = [claim for claim in found.get(lane, ()) if claim.ceiling is not None]
    assert personal == []


@pytest.mark.parametrize("purpose", INVESTMENT + PROPERTY)
@pytest.mark.parametrize("lane", [NORTH, SOUTH])
def test_payment_connect_buys_neither_investments_nor_property(rulebook: Rulebook, lane: str, purpose: str) -> None:
    for firm in ({}, {"creditor_kind": "firm", "creditor_sector": "financial"}):
        facts = {"purpose_code": purpose, "documents": ["contract", "invoice"], **firm}
        assert opened(rulebook, lane, facts) is None
        assert opened(rulebook, lane, {**facts, "purpose_code": "", "category_purpose": purpose}) is None


@pytest.mark.parametrize(
    ("lane", "changes"), [(NORTH, {}), (SOUTH, {}), (PAYROLL, {}), (DOCUMENTED, OPEN[DOCUMENTED][0][1])]
)
def test_payment_connect_costs_nothing_and_says_that_this_is_a_promotion(
    rulebook: Rulebook, lane: str, changes: Mapping[str, Any]
) -> None:
    rules, found = rulebook.on(TODAY), opened(rulebook, lane, changes)
    assert found is not None and found.charge == "charge.payment-connect"
    value = rules.rule(found.charge)
    assert value.amounts == {"HKD": 0, "CNY": 0} and "promotion" in value.quote
    assert {rules.charge(found, currency) for currency in ("HKD", "CNY")} == {0}


@pytest.mark.parametrize(("published", "counted"), [("1.10", 1100_00), ("1.0801", 1080_10)])
def test_rmb_counts_against_the_hong_kong_dollar_caps_at_the_reference_rate_which_is_assumed(
    rulebook: Rulebook, published: str, counted: int
) -> None:
    rate = "payment-connect.reference-rate"
    value = rulebook.on(TODAY).rule(rate)
    assert value.assumed and value.reason and str(value.rate) == "1.10"
    rules = rulebook.scenario({rate: {"value": published}}, "another rate").on(TODAY)
    for name in ("day", "year"):
        rmb = payment(rules, BASES[NORTH], "CNY 1000.00", "CNY 1000.00", debit_currency="CNY")
        dollars = payment(rules, BASES[NORTH], "HKD 1000.00", "CNY 900.00")
        assert claimed(rmb, f"{NORTH}.{name}")[NORTH].delta == counted
        assert claimed(dollars, f"{NORTH}.{name}")[NORTH].delta == 1000_00


@pytest.mark.parametrize(
    ("lane", "changes", "disputed"),
    [(NORTH, {}, False), (SOUTH, {}, False), (PAYROLL, {}, True), (DOCUMENTED, OPEN[DOCUMENTED][0][1], True)],
)
def test_payment_connect_opens_on_its_launch_and_what_is_disputed_of_that_is_marked(
    rulebook: Rulebook, lane: str, changes: Mapping[str, Any], disputed: bool
) -> None:
    assert opened(rulebook, lane, changes, LAUNCH - timedelta(days=1)) is None
    found = opened(rulebook, lane, changes, LAUNCH)
    assert found is not None and found.assumed is disputed
