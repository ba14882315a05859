"""Classification: what a payment is in the statistics, by ordered dated rows over its facts; the first match decides.

Nothing matches: no class, and the switch refuses; a class is never guessed. Residency decides whether an economy sees a
transaction at all: an entry whose economy and counterpart are the same is none (BPM6 chapter 4). The RMB tag is a
message convention with a table of its own; it says nothing about the balance of payments.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from limits.conditions import Condition, holds, read_conditions
from limits.documents import ROW_KEYS, Dated, Document, Node, RulebookError, Source, read_source
from limits.facts import Profile

SPARED = frozenset({"documents", "pre-check", "wait", "quota"})
SIDES = frozenset({"debit", "credit", "asset", "liability"})
CHANGES = frozenset({"", "increase", "decrease"})
# Whose economy an entry means: that of a party's residency, or that of the agent that keeps its account.
ECONOMIES = frozenset({"debtor", "creditor", "debtor-agent", "creditor-agent"})
MAINLAND = "CN"  # the one reporter whose national codes are carried


class Entry(NamedTuple):
    """One statistical entry: the economy that sees a resident / non-resident transaction, and what it is there."""

    economy: str  # ISO 3166 of the reporting economy
    side: str  # debit | credit for current and capital account; asset | liability for the financial account
    item: str  # BPM6 item in kebab-case, e.g. secondary-income.personal-transfers
    code: str | None  # national code (SAFE 2014) for economy CN only
    counterpart: str  # ISO 3166 of the other economy
    change: str = ""  # increase | decrease of an asset or a liability; "" in the current account


class Classification(NamedTuple):
    """What a payment is: the deciding row, its statistical entries, its RMB tag, and what the class is spared."""

    rule: str
    entries: tuple[Entry, ...]
    rmb_tag: str | None
    spared: tuple[str, ...]  # of: documents, pre-check, wait, quota
    reference: str


class _Template(NamedTuple):
    """An entry before the facts are known: roles instead of economies."""

    economy: str
    counterpart: str
    side: str
    item: str
    code: str | None
    change: str


class Row(NamedTuple):
    """One classification row."""

    id: str
    order: int
    description: str
    when: tuple[Condition, ...]
    entries: tuple[_Template, ...]
    spared: tuple[str, ...]


class Tag(NamedTuple):
    """One row of the RMB tag table."""

    tag: str
    when: tuple[Condition, ...]


class Tags(NamedTuple):
    """The RMB tag table: where RMB crosses a border at all, and the ordered rows."""

    applies: tuple[Condition, ...]
    rows: tuple[Dated[Tag], ...]


_ROW_KEYS = ("id", "order", "description", "when", "entries", "spared")
_DATE_KEYS = ("since", "until", *ROW_KEYS)


def read_codes(file: str, document: Document) -> frozenset[str]:
    """Read the table of SAFE codes; each says whether the code was verified, and why it may be used where not."""
    table = Node(file, "", document, ("description", "reference", "codes"))
    codes = set()
    for n, data in enumerate(table.mappings("codes")):
        node = Node(file, f"codes[{n}]", data, ("code", "name", "verified"), ("note",))
        code = node.text("code")
        if len(code) != 6 or not code.isdigit() or code in codes:
            raise node.error("code", f"{code!r} is not a new code of six digits")
        if not node.flag("verified") and not node.text("note"):
            raise node.error("note", "is missing: an unverified code says what is uncertain")
        codes.add(code)
    return frozenset(codes)


def read_group(file: str, document: Document, codes: frozenset[str]) -> list[Dated[Row]]:
    """Read one file of rows; `since` and `reference` of the file hold for each row that has none of its own."""
    group = Node(file, "", document, ("description", "since", "rows"), ("until", *ROW_KEYS))
    rows = []
    for n, data in enumerate(group.mappings("rows")):
        node = Node(file, f"rows[{n}]", data, _ROW_KEYS, _DATE_KEYS)
        since = node.day("since") or group.day("since")
        if since is None:
            raise node.error("since", "is missing here and in the file")
        row = Row(
            node.text("id"),
            node.integer("order"),
            node.text("description"),
            read_conditions(node, "when"),
            tuple(_template(node, m, entry, codes) for m, entry in enumerate(node.mappings("entries"))),
            node.texts("spared"),
        )
        for item in row.spared:
            if item not in SPARED:
                raise node.error("spared", f"{item!r} is none of {', '.join(sorted(SPARED))}")
        rows.append(Dated(since, node.day("until") or group.day("until"), row, read_source(node, group)))
    return rows


def ordered(groups: Mapping[str, list[Dated[Row]]]) -> tuple[Dated[Row], ...]:
    """Join the rows of all files in their order; raises RulebookError where two share an order or an id."""
    taken: set[tuple[str, str | int]] = set()
    for file, group in groups.items():
        for row in group:
            for mark in (("id", row.value.id), ("order", row.value.order)):
                if mark in taken:
                    raise RulebookError(file, mark[0], f"{mark[1]!r} is taken by another row: the first match decides")
                taken.add(mark)
    return tuple(sorted((row for group in groups.values() for row in group), key=lambda row: row.value.order))


def _template(row: Node, n: int, data: Mapping[str, object], codes: frozenset[str]) -> _Template:
    required = ("economy", "counterpart", "side", "item")
    node = Node(row.file, row.where(f"entries[{n}]"), data, required, ("code", "change"))
    code = node.text("code") or None
    if code is not None and code not in codes:
        raise node.error("code", f"{code} is not in safe-codes.yaml")
    return _Template(
        node.one_of("economy", ECONOMIES),
        node.one_of("counterpart", ECONOMIES),
        node.one_of("side", SIDES),
        node.text("item"),
        code,
        node.one_of("change", CHANGES),
    )


def read_tags(file: str, document: Document) -> Tags:
    """Read the table of RMB tags."""
    table = Node(file, "", document, ("description", "since", "applies", "rows"), ("until", *ROW_KEYS))
    since = table.day("since")
    if since is None:
        raise table.error("since", "is missing")
    rows = []
    for n, data in enumerate(table.mappings("rows")):
        node = Node(file, f"rows[{n}]", data, ("tag", "when"), _DATE_KEYS)
        tag = Tag(node.text("tag"), read_conditions(node, "when"))
        rows.append(Dated(node.day("since") or since, node.day("until"), tag, read_source(node, table)))
    return Tags(read_conditions(table, "applies"), tuple(rows))


def classify(rows: tuple[tuple[Row, Source], ...], tags: Tags, day: date, profile: Profile) -> Classification | None:
    """Classify by the rows in force, first match decides; None where no row knows the facts."""
    for row, source in rows:
        if holds(row.when, profile):
            return Classification(row.id, _entries(row, profile), rmb_tag(tags, day, profile), row.spared, source.line)
    return None


def rmb_tag(tags: Tags, day: date, profile: Profile) -> str | None:
    """Return the tag that an RMB payment across the mainland's border carries; None where none applies."""
    if not holds(tags.applies, profile):
        return None
    return next((row.value.tag for row in tags.rows if row.covers(day) and holds(row.value.when, profile)), None)


def _entries(row: Row, profile: Profile) -> tuple[Entry, ...]:
    economies = {
        "debtor": profile.debtor_residency,
        "creditor": profile.creditor_residency,
        "debtor-agent": profile.debtor_agent_country,
        "creditor-agent": profile.creditor_agent_country,
    }
    entries = []
    for template in row.entries:
        economy, counterpart = economies[template.economy], economies[template.counterpart]
        if economy != counterpart:
            code = template.code if economy == MAINLAND else None
            entries.append(Entry(economy, template.side, template.item, code, counterpart, template.change))
    return tuple(entries)
