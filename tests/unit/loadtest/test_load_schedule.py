"""Schedules: so many calls a second, no gap between steps, the warm-up not judged; and what is no step is named."""

from typing import Any

import numpy
import pytest

from loadtest.open.schedule import POISSON, Step, read_steps, schedule


def test_uniform_arrivals_are_evenly_spaced() -> None:
    plan = schedule([Step(100, 2)])
    assert len(plan.at) == 200
    assert numpy.allclose(numpy.diff(plan.at), 0.01)


def test_steps_follow_each_other_without_a_gap() -> None:
    plan = schedule([Step(10, 1), Step(20, 1)])
    assert plan.at[10] == 1.0 and plan.begins == (0.0, 1.0) and plan.seconds == 2.0


def test_what_is_sent_in_the_warm_up_is_not_judged() -> None:
    plan = schedule([Step(10, 2), Step(10, 3, 1)])
    window = plan.judged(1)
    assert plan.at[window].min() == 3.0 and len(plan.at[window]) == 20


def test_poisson_arrivals_keep_the_rate_and_repeat_by_seed() -> None:
    one, same, other = (schedule([Step(500, 4)], POISSON, seed).at for seed in (3, 3, 4))
    assert len(one) == 2_000 and (one == same).all() and (one != other).any()
    gaps = numpy.diff(one)
    assert 0.9 < gaps.std() / gaps.mean() < 1.1  # of exponential gaps it is 1, of even ones 0


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ([], "a list such as"),
        ({"rate": 5}, "a list such as"),
        ([{"rate": 5}], r"steps\[0\]"),
        ([{"rate": 0, "seconds": 1}], "rate is a number above 0"),
        ([{"rate": 5, "seconds": 1, "warm_up_seconds": 1}], "warm_up_seconds"),
        ([{"rate": 5, "seconds": 1}, {"rate": 5, "seconds": 1, "users": 3}], r"steps\[1\]"),
        ([{"rate": "many", "seconds": 1}], "rate is a number"),
    ],
)
def test_what_is_no_step_is_named(given: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        read_steps(given)
