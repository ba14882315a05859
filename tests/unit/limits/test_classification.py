"""What classification promises of every profile, of what comes back, and of rows that nearly applied."""

import string
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits_builders import NORTH, SOUTH

from limits.classification import NEEDS, Classification, returned
from limits.classification.bpm6 import FINANCIAL, ITEMS, SIDES, spoken, within
from limits.classification.nearly import nearly, why_not
from limits.conditions import holds, read_conditions
from limits.documents import Node
from limits.facts import ACCOUNT_TYPES, Profile
from limits.rules import load_rulebook

RULES_TESTS = Path(__file__).parents[2] / "rules"
TODAY = date(2026, 3, 2)
RULES = load_rulebook().on(TODAY)
ROWS = [row for row, _ in RULES.rows]


def classified(profile: Profile) -> Classification:
    found = RULES.judge(profile).classification
    assert found is not None, profile
    return found


def cases() -> list[tuple[dict[str, Any], Profile]]:
    """Every case of tests/rules as (case, profile)."""
    sys.path.insert(0, str(RULES_TESTS))
    try:
        import case as rule_case
    finally:
        sys.path.remove(str(RULES_TESTS))
    return [(case, rule_case.profile_of(case["base"], case.get("facts", {}))) for _, case in rule_case.cases()]


CASES = cases()


# --- Every profile ---

COUNTRIES = st.sampled_from(["CN", "HK", "MO", "GB", "TH"])
PURPOSES = st.sampled_from(
    sorted({word for row in ROWS for c in row.when for word in c.text.replace(")", " ").split() if word.isupper() and len(word) == 4} | {"OTHR", ""})
)  # fmt: skip
VENUES = st.sampled_from([
    "", "wealth-connect", "bond-connect", "stock-connect", "swap-connect", "mutual-recognition", "qdii", "rqdii", "qfii",
    "rqfii", "cash-pool", "fta", "shanghai-london", "card-cash", "card-spend", "fps-promptpay", "e-cny", "branch", "x",
])  # fmt: skip
SECTORS = st.sampled_from(["household", "corporation", "education", "medical", "utility", "government", "financial"])
PARTIES = st.sampled_from(["person", "firm"])
CURRENCIES = st.sampled_from(["CNY", "HKD", "MOP"])
PROFILES = st.builds(
    Profile, COUNTRIES, COUNTRIES, st.just("bank"), st.just("bank"), st.just(frozenset()), st.just(frozenset()), PARTIES,
    PARTIES, COUNTRIES, COUNTRIES, SECTORS, SECTORS, st.just("HKID:HK"), st.just(""), st.booleans(), PURPOSES, st.just(""),
    st.frozensets(st.sampled_from(sorted(NEEDS)), max_size=2), VENUES, CURRENCIES, CURRENCIES, CURRENCIES,
    debtor_account_type=st.sampled_from(["", *sorted(ACCOUNT_TYPES)]), same_group=st.booleans(), paired=st.booleans(),
)  # fmt: skip


@settings(max_examples=2000, deadline=None)
@given(PROFILES)
def test_a_profile_has_one_class_or_none_and_its_entries_make_sense(profile: Profile) -> None:
    found = RULES.judge(profile).classification
    first = next((row.id for row in ROWS if holds(row.when, profile)), None)
    assert (found.rule if found else None) == first
    if found is None:
        return
    for entry in found.entries:
        assert entry.item in ITEMS and entry.side in SIDES[ITEMS[entry.item]]
        assert entry.economy != entry.counterpart
        assert (entry.change != "") == (ITEMS[entry.item] == FINANCIAL)
        assert entry.code is None or entry.economy == "CN"
        assert entry.code is not None or entry.code_note == ""
    # Two economies of one transaction see it from both sides: debit and credit, asset and liability that move alike.
    mirrored = {(e.counterpart, e.economy, e.item, e.change, _other(e.side)) for e in found.entries}
    assert mirrored == {(e.economy, e.counterpart, e.item, e.change, e.side) for e in found.entries}
    again = returned(found)
    assert [(e.economy, e.item, e.code, e.counterpart) for e in again.entries] == [
        (e.economy, e.item, e.code, e.counterpart) for e in found.entries
    ]


def _other(side: str) -> str:
    return {"debit": "credit", "credit": "debit", "asset": "liability", "liability": "asset"}[side]


@given(PROFILES)
def test_within_one_residency_the_current_account_sees_nothing(profile: Profile) -> None:
    found = RULES.judge(profile._replace(creditor_residency=profile.debtor_residency, venue="")).classification
    assert found is not None and {entry.item for entry in found.entries} <= {"other-investment.deposits"}


@given(PROFILES)
def test_one_person_in_two_economies_is_refused(profile: Profile) -> None:
    contradiction = profile._replace(same_name=True, debtor_residency="HK", creditor_residency="CN")
    assert RULES.judge(contradiction._replace(venue="")).classification is None


# --- Every row ---


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_a_row_has_a_case_that_hits_and_one_that_is_near(row: Any) -> None:
    assert [case for case, _ in CASES if case["expect"].get("class") == row.id], "no case hits it"
    near = [
        case for case, profile in CASES if case["expect"].get("class", row.id) != row.id and len(why_not(row, profile)) == 1
    ]  # fmt: skip
    assert near, "no case nearly does"


