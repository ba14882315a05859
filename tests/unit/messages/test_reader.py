"""What the reader takes, and what it says of a message that breaks the schema or a rule no schema checks."""

import pytest

from rails.messages import MessageError, read_pacs008
from switch.translate.messages import parse_instructions

Change = tuple[bytes, bytes]

MISSING = [
    (b"<ChrgBr>SLEV</ChrgBr>", "CdtTrfTxInf/ChrgBr"),
    (b"<CtryOfRes>HK</CtryOfRes>", "CdtTrfTxInf/Dbtr/CtryOfRes"),
    (b"<Nm>LI Xiaoming</Nm>", "CdtTrfTxInf/Cdtr/Nm"),
    (b"<InstrId>INS-0001</InstrId>", "CdtTrfTxInf/PmtId/InstrId"),
    (b"<EndToEndId>E2E-0001</EndToEndId>", "CdtTrfTxInf/PmtId/EndToEndId"),
    (b"<MsgId>MSG-1</MsgId>", "GrpHdr/MsgId"),
    (b"<NbOfTxs>1</NbOfTxs>", "GrpHdr/NbOfTxs"),
    (b"<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf>", "GrpHdr/SttlmInf"),
    (b"<DbtrAgt><FinInstnId><BICFI>HBAYHKH0</BICFI></FinInstnId></DbtrAgt>", "CdtTrfTxInf/DbtrAgt"),
]


@pytest.mark.parametrize(("element", "field"), MISSING)
def test_a_missing_element_is_named(plain: bytes, element: bytes, field: str) -> None:
    assert element in plain
    with pytest.raises(MessageError) as caught:
        read_pacs008(plain.replace(element, b""))
    assert (caught.value.code, caught.value.field) == ("CH21", f"FIToFICstmrCdtTrf/{field}")


BROKEN = [
    (b"-4000-8000-", b"-1000-8000-", "FF01", "CdtTrfTxInf/PmtId/UETR"),  # a UUID, but not of version 4
    (b"SLEV", b"OUR", "FF01", "CdtTrfTxInf/ChrgBr"),
    (b'Ccy="HKD">1500.00</Ins', b'Ccy="HKD">-1500</Ins', "FF01", "CdtTrfTxInf/InstdAmt"),
    (b"<BICFI>PEARCNG0", b"<BICFI>PEAR", "FF01", "CdtTrfTxInf/CdtrAgt/FinInstnId/BICFI"),
    (b"CLRG", b"INDA", "FF01", "GrpHdr/SttlmInf/SttlmMtd"),
    (b"<Purp>", b"<XchgRate>1</XchgRate><Purp>", "FF01", "CdtTrfTxInf/XchgRate"),
    (b"<NbOfTxs>1<", b"<NbOfTxs>2<", "AM18", "GrpHdr/NbOfTxs"),
    (b"<MsgId>MSG-1<", b"<MsgId>/MSG-1<", "RR10", "GrpHdr/MsgId"),
    (
        b"</NbOfTxs>",
        b'</NbOfTxs><TtlIntrBkSttlmAmt Ccy="HKD">1</TtlIntrBkSttlmAmt>',
        "AM10",
        "GrpHdr/TtlIntrBkSttlmAmt",
    ),
]


@pytest.mark.parametrize(("old", "new", "code", "field"), BROKEN)
def test_a_broken_message_is_refused_as_a_whole(plain: bytes, old: bytes, new: bytes, code: str, field: str) -> None:
    assert plain.count(old) >= 1
    with pytest.raises(MessageError) as caught:
        read_pacs008(plain.replace(old, new))
    assert (caught.value.code, caught.value.field) == (code, f"FIToFICstmrCdtTrf/{field}")


WRONG = [
    (b"1500.00", b"1500.001", "CH20", "InstdAmt"),
    (b"1500.00", b"0.00", "AM01", "InstdAmt"),
    (b'Ccy="HKD">', b'Ccy="XXX">', "AM03", "InstdAmt"),
    (b"1500.00</Intr", b"1500.01</Intr", "AM09", "IntrBkSttlmAmt"),
    (b'IntrBkSttlmAmt Ccy="HKD"', b'IntrBkSttlmAmt Ccy="MOP"', "CURR", "IntrBkSttlmAmt"),
    (b"<Cd>GIFT</Cd>", b"<Cd>FAMI</Cd>", "FF07", "Purp/Cd"),
    (b"<Cd>GP2P</Cd>", b"<Cd>NOPE</Cd>", "FF06", "PmtTpInf/CtgyPurp/Cd"),
    (b"PEARCNG0", b"PEARUSG0", "RC04", "CdtrAgt/FinInstnId/BICFI"),
    (b"<DbtrAgt><FinInstnId><BICFI>HBAYHK", b"<DbtrAgt><FinInstnId><BICFI>HBAYGB", "RC03", "DbtrAgt/FinInstnId/BICFI"),
    (b"<CtryOfRes>HK", b"<CtryOfRes>XX", "BE10", "Dbtr/CtryOfRes"),
    (b"<CtryOfRes>CN", b"<CtryOfRes>ZZ", "BE11", "Cdtr/CtryOfRes"),
    (b"INS-0001", b"INS//01", "RR10", "PmtId/InstrId"),
    (b"E2E-0001", "名".encode(), "RR10", "PmtId/EndToEndId"),
    (b"LI Xiaoming", b"LI&#9;Xiaoming", "RR10", "Cdtr/Nm"),
    (b"For grandmother", b"For\ngrandmother", "RR10", "RmtInf/Ustrd"),
    (b"<Issr>HK</Issr>", b"<Issr>SG</Issr>", "RR12", "Dbtr/Id/PrvtId/Othr/SchmeNm"),
    (b"<Ccy>CNY</Ccy>", b"", "CH21", "CdtrAcct/Ccy"),
]


