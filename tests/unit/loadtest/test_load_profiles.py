"""The profiles of `bayswitch load` are data that reads, and why a load does not hold is said in full."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from loadtest.open.knee import Search
from loadtest.open.schedule import read_steps
from loadtest.traffic import Mix
from switch.cli.load import compared, why_not
from switch.cli.load_profiles import Profile, load_profiles

_PROFILES = load_profiles()


def test_every_profile_of_the_issue_is_there() -> None:
    assert set(_PROFILES) == {"smoke", "steady", "knee", "spike", "soak", "storm", "chaos"}


@pytest.mark.parametrize("name", [name for name, profile in _PROFILES.items() if profile.ordeal is None])
def test_the_generator_understands_every_profile(name: str) -> None:
    profile = _PROFILES[name]
    option, text, *_ = profile.asked(None, None)
    if option == "--knee":
        assert Search(**json.loads(text)).start == profile.rate
    else:
        assert sum(step.seconds for step in read_steps(json.loads(text))) <= profile.seconds_max(None)
    assert profile.traffic is not None and Mix(**profile.traffic.mix)


@pytest.mark.parametrize("name", ["steady", "soak", "knee"])
def test_a_load_of_payments_says_how_many_of_them_are_accepted_at_least(name: str) -> None:
    profile = _PROFILES[name]
    option, text, *more = profile.asked(None, None)
    if option == "--knee":
        assert json.loads(text)["accepted_share_min"] == 0.9 and not more
    else:
        assert more == ["--accepted-share-min", "0.9"]


def test_another_rate_and_length_keep_the_shape() -> None:
    steps = read_steps(json.loads(_PROFILES["spike"].asked(100, 30)[1]))
    assert [step.rate for step in steps] == [100, 500, 100, 100]
    assert sum(step.seconds for step in steps) == pytest.approx(30)


def test_a_storm_has_as_many_persons_as_spend_their_allowance() -> None:
    assert _PROFILES["storm"].persons(None, None) == pytest.approx(400 * 60 / 14, abs=1)
    assert _PROFILES["storm"].persons(100, 30) == pytest.approx(100 * 30 / 14, abs=1)


@pytest.mark.parametrize(
    "broken",
    [
        {"about": "x", "rate": 5},
        {"about": "x", "rate": 5, "search": {}, "ordeal": {"seconds": 5}},
        {"about": "x", "rate": 5, "steps": [{"name": "a", "seconds": 5}]},
        {"about": "x", "rate": 5, "search": {"accepted_share_min": 0.5}, "traffic": {"persons": 5}, "users": 7},
        {"about": "x", "rate": 5, "search": {}, "traffic": {"persons": 5}},  # of which nothing is expected
    ],
)
def test_a_profile_that_is_none_does_not_read(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Profile.model_validate(broken)


def _document(**changes: Any) -> dict[str, Any]:
    total = {"payments": 100, "refused": 90, "wrong": 0}
    return {"total": total, "gate": {"valid": True, "why": []}, "audit": {"violations": []}, **changes}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"gate": {"valid": False, "why": ["2 timed out"]}}, "INVALID: 2 timed out"),
        ({"gate": {"valid": False, "why": []}}, "INVALID: nothing was measured"),
        ({"total": {"payments": 100, "refused": 90, "wrong": 3}}, "3 answers were not what their calls are owed"),
        ({"total": {"payments": 100, "refused": 9, "wrong": 0}}, "only 9% were refused; 80% at least were meant to be"),
        ({"knee": {"found": False, "why": "no rate held"}}, "no knee was found: no rate held"),
        ({"audit": {"violations": [{}]}}, "the audit found 1 violations"),
    ],
)
def test_each_thing_that_does_not_hold_is_said(changes: dict[str, Any], why: str) -> None:
    assert why_not(_document(), _PROFILES["storm"]) == []
    assert why_not(_document(**changes), _PROFILES["storm"]) == [why]


def test_books_that_must_be_audited_and_were_not_do_not_hold() -> None:
    unaudited = _document(audit=None)
    assert why_not(unaudited, _PROFILES["storm"]) == []
    (why,) = why_not(unaudited, _PROFILES["storm"], require_audit=True)
    assert "--require-audit" in why
    assert why_not(_document(), _PROFILES["storm"], require_audit=True) == []


def test_what_the_generator_was_told_and_the_books_is_one_line() -> None:
    accepted = {"told": 352, "in_books": 351, "missing": 1, "refused": 29, "others": 2}
    document = _document(audit={"violations": [], "accepted": accepted}, with_warm_up={"sent": 400})
    document["total"]["sent"] = 320
    assert compared(document) == (
        "352 accepted by the generator (warm-up included), 351 in the books, 1 missing; 400 calls were sent, 80 of them as "
        "warm-up; the books hold 382 payments: besides these 29 refused, 2 others"
    )
    assert compared(_document(audit=None)) == ""
