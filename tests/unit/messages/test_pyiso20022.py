"""Every message we build round-trips through pyiso20022, another implementation of the same schemas."""

import pytest
from corridors import AT
from lxml import etree

from rails.messages import Answer, MessageError, TransactionStatus, build_pacs002, build_rejection
from switch.payment.instruction import Instruction
from switch.payment.status import ISO_STATUS
from switch.translate.messages import instruction_to_pacs008, parse_instructions

pytest.importorskip("xsdata", reason="SKIPPED: pyiso20022 needs xsdata, which is not installed")

from pyiso20022.pacs.pacs_002_001_10 import pacs_002_001_10
from pyiso20022.pacs.pacs_008_001_08 import pacs_008_001_08
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig
from xsdata.formats.dataclass.serializers import XmlSerializer

UETR = "00000001-0000-4000-8000-000000000001"
ANSWER = Answer("ANS-1", "2026-03-03T01:00:01.000Z", "BAYSHKH0", "HBAYHKH0", "MSG-1")


def _round_trip(document: etree._Element, kind: type) -> etree._Element:
    """Go through pyiso20022's classes and back; an element its classes do not know is an error."""
    parser = XmlParser(config=ParserConfig(fail_on_unknown_properties=True, fail_on_converter_warnings=True))
    value = parser.from_bytes(etree.tostring(document), kind)
    return etree.fromstring(XmlSerializer().render(value, ns_map={None: etree.QName(document).namespace}).encode())


def _leaves(document: etree._Element) -> list[tuple[str, str]]:
    """List elements and texts, but times: xsdata writes the same instant in its own way."""
    leaves = [(str(element.tag), element.text or "") for element in document.iter() if len(element) == 0]
    return [leaf for leaf in leaves if "DtTm" not in leaf[0]]


def test_every_pacs008_round_trips(instruction: Instruction) -> None:
    document = etree.fromstring(instruction_to_pacs008(instruction, message_id="M", created_at=AT))
    again = _round_trip(document, pacs_008_001_08.Document)
    assert parse_instructions(etree.tostring(again, encoding="utf-8")).instructions == [instruction]


@pytest.mark.parametrize("status", sorted(set(ISO_STATUS.values())))
def test_every_pacs002_round_trips(status: str) -> None:
    told = TransactionStatus(
        "INS-1", "E2E-1", UETR, status, "RR04" if status == "RJCT" else "", "HKD 1 & no more is left"
    )
    document = etree.fromstring(build_pacs002(ANSWER, [told]))[1]
    assert _leaves(_round_trip(document, pacs_002_001_10.Document)) == _leaves(document)


def test_a_rejection_round_trips() -> None:
    document = etree.fromstring(build_rejection(ANSWER, MessageError("CH21", "GrpHdr/MsgId", "MsgId is missing")))[1]
    assert _leaves(_round_trip(document, pacs_002_001_10.Document)) == _leaves(document)
