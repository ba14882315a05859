"""Reading rulebook documents: checked keys, dated rows, references, and errors that name file and key.

What a rule, a lane or a classification row *means* is not here; here is only the form they share (design 4): every
dated row has a source, or says that it is assumed and why; rows of one thing follow each other without gap or overlap.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Generic, NamedTuple, TypeVar

Document = Mapping[str, Any]
T = TypeVar("T")

CONFIDENCES = frozenset({"V1", "V2", "K", "U"})  # facts: official text read, secondary source, well known, uncertain
REFERENCE_KEYS = ("title", "body", "day", "confidence", "quote")
ROW_KEYS = ("until", "last_evidence", "reference", "assumed", "reason", "assumptions")
ONE_DAY = timedelta(days=1)
# Days of the law: a neighbour of each, and the windows before it, are days too. The business clock ends in 2100.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2100, 12, 31)
NUMBER_LETTERS_MAX = 28  # of a number: what a Decimal holds exactly, and nothing that takes long to build
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")  # no exponent: "1e9999999" is short to write and long to build
_SHOWN_LETTERS_MAX = 60


class RulebookError(ValueError):
    """A document of the rulebook is wrong: `file` and `key` say where, the text says what to write instead."""

    def __init__(self, file: str, key: str, text: str) -> None:
        super().__init__(f"{file}: {key}: {text}")
        self.file = file
        self.key = key
        self.text = text


def shown(value: object) -> str:
    """Write what a document holds for a sentence about it, cut where it is long."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits, which Python does not write
        return f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN_LETTERS_MAX else f"{text[:_SHOWN_LETTERS_MAX]}…"


class Source(NamedTuple):
    """Where a dated row comes from. `line` is one line: title, body, day; or that it is assumed, and why."""

    line: str
    confidence: str  # V1, V2, K, U
    quote: str  # the clause in our words, "" for a row that is only assumed
    assumed: bool
    reason: str  # why assumed, "" otherwise
    last_evidence: date | None  # last day on which the source was seen to hold
    assumptions: Mapping[str, str]  # field of the row -> why it is assumed


class Dated(NamedTuple, Generic[T]):
    """A value in force from `since` to `until`, both included; None = no end known."""

    since: date
    until: date | None
    value: T
    source: Source

    def covers(self, day: date) -> bool:
        """Whether the row is the law on `day`."""
        return self.since <= day and (self.until is None or day <= self.until)


