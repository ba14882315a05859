"""A message as the ordered list of its leaves, by which it is written and read, so that both ways know the same elements.

No schema of these dialects is public: each list says what we take a message to hold, and anything else is refused.
Values are flat, {path below the message element: text}; an attribute has the path `…/@Ccy`, and the texts of a leaf that
may stand several times are joined by line breaks, which no text may hold. Not here: what the values mean.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from lxml import etree

from rails.messages.errors import MessageError
from rails.messages.text import xml

Values = dict[str, str]
JOINT = "\n"
_SCHEMA_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_SHOWN_MAX = 40  # characters of a refused value that are repeated


class Form(NamedTuple):
    """What a leaf may hold: a pattern, and how to say it."""

    pattern: re.Pattern[str]
    says: str
    code: str = "FF01"  # ExternalStatusReason1Code where it does not


class Leaf(NamedTuple):
    """One element with text; `path` from the message element down."""

    path: str
    form: Form
    optional: bool = False
    repeated: bool = False
    attribute: tuple[str, Form] | None = None  # its one attribute, mandatory


class Message(NamedTuple):
    """One message: its namespace, the elements around the leaves, and the leaves in their order."""

    namespace: str
    around: tuple[str, ...]  # ("Document", "FIToFICstmrCdtTrf")
    leaves: tuple[Leaf, ...]


class _Index(NamedTuple):
    places: Mapping[str, int]
    boxes: frozenset[str]


def text(longest: int) -> Form:
    """Return the form of a text of 1 to `longest` printable characters."""
    return Form(re.compile(rf"(?=.*\S)[^\x00-\x1f\x7f-\x9f]{{1,{longest}}}"), f"1 to {longest} characters", "RR10")


def one_of(codes: Iterable[str], code: str = "FF01") -> Form:
    """Return the form of one of some codes."""
    known = list(codes)
    return Form(re.compile("|".join(map(re.escape, known))), f"one of {', '.join(known)}", code)


def digits(longest: int, shortest: int = 1) -> Form:
    """Return the form of a text of digits."""
    span = str(longest) if shortest == longest else f"{shortest} to {longest}"
    return Form(re.compile(rf"[0-9]{{{shortest},{longest}}}"), f"{span} digits")


# Fifteen digits and two decimals, as HK FPS has them (facts messages 2.1); CNY, HKD and MOP have two everywhere.
AMOUNT = Form(re.compile(r"[0-9]{1,15}\.[0-9]{2}"), "at most 15 digits, a point and two decimals", "CH20")
DECIMAL = Form(re.compile(r"[0-9]{1,15}(\.[0-9]{1,5})?"), "digits with at most one point and five decimals", "AM12")
CURRENCY = Form(re.compile("[A-Z]{3}"), "a currency of three capitals", "AM03")
COUNTRY = Form(re.compile("[A-Z]{2}"), "a country of two capitals")
UTC_INSTANT = Form(
    re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z"),
    "an instant in UTC that ends in Z",
    "DT01",
)
LOCAL_INSTANT = Form(
    re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"),
    "a date and time without offset",
    "DT01",
)


def with_currency(path: str, optional: bool = False) -> Leaf:
    """Return the leaf of an amount with its currency."""
    return Leaf(path, AMOUNT, optional, attribute=("Ccy", CURRENCY))


# --- writing ---


def write(message: Message, values: Mapping[str, str]) -> str:
    """Write a message from its values; raises MessageError where one is missing or has another form."""
    out: list[str] = []
    opened: list[str] = []
    for leaf in message.leaves:
        value = values.get(leaf.path)
        if value is None:
            if not leaf.optional:
                raise MessageError("CH21", leaf.path, "It is missing")
            continue
        *boxes, name = leaf.path.split("/")
        common = next(
            (n for n, (a, b) in enumerate(zip(opened, boxes, strict=False)) if a != b), min(len(opened), len(boxes))
        )
        out += [f"</{box}>" for box in reversed(opened[common:])]
        out += [f"<{box}>" for box in boxes[common:]]
        opened = boxes
        out += [_element(leaf, name, each, values) for each in _texts(leaf, value)]
    out += [f"</{box}>" for box in reversed(opened)]
    top, *rest = message.around
    before = f'<{top} xmlns="{message.namespace}">' + "".join(f"<{box}>" for box in rest)
    return before + "".join(out) + "".join(f"</{box}>" for box in reversed(message.around))


def _texts(leaf: Leaf, value: str) -> list[str]:
    return value.split(JOINT) if leaf.repeated else [value]


def _element(leaf: Leaf, name: str, value: str, values: Mapping[str, str]) -> str:
    _check(leaf.path, leaf.form, value)
    if leaf.attribute is None:
        return f"<{name}>{xml(value)}</{name}>"
    attribute, form = leaf.attribute
    path = f"{leaf.path}/@{attribute}"
    return f'<{name} {attribute}="{xml(_check(path, form, values.get(path)))}">{xml(value)}</{name}>'


def _check(path: str, form: Form, value: str | None) -> str:
    if value is None:
        raise MessageError("CH21", path, "It is missing")
    if form.pattern.fullmatch(value) is None:
        raise MessageError(form.code, path, f"{value[:_SHOWN_MAX]!r} is refused: it takes {form.says}")
    return value


# --- reading ---


def read(message: Message, element: etree._Element) -> Values:
    """Read a message strictly: no other element, attribute, order or form; raises MessageError naming the path."""
    top, *rest = message.around
    _must_be(element, message.namespace, top, "")
    for name in rest:
        _plain(element, "", top=True)
        if len(element) != 1:
            raise MessageError("FF01", etree.QName(element).localname, f"It holds one {name} and nothing else")
        element = element[0]
        _must_be(element, message.namespace, name, "")
    reading = _Reading(message, _index(message))
    reading.walk(element, "")
    return reading.finished()


@cache
def _index(message: Message) -> _Index:
    paths = [leaf.path for leaf in message.leaves]
    boxes = {path[:n] for path in paths for n, char in enumerate(path) if char == "/"}
    return _Index({path: n for n, path in enumerate(paths)}, frozenset(boxes))


class _Reading:
    """One message on its way from elements to values."""

    def __init__(self, message: Message, index: _Index) -> None:
        self._message = message
        self._index = index
        self._values: Values = {}
        self._place = -1  # of the last leaf read

    def walk(self, element: etree._Element, path: str) -> None:
        _plain(element, path, top=not path)
        for child in element:
            name = _local(child, self._message.namespace, path)
            inner = f"{path}/{name}" if path else name
            if inner in self._index.places:
                self._take(child, inner)
            elif inner in self._index.boxes:
                self.walk(child, inner)
            else:
                raise MessageError("FF01", inner, "This dialect has no such element here")

    def _take(self, element: etree._Element, path: str) -> None:
        place = self._index.places[path]
        leaf = self._message.leaves[place]
        if place < self._place or (place == self._place and not leaf.repeated):
            raise MessageError("FF01", path, "It stands twice or behind what must follow it")
        self._place = place
        if len(element):
            raise MessageError("FF01", path, "It takes a text, no elements")
        value = _check(path, leaf.form, element.text or "")
        self._attributes(leaf, element)
        self._values[path] = f"{self._values[path]}{JOINT}{value}" if path in self._values else value

    def _attributes(self, leaf: Leaf, element: etree._Element) -> None:
        known = leaf.attribute[0] if leaf.attribute is not None else None
        for name in element.attrib:
            if name != known:
                raise MessageError(
                    "FF01", f"{leaf.path}/@{str(name)[:_SHOWN_MAX]}", "This dialect has no such attribute here"
                )
        if leaf.attribute is not None:
            path = f"{leaf.path}/@{leaf.attribute[0]}"
            self._values[path] = _check(path, leaf.attribute[1], element.get(leaf.attribute[0]))

    def finished(self) -> Values:
        for leaf in self._message.leaves:
            if not leaf.optional and leaf.path not in self._values:
                raise MessageError("CH21", leaf.path, "It is missing")
        return self._values


def _must_be(element: etree._Element, namespace: str, name: str, path: str) -> None:
    if element.tag != f"{{{namespace}}}{name}":
        raise MessageError("FF01", path or name, f"{{{namespace}}}{name} must stand here, not {str(element.tag)[:120]}")


def _local(element: etree._Element, namespace: str, path: str) -> str:
    tag = str(element.tag)
    if not tag.startswith(f"{{{namespace}}}"):
        name = etree.QName(element).localname
        raise MessageError("FF01", f"{path}/{name}".lstrip("/"), f"It is not of the namespace {namespace}")
    return tag[len(namespace) + 2 :]


def _plain(element: etree._Element, path: str, top: bool) -> None:
    """Refuse attributes and text where only elements belong; where a schema lies may be said at the top, and is not asked."""
    attributes = [str(name) for name in element.attrib if not (top and name == _SCHEMA_LOCATION)]
    if attributes:
        raise MessageError(
            "FF01", f"{path}/@{attributes[0][:_SHOWN_MAX]}".lstrip("/"), "This dialect has no such attribute here"
        )
    if any((said or "").strip() for said in _between(element)):
        raise MessageError("FF01", path or etree.QName(element).localname, "It takes elements, no text beside them")


def _between(element: etree._Element) -> Iterator[str | None]:
    yield element.text
    for child in element:
        yield child.tail
