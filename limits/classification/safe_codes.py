"""The mainland's codes of receipts and payments (SAFE, the set of 2014), read from classification/safe-codes.yaml.

Each says to which BPM6 item it belongs, and whether its leaf was verified. Codes of the sets before 2014, which still
outnumber it on the web, are refused. Which payment takes which code is limits.classification.
"""

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from limits.classification.bpm6 import ITEMS
from limits.documents import Document, Node

# Second digit 0 (101010, 202050) or four digits (0101): the sets that the one of 2014 replaced (facts 5.2, trap 16).
_RETIRED = re.compile(r"\d0\d{4}|\d{4}")
_CODE = re.compile(r"[1-9][1-9]\d{4}")
LEFT_OUT = "9"  # domestic transfers and netting: no part of the balance of payments


class Code(NamedTuple):
    """One code of the 2014 set."""

    code: str
    name: str
    item: str  # the BPM6 item it belongs to, "" for group 9
    verified: bool
    note: str  # what is uncertain, or how it is used; never "" where it was not verified
    since: date  # from which day it is carried


def read_codes(file: str, document: Document) -> Mapping[str, Code]:
    """Read the table of codes; raises RulebookError for a retired, malformed or doubled one, or one without its mark."""
    table = Node(file, "", document, ("description", "since", "reference", "codes"))
    since = table.day("since")
    if since is None:
        raise table.error("since", "is missing: the set replaced others on a day")
    codes: dict[str, Code] = {}
    for n, data in enumerate(table.mappings("codes")):
        node = Node(file, f"codes[{n}]", data, ("code", "name", "verified"), ("item", "note"))
        code = node.text("code")
        if _RETIRED.fullmatch(code):
            raise node.error("code", f"{code} is of a set retired on 2014-05-01; take the 2014 code (121010 …)")
        if not _CODE.fullmatch(code) or code in codes:
            raise node.error("code", f"{code!r} is not a new code of six digits")
        item = node.text("item")
        if code.startswith(LEFT_OUT) == bool(item):
            raise node.error("item", "group 9 belongs to no item, and every other code to one")
        if item and item not in ITEMS:
            raise node.error("item", f"{item!r} is no known item of BPM6 (limits/classification/bpm6.py)")
        if not node.flag("verified") and not node.text("note"):
            raise node.error("note", "is missing: an unverified code says what is uncertain")
        codes[code] = Code(code, node.text("name"), item, node.flag("verified"), node.text("note"), since)
    return MappingProxyType(codes)
