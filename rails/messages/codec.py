"""What reading shares, whichever message it is: guard, parse, open the wrapper, read the header, check, walk.

Bounded: the body's size, the parser's depth, the numbers of tags, attributes and transactions have limits; no entity is
resolved, nothing is fetched. What a message means is its own module's (a Kind); which messages there are is kinds.py's.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from threading import get_ident
from types import MappingProxyType
from typing import Any, NamedTuple

from lxml import etree

from rails.messages.errors import MessageError
from rails.messages.model import HEADERS, BusinessHeader
from rails.messages.profile import MESSAGE, NAMESPACE, SUPPLEMENT_NAMESPACE, WRAPPER_NAMESPACE

TRANSACTIONS_MAX = 100  # a batch of the switch; more would hold a worker for over 10 ms
# 100 transactions of at most 8 KiB (a full one has about 5) and their header. Longer bodies would hold a worker, too.
BODY_BYTES_MAX = 832 * 1024
# A full transaction has about 130 elements, so 260 tags, and texts in which an = may stand. Floods of tags or of
# attributes are refused before the parser logs a complaint about each.
TAGS_MAX = 300 * TRANSACTIONS_MAX
EQUALS_MAX = 200 * TRANSACTIONS_MAX
# Attributes of one element: the parser compares each with each. A tag has three at most, the text behind it up to 350 signs.
ATTRIBUTES_MAX = 500
NAMESPACES_MAX = 3 * TRANSACTIONS_MAX  # a transaction declares one, for its supplement
_TEXT_MAX = 300
_MESSAGE_ID_MAX = 35
_ENVELOPE = "Envlp"

_DECLARATION = re.compile(rb"\s*<\?xml[^>]*encoding\s*=\s*[\"']([^\"']*)")
_QUALIFIED = re.compile(r"\{urn:[^}]*\}")
_EXPECTED = re.compile(r"Expected is (?:one of )?\( ([^)]*) \)")
_STEP = re.compile(r"\*(?:\[(\d+)\])?")
# Identifiers are in the Latin set, neither begin nor end with / and hold no // (facts messages 1.3).
IDENTIFIER = re.compile(r"(?!/)(?!.*//)[A-Za-z0-9/\-?:().,'+ ]+(?<!/)")
# Elements that have an attribute of meaning: read as (attribute, text).
AMOUNTS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(
        (
            "IntrBkSttlmAmt", "InstdAmt", "TtlIntrBkSttlmAmt", "OrgnlIntrBkSttlmAmt", "RtrdIntrBkSttlmAmt",
            "RtrdInstdAmt", "TtlRtrdIntrBkSttlmAmt", "RequestedAmount",
        ),
        "Ccy",
    )
)  # fmt: skip


class Received(NamedTuple):
    """A message that its schema has found valid: the children of its message element as a dict (see `tree`)."""

    header: BusinessHeader | None
    definition: str
    found: dict[str, Any]


class Kind(NamedTuple):
    """How messages of one definition are read."""

    definition: str  # pacs.028.001.06, also the name of its schema file
    read: Callable[[Received], Any]  # to the message's own values; raises MessageError
    parts: tuple[str, ...]  # our schema files that name its elements
    repeated: frozenset[str]  # local names that become lists
    attributes: Mapping[str, str] = AMOUNTS  # local name -> attribute: becomes (attribute, text)
    message_id: str = "GrpHdr/MsgId"  # where its own id stands, below the message element
    heads: int = 1  # how many elements may stand beside the transactions


class Opened(NamedTuple):
    """A body parsed and opened, its header read; `definition` "" = no document of ISO 20022."""

    header: BusinessHeader | None
    definition: str
    document: etree._Element


class Shape(NamedTuple):
    """Which elements become what else than text or dict; see Kind."""

    repeated: frozenset[str]
    attributes: dict[str, str]
    special: frozenset[str]  # all that are not plain


class _Schema(NamedTuple):
    validator: etree.XMLSchema
    mandatory: frozenset[str]  # local names that are nowhere optional
    shape: Shape


class Codec:
    """Reads messages. One per thread: a compiled schema keeps the log of its last check."""

    def __init__(self) -> None:
        self._parser = etree.XMLParser(
            encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
            remove_comments=True, remove_pis=True, collect_ids=False,
        )  # fmt: skip
        self._schemas: dict[str, _Schema] = {}  # by definition, compiled when the first message of it comes

    def read(self, body: bytes, kinds: Mapping[str, Kind]) -> Any:
        """Read a body of one of `kinds` (by definition) to that kind's values; raises MessageError."""
        return self.take(self.open(body), kinds)

    def open(self, body: bytes) -> Opened:
        """Parse a body and read its header; raises MessageError."""
        header_element, document = _unwrap(self.parse(body))
        header = self._read_header(header_element) if header_element is not None else None
        return Opened(header, definition_of(document), document)

    def take(self, opened: Opened, kinds: Mapping[str, Kind]) -> Any:
        """Check an opened message and read it to its kind's values; raises MessageError."""
        header = opened.header
        try:
            kind = kinds.get(opened.definition)
            if kind is None:
                names = f"Send one of {', '.join(kinds)}, not {_name(opened.document)}"
                raise MessageError("FF01", "Document", names)
            return kind.read(Received(header, kind.definition, self._checked(opened, kind)))
        except MessageError as error:
            error.sender = header.from_bic if header is not None else ""
            raise

    def _checked(self, opened: Opened, kind: Kind) -> dict[str, Any]:
        header, definition, document = opened
        if header is not None and header.message_definition != definition:
            raise MessageError(
                "FF01", "AppHdr/MsgDefIdr", f"It names {header.message_definition}, the document is {definition}"
            )
        message = document[0] if len(document) else document
        if len(message) > TRANSACTIONS_MAX + kind.heads:
            text = f"A message takes at most {TRANSACTIONS_MAX} transactions"
            raise MessageError("AM18", etree.QName(message).localname, text, _message_id(message, kind))
        schema = self._schema(definition, kind.parts, kind.repeated, kind.attributes)
        if not schema.validator.validate(document):
            raise _explain(schema, document, _message_id(message, kind))
        return tree(message, len(NAMESPACE) + len(definition) + 2, schema.shape)

    def _schema(
        self, name: str, parts: tuple[str, ...], repeated: frozenset[str], attributes: Mapping[str, str]
    ) -> _Schema:
        found = self._schemas.get(name)
        if found is None:
            shape = Shape(repeated, dict(attributes), repeated | attributes.keys() | {_ENVELOPE})
            found = self._schemas[name] = _load(name, parts, shape)
        return found

    def parse(self, body: bytes) -> etree._Element:
        """Guard and parse a body of any vocabulary; raises MessageError."""
        if len(body) > BODY_BYTES_MAX:
            raise MessageError("FF01", "", f"The body has {len(body)} bytes; {BODY_BYTES_MAX} are taken")
        declared = _DECLARATION.match(body)
        if declared is not None and declared.group(1).lower() != b"utf-8":
            raise MessageError("RR10", "", "The body must be UTF-8 and declare no other encoding")
        try:
            body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise MessageError("RR10", "", f"The body is not UTF-8 at byte {error.start}") from None
        if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
            raise MessageError("FF01", "", "A document type declaration or entity is not taken")
        equals = body.count(b"=")
        if body.count(b"<") > TAGS_MAX or equals > EQUALS_MAX:
            raise MessageError("FF01", "", f"The body has more than {TAGS_MAX} tags or {EQUALS_MAX} attributes")
        if equals > ATTRIBUTES_MAX and any(part.count(b"=") > ATTRIBUTES_MAX for part in body.split(b"<")):
            raise MessageError("FF01", "", f"An element of the body has more than {ATTRIBUTES_MAX} attributes")
        if body.count(b"xmlns") > NAMESPACES_MAX:
            raise MessageError("FF01", "", f"The body declares more than {NAMESPACES_MAX} namespaces")
        try:
            return etree.fromstring(body, self._parser)
        except etree.XMLSyntaxError as error:
            raise MessageError("FF01", "", f"The body is not well-formed XML: {_one_line(str(error.msg))}") from None

    def _read_header(self, element: etree._Element) -> BusinessHeader:
        namespace, _, local = element.tag[1:].rpartition("}")
        version = namespace.removeprefix(NAMESPACE)
        if local != "AppHdr" or version not in HEADERS:
            raise MessageError(
                "FF01", "AppHdr", f"The header must be one of {', '.join(HEADERS)}, not {_name(element)}"
            )
        schema = self._schema(version, ("head.body", "types"), frozenset(), {})
        if not schema.validator.validate(element):
            raise _explain(schema, element, "")
        found = tree(element, len(namespace) + 2, schema.shape)
        sides = [found[side]["FIId"]["FinInstnId"] for side in ("Fr", "To")]
        return BusinessHeader(
            sides[0]["BICFI"], sides[1].get("BICFI", ""), found["BizMsgIdr"], found["MsgDefIdr"], found["CreDt"],
            version, found.get("BizSvc"), found.get("PssblDplct") == "true",
        )  # fmt: skip


