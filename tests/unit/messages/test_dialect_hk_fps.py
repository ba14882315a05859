"""HK FPS's dialect: there and back, what ISO's schemas say of it, and strictness that names the element."""

import os
from pathlib import Path

import pytest
from dialect_legs import DEADLINE, FIELDS, FULL, LEAST, SENT_AT, UETR, differing, fictional_members
from lxml import etree

from rails.messages import MessageError
from rails.messages.dialects.hk_fps import HkFps, signature_of
from rails.messages.dialects.hk_fps_messages import BATCH, ISO, NEAR_REAL_TIME, PACS_002, PACS_008, PACS_028, SKIP
from rails.messages.dialects.hk_fps_table import ROWS
from rails.messages.dialects.terms import Inquiry, members
from rails.port import BLOCKED, CREDITED, PENDING, REJECTED, SETTLED, UNKNOWN, RailReport

FPS = HkFps()
KNOWN = fictional_members("hk-fps")
INQUIRY = Inquiry(UETR, 2, "PEARCNG0", SENT_AT)
SCHEMAS = Path(os.environ.get("ISO20022_XSD", "/nowhere"))


def report(status: str, reason: str = "", amount_minor: int | None = None) -> RailReport:
    return RailReport("hk-fps", UETR, 2, status, reason, SENT_AT, amount_minor)


@pytest.mark.parametrize("dialect", [FPS, HkFps(NEAR_REAL_TIME, SKIP), HkFps(BATCH)])
def test_a_leg_comes_back_with_what_the_table_says_is_carried(dialect: HkFps) -> None:
    read = FPS.read_credit(dialect.write_credit(FULL, KNOWN), KNOWN, DEADLINE)
    assert differing(ROWS, FULL, read) == []
    assert read.expires_at == SENT_AT + DEADLINE


def test_a_leg_that_says_little_comes_back() -> None:
    read = FPS.read_credit(FPS.write_credit(LEAST, KNOWN), KNOWN, DEADLINE)
    assert (read.creditor_account, read.amount_minor, read.leg) == ("MAGIC-SILENT", 1, 1)
    assert read.transfer is not None and LEAST.transfer is not None
    assert read.transfer.debtor == LEAST.transfer.debtor._replace(account=read.transfer.debtor.account)


def test_every_field_of_a_leg_has_one_row() -> None:
    named = [row.field for row in ROWS if row.field]
    assert sorted(named) == sorted(FIELDS)


def test_the_elements_of_the_table_stand_in_the_message() -> None:
    root = etree.fromstring(FPS.write_credit(FULL, KNOWN))
    message = root.find(f".//{{{ISO}{PACS_008}}}FIToFICstmrCdtTrf")
    assert message is not None
    for row in ROWS:
        if row.field and row.element:
            path = "/".join(f"{{*}}{step}" for step in row.element.partition("/@")[0].split("/"))
            assert len(message.findall(path)) == 1, row


@pytest.mark.parametrize("reason", ["AC01", "AG09", "NARR"])
def test_a_rejection_keeps_its_reason(reason: str) -> None:
    said = report(REJECTED, reason, 1234)
    assert FPS.read_report(FPS.write_report(said, "PEARCNG0", KNOWN), "hk-fps", KNOWN) == said._replace(
        amount_minor=None
    )


@pytest.mark.parametrize("status", [PENDING, SETTLED, CREDITED, BLOCKED])
def test_every_status_comes_back(status: str) -> None:
    for dialect in (FPS, HkFps(BATCH)):
        body = dialect.write_report(report(status), "PEARCNG0", KNOWN)
        assert FPS.read_report(body, "hk-fps", KNOWN, inquired=True) == report(status)


def test_only_an_inquiry_is_answered_by_unknown() -> None:
    body = FPS.write_report(report(UNKNOWN), "PEARCNG0", KNOWN)
    assert FPS.read_report(body, "hk-fps", KNOWN, inquired=True) == report(UNKNOWN)
    assert FPS.read_report(body, "hk-fps", KNOWN) == report(REJECTED, "AG09")


def test_the_rail_s_own_words_are_read() -> None:
    body = FPS.write_report(report(REJECTED, "AC01"), "PEARCNG0", KNOWN)
    assert FPS.read_report(body.replace(b"RJCT", b"ACCP"), "hk-fps", KNOWN).status == PENDING
    cancelled = body.replace(b"RJCT", b"CNCL").replace(b"<StsRsnInf><Rsn><Prtry>AC01</Prtry></Rsn></StsRsnInf>", b"")
    assert FPS.read_report(cancelled, "hk-fps", KNOWN) == report(REJECTED, "MS03")
    own = members(KNOWN.ids, {"FPS00017": "AC06"})
    assert FPS.read_report(body.replace(b"AC01", b"FPS00017"), "hk-fps", own) == report(REJECTED, "AC06")
    with pytest.raises(MessageError) as refused:
        FPS.read_report(body.replace(b"AC01", b"FPS00017"), "hk-fps", KNOWN)
    assert refused.value.field == "TxInfAndSts/StsRsnInf/Rsn/Prtry"