def test_a_row_says_what_it_is_spared_and_why() -> None:
    for row in ROWS:
        assert row.eases.endswith("."), row.id
        assert bool(row.needs) != ("documents" in row.spared), row.id


def test_the_documents_that_a_class_goes_with_are_those_that_facts_may_hold() -> None:
    for document in NEEDS:
        node = Node("test", "", {"when": {"documents": {"has": [document]}}}, ("when",))
        assert read_conditions(node, "when")


def test_every_item_has_an_account_and_can_be_said() -> None:
    assert all(set(item) <= {*string.ascii_lowercase, "-", ".", "6"} for item in ITEMS)
    assert within("services.travel.health", "services.travel") and not within("services.travelling", "services.travel")
    assert spoken("primary-income.compensation-of-employees") == "primary income, compensation of employees"


# --- The document that a class goes with, and the length of history ---


def test_tuition_says_with_which_document_it_goes() -> None:
    documented = SOUTH._replace(purpose_code="EDUC", documents=frozenset({"tuition-notice"}))
    assert classified(documented).needs == ("tuition-notice",)
    assert "personal quota is left alone" in classified(documented).eases
    assert classified(documented._replace(documents=frozenset())).needs == ()


def test_an_unverified_leaf_is_marked_in_the_entry() -> None:
    rent = classified(SOUTH._replace(purpose_code="RENT"))
    assert [(entry.code, bool(entry.code_note)) for entry in rent.entries] == [("228990", True), (None, False)]
    gift = classified(SOUTH)
    assert [(entry.code, entry.code_note) for entry in gift.entries] == [("421010", ""), (None, "")]


# --- What comes back ---


def test_a_return_carries_the_original_s_leaf_the_other_way() -> None:
    paid = classified(
        SOUTH._replace(purpose_code="EDUC", documents=frozenset({"tuition-notice"}), settlement_currency="CNY")
    )
    back = returned(paid)
    assert back.rule == paid.rule and back.returned == "full" and back.rmb_tag == "RSTR"
    assert [tuple(entry[:5]) for entry in back.entries] == [
        ("CN", "credit", "services.travel.education", "223022", "HK"),
        ("HK", "debit", "services.travel.education", None, "CN"),
    ]
    assert back.needs == () and set(back.spared) == {"documents", "pre-check", "wait", "quota"}


@pytest.mark.parametrize(
    ("part", "purpose", "tag"),
    [
        ("full", "GDDS", "RGOD"), ("partial", "GDDS", "PRGOD"), ("full", "GIFT", "RRMT"), ("partial", "INVS", "PRCTF"),
        ("full", "DIVD", "ROCA"), ("partial", "CHAR", "PRCDN"),
    ],
)  # fmt: skip
def test_its_tag_takes_the_mark_of_a_return(part: str, purpose: str, tag: str) -> None:
    found = returned(classified(NORTH._replace(purpose_code=purpose)), part)
    assert (found.rmb_tag, found.returned) == (tag, part)


def test_an_asset_that_comes_back_shrinks_and_changes_no_owner() -> None:
    own = NORTH._replace(same_name=True, creditor_residency="HK", purpose_code="SAVG")
    assert [(e.economy, e.side, e.change) for e in returned(classified(own)).entries] == [
        ("HK", "asset", "decrease"), ("CN", "liability", "decrease"),
    ]  # fmt: skip


def test_where_no_tag_was_none_is_made() -> None:
    assert returned(classified(SOUTH)).rmb_tag is None


def test_what_came_back_is_not_returned_again() -> None:
    with pytest.raises(AssertionError):
        returned(returned(classified(SOUTH)))
    with pytest.raises(AssertionError):
        returned(classified(SOUTH), "half")


# --- Rows that nearly applied ---


def test_tuition_without_its_notice_nearly_was_documented() -> None:
    near = nearly(RULES, SOUTH._replace(purpose_code="EDUC"), 3)
    assert near[0].row == "study"
    assert near[0].failed == ("documents must hold tuition-notice; it is nothing",)


def test_a_row_below_that_holds_too_says_who_stands_above() -> None:
    near = nearly(RULES, SOUTH._replace(purpose_code="EDUC", documents=frozenset({"tuition-notice"})), 1)
    assert (near[0].row, near[0].failed) == ("study.undocumented", ())
    assert near[0].why == "all holds; study stands above it, and the first decides"


def test_where_no_row_decides_the_nearest_is_still_named() -> None:
    profile = NORTH._replace(purpose_code="PENS", creditor_kind="firm")
    assert RULES.judge(profile).classification is None
    assert nearly(RULES, profile, 1)[0].row == "social-benefits"


@given(PROFILES, st.integers(0, 6))
def test_what_is_near_did_not_decide_and_says_why(profile: Profile, count: int) -> None:
    found = RULES.judge(profile).classification
    near = nearly(RULES, profile, count)
    assert len(near) <= count and len({each.row for each in near}) == len(near)
    assert found is None or found.rule not in {each.row for each in near}
    by_id = {row.id: row for row in ROWS}
    for each in near:
        assert each.why and len(each.failed) <= 2
        assert each.failed == why_not(by_id[each.row], profile)
        assert bool(each.failed) != holds(by_id[each.row].when, profile)


def test_the_nearest_come_first() -> None:
    profile = SOUTH._replace(purpose_code="RENT")
    assert len(nearly(RULES, profile, 99)) > 5
    assert nearly(RULES, profile, 2) == nearly(RULES, profile, 99)[:2]
