"""Compares an answer with what its call may be answered: the status, and the body. A wrong body is a failure, not only a wrong status.

It knows the API's documents (docs/api.md) and no law: whether a refusal for a quota was right is the audit's to say. It reads no more
of a body than it compares, since it runs inside the generators.
"""

import json
import re
from collections import deque
from typing import Any, NamedTuple

from loadtest.malformed import XML
from loadtest.traffic import BAD, KNOWN_UETR, MANY, OTHER_CONTENT, PAYMENT, Call, Marks

ACCEPTED, REFUSED, TURNED_AWAY, UNANSWERED = "accepted", "refused", "turned-away", "unanswered"
_TURNED_AWAY = (429, 503)  # too many of one key; queue full or store silent
_IN_FLIGHT = 409
_NAME = re.compile(rb'"name":\s*"([a-z-]+)"')
_PAYMENT_ID = re.compile(rb'"payment_id":\s*"[0-9a-f-]{36}"')
_TRANSACTION = re.compile(rb"<TxSts>([A-Z]{4})</TxSts>")
_CODE = re.compile(rb"<StsRsnInf>.*?<Cd>([A-Z0-9]{4})</Cd>", re.DOTALL)
IDS_KEPT_MAX = 10_000  # payments accepted last: seconds of any rate, a megabyte
_SAME_AGAIN = "DU03"  # ExternalStatusReason1Code: duplicate transaction (docs/reasons.md)


class Verdict(NamedTuple):
    """What a payment was answered: the outcome, the reason's name (a message's: its ISO code), and what is wrong ("" = nothing)."""

    outcome: str
    reason: str = ""
    wrong: str = ""


class Answers:
    """Judges the answers of one generator; remembers which payments were answered, for what comes again may be anything before that."""

    def __init__(self) -> None:
        self._answered: set[str] = set()

    def judge(self, call: Call, status: int, body: bytes, resent: bool = False) -> tuple[Verdict, ...]:
        """Judge an answer: a verdict for each payment of the call, one for a call of bad input. `resent`: this very call was sent before."""
        marks = call.marks
        if status in _TURNED_AWAY:
            verdict = Verdict(TURNED_AWAY, _name_in(body), "" if _is_problem(body) else "turned away without a problem")
            return (verdict,) * max(len(marks.items), 1)
        if marks.kind == MANY:
            return self._batch(marks, status, body, resent)
        if marks.kind == BAD:
            return (_of_bad_input(marks, status, body),)
        return (self._one(marks, status, body, call.content_type == XML, resent),)

    def _batch(self, marks: Marks, status: int, body: bytes, resent: bool) -> tuple[Verdict, ...]:
        try:
            items = json.loads(body)["items"] if status == 200 else None
        except (ValueError, KeyError, TypeError):
            items = None
        if not isinstance(items, list) or len(items) != len(marks.items) or not all(map(_is_item, items)):
            return (Verdict(UNANSWERED, _name_in(body), f"batch of {len(marks.items)} answered {status}"),) * len(
                marks.items
            )
        return tuple(self._item(each, item, resent) for each, item in zip(marks.items, items, strict=True))

    def _item(self, marks: Marks, item: dict[str, Any], resent: bool) -> Verdict:
        status = item["http_status"]
        body = json.dumps(item.get("problem") or item.get("payment")).encode()
        if status in _TURNED_AWAY:
            return Verdict(TURNED_AWAY, _name_in(body))
        return (
            _of_bad_input(marks, status, body) if marks.kind == BAD else self._one(marks, status, body, False, resent)
        )

    def _one(self, marks: Marks, status: int, body: bytes, is_message: bool, resent: bool) -> Verdict:
        first_answered = marks.uetr in self._answered
        verdict = _of_message(marks, status, body) if is_message else _of_json(marks, status, body)
        if marks.again and verdict.outcome in (ACCEPTED, REFUSED):
            self._answered.add(marks.uetr)
        if marks.kind != PAYMENT:
            self._answered.discard(marks.uetr)
            if not first_answered and status in (200, 201, 202, 422, _IN_FLIGHT):
                return verdict._replace(wrong="")
        # Sent before, or overtaken by the one that was to come again after it.
        return verdict._replace(wrong="") if (resent or marks.again) and status == _IN_FLIGHT else verdict


