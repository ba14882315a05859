"""coverage.csv maps each row of the facts (sections 1 to 6) to a rule and a test, or says why not; a blank fails."""

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
# The sections of the facts that hold law; each must have its rows in the table.
SECTIONS = (
    "1.1", "1.2", "1.3", "1.4", "1.5", "2", "3", "4.1", "4.2", "4.3", "4.3b", "4.4", "5.1", "5.2", "5.3", "5.4", "6.1", "6.2",
    "6.3", "6.4", "10",
)  # fmt: skip

Row = Mapping[str, str]


def read_rows() -> list[Row]:
    with (HERE / "coverage.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == HEADER
        return [{key: (value or "").strip() for key, value in row.items()} for row in reader]


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


def faults(rows: Iterable[Row], rules: set[str], tests: set[str], sections: Iterable[str] = SECTIONS) -> list[str]:
    """Say what is wrong with the table; several rules or tests of one row stand apart by a semicolon."""
    found, seen = [], set()
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
    present = {where.rpartition(".")[0] for where in seen} | {row["section"] for row in rows}
    return found + [f"{section}: no row" for section in sections if section not in present]


def _several(cell: str) -> list[str]:
    return [part for part in re.split(r"\s*;\s*", cell) if part]


def test_every_row_of_the_facts_has_a_rule_and_a_test_or_says_why_not() -> None:
    assert faults(read_rows(), known_rules(), known_tests()) == []


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
        ({"section": "9.9"}, "1.1: no row"),
    ],
)
def test_a_planted_blank_or_a_wrong_name_is_told(change: dict[str, str], says: str) -> None:
    found = faults([{**GOOD, **change}], {"r"}, {"t"}, ["1.1"])
    assert len(found) == 1 and says in found[0], found


def test_a_whole_row_a_reason_and_several_names_are_taken_and_a_double_one_is_not() -> None:
    reason = {**GOOD, "row": "b", "rule": "", "test": "", "note": "no law, a statistic"}
    assert faults([{**GOOD, "rule": "r;r", "test": "t ; t"}, reason], {"r"}, {"t"}, ["1.1"]) == []
    assert faults([GOOD, GOOD], {"r"}, {"t"}, ["1.1"]) == ["1.1.a: stands twice"]
