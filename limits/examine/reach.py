"""What no facts reach: classification rows that an earlier one always takes, lanes and corridors nobody can enter. Pure.

Decided by searching sample facts (limits.examine.sample says over which domain, and what that cannot see), not by reasoning over
conditions: what is told as unreachable was looked for everywhere in the domain.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Any, NamedTuple

from limits.classification import classify, read_codes, read_group
from limits.conditions import holds
from limits.documents import Dated, Document
from limits.examine.findings import Finding
from limits.examine.sample import ORDINARY, Clause, Domain, clauses, domain_of, escape, solutions
from limits.facts import Profile
from limits.lanes import LaneDocument, open_on
from limits.rules import CODES_FILE, Rulebook

CLASSIFIED_TRIES_MAX = 4_000  # profiles of one lane tried for a class, before it is called unclassified

# Classification: rows that an earlier one always takes first.


class _Row(NamedTuple):
    file: str
    key: str
    id: str
    order: int
    since: date
    until: date | None
    tested: tuple[Clause, ...]

    def covers(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day <= self.until)


def groups(documents: Mapping[str, Document]) -> list[tuple[str, Document]]:
    """Return the files that hold classification rows."""
    return [
        (file, each) for file, each in documents.items() if file.startswith("classification/") and file != CODES_FILE
    ]


def _rows(documents: Mapping[str, Document]) -> list[_Row]:
    codes = read_codes(CODES_FILE, documents[CODES_FILE])
    rows = []
    for file, document in groups(documents):
        for n, (raw, dated) in enumerate(zip(document["rows"], read_group(file, document, codes), strict=True)):
            both = (document.get("when") or {}, raw.get("when") or {})
            tested = tuple(clause for when in both for clause in clauses(file, when))
            row = dated.value
            rows.append(_Row(file, f"rows[{n}] ({row.id})", row.id, row.order, dated.since, dated.until, tested))
    return sorted(rows, key=lambda row: row.order)


def unreachable_rows(documents: Mapping[str, Document]) -> Iterator[Finding]:
    """Tell rows that no facts reach, on any day on which they are law.

    Facts that meet the row and none before it are searched for in the sample domain of all rows (limits.examine.sample says what
    that is and what it cannot see), on each day of the row from which another set of rows is in force.
    """
    rows = _rows(documents)
    domain = domain_of(clause for row in rows for clause in row.tested)
    for n, row in enumerate(rows):
        if next(solutions(row.tested, domain), None) is None:
            yield Finding("unreachable", row.file, row.key, "no facts meet its conditions: they exclude each other")
            continue
        decided, reached, shadow = True, False, ""
        for day in _days(row, rows[:n]):
            barred = [before for before in rows[:n] if before.covers(day)]
            search = escape(row.tested, [before.tested for before in barred], domain)
            reached = search.found is not None
            decided = decided and (reached or search.exhausted)
            if reached:
                break
            shadow = (
                ", ".join(before.id for before in barred if _takes(before, row, domain))
                or "the rows before it together"
            )
        if not reached and decided:
            yield Finding("unreachable", row.file, row.key, f"is never reached: {shadow} takes its facts first")
        elif not reached:
            text = "whether anything reaches it could not be decided in so many tries"
            yield Finding("unreachable", row.file, row.key, text, fault=False)


def _takes(before: _Row, row: _Row, domain: Domain) -> bool:
    search = escape(row.tested, [before.tested], domain)
    return search.found is None and search.exhausted


def _days(row: _Row, before: Iterable[_Row]) -> list[date]:
    """List the first day of a row, and each later one of it on which the rows before it change."""
    changes = {each.since for each in before} | {each.until + timedelta(days=1) for each in before if each.until}
    return [row.since, *sorted(day for day in changes if day > row.since and row.covers(day))]


# Lanes: can anybody enter, and is what enters classified?


def unreachable_lanes(documents: Mapping[str, Document], rulebook: Rulebook) -> Iterator[Finding]:
    rows = rulebook.book.rows
    tested = [clause for row in _rows(documents) for clause in row.tested]
    for lane in rulebook.book.lanes:
        file = f"lanes/{lane.id}.yaml"
        raw = documents[file]
        own = clauses(file, raw.get("when") or {})
        dated = [clauses(file, values.get("when") or {}) for values in raw["values"]]
        domain = domain_of([*tested, *own, *(clause for each in dated for clause in each)])
        entered: set[tuple[str, str]] = set()
        for n, (row, extra) in enumerate(zip(lane.values, dated, strict=True)):
            ways = [(way, _enter(way, (*own, *extra), domain)) for way in _ways(lane)]
            open_ways = {way for way, profiles in ways if profiles}
            entered |= open_ways
            if not open_ways:
                yield Finding(
                    "lanes", file, f"values[{n}].when", "no facts can enter: its conditions exclude each other"
                )
                continue
            entrants = [profile for _, profiles in ways for profile in profiles]
            yield from _classified(file, n, lane, row, entrants, rulebook, domain)
        for m, way in enumerate(_ways(lane)):
            if way not in entered and entered:
                yield Finding(
                    "lanes", file, f"corridors[{m}]", f"nobody can go from {way[0]} to {way[1]} under its conditions"
                )
    if not rows:
        yield Finding("lanes", "classification", "document", "has no rows: nothing is ever classified")


def _ways(lane: LaneDocument) -> list[tuple[str, str]]:
    return [(corridor.origin, corridor.destination) for corridor in lane.corridors]


_ENTRANTS_MAX = 200  # profiles of one corridor, enough to have each purpose and sector in them


def _enter(way: tuple[str, str], tested: Sequence[Clause], domain: Domain) -> list[Profile]:
    """Find profiles that may enter a lane in a corridor; none where its conditions shut everybody out."""
    origin, destination = way
    start = ORDINARY._replace(
        debtor_agent_country=origin,
        creditor_agent_country=destination,
        debtor_residency=origin,
        creditor_residency=destination,
    )
    fixed = ("debtor_agent_country", "creditor_agent_country")
    return list(islice(solutions(tested, domain, start, fixed), _ENTRANTS_MAX))


def _classified(
    file: str, n: int, lane: LaneDocument, row: Dated[Any], entrants: list[Profile], rulebook: Rulebook, domain: Domain
) -> Iterator[Finding]:
    """Tell a lane whose payments no classification row takes, ever or in its first days: they would be refused."""
    key = f"values[{n}].since"
    last = row.until
    days = sorted({row.since} | {each.since for each in rulebook.book.rows if each.since > row.since})
    tries = CLASSIFIED_TRIES_MAX
    when = open_on(lane, row.since).when
    for day in days:
        if last is not None and day > last:
            break
        rows = tuple((each.value, each.source) for each in rulebook.book.rows if each.covers(day))
        for profile in islice(_variants(entrants, when, domain), tries):
            if classify(rows, rulebook.book.tags, day, profile) is not None:
                if day > row.since:
                    text = f"open from {row.since}, but no row classifies its payments before {day}: until then they are refused"
                    yield Finding("classified", file, key, text, fault=False)
                return
    yield Finding("classified", file, key, "no classification row takes any payment of this lane: all are refused")


def _variants(entrants: list[Profile], when: Any, domain: Domain) -> Iterator[Profile]:
    """Vary purpose, residency, sector and kind of those who enter, as long as they still enter."""
    yield from entrants
    for profile in entrants:
        for purpose in domain["purpose_code"]:
            places = {profile.debtor_agent_country, profile.creditor_agent_country}
            for residency in sorted(places):
                varied = profile._replace(purpose_code=purpose, creditor_residency=residency)
                if holds(when, varied):
                    yield varied


# Purposes that no row names.


def unnamed_purposes(documents: Mapping[str, Document], purposes: Collection[str]) -> Iterator[Finding]:
    """Tell the purposes that no row names: only rows that look at no purpose (own account, domestic) take them."""
    named = {
        purpose for row in _rows(documents) for clause in row.tested for purpose in purposes if _names(clause, purpose)
    }
    for purpose in sorted(set(purposes) - named):
        text = f"no row names purpose {purpose}: across a border it is refused as unclassified"
        yield Finding("purposes", "classification", purpose, text, fault=False)


def _names(clause: Clause, purpose: str) -> bool:
    if clause.ways:
        return any(_names(each, purpose) for way in clause.ways for each in way)
    profile = ORDINARY._replace(purpose_code=purpose)
    return clause.fields == ("purpose_code",) and clause.condition.test(profile)
