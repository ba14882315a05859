"""The checks of the law: everything wrong with a set of documents, told together, each by file and key. Pure.

Loading stops at the first fault; here every document is read by itself, and its rows one by one, before what they say
of each other is looked at. A fault is what must not be law; information is worth knowing and fails nothing. What no
check can see is whether a value is the one its source gives.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from limits.classification import ordered, read_codes, read_group, read_tags
from limits.classification.safe_codes import Code
from limits.documents import Document, RulebookError
from limits.examine.findings import Finding
from limits.examine.reach import groups, unnamed_purposes, unreachable_lanes, unreachable_rows
from limits.lanes import LaneDocument, read_lane
from limits.reading import read_rule
from limits.rules import CODES_FILE, DOCUMENT, TAGS_FILE, Rulebook
from limits.values import Rule

_TABLES = (TAGS_FILE, CODES_FILE)
_NO_LANE = frozenset({"notice", "ratio"})  # kinds that no lane uses
_ORDERS = frozenset({"net-buy-orders"})  # bases that orders claim, not payments


class _Read(NamedTuple):
    """What could be read of the documents, each by its file."""

    rules: Mapping[str, Rule]
    lanes: Mapping[str, LaneDocument]
    broken: frozenset[str]  # files that could not be read


def check(documents: Mapping[str, Document], purposes: Collection[str] = ()) -> list[Finding]:
    """Run every check; `purposes` are the purpose codes that messages may carry. Faults come first."""
    found = [*_sources(documents)]
    read, faults = _read(documents)
    found += faults
    if not read.broken:
        faults = [*_between(documents, read)]
        found += faults
    if not read.broken and not faults:
        rulebook = Rulebook(documents)
        found += [*_unused(read), *unreachable_rows(documents), *unreachable_lanes(documents, rulebook)]
        found += [*_drafts(read), *unnamed_purposes(documents, purposes)]
    unique = dict.fromkeys(found)
    return sorted(unique, key=lambda one: (not one.fault, one.file, one.key))


# Reading: every document by itself, and its rows one by one.


def _read(documents: Mapping[str, Document]) -> tuple[_Read, list[Finding]]:
    found = [Finding("reads", file, "document", "is missing") for file in _TABLES if file not in documents]
    rules: dict[str, Rule] = {}
    lanes: dict[str, LaneDocument] = {}
    codes: Mapping[str, Code] = {}
    if CODES_FILE in documents:
        try:
            codes = read_codes(CODES_FILE, documents[CODES_FILE])
        except RulebookError as error:
            found.append(_finding(error))
    for file, document in documents.items():
        if file == CODES_FILE:
            continue
        faults = [error for error in _faults(file, document, codes) if codes or not error.key.endswith(".code")]
        found += [_finding(error) for error in faults]
        if faults or file == TAGS_FILE:
            continue
        if file.startswith("lanes/"):
            lanes[file] = read_lane(file, document)
        elif not file.startswith("classification/"):
            rules[file] = read_rule(file, document)
    return _Read(rules, lanes, frozenset(one.file for one in found)), found


def _faults(file: str, document: Document, codes: Mapping[str, Code]) -> list[RulebookError]:
    """Read one document whole; where that fails, with each of its rows alone, so that each row's fault is told."""
    whole = _fault(file, document, codes)
    if whole is None:
        return []
    listed = "rows" if file == TAGS_FILE or file.startswith("classification/") else "values"
    rows = document.get(listed)
    if not isinstance(rows, list) or len(rows) < 2:
        return [whole]
    errors = [whole]
    for n, row in enumerate(rows):
        error = _fault(file, {**document, listed: [row]}, codes)
        if error is not None:
            key = error.key.replace(f"{listed}[0]", f"{listed}[{n}]", 1)
            errors.append(RulebookError(file, key, error.text))
    return list({(error.key, error.text): error for error in errors}.values())


def _fault(file: str, document: Document, codes: Mapping[str, Code]) -> RulebookError | None:
    try:
        if file == TAGS_FILE:
            read_tags(file, document)
        elif file.startswith("lanes/"):
            read_lane(file, document)
        elif file.startswith("classification/"):
            read_group(file, document, codes)
        else:
            read_rule(file, document)
    except RulebookError as error:
        return error
    return None


