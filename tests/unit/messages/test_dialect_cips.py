"""CIPS's dialect: a credit there and back with everything it has no element for, and strictness by name."""

import os
from pathlib import Path

import pytest
from dialect_legs import DEADLINE, FIELDS, IN_CNY, LEAST, differing, fictional_members
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from rails.messages import MessageError
from rails.messages.dialects.cips import NAMESPACE, read_credit, write_credit
from rails.messages.dialects.cips_table import ROWS, USTRD

KNOWN = fictional_members("cips")
SCHEMA = Path(os.environ.get("ISO20022_XSD", "/nowhere")) / "pacs.008.001.02.xsd"
LEAST_CNY = LEAST._replace(currency="CNY")


def test_a_leg_comes_back_with_what_the_table_says_is_carried() -> None:
    assert differing(ROWS, IN_CNY, read_credit(write_credit(IN_CNY, KNOWN), KNOWN, DEADLINE)) == []


def test_every_field_of_a_leg_has_one_row() -> None:
    assert sorted(row.field for row in ROWS if row.field) == sorted(FIELDS)


def test_a_leg_that_says_little_comes_back() -> None:
    read = read_credit(write_credit(LEAST_CNY, KNOWN), KNOWN, DEADLINE)
    assert read.transfer is not None and LEAST_CNY.transfer is not None
    assert read.transfer.creditor.sector == "household" and read.transfer.documents == ()


def test_every_path_of_the_table_stands_in_the_message() -> None:
    body = write_credit(IN_CNY, KNOWN).decode()
    for row in ROWS:
        if row.element == USTRD and row.note.startswith("`/") and row.field:
            assert row.note[1:].partition(":")[0] + ":" in body, row


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=120).filter(
        lambda text: text.strip()
    )
)
@example("/Purp/Cd:SALA")
@example("/")
def test_any_remittance_information_comes_back(text: str) -> None:
    assert IN_CNY.transfer is not None
    sent = IN_CNY._replace(transfer=IN_CNY.transfer._replace(remittance_information=text))
    read = read_credit(write_credit(sent, KNOWN), KNOWN, DEADLINE)
    assert read.transfer is not None and read.transfer.remittance_information == text


@pytest.mark.skipif(not SCHEMA.is_file(), reason="ISO20022_XSD names no folder")
def test_the_body_is_of_iso_s_shape() -> None:
    body = write_credit(IN_CNY, KNOWN).replace(NAMESPACE.encode(), b"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.02")
    etree.XMLSchema(etree.parse(SCHEMA)).assertValid(etree.fromstring(body))


@pytest.mark.parametrize(
    ("old", "new", "code", "field", "says"),
    [
        (b"<Ustrd>/Purp/Cd:GIFT", b"<Ustrd>/Purp/Other:GIFT", "FF01", USTRD, "no path"),
        (b"<Ustrd>/Purp/Cd:GIFT", b"<Ustrd>/Purp/Cd", "FF01", USTRD, "/path:value"),
        (b"<Ustrd>/Purp/Cd:GIFT", b"<Ustrd>/PmtTpInf/CtgyPurp/Cd:GIFT", "FF01", USTRD, "twice"),
        (b"<Ustrd>/Purp/Cd:GIFT", b"<Ustrd>a second text", "FF01", USTRD, "twice"),
        (b"/Dbtr/Id:PRCID,CN,", b"/Dbtr/Id:PRCID,CN-", "RR12", USTRD, "type,country,number"),
        (b"/Dbtr/Id:PRCID", b"/Dbtr/Id:DOG", "RR12", USTRD, "type,country,number"),
        (b"RgltryRptg[2]", b"RgltryRptg[3]", "FF01", USTRD, "gap"),
        (b"<Ustrd>/RgltryRptg[2]/Dtls/Inf:R-2</Ustrd>", b"", "CH21", USTRD, "RgltryRptg[2]"),
        (b"<Cd>CNCIP", b"<Cd>CNAPS", "FF01", "CdtTrfTxInf/DbtrAgt/FinInstnId/ClrSysMmbId/ClrSysId/Cd", "CNCIP"),
        (b'Ccy="CNY"', b'Ccy="USD"', "AM03", "CdtTrfTxInf/IntrBkSttlmAmt/@Ccy", "CNY"),
        (b"<ChrgBr>SHAR", b"<ChrgBr>NONE", "FF01", "CdtTrfTxInf/ChrgBr", "SHAR"),
    ],
)
def test_a_message_that_is_not_as_the_dialect_has_it_is_refused_by_name(
    old: bytes, new: bytes, code: str, field: str, says: str
) -> None:
    body = write_credit(IN_CNY, KNOWN)
    assert old in body, "nothing would be broken"
    with pytest.raises(MessageError) as refused:
        read_credit(body.replace(old, new), KNOWN, DEADLINE)
    assert (refused.value.code, refused.value.field, says in refused.value.text) == (code, field, True), str(
        refused.value
    )


def test_what_does_not_fit_is_not_cut() -> None:
    assert IN_CNY.transfer is not None
    for changed in ({"quote_id": "x" * 130}, {"quote_id": "a\nb"}):
        with pytest.raises(MessageError) as refused:
            write_credit(IN_CNY._replace(transfer=IN_CNY.transfer._replace(**changed)), KNOWN)
        assert refused.value.field == USTRD and "QuoteId" in refused.value.text