class Node:
    """One mapping of a document, read key by key; a missing, unknown or ill-typed key raises RulebookError."""

    def __init__(self, file: str, path: str, data: object, required: Collection[str], optional: Collection[str] = ()):
        self.file = file
        self.path = path
        if not isinstance(data, Mapping):
            raise self.error("", "must be a mapping")
        self.data: Mapping[str, Any] = data
        for key in data:
            if key not in required and key not in optional:
                raise self.error(str(key), f"unknown key; known are {', '.join((*required, *optional))}")
        for key in required:
            if key not in data:
                raise self.error(key, "is missing")

    def where(self, key: str) -> str:
        """Return the path of a key inside the document."""
        return ".".join(part for part in (self.path, key) if part) or "document"

    def error(self, key: str, text: str) -> RulebookError:
        """Return the error that names this file and key."""
        return RulebookError(self.file, self.where(key), text)

    def text(self, key: str, default: str = "") -> str:
        """Return a text, `default` where the key is absent or null."""
        value = self.data.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.error(key, f"must be a text, not {shown(value)}")
        return value

    def one_of(self, key: str, allowed: Collection[str], default: str = "") -> str:
        """Return a text that must be one of `allowed`."""
        value = self.text(key, default)
        if value not in allowed:
            raise self.error(key, f"{shown(value)} is none of {', '.join(sorted(allowed))}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty where the key is absent."""
        return tuple(self._listed(key, str, "texts"))

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a truth value."""
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, "must be true or false")
        return value

    def integer(self, key: str) -> int:
        """Return a whole number."""
        value = self.data.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(key, "must be a whole number")
        return value

    def day(self, key: str) -> date | None:
        """Return a day (YAML date or ISO text), None where the key is absent or null."""
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value)
            except ValueError:
                raise self.error(key, f"{shown(value)} is not a day; write 2025-06-22") from None
        if type(value) is not date:
            raise self.error(key, f"{shown(value)} is not a day; write 2025-06-22")
        if not FIRST_DAY <= value <= LAST_DAY:
            raise self.error(
                key, f"{value} is outside {FIRST_DAY.year} to {LAST_DAY.year}; leave until out where no end is known"
            )
        return value

    def reasons(self, key: str) -> Mapping[str, str]:
        """Return a mapping of field to the reason why it is assumed."""
        value = self.data.get(key) or {}
        if not isinstance(value, Mapping) or not all(
            isinstance(field, str) and isinstance(text, str) and text for field, text in value.items()
        ):
            raise self.error(key, "must map a field to the reason why it is assumed")
        return dict(value)

    def mappings(self, key: str) -> Sequence[Mapping[str, Any]]:
        """Return a list of mappings, empty where the key is absent."""
        return self._listed(key, Mapping, "mappings")

    def _listed(self, key: str, kind: type, what: str) -> Sequence[Any]:
        value = self.data.get(key)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or not all(isinstance(item, kind) for item in value):
            raise self.error(key, f"must be a list of {what}")
        return value


def read_decimal(node: Node, key: str, value: object) -> Decimal:
    """Read a number of the law: a text or a whole number, never a YAML float, which would not be exact."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**NUMBER_LETTERS_MAX:
        return Decimal(value)
    if isinstance(value, str) and len(value) <= NUMBER_LETTERS_MAX and _NUMBER.fullmatch(value):
        return Decimal(value)
    if isinstance(value, str) and len(value) > NUMBER_LETTERS_MAX:
        raise node.error(key, f'has more than {NUMBER_LETTERS_MAX} letters; write the number out, "10000.00"')
    raise node.error(key, f'{shown(value)} is not an exact number; write it as a text, "1.10", without an exponent')


def read_source(node: Node, inherited: Node | None = None) -> Source:
    """Read where a row comes from; `inherited` is the file's own reference where rows share one.

    Raises RulebookError for a row with neither reference nor assumption, and for an uncertain one not marked assumed.
    """
    assumed, reason = node.flag("assumed"), node.text("reason")
    if assumed and not reason:
        raise node.error("reason", "is missing: an assumed value says why it is assumed")
    if reason and not assumed:
        raise node.error("assumed", "is missing: only an assumed value has a reason")
    owner = node if node.data.get("reference") is not None or inherited is None else inherited
    last_evidence, assumptions = node.day("last_evidence"), node.reasons("assumptions")
    if owner.data.get("reference") is None:
        if not assumed:
            raise node.error("reference", "is missing: a value has a source, or `assumed: true` with a reason")
        return Source(f"assumed: {reason}", "U", "", True, reason, last_evidence, assumptions)
    reference = Node(owner.file, owner.where("reference"), owner.data["reference"], REFERENCE_KEYS, ("url",))
    parts = [str(reference.data[key]).strip() for key in ("title", "body", "day")]
    confidence, quote = reference.one_of("confidence", CONFIDENCES), reference.text("quote")
    if not all(parts) or not quote:
        raise reference.error("quote", "title, body, day and quote are needed: the source must be findable")
    if confidence == "U" and not assumed:
        raise reference.error("confidence", "an uncertain value must be marked `assumed: true` with a reason")
    return Source(", ".join(parts), confidence, quote, assumed, reason, last_evidence, assumptions)


def read_rows(
    parent: Node, key: str, read: Callable[[Node], T], required: Collection[str], optional: Collection[str] = ()
) -> tuple[Dated[T], ...]:
    """Read the dated rows of one thing, oldest first.

    A row ends the day before the next begins; a stated `until` must agree, so that there is neither gap nor overlap.
    """
    rows: list[Dated[T]] = []
    for n, data in enumerate(parent.mappings(key)):
        node = Node(parent.file, parent.where(f"{key}[{n}]"), data, ("since", *required), (*ROW_KEYS, *optional))
        since, until = node.day("since"), node.day("until")
        if since is None:
            raise node.error("since", "is missing: a dated row says from which day it holds")
        if until is not None and until < since:
            raise node.error("until", f"{until} is before since {since}")
        if rows:
            rows[-1] = _closed(node, rows[-1], since)
        rows.append(Dated(since, until, read(node), read_source(node)))
    if not rows:
        raise parent.error(key, "is empty: nothing is law without a dated row")
    return tuple(rows)


def _closed(node: Node, before: Dated[T], since: date) -> Dated[T]:
    if since <= before.since:
        raise node.error("since", f"{since} is not after {before.since}: rows overlap or are out of order")
    if before.until is not None and before.until + ONE_DAY < since:
        raise node.error("since", f"gap: the row before ends on {before.until}; write a row with value null for it")
    if before.until is not None and before.until >= since:
        raise node.error("since", f"overlap: the row before ends on {before.until}")
    return before._replace(until=since - ONE_DAY)


def in_force(rows: Sequence[Dated[T]], day: date) -> Dated[T] | None:
    """Return the row that is the law on `day`, None before the first and after the last."""
    for row in reversed(rows):
        if row.since <= day:
            return row if row.covers(day) else None
    return None
