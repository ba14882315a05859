"""A log-linear histogram of durations, in numpy: cheap to fill, exact to add up, wrong by at most 0.4 %.

Own, because hdrhistogram has no wheels for ARM Linux and macOS. Durations are counted in whole microseconds; below 256 µs each
has a bucket of its own, above that every power of two is cut into 128. A percentile is the middle of its bucket, hence at most
1/256 off; the largest value is kept as it was.
"""

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

_BITS = 7  # 2^7 buckets a power of two
_EXPONENT_MAX = 34 - _BITS  # up to 2^34 µs, about 4.8 hours: longer than any run
SIZE = ((_EXPONENT_MAX + 1) << _BITS) + (1 << _BITS)
PRECISION = 1 / 2 ** (_BITS + 1)  # relative error of a percentile at most
_MICROSECONDS = 1_000_000
_SAMPLES_OF_THE_RARE = 1_000


class Histogram:
    """Counts of durations; two of them add up to what one of both would have been."""

    def __init__(self) -> None:
        self.counts: NDArray[numpy.int64] = numpy.zeros(SIZE, numpy.int64)
        self.seconds_max = 0.0

    def record(self, seconds: NDArray[numpy.float64]) -> None:
        """Count durations in seconds; negative ones count as none."""
        if len(seconds):
            self.counts += numpy.bincount(_places(seconds), minlength=SIZE)
            self.seconds_max = max(self.seconds_max, float(seconds.max()))

    def add(self, other: "Histogram") -> None:
        """Take in what another has counted."""
        self.counts += other.counts
        self.seconds_max = max(self.seconds_max, other.seconds_max)

    @property
    def count(self) -> int:
        """Return how many durations were counted."""
        return int(self.counts.sum())

    def percentile(self, percent: float) -> float:
        """Return the duration in seconds that `percent` of all do not exceed (the smallest such one counted); 0 where there is none."""
        if not (total := self.count):
            return 0.0
        rank = max(1, int(numpy.ceil(total * percent / 100)))
        place = int(numpy.searchsorted(numpy.cumsum(self.counts), rank))
        return min(_middle(place) / _MICROSECONDS, self.seconds_max)

    def milliseconds(self, percents: Sequence[float] = (50, 90, 95, 99, 99.9)) -> dict[str, float]:
        """Write percentiles and the maximum in milliseconds, and of how many: {"p50": …, "p99.9": …, "max": …, "samples": …}.

        p99.9 is left out of fewer than a thousand, of which it would be the largest alone.
        """
        count = self.count
        told = [percent for percent in percents if percent <= 99 or count >= _SAMPLES_OF_THE_RARE]
        found = {f"p{percent:g}": round(1000 * self.percentile(percent), 3) for percent in told}
        return found | {"max": round(1000 * self.seconds_max, 3), "samples": count}

    def document(self) -> dict[str, Any]:
        """Write it whole: counts by the middle of their bucket in microseconds, empty ones left out."""
        filled = numpy.flatnonzero(self.counts)
        return {
            "count": self.count,
            "precision": PRECISION,
            "max_ms": round(1000 * self.seconds_max, 3),
            "microseconds": [[_middle(int(place)), int(self.counts[place])] for place in filled],
        }


def _places(seconds: NDArray[numpy.float64]) -> NDArray[numpy.int64]:
    whole = numpy.rint(seconds * _MICROSECONDS)
    values = numpy.clip(whole, 0, 2 ** (_EXPONENT_MAX + _BITS + 1) - 1).astype(numpy.int64)
    # frexp gives the number of binary digits, exact below 2^53.
    exponents = numpy.maximum(numpy.frexp(values.astype(numpy.float64))[1] - (_BITS + 1), 0).astype(numpy.int64)
    places: NDArray[numpy.int64] = (exponents << _BITS) + (values >> exponents)
    return places


def _middle(place: int) -> float:
    """Return the middle of a bucket in microseconds."""
    exponent = max((place >> _BITS) - 1, 0)
    low = (place - (exponent << _BITS)) << exponent
    return low + ((1 << exponent) - 1) / 2
