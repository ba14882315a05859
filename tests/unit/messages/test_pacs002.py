"""The answer: statuses, reasons cut into pieces, and rejections of whole messages."""

from importlib.resources import files
from pathlib import Path

import pytest
from corridors import AT
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from rails.messages import Answer, MessageError, TransactionStatus, build_pacs002, build_rejection
from rails.messages.text import ADDITIONAL_INFORMATION_MAX, PIECES_MAX, pieces
from switch.payment.status import ISO_STATUS
from switch.translate.messages import TransactionOutcome, pacs002_for, pacs002_for_error, parse_instructions

NAMESPACES = {
    "s": "urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10",
    "h": "urn:iso:std:iso:20022:tech:xsd:head.001.001.02",
}
ANSWER = Answer("ANS-1", "2026-03-03T01:00:01.000Z", "BAYSHKH0", "HBAYHKH0", "MSG-1")
UETR = "00000001-0000-4000-8000-000000000001"
SENT = {"message_id": "ANS-1", "created_at": AT, "from_bic": "BAYSHKH0", "to_bic": "HBAYHKH0"}


def _schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(Path(str(files("rails.messages.schemas"))) / f"{name}.xsd"))


def _read(body: bytes) -> etree._Element:
    """Parse an answer that must be valid under our own profile."""
    root = etree.fromstring(body)
    _schema("head.001.001.02").assertValid(root[0])
    _schema("pacs.002.001.10").assertValid(root[1])
    return root


def _texts(root: etree._Element, path: str) -> list[str]:
    return [str(found) for found in root.xpath(f"{path}/text()", namespaces=NAMESPACES)]


@pytest.mark.parametrize("status", sorted(set(ISO_STATUS.values())))
def test_every_status_is_answered(status: str) -> None:
    root = _read(build_pacs002(ANSWER, [TransactionStatus("INS-1", "E2E-1", UETR, status)]))
    assert _texts(root, "//s:TxSts") == [status]
    assert _texts(root, "//s:OrgnlUETR") == [UETR]
    assert _texts(root, "//s:OrgnlMsgId") == ["MSG-1"]
    assert _texts(root, "//h:To//h:BICFI") == ["HBAYHKH0"]
    assert root.find(".//{*}StsRsnInf") is None


@pytest.mark.parametrize("clearing_system", [("Cd", "HKS"), ("Prtry", "MOFPS")])
def test_the_clearing_system_that_carries_it_is_named(clearing_system: tuple[str, str]) -> None:
    status = TransactionStatus("INS-1", "E2E-1", UETR, "ACSP", clearing_system=clearing_system)
    root = _read(build_pacs002(ANSWER, [status]))
    kind, code = clearing_system
    assert _texts(root, f"//s:OrgnlTxRef/s:SttlmInf/s:ClrSys/s:{kind}") == [code]
    assert _read(build_pacs002(ANSWER, [status._replace(clearing_system=None)])).find(".//{*}OrgnlTxRef") is None


def test_a_reason_has_its_code_and_a_sentence_in_pieces() -> None:
    sentence = "payment-connect.northbound.day allows HKD 10,000.00 a day; HKD 1,250.00 is left. " * 3
    root = _read(build_pacs002(ANSWER, [TransactionStatus("INS-1", "E2E-1", None, "RJCT", "RR04", sentence)]))
    assert _texts(root, "//s:StsRsnInf/s:Rsn/s:Cd") == ["RR04"]
    assert " ".join(_texts(root, "//s:AddtlInf")) == sentence.strip()
    assert len(_texts(root, "//s:AddtlInf")) == 3


def test_what_cannot_stand_in_xml_does_not_keep_an_answer_back() -> None:
    status = TransactionStatus("INS\ufffe1", "E<&>2", None, "RJCT", "NARR", "a\x00b\nc \ud800")
    root = _read(build_pacs002(ANSWER, [status]))
    assert _texts(root, "//s:OrgnlEndToEndId") == ["E<&>2"]
    assert _texts(root, "//s:AddtlInf") == ["a b c"]


