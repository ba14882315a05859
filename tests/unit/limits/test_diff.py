"""What changed in the law between two days, and between the law and a scenario: all of it, and nothing else."""

from datetime import date, timedelta

import pytest
from limits_builders import documents

from limits.examine.diff import Change, diff, document_of
from limits.rules import Rulebook, load_rulebook

DAY = "payment-connect.northbound.day"
MACAU = "same-name.macau.day"


@pytest.fixture(scope="module")
def law() -> Rulebook:
    return load_rulebook()


def day(text: str) -> date:
    return date.fromisoformat(text)


def between(law: Rulebook, first: str, last: str) -> dict[str, Change]:
    return {change.id: change for change in diff(law, day(first), law, day(last))}


def test_on_1_may_2018_the_four_links_change_and_nothing_else(law: Rulebook) -> None:
    found = between(law, "2018-04-30", "2018-05-01")
    links = {
        f"stock-connect.{link}.{way}.day" for link in ("shanghai", "shenzhen") for way in ("northbound", "southbound")
    }
    assert set(found) == links
    for name, change in found.items():
        was, is_now = (
            ("13000000000.00", "52000000000.00") if "northbound" in name else ("10500000000.00", "42000000000.00")
        )
        assert (change.kind, change.change) == ("rule", "changed")
        assert (change.before, change.after) == ({"value": f"CNY {was}"}, {"value": f"CNY {is_now}"})
        assert [step.on for step in change.steps] == [day("2018-05-01")] and "SFC" in change.steps[0].reference


@pytest.mark.parametrize(("first", "last"), [("2018-05-01", "2018-05-02"), ("2018-04-29", "2018-04-30")])
def test_the_days_around_it_change_nothing(law: Rulebook, first: str, last: str) -> None:
    assert between(law, first, last) == {}


def test_every_step_between_two_days_is_told_with_its_exact_day(law: Rulebook) -> None:
    change = between(law, "2014-01-01", "2026-01-01")["domestic.macau.rtgs"]
    assert (change.kind, change.change) == ("lane", "begun")
    assert [step.on for step in change.steps] == [day("2016-03-07"), day("2020-10-19")]
    assert set(change.steps[1].after) == {"conditions"}, "of a step only what it changed"


def test_what_began_and_ended_in_between_is_told_as_ended_and_as_begun(law: Rulebook) -> None:
    limited = {**documents(), f"{DAY}.yaml": {**documents()[f"{DAY}.yaml"]}}
    limited[f"{DAY}.yaml"]["values"][0]["until"] = day("2025-11-29")
    ended = {
        change.id: change for change in diff(Rulebook(limited), day("2025-11-29"), Rulebook(limited), day("2025-11-30"))
    }
    assert set(ended) == {DAY}
    assert (ended[DAY].change, ended[DAY].after) == ("ended", {})
    assert [step.on for step in ended[DAY].steps] == [day("2025-11-30")]
    assert ended[DAY].before["value"] == "HKD 10000.00"
    assert between(law, "2025-06-21", "2025-06-22")[DAY].change == "begun"


def test_rows_and_tags_that_begin_are_told(law: Rulebook) -> None:
    first = min(row.since for row in law.book.rows), min(row.since for row in law.book.tags.rows)
    for kind, since in zip(("class", "tag"), first, strict=True):
        eve = since - timedelta(days=1)
        begun = [change for change in diff(law, eve, law, since) if change.kind == kind]
        assert begun and {change.change for change in begun} == {"begun"}


def test_another_source_for_the_same_words_is_no_change() -> None:
    changed = documents()
    row = dict(changed[f"{DAY}.yaml"]["values"][0])
    row["since"] = day("2025-11-30")
    row["reference"] = {**row["reference"], "title": "A later page"}
    changed[f"{DAY}.yaml"]["values"].append(row)
    again = Rulebook(changed)
    assert diff(again, day("2025-11-29"), again, day("2025-11-30")) == []


def test_a_scenario_differs_by_what_it_changes_alone(law: Rulebook) -> None:
    scenario = law.scenario({DAY: {"value": "20000"}, "lanes": {"hk-macau.instant": {"active": True}}}, "more")
    found = {change.id: change for change in diff(law, day("2026-03-05"), scenario, day("2026-03-05"))}
    assert set(found) == {DAY, "hk-macau.instant"}
    assert (found[DAY].before, found[DAY].after) == ({"value": "HKD 10000.00"}, {"value": "HKD 20000.00"})
    assert found[DAY].steps[0].assumed and "scenario more" in found[DAY].steps[0].reference
    assert found["hk-macau.instant"].change == "begun"


def test_the_diff_of_a_day_with_itself_is_empty_and_a_longer_one_is_never_smaller_than_its_steps(law: Rulebook) -> None:
    assert diff(law, day("2026-03-05"), law, day("2026-03-05")) == []
    change = between(law, "2019-12-17", "2019-12-18")[MACAU]
    before = day("2019-12-17") - timedelta(days=400)
    assert between(law, before.isoformat(), "2019-12-18")[MACAU].after == change.after


def test_a_change_as_a_document_carries_both_values_the_day_and_the_source(law: Rulebook) -> None:
    document = document_of(between(law, "2019-12-17", "2019-12-18")[MACAU])
    assert document["before"] == {"value": "CNY 50000.00"} and document["after"] == {"value": "CNY 80000.00"}
    assert document["on"] == "2019-12-18" and "PBoC" in document["reference"]
    assert document["steps"][0]["assumed"] is True