@pytest.mark.parametrize(("old", "new", "code", "field"), WRONG)
def test_a_wrong_transaction_is_refused_by_code_and_element(
    plain: bytes, old: bytes, new: bytes, code: str, field: str
) -> None:
    assert old in plain
    (refused,) = read_pacs008(plain.replace(old, new)).refused
    assert (refused.error.code, refused.error.field) == (code, f"FIToFICstmrCdtTrf/CdtTrfTxInf[1]/{field}")
    assert refused.error.message_id == "MSG-1"


def _batch(plain: bytes, transaction: bytes, *others: bytes) -> bytes:
    count = b"<NbOfTxs>%d<" % (1 + len(others))
    return plain.replace(transaction, transaction + b"".join(others)).replace(b"<NbOfTxs>1<", count)


def test_a_wrong_transaction_leaves_the_others_of_its_message_alone(plain: bytes, transaction: bytes) -> None:
    second = transaction.replace(b"INS-0001", b"INS-0002").replace(b"00000001-", b"00000002-")
    third = second.replace(b"INS-0002", b"INS-0003").replace(b"00000002-", b"00000003-").replace(b"1500.00", b"1.999")
    read = parse_instructions(_batch(plain, transaction, third, second))
    assert [each.instruction_id for each in read.instructions] == ["INS-0001", "INS-0002"]
    assert [(each.position, each.instruction_id, each.error.code) for each in read.refused] == [(2, "INS-0003", "CH20")]


def test_a_repeated_uetr_or_instruction_id_is_refused_and_the_first_stands(plain: bytes, transaction: bytes) -> None:
    same_id = transaction.replace(b"00000001-", b"00000002-")
    read = read_pacs008(_batch(plain, transaction, transaction, same_id))
    assert len(read.transfers) == 1
    assert [(each.position, each.error.code) for each in read.refused] == [(2, "DU03"), (3, "DU05")]


def test_the_same_instruction_id_of_another_agent_is_another_instruction(plain: bytes, transaction: bytes) -> None:
    other = transaction.replace(b"00000001-", b"00000002-").replace(b"HBAYHKH0", b"LIONHKH0")
    assert len(read_pacs008(_batch(plain, transaction, other)).transfers) == 2


def test_a_message_of_which_no_transaction_stands_is_refused(plain: bytes) -> None:
    with pytest.raises(MessageError) as caught:
        parse_instructions(plain.replace(b"1500.00", b"0"))
    assert (caught.value.code, caught.value.message_id) == ("AM01", "MSG-1")


def test_a_total_that_is_the_sum_passes(plain: bytes) -> None:
    total = b'</NbOfTxs><TtlIntrBkSttlmAmt Ccy="HKD">1500</TtlIntrBkSttlmAmt>'
    assert len(read_pacs008(plain.replace(b"</NbOfTxs>", total)).transfers) == 1


def test_without_an_instructed_amount_the_interbank_amount_is_the_one_asked_for(plain: bytes) -> None:
    (transfer,) = read_pacs008(plain.replace(b'<InstdAmt Ccy="HKD">1500.00</InstdAmt>', b"")).transfers
    assert (transfer.instructed_amount, transfer.instructed_currency) == ("1500.00", "HKD")


def test_elements_that_are_kept_unread_are_taken(plain: bytes) -> None:
    agents = b"<InstgAgt><FinInstnId><BICFI>HBAYHKH0</BICFI></FinInstnId></InstgAgt>"
    body = plain.replace(b"</SttlmInf>", b"</SttlmInf>" + agents)
    body = body.replace(b"<SttlmMtd>CLRG</SttlmMtd>", b"<SttlmMtd>CLRG</SttlmMtd><ClrSys><Cd>HKS</Cd></ClrSys>")
    body = body.replace(b"</Nm><Id>", b"</Nm><PstlAdr><TwnNm>Hong Kong</TwnNm><Ctry>HK</Ctry></PstlAdr><Id>")
    read = read_pacs008(body)
    assert read.instructing_agent == "HBAYHKH0"
    assert read.transfers == read_pacs008(plain).transfers


@pytest.mark.parametrize(
    "inside", [b"LI <!-- x -->Xiaoming", b"LI <![CDATA[Xiao]]>ming", b"LI &#88;iaoming", b"LI <?x y?>Xiaoming"]
)
def test_no_markup_inside_a_value_cuts_it_short(plain: bytes, inside: bytes) -> None:
    (transfer,) = read_pacs008(plain.replace(b"LI Xiaoming", inside)).transfers
    assert transfer.creditor.name == "LI Xiaoming"


def test_the_header_must_name_the_document_it_heads(plain: bytes) -> None:
    with pytest.raises(MessageError) as caught:
        read_pacs008(plain.replace(b"<MsgDefIdr>pacs.008.001.08", b"<MsgDefIdr>pacs.008.001.13"))
    assert (caught.value.code, caught.value.field) == ("FF01", "AppHdr/MsgDefIdr")


def test_a_fault_of_the_header_is_named_in_the_header(plain: bytes) -> None:
    with pytest.raises(MessageError) as caught:
        read_pacs008(plain.replace(b"<BizMsgIdr>MSG-1</BizMsgIdr>", b""))
    assert (caught.value.code, caught.value.field) == ("CH21", "AppHdr/BizMsgIdr")
