"""The checks of the law: each kind of fault, planted, is told by file and key; the packaged law has none."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from limits_builders import documents

from limits.documents import RulebookError
from limits.examine.check import check
from limits.examine.findings import Finding
from limits.rules import CODES_FILE, Rulebook

DAY = "payment-connect.northbound.day.yaml"
ACCOUNTS = "classification/accounts.yaml"
GOODS = "classification/goods-and-services.yaml"
TRADE = "lanes/trade.northbound.yaml"
SOURCE = {"title": "A notice", "body": "SAFE", "day": date(2020, 1, 1), "confidence": "V2", "quote": "What it says."}


def small(*lanes: str) -> dict[str, Any]:
    """The packaged law with these lanes alone: what is searched for is found at once."""
    return {file: each for file, each in documents().items() if not file.startswith("lanes/") or file in lanes}


def planted(file: str, path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """A small law with one thing changed; `...` as value takes it out."""
    law = small(TRADE, "lanes/trade.southbound.yaml")
    place: Any = law[file]
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return law


def told(law: Mapping[str, Any], check_name: str, fault: bool = True, purposes: tuple[str, ...] = ()) -> list[Finding]:
    return [one for one in check(law, purposes) if one.check == check_name and one.fault is fault]


def test_the_packaged_law_has_no_fault() -> None:
    assert [one for one in check(documents()) if one.fault] == []


WRONG: list[tuple[str, tuple[str | int, ...], Any, str, str, str]] = [
    (DAY, ("values", 0, "reference"), ..., "reads", "values[0].reference", "a value has a source"),
    (DAY, ("values", 0, "value"), 1.5, "reads", "values[0].value", "not an exact number"),
    (DAY, ("effect",), "forbid", "reads", "effect", "is none of"),
    (DAY, ("values", 0, "reference", "title"), "", "sources", "values[0].reference.title", "must be findable"),
    (DAY, ("values", 0, "reference", "body"), " ", "sources", "values[0].reference.body", "must be findable"),
    (DAY, ("values", 0, "reference", "day"), "last spring", "sources", "values[0].reference.day", "is no day"),
    (DAY, ("values", 0, "reference", "day"), "2004-13", "sources", "values[0].reference.day", "is no day"),
    (DAY, ("values", 0, "reference", "url"), "http://hkma.gov.hk", "links", "values[0].reference.url", "https://"),
    (DAY, ("values", 0, "reference", "url"), "https://", "links", "values[0].reference.url", "no link"),
    (DAY, ("values", 0, "reference", "url"), "https://a b.hk", "links", "values[0].reference.url", "no link"),
    (DAY, ("values", 0, "reference", "url"), "https://hkma.gov.hk:x/", "links", "values[0].reference.url", "no link"),
    (TRADE, ("charge",), "charge.nobody", "references", "charge", "is no rule of kind charge"),
    (TRADE, ("hours",), "charge.rtgs", "references", "hours", "is no rule of kind hours"),
    (TRADE, ("rules",), [{"rule": "no.such.rule"}], "references", "rules", "is no rule of kind limit"),
    (TRADE, ("order",), 80, "orders", "order", "is taken by"),
    (ACCOUNTS, ("rows", 1, "order"), 10, "orders", "order", "is taken by another row"),
]


@pytest.mark.parametrize(("file", "path", "value", "name", "key", "text"), WRONG)
def test_a_planted_fault_is_told_by_file_and_key(
    file: str, path: tuple[str | int, ...], value: Any, name: str, key: str, text: str
) -> None:
    law = planted(file, path, value)
    found = [
        one for one in told(law, name) if key in one.key and text in one.text and (one.file == file or name == "orders")
    ]
    assert len(found) == 1, check(law)


def test_a_good_link_and_a_day_known_by_its_month_are_taken() -> None:
    law = planted(DAY, ("values", 0, "reference", "url"), "https://www.hkma.gov.hk/eng/news?id=1")
    reference = law[DAY]["values"][0]["reference"]
    for day in ("2004-02", "2004", 2004, date(2004, 2, 1)):
        reference["day"] = day
        assert not [one for one in check({DAY: law[DAY]}) if one.file == DAY], day


def rows(*rows: tuple[str, str | None]) -> dict[str, Any]:
    """The day's cap with dated rows: (since, until)."""
    law = documents()
    law[DAY]["values"] = [{"since": since, "until": until, "value": "1", "reference": SOURCE} for since, until in rows]
    return law


@pytest.mark.parametrize(
    ("dated", "text"),
    [
        ((("2025-06-22", "2025-07-31"), ("2025-08-02", None)), "gap"),
        ((("2025-06-22", "2025-08-31"), ("2025-08-02", None)), "overlap"),
        ((("2025-08-02", None), ("2025-06-22", None)), "overlap or are out of order"),
    ],
)
def test_a_gap_and_an_overlap_are_told(dated: tuple[tuple[str, str | None], ...], text: str) -> None:
    assert any("values[1].since" in one.key and text in one.text for one in told(rows(*dated), "reads"))


def test_faults_of_many_documents_and_rows_are_told_together_where_loading_stops_at_the_first() -> None:
    law = rows(("2025-06-22", "2025-07-31"), ("2025-08-02", None))
    law[DAY]["values"][0]["value"] = 1.5
    law[TRADE]["market"] = "nowhere"
    law[ACCOUNTS]["rows"][0]["entries"][0]["side"] = "left"
    law[ACCOUNTS]["rows"][2]["spared"] = ["everything"]
    with pytest.raises(RulebookError):
        Rulebook(law)
    keys = {(one.file, one.key) for one in check(law) if one.fault}
    assert {
        (DAY, "values[0].value"), (TRADE, "market"), (ACCOUNTS, "rows[0].entries[0].side"), (ACCOUNTS, "rows[2].spared"),
    } <= keys  # fmt: skip


