"""The search for the knee finds it to its precision, from above and below, and says so where it cannot; the gate's own verdicts."""

from typing import Any

import pytest

from loadtest.open.gate import gate
from loadtest.open.knee import FAILS, HOLDS, UNUSABLE, Knee, Search, faults, verdict


def _found(search: Search, knee: float, unusable_from: float = 1e9) -> tuple[float | None, int]:
    looking, tried = Knee(search), 0
    while (rate := looking.next_rate()) is not None:
        tried += 1
        looking.tell(rate, UNUSABLE if rate >= unusable_from else HOLDS if rate <= knee else FAILS)
    return looking.rate, tried


@pytest.mark.parametrize("knee", [3, 57, 399, 400, 401, 1_234, 9_999])
def test_the_knee_is_found_to_its_precision(knee: float) -> None:
    search = Search(start=400, precision=0.05)
    rate, tried = _found(search, knee)
    assert rate is not None and knee - max(0.06 * knee, 1) <= rate <= knee
    assert tried <= search.steps_max


def test_where_nothing_holds_there_is_no_knee() -> None:
    assert _found(Search(start=400), 0)[0] is None


def test_where_the_generator_is_the_bound_there_is_no_knee() -> None:
    assert _found(Search(start=400), 1e6, unusable_from=2_000)[0] is None


def _gate(**changes: Any) -> Any:
    sound: dict[str, Any] = {
        "offered": 100, "sent": 100, "answered": 100, "unanswered": {}, "cpu_share": 0.2, "rate": 1_000.0,
        "ceiling_per_second": 10_000.0, "lateness_p99_ms": 2.0,
        "accepted_share": 1.0, "accepted_share_min": 0.9,
    }  # fmt: skip
    return gate(**{**sound, **changes})


def test_the_gate_holds_where_all_was_answered_and_the_generator_had_room() -> None:
    assert _gate().valid


@pytest.mark.parametrize(
    ("changes", "why", "generator_bound"),
    [
        ({"cpu_share": 0.71}, "71% of its core", True),
        ({"rate": 7_001.0}, "ceiling", True),
        ({"lateness_p99_ms": 101.0}, "came late", False),
        ({"sent": 99, "answered": 99}, "1 of 100 calls could not be sent", False),
        ({"answered": 98, "unanswered": {"timed out": 2}}, "2 timed out", False),
        ({"offered": 0, "sent": 0, "answered": 0}, "nothing was offered", False),
    ],
)
def test_each_fault_breaks_the_gate_and_is_named(changes: dict[str, Any], why: str, generator_bound: bool) -> None:
    found = _gate(**changes)
    assert not found.valid and why in found.why[0] and len(found.why) == 1
    assert found.generator_bound == generator_bound


def test_a_rate_holds_only_within_all_limits() -> None:
    search = Search()
    assert verdict(250, 0.0, 0, _gate(), search) == HOLDS
    assert verdict(250.1, 0.0, 0, _gate(), search) == FAILS
    assert verdict(10, 0.001, 0, _gate(), search) == FAILS
    assert verdict(10, 0.0, 1, _gate(), search) == FAILS
    assert verdict(10, 0.0, 0, _gate(answered=99), search) == FAILS
    assert verdict(900, 0.0, 0, _gate(cpu_share=0.9), search) == UNUSABLE


def test_a_hiccup_below_the_knee_is_not_believed() -> None:
    looking, hiccup, tried = Knee(Search(start=400, precision=0.05)), True, []
    while (rate := looking.next_rate()) is not None:
        holds = rate <= 3_000 and not (rate == 900 and hiccup)
        hiccup = hiccup and rate != 900
        tried.append(rate)
        looking.tell(rate, HOLDS if holds else FAILS)
    assert looking.rate is not None and 2_850 <= looking.rate <= 3_000 and tried.count(900) == 2
    assert looking.why == ""


def test_a_search_that_ends_with_every_rate_held_says_so() -> None:
    looking = Knee(Search(start=400, steps_max=3))
    while (rate := looking.next_rate()) is not None:
        looking.tell(rate, HOLDS)
    assert looking.rate is None and looking.why.startswith("every rate held, up to 900 calls a second")


def test_a_search_that_ends_early_says_between_what_the_knee_lies() -> None:
    looking = Knee(Search(start=400, steps_max=4))
    while (rate := looking.next_rate()) is not None:
        looking.tell(rate, HOLDS if rate <= 700 else FAILS)
    assert looking.rate == 600 and looking.why.startswith("between 600 and 900")


def test_a_rate_whose_payments_are_not_accepted_does_not_hold_and_says_so() -> None:
    turned_away = _gate(accepted_share=0.5)
    assert verdict(10, 0.0, 0, turned_away, Search()) == FAILS
    assert faults(10, 0.0, 0, turned_away, Search()) == ("accepted share 50.0%; 90% of the payments is the least",)
    assert faults(900, 0.5, 2, _gate(), Search()) == (
        "p99 900 ms; 250 is the most",
        "shed 50.00%; it must be less than 0.10%",
        "2 wrong answers",
    )
