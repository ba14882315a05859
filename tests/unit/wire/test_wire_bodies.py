"""Values of the rail port written as messages and read back: nothing is lost, and nothing that came is believed unread."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from served_rail import DEADLINE, NOON, a_transfer, an_instruction

from rails.messages import MessageError
from rails.port import (
    ACCEPTED,
    CREDITED,
    PENDING,
    REJECTED,
    UNKNOWN,
    RailReport,
    RailReturn,
    RecallAnswer,
    RecallRequest,
)
from rails.wire import WireError, bodies, instant, written
from rails.wire.bodies import Envelope, Resolved
from rails.wire.values import LegStatus, instruction_id, leg_of, read_document, report_of, status_of

OURS = Envelope("M-1", NOON, "BAYSHKH0", "RAILCNH0")
UETR = "8a562c67-ca16-48ba-b074-65581be6f011"
CASE = "0d6b1b3e-0000-4000-8000-00000000000a"
uetrs = st.uuids(version=4).map(str)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


@given(uetrs, st.integers(1, 99), st.integers(1, 10**12), st.sampled_from(["HKD", "CNY", "MOP", "THB"]))
def test_an_instruction_comes_back_as_it_was_sent(uetr: str, leg: int, amount_minor: int, currency: str) -> None:
    sent = an_instruction("ibps", amount_minor=amount_minor, currency=currency)._replace(uetr=uetr, leg=leg)
    read = bodies.read_instructions(bodies.write_instructions([sent], OURS), NOON, DEADLINE)
    assert (read.asked.message_id, read.asked.sender, read.refused) == ("M-1", "BAYSHKH0", ())
    [got] = read.instructions
    assert got._replace(transfer=None) == sent._replace(transfer=None)
    assert got.transfer is not None and got.transfer.debtor.name == "CHAN Tai Man"
    assert got.transfer.remittance_information == a_transfer().remittance_information


def test_the_account_it_is_paid_to_stands_for_the_proxy_it_was_sent_to() -> None:
    body = bodies.write_instructions([an_instruction("ibps")], OURS)
    assert b"6217000000000001" in body and b"13800000000" not in body


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((b"<InstrId>1-", b"<InstrId>x-"), "FF01"), ((b"<InstrId>1-", b"<InstrId>2-"), ""),
        ((b"<InstrId>1-0", b"<InstrId>1-1"), "FF01"),
        ((b"<Id>6217000000000001</Id>", b"<Id>NOTPROVIDED</Id>"), "AC01"),
    ],
)  # fmt: skip
def test_a_leg_that_cannot_be_told_apart_is_refused_by_itself(change: tuple[bytes, bytes], code: str) -> None:
    good = an_instruction("ibps", 2)
    body = bodies.write_instructions([an_instruction("ibps"), good], OURS).replace(*change, 1)
    read = bodies.read_instructions(body, NOON, DEADLINE)
    assert good.uetr in [each.uetr for each in read.instructions]
    assert [each.reason_code for each in read.refused] == ([code] if code else [])
    if code:  # it is answered by the name it had
        told = bodies.write_statuses(read.refused, OURS, read.asked.message_id)
        assert read.refused[0].named.encode() in told


@given(uetrs, st.integers(1, 99), instants, st.sampled_from([PENDING, CREDITED, REJECTED, UNKNOWN]))
def test_a_report_comes_back_with_its_time_where_it_settled(uetr: str, leg: int, at: datetime, status: str) -> None:
    report = RailReport("ibps", uetr, leg, status, "AC03" if status == REJECTED else "", at)
    [said] = bodies.read_statuses(bodies.write_statuses([status_of(report)], OURS._replace(at=at)))
    assert said.at == at
    assert report_of(said, "ibps", at, inquired=True) == report


def test_a_report_that_names_an_amount_keeps_it() -> None:
    report = RailReport("ibps", UETR, 1, CREDITED, "", NOON, 12_346)
    [said] = bodies.read_statuses(bodies.write_statuses([status_of(report, "CNY")], OURS))
    assert report_of(said, "ibps", NOON, inquired=False) == report._replace(currency="CNY")


def test_ag09_is_a_promise_only_where_it_was_asked_for() -> None:
    said = LegStatus(UETR, 1, "RJCT", "AG09")
    assert report_of(said, "ibps", NOON, inquired=True).status == UNKNOWN
    assert report_of(said, "ibps", NOON, inquired=False).status == REJECTED


def test_inquiries_come_back_in_their_order() -> None:
    keys = [(UETR, 2), (UETR, 1)]
    read = bodies.read_inquiry(bodies.write_inquiry(keys, OURS))
    assert (list(read.keys), read.asked.message_id, read.asked.sender) == (keys, "M-1", "BAYSHKH0")


def test_a_recall_and_its_answers_come_back() -> None:
    asked = RecallRequest(CASE, UETR, 1, "DUPL", 5_000, "CNY", NOON, "Sent <twice>")
    read = bodies.read_recalls(bodies.write_recall(asked, OURS), NOON)
    assert read.requests == (asked,)
    back = RailReturn("ibps", CASE[:-1] + "b", UETR, 1, 4_900, "CNY", 100, "FOCR", CASE, NOON)
    answers = {
        PENDING: (RecallAnswer("ibps", CASE, PENDING, "", NOON), Resolved(PENDING, "", "")),
        REJECTED: (RecallAnswer("ibps", CASE, REJECTED, "LEGL", NOON), Resolved(REJECTED, "LEGL", "")),
        ACCEPTED: (RecallAnswer("ibps", CASE, ACCEPTED, "", NOON, back), Resolved(ACCEPTED, "", back.return_id)),
    }
    for answer, expected in answers.values():
        said = bodies.read_resolution(bodies.write_resolution([asked], [answer], OURS))
        assert said == {(UETR, 1): expected}
    [got] = bodies.read_returns(bodies.write_returns([back], OURS), "ibps").returns
    assert got == back._replace(recall_id="")


def test_answers_that_differ_stand_in_one_resolution() -> None:
    both = [RecallRequest(CASE[:-1] + n, UETR, int(n), "DUPL", 5_000, "CNY", NOON) for n in "12"]
    answers = [
        RecallAnswer("ibps", both[0].recall_id, REJECTED, "NOOR", NOON),
        RecallAnswer("ibps", both[1].recall_id, PENDING, "", NOON),
    ]
    said = bodies.read_resolution(bodies.write_resolution(both, answers, OURS))
    assert [each.status for each in said.values()] == [REJECTED, PENDING]


READERS: list[Callable[[bytes], Any]] = [
    lambda body: bodies.read_instructions(body, NOON, DEADLINE), bodies.read_statuses, bodies.read_inquiry,
    lambda body: bodies.read_recalls(body, NOON), bodies.read_resolution, lambda body: bodies.read_returns(body, "ibps"),
]  # fmt: skip


@given(st.binary(max_size=200))
def test_no_body_makes_a_reader_fall_over(body: bytes) -> None:
    for read in [*READERS, bodies.read_refusal]:
        with pytest.raises((MessageError, WireError)):
            read(body)


def test_each_reader_takes_its_own_message_alone() -> None:
    asked = RecallRequest(CASE, UETR, 1, "DUPL", 5_000, "CNY", NOON)
    written_bodies = [
        bodies.write_instructions([an_instruction("ibps")], OURS), bodies.write_statuses([LegStatus(UETR, 1, "ACTC")], OURS),
        bodies.write_inquiry([(UETR, 1)], OURS), bodies.write_recall(asked, OURS),
        bodies.write_resolution([asked], [RecallAnswer("ibps", CASE, PENDING, "", NOON)], OURS),
        bodies.write_returns([RailReturn("ibps", CASE, UETR, 1, 1, "CNY", 0, "AC04", "", NOON)], OURS),
    ]  # fmt: skip
    for n, body in enumerate(written_bodies):
        for m, read in enumerate(READERS):
            if n == m:
                read(body)
            else:
                with pytest.raises((MessageError, WireError)):
                    read(body)


@given(uetrs, st.integers(1, 99))
def test_a_leg_is_told_by_its_instruction_id_within_35_characters(uetr: str, leg: int) -> None:
    assert leg_of(instruction_id(uetr, leg)) == leg and len(instruction_id(uetr, leg)) <= 35


@pytest.mark.parametrize(
    "text",
    ["", "noon", "2026-03-05T12:00:00", "0001-01-01T00:00:00+23:00", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59Z"],
)
def test_what_is_no_instant_is_told(text: str) -> None:
    with pytest.raises(WireError):
        instant(text, "Business-Time")


def test_an_instant_is_read_in_any_zone_and_written_in_utc() -> None:
    at = datetime(2026, 3, 5, 12, 0, 0, 123456, timezone(timedelta(hours=8)))
    assert written(at) == "2026-03-05T04:00:00.123456Z" and instant(written(at), "") == at


GOOD = {"rail": "x", "name": "X", "currencies": ["CNY"], "steps": 4, "clock": "own", "faults": None, "closed_until": {}}


@pytest.mark.parametrize(
    "wrong",
    [
        [], "x", None, {}, GOOD | {"currencies": []}, GOOD | {"currencies": "CNY"}, GOOD | {"currencies": ["cny"]},
        GOOD | {"currencies": [5]}, GOOD | {"steps": 3}, GOOD | {"clock": "mine"}, GOOD | {"faults": {}}, GOOD | {"rail": 1},
        GOOD | {"name": None}, GOOD | {"closed_until": {"CNY": "noon"}}, GOOD | {"closed_until": {"CNY": 5}},
        GOOD | {"closed_until": []} | {"steps": True},
    ],
)  # fmt: skip
def test_capabilities_that_cannot_be_relied_on_are_told(wrong: Any) -> None:
    with pytest.raises(WireError):
        read_document(wrong)


def test_capabilities_need_not_say_more_than_they_must() -> None:
    document = read_document({name: value for name, value in GOOD.items() if name not in ("faults", "closed_until")})
    assert read_document(document.json()) == document
