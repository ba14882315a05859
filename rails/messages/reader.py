"""From bytes to a pacs.008 of plain values: guard, parse, schema, one walk over the children, then our own checks.

Bounded: the body's size, the parser's depth and the number of transactions have limits; no entity is resolved, nothing
is fetched. A fault of the message as a whole raises MessageError; a transaction that breaks a rule is refused alone.
"""

import re
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from threading import get_ident
from typing import Any, NamedTuple

from lxml import etree

from rails.messages.checks import check_identifier, check_transfer, duplicates
from rails.messages.codes import load_codes
from rails.messages.errors import MessageError
from rails.messages.extract import agent_of, total_of, transfer_of, tree
from rails.messages.model import HEADER, BusinessHeader, CreditTransfer, Pacs008, RefusedTransfer
from rails.messages.profile import APP_HDR, DOCUMENTS, MESSAGE, NAMESPACE, WRAPPER_NAMESPACE

TRANSACTIONS_MAX = 100  # a batch of the switch; more would hold a worker for over 10 ms
# 100 transactions of at most 8 KiB (a full one has about 5) and their header. Longer bodies would hold a worker, too.
BODY_BYTES_MAX = 832 * 1024
# A full transaction has about 130 elements, so 260 tags, and texts in which an = may stand. Floods of tags or of
# attributes are refused before the parser logs a complaint about each.
TAGS_MAX = 300 * TRANSACTIONS_MAX
EQUALS_MAX = 200 * TRANSACTIONS_MAX
_TEXT_MAX = 300

_DECLARATION = re.compile(rb"\s*<\?xml[^>]*encoding\s*=\s*[\"']([^\"']*)")
_QUALIFIED = re.compile(r"\{urn:[^}]*\}")
_EXPECTED = re.compile(r"Expected is (?:one of )?\( ([^)]*) \)")
_STEP = re.compile(r"\*(?:\[(\d+)\])?")


class _Schema(NamedTuple):
    validator: etree.XMLSchema
    mandatory: frozenset[str]  # local names that are nowhere optional


class Reader:
    """Reads pacs.008 messages. One per thread: a compiled schema keeps the log of its last check."""

    def __init__(self) -> None:
        self._parser = etree.XMLParser(
            encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
            remove_comments=True, remove_pis=True, collect_ids=False,
        )  # fmt: skip
        self._header = _load(HEADER, (HEADER, "types"))
        self._documents = {tag: (name, _load(name, ("pacs.008.body", "types"))) for tag, name in DOCUMENTS.items()}
        self._codes = load_codes()

    def read(self, body: bytes) -> Pacs008:
        """Read a pacs.008 of 1 to TRANSACTIONS_MAX transactions, with or without header; raises MessageError."""
        root = self._parse(body)
        header_element, document = _unwrap(root)
        header = self._read_header(header_element) if header_element is not None else None
        try:
            return self._read_document(header, document)
        except MessageError as error:
            error.sender = header.from_bic if header is not None else ""
            raise

    def _read_document(self, header: BusinessHeader | None, document: etree._Element) -> Pacs008:
        found = self._documents.get(document.tag)
        if found is None:
            raise MessageError(
                "FF01", "Document", f"Send one of {', '.join(DOCUMENTS.values())}, not {_name(document)}"
            )
        definition, schema = found
        if header is not None and header.message_definition != definition:
            raise MessageError(
                "FF01", "AppHdr/MsgDefIdr", f"It names {header.message_definition}, the document is {definition}"
            )
        message = document[0] if len(document) else document
        if len(message) > TRANSACTIONS_MAX + 1:
            raise MessageError(
                "AM18",
                "FIToFICstmrCdtTrf",
                f"A message takes at most {TRANSACTIONS_MAX} transactions",
                _message_id(document),
            )
        if not schema.validator.validate(document):
            raise _explain(schema, document, _message_id(document))
        return self._extract(header, definition, message)

    def _parse(self, body: bytes) -> etree._Element:
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
        if body.count(b"<") > TAGS_MAX or body.count(b"=") > EQUALS_MAX:
            raise MessageError("FF01", "", f"The body has more than {TAGS_MAX} tags or {EQUALS_MAX} attributes")
        try:
            return etree.fromstring(body, self._parser)
        except etree.XMLSyntaxError as error:
            raise MessageError("FF01", "", f"The body is not well-formed XML: {_one_line(str(error.msg))}") from None

    def _read_header(self, element: etree._Element) -> BusinessHeader:
        if element.tag != APP_HDR:
            raise MessageError("FF01", "AppHdr", f"The header must be {HEADER}, not {_name(element)}")
        if not self._header.validator.validate(element):
            raise _explain(self._header, element, "")
        found = tree(element, len(NAMESPACE) + len(HEADER) + 2)
        sides = [found[side]["FIId"]["FinInstnId"] for side in ("Fr", "To")]
        return BusinessHeader(
            sides[0]["BICFI"], sides[1].get("BICFI", ""), found["BizMsgIdr"], found["MsgDefIdr"], found["CreDt"]
        )

    def _extract(self, header: BusinessHeader | None, definition: str, message: etree._Element) -> Pacs008:
        found = tree(message, len(NAMESPACE) + len(definition) + 2)
        group, transactions = found["GrpHdr"], found["CdtTrfTxInf"]
        message_id: str = group["MsgId"]
        fault = check_identifier(message_id, "FIToFICstmrCdtTrf/GrpHdr/MsgId")
        if fault is not None:
            raise fault
        if int(group["NbOfTxs"]) != len(transactions):
            text = f"NbOfTxs says {group['NbOfTxs']}, the message has {len(transactions)} transactions"
            raise MessageError("AM18", "FIToFICstmrCdtTrf/GrpHdr/NbOfTxs", text, message_id)
        _check_total(group, transactions, message_id)
        transfers, refused = self._sort(transactions, message_id)
        return Pacs008(
            header, definition, message_id, group["CreDtTm"], agent_of(group, "InstgAgt"), transfers, refused
        )

    def _sort(
        self, transactions: list[dict[str, Any]], message_id: str
    ) -> tuple[tuple[CreditTransfer, ...], tuple[RefusedTransfer, ...]]:
        """Part the transactions into those that stand and those that are refused."""
        read = [transfer_of(transaction) for transaction in transactions]
        whole = [transfer for transfer in read if not isinstance(transfer, MessageError)]
        repeated = iter(_repeated(whole))
        stand: list[CreditTransfer] = []
        refused: list[RefusedTransfer] = []
        for position, (transaction, transfer) in enumerate(zip(transactions, read, strict=True), 1):
            if isinstance(transfer, MessageError):
                error: MessageError | None = transfer
            else:
                error = next(repeated) or check_transfer(transfer, self._codes)
            if error is None:
                assert not isinstance(transfer, MessageError)
                stand.append(transfer)
                continue
            field = f"FIToFICstmrCdtTrf/CdtTrfTxInf[{position}]/{error.field}"
            ids = transaction["PmtId"]
            told = MessageError(error.code, field, error.text, message_id)
            refused.append(RefusedTransfer(position, ids["InstrId"], ids["EndToEndId"], ids.get("UETR"), told))
        return tuple(stand), tuple(refused)


