"""pain.001 and pain.002, at the wallet's edge: what is built is read back, is valid under ISO's own schemas, and faults are named."""

import os
from pathlib import Path

import pytest
from corridors import INSTRUCTIONS
from lxml import etree

from rails.messages import MessageError, TransactionStatus
from rails.messages.pain import (
    PAIN_001S,
    PAIN_002S,
    Pain001,
    Pain002,
    build_pain001,
    build_pain002,
    read_pain001,
    read_pain002,
)
from switch.payment.instruction import Instruction
from switch.translate.messages import instruction_of, transfer_of

FOLDER = os.environ.get("ISO20022_XSD", "")
needs_schemas = pytest.mark.skipif(
    not FOLDER, reason="SKIPPED: the genuine ISO 20022 schemas are not here; set ISO20022_XSD to their folder"
)
STATUSES = (
    TransactionStatus("INS-1", "E2E-1", "00000001-0000-4000-8000-000000000001", "ACSP"),
    TransactionStatus(
        "INS-2", "E2E-2", None, "RJCT", "RR04", "payment-connect.northbound.day allows HKD 10,000.00 & no more."
    ),
)
REPORTS = (
    Pain002(PAIN_002S[0], "ANS-1", "2026-03-03T01:00:01.000Z", "HBAYHKH0", "MSG-1", PAIN_001S[0], "PI-1", STATUSES),
    Pain002(
        PAIN_002S[1],
        "ANS-2",
        "2026-03-03T01:00:01.000Z",
        "",
        "MSG-1",
        PAIN_001S[1],
        "",
        (),
        "FF01",
        "It is not as the schema has it.",
    ),
)


def _initiation(instruction: Instruction, definition: str = PAIN_001S[0]) -> Pain001:
    transfer = transfer_of(instruction)
    another = transfer._replace(instruction_id="INS-ANOTHER", uetr=None)
    return Pain001(
        definition, "MSG-1", "2026-03-03T09:00:00+08:00", "Wallet", "PI-1", "2026-03-03", (transfer, another)
    )


@pytest.fixture
def body() -> bytes:
    return build_pain001(_initiation(next(iter(INSTRUCTIONS.values()))))


@pytest.mark.parametrize("definition", PAIN_001S)
def test_an_initiation_is_read_back_as_it_was_built(instruction: Instruction, definition: str) -> None:
    # When the institution took it is not the customer's to say.
    sent = _initiation(instruction.model_copy(update={"acceptance_date_time": None}), definition)
    read = read_pain001(build_pain001(sent))
    assert [instruction_of(each) for each in read.transfers] == [instruction_of(each) for each in sent.transfers]
    assert read._replace(transfers=()) == sent._replace(transfers=())


@pytest.mark.parametrize("report", REPORTS, ids=["transactions", "whole"])
def test_a_report_is_read_back_as_it_was_built(report: Pain002) -> None:
    assert read_pain002(build_pain002(report)) == report


@needs_schemas
@pytest.mark.parametrize("definition", PAIN_001S)
def test_an_initiation_is_valid_under_the_genuine_schema(instruction: Instruction, definition: str) -> None:
    _genuine(build_pain001(_initiation(instruction, definition)), definition)


@needs_schemas
@pytest.mark.parametrize("report", REPORTS, ids=["transactions", "whole"])
def test_a_report_is_valid_under_the_genuine_schema(report: Pain002) -> None:
    _genuine(build_pain002(report), report.definition)


def _genuine(body: bytes, definition: str) -> None:
    etree.XMLSchema(etree.parse(Path(FOLDER) / f"{definition}.xsd")).assertValid(etree.fromstring(body))


@pytest.mark.parametrize(
    ("was", "becomes", "code", "field"),
    [
        (b"<NbOfTxs>2</NbOfTxs>", b"<NbOfTxs>3</NbOfTxs>", "AM18", "CstmrCdtTrfInitn/GrpHdr/NbOfTxs"),
        (b"</NbOfTxs>", b"</NbOfTxs><CtrlSum>0.01</CtrlSum>", "AM10", "CstmrCdtTrfInitn/GrpHdr/CtrlSum"),
        (b"<PmtInfId>PI-1</PmtInfId>", b"", "CH21", "CstmrCdtTrfInitn/PmtInf/PmtInfId"),
        (b"<PmtMtd>TRF</PmtMtd>", b"<PmtMtd>CHK</PmtMtd>", "FF01", "CstmrCdtTrfInitn/PmtInf/PmtMtd"),
        (b"<PmtInfId>PI-1</PmtInfId>", b"<PmtInfId>/PI-1</PmtInfId>", "RR10", "CstmrCdtTrfInitn/PmtInf/PmtInfId"),
    ],
)  # fmt: skip
def test_a_fault_is_named_by_its_element(body: bytes, was: bytes, becomes: bytes, code: str, field: str) -> None:
    assert was in body
    with pytest.raises(MessageError) as caught:
        read_pain001(body.replace(was, becomes, 1))
    assert (caught.value.code, caught.value.field) == (code, field)


def test_one_faulty_transaction_is_refused_alone(body: bytes) -> None:
    first, _, second = body.rpartition(b"<InstdAmt")
    read = read_pain001(first + b"<InstdAmt" + second.replace(b"00</InstdAmt>", b"001</InstdAmt>", 1))
    assert [each.instruction_id for each in read.refused] == ["INS-ANOTHER"]
    assert read.refused[0].error.field.startswith("CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf[2]/")
    assert len(read.transfers) == 1


def test_transfers_of_two_debtors_are_not_one_message() -> None:
    two = [transfer_of(each) for each in list(INSTRUCTIONS.values())[:2]]
    with pytest.raises(ValueError, match="one debtor"):
        build_pain001(_initiation(next(iter(INSTRUCTIONS.values())))._replace(transfers=tuple(two)))
