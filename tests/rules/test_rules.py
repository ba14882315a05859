"""The law's own examples: every case of cases/*.yaml against the packaged rulebook."""

from collections.abc import Mapping
from typing import Any

import case as rule_case
import pytest

from limits.rules import Rulebook, load_rulebook

CASES = rule_case.cases()


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook()


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[f"{file}: {case['name']}" for file, case in CASES])
def test_rule(rulebook: Rulebook, case: Mapping[str, Any]) -> None:
    assert case["expect"], "a case that expects nothing cannot fail"
    found = rule_case.run(rulebook, case)
    for key, expected in case["expect"].items():
        if key in ("why", "what_to_do"):
            _mentions(found[key], expected)
        else:
            assert found[key] == expected, f"{key}: {found}"


def _mentions(found: Any, expected: Any) -> None:
    if isinstance(expected, Mapping):
        for name, part in expected.items():
            assert part in found[name], f"{name}: {found[name]}"
    else:
        assert expected in found, found


def test_a_case_that_expects_what_is_not_so_fails(rulebook: Rulebook) -> None:
    planted = {**CASES[0][1], "expect": {"class": "no-such-class"}}
    with pytest.raises(AssertionError):
        test_rule(rulebook, planted)


def test_no_two_cases_have_one_name() -> None:
    names = [case["name"] for _, case in CASES]
    assert len(names) == len(set(names))