def test_a_missing_table_and_a_broken_one_are_told_without_faults_that_follow_from_it() -> None:
    law = documents()
    del law[CODES_FILE]
    assert [(one.file, one.text) for one in check(law) if one.fault] == [(CODES_FILE, "is missing")]
    law = planted(CODES_FILE, ("codes", 0, "code"), "101010")
    assert {one.file for one in check(law) if one.fault} == {CODES_FILE}


def test_a_lane_that_uses_a_broken_rule_is_not_blamed_for_it() -> None:
    law = planted(DAY, ("scope",), "galaxy")
    assert {one.file for one in check(law) if one.fault} == {DAY}


def copied(law: dict[str, Any], file: str, n: int, **changes: Any) -> dict[str, Any]:
    """Add a classification row at the end of a file: a copy of another with changes."""
    row = {**deepcopy(law[file]["rows"][n]), "id": "planted", "order": 9_999, **changes}
    law[file]["rows"].append(row)
    return law


def test_a_row_that_an_earlier_one_always_takes_is_told_with_that_row() -> None:
    law = copied(small(TRADE), ACCOUNTS, 0)
    [found] = told(law, "unreachable")
    assert "planted" in found.key and "own-account takes its facts first" in found.text


def test_a_row_narrower_than_an_earlier_one_is_told() -> None:
    law = small(TRADE)
    when = {**law[ACCOUNTS]["rows"][0]["when"], "debit_currency": "CNY", "purpose": ["SAVG"], "debtor_kind": "person"}
    [found] = told(copied(law, ACCOUNTS, 0, when=when), "unreachable")
    assert "planted" in found.key


def test_a_row_shadowed_by_several_together_is_told() -> None:
    law = {file: each for file, each in small(TRADE).items() if file in (ACCOUNTS, CODES_FILE) or "/" not in file}
    law[ACCOUNTS]["rows"] = []
    for n, (name, when) in enumerate(
        [("a", {"debtor_kind": "person"}), ("b", {"debtor_kind": "firm"}), ("c", {"venue": ""})]
    ):
        source = documents()[ACCOUNTS]["rows"][0]
        law[ACCOUNTS]["rows"].append({**source, "id": name, "order": n, "when": when})
    found = [one for one in told(law, "unreachable") if "(c)" in one.key]
    assert found and "the rows before it together take" in found[0].text.replace("takes", "take")


def test_a_row_whose_conditions_exclude_each_other_is_told() -> None:
    when = {"debtor_residency": "HK", "any": [{"debtor_residency": "MO"}, {"debtor_residency": ["CN"]}]}
    [found] = told(copied(small(TRADE), ACCOUNTS, 0, when=when), "unreachable")
    assert "exclude each other" in found.text


def test_a_row_that_is_reached_once_its_shadow_has_ended_is_no_fault() -> None:
    law = copied(small(TRADE), ACCOUNTS, 0, since=date(2014, 5, 1))
    assert told(law, "unreachable")
    law[ACCOUNTS]["rows"][0]["until"] = date(2020, 1, 1)
    assert not told(law, "unreachable")


def test_a_lane_that_nobody_can_enter_is_told() -> None:
    law = small(TRADE)
    law[TRADE]["values"][0]["when"] = {"debtor_kind": "person"}  # the lane itself asks for a firm
    [found] = told(law, "lanes")
    assert (found.file, found.key) == (TRADE, "values[0].when")


def test_a_corridor_that_nobody_can_take_is_told() -> None:
    law = small(TRADE)
    law[TRADE]["when"]["debtor_agent_country"] = "HK"
    assert [(one.file, one.key) for one in told(law, "lanes")] == [(TRADE, "corridors[1]")]


def test_a_lane_whose_payments_no_row_classifies_is_told() -> None:
    law = small(TRADE)
    law[TRADE]["when"]["purpose"] = ["OTHR"]
    law[TRADE]["when"]["same_name"] = False
    law[TRADE]["when"]["debtor_residency"] = {"other_than": "creditor_residency"}
    assert [(one.file, one.key) for one in told(law, "classified")] == [(TRADE, "values[0].since")]


def test_days_of_a_lane_before_the_rows_it_needs_are_information() -> None:
    law = small(TRADE)
    for file, each in law.items():
        if file.startswith("classification/") and file != CODES_FILE:
            each["since"] = date(2017, 1, 1)
            for row in each["rows"]:
                row.pop("since", None)
    [found] = told(law, "classified", fault=False)
    assert found.file == TRADE and "before 2017-01-01" in found.text


def test_a_rule_that_no_lane_uses_is_information_and_an_order_quota_is_not_meant() -> None:
    found = {one.file for one in told(small(TRADE), "unused", fault=False)}
    assert DAY in found
    assert "stock-connect.shanghai.northbound.day.yaml" not in found and "charge.rtgs.yaml" not in found


def test_a_draft_without_its_approvals_is_information() -> None:
    law = small(TRADE)
    law[DAY] |= {"state": "draft", "approvals": ["HKMA", "PBoC"], "approved_by": ["HKMA"]}
    [found] = told(law, "drafts", fault=False)
    assert found.file == DAY and "PBoC" in found.text and "HKMA" not in found.text


def test_a_purpose_that_no_row_names_is_information() -> None:
    found = [one.key for one in told(small(TRADE), "purposes", fault=False, purposes=("GDDS", "ZZZZ"))]
    assert found == ["ZZZZ"]
