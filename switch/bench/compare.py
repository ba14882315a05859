"""A run beside a kept one: raw rates, and ratios to each run's own yardsticks, since no two hours of a machine are alike. Pure.

A difference is said only where both were measured on the like (machine, Python, PostgreSQL and its settings) and their intervals
have nothing in common; a row measured once has no interval, so nothing is said of it. The figures are shown in any case.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from switch.bench.statistics import RATIOS, Summary, ratio, summary

FASTER, SLOWER, OVERLAP = "faster", "slower", "no difference shown"
ONE_VALUE, NOT_COMPARABLE = "one value: no judgement", "not comparable: "
_ALIKE = {"cores": "cores", "cpu": "CPU model", "machine": "machine", "python": "Python"}  # of the manifest


def compare(now: Mapping[str, Any], kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List what both runs measured: rates first (`yardstick` null), then ratios."""
    mine, theirs = rounds_of(now), rounds_of(kept)
    unlike = unlikeness(now.get("manifest") or {}, kept.get("manifest") or {})
    both = [name for name in mine if name in theirs]
    lines = [_line(name, None, summary(mine[name]), summary(theirs[name]), unlike) for name in both]
    for subject, yardstick in _pairs(both):
        new, old = ratio(mine[subject], mine[yardstick]), ratio(theirs[subject], theirs[yardstick])
        if new is not None and old is not None:
            lines.append(_line(subject, yardstick, new, old, unlike))
    return lines


def unlikeness(now: Mapping[str, Any], kept: Mapping[str, Any]) -> list[str]:
    """Say in what two manifests differ that rates depend on; what only one of them tells is not known to be the same.

    Of PostgreSQL's settings those that both tell are compared: older results kept fewer of them.
    """
    found = [_differing(title, now.get(name), kept.get(name)) for name, title in _ALIKE.items()]
    mine, theirs = now.get("postgres") or {}, kept.get("postgres") or {}
    if bool(mine) != bool(theirs):
        found.append("PostgreSQL's settings known of one only")
    found += [_differing(f"PostgreSQL's {name}", mine[name], theirs[name]) for name in mine if name in theirs]
    return [text for text in found if text]


def _differing(title: str, now: Any, kept: Any) -> str:
    if (now or None) == (kept or None):
        return ""
    return f"{title} {now or 'not known'}, then {kept or 'not known'}"


def rounds_of(document: Mapping[str, Any]) -> dict[str, Sequence[float]]:
    """Return each row's rates round by round; of an older document the one it has."""
    by_round: dict[str, Sequence[float]] = dict(document.get("by_round") or {})
    return by_round or {name: [rate] for name, rate in document["rates"].items()}


def _pairs(rows: Sequence[str]) -> list[tuple[str, str]]:
    return [(each.subject, each.yardstick) for each in RATIOS if each.subject in rows and each.yardstick in rows]


def _line(row: str, yardstick: str | None, now: Summary, kept: Summary, unlike: Sequence[str]) -> dict[str, Any]:
    return {
        "row": row,
        "yardstick": yardstick,
        "now": now._asdict(),
        "kept": kept._asdict(),
        "change": round(now.median / kept.median - 1, 4) if kept.median else None,
        "overlap": now.overlaps(kept),
        "verdict": _verdict(now, kept, unlike),
    }


def _verdict(now: Summary, kept: Summary, unlike: Sequence[str]) -> str:
    if unlike:
        return NOT_COMPARABLE + "; ".join(unlike)
    if min(now.rounds, kept.rounds) < 2:
        return ONE_VALUE
    return OVERLAP if now.overlaps(kept) else FASTER if now.low > kept.high else SLOWER
