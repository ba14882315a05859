"""`bayswitch rulebook`: what each command prints for programs and for people, and its exit status."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from limits.rules import load_rulebook
from switch.cli import app
from switch.cli.law_time import enlarged

ROOT = Path(__file__).parents[2]
DAY = "payment-connect.northbound.day"
CONTRACT = {"rule", "value", "currency", "window", "basis", "effect", "since", "reference", "assumed"}  # design 10


def ran(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["rulebook", *arguments], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def document(*arguments: str, status: int = 0) -> Any:
    found, output = ran(*arguments, "--json")
    assert found == status, output
    return json.loads(output)


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    file = tmp_path / "o.yaml"
    file.write_text(f"{DAY}: {{value: '20000'}}\nlanes: {{hk-macau.instant: {{active: true}}}}\n")
    return file


def test_show_gives_the_contract_of_programs() -> None:
    rows = document("show", "--on", "2026-03-05")
    assert rows and all(set(row) >= CONTRACT for row in rows)
    assert {"key", "state"} <= set(rows[0])
    [day] = [row for row in rows if row["rule"] == DAY]
    assert (day["value"], day["currency"]) == ("10000.00", "HKD")


def test_show_of_one_rule_tells_its_whole_history() -> None:
    [row] = document("show", "--on", "2026-03-05", "--rule", "same-name.macau.day")
    assert [(past["since"], past["value"]) for past in row["history"]] == [
        ("2016-03-07", "CNY 50000.00"), ("2019-12-18", "CNY 80000.00"),
    ]  # fmt: skip
    assert all(past["confidence"] and past["reference"] for past in row["history"])
    status, words = ran("show", "--on", "2018-01-01", "--rule", "same-name.macau.day")
    assert status == 0 and "80,000.00" in words and "50,000.00" in words


def test_show_marks_what_a_scenario_changes(overlay: Path) -> None:
    rows = document("show", "--on", "2026-03-05", "--overlay", str(overlay))
    changed = {row.get("rule") or row["lane"] for row in rows if row["changed"]}
    assert changed == {DAY, "hk-macau.instant"}
    assert "← scenario; the law: HKD 10,000.00" in ran("show", "--on", "2026-03-05", "--overlay", str(overlay))[1]


def test_list_names_everything_with_its_state_and_can_be_narrowed() -> None:
    book = load_rulebook().book
    found = document("list")
    assert len(found) == len(book.rules) + len(book.lanes) + len(book.rows) + len(book.tags.rows)
    [instant] = [entry for entry in found if entry["id"] == "hk-macau.instant"]
    assert (instant["kind"], instant["state"], instant["assumed"]) == ("lane", "inactive", True)
    assert {entry["kind"] for entry in document("list", "--kind", "hours")} == {"hours"}
    assert all(entry["assumed"] for entry in document("list", "--assumed"))
    assert DAY in {entry["id"] for entry in document("list", "--scheme", "payment-connect")}
    assert "stock-connect" not in ran("list", "--scheme", "payment-connect")[1]


def test_diff_of_1_may_2018_names_the_four_links() -> None:
    found = document("diff", "2018-04-30", "2018-05-01")
    assert len(found) == 4 and {change["on"] for change in found} == {"2018-05-01"}
    words = ran("diff", "2018-04-30", "2018-05-01")[1]
    assert "CNY 13,000,000,000.00 → CNY 52,000,000,000.00" in words
    assert "CNY 10,500,000,000.00 → CNY 42,000,000,000.00" in words


def test_diff_tells_a_scenario_from_the_law_of_the_day(overlay: Path) -> None:
    found = document("diff", "2026-03-05", "2026-03-05", "--overlay", str(overlay))
    assert {change["id"] for change in found} == {DAY, "hk-macau.instant"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "--on", "soon"], "'soon' is no day; write 2026-03-05"),
        (["show", "--on", "2026-03-05", "--rule", "nonsense"], "is no rule and no lane"),
        (["list", "--scheme", "nonsense"], "is no scheme; there are"),
        (["list", "--kind", "nonsense"], "is not one of"),
        (["coverage", "--on", "2026-03-05", "--corridor", "HK-GB"], "'HK-GB' is no corridor; there are CN-CN"),
        (["diff", "2026-03-05", "2026-13-05"], "is no day; write 2026-03-05"),
        (["diff", "2026-03-05", "2026-03-04"], "the earlier day comes first"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_2(arguments: list[str], says: str) -> None:
    status, output = ran(*arguments)
    assert status == 2 and says in " ".join(re.sub("[│╭╮╰╯─]", " ", output).split())


def test_check_of_the_packaged_law_passes() -> None:
    found = document("check")
    assert found["faults"] == 0 and all(not finding["fault"] for finding in found["findings"])


def test_check_of_a_faulty_scenario_exits_1_and_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "o.yaml"
    file.write_text(f"{DAY}: {{value: 1.5}}\nhvps.transaction: {{value: many}}\n")
    found = document("check", "--overlay", str(file), status=1)
    assert {finding["file"] for finding in found["findings"] if finding["fault"]} == {
        f"{DAY}.yaml",
        "hvps.transaction.yaml",
    }
    file.write_text("nonsense: {value: '1'}")
    assert ran("check", "--overlay", str(file))[0] == 2


def test_coverage_of_a_corridor_has_its_matrix_its_markdown_and_its_document() -> None:
    asked = ("coverage", "--on", "2026-03-05", "--corridor", "HK-CN")
    cells = document(*asked)
    assert {cell["corridor"] for cell in cells} == {"HK-CN"}
    text = ran(*asked, "--markdown")[1]
    assert "`payment-connect.northbound`" in text and text.count("|") > 100


def test_figures_count_what_is_there() -> None:
    counted, book = document("figures"), load_rulebook().book
    assert counted["rules"] == len(book.rules) and counted["lanes"] == len(book.lanes)
    assert counted["classification_rows"] == len(book.rows)
    assert counted["dated_values"] == sum(len(rule.values) for rule in book.rules.values())
    assert counted["codes"] == counted["codes_verified"] + counted["codes_unverified"]
    assert counted["sources"] > 0 and counted["assumed_parameters"] > 0


def test_the_enlarged_law_of_the_timing_loads_and_judges_alike() -> None:
    law = load_rulebook()
    more = type(law)(enlarged(law.documents, 3))
    assert len(more.book.lanes) == 3 * len(law.book.lanes)
    assert len(more.book.rules) > 2.5 * len(law.book.rules)
