"""Answers held to their calls: what is owed passes, a wrong body fails under the right status, and what comes again is judged by what went before."""

import json
from typing import Any

import pytest

from loadtest.answers import ACCEPTED, REFUSED, TURNED_AWAY, Answers, Verdict
from loadtest.malformed import BATCH, JSON, MESSAGES, PAYMENTS, XML
from loadtest.traffic import BAD, KNOWN_UETR, MANY, OTHER_CONTENT, PAYMENT, REPLAY, Call, Marks

UETR = "0554fad0-ab4c-489d-a138-e9663366a311"
OTHER_UETR = "d130fbbe-8e2c-4685-a01e-05484fd98632"
_STATUSES = {
    PAYMENT: (201, 202, 422),
    REPLAY: (201, 202, 409, 422),
    OTHER_CONTENT: (409, 422),
    KNOWN_UETR: (409, 422),
    BAD: (400,),
}
_NAMES = {OTHER_CONTENT: ("same-key-other-content",), KNOWN_UETR: ("duplicate-uetr",)}


def a_call(kind: str = PAYMENT, again: bool = False, message: bool = False) -> Call:
    statuses = (200,) if message else _STATUSES[kind]
    marks = Marks(kind, statuses, _NAMES.get(kind, ()), "s1-0-7", UETR, "HK>CN", again=again, bad="no debtor")
    path, content_type = (MESSAGES, XML) if message else (PAYMENTS, JSON)
    return Call("HBAYHKH0", "s1-0-7", path, content_type, b"", marks)


def accepted(**changes: Any) -> bytes:
    return json.dumps(
        {
            "payment_id": "0" * 8 + UETR[8:],
            "status": "accepted",
            "iso_status": "ACSP",
            "uetr": UETR,
            "instruction_id": "s1-0-7",
        }
        | changes
    ).encode()


def refused(name: str, **changes: Any) -> bytes:
    return accepted(name=name, what_to_do="Send less.", code="RR04", **changes)


def door(name: str) -> bytes:
    return json.dumps({"name": name, "what_to_do": "Ask again."}).encode()


def report(status: str, code: str = "", uetr: str = UETR) -> bytes:
    why = f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>" if code else ""
    return (
        f"<D><OrgnlInstrId>s1-0-7</OrgnlInstrId><OrgnlUETR>{uetr}</OrgnlUETR><TxSts>{status}</TxSts>{why}</D>".encode()
    )


def one(call: Call, status: int, body: bytes) -> Verdict:
    [verdict] = Answers().judge(call, status, body)
    return verdict


def test_what_a_payment_is_owed_passes() -> None:
    assert one(a_call(), 202, accepted()) == Verdict(ACCEPTED)
    assert one(a_call(), 422, refused("person-quota")) == Verdict(REFUSED, "person-quota")
    assert one(a_call(), 503, door("busy")) == Verdict(TURNED_AWAY, "busy")
    assert one(a_call(message=True), 200, report("ACSP")) == Verdict(ACCEPTED)
    assert one(a_call(message=True), 200, report("RJCT", "BE01")) == Verdict(REFUSED, "BE01")


@pytest.mark.parametrize(
    ("call", "status", "body"),
    [
        (a_call(), 202, accepted(uetr=OTHER_UETR)),
        (a_call(), 202, b"{}"),
        (a_call(), 200, accepted()),
        (a_call(), 500, door("internal-error")),
        (a_call(), 409, door("in-flight")),
        (a_call(), 422, accepted()),
        (a_call(), 422, refused("person-quota", uetr=OTHER_UETR)),
        (a_call(), 503, b"no body of ours"),
        (a_call(message=True), 200, b"<D/>"),
        (a_call(message=True), 200, report("ACSP", uetr=OTHER_UETR)),
        (a_call(message=True), 200, report("RJCT")),
        (a_call(BAD), 202, accepted()),
        (a_call(BAD), 500, door("internal-error")),
        (a_call(BAD), 422, door("malformed")),
        (a_call(BAD), 400, refused("malformed")),
        (a_call(BAD), 400, b""),
    ],
)
def test_a_wrong_answer_is_found_whatever_its_status(call: Call, status: int, body: bytes) -> None:
    assert one(call, status, body).wrong


def test_bad_input_is_owed_its_status_and_a_reason_and_is_not_stored() -> None:
    assert one(a_call(BAD), 400, door("malformed")) == Verdict(REFUSED, "malformed")


AGAIN_WRONG = [
    (REPLAY, 202, accepted(uetr=OTHER_UETR)),
    (OTHER_CONTENT, 202, accepted()),
    (OTHER_CONTENT, 422, refused("person-quota")),
    (KNOWN_UETR, 202, accepted()),
    (KNOWN_UETR, 422, refused("same-key-other-content")),
]


@pytest.mark.parametrize(("kind", "status", "body"), AGAIN_WRONG)
def test_after_the_first_was_answered_its_repetition_must_be_told_so(kind: str, status: int, body: bytes) -> None:
    answers = Answers()
    answers.judge(a_call(again=True), 202, accepted())
    [verdict] = answers.judge(a_call(kind), status, body)
    assert verdict.wrong


@pytest.mark.parametrize(("kind", "name"), [(OTHER_CONTENT, "same-key-other-content"), (KNOWN_UETR, "duplicate-uetr")])
def test_a_repetition_that_is_told_so_passes(kind: str, name: str) -> None:
    answers = Answers()
    answers.judge(a_call(again=True), 422, refused("person-quota"))
    assert answers.judge(a_call(kind), 422, refused(name)) == (Verdict(REFUSED, name),)


@pytest.mark.parametrize("first", [None, (503, door("busy"))])
def test_what_was_never_taken_may_be_taken_when_it_comes_again(first: tuple[int, bytes] | None) -> None:
    answers = Answers()
    if first is not None:
        answers.judge(a_call(again=True), *first)
    assert answers.judge(a_call(OTHER_CONTENT), 202, accepted()) == (Verdict(ACCEPTED),)


def test_a_call_sent_twice_may_be_in_flight() -> None:
    [verdict] = Answers().judge(a_call(), 409, door("in-flight"), resent=True)
    assert not verdict.wrong


def test_a_call_that_its_repetition_has_overtaken_may_be_in_flight() -> None:
    [verdict] = Answers().judge(a_call(again=True), 409, door("in-flight"))
    assert not verdict.wrong


def test_each_item_of_a_batch_is_judged_by_itself() -> None:
    items = (a_call().marks, a_call(BAD).marks)
    call = Call("", "", BATCH, JSON, b"", Marks(MANY, (200,), items=items))

    def body(first: bytes, second_status: int) -> bytes:
        return json.dumps(
            {"items": [{"http_status": 202, "payment": json.loads(first)}, {"http_status": second_status, "problem": {"name": "malformed", "what_to_do": "x"}}]}
        ).encode()  # fmt: skip

    assert [each.wrong for each in Answers().judge(call, 200, body(accepted(), 400))] == ["", ""]
    assert [bool(each.wrong) for each in Answers().judge(call, 200, body(accepted(uetr=OTHER_UETR), 400))] == [
        True,
        False,
    ]
    assert [bool(each.wrong) for each in Answers().judge(call, 200, body(accepted(), 500))] == [False, True]
    assert all(each.wrong for each in Answers().judge(call, 200, b'{"items": []}'))
    assert len(Answers().judge(call, 503, door("busy"))) == 2
