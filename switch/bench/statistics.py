"""What a row's rounds come to: medians, intervals, ratios to the yardstick of the same round. Pure; measures nothing."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

PLACES = 4


class Summary(NamedTuple):
    """The middle of some rounds and what they lie between: of so few no narrower interval can be said honestly."""

    median: float
    low: float
    high: float
    rounds: int

    def overlaps(self, other: "Summary") -> bool:
        """Whether two intervals have a value in common: then no difference has been shown."""
        return self.low <= other.high and other.low <= self.high


class Ratio(NamedTuple):
    """A row beside a yardstick of the same run, and what is asked of it (None: it is only shown)."""

    subject: str
    yardstick: str
    asked: float | None


# What the README asks of a row: at least so many times its yardstick.
RATIOS = (
    Ratio("pipeline", "pgbench", 2.5),
    Ratio("pipeline", "raw_insert", 0.6),
    Ratio("pipeline", "one_per_transaction", None),
    Ratio("http_single", "fastapi_trivial", 0.5),
    Ratio("http_single", "pgbench", None),
    Ratio("http_batch", "pgbench", 1.5),
    Ratio("pacs008_1", "fastapi_trivial", None),
    Ratio("pacs008_100", "pgbench", 1.5),
    Ratio("explain", "fastapi_trivial", None),
    Ratio("storm", "pipeline", 2.0),
    Ratio("slow_rails", "pipeline", None),
)


def summary(values: Sequence[float]) -> Summary:
    """Return median, least and greatest."""
    assert values, "a row without rounds"
    return Summary(round(median(values), PLACES), round(min(values), PLACES), round(max(values), PLACES), len(values))


def ratio(subject: Sequence[float], yardstick: Sequence[float]) -> Summary | None:
    """Return the summary of the ratios round by round; None where a yardstick gave nothing."""
    pairs = list(zip(subject, yardstick, strict=True))
    if not pairs or any(below <= 0 for _, below in pairs):
        return None
    return summary([above / below for above, below in pairs])


def ratios(by_round: Mapping[str, Sequence[float]]) -> list[dict[str, object]]:
    """List the ratios whose both sides were measured, and whether what is asked was reached (median)."""
    found: list[dict[str, object]] = []
    for subject, yardstick, asked in RATIOS:
        if subject not in by_round or yardstick not in by_round:
            continue
        of_rounds = ratio(by_round[subject], by_round[yardstick])
        if of_rounds is not None:
            met = None if asked is None else of_rounds.median >= asked
            found.append(
                {"subject": subject, "yardstick": yardstick, **of_rounds._asdict(), "asked": asked, "met": met}
            )
    return found