def definition_of(document: etree._Element) -> str:
    """Return what a document element says it is, as pacs.028.001.06; "" where it is no document of ISO 20022."""
    tag = str(document.tag)
    if not tag.startswith("{" + NAMESPACE) or not tag.endswith("}Document"):
        return ""
    return tag[len(NAMESPACE) + 1 : -len("}Document")]


def tree(element: etree._Element, skip: int, shape: Shape) -> dict[str, Any]:
    """Read children as local name -> text, dict, (attribute, text), or a list of one of them.

    `skip` is the length of "{namespace}"; what a SplmtryData envelops is of our own namespace.
    """
    found: dict[str, Any] = {}
    repeated, attributes, special = shape
    for child in element:
        name = child.tag[skip:]
        if name not in special:
            found[name] = tree(child, skip, shape) if len(child) else child.text
            continue
        if name in attributes:
            value: Any = (child.get(attributes[name]), child.text)
        elif name == _ENVELOPE:
            value = tree(child[0], len(SUPPLEMENT_NAMESPACE) + 2, shape)
        else:
            value = tree(child, skip, shape) if len(child) else child.text
        if name in repeated:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def check_identifier(value: str, field: str) -> MessageError | None:
    """Say what is wrong with the characters of an identifier."""
    if IDENTIFIER.fullmatch(value):
        return None
    return MessageError(
        "RR10", field, "Identifiers take Latin letters, digits and /-?:().,'+ ; no / at either end and no //"
    )


