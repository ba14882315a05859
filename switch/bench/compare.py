"""A run beside a kept one: raw rates, and ratios to each run's own yardsticks, since no two hours of a machine are alike. Pure.

A difference is said only where the intervals have nothing in common; results kept before there were rounds have one value.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from switch.bench.statistics import RATIOS, Summary, ratio, summary

FASTER, SLOWER, OVERLAP = "faster", "slower", "no difference shown"


def compare(now: Mapping[str, Any], kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List what both runs measured: rates first (`yardstick` null), then ratios."""
    mine, theirs = rounds_of(now), rounds_of(kept)
    both = [name for name in mine if name in theirs]
    lines = [_line(name, None, summary(mine[name]), summary(theirs[name])) for name in both]
    for subject, yardstick in _pairs(both):
        new, old = ratio(mine[subject], mine[yardstick]), ratio(theirs[subject], theirs[yardstick])
        if new is not None and old is not None:
            lines.append(_line(subject, yardstick, new, old))
    return lines


def rounds_of(document: Mapping[str, Any]) -> dict[str, Sequence[float]]:
    """Return each row's rates round by round; of an older document the one it has."""
    by_round: dict[str, Sequence[float]] = dict(document.get("by_round") or {})
    return by_round or {name: [rate] for name, rate in document["rates"].items()}


def _pairs(rows: Sequence[str]) -> list[tuple[str, str]]:
    return [(each.subject, each.yardstick) for each in RATIOS if each.subject in rows and each.yardstick in rows]


def _line(row: str, yardstick: str | None, now: Summary, kept: Summary) -> dict[str, Any]:
    verdict = OVERLAP if now.overlaps(kept) else FASTER if now.low > kept.high else SLOWER
    return {
        "row": row,
        "yardstick": yardstick,
        "now": now._asdict(),
        "kept": kept._asdict(),
        "change": round(now.median / kept.median - 1, 4) if kept.median else None,
        "overlap": now.overlaps(kept),
        "verdict": verdict,
    }
