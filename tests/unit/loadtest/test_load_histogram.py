"""The histogram against exact percentiles: within its stated precision, and two add up to one."""

import numpy
import pytest

from loadtest.open.histogram import PRECISION, SIZE, Histogram, _middle, _places


def _of(seconds: "numpy.ndarray[tuple[int], numpy.dtype[numpy.float64]]") -> Histogram:
    histogram = Histogram()
    histogram.record(seconds)
    return histogram


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("percent", [1, 50, 90, 99, 99.9, 100])
def test_a_percentile_is_off_by_no_more_than_it_says(seed: int, percent: float) -> None:
    drawn = numpy.random.default_rng(seed).lognormal(-6, 2, 20_001)
    exact = float(numpy.percentile(drawn, percent, method="inverted_cdf"))
    found = _of(drawn).percentile(percent)
    assert abs(found - exact) <= PRECISION * exact + 1e-6  # a microsecond: durations are whole ones


def test_every_bucket_begins_where_the_last_one_ends() -> None:
    middles = [_middle(place) for place in range(SIZE)]
    assert middles == sorted(set(middles))
    assert _places(numpy.array(middles) / 1e6).tolist() == list(range(SIZE))


def test_two_histograms_add_up_to_one_of_both() -> None:
    drawn = numpy.random.default_rng(9).exponential(0.05, 5_000)
    both, half = _of(drawn), _of(drawn[:2_000])
    half.add(_of(drawn[2_000:]))
    assert half.counts.tolist() == both.counts.tolist() and half.seconds_max == both.seconds_max


def test_the_maximum_is_exact_and_bounds_every_percentile() -> None:
    histogram = _of(numpy.array([0.001, 0.7771]))
    assert histogram.milliseconds()["max"] == 777.1
    assert histogram.percentile(100) <= 0.7771


def test_percentiles_say_of_how_many_and_the_rare_one_wants_a_thousand() -> None:
    few, many = (_of(numpy.full(count, 0.001)).milliseconds() for count in (999, 1_000))
    assert few["samples"] == 999 and "p99.9" not in few and few["p99"] == 1.0
    assert many["samples"] == 1_000 and many["p99.9"] == 1.0


def test_nothing_counted_is_no_latency() -> None:
    assert Histogram().percentile(99) == 0.0


def test_what_is_longer_than_the_last_bucket_is_counted_in_it() -> None:
    assert _of(numpy.array([1e9])).count == 1
