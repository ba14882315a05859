"""The tables that classification goes by: SAFE's codes, BPM6's items, RMB tags; and faults planted in them."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from limits_builders import NORTH, SOUTH, documents, with_fault

from limits.classification import read_codes, unverified_used
from limits.classification.rmb_tags import Tags, purposes_of, read_tags, rmb_tag, tags_of
from limits.classification.table import classification_table, tag_table, uncertain_table
from limits.documents import RulebookError
from limits.facts import Profile
from limits.rules import Rulebook, load_rulebook

TODAY = date(2026, 3, 2)
ROWS = "classification/accounts.yaml"
GOODS = "classification/goods-and-services.yaml"
CODES = "classification/safe-codes.yaml"
TAGS = "rmb-tags.yaml"
ENTRY = ("rows", 0, "entries", 0)
RULES = load_rulebook().on(TODAY)
PAGE = Path(__file__).parents[3] / "docs" / "classification.md"

# Every code of facts 5.2, by group; 322, 424, 621 and 721 are known by group alone.
_SEEN = """
    121010 121020 121030 121040 121050 121060 121070 121080 121090 121100 121110 121990 122010 122020 122030 122990
    221000 222011 222012 222013 222014 222022 222024 222032 222040 223010 223021 223022 223023 223029
    225010 225021 225022 225029 225030 225040 225050 226000 227010 227020 227030
    228010 228021 228022 228023 228024 228025 228026 228031 228032 228033 228039 228040 228050 228060 228990
    229010 229020 229030 229990 230000 231010 231020 231030 232000 321000 421010 421990 422000 423000
    521010 521020 522000 622011 722010 722020 722030 722040 723011 723012 723013 723014 723021 723022 723023 723024 724000
    821010 821020 821030 821041 821042 821990 822010 822020 822030 822041 822042 822050 822990
    921010 929090 999998 999999
