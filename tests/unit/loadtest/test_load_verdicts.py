"""What an answer says is read from its body: a status alone is never enough."""

import json
from typing import Any

import pytest

from loadtest.verdicts import ACCEPTED, DONE, REFUSED, SHED, WRONG, Verdict, judge

_ID = "0b6f2f0e-2d52-5a5e-9d2f-0e2d525a5e9d"


def _judged(status: int, body: Any, retry_after: bool = False, replayed: bool = False) -> Verdict:
    return judge(status, body if isinstance(body, bytes) else json.dumps(body).encode(), retry_after, replayed)


_ITEM = {"http_status": 202, "replayed": False, "payment": {"payment_id": _ID, "iso_status": "ACSP"}}
_REFUSED = {"http_status": 422, "replayed": False, "problem": {"name": "person-quota", "code": "RR04", "rule": "r.day"}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (202, {"payment_id": _ID, "iso_status": "ACSP"}, ACCEPTED),
        (202, {"payment_id": _ID, "iso_status": "PDNG", "queued_until": "2026-03-06T09:00:00+08:00"}, ACCEPTED),
        (201, {"payment_id": _ID, "iso_status": "ACCC"}, ACCEPTED),
        (202, {"payment_id": _ID, "iso_status": "PDNG"}, WRONG),
        (202, {"payment_id": _ID, "iso_status": "RJCT"}, WRONG),
        (202, {"iso_status": "ACSP"}, WRONG),
        (202, {"payment_id": "7", "iso_status": "ACSP"}, WRONG),
        (202, b"accepted", WRONG),
        (202, b"[]", WRONG),
        (422, {"name": "person-quota", "code": "RR04"}, REFUSED),
        (422, {"detail": "no"}, WRONG),
        (400, {"name": "malformed"}, REFUSED),
        (500, {"name": "internal-error"}, WRONG),
        (503, {"name": "busy"}, WRONG),  # without Retry-After nobody knows when to come again
        (200, {"status": "accepted"}, DONE),
        (200, {"items": [_ITEM, _REFUSED]}, ACCEPTED),
        (200, {"items": [_REFUSED]}, REFUSED),
        (200, {"items": [_ITEM, {**_ITEM, "payment": {}}]}, WRONG),
        (200, b"<Document><TxSts>ACSP</TxSts></Document>", ACCEPTED),
        (200, b"<Document><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AM04</Cd></Rsn></StsRsnInf></Document>", REFUSED),
        (200, b"<Document/>", WRONG),
        (500, b"<Document/>", WRONG),
    ],
)
def test_an_answer_is_what_its_body_says(status: int, body: Any, kind: str) -> None:
    assert _judged(status, body).kind == kind


def test_an_answer_again_may_show_any_status() -> None:
    assert _judged(202, {"payment_id": _ID, "iso_status": "ACCC"}, replayed=True).kind == ACCEPTED


def test_shed_is_a_503_that_says_when_to_come_again() -> None:
    assert _judged(503, {"name": "busy"}, retry_after=True) == Verdict(SHED, "busy")


def test_a_refusal_tells_reason_and_rule() -> None:
    found = _judged(422, _REFUSED["problem"])
    assert (found.kind, found.reason, found.rule) == (REFUSED, "RR04 person-quota", "r.day")


def test_a_batch_and_a_message_count_their_payments() -> None:
    def kinds(body: Any) -> list[str]:
        return [part.kind for part in _judged(200, body).each]

    assert kinds({"items": [_ITEM, _ITEM, _REFUSED]}) == [ACCEPTED, ACCEPTED, REFUSED]
    assert kinds(b"<D><TxSts>ACSP</TxSts><TxSts>RJCT</TxSts></D>") == [ACCEPTED, REFUSED]


def _item(status: int, name: str) -> dict[str, Any]:
    return {"http_status": status, "replayed": False, "problem": {"name": name}}


def test_what_is_shed_inside_a_batch_is_shed_and_a_500_there_is_wrong() -> None:
    found = _judged(200, {"items": [_ITEM, *[_item(503, "busy")] * 19]})
    assert found.kind == ACCEPTED and [part.kind for part in found.each] == [ACCEPTED, *[SHED] * 19]
    assert _judged(200, {"items": [_item(503, "busy")] * 2}).kind == SHED
    found = _judged(200, {"items": [_ITEM, _item(500, "internal-error")]})
    assert found.kind == WRONG and [part.kind for part in found.each] == [ACCEPTED, WRONG]
    assert _judged(200, {"items": [{}, 5]}).kind == WRONG


@pytest.mark.parametrize(("status", "name"), [(429, "too-many-requests"), (409, "in-flight")])
def test_who_is_to_come_again_was_shed_and_not_refused(status: int, name: str) -> None:
    assert _judged(status, {"name": name}) == Verdict(SHED, name)
    assert _judged(200, {"items": [_item(status, name)]}) == Verdict(SHED, name)
    assert _judged(409, {"name": "same-key-other-content"}).kind == REFUSED


def test_each_transaction_of_a_message_has_the_reason_behind_its_status() -> None:
    refused = b"<TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>%s</Cd></Rsn></StsRsnInf>"
    body = b"<D>" + refused % b"AM04" + b"<TxSts>ACSP</TxSts>" + refused % b"AC04" + b"</D>"
    assert [part.reason for part in _judged(200, body).each] == ["AM04 by message", "", "AC04 by message"]


def test_an_accepted_transaction_of_a_message_is_known_by_its_uetr() -> None:
    each = b"<OrgnlUETR>%s</OrgnlUETR><TxSts>%s</TxSts>"
    other = _ID[:-1] + "0"
    found = _judged(200, b"<D>" + each % (_ID.encode(), b"ACSP") + each % (other.encode(), b"ACSP") + b"</D>")
    assert [part.uetr for part in found.each] == [_ID, other]
