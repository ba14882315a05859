"""A message in, the one that answers it out, over HTTP; and the messages of a payment, which only its participant reads."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from builders import HARBOUR, LION, northbound
from lxml import etree
from serving import Served, a_new_person, body_of

from bayswitch import Problem
from rails.messages.original import OriginalPayment
from rails.messages.pacs028 import Inquiry, StatusRequest, build_pacs028
from rails.messages.pain import PAIN_001, PAIN_001S, Pain001, build_pain001, read_pain002
from switch.payment.instruction import Instruction
from switch.translate.messages import instruction_to_pacs008, parse_instructions, transfer_of

_XSD = os.environ.get("ISO20022_XSD", "")
_AT = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)


def a_message(*instructions: Instruction, message_id: str) -> bytes:
    """A pacs.008 of these instructions."""
    written = [instruction_to_pacs008(each, message_id=message_id, created_at=_AT) for each in instructions]
    start, end = b"<CdtTrfTxInf>", b"</CdtTrfTxInf>"
    transactions = b"".join(each[each.index(start) : each.index(end) + len(end)] for each in written)
    whole = written[0][: written[0].index(start)] + transactions + written[0][written[0].index(end) + len(end) :]
    return whole.replace(b"<NbOfTxs>1<", b"<NbOfTxs>%d<" % len(instructions))


def with_uetr(instruction: Instruction) -> Instruction:
    return instruction.model_copy(update={"uetr": f"00000000-0000-4000-8000-{a_new_person():012}"})


def told(answer: bytes) -> list[tuple[str, str | None]]:
    """What a pacs.002 says of each transaction: its status, and the reason code."""
    found = etree.fromstring(answer).iterfind(".//{*}TxInfAndSts")
    return [(each.findtext("{*}TxSts") or "", each.findtext("{*}StsRsnInf/{*}Rsn/{*}Cd")) for each in found]


async def test_each_transaction_of_a_message_is_answered(served: Served) -> None:
    person = a_new_person()
    good = with_uetr(northbound("9000.00", person=person))
    beyond = with_uetr(northbound("1500.00", person=person))
    body = a_message(good, beyond, message_id=f"M{person}")
    async with served.client() as client:
        assert told(await client.send_message(body)) == [("ACSP", None), ("RJCT", "RR04")]
        payment = (await client.payments(uetr=good.uetr))["payments"][0]
        assert payment["debit_amount"]["amount"] == "9000.00"


async def test_the_same_message_again_is_answered_again_and_pays_once(served: Served) -> None:
    one = with_uetr(northbound(person=a_new_person()))
    body = a_message(one, message_id=f"M{a_new_person()}")
    async with served.client() as client:
        answers = await asyncio.gather(*[client.send_message(body) for _ in range(5)])
        assert {told(answer)[0][1] for answer in answers} == {None}
        payment = (await client.payments(uetr=one.uetr))["payments"][0]
        changed = body.replace(b">100.00<", b">101.00<")
        answer = await client.send_message(changed)
        assert told(answer) == [("RJCT", "DU03")] and one.uetr not in answer.decode(), "the UETR is the accepted one's"
        assert etree.fromstring(answer).findtext(".//{*}OrgnlInstrId") == one.instruction_id
        sentence = " ".join(str(text) for text in etree.fromstring(answer).xpath("//*[local-name()='AddtlInf']/text()"))
        assert "this MsgId and UETR" in sentence and "instructed_amount.amount differs" in sentence
        again = a_message(one, message_id=f"M{a_new_person()}")
        answer = await client.send_message(again)
        assert told(answer) == [("RJCT", "DU03")] and one.uetr not in answer.decode()
        events = (await client.payment_events(payment["payment_id"]))["events"]
    assert [event["iso_status"] for event in events].count("ACSP") == 1


async def test_waiting_gives_the_final_status(served: Served) -> None:
    body = a_message(with_uetr(northbound(person=a_new_person())), message_id=f"M{a_new_person()}")
    async with served.http() as http:
        headers = {"Content-Type": "application/xml", "Prefer": "wait=10"}
        answer = await http.post("/v1/messages", content=body, headers=headers)
    assert answer.headers["content-type"].startswith("application/xml")
    assert told(answer.content) == [("ACCC", None)]
    assert etree.fromstring(answer.content).findtext(".//{*}OrgnlTxRef/{*}SttlmInf/{*}ClrSys/{*}Prtry") == "IBPS"


async def test_what_xml_and_json_ask_for_is_judged_alike(served: Served) -> None:
    for changes in ({"purpose_code": "ZZZZ"}, {"creditor_agent": "NOSUCHH0"}, {"debtor_agent": LION}):
        one = with_uetr(northbound(person=a_new_person(), **changes))
        async with served.client() as client:
            with pytest.raises(Problem) as caught:
                await client.pay(body_of(one.model_copy(update={"uetr": None})))
            answer = await client.send_message(a_message(one, message_id=f"M{a_new_person()}"))
        found = told(answer) or [("RJCT", etree.fromstring(answer).findtext(".//{*}OrgnlGrpInfAndSts//{*}Cd"))]
        assert found == [("RJCT", caught.value.code)], changes


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", b"<a", b"<a/>", b"\xff\xfe\x00", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<a>" * 5000],
    ids=["empty", "text", "cut", "another", "bytes", "doctype", "deep"],
)
async def test_what_is_no_message_is_a_400_with_an_admi002(served: Served, body: bytes) -> None:
    async with served.http() as http:
        answer = await http.post("/v1/messages", content=body, headers={"Content-Type": "application/xml"})
    assert answer.status_code == 400 and answer.headers["content-type"].startswith("application/xml")
    _, document = etree.fromstring(answer.content)
    assert document.findtext(".//{*}RltdRef/{*}Ref") == "NOTPROVIDED"
    assert document.findtext(".//{*}Rsn/{*}RjctgPtyRsn") in {"FF01", "RR10"} and document.findtext(".//{*}RsnDesc")


async def test_a_message_refused_as_a_whole_is_answered_by_its_id(served: Served) -> None:
    body = a_message(with_uetr(northbound()), message_id="WHOLE-1").replace(b"<NbOfTxs>1<", b"<NbOfTxs>7<")
    async with served.http() as http:
        answer = await http.post("/v1/messages", content=body, headers={"Content-Type": "application/xml"})
    assert answer.status_code == 400
    found = etree.fromstring(answer.content)
    assert found.findtext(".//{*}OrgnlMsgId") == "WHOLE-1" and found.findtext(".//{*}GrpSts") == "RJCT"


async def test_an_operator_who_names_nobody_is_answered_by_what_the_message_says(served: Served) -> None:
    body = a_message(with_uetr(northbound()), message_id="WHOLE-2").replace(b"<NbOfTxs>1<", b"<NbOfTxs>7<")
    async with served.http(None) as http:
        answer = await http.post("/v1/messages", content=body, headers={"Content-Type": "application/xml"})
    assert answer.status_code == 400 and answer.headers["content-type"].startswith("application/xml")
    header, document = etree.fromstring(answer.content)
    assert header.findtext("{*}Fr//{*}BICFI") == "BAYSHKH0" and header.findtext("{*}To//{*}Id") == "NOTPROVIDED"
    assert document.findtext(".//{*}OrgnlMsgId") == "WHOLE-2"


def an_initiation(*instructions: Instruction, day: str = "2026-03-05", definition: str = PAIN_001) -> bytes:
    """A pain.001 of these instructions."""
    transfers = tuple([transfer_of(each) for each in instructions])
    sent = Pain001(definition, f"P{a_new_person()}", "2026-03-05T12:00:00+08:00", "A wallet", "PI-1", day, transfers)
    return build_pain001(sent)


@pytest.mark.parametrize("definition", PAIN_001S)
async def test_a_customers_initiation_is_paid_and_answered_in_its_generation(served: Served, definition: str) -> None:
    person = a_new_person()
    fits, over = (with_uetr(northbound(amount, person=person)) for amount in ("6000.00", "6000.00"))
    async with served.http() as http:
        headers = {"Content-Type": "application/xml", "Prefer": "wait=20"}
        answer = await http.post(
            "/v1/messages", content=an_initiation(fits, over, definition=definition), headers=headers
        )
    assert answer.status_code == 200
    report = read_pain002(answer.content)
    assert report.original_definition == definition and report.payment_information_id == "PI-1"
    assert [(each.status, each.reason_code) for each in report.statuses] == [("ACCC", ""), ("RJCT", "RR04")]


@pytest.mark.parametrize(("day", "code"), [("2026-03-04", "DT01"), ("2026-03-06", "CH03")])
async def test_an_initiation_for_another_day_is_refused_as_a_whole(served: Served, day: str, code: str) -> None:
    async with served.http() as http:
        answer = await http.post(
            "/v1/messages", content=an_initiation(northbound(), day=day), headers={"Content-Type": "application/xml"}
        )
    assert answer.status_code == 400 and read_pain002(answer.content).group_code == code


async def test_an_inquiry_is_answered_with_how_the_payment_stands(served: Served) -> None:
    known = with_uetr(northbound(person=a_new_person()))
    others = with_uetr(northbound(person=a_new_person(), debtor_agent=LION))
    headers = {"Content-Type": "application/xml", "Prefer": "wait=20"}
    async with served.client() as client, served.http() as http, served.http(LION) as lion:
        for door, one in ((http, known), (lion, others)):
            sent = await door.post(
                "/v1/messages", content=a_message(one, message_id=f"M{a_new_person()}"), headers=headers
            )
            assert told(sent.content) == [("ACCC", None)]
        asked = [known.uetr, others.uetr, "0b7e9a52-4a33-4e0f-9d1b-6c5a4f3e2d1c"]
        inquiries = tuple([Inquiry(OriginalPayment(uetr, None)) for uetr in asked])
        body = build_pacs028(StatusRequest("INQ-1", "2026-03-05T12:00:00+08:00", inquiries))
        answer = await client.send_message(body)
    # Another participant's payment is not found either.
    assert told(answer) == [("ACCC", None), ("RJCT", "AG09"), ("RJCT", "AG09")]


def ours(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages of this API, without those at the rail's edge."""
    return [message for message in messages if "edge" not in message]