class Ids:
    """Remembers whose payment_id was whose, of the payments accepted last: one that is given to two payments is wrong."""

    def __init__(self, kept_max: int = IDS_KEPT_MAX) -> None:
        self._of: dict[str, str] = {}
        self._order: deque[str] = deque()
        self._kept_max = kept_max

    def belongs(self, payment_id: str, payment: str) -> bool:
        """Whether the id is this payment's (its UETR, else what else tells it from others), as far as is remembered."""
        known = self._of.get(payment_id)
        if known is not None:
            return known == payment
        self._of[payment_id] = payment
        self._order.append(payment_id)
        if len(self._order) > self._kept_max:
            del self._of[self._order.popleft()]
        return True


def _is_item(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("http_status"), int)


def _of_json(marks: Marks, status: int, body: bytes) -> Verdict:
    accepted = status in (201, 202)
    name = "" if accepted else _name_in(body)
    outcome = ACCEPTED if accepted else REFUSED if status == 422 else UNANSWERED
    if status not in marks.statuses:
        return Verdict(outcome, name, f"{marks.kind} answered {status} {name}".rstrip())
    if status == _IN_FLIGHT:
        return Verdict(outcome, name)
    if not accepted and not _is_problem(body):
        return Verdict(outcome, name, "refused without name and what to do")
    if marks.names:
        return Verdict(outcome, name, "" if name in marks.names else f"{marks.kind} refused for {name}")
    # A payment's own answer names it; that it is this one's shows in its UETR.
    if _PAYMENT_ID.search(body) is None:
        return Verdict(outcome, name, "answered without payment_id")
    return Verdict(outcome, name, "" if marks.uetr.encode() in body else "answered with another payment's UETR")


def _of_message(marks: Marks, status: int, body: bytes) -> Verdict:
    found = _TRANSACTION.search(body)
    if status not in marks.statuses or found is None:
        return Verdict(
            UNANSWERED, str(status), f"{marks.kind} by message answered {status} without a transaction's status"
        )
    refused = found[1] == b"RJCT"
    reason = _CODE.search(body) if refused else None
    code = reason[1].decode() if reason else ""
    verdict = Verdict(REFUSED if refused else ACCEPTED, code)
    if refused and not code:
        return verdict._replace(wrong="refused without a code")
    if marks.kind in (OTHER_CONTENT, KNOWN_UETR) and code != _SAME_AGAIN:
        return verdict._replace(wrong=f"{marks.kind} by message answered {code or found[1].decode()}")
    # A UETR that is another payment's is not repeated in the answer (docs/messages.md): there the instruction's id says whose it is.
    own = marks.instruction_id if marks.kind in (KNOWN_UETR, OTHER_CONTENT) else marks.uetr
    return verdict if own.encode() in body else verdict._replace(wrong="answered with another payment's ids")


def _of_bad_input(marks: Marks, status: int, body: bytes) -> Verdict:
    name = _name_in(body) or str(status)
    if status not in marks.statuses:
        return Verdict(UNANSWERED, name, f"bad input ({marks.bad}) answered {status}, not {marks.statuses[0]}")
    told = _is_problem(body) or b"<" in body[:1]
    stored = _PAYMENT_ID.search(body) is not None
    wrong = "" if told else f"bad input ({marks.bad}) refused without a reason"
    return Verdict(REFUSED, name, f"bad input ({marks.bad}) was stored" if stored else wrong)


def _is_problem(body: bytes) -> bool:
    return _NAME.search(body) is not None and b'"what_to_do"' in body


def _name_in(body: bytes) -> str:
    found = _NAME.search(body)
    return found[1].decode() if found else ""
