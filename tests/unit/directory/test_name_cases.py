"""The labelled list of names: what comparing each pair says, both ways, and what a payment makes of it."""

from pathlib import Path

import pytest
import yaml

from switch.directory.names import WHY, compare_names, match_name, written_as
from switch.directory.population import _CANTONESE, _PINYIN

CASES = yaml.load((Path(__file__).parents[3] / "docs" / "examples" / "names.yaml").read_text("utf-8"), yaml.CSafeLoader)


@pytest.mark.parametrize("case", CASES, ids=[f"{case['given']} / {case['registered']}" for case in CASES])
def test_a_pair_of_names_is_judged_as_the_list_says(case: dict[str, object]) -> None:
    given, registered = str(case["given"]), str(case["registered"])
    for one, other in ((given, registered), (registered, given)):
        found = compare_names(one, other)
        assert (found.verdict, found.why, found.goes_on) == (case["verdict"], case["why"], case["goes_on"])
        assert (match_name(one, other) != "no") is case["goes_on"]
        assert {"match": found.score == 100, "close": 70 <= found.score < 100, "no": found.score <= 60}[found.verdict]


def test_every_why_has_a_case_and_each_real_refusal_is_among_them() -> None:
    assert {case["why"] for case in CASES} == set(WHY)
    assert {case["verdict"] for case in CASES if case.get("real")} == {"match", "close"}


def test_a_strict_bank_takes_none_of_the_real_refusals() -> None:
    real = [case for case in CASES if case.get("real")]
    assert any(case["goes_on"] for case in real), "a lenient bank takes some of them"
    assert [case for case in real if written_as(case["given"], case["registered"])] == []


def test_few_strangers_are_taken_for_one_another() -> None:
    """Of 10,000 pairs of a Cantonese and a pinyin name, those called close are names that share characters."""
    close = [
        (given, registered)
        for given in (f"{family} {name}" for family in _CANTONESE[0] for name in _CANTONESE[1])
        for registered in (f"{family} {name}" for family in _PINYIN[0] for name in _PINYIN[1])
        if compare_names(given, registered).verdict != "no"
    ]
    assert len(close) <= 20, close
