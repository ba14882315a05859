"""The RMB cross-border purpose tag: the table of tags and purposes, n to m, read from rmb-tags.yaml.

A tag is a convention of messages. What it reads as (services, say) is said here only so that a disagreement with the
BPM6 item can be shown; the class never follows from the tag.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from limits.classification.bpm6 import ITEMS, spoken, within
from limits.conditions import Condition, holds, read_conditions
from limits.documents import ROW_KEYS, Dated, Document, Node, read_source
from limits.facts import Profile

_MARK = re.compile(r"[A-Z]{3}")


class Tag(NamedTuple):
    """One row of the table: a tag, the purposes it carries where `when` holds, and what it reads as."""

    tag: str
    mark: str  # in free-text fields: GOD of /GOD/
    means: str
    purposes: tuple[str, ...]  # () = any purpose, by the other facts
    reads: tuple[str, ...]  # BPM6 items or groups that the tag's own words mean; () = it says nothing of them
    apart: tuple[str, ...]  # groups within those that the tag's words do not mean
    when: tuple[Condition, ...]


class Tags(NamedTuple):
    """The RMB tag table: where RMB crosses a border at all, and the ordered rows."""

    applies: tuple[Condition, ...]
    rows: tuple[Dated[Tag], ...]


def read_tags(file: str, document: Document) -> Tags:
    """Read the table of RMB tags."""
    required = ("description", "since", "applies", "rows")
    table = Node(file, "", document, required, ("until", *ROW_KEYS))
    since = table.day("since")
    if since is None:
        raise table.error("since", "is missing")
    rows = []
    for n, data in enumerate(table.mappings("rows")):
        optional = ("since", "until", "purposes", "when", "apart", *ROW_KEYS)
        node = Node(file, f"rows[{n}]", data, ("tag", "mark", "means", "reads"), optional)
        rows.append(Dated(node.day("since") or since, node.day("until"), _tag(node), read_source(node, table)))
    return Tags(read_conditions(table, "applies"), tuple(rows))


def _tag(node: Node) -> Tag:
    mark, purposes = node.text("mark"), node.texts("purposes")
    if not _MARK.fullmatch(mark):
        raise node.error("mark", f"{mark!r} is no mark of three letters, GOD of /GOD/")
    for key in ("reads", "apart"):
        for group in node.texts(key):
            if not any(within(item, group) for item in ITEMS):
                raise node.error(key, f"{group!r} is no known item or group of BPM6 (limits/classification/bpm6.py)")
    when = read_conditions(node, "when")
    if purposes:
        only = Node(node.file, node.path, {"purposes": {"purpose": list(purposes)}}, ("purposes",))
        when = (*read_conditions(only, "purposes"), *when)
    if not when:
        raise node.error("purposes", "is missing: a tag carries some purposes, or is known by other facts")
    return Tag(
        node.text("tag"), mark, node.text("means"), purposes, node.texts("reads"), node.texts("apart"), when
    )  # fmt: skip


def tag_of(tags: Tags, day: date, profile: Profile) -> Tag | None:
    """Return the row of the tag that an RMB payment across the mainland's border carries; None where none applies."""
    if not holds(tags.applies, profile):
        return None
    return next((row.value for row in tags.rows if row.covers(day) and holds(row.value.when, profile)), None)


def rmb_tag(tags: Tags, day: date, profile: Profile) -> str | None:
    """Return that tag alone."""
    found = tag_of(tags, day, profile)
    return found.tag if found else None


def tags_of(tags: Tags, day: date, purpose: str) -> tuple[str, ...]:
    """Name the tags under which a purpose may travel on a day, by its other facts; a row of any purpose is not named."""
    found = {row.value.tag: None for row in tags.rows if row.covers(day) and purpose in row.value.purposes}
    return tuple(found)


def purposes_of(tags: Tags, day: date, tag: str) -> tuple[str, ...]:
    """Name the purposes that a tag may carry on a day."""
    rows = (row.value for row in tags.rows if row.covers(day) and row.value.tag == tag)
    return tuple({purpose: None for row in rows for purpose in row.purposes})


def disagreement(tag: Tag, items: Sequence[str]) -> str:
    """Say where the tag's own reading is not the BPM6 item of the entries; "" where they agree or one says nothing."""
    if not tag.reads:
        return ""
    apart = [item for item in dict.fromkeys(items) if not _reads(tag, item)]
    if not apart:
        return ""
    return f"The tag {tag.tag} says {tag.means}; BPM6 records {' and '.join(spoken(item) for item in apart)}."


def _reads(tag: Tag, item: str) -> bool:
    meant = any(within(item, group) for group in tag.reads)
    return meant and not any(within(item, group) for group in tag.apart)