"""
FACTS = _SEEN.split()
UNCERTAIN = {
    "321000",
    "422000",
    "423000",
    "521010",
    "521020",
    "522000",
    "622011",
    "122010",
    "228990",
    "724000",
    "230000",
}


def codes() -> Mapping[str, Any]:
    return read_codes(CODES, documents()[CODES])


def tags() -> Tags:
    return read_tags(TAGS, documents()[TAGS])


# --- SAFE codes ---


def test_every_code_that_was_seen_is_in_the_table_and_no_other() -> None:
    assert sorted(codes()) == sorted(FACTS)


@pytest.mark.parametrize("code", FACTS)
def test_a_code_says_to_which_item_it_belongs_or_that_it_is_left_out(code: str) -> None:
    found = codes()[code]
    assert bool(found.item) != code.startswith("9")
    assert found.verified or found.note
    assert not (found.verified and code in UNCERTAIN)
    assert found.since == date(2014, 5, 1)


@pytest.mark.parametrize("code", ["101010", "202050", "0101", "301010", "401010"])
def test_a_code_of_a_retired_set_does_not_load(code: str) -> None:
    with pytest.raises(RulebookError, match="retired on 2014-05-01") as caught:
        Rulebook(with_fault(CODES, ("codes", 0, "code"), code))
    assert caught.value.key == "codes[0].code"


PLANTED: list[tuple[str, str, tuple[str | int, ...], Any, str]] = [
    ("a code of five digits", CODES, ("codes", 0, "code"), "62101", "codes[0].code"),
    ("a code given twice", CODES, ("codes", 1, "code"), "121010", "codes[1].code"),
    ("a code of letters", CODES, ("codes", 0, "code"), "A01B01", "codes[0].code"),
    ("a code of an unknown item", CODES, ("codes", 0, "item"), "goods.general", "codes[0].item"),
    ("a code of no item", CODES, ("codes", 0, "item"), ..., "codes[0].item"),
    ("an unverified code without its mark", CODES, ("codes", 12, "note"), ..., "codes[12].note"),
    ("a set of codes from no day", CODES, ("since",), None, "since"),
    ("a class with a code of another item", GOODS, (*ENTRY, "code"), "223021", "rows[0].entries[0].code"),
    ("a class with a code of group 9", GOODS, (*ENTRY, "code"), "921010", "rows[0].entries[0].code"),
    ("a class with a retired code", GOODS, (*ENTRY, "code"), "101010", "rows[0].entries[0].code"),
    ("a class with an unknown item", GOODS, (*ENTRY, "item"), "goods.things", "rows[0].entries[0].item"),
    ("a current item that grows", GOODS, (*ENTRY, "change"), "increase", "rows[0].entries[0].change"),
    ("a deposit that neither grows nor shrinks", ROWS, (*ENTRY, "change"), ..., "rows[0].entries[0].change"),
    ("a deposit that is debited", ROWS, (*ENTRY, "side"), "debit", "rows[0].entries[0].side"),
    ("goods that are an asset", GOODS, (*ENTRY, "side"), "asset", "rows[0].entries[0].side"),
    ("a class that asks an unknown document", GOODS, ("rows", 0, "needs"), ["oath"], "rows[0].needs"),
    ("a class that goes with no document", GOODS, ("rows", 0, "needs"), ..., "rows[0].needs"),
    ("a class spared the document it names", GOODS, ("rows", 0, "spared"), ["documents"], "rows[0].needs"),
    ("a class that gives no reason", GOODS, ("rows", 0, "eases"), " ", "rows[0].eases"),
    ("a tag without a mark", TAGS, ("rows", 0, "mark"), "GOOD", "rows[0].mark"),
    ("a tag that reads as nothing known", TAGS, ("rows", 0, "reads"), ["trade"], "rows[0].reads"),
    ("a tag of no purpose", TAGS, ("rows", 2, "when"), {}, "rows[2].purposes"),
    ("a tag of an impossible purpose", TAGS, ("rows", 0, "purposes"), ["goods"], "rows[0].purposes.purpose"),
    ("tags from no day", TAGS, ("since",), None, "since"),
]


@pytest.mark.parametrize(("what", "file", "path", "value", "key"), PLANTED, ids=[row[0] for row in PLANTED])
def test_a_planted_fault_is_refused_by_its_key(
    what: str, file: str, path: tuple[str | int, ...], value: Any, key: str
) -> None:
    with pytest.raises(RulebookError) as caught:
        Rulebook(with_fault(file, path, value))
    assert (caught.value.file, caught.value.key) == (file, key), what


def test_the_rows_that_use_an_uncertain_leaf_are_listed() -> None:
    used = unverified_used(row for row, _ in RULES.rows)
    assert {code for _, code, _ in used} == {
        "225010", "225029", "228040", "228990", "321000", "422000", "423000", "622011", "724000", "821020", "822020",
    }  # fmt: skip
    assert all(note for _, _, note in used) and ("wages", "321000") in {(row, code) for row, code, _ in used}
    assert len(used) == len(set(used))


def test_codes_begin_on_their_day_and_items_before() -> None:
    eve, day = load_rulebook().on(date(2014, 4, 30)), load_rulebook().on(date(2014, 5, 1))
    before, after = eve.judge(SOUTH).classification, day.judge(SOUTH).classification
    assert before is not None and after is not None and before.rule == after.rule == "personal-transfer"
    assert [entry.code for entry in before.entries] == [None, None]
    assert [entry.code for entry in after.entries] == ["421010", None]


# --- RMB tags ---


def test_a_tag_carries_many_purposes_and_a_purpose_travels_under_many_tags() -> None:
    assert {"SALA", "EDUC", "RENT", "SCVE"} <= set(purposes_of(tags(), TODAY, "CSTRDR"))
    assert tags_of(tags(), TODAY, "GIFT") == ("COCADR", "RMT")
    assert tags_of(tags(), TODAY, "TREA") == ("CCTFDR",)
    assert tags_of(tags(), TODAY, "OTHR") == ()
    assert tags_of(tags(), date(2014, 4, 30), "GIFT") == () == purposes_of(tags(), date(2014, 4, 30), "RMT")


def test_a_tag_has_its_days() -> None:
    assert rmb_tag(tags(), date(2014, 4, 30), NORTH) is None
    assert rmb_tag(tags(), date(2014, 5, 1), NORTH) == "RMT"


def note(profile: Profile) -> str:
    found = RULES.judge(profile).classification
    assert found is not None
    return found.tag_note


def test_trap_15_wages_tuition_and_own_money_disagree_with_their_tag() -> None:
    wages = NORTH._replace(purpose_code="SALA", debtor_kind="firm")
    assert note(wages) == (
        "The tag CSTRDR says trade in services; BPM6 records primary income, compensation of employees."
    )
    tuition = SOUTH._replace(purpose_code="EDUC", settlement_currency="CNY")
    assert note(tuition) == "The tag CSTRDR says trade in services; BPM6 records services, travel, education."
    own = NORTH._replace(purpose_code="SAVG", same_name=True, creditor_residency="HK")
    assert note(own) == "The tag RMT says an individual's remittance; BPM6 records other investment, deposits."


def test_a_wage_within_one_residency_has_a_tag_and_only_a_deposit() -> None:
    wage = NORTH._replace(purpose_code="SALA", debtor_kind="firm", creditor_residency="HK")
    assert "other investment, deposits" in note(wage)


def test_royalties_are_a_service_that_travels_with_income() -> None:
    assert "services, intellectual property charges" in note(NORTH._replace(purpose_code="ROYA", debtor_kind="firm"))


@pytest.mark.parametrize("purpose", ["GDDS", "SCVE", "DIVD", "GIFT", "CHAR", "INVS", "LOAN"])
def test_where_tag_and_item_agree_nothing_is_said(purpose: str) -> None:
    assert note(NORTH._replace(purpose_code=purpose, debtor_kind="person" if purpose == "GIFT" else "firm")) == ""


def test_where_no_tag_is_carried_nothing_is_said() -> None:
    assert note(SOUTH) == ""


# --- The page ---


def test_the_page_shows_the_tables_as_they_are() -> None:
    page = PAGE.read_text("utf-8")
    rows = [row for row, _ in RULES.rows]
    assert classification_table(rows) in page
    assert uncertain_table(unverified_used(rows)) in page
    assert tag_table(row.value for row in tags().rows) in page
