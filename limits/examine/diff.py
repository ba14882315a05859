"""What changed in the law between two days, or between the law and a scenario on one: told with the day and the source.

A thing is described by aspects (its value, whom it counts, its conditions, ...); it changed where an aspect reads
otherwise. Another source for the same words is no change. Nothing is judged here.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from limits.classification import Row
from limits.conditions import describe
from limits.documents import Dated, Source
from limits.examine.catalogue import coefficient_text
from limits.lanes import LaneDocument, open_on
from limits.measures import Use
from limits.rules import Rulebook
from limits.values import RuleValue, documents_of

BEGUN, ENDED, CHANGED = "begun", "ended", "changed"
KINDS = ("rule", "lane", "class", "tag")


class Said(NamedTuple):
    """How a thing reads on a day: aspect to words; since when, and by which source."""

    aspects: Mapping[str, str]
    since: date
    reference: str
    assumed: bool


class Step(NamedTuple):
    """One day on which it changed, what it read from then on (empty = no longer there), and by which source."""

    on: date
    after: Mapping[str, str]
    reference: str
    assumed: bool


class Change(NamedTuple):
    """One thing that reads otherwise: only the aspects that differ, and each step in between."""

    kind: str  # rule | lane | class | tag
    id: str
    change: str  # begun | ended | changed
    before: Mapping[str, str]
    after: Mapping[str, str]
    steps: tuple[Step, ...]  # oldest first; of a scenario, the day from which its value holds


def diff(before: Rulebook, from_day: date, after: Rulebook, to_day: date) -> list[Change]:
    """List what reads otherwise in `after` on `to_day` than in `before` on `from_day`, rules first."""
    old, new = _said(before, from_day), _said(after, to_day)
    return [
        change
        for key in sorted({**old, **new}, key=lambda key: (KINDS.index(key[0]), key[1]))
        if (change := _change(key, old.get(key), new.get(key), after, from_day, to_day)) is not None
    ]


def reads(rulebook: Rulebook, kind: str, name: str, day: date) -> Said | None:
    """Say how one thing reads on a day, `kind` of KINDS; None where it is not in force."""
    return _one(rulebook, (kind, name), day)


def document_of(change: Change) -> dict[str, Any]:
    """Write a change for programs; `on` is the day of its last step."""
    steps = [
        {"on": step.on.isoformat(), "after": dict(step.after), "reference": step.reference, "assumed": step.assumed}
        for step in change.steps
    ]
    return {
        "kind": change.kind, "id": change.id, "change": change.change, "on": steps[-1]["on"] if steps else None,
        "before": dict(change.before), "after": dict(change.after),
        "reference": steps[-1]["reference"] if steps else None, "steps": steps,
    }  # fmt: skip


_Key = tuple[str, str]  # kind, id


def _change(
    key: _Key, old: Said | None, new: Said | None, rulebook: Rulebook, from_day: date, to_day: date
) -> Change | None:
    before, after = _differing(old, new)
    if not before and not after:
        return None
    what = BEGUN if old is None else ENDED if new is None else CHANGED
    steps = tuple(_steps(key, old, rulebook, from_day, to_day))
    if not steps and new is not None:  # a scenario's: it reads otherwise on one and the same day
        steps = (Step(new.since, after, new.reference, new.assumed),)
    return Change(*key, what, before, after, steps)


def _differing(old: Said | None, new: Said | None) -> tuple[dict[str, str], dict[str, str]]:
    was, is_now = (said.aspects if said is not None else {} for said in (old, new))
    names = [name for name in {**was, **is_now} if was.get(name) != is_now.get(name)]
    return {name: was[name] for name in names if name in was}, {name: is_now[name] for name in names if name in is_now}


def _steps(key: _Key, old: Said | None, rulebook: Rulebook, from_day: date, to_day: date) -> Iterable[Step]:
    """Tell each day after `from_day` up to `to_day` on which it reads otherwise than the day before."""
    last = old
    for day in sorted(day for day in _days(rulebook, key) if from_day < day <= to_day):
        now = _one(rulebook, key, day)
        before, after = _differing(last, now)
        if before or after:
            source = now or last
            assert source is not None
            yield Step(day, after, source.reference, source.assumed)
        last = now


def _days(rulebook: Rulebook, key: _Key) -> set[date]:
    """Return each day from which a thing may read otherwise."""
    rows = _dated(rulebook, key)
    return {row.since for row in rows} | {row.until + timedelta(days=1) for row in rows if row.until is not None}


def _dated(rulebook: Rulebook, key: _Key) -> tuple[Dated[Any], ...]:
    kind, name = key
    book = rulebook.book
    if kind == "rule":
        return book.rules[name].values if name in book.rules else ()
    if kind == "lane":
        return next((lane.values for lane in book.lanes if lane.id == name), ())
    if kind == "class":
        return tuple(row for row in book.rows if row.value.id == name)
    return tuple(row for row in book.tags.rows if _tag_id(row) == name)


def _said(rulebook: Rulebook, day: date) -> dict[_Key, Said]:
    book = rulebook.book
    keys = [("rule", name) for name in book.rules] + [("lane", lane.id) for lane in book.lanes]
    keys += [("class", row.value.id) for row in book.rows] + [("tag", _tag_id(row)) for row in book.tags.rows]
    return {key: said for key in keys if (said := _one(rulebook, key, day)) is not None}


def _one(rulebook: Rulebook, key: _Key, day: date) -> Said | None:
    """Say how a thing reads on a day, None where it is not in force."""
    kind, name = key
    if kind == "rule":
        try:
            return _rule(rulebook.on(day).rule(name))
        except KeyError:
            return None
    if kind == "lane":
        found = next((lane for lane in rulebook.book.lanes if lane.id == name), None)
        return _lane(found, day) if found is not None else None
    for row in _dated(rulebook, key):
        if row.covers(day):
            return _sourced(_row(row.value) if kind == "class" else {"tag": row.value.tag}, row.since, row.source)
    return None


def _rule(value: RuleValue) -> Said:
    values = _values(value)
    counted = {
        "window": value.window, "scope": value.scope, "basis": value.basis, "effect": value.effect,
        "enforced by": value.enforced_by, "state": value.state,
    }  # fmt: skip
    aspects = values | {name: words for name, words in counted.items() if words}
    return Said(aspects, value.since, value.reference, value.assumed)


def _values(value: RuleValue) -> dict[str, str]:
    if value.coefficient is not None:
        return {"value": coefficient_text(value.coefficient)}
    return {
        f"value {each['key']}" if each["key"] else f"value {each['currency']}" if several else "value": _amount(each)
        for rows in (documents_of(value),)
        for several in (len(rows) > 1,)
        for each in rows
    }


def _amount(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return "no limit"
    return f"{row['currency']} {row['value']}" if row["currency"] else str(row["value"])


def _lane(document: LaneDocument, day: date) -> Said | None:
    found = open_on(document, day)
    if found.closed:
        return None
    row = next(row for row in document.values if row.covers(day))
    aspects = {
        "conditions": describe(found.when),
        "rules": "; ".join(_use(use) for use in document.uses),
        "thresholds": ", ".join(document.thresholds),
        "corridors": "; ".join(
            f"{way.origin} to {way.destination} over {', '.join((*way.source_rails, *way.destination_rails))}"
            + "".join(f", {_use(use)}" for use in way.uses)
            for way in document.corridors
        ),
        "hours": document.hours or "",
        "charge": document.charge or "",
    }
    return _sourced({name: words for name, words in aspects.items() if words}, row.since, row.source)


def _use(use: Use) -> str:
    how = ", ".join(part for part in (use.effect, use.scope, "gives headroom back" if use.down else "") if part)
    return f"{use.rule} ({how})" if how else use.rule


def _row(row: Row) -> dict[str, str]:
    entries = "; ".join(
        " ".join(part for part in (each.economy, each.side, each.item, each.code or "", each.change) if part)
        for each in row.entries
    )
    aspects = {
        "conditions": describe(row.when),
        "entries": entries,
        "spared": ", ".join(row.spared),
        "needs": ", ".join(row.needs),
    }
    return {name: words for name, words in aspects.items() if words}


def _tag_id(row: Dated[Any]) -> str:
    return f"{row.value.tag}: {describe(row.value.when)}"


def _sourced(aspects: Mapping[str, str], since: date, source: Source) -> Said:
    return Said(aspects, since, source.line, source.assumed)
