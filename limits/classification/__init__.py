"""Classification: what a payment is in the statistics, by ordered dated rows over its facts; the first match decides.

Nothing matches: no class, and the switch refuses; a class is never guessed. Residency decides whether an economy sees a
transaction at all: an entry whose economy and counterpart are the same is none (BPM6 chapter 4). A row says too what
the class is spared, why, and which document it goes with. The RMB tag is a message convention with a table of its own
(limits.classification.rmb_tags); it says nothing about the balance of payments, and where the two disagree the class says so.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from limits.classification.bpm6 import FINANCIAL, ITEMS, SIDES, within
from limits.classification.rmb_tags import Tags, disagreement, read_tags, rmb_tag, tag_of
from limits.classification.safe_codes import Code, read_codes
from limits.conditions import Condition, holds, read_conditions
from limits.documents import ROW_KEYS, Dated, Document, Node, RulebookError, Source, read_source
from limits.facts import Profile

__all__ = [
    "Classification", "Entry", "Row", "Tags", "classify", "ordered", "read_codes", "read_group", "read_tags",
    "returned", "rmb_tag", "unverified_used",
]  # fmt: skip

SPARED = frozenset({"documents", "pre-check", "wait", "quota"})
# What a class may ask to be shown, one of those it names; the types that `documents` of the facts may hold.
NEEDS = frozenset({
    "invoice", "contract", "tuition-notice", "medical-bill", "utility-bill", "payroll", "tax-certificate",
})  # fmt: skip
CHANGES = frozenset({"", "increase", "decrease"})
# Whose economy an entry means: that of a party's residency, or that of the agent that keeps its account.
ECONOMIES = frozenset({"debtor", "creditor", "debtor-agent", "creditor-agent"})
MAINLAND = "CN"  # the one reporter whose national codes are carried
FULL, PARTIAL = "full", "partial"


class Entry(NamedTuple):
    """One statistical entry: the economy that sees a resident / non-resident transaction, and what it is there."""

    economy: str  # ISO 3166 of the reporting economy
    side: str  # debit | credit for current and capital account; asset | liability for the financial account
    item: str  # BPM6 item in kebab-case (limits.classification.bpm6), e.g. secondary-income.personal-transfers
    code: str | None  # national code (SAFE 2014) for economy CN only
    counterpart: str  # ISO 3166 of the other economy
    change: str = ""  # increase | decrease of an asset or a liability; "" in the current account
    code_note: str = ""  # what is uncertain of a code that was not verified, "" for a verified one


class Classification(NamedTuple):
    """What a payment is: the deciding row, its statistical entries, its RMB tag, and what the class is spared."""

    rule: str
    entries: tuple[Entry, ...]
    rmb_tag: str | None
    spared: tuple[str, ...]  # of: documents, pre-check, wait, quota
    reference: str
    needs: tuple[str, ...] = ()  # types of documents that carry the class, one of them; () = none is asked
    eases: str = ""  # why it is spared what it is, and not more
    tag_mark: str = ""  # the tag in free-text fields, GOD of /GOD/: what the mark of a return is made from
    tag_note: str = ""  # where the tag's own reading disagrees with the BPM6 item
    returned: str = ""  # full | partial for what comes back of a payment of this class


class _Template(NamedTuple):
    """An entry before the facts are known: roles instead of economies."""

    economy: str
    counterpart: str
    side: str
    item: str
    leaf: Code | None
    change: str

    @property
    def code(self) -> str | None:
        """The national code of the leaf."""
        return self.leaf.code if self.leaf else None


class Row(NamedTuple):
    """One classification row."""

    id: str
    order: int
    description: str
    when: tuple[Condition, ...]
    entries: tuple[_Template, ...]
    spared: tuple[str, ...]
    needs: tuple[str, ...]
    eases: str


_ROW_KEYS = ("id", "order", "description", "when", "entries", "spared", "eases")
_DATE_KEYS = ("since", "until", "needs", *ROW_KEYS)


def read_group(file: str, document: Document, codes: Mapping[str, Code]) -> list[Dated[Row]]:
    """Read one file of rows; `since`, `when` and `reference` of the file hold for each of its rows.

    A row may state its own `since` and `reference` instead; its own `when` is added to the file's.
    """
    group = Node(file, "", document, ("description", "since", "rows"), ("until", "when", *ROW_KEYS))
    common = read_conditions(group, "when")
    rows = []
    for n, data in enumerate(group.mappings("rows")):
        node = Node(file, f"rows[{n}]", data, _ROW_KEYS, _DATE_KEYS)
        since = node.day("since") or group.day("since")
        if since is None:
            raise node.error("since", "is missing here and in the file")
        spared, needs = _known(node, "spared", SPARED), _known(node, "needs", NEEDS)
        if not needs and "documents" not in spared:
            raise node.error("needs", "is empty: a class that is not spared documents says which it goes with")
        if needs and "documents" in spared:
            raise node.error("needs", "names a document, and the class is spared documents")
        if not node.text("eases").strip():
            raise node.error("eases", "is empty: a row says why it is spared what it is")
        row = Row(
            node.text("id"),
            node.integer("order"),
            node.text("description"),
            common + read_conditions(node, "when"),
            tuple(_template(node, m, entry, codes) for m, entry in enumerate(node.mappings("entries"))),
            spared,
            needs,
            " ".join(node.text("eases").split()),
        )
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


def _known(node: Node, key: str, known: frozenset[str]) -> tuple[str, ...]:
    given = node.texts(key)
    for item in given:
        if item not in known:
            raise node.error(key, f"{item!r} is none of {', '.join(sorted(known))}")
    return given


def _template(row: Node, n: int, data: Mapping[str, object], codes: Mapping[str, Code]) -> _Template:
    required = ("economy", "counterpart", "side", "item")
    node = Node(row.file, row.where(f"entries[{n}]"), data, required, ("code", "change"))
    item = node.text("item")
    account = ITEMS.get(item)
    if account is None:
        raise node.error("item", f"{item!r} is no known item of BPM6 (limits/classification/bpm6.py)")
    change = node.one_of("change", CHANGES)
    if bool(change) != (account == FINANCIAL):
        raise node.error(
            "change", f"{change or 'none'!r} for {item}: the financial account alone has increase or decrease"
        )
    return _Template(
        node.one_of("economy", ECONOMIES),
        node.one_of("counterpart", ECONOMIES),
        node.one_of("side", SIDES[account]),
        item,
        _code(node, item, codes),
        change,
    )


def _code(node: Node, item: str, codes: Mapping[str, Code]) -> Code | None:
    given = node.text("code")
    if not given:
        return None
    code = codes.get(given)
    if code is None:
        raise node.error("code", f"{given} is not in safe-codes.yaml")
    if not code.item:
        raise node.error("code", f"{given} is of group 9, which the balance of payments leaves out")
    if not within(item, code.item):
        raise node.error("code", f"{given} belongs to {code.item}, not to {item}")
    return code


def classify(rows: tuple[tuple[Row, Source], ...], tags: Tags, day: date, profile: Profile) -> Classification | None:
    """Classify by the rows in force, first match decides; None where no row knows the facts."""
    found = next(((row, source) for row, source in rows if holds(row.when, profile)), None)
    if found is None:
        return None
    row, source = found
    entries, tag = _entries(row, day, profile), tag_of(tags, day, profile)
    return Classification(
        row.id, entries, tag.tag if tag else None, row.spared, source.line, row.needs, row.eases,
        tag.mark if tag else "", disagreement(tag, [entry.item for entry in entries]) if tag else "",
    )  # fmt: skip


def _entries(row: Row, day: date, profile: Profile) -> tuple[Entry, ...]:
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
            leaf = template.leaf if economy == MAINLAND else None
            if leaf is not None and day < leaf.since:
                leaf = None  # the item is older than the set of codes
            entries.append(
                Entry(
                    economy, template.side, template.item, leaf.code if leaf else None, counterpart, template.change,
                    leaf.note if leaf and not leaf.verified else "",
                )
            )  # fmt: skip
    return tuple(entries)


_OPPOSITE = {"debit": "credit", "credit": "debit", "increase": "decrease", "decrease": "increase"}


def turned(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Turn entries round: what was paid for is received again, an asset that grew shrinks; the leaves stay."""
    return tuple(
        entry._replace(change=_OPPOSITE[entry.change]) if entry.change else entry._replace(side=_OPPOSITE[entry.side])
        for entry in entries
    )


