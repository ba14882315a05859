"""CNAPS2's dialect: the header block against a captured one, there and back, process codes, and strictness by name."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from dialect_legs import DEADLINE, FIELDS, FULL, IN_CNY, LEAST, SENT_AT, UETR, differing, fictional_members
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from rails.identifiers.cnaps import check_cnaps
from rails.messages import MessageError
from rails.messages.dialects.cnaps2 import Cnaps2, Communication, read_communication
from rails.messages.dialects.cnaps2_block import Block, read_block, write_block
from rails.messages.dialects.cnaps2_messages import BEPS, HVPS, IBPS, ISO, STATUS_OF
from rails.messages.dialects.cnaps2_table import CREDIT_ROWS, PACKAGE_ROWS
from rails.messages.dialects.terms import Inquiry, members
from rails.port import BLOCKED, CREDITED, PENDING, REJECTED, SETTLED, UNKNOWN, RailReport

# The captured header of vectors/cnaps_headers.json.
CAPTURED = b"{H:01105100000017IBPS313821001016IBPS20210218053014XMLibps.101.001.02     20210218050561986146202102180505619861463D         }\r\n"
KNOWN = fictional_members("ibps")
SYSTEMS = [Cnaps2(IBPS), Cnaps2(BEPS), Cnaps2(HVPS)]
ROWS = {IBPS: CREDIT_ROWS, HVPS: CREDIT_ROWS, BEPS: PACKAGE_ROWS}
LEAST_CNY = LEAST._replace(currency="CNY")
SCHEMAS = Path(os.environ.get("ISO20022_XSD", "/nowhere"))
HEADERS = SCHEMAS.parent / "vectors" / "cnaps_headers.json"

systems = pytest.mark.parametrize("dialect", SYSTEMS, ids=[dialect.name for dialect in SYSTEMS])


def report(status: str, reason: str = "", amount_minor: int | None = None) -> RailReport:
    return RailReport("rail", UETR, 2, status, reason, SENT_AT, amount_minor)


# --- the block ---


def test_the_captured_header_is_read_and_written_byte_for_byte() -> None:
    block, signature, rest = read_block(CAPTURED + b"<x/>")
    assert block == Block(
        "105100000017", "IBPS", "313821001016", "IBPS", "20210218", "053014", "ibps.101.001.02", "20210218050561986146",
        "20210218050561986146", "D", "3", "01",
    )  # fmt: skip
    assert (signature, rest) == (None, b"<x/>")
    assert write_block(block, None) == CAPTURED
    assert check_cnaps(block.sender) is None and check_cnaps(block.receiver) is None


@pytest.mark.skipif(not HEADERS.is_file(), reason="ISO20022_XSD names no folder with vectors beside it")
def test_the_vector_is_the_captured_header() -> None:
    assert json.loads(HEADERS.read_text("utf-8"))["ibps_v01_captured"].encode() == CAPTURED


def test_a_later_version_has_two_more_characters_for_each_code() -> None:
    block = read_block(CAPTURED)[0]._replace(version="02", sender="10510000001712")
    written = write_block(block, "c2lnbmF0dXJl")
    assert len(written) == len(CAPTURED) + 4 + len("{S:c2lnbmF0dXJl}\r\n")
    assert read_block(written) == (block, "c2lnbmF0dXJl", b"")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b"{H:01", b"{H:02", "{H:}"), (b"{H:01", b"{H:", "{H:}"), (b"{H:", b"{X:", "{H:}"), (b"}\r\n", b"}", "{H:}"),
        (b"XML", b"TXT", "{H:}/structure"), (b"3D  ", b"4D  ", "{H:}/priority"), (b"3D  ", b"3X  ", "{H:}/direction"),
        (b"105100000017", b"10510000001X", "{H:}/sender"), (b"ibps.101.001.02", b"IBPS.101.001.02", "{H:}/message_type"),
        (b"20210218053014", b"2021021805301x", "{H:}/time"), (b"IBPS20210218", b"ib  20210218", "{H:}/receiver_system"),
    ],
)  # fmt: skip
def test_a_wrong_header_is_refused_with_its_column(old: bytes, new: bytes, field: str) -> None:
    assert old in CAPTURED
    with pytest.raises(MessageError) as refused:
        read_block(CAPTURED.replace(old, new, 1))
    assert refused.value.field == field, str(refused.value)


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fall(rest: bytes) -> None:
    for body in (rest, CAPTURED + rest, b"{H:" + rest):
        with pytest.raises(MessageError):
            Cnaps2(IBPS).read_credit(body, KNOWN, DEADLINE)


# --- credits ---


@systems
def test_a_leg_comes_back_with_what_the_table_says_is_carried(dialect: Cnaps2) -> None:
    read = dialect.read_credit(dialect.write_credit(IN_CNY, KNOWN), KNOWN, DEADLINE)
    assert differing(ROWS[dialect.system], IN_CNY, read) == []
    assert read.expires_at == SENT_AT + DEADLINE


@systems
def test_a_leg_that_says_little_comes_back(dialect: Cnaps2) -> None:
    read = dialect.read_credit(dialect.write_credit(LEAST_CNY, KNOWN), KNOWN, DEADLINE)
    assert (read.creditor_account, read.amount_minor, read.leg) == ("MAGIC-SILENT", 1, 1)


@systems
def test_every_field_of_a_leg_has_one_row(dialect: Cnaps2) -> None:
    assert sorted(row.field for row in ROWS[dialect.system] if row.field) == sorted(FIELDS)


@systems
def test_the_elements_of_the_table_stand_in_the_message(dialect: Cnaps2) -> None:
    root = document(dialect.write_credit(IN_CNY, KNOWN))
    for row in ROWS[dialect.system]:
        if row.field and row.element:
            path = "/".join(f"{{*}}{step}" for step in row.element.partition("/@")[0].split("/"))
            assert len(root[0].findall(path)) == 1, row


def document(body: bytes) -> etree._Element:
    return etree.fromstring(read_block(body)[2])


def test_a_payment_from_across_the_border_says_so() -> None:
    for agent, kind in (("PEARCNG0", b">A100<"), ("HBAYHKH0", b">A113<")):
        assert kind in Cnaps2(IBPS).write_credit(IN_CNY._replace(debtor_agent=agent), KNOWN)


def test_a_message_id_is_no_longer_than_its_column() -> None:
    block = read_block(Cnaps2(HVPS).write_credit(IN_CNY, KNOWN))[0]
    assert re.fullmatch("20260303[0-9]{12}", block.message_id) and block.time == "090203"


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="ISO20022_XSD names no folder")
@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("pacs.008.001.02", Cnaps2(IBPS).write_credit(IN_CNY, KNOWN)),
        ("pacs.008.001.02", Cnaps2(HVPS).write_credit(LEAST_CNY, KNOWN)),
        ("pacs.002.001.03", Cnaps2(IBPS).write_receipt(report(REJECTED, "AC01"), ("HBAYHKH0", "PEARCNG0"), KNOWN)),
    ],
)
def test_bodies_of_iso_s_shape_are_valid_under_its_own_schemas(name: str, body: bytes) -> None:
    root = document(body)
    assert root.tag == f"{{{ISO}{name}}}Document"
    etree.XMLSchema(etree.parse(SCHEMAS / f"{name}.xsd")).assertValid(root)


# --- reports ---


@systems
@pytest.mark.parametrize("status", [PENDING, SETTLED, CREDITED, BLOCKED])
def test_every_status_comes_back_but_that_blocked_is_read_as_pending(dialect: Cnaps2, status: str) -> None:
    body = dialect.write_report(report(status), "PEARCNG0", KNOWN)
    read = PENDING if status == BLOCKED else status  # PR21 has no place in the facts' map
    assert dialect.read_report(body, "rail", KNOWN, inquired=True) == report(read)


@systems
@pytest.mark.parametrize("reason", ["AC01", "TM01", "NARR", "AG09"])
def test_a_rejection_keeps_its_reason(dialect: Cnaps2, reason: str) -> None:
    body = dialect.write_report(report(REJECTED, reason), "PEARCNG0", KNOWN)
    assert dialect.read_report(body, "rail", KNOWN) == report(REJECTED, reason)
    assert (b">PR32<" if reason == "TM01" else b">PR09<") in body


@systems
def test_only_an_inquiry_is_answered_by_unknown(dialect: Cnaps2) -> None:
    body = dialect.write_report(report(UNKNOWN), "PEARCNG0", KNOWN)
    assert dialect.read_report(body, "rail", KNOWN, inquired=True) == report(UNKNOWN)
    assert dialect.read_report(body, "rail", KNOWN) == report(REJECTED, "AG09")


def test_a_netting_notice_tells_its_amount_where_it_is_known() -> None:
    body = Cnaps2(IBPS).write_report(report(SETTLED, "", 12_345), "PEARCNG0", KNOWN)
    assert read_block(body)[0].message_type == "saps.601.001.01"
    assert Cnaps2(IBPS).read_report(body, "rail", KNOWN) == report(SETTLED, "", 12_345)


@pytest.mark.parametrize("code", sorted(STATUS_OF))
def test_a_process_code_means_what_the_table_says_and_never_a_release_on_a_guess(code: str) -> None:
    body = Cnaps2(HVPS).write_report(report(SETTLED), "PEARCNG0", KNOWN)
    read = Cnaps2(HVPS).read_report(body.replace(b">PR04<", f">{code}<".encode()), "rail", KNOWN)
    assert read.status == STATUS_OF[code]
    assert (read.status == REJECTED) == (code in {"PR08", "PR09", "PR32"}), "only these let go of money"
    mapped = {
        "PR03": PENDING,
        "PR04": SETTLED,
        "PR05": CREDITED,
        "PR21": PENDING,
    }  # facts messages 2.4; PR21 is not in it
    assert read.status == mapped.get(code, read.status)
    assert read.reason_code == {"PR08": "MS03", "PR09": "MS03", "PR32": "TM01"}.get(code, "")


def test_a_netting_notice_of_what_is_not_settled_yet_leaves_it_pending() -> None:
    body = Cnaps2(IBPS).write_report(report(SETTLED), "PEARCNG0", KNOWN)
    netted = body.replace(b">PR04<", b">PR03<")
    assert netted != body and Cnaps2(IBPS).read_report(netted, "rail", KNOWN) == report(PENDING)


def test_a_reversal_is_no_report() -> None:
    body = Cnaps2(HVPS).write_report(report(SETTLED), "PEARCNG0", KNOWN).replace(b">PR04<", b">PR22<")
    with pytest.raises(MessageError, match="PR22"):
        Cnaps2(HVPS).read_report(body, "rail", KNOWN)


def test_the_rail_s_own_code_needs_a_row() -> None:
    body = Cnaps2(IBPS).write_report(report(REJECTED, "AC01"), "PEARCNG0", KNOWN).replace(b">AC01<", b">RJ01<")
    own = members(KNOWN.ids, {"RJ01": "AC06"})
    assert Cnaps2(IBPS).read_report(body, "rail", own) == report(REJECTED, "AC06")
    other = body.replace(b"<PrcCd>RJ01<", b"<PrcCd>O1106<")
    with pytest.raises(MessageError) as refused:
        Cnaps2(IBPS).read_report(other, "rail", KNOWN)
    assert refused.value.field == "CmonConfInf/PrcCd"


def test_the_receiving_bank_s_receipt_is_read() -> None:
    agents = ("HBAYHKH0", "PEARCNG0")
    taken = Cnaps2(IBPS).write_receipt(report(SETTLED), agents, KNOWN)
    assert Cnaps2(IBPS).read_report(taken, "rail", KNOWN) == report(PENDING), "it is not netted yet"
    refused = Cnaps2(IBPS).write_receipt(report(REJECTED, "AC06"), agents, KNOWN)
    assert Cnaps2(IBPS).read_report(refused, "rail", KNOWN) == report(REJECTED, "AC06")


@systems
def test_an_inquiry_comes_back(dialect: Cnaps2) -> None:
    inquiry = Inquiry(UETR, 2, "PEARCNG0", SENT_AT)
    assert dialect.read_inquiry(dialect.write_inquiry(inquiry, KNOWN), KNOWN) == inquiry


@systems
def test_the_level_of_communication_is_written_and_read(dialect: Cnaps2) -> None:
    body = dialect.write_credit(IN_CNY, KNOWN)
    block = read_block(body)[0]
    said = Communication(block.message_type, block.message_id, "0000")
    assert read_communication(dialect.write_acknowledgement(body, SENT_AT)) == said
    thrown = dialect.write_discard(body, SENT_AT, "O1106", "原报文类型非法")
    assert read_communication(thrown) == said._replace(code="O1106", text="原报文类型非法")


@systems
def test_a_signature_is_carried_and_changes_nothing(dialect: Cnaps2) -> None:
    signed = replace(dialect, signature="MIIC+/=").write_credit(IN_CNY, KNOWN)
    assert read_block(signed)[1] == "MIIC+/="
    plain = dialect.write_credit(IN_CNY, KNOWN)
    assert dialect.read_credit(signed, KNOWN, DEADLINE) == dialect.read_credit(plain, KNOWN, DEADLINE)
    for wrong in ("a}b", "名"):
        with pytest.raises(MessageError, match="signature"):
            replace(dialect, signature=wrong).write_credit(IN_CNY, KNOWN)


# --- strictness ---

TX, INF = "CdtTrfTxInf/", "CstmrCdtTrfInf/"
BROKEN = [
    (IBPS, b"<ChrgBr>DEBT", b"<ChrgBr>SHAR", "FF01", TX + "ChrgBr"),
    (IBPS, b"<ChrgBr>DEBT</ChrgBr>", b"", "CH21", TX + "ChrgBr"),
    (IBPS, b">A100<", b">Z100<", "FF06", TX + "PmtTpInf/CtgyPurp/Prtry"),
    (IBPS, b">02101<", b">2101<", "FF01", TX + "Purp/Prtry"),
    (IBPS, b'IntrBkSttlmAmt Ccy="CNY"', b'IntrBkSttlmAmt Ccy="HKD"', "AM03", TX + "IntrBkSttlmAmt/@Ccy"),
    (IBPS, b"<RmtInf>", b"<Tax/><RmtInf>", "FF01", TX + "Tax"),
    (IBPS, b">LI Xiaoming", b">" + b"x" * 61 + b"LI", "RR10", TX + "Dbtr/Nm"),
    (IBPS, b"<MmbId>999581000070", b"<MmbId>102100099996", "RC10", TX + "DbtrAgt/FinInstnId/ClrSysMmbId/MmbId"),
    (IBPS, b"09:02:03.450000</CreDtTm>", b"09:02:03+08:00</CreDtTm>", "DT01", "GrpHdr/CreDtTm"),
    (IBPS, b"ibps.101.001.02 ", b"ibps.102.001.01 ", "FF01", "{H:}/message_type"),
    (IBPS, b"pacs.008.001.02", b"pacs.008.001.08", "FF01", "Document"),
    (IBPS, b"<Issr>CN</Issr>", b"", "CH21", TX + "Dbtr/Id/PrvtId/Othr/Issr"),
    (BEPS, b"<SysCd>BEPS", b"<SysCd>IBPS", "FF01", "PKGGrpHdr/SysCd"),
    (BEPS, b'<CtrlSum Ccy="CNY">545000.00', b'<CtrlSum Ccy="CNY">545000.01', "AM10", "PKGGrpHdr/CtrlSum"),
    (BEPS, b"<NbOfTxs>1", b"<NbOfTxs>2", "AM18", "PKGGrpHdr/NbOfTxs"),
    (BEPS, b"</CstmrCdtTrf>", b"<CstmrCdtTrfInf><TxId>1</TxId></CstmrCdtTrfInf></CstmrCdtTrf>", "FF01", INF + "TxId"),
    (HVPS, b">NORM<", b">SLOW<", "FF01", TX + "SttlmPrty"),
    (HVPS, b"<?xml", b"<!DOCTYPE x><?xml", "FF01", ""),
]


@pytest.mark.parametrize(
    ("system", "old", "new", "code", "field"), BROKEN, ids=[f"{row[0]}-{row[4]}" for row in BROKEN]
)
def test_a_message_that_is_not_as_the_dialect_has_it_is_refused_by_name(
    system: str, old: bytes, new: bytes, code: str, field: str
) -> None:
    body = Cnaps2(system).write_credit(IN_CNY, KNOWN)
    assert old in body, "nothing would be broken"
    with pytest.raises(MessageError) as refused:
        Cnaps2(system).read_credit(body.replace(old, new, 1), KNOWN, DEADLINE)
    assert (refused.value.code, refused.value.field) == (code, field), str(refused.value)


def test_a_leg_that_the_rail_cannot_carry_is_not_written() -> None:
    assert IN_CNY.transfer is not None
    long = IN_CNY.transfer._replace(debtor=IN_CNY.transfer.debtor._replace(name="x" * 61))
    for sent, code, field in (
        (FULL, "AM03", "CdtTrfTxInf/IntrBkSttlmAmt/@Ccy"),
        (IN_CNY._replace(transfer=None), "CH21", "transfer"),
        (IN_CNY._replace(transfer=long), "RR10", "CdtTrfTxInf/Dbtr/Nm"),
        (IN_CNY._replace(creditor_account="1" * 33), "AC01", "CdtTrfTxInf/CdtrAcct/Id/Othr/Id"),
        (IN_CNY._replace(creditor_agent="NOBDHKH0"), "RC10", "CdtTrfTxInf/CdtrAgt"),
    ):
        with pytest.raises(MessageError) as refused:
            Cnaps2(IBPS).write_credit(sent, KNOWN)
        assert (refused.value.code, refused.value.field) == (code, field)


def test_a_system_that_is_none_is_no_dialect() -> None:
    with pytest.raises(ValueError, match="IBPS, BEPS, HVPS"):
        Cnaps2("SAPS")


# --- members ---


def test_the_fictional_members_pass_the_check_and_are_nobody_s() -> None:
    assert all(check_cnaps(code) is None and code.startswith("999") for code in KNOWN.bics)
    assert all(re.fullmatch("8[0-9]{2}", code) for code in fictional_members("hk-fps").bics)
    with pytest.raises(ValueError, match="one id"):
        members({"A": "1", "B": "1"})