def _unwrap(root: etree._Element) -> tuple[etree._Element | None, etree._Element]:
    """Open our transport wrapper: <Message> of AppHdr and Document; a bare Document is taken, too."""
    if root.tag != MESSAGE:
        return None, root
    if len(root) != 2:
        raise MessageError("FF01", "Message", f"{WRAPPER_NAMESPACE} wraps one AppHdr and one Document, in this order")
    return root[0], root[1]


def _name(element: etree._Element) -> str:
    return str(element.tag)[:_TEXT_MAX]


def own_id(opened: Opened, kinds: Mapping[str, Kind]) -> str:
    """Return an opened message's own id, of whichever of `kinds` it is; "" where it cannot be read."""
    kind, document = kinds.get(opened.definition), opened.document
    return _message_id(document[0], kind) if kind is not None and len(document) else ""


def _message_id(message: etree._Element, kind: Kind) -> str:
    """Read the message's own id where it can be read, so that even a refused message is answered by it."""
    text = message.findtext("/".join("{*}" + step for step in kind.message_id.split("/"))) or ""
    return text if len(text) <= _MESSAGE_ID_MAX and IDENTIFIER.fullmatch(text) else ""


def _explain(schema: _Schema, element: etree._Element, message_id: str) -> MessageError:
    """Turn the schema's first complaint into ours: CH21 for a missing element, FF01 for the rest."""
    log: Any = schema.validator.error_log  # the stubs know no index
    entry = log[0]
    message = _one_line(_QUALIFIED.sub("", entry.message or ""))
    culprit = _culprit(element, entry.path or "")
    expected = _EXPECTED.search(message)
    missing = [name for name in (expected.group(1).split(", ") if expected else ()) if name in schema.mandatory]
    if missing:
        parent = culprit if "Missing child" in message else culprit.getparent()
        assert parent is not None
        present = {etree.QName(child).localname for child in parent}
        absent = next((name for name in missing if name not in present), None)
        if absent is not None:
            field = f"{_path(parent, element)}/{absent}".lstrip("/")
            return MessageError("CH21", field, f"{absent} is missing", message_id)
    return MessageError("FF01", _path(culprit, element), message, message_id)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_TEXT_MAX]


def _culprit(element: etree._Element, path: str) -> etree._Element:
    """Follow libxml2's path (/*/*[2]/*[1], from the element that was checked) down to the element it means."""
    found = element
    for step in path.split("/")[2:]:
        at = _STEP.fullmatch(step)
        if at is None:
            break
        found = found[int(at.group(1) or 1) - 1]
    return found


def _path(found: etree._Element, top: etree._Element) -> str:
    """Name an element by local names from the checked element down; a repeated one with its place among its like."""
    steps: list[str] = []
    step: etree._Element | None = found
    while step is not None and step is not top:
        parent = step.getparent()
        like = [child for child in parent if child.tag == step.tag] if parent is not None else [step]
        name = etree.QName(step).localname
        steps.append(f"{name}[{like.index(step) + 1}]" if len(like) > 1 else name)
        step = parent
    if etree.QName(top).localname != "Document":
        steps.append(etree.QName(top).localname)
    return "/".join(reversed(steps))


def _load(name: str, parts: tuple[str, ...], shape: Shape) -> _Schema:
    folder = Path(str(files("rails.messages.schemas")))
    optional: set[str] = set()
    named: set[str] = set()
    for part in parts:
        for element in etree.parse(folder / f"{part}.xsd").iter("{*}element"):
            local = element.get("name", "")
            (optional if element.get("minOccurs") == "0" else named).add(local)
    return _Schema(etree.XMLSchema(etree.parse(folder / f"{name}.xsd")), frozenset(named - optional), shape)


# More threads than a worker has; a codec with the schemas it uses weighs about a megabyte.
@lru_cache(16)
def _codec_of(thread: int) -> Codec:
    return Codec()


def codec() -> Codec:
    """Return this thread's codec."""
    return _codec_of(get_ident())