async def test_only_its_participant_reads_a_payments_messages(served: Served) -> None:
    one = with_uetr(northbound(person=a_new_person(), creditor__name="Li <Wei> & Sons"))
    async with served.client() as client, served.http(LION) as other, served.http(None) as operator:
        payment = await client.pay(body_of(one), wait_seconds=10)
        path = f"/v1/payments/{payment['payment_id']}/messages"
        messages = ours((await client.payment_messages(payment["payment_id"]))["messages"])
        assert [message["definition"] for message in messages][:2] == ["pacs.008.001.08", "pacs.002.001.10"]
        asked = etree.fromstring(messages[0]["xml"].encode())
        assert asked.findtext(".//{*}Cdtr/{*}Nm") == "Li <Wei> & Sons" and asked.findtext(".//{*}UETR") == one.uetr
        assert told(messages[-1]["xml"].encode()) == [("ACCC", None)]
        assert (await other.get(path)).status_code == 404
        assert (await operator.get(path)).status_code == 403
        named = await operator.get(path, headers={"Bayswitch-Participant": HARBOUR})
    assert named.status_code == 200


async def test_a_uetr_twice_in_one_message_is_answered_for_the_first_alone(served: Served) -> None:
    one = with_uetr(northbound(person=a_new_person()))
    other = northbound(person=a_new_person(), uetr=one.uetr)
    async with served.client() as client:
        answer = await client.send_message(a_message(one, other, message_id=f"M{a_new_person()}"))
    assert told(answer) == [("ACSP", None), ("RJCT", "DU03")]
    found = etree.fromstring(answer).iterfind(".//{*}TxInfAndSts")
    assert [each.findtext("{*}OrgnlUETR") for each in found] == [one.uetr, None]


