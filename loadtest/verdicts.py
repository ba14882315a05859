"""What an answer of the switch says: accepted, refused and why and by which rule, shed, or wrong; by its body, never its status alone.

It knows the forms that docs/api.md promises and nothing of the call; what a certain call is owed is compared by answers.py.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json

ACCEPTED, REFUSED, SHED, WRONG, DONE = "accepted", "refused", "shed", "wrong", "done"

BY_MESSAGE = "by message"  # in the place of the reason's name: a message has its ISO code alone
_QUEUED = "PDNG"
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_STATUS_IN_MESSAGE = re.compile(rb"<TxSts>([A-Z]{4})</TxSts>")
_UETR_IN_MESSAGE = re.compile(rb"<OrgnlUETR>([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})</OrgnlUETR>")
_TOO_MANY, _CONFLICT, _UNAVAILABLE = 429, 409, 503
_IN_FLIGHT = "in-flight"  # the name of the one 409 that is no refusal: the same key is being worked on
_CODE_IN_MESSAGE = re.compile(rb"<StsRsnInf>.*?<Cd>([A-Z0-9]{4})</Cd>", re.DOTALL)


class Verdict(NamedTuple):
    """What a call, or one payment of it, came to: its kind, the reason where it is not accepted, the rule that refused it.

    `parts`: one verdict for each payment of a call that was answered for several; its own kind is then the first of wrong, accepted,
    refused, shed that one of them has. `payment_id` of one that was accepted; a message has its `uetr` instead. `done`: a 200 that is about no payment (explain).
    """

    kind: str
    reason: str = ""
    rule: str = ""
    payment_id: str = ""
    parts: "tuple[Verdict, ...]" = ()
    uetr: str = ""

    @property
    def each(self) -> "tuple[Verdict, ...]":
        """Return the verdicts of its payments; itself where there is one."""
        return self.parts or (self,)


def judge(status: int, body: bytes, retry_after: bool, replayed: bool) -> Verdict:
    """Judge an answer: a 201 or 202 must carry payment_id and an ISO status that fits, a refusal its reason, a 503 Retry-After.

    Turned away for now (503, 429, 409 in-flight) is shed: no word of the law.
    """
    if status == _UNAVAILABLE:
        return Verdict(SHED, _name_in(body)) if retry_after else Verdict(WRONG, "503 without Retry-After")
    if body[:1] == b"<":
        return _of_message(status, body)
    try:
        document = from_json(body)
    except ValueError:
        return Verdict(WRONG, f"{status} with a body that is no JSON")
    if not isinstance(document, dict):
        return Verdict(WRONG, f"{status} with a body that is no object")
    if status in (201, 202):
        return _of_payment(document, status, replayed)
    if 400 <= status < 500:
        return _of_problem(document, status)
    if status == 200:
        return _of_batch(document["items"]) if "items" in document else Verdict(DONE)
    return Verdict(WRONG, f"{status} is no answer of the switch")


def together(parts: Sequence[Verdict]) -> Verdict:
    """Return the verdict of a call from those of its payments, of which there is one at least."""
    if len(parts) == 1:
        return parts[0]
    first = min(parts, key=lambda part: _ORDER.index(part.kind))
    return first._replace(payment_id="", parts=tuple(parts))


def _of_payment(document: dict[str, Any], status: int, replayed: bool) -> Verdict:
    payment_id, iso_status = document.get("payment_id"), document.get("iso_status")
    if not payment_id or not iso_status:
        return Verdict(WRONG, f"{status} without payment_id or iso_status")
    if _UUID.fullmatch(str(payment_id)) is None:
        return Verdict(WRONG, f"{status} with a payment_id that is no UUID")
    if status == 201 or replayed or iso_status == "ACSP" or (iso_status == _QUEUED and "queued_until" in document):
        return Verdict(ACCEPTED, payment_id=str(payment_id))
    return Verdict(WRONG, f"{status} with iso_status {iso_status}")


def _of_problem(document: dict[str, Any], status: int) -> Verdict:
    name, code = document.get("name") or "", document.get("code") or ""
    if not (name or code):
        return Verdict(WRONG, f"{status} without a reason")
    if status in (_UNAVAILABLE, _TOO_MANY) or (status == _CONFLICT and name == _IN_FLIGHT):
        return Verdict(SHED, name or code)
    if status >= 500:
        return Verdict(WRONG, f"{status} {name}")
    return Verdict(REFUSED, f"{code} {name}".strip(), document.get("rule") or "")


def _of_batch(items: Any) -> Verdict:
    if not isinstance(items, list) or not items:
        return Verdict(WRONG, "a batch without items")
    return together([_of_item(item) for item in items])


def _of_item(item: Any) -> Verdict:
    try:
        status = item["http_status"]
        if status < 400:
            return _of_payment(item["payment"], status, item["replayed"])
        return _of_problem(item["problem"], status)
    except (KeyError, TypeError, AttributeError):
        return Verdict(WRONG, "an item of a batch without status, payment or problem")


def _of_message(status: int, body: bytes) -> Verdict:
    """Judge a pacs.002; the reason of a transaction stands behind its status."""
    said = _STATUS_IN_MESSAGE.split(body)
    if status == 200 and len(said) > 1:
        each = zip(said[:-1:2], said[1::2], said[2::2], strict=True)
        return together([_refused(status, rest) if word == b"RJCT" else _taken(before) for before, word, rest in each])
    if status in (_TOO_MANY, _CONFLICT):
        return Verdict(SHED, str(status))
    if 400 <= status < 500:
        return _refused(status, body)
    return Verdict(WRONG, f"{status} with a message without a status")


def _refused(status: int, body: bytes) -> Verdict:
    code = _CODE_IN_MESSAGE.search(body)
    return Verdict(REFUSED, f"{code[1].decode()} {BY_MESSAGE}" if code else f"{status} message refused")


def _taken(before: bytes) -> Verdict:
    named = _UETR_IN_MESSAGE.findall(before)
    return Verdict(ACCEPTED, uetr=named[-1].decode() if named else "")


def _name_in(body: bytes) -> str:
    try:
        return str(from_json(body).get("name") or "503")
    except (ValueError, AttributeError):
        return "503"


_ORDER = (WRONG, ACCEPTED, REFUSED, SHED, DONE)