def returned(classification: Classification, part: str = FULL) -> Classification:
    """Return the class of what comes back (`part`: full | partial) of a payment of `classification`.

    The same row and the same leaves, each entry the other way: what was paid for is received again, an asset that grew
    shrinks. It is a record of its own, flagged, in the period in which it comes back (SAFE), where BPM6 nets it off the
    original's side. Nothing is asked anew: the original was classified and checked. The tag takes the mark of a return.
    """
    assert part in (FULL, PARTIAL), f"a return is full or partial, not {part!r}"
    assert not classification.returned, "what came back is not returned a second time"
    mark = classification.tag_mark
    return classification._replace(
        entries=turned(classification.entries),
        rmb_tag=f"{'R' if part == FULL else 'PR'}{mark}" if mark else classification.rmb_tag,
        tag_note="",
        spared=("documents", "pre-check", "wait", "quota"),
        needs=(),
        eases="What comes back was classified and checked when it was paid; nothing is asked a second time.",
        returned=part,
    )


def unverified_used(rows: Iterable[Row]) -> tuple[tuple[str, str, str], ...]:
    """List where rows use a code that was not verified: (row id, code, what is uncertain), each once, in row order."""
    found = {
        (row.id, template.leaf.code, template.leaf.note): None
        for row in rows
        for template in row.entries
        if template.leaf is not None and not template.leaf.verified
    }
    return tuple(found)
