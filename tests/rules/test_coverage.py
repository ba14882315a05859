"""coverage.csv maps each row of the facts (sections 1 to 6, 8 and 10) to a rule and a test, or says why not; a blank fails.

Which rows the facts have is pinned in fact_rows.txt (section, tab, row), in their order: a row dropped from the table fails.
"""

import ast
import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import case as rule_case
import pytest

from limits.rules import load_rulebook

HERE = Path(__file__).parent
HEADER = ["section", "row", "rule", "test", "note"]
Row = Mapping[str, str]


def read_rows() -> list[Row]:
    with (HERE / "coverage.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == HEADER
        return [{key: (value or "").strip() for key, value in row.items()} for row in reader]


def fact_rows() -> list[tuple[str, str]]:
    """The rows that the facts have, (section, row)."""
    lines = (HERE / "fact_rows.txt").read_text(encoding="utf-8").splitlines()
    return [(section, row) for section, _, row in (line.partition("\t") for line in lines)]


def known_rules() -> set[str]:
    """Ids a row may name: rules, lanes and classification rows."""
    book = load_rulebook().book
    return {*book.rules, *(lane.id for lane in book.lanes), *(row.value.id for row in book.rows)}


def known_tests() -> set[str]:
    """Names a row may name: rule cases, and test functions anywhere under tests/."""
    names = {str(each["name"]) for _, each in rule_case.cases()}
    for file in HERE.parent.rglob("test_*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names |= {
            node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if node.name.startswith("test_")
        }  # fmt: skip
    return names


def faults(rows: Iterable[Row], rules: set[str], tests: set[str], wanted: Iterable[tuple[str, str]]) -> list[str]:
    """Say what is wrong with the table; several rules or tests of one row stand apart by a semicolon."""
    found, seen, wanted = [], set(), list(wanted)
    for row in rows:
        where = f"{row['section']}.{row['row']}"
        if not row["section"] or not row["row"]:
            found.append(f"{where}: a row without section or name")
        if where in seen:
            found.append(f"{where}: stands twice")
        seen.add(where)
        named, tested = (_several(row[key]) for key in ("rule", "test"))
        found += [f"{where}: there is no rule {name}" for name in named if name not in rules]
        found += [f"{where}: there is no test {name!r}" for name in tested if name not in tests]
        if not (named and tested) and not row["note"]:
            found.append(f"{where}: neither a rule with its test nor a note that says why not")
    asked = {f"{section}.{row}" for section, row in wanted}
    found += [f"{where}: the facts have the row, the table has not" for where in sorted(asked - seen)]
    return found + [f"{where}: no row of the facts (fact_rows.txt)" for where in sorted(seen - asked)]


def _several(cell: str) -> list[str]:
    return [part for part in re.split(r"\s*;\s*", cell) if part]


def test_every_row_of_the_facts_has_a_rule_and_a_test_or_says_why_not() -> None:
    assert faults(read_rows(), known_rules(), known_tests(), fact_rows()) == []


def test_each_class_of_the_balance_of_payments_is_shown_by_a_case_that_expects_it() -> None:
    classes = {row.value.id for row in load_rulebook().book.rows}
    expects = {str(each["name"]): each["expect"].get("class") for _, each in rule_case.cases()}
    for row in read_rows():
        if row["section"] == "5.1" and row["row"] != "residency":
            shown = {expects.get(name) for name in _several(row["test"])}
            assert set(_several(row["rule"])) & classes <= shown, row["row"]


GOOD = {"section": "1.1", "row": "a", "rule": "r", "test": "t", "note": ""}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rule": "", "test": ""}, "neither a rule"),
        ({"test": ""}, "neither a rule"),
        ({"rule": ""}, "neither a rule"),
        ({"rule": "r; gone"}, "no rule gone"),
        ({"test": "t;gone"}, "no test 'gone'"),
        ({"note": "why", "test": "gone"}, "no test 'gone'"),
        ({"row": ""}, "without section or name"),
        ({"note": "why", "rule": "gone"}, "no rule gone"),
    ],
)
def test_a_planted_blank_or_a_wrong_name_is_told(change: dict[str, str], says: str) -> None:
    row = {**GOOD, **change}
    found = faults([row], {"r"}, {"t"}, [(row["section"], row["row"])])
    assert len(found) == 1 and says in found[0], found


def test_a_whole_row_a_reason_and_several_names_are_taken_and_a_double_one_is_not() -> None:
    reason = {**GOOD, "row": "b", "rule": "", "test": "", "note": "no law, a statistic"}
    both = [("1.1", "a"), ("1.1", "b")]
    assert faults([{**GOOD, "rule": "r;r", "test": "t ; t"}, reason], {"r"}, {"t"}, both) == []
    assert faults([GOOD, GOOD], {"r"}, {"t"}, both[:1]) == ["1.1.a: stands twice"]


def test_a_row_dropped_from_the_table_is_told_and_so_is_one_that_the_facts_have_not() -> None:
    rows, (section, row) = read_rows(), fact_rows()[200]
    dropped = [each for each in rows if (each["section"], each["row"]) != (section, row)]
    added = {**GOOD, "row": "a row of nobody's", "note": "why not", "rule": "", "test": ""}
    assert faults([*dropped, added], known_rules(), known_tests(), fact_rows()) == [
        f"{section}.{row}: the facts have the row, the table has not",
        "1.1.a row of nobody's: no row of the facts (fact_rows.txt)",
    ]