def _repeated(transfers: list[CreditTransfer]) -> list[MessageError | None]:
    if len(transfers) == 1:
        return [None]
    found = duplicates(transfers)
    return [found.get(place) for place in range(len(transfers))]


def _check_total(group: dict[str, Any], transactions: list[dict[str, Any]], message_id: str) -> None:
    if "TtlIntrBkSttlmAmt" not in group:
        return
    if not total_of(group["TtlIntrBkSttlmAmt"], transactions):
        text = "It is not the sum of the transactions' IntrBkSttlmAmt, or they are not of one currency"
        raise MessageError("AM10", "FIToFICstmrCdtTrf/GrpHdr/TtlIntrBkSttlmAmt", text, message_id)


def _unwrap(root: etree._Element) -> tuple[etree._Element | None, etree._Element]:
    """Open our transport wrapper: <Message> of AppHdr and Document; a bare Document is taken, too."""
    if root.tag != MESSAGE:
        return None, root
    if len(root) != 2:
        raise MessageError("FF01", "Message", f"{WRAPPER_NAMESPACE} wraps one AppHdr and one Document, in this order")
    return root[0], root[1]


def _name(element: etree._Element) -> str:
    return str(element.tag)[:_TEXT_MAX]


def _message_id(document: etree._Element) -> str:
    """Read MsgId where it can be read, so that even a refused message is answered by its id."""
    for element in document.iter("{*}MsgId"):
        text = element.text or ""
        return text if 1 <= len(text) <= 35 and check_identifier(text, "") is None else ""
    return ""


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


def _load(name: str, parts: tuple[str, ...]) -> _Schema:
    folder = Path(str(files("rails.messages.schemas")))
    optional: set[str] = set()
    named: set[str] = set()
    for part in parts:
        for element in etree.parse(folder / f"{part}.xsd").iter("{*}element"):
            local = element.get("name", "")
            (optional if element.get("minOccurs") == "0" else named).add(local)
    return _Schema(etree.XMLSchema(etree.parse(folder / f"{name}.xsd")), frozenset(named - optional))


# More threads than a worker has; a reader weighs about a megabyte.
@lru_cache(16)
def _reader_of(thread: int) -> Reader:
    return Reader()


def read_pacs008(body: bytes) -> Pacs008:
    """Read a pacs.008 with this thread's reader; raises MessageError."""
    return _reader_of(get_ident()).read(body)
