"""Marks of calls that come ready made (`--calls`): how many payments one carries, and whose, as far as its body says. It sends nothing."""

import re
from typing import Any

from pydantic_core import from_json

from loadtest.malformed import BATCH, XML
from loadtest.traffic import MANY, PAYMENT, Call, Marks
from loadtest.wire import Plain

_OWED = (200, 201, 202, 422)  # to a call of which nothing else is known
_OWED_ITEM = (201, 202, 422)
_TRANSACTION = b"<CdtTrfTxInf>"
_UETR_IN_MESSAGE = re.compile(rb"<UETR>([^<]*)</UETR>")


def marked(call: Plain) -> Call:
    """Give a prepared call its marks: with them its answer can be held to it."""
    if call.content_type == XML:
        return Call(*call, _of_message(call.body))
    try:
        read = from_json(call.body)
    except ValueError:
        read = None
    if call.path == BATCH and isinstance(read, dict) and isinstance(items := read.get("items"), list) and items:
        marks = tuple(_of_item(item) for item in items)
        return Call(*call, Marks(MANY, (200,), payments=len(marks), items=marks))
    return Call(*call, _of_instruction(read, _OWED))


def _of_message(body: bytes) -> Marks:
    payments = max(body.count(_TRANSACTION), 1)
    found = _UETR_IN_MESSAGE.search(body) if payments == 1 else None  # of several no single one is owed
    return Marks(PAYMENT, _OWED, uetr=found[1].decode() if found else "", payments=payments)


def _of_item(item: Any) -> Marks:
    read = item if isinstance(item, dict) else {}
    return _of_instruction(read.get("instruction"), _OWED_ITEM)._replace(key=str(read.get("idempotency_key") or ""))


def _of_instruction(read: Any, statuses: tuple[int, ...]) -> Marks:
    instruction = read if isinstance(read, dict) else {}
    return Marks(PAYMENT, statuses, uetr=str(instruction.get("uetr") or ""))