@given(st.text(max_size=2_000))
def test_pieces_fit_and_nothing_but_spaces_is_lost_between_them(text: str) -> None:
    cut = pieces(text)
    assert len(cut) <= PIECES_MAX
    assert all(1 <= len(piece) <= ADDITIONAL_INFORMATION_MAX for piece in cut)
    if text.isascii() and text.isprintable() and len(text) < ADDITIONAL_INFORMATION_MAX * 5:
        assert "".join("".join(cut).split()) == "".join(text.split())


def test_a_word_longer_than_a_piece_is_cut_and_kept_whole() -> None:
    assert pieces("x" * 250) == ["x" * 105, "x" * 105, "x" * 40]


def test_a_refused_message_is_answered_by_its_own_id(plain: bytes) -> None:
    with pytest.raises(MessageError) as caught:
        parse_instructions(plain.replace(b"SLEV", b"OUR"))
    root = _read(pacs002_for_error(caught.value, **SENT))
    assert _texts(root, "//s:OrgnlMsgId") == ["MSG-1"]
    assert _texts(root, "//s:GrpSts") == ["RJCT"]
    assert _texts(root, "//s:OrgnlGrpInfAndSts//s:Cd") == ["FF01"]
    assert "ChrgBr" in " ".join(_texts(root, "//s:AddtlInf"))


def test_a_refusal_is_sent_to_who_stands_in_the_header_and_is_valid_where_nobody_does(plain: bytes) -> None:
    wrong = plain.replace(b"SLEV", b"OUR")
    assert b"<AppHdr" in wrong
    with pytest.raises(MessageError) as caught:
        parse_instructions(wrong)
    assert caught.value.sender == "HBAYHKH0"
    bare = wrong[wrong.index(b"<Document") : wrong.index(b"</Document>") + len(b"</Document>")]
    with pytest.raises(MessageError) as caught:
        parse_instructions(bare)
    assert caught.value.sender == ""
    root = _read(pacs002_for_error(caught.value, **SENT | {"to_bic": caught.value.sender}))
    assert _texts(root, "//h:To//h:Othr/h:Id") == ["NOTPROVIDED"] and _texts(root, "//h:Fr//h:BICFI") == ["BAYSHKH0"]
    assert _texts(root, "//s:OrgnlMsgId") == ["MSG-1"] and root.find(".//{*}InstdAgt") is None


def test_a_message_that_cannot_be_read_is_answered_without_its_id() -> None:
    root = _read(
        build_rejection(ANSWER._replace(original_message_id="NOTPROVIDED"), MessageError("FF01", "", "no XML"))
    )
    assert _texts(root, "//s:OrgnlMsgId") == ["NOTPROVIDED"]


def test_the_transactions_refused_at_reading_are_answered_with_the_others(plain: bytes, transaction: bytes) -> None:
    second = (
        transaction.replace(b"INS-0001", b"INS-0002").replace(b"00000001-", b"00000002-").replace(b"1500.00", b"0.00")
    )
    body = plain.replace(transaction, transaction + second).replace(b"<NbOfTxs>1<", b"<NbOfTxs>2<")
    read = parse_instructions(body)
    outcomes = [
        TransactionOutcome(each.instruction_id, each.end_to_end_id, each.uetr, "accepted") for each in read.instructions
    ]
    root = _read(pacs002_for(outcomes, original=read, **SENT))
    assert _texts(root, "//s:OrgnlInstrId") == ["INS-0001", "INS-0002"]
    assert _texts(root, "//s:TxSts") == ["ACSP", "RJCT"]
    assert _texts(root, "//s:TxInfAndSts//s:Cd") == ["AM01"]


def test_a_payment_that_came_as_json_is_answered_too() -> None:
    root = _read(pacs002_for([TransactionOutcome("INS-1", "E2E-1", UETR, "credited")], **SENT))
    assert _texts(root, "//s:OrgnlMsgId") == ["NOTPROVIDED"]
    assert _texts(root, "//s:TxSts") == ["ACCC"]
