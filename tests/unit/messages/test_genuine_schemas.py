"""Every message we build is valid under the genuine ISO schemas; ISO20022_XSD names their folder."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from corridors import AT, HEADER
from lxml import etree

from fx.money import Money
from rails.messages import Answer, MessageError, TransactionStatus, build_pacs002, build_pacs008, build_rejection
from rails.messages.codes import load_codes
from switch.payment.instruction import Instruction
from switch.payment.status import ISO_STATUS
from switch.translate.messages import instruction_to_pacs008, iso_time, parse_instructions, transfer_of

FOLDER = os.environ.get("ISO20022_XSD", "")
needs_schemas = pytest.mark.skipif(
    not FOLDER, reason="SKIPPED: the genuine ISO 20022 schemas are not here; set ISO20022_XSD to their folder"
)
Validate = Callable[[etree._Element], None]


@pytest.fixture(scope="module")
def genuine() -> Validate:
    schemas: dict[str, etree.XMLSchema] = {}

    def validate(element: etree._Element) -> None:
        name = etree.QName(element).namespace.rpartition(":")[2]
        if name not in schemas:
            schemas[name] = etree.XMLSchema(etree.parse(Path(FOLDER) / f"{name}.xsd"))
        schemas[name].assertValid(element)

    return validate


def _answers() -> list[bytes]:
    answer = Answer("ANS-1", "2026-03-03T01:00:01.000Z", "BAYSHKH0", "HBAYHKH0", "MSG-1")
    uetr = "00000001-0000-4000-8000-000000000001"
    long = "payment-connect.northbound.day allows HKD 10,000.00 & no more. " * 30
    statuses = [TransactionStatus("INS-1", "E2E-1", uetr, status) for status in sorted(set(ISO_STATUS.values()))]
    statuses.append(TransactionStatus("INS-2", "NOTPROVIDED", None, "RJCT", "RR04", long))
    statuses.append(TransactionStatus("INS-3", "E2E-3", uetr, "ACSP", clearing_system=("Cd", "HKS")))
    statuses.append(TransactionStatus("INS-4", "E2E-4", uetr, "ACSP", clearing_system=("Prtry", "HVPS")))
    rejection = build_rejection(answer, MessageError("CH21", "FIToFICstmrCdtTrf/GrpHdr/MsgId", "MsgId is missing"))
    nobody = build_rejection(answer._replace(to_bic=""), MessageError("FF01", "", "not as the schema has it"))
    return [build_pacs002(answer, statuses), rejection, nobody]


@needs_schemas
def test_every_pacs008_with_its_header_is_valid(genuine: Validate, instruction: Instruction) -> None:
    for element in etree.fromstring(instruction_to_pacs008(instruction, message_id="M", created_at=AT, header=HEADER)):
        genuine(element)


@needs_schemas
def test_every_pacs008_of_version_13_is_valid(genuine: Validate, instruction: Instruction) -> None:
    transfer = transfer_of(instruction, Money(100, "MOP"))
    genuine(
        etree.fromstring(
            build_pacs008([transfer], message_id="M", created_at=iso_time(AT), definition="pacs.008.001.13")
        )
    )


@needs_schemas
@pytest.mark.parametrize("answer", _answers(), ids=["statuses", "rejection", "rejection of a stranger's"])
def test_every_pacs002_with_its_header_is_valid(genuine: Validate, answer: bytes) -> None:
    for element in etree.fromstring(answer):
        genuine(element)


@needs_schemas
def test_what_our_profile_takes_and_keeps_unread_is_valid(genuine: Validate, plain: bytes) -> None:
    agent = b"<FinInstnId><BICFI>HBAYHKH0</BICFI></FinInstnId>"
    body = plain.replace(
        b"</NbOfTxs>",
        b'</NbOfTxs><TtlIntrBkSttlmAmt Ccy="HKD">1500</TtlIntrBkSttlmAmt><IntrBkSttlmDt>2026-03-03</IntrBkSttlmDt>',
    )
    body = body.replace(b"</SttlmMtd>", b"</SttlmMtd><ClrSys><Prtry>IBPS</Prtry></ClrSys>")
    body = body.replace(
        b"</SttlmInf>", b"</SttlmInf><InstgAgt>" + agent + b"</InstgAgt><InstdAgt>" + agent + b"</InstdAgt>"
    )
    body = body.replace(b"</IntrBkSttlmAmt><Ins", b"</IntrBkSttlmAmt><IntrBkSttlmDt>2026-03-03</IntrBkSttlmDt><Ins")
    body = body.replace(
        b"</ChrgBr>", b"</ChrgBr><InstgAgt>" + agent + b"</InstgAgt><InstdAgt>" + agent + b"</InstdAgt>"
    )
    address = (
        b"<StrtNm>Des Voeux</StrtNm><TwnNm>Hong Kong</TwnNm><Ctry>HK</Ctry><AdrLine>1</AdrLine><AdrLine>2</AdrLine>"
    )
    body = body.replace(b"</Nm><Id>", b"</Nm><PstlAdr>" + address + b"</PstlAdr><Id>")
    body = body.replace(b"</MsgDefIdr>", b"</MsgDefIdr><BizSvc>bayswitch.01</BizSvc>")
    assert len(parse_instructions(body).instructions) == 1
    for element in etree.fromstring(body):
        genuine(element)


@needs_schemas
def test_the_genuine_schema_finds_a_planted_fault(genuine: Validate, plain: bytes) -> None:
    with pytest.raises(etree.DocumentInvalid):
        genuine(etree.fromstring(plain.replace(b"<ChrgBr>SLEV</ChrgBr>", b""))[1])


@needs_schemas
def test_every_code_of_ours_is_in_the_external_code_set() -> None:
    folder = Path(FOLDER).parent / "codes"
    codes = load_codes()
    for ours, name in ((codes.purposes, "purpose"), (codes.category_purposes, "category_purpose")):
        theirs = json.loads((folder / f"external_{name}_code.json").read_text("utf-8"))["codes"]
        assert ours <= set(theirs)
