"""A message is from whom it says and for us, and one that is itself an answer is refused by its own id."""

from datetime import datetime
from pathlib import Path

import pytest
from builders import HARBOUR, LION, northbound
from serving import Served, a_new_person
from test_messages import an_initiation, with_uetr

from rails.messages.camt056 import Cancellation, CancellationRequest, build_camt056
from rails.messages.kinds import read_any
from rails.messages.model import BusinessHeader
from rails.messages.original import Assignment, OriginalPayment
from rails.messages.pacs028 import Inquiry, StatusRequest, build_pacs028
from rails.messages.pain import build_pain001, read_pain001, read_pain002
from switch.payment.instruction import Instruction
from switch.translate.messages import instruction_to_pacs008

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "messages"
AT = "2026-03-05T04:00:00Z"
SWITCH = "BAYSHKH0"


def header(from_bic: str, to_bic: str, definition: str = "pacs.008.001.08") -> BusinessHeader:
    return BusinessHeader(from_bic, to_bic, f"B{a_new_person()}", definition, AT)


def a_transfer(of: BusinessHeader | None, instructing: str = "") -> bytes:
    one: Instruction = with_uetr(northbound(person=a_new_person()))
    body = instruction_to_pacs008(one, message_id="M1", created_at=datetime.fromisoformat(AT), header=of)
    agent = f"<InstgAgt><FinInstnId><BICFI>{instructing}</BICFI></FinInstnId></InstgAgt></GrpHdr>"
    return body.replace(b"</GrpHdr>", agent.encode()) if instructing else body


def an_inquiry(instructing: str) -> bytes:
    return build_pacs028(StatusRequest("INQ-1", AT, (Inquiry(OriginalPayment(None, "E")),), instructing))


def a_recall(assigner: str) -> bytes:
    asked = Cancellation("C1", OriginalPayment(None, "E"), "DUPL")
    return build_camt056(CancellationRequest(Assignment("CASE-1", assigner, SWITCH, AT), (asked,)))


WRONG = {
    "header from another": (a_transfer(header(LION, SWITCH)), "AGNT", "AppHdr/Fr"),
    "header for another": (a_transfer(header(HARBOUR, LION)), "DS28", "AppHdr/To"),
    "instructed by another": (a_transfer(None, LION), "AGNT", "InstgAgt"),
    "asked by another": (an_inquiry(LION), "AGNT", "InstgAgt"),
    "assigned by another": (a_recall(LION), "AGNT", "Assgnr"),
}


@pytest.mark.parametrize(("body", "code", "field"), WRONG.values(), ids=WRONG)
async def test_a_message_of_another_or_for_another_is_refused_as_a_whole(
    served: Served, body: bytes, code: str, field: str
) -> None:
    async with served.http() as http:
        answer = await http.post("/v1/messages", content=body, headers={"Content-Type": "application/xml"})
    assert answer.status_code == 400
    said = read_any(answer.content)
    assert said.reason_code == code
    assert field in (said.text if hasattr(said, "text") else said.location)


async def test_a_message_from_its_caller_for_the_switch_is_taken_and_an_operator_brings_anybodys(
    served: Served,
) -> None:
    headers = {"Content-Type": "application/xml"}
    own = a_transfer(header(f"{HARBOUR}XXX", f"{SWITCH}XXX"), HARBOUR)
    async with served.http() as http, served.http(None) as operator:
        assert (await http.post("/v1/messages", content=own, headers=headers)).status_code == 200
        others = a_transfer(header(LION, SWITCH))
        assert (await operator.post("/v1/messages", content=others, headers=headers)).status_code == 200
        elsewhere = a_transfer(header(LION, LION))
        assert (await operator.post("/v1/messages", content=elsewhere, headers=headers)).status_code == 400


@pytest.mark.parametrize("name", ["pacs.002.001.10", "pacs.004.001.09", "camt.029.001.09", "pain.002.001.10"])
async def test_an_answer_sent_to_us_is_refused_by_its_own_id(served: Served, name: str) -> None:
    body = (EXAMPLES / f"{name}.xml").read_bytes()
    read = read_any(body)
    own = read.assignment.assignment_id if hasattr(read, "assignment") else read.message_id
    async with served.http() as http:
        answer = await http.post("/v1/messages", content=body, headers={"Content-Type": "application/xml"})
    said = read_any(answer.content)
    assert answer.status_code == 400 and (said.reference, said.reason_code) == (own, "FF01")
    assert f"{name} is an answer" in said.description


async def test_what_cannot_be_read_is_refused_by_the_id_of_its_header(served: Served) -> None:
    of = header(HARBOUR, SWITCH)
    body = a_transfer(of).replace(b"<MsgId>M1</MsgId>", b"")
    async with served.http() as http:
        answer = await http.post("/v1/messages", content=body, headers={"Content-Type": "application/xml"})
    assert read_any(answer.content).reference == of.business_message_id


async def test_a_customers_report_has_a_header_where_the_initiation_had_one(served: Served) -> None:
    one = read_pain001(an_initiation(with_uetr(northbound(person=a_new_person()))))
    of = header("CUSTHKH0", HARBOUR, one.definition)
    headers = {"Content-Type": "application/xml"}
    async with served.http() as http:
        for sent in (one, one._replace(message_id="P-2", execution_day="2026-03-04")):
            answer = await http.post("/v1/messages", content=build_pain001(sent._replace(header=of)), headers=headers)
            report = read_pain002(answer.content)
            assert report.header is not None and report.header.message_definition == report.definition
            assert (report.header.from_bic, report.header.to_bic) == (SWITCH, "CUSTHKH0")
            bare = await http.post("/v1/messages", content=build_pain001(sent), headers=headers)
            assert read_pain002(bare.content).header is None
