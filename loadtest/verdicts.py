"""What an answer of the switch says: accepted, refused and why and by which rule, shed, or wrong; by its body, never its status alone.

It knows the forms that docs/api.md promises and nothing of the call; what a certain call is owed is compared by answers.py.
"""

import re
from collections import Counter
from typing import Any, NamedTuple

from pydantic_core import from_json

ACCEPTED, REFUSED, SHED, WRONG, DONE = "accepted", "refused", "shed", "wrong", "done"

_QUEUED = "PDNG"
_STATUS_IN_MESSAGE = re.compile(rb"<TxSts>([A-Z]{4})</TxSts>")
_CODE_IN_MESSAGE = re.compile(rb"<StsRsnInf>.*?<Cd>([A-Z0-9]{4})</Cd>", re.DOTALL)


class Verdict(NamedTuple):
    """What a call came to: its kind, the reason where it is not accepted, the rule that refused it.

    `accepted` and `refused` count payments: of a batch or a message there are many. A call some of whose payments were
    accepted is accepted; `done`: a 200 that is about no payment (explain).
    """

    kind: str
    reason: str = ""
    rule: str = ""
    accepted: int = 0
    refused: int = 0


_ONE_ACCEPTED = Verdict(ACCEPTED, accepted=1)


def judge(status: int, body: bytes, retry_after: bool, replayed: bool) -> Verdict:
    """Judge an answer: a 201 or 202 must carry payment_id and an ISO status that fits, a refusal its reason, a 503 Retry-After."""
    if status == 503:
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


def _of_payment(document: dict[str, Any], status: int, replayed: bool) -> Verdict:
    iso_status = document.get("iso_status")
    if not document.get("payment_id") or not iso_status:
        return Verdict(WRONG, f"{status} without payment_id or iso_status")
    if status == 201 or replayed or iso_status == "ACSP" or (iso_status == _QUEUED and "queued_until" in document):
        return _ONE_ACCEPTED
    return Verdict(WRONG, f"{status} with iso_status {iso_status}")


def _of_problem(document: dict[str, Any], status: int) -> Verdict:
    name, code = document.get("name") or "", document.get("code") or ""
    if not (name or code):
        return Verdict(WRONG, f"{status} without a reason")
    return Verdict(REFUSED, f"{code} {name}".strip(), document.get("rule") or "", refused=1)


def _of_batch(items: list[dict[str, Any]]) -> Verdict:
    verdicts = [
        _of_payment(item["payment"], item["http_status"], item["replayed"])
        if item["http_status"] < 400
        else _of_problem(item["problem"], item["http_status"])
        for item in items
    ]
    for verdict in verdicts:
        if verdict.kind == WRONG:
            return verdict
    accepted = sum(verdict.accepted for verdict in verdicts)
    if accepted:
        return Verdict(ACCEPTED, accepted=accepted, refused=len(verdicts) - accepted)
    return verdicts[0]._replace(refused=len(verdicts)) if verdicts else Verdict(WRONG, "a batch without items")


def _of_message(status: int, body: bytes) -> Verdict:
    said = Counter(_STATUS_IN_MESSAGE.findall(body))
    refused = said.pop(b"RJCT", 0)
    accepted = said.total()
    if status == 200 and accepted:
        return Verdict(ACCEPTED, accepted=accepted, refused=refused)
    if status < 500 and (refused or status >= 400):
        code = _CODE_IN_MESSAGE.search(body)
        return Verdict(REFUSED, code[1].decode() if code else f"{status} message refused", refused=max(refused, 1))
    return Verdict(WRONG, f"{status} with a message without a status")


def _name_in(body: bytes) -> str:
    try:
        return str(from_json(body).get("name") or "503")
    except (ValueError, AttributeError):
        return "503"
