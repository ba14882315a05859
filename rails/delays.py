"""How long a rail's parties take: a distribution given by five quantiles, as a table. No chance here, no clock."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from itertools import pairwise
from typing import NamedTuple

STEPS = 1024  # a draw is a whole number below this
_QUANTILES = ("p0", "p50", "p90", "p99", "p100")
_SHARES = (0, 50, 90, 99, 100)


class Delays(NamedTuple):
    """Delays by draw: until the creditor agent has answered, and from settlement until the credit is confirmed."""

    answer: tuple[timedelta, ...]
    confirmation: tuple[timedelta, ...]


INSTANT = Delays((timedelta(0),) * STEPS, (timedelta(0),) * STEPS)


def table(quantiles_ms: Mapping[str, int]) -> tuple[timedelta, ...]:
    """Spread STEPS delays over the quantiles p0, p50, p90, p99, p100 (milliseconds), straight between them."""
    levels = tuple(quantiles_ms[name] for name in _QUANTILES)
    if list(levels) != sorted(levels) or levels[0] < 0:
        raise ValueError(f"delays must ascend from zero or more: {dict(quantiles_ms)}")
    return _spread(levels)


@cache
def _spread(levels: tuple[int, ...]) -> tuple[timedelta, ...]:
    return tuple(delay_at(levels, step) for step in range(STEPS))


def delay_at(levels_ms: Sequence[int], step: int) -> timedelta:
    """Return one delay of the table over the quantiles p0, p50, p90, p99, p100 (milliseconds), at a draw below STEPS."""
    return timedelta(milliseconds=_level(levels_ms, step))


def _level(levels: Sequence[int], step: int) -> int:
    place = step * 100
    for (low_share, high_share), (low, high) in zip(pairwise(_SHARES), pairwise(levels), strict=True):
        if place < high_share * STEPS:
            return low + (high - low) * (place - low_share * STEPS) // ((high_share - low_share) * STEPS)
    raise AssertionError("a step lies below the last quantile")