def test_an_inquiry_comes_back() -> None:
    assert FPS.read_inquiry(FPS.write_inquiry(INQUIRY, KNOWN), KNOWN) == INQUIRY


@pytest.mark.parametrize("service", [b"PAYC01", b"PAYENQ"])
def test_a_message_under_another_s_service_is_refused(service: bytes) -> None:
    body = FPS.write_inquiry(INQUIRY, KNOWN).replace(b"PAYENQ", service)
    answer = FPS.write_report(report(SETTLED), "PEARCNG0", KNOWN).replace(b"PAYC01", service)
    for fault, read in (
        (service != b"PAYENQ", lambda: FPS.read_inquiry(body, KNOWN)),
        (service == b"PAYENQ", lambda: FPS.read_report(answer, "hk-fps", KNOWN)),
    ):
        if not fault:
            read()
            continue
        with pytest.raises(MessageError) as refused:
            read()
        assert refused.value.field == "AppHdr/BizSvc"


def test_a_signature_is_handed_through_and_changes_nothing() -> None:
    signature = '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo/><SignatureValue>abc=</SignatureValue></Signature>'
    body = HkFps(signature=signature).write_credit(FULL, KNOWN)
    assert signature_of(body) == signature
    assert FPS.read_credit(body, KNOWN, DEADLINE) == FPS.read_credit(FPS.write_credit(FULL, KNOWN), KNOWN, DEADLINE)
    around = FPS.write_credit(FULL, KNOWN).replace(b"</FpsMsg>", signature.encode() + b"</FpsMsg>")
    assert FPS.read_credit(around, KNOWN, DEADLINE).uetr == UETR
    assert signature_of(FPS.write_credit(FULL, KNOWN)) == ""


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="ISO20022_XSD names no folder")
@pytest.mark.parametrize(
    ("definition", "body"),
    [
        (PACS_008, FPS.write_credit(FULL, KNOWN)),
        (PACS_008, FPS.write_credit(LEAST, KNOWN)),
        (PACS_002, FPS.write_report(report(CREDITED), "PEARCNG0", KNOWN)),
        (PACS_002, HkFps(BATCH).write_report(report(REJECTED, "AC01"), "PEARCNG0", KNOWN)),
        (PACS_028, FPS.write_inquiry(INQUIRY, KNOWN)),
    ],
)
def test_header_and_document_are_valid_under_iso_s_own_schemas(definition: str, body: bytes) -> None:
    root = etree.fromstring(body)
    for name, tag in (("head.001.001.01", "AppHdr"), (definition, "Document")):
        schema = etree.XMLSchema(etree.parse(SCHEMAS / f"{name}.xsd"))
        element = root.find(f".//{{{ISO}{name}}}{tag}")
        assert element is not None
        schema.assertValid(etree.fromstring(etree.tostring(element)))