def transaction_of(answer: bytes) -> bytes:
    """The one TxInfAndSts of a pacs.002."""
    [found] = etree.fromstring(answer).iterfind(".//{*}TxInfAndSts")
    return etree.tostring(found)


@pytest.mark.parametrize("wrong", [{"purpose_code": None}, {"creditor__account__number": "MAGIC-REJECT-AC04"}], ids=str)
async def test_the_stored_pacs002_of_a_refused_payment_says_what_the_answer_said(
    served: Served, wrong: dict[str, str]
) -> None:
    one = with_uetr(northbound(person=a_new_person(), **wrong))
    body = a_message(one, message_id=f"M{a_new_person()}")
    async with served.client() as client, served.http() as http:
        headers = {"Content-Type": "application/xml", "Prefer": "wait=10"}
        answer = (await http.post("/v1/messages", content=body, headers=headers)).content
        payment = (await client.payments(uetr=one.uetr))["payments"][0]
        stored = ours((await client.payment_messages(payment["payment_id"]))["messages"])[-1]["xml"].encode()
        events = (await client.payment_events(payment["payment_id"]))["events"]
    assert told(stored)[0][0] == "RJCT" and transaction_of(stored) == transaction_of(answer)
    sentence = " ".join(str(text) for text in etree.fromstring(stored).xpath("//*[local-name()='AddtlInf']/text()"))
    assert sentence == payment["reason"]["text"] == events[-1]["text"]
    for each in (stored, answer):
        valid(each)


@pytest.mark.parametrize("changes", [{}, {"end_to_end_id": "a/b (c)", "remittance_information": "謝謝 <&> é"}], ids=str)
async def test_what_is_shown_of_a_payment_can_be_sent_and_is_the_same_payment(
    served: Served, changes: dict[str, str]
) -> None:
    async with served.client() as client:
        paid = await client.pay(body_of(northbound(person=a_new_person(), **changes)), wait_seconds=10)
        shown = ours((await client.payment_messages(paid["payment_id"]))["messages"])
        [read] = parse_instructions(shown[0]["xml"].encode()).instructions
        for message in shown:
            valid(message["xml"].encode())
    assert (read.uetr, read.end_to_end_id) == (paid["uetr"], paid["end_to_end_id"])


def valid(message: bytes) -> None:
    """Hold a message against the genuine schemas, where they are."""
    if not _XSD:
        return
    root = etree.fromstring(message)
    for element in root if etree.QName(root).localname == "Message" else [root]:
        name = etree.QName(element).namespace.rpartition(":")[2]
        etree.XMLSchema(etree.parse(Path(_XSD) / f"{name}.xsd")).assertValid(element)