def _finding(error: RulebookError) -> Finding:
    return Finding("reads", error.file, error.key, error.text)


# Sources: whatever a document calls a reference, wherever it stands.


def _sources(documents: Mapping[str, Document]) -> Iterator[Finding]:
    for file, document in documents.items():
        for key, reference in _references(document, ""):
            if not isinstance(reference, Mapping):
                yield Finding("sources", file, key, "must be a mapping: title, body, day, confidence, quote")
                continue
            for part in ("title", "body", "day"):
                if not str(reference.get(part) or "").strip():
                    yield Finding("sources", file, f"{key}.{part}", "is missing: the source must be findable")
            if reference.get("day") and not _is_day(reference["day"]):
                text = f"{reference['day']!r} is no day; write 2025-06-22, or 2004-02 or 2012 where no more is known"
                yield Finding("sources", file, f"{key}.day", text)
            if "url" in reference and not _is_link(reference["url"]):
                text = f"{reference['url']!r} is no link; write the whole address, beginning with https://"
                yield Finding("links", file, f"{key}.url", text)


def _references(data: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            where = f"{path}.{key}".strip(".")
            if key == "reference" and value is not None:
                yield where, value
            else:
                yield from _references(value, where)
    elif isinstance(data, list):
        for n, value in enumerate(data):
            yield from _references(value, f"{path}[{n}]")


def _is_day(day: object) -> bool:
    """Whether it is a day, a month, a year, or several of them (`2005-07-21 and 2007-05-21`)."""
    return type(day) is date or all(_is_one_day(each) for each in re.split(r", | and ", str(day)))


def _is_one_day(text: str) -> bool:
    parts = text.split("-")
    try:
        date.fromisoformat("-".join([*parts, "01", "01"][:3]))
    except ValueError:
        return False
    return len(parts) <= 3


def _is_link(url: object) -> bool:
    if not isinstance(url, str) or any(letter.isspace() for letter in url):
        return False
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError where it is no number
    except ValueError:
        return False
    return parts.scheme == "https" and "." in (parts.hostname or "").strip(".")


# What documents say of each other.


def _between(documents: Mapping[str, Document], read: _Read) -> Iterator[Finding]:
    """Load the law without lanes, then with each lane alone: so one lane's fault does not hide another's."""
    codes = read_codes(CODES_FILE, documents[CODES_FILE])
    try:
        ordered({file: read_group(file, each, codes) for file, each in groups(documents)})
    except RulebookError as error:
        yield Finding("orders", error.file, error.key, error.text)
    rules = {file: documents[file] for file in (*_TABLES, *read.rules)}
    try:
        Rulebook(rules)
    except RulebookError as error:
        yield Finding("references", error.file, error.key, error.text)
        return
    for file in read.lanes:
        try:
            Rulebook({**rules, file: documents[file]})
        except RulebookError as error:
            yield Finding("references", error.file, error.key, error.text)
    taken: dict[int, str] = {}
    for file, lane in read.lanes.items():
        if lane.order in taken:
            yield Finding(
                "orders", file, "order", f"{lane.order} is taken by {taken[lane.order]}: the lower is tried first"
            )
        taken.setdefault(lane.order, lane.id)


def _unused(read: _Read) -> Iterator[Finding]:
    used = {rule.measure.rate for rule in read.rules.values()}
    for lane in read.lanes.values():
        uses = (*lane.uses, *(use for corridor in lane.corridors for use in corridor.uses))
        used |= {use.rule for use in uses} | set(lane.thresholds) | {lane.hours or "", lane.charge or ""}
    for file, rule in read.rules.items():
        elsewhere = rule.rail or rule.scope == DOCUMENT or rule.kind in _NO_LANE or rule.basis in _ORDERS
        if rule.id not in used and not elsewhere:
            yield Finding("unused", file, "id", "no lane uses this rule: it binds nobody", fault=False)


def _drafts(read: _Read) -> Iterator[Finding]:
    for file, rule in read.rules.items():
        if rule.missing_approvals:
            names = ", ".join(rule.missing_approvals)
            yield Finding(
                "drafts", file, "approvals", f"counts and refuses nobody until approved by {names}", fault=False
            )
