"""The law as a list: every rule, lane, classification row and tag with its days, its history, and how many there are.

Nothing is judged here; what is in force on a day is limits.rules, what changed between two is limits.examine.diff.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from limits.documents import Dated, Document
from limits.lanes import LaneDocument
from limits.rules import CODES_FILE, Rulebook
from limits.values import GROUP_EQUITY, RuleValue, documents_of, value_of


class Entry(NamedTuple):
    """One thing of the law, with all its history in a line."""

    kind: str  # limit | charge | rate | hours | ratio | notice | lane | class | tag
    id: str
    description: str
    first_day: date
    last_change: date
    ended: date | None  # its last day, None = no end known
    dated_values: int
    enforced_by: str  # "" for what nobody enforces by itself: lanes, rows, tags
    state: str  # active | advisory; a lane that only scenarios switch on: inactive
    missing_approvals: tuple[str, ...]
    assumed: bool  # some dated value of it, or a field of it, has no source
    references: tuple[str, ...]


def entries(rulebook: Rulebook) -> list[Entry]:
    """List everything: rules by id, then lanes, classification rows and tags in their order."""
    return [*_rules(rulebook), *_lanes(rulebook), *_rows(rulebook), *_tags(rulebook)]


def _rules(rulebook: Rulebook) -> Iterator[Entry]:
    for _, rule in sorted(rulebook.book.rules.items()):
        yield _entry(
            rule.kind, rule.id, rule.description, rule.values, rule.enforced_by, rule.state, rule.missing_approvals,
            bool(rule.assumptions),
        )  # fmt: skip


def _lanes(rulebook: Rulebook) -> Iterator[Entry]:
    for lane in rulebook.book.lanes:
        yield _entry("lane", lane.id, lane.description, lane.values, "", "active" if lane.active else "inactive")


def _rows(rulebook: Rulebook) -> Iterator[Entry]:
    for row in rulebook.book.rows:
        yield _entry("class", row.value.id, row.value.description, (row,))


def _tags(rulebook: Rulebook) -> Iterator[Entry]:
    for row in rulebook.book.tags.rows:
        text = " and ".join(condition.text for condition in row.value.when)
        yield _entry("tag", row.value.tag, text, (row,))


def _entry(
    kind: str, name: str, description: str, rows: tuple[Dated[Any], ...], enforced_by: str = "", state: str = "active",
    missing_approvals: tuple[str, ...] = (), assumed: bool = False,
) -> Entry:  # fmt: skip
    sources = [row.source for row in rows]
    return Entry(
        kind, name, description, rows[0].since, rows[-1].since, rows[-1].until, len(rows), enforced_by, state,
        missing_approvals, assumed or any(source.assumed or source.assumptions for source in sources),
        tuple(dict.fromkeys(source.line for source in sources)),
    )  # fmt: skip


def schemes(rulebook: Rulebook) -> Mapping[str, frozenset[str]]:
    """Return for each scheme the ids that belong to it: its lanes, what they use, and rules that carry its name."""
    found: dict[str, set[str]] = {}
    for lane in rulebook.book.lanes:
        uses = {use.rule for use in (*lane.uses, *(use for way in lane.corridors for use in way.uses))}
        named = {lane.hours, lane.charge} - {None}
        found.setdefault(lane.scheme, set()).update({lane.id}, uses, lane.thresholds, {str(name) for name in named})
    for rule in rulebook.book.rules:
        found.setdefault(rule.partition(".")[0], set()).add(rule)
    return {scheme: frozenset(ids) for scheme, ids in sorted(found.items())}


class Past(NamedTuple):
    """One row of a history: from when to when, what it said, and where from."""

    since: date
    until: date | None
    value: str
    reference: str
    confidence: str
    quote: str
    assumed: bool
    reason: str
    last_evidence: date | None
    scope: str = ""  # of a rule on those days: whose counter, what it does, when it begins anew
    effect: str = ""
    window: str = ""


def history(rulebook: Rulebook, name: str) -> list[Past]:
    """Return the whole history of a rule or lane, oldest first; raises KeyError where there is none of that name."""
    rule = rulebook.book.rules.get(name)
    if rule is not None:
        values = [value_of(rule, row) for row in rule.values]
        return [
            _past(row, value_text(value))._replace(scope=value.scope, effect=value.effect, window=value.window)
            for row, value in zip(rule.values, values, strict=True)
        ]
    lane = next((lane for lane in rulebook.book.lanes if lane.id == name), None)
    if lane is None:
        raise KeyError(name)
    return [_past(row, _conditions(lane, row)) for row in lane.values]


def value_text(value: RuleValue) -> str:
    """Write what a rule says on a day: "CNY 13000000000.00", several after each other, or that it sets no limit."""
    if value.coefficient is not None:
        return coefficient_text(value.coefficient)
    said = []
    for row in documents_of(value):
        amount = " ".join(part for part in (row["currency"], row["value"]) if part)
        said.append(f"{row['key']}: {amount}" if row["key"] else amount)
    return "; ".join(said) if any(row["value"] for row in documents_of(value)) else "no limit"


def coefficient_text(coefficient: object) -> str:
    """Write a ceiling that is a coefficient of a fact: no amount of any currency."""
    return f"{coefficient} × {GROUP_EQUITY.replace('-', ' ')}"


def _conditions(lane: LaneDocument, row: Dated[Any]) -> str:
    return " and ".join(condition.text for condition in row.value) or lane.description


def _past(row: Dated[Any], value: str) -> Past:
    source = row.source
    return Past(
        row.since, row.until, value, source.line, source.confidence, source.quote, source.assumed, source.reason,
        source.last_evidence,
    )  # fmt: skip


def figures(rulebook: Rulebook) -> dict[str, int]:
    """Count the law: rules, dated values, sources, assumptions, lanes, rows, tags, codes."""
    listed = entries(rulebook)
    rules = [entry for entry in listed if entry.kind not in ("lane", "class", "tag")]
    codes = rulebook.documents[CODES_FILE]["codes"]
    verified = sum(1 for code in codes if code["verified"])
    sources = {line for entry in listed for line in entry.references if not line.startswith("assumed: ")}
    return {
        "rules": len(rules),
        "limits": sum(1 for rule in rules if rule.kind == "limit"),
        "notices": sum(1 for rule in rules if rule.kind == "notice"),
        "dated_values": sum(rule.dated_values for rule in rules),
        "dated_rows_in_all": sum(entry.dated_values for entry in listed),
        "sources": len(sources),
        "assumed_parameters": sum(_assumed(document) for document in rulebook.documents.values()),
        "lanes": sum(1 for entry in listed if entry.kind == "lane"),
        "classification_rows": sum(1 for entry in listed if entry.kind == "class"),
        "rmb_tag_rows": sum(1 for entry in listed if entry.kind == "tag"),
        "codes": len(codes),
        "codes_verified": verified,
        "codes_unverified": len(codes) - verified,
    }


def _assumed(data: Document | Any) -> int:
    """Count the marks: `assumed: true`, and each field under `assumptions`."""
    if isinstance(data, Mapping):
        own = (data.get("assumed") is True) + len(data.get("assumptions") or {})
        return own + sum(_assumed(value) for key, value in data.items() if key != "assumptions")
    return sum(_assumed(value) for value in data) if isinstance(data, list) else 0