TX = "CdtTrfTxInf/"
BROKEN = [
    (b"<ChrgBr>SLEV</ChrgBr>", b"<ChrgBr>SHAR</ChrgBr>", "FF01", TX + "ChrgBr"),
    (b"<ChrgBr>SLEV</ChrgBr>", b"", "CH21", TX + "ChrgBr"),
    (b"<ChrgBr>SLEV</ChrgBr>", b"<ChrgBr>SLEV</ChrgBr><ChrgBr>SLEV</ChrgBr>", "FF01", TX + "ChrgBr"),
    (b"<ChrgBr>SLEV</ChrgBr>", b"<ChrgBr>SLEV</ChrgBr><ChrgsInf/>", "FF01", TX + "ChrgsInf"),
    (b"<ChrgBr>", b'<ChrgBr Why="x">', "FF01", TX + "ChrgBr/@Why"),
    (b"<CdtTrfTxInf>", b'<CdtTrfTxInf Why="x">', "FF01", "CdtTrfTxInf/@Why"),
    (b"<CdtTrfTxInf>", b"<CdtTrfTxInf>text", "FF01", "CdtTrfTxInf"),
    (b"<NbOfTxs>1<", b"<NbOfTxs>2<", "AM18", "GrpHdr/NbOfTxs"),
    (b"545000.00<", b"545000.0<", "CH20", TX + "IntrBkSttlmAmt"),
    (b"545000.00<", b"0.00<", "AM01", TX + "IntrBkSttlmAmt"),
    (b'Ccy="HKD"', b'Ccy="hkd"', "AM03", TX + "IntrBkSttlmAmt/@Ccy"),
    (b'Ccy="HKD"', b'Ccy="EUR"', "AM03", TX + "IntrBkSttlmAmt"),
    (b' Ccy="HKD"', b"", "CH21", TX + "IntrBkSttlmAmt/@Ccy"),
    (b"PERFORM_PYE_VRF", b"PERHAPS", "FF05", TX + "PmtTpInf/LclInstrm/Prtry"),
    (b"CXSALA", b"CXNONE", "FF06", TX + "PmtTpInf/CtgyPurp/Prtry"),
    (b"CXSALA", b"DDBILL", "FF06", TX + "PmtTpInf/CtgyPurp/Prtry"),
    (b"<TxId>2-", b"<TxId>x-", "FF01", TX + "PmtId/TxId"),
    (b">BBAN<", b">IBAN<", "FF01", TX + "DbtrAcct/Id/Othr/SchmeNm/Prtry"),
    (b"2026-03-03T01:02:03.450000Z</CreDtTm>", b"2026-03-03T09:02:03+08:00</CreDtTm>", "DT01", "GrpHdr/CreDtTm"),
    (b"2026-03-03T01:02:03.450000Z</CreDtTm>", b"2026-02-30T01:02:03Z</CreDtTm>", "DT01", "GrpHdr/CreDtTm"),
    (b"<BizSvc>PAYC01", b"<BizSvc>PAYD01", "FF01", "BizSvc"),
    (b"<BizSvc>PAYC01", b"<BizSvc>PAYENQ", "FF01", "AppHdr/BizSvc"),
    (b"<MsgDefIdr>pacs.008.001.06", b"<MsgDefIdr>pacs.002.001.08", "FF01", "AppHdr/MsgDefIdr"),
    (b"<NbOfMsgs>1<", b"<NbOfMsgs>2<", "FF01", "NbOfMsgs"),
    (b"<NbOfMsgs>", b"<Other/><NbOfMsgs>", "FF01", "Other"),
    (b"fps.envelope.01", b"fps.envelope.02", "FF01", "FpsMsg"),
    (b"pacs.008.001.06\"><FIToFI", b"pacs.008.001.08\"><FIToFI", "FF01", "Document"),
    (b"<SchmeNm><Cd>NIDN</Cd></SchmeNm>", b"", "RR12", TX + "Dbtr/Id/PrvtId/Othr/SchmeNm"),
    (b"<Issr>CN</Issr>", b"", "CH21", TX + "Dbtr/Id/PrvtId/Othr/Issr"),
    (b"<MmbId>807</MmbId></ClrSysMmbId></FinInstnId></DbtrAgt>", b"<MmbId>999</MmbId></ClrSysMmbId></FinInstnId></DbtrAgt>", "RC10", TX + "DbtrAgt/FinInstnId/ClrSysMmbId/MmbId"),
    (b"<?xml", b"<!DOCTYPE x><?xml", "FF01", ""),
    (b"</FpsMsg>", b"", "FF01", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "code", "field"), BROKEN, ids=[f"{new[:30]!r}-{code}" for _, new, code, _ in BROKEN]
)
def test_a_message_that_is_not_as_the_dialect_has_it_is_refused_by_name(
    old: bytes, new: bytes, code: str, field: str
) -> None:
    body = FPS.write_credit(FULL, KNOWN)
    assert old in body, "nothing would be broken"
    with pytest.raises(MessageError) as refused:
        FPS.read_credit(body.replace(old, new, 1), KNOWN, DEADLINE)
    assert (refused.value.code, refused.value.field) == (code, field), str(refused.value)


def test_a_dialect_that_could_not_write_is_not_made() -> None:
    for wrong in ({"service": "PAYD01"}, {"verification": "PERHAPS"}, {"signature": "<x/>"}, {"signature": "</Sgntr>"}):
        with pytest.raises(ValueError):
            HkFps(**wrong)


def test_a_leg_that_the_rail_cannot_carry_is_not_written() -> None:
    assert FULL.transfer is not None
    for sent, field in (
        (FULL._replace(transfer=None), "transfer"),
        (FULL._replace(debtor_agent="NOBDHKH0"), "CdtTrfTxInf/DbtrAgt"),
        (FULL._replace(creditor_account="x" * 35), "CdtTrfTxInf/CdtrAcct/Id/Othr/Id"),
        (FULL._replace(transfer=FULL.transfer._replace(remittance_information="a\nb")), "CdtTrfTxInf/RmtInf/Ustrd"),
    ):
        with pytest.raises(MessageError) as refused:
            FPS.write_credit(sent, KNOWN)
        assert refused.value.field == field
