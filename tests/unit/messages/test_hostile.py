"""Hostile documents: each is refused with a MessageError, nothing is fetched or expanded."""

from pathlib import Path

import pytest

from rails.messages import MessageError, read_pacs008
from rails.messages.reader import BODY_BYTES_MAX, EQUALS_MAX, TAGS_MAX, TRANSACTIONS_MAX

DOCUMENT = b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"'
LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]><lolz>&d;</lolz>"""

HOSTILE = {
    "nothing": (b"", "FF01"),
    "no XML": (b"{}", "FF01"),
    "not well-formed": (b"<a><b></a>", "FF01"),
    "NUL": (b"<a>\x00</a>", "FF01"),
    "character reference to NUL": (b"<a>&#0;</a>", "FF01"),
    "DOCTYPE": (b"<!DOCTYPE a><a/>", "FF01"),
    "billion laughs": (LAUGHS, "FF01"),
    "external entity": (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>', "FF01"),
    "external DTD": (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>', "FF01"),
    "parameter entity": (b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/"> %x;]><a/>', "FF01"),
    "DOCTYPE in UTF-16": ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"), "RR10"),
    "DOCTYPE in UTF-16 without a mark": ("<!DOCTYPE a><a/>".encode("utf-16-le"), "FF01"),
    "UTF-7": (b'<?xml version="1.0" encoding="UTF-7"?>+ADw-a/+AD4-', "RR10"),
    "undeclared entity": (b"<a>&x;</a>", "FF01"),
    "not UTF-8": (b"<a>\xff</a>", "RR10"),
    "an overlong form": (b"<a>\xc0\xbc</a>", "RR10"),
    "deep nesting": (b"<a>" * 12_000 + b"</a>" * 12_000, "FF01"),
    "oversize": (b" " * BODY_BYTES_MAX + b"<a/>", "FF01"),
    "flood of tags": (DOCUMENT + b">" + b"<x/>" * TAGS_MAX + b"</Document>", "FF01"),
    "flood of attributes": (DOCUMENT + b"".join(b' a%d="1"' % n for n in range(EQUALS_MAX)) + b"/>", "FF01"),
    "many attributes": (DOCUMENT + b"".join(b' a%d="1"' % n for n in range(2_000)) + b"/>", "FF01"),
    "many namespaces": (DOCUMENT + b"".join(b' xmlns:a%d="u%d"' % (n, n) for n in range(2_000)) + b"/>", "FF01"),
    "many namespaces in many elements": (
        DOCUMENT + b">" + b"".join(b'<x xmlns="u%d"/>' % n for n in range(301)) + b"</Document>",
        "FF01",
    ),
    "the same attribute twice": (DOCUMENT + b' a="1" a="2"/>', "FF01"),
    "wrong namespace": (DOCUMENT.replace(b"pacs.008.001.08", b"pacs.008.001.99") + b"/>", "FF01"),
    "no namespace": (b"<Document/>", "FF01"),
    "another document": (b'<html xmlns="http://www.w3.org/1999/xhtml"/>', "FF01"),
    "an empty document": (DOCUMENT + b"/>", "CH21"),
    "a wrapper of nothing": (b'<Message xmlns="urn:bayswitch:xsd:message.01"/>', "FF01"),
    "a wrapper of wrappers": (b'<Message xmlns="urn:bayswitch:xsd:message.01"><Message/><Message/></Message>', "FF01"),
}


@pytest.mark.parametrize(("body", "code"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_document_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(MessageError) as caught:
        read_pacs008(body)
    assert caught.value.code == code
    assert len(caught.value.text) < 400


INSIDE = {
    "deep nesting in a value": (b"LI Xiaoming", b"<a>" * 240 + b"</a>" * 240, "FF01"),
    "deeper than the parser goes": (b"LI Xiaoming", b"<a>" * 300 + b"</a>" * 300, "FF01"),
    "huge text": (b"LI Xiaoming", b"L" * 700_000, "FF01"),
    "huge attribute": (b'InstdAmt Ccy="HKD"', b'InstdAmt Ccy="' + b"H" * 700_000 + b'"', "FF01"),
    "foreign attribute": (b"<Nm>LI", b'<Nm x="1">LI', "FF01"),
    "foreign element": (b"<Nm>LI", b'<x xmlns="urn:x"/><Nm>LI', "FF01"),
    "another type by xsi": (
        b"<Nm>LI", b'<Nm xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="Text35">LI', "FF01",
    ),
    "nil by xsi": (b"<Nm>LI", b'<Nm xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">LI', "FF01"),
    "amount in words": (b">1500.00</InstdAmt>", b">1.5e3</InstdAmt>", "FF01"),
    "amount that is no number": (b">1500.00</InstdAmt>", b">NaN</InstdAmt>", "FF01"),
    "digits of another script": (b">1500.00</InstdAmt>", ">１５００</InstdAmt>".encode(), "FF01"),
    "a digit count beyond reason": (b"<NbOfTxs>1<", b"<NbOfTxs>" + b"9" * 5_000 + b"<", "FF01"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code"), INSIDE.values(), ids=INSIDE)
def test_hostile_content_is_refused(plain: bytes, old: bytes, new: bytes, code: str) -> None:
    assert old in plain
    with pytest.raises(MessageError) as caught:
        read_pacs008(plain.replace(old, new))
    assert caught.value.code == code
    assert len(caught.value.text) < 400


def test_one_transaction_more_than_a_message_takes_is_refused(plain: bytes, transaction: bytes) -> None:
    body = plain.replace(transaction, transaction * (TRANSACTIONS_MAX + 1))
    body = body.replace(b"<NbOfTxs>1<", b"<NbOfTxs>%d<" % (TRANSACTIONS_MAX + 1))
    with pytest.raises(MessageError) as caught:
        read_pacs008(body)
    assert (caught.value.code, caught.value.message_id) == ("AM18", "MSG-1")


def test_as_many_transactions_as_a_message_takes_are_taken(plain: bytes, transaction: bytes) -> None:
    many = b"".join(
        transaction.replace(b"INS-0001", b"INS-%d" % n).replace(b"00000001-", b"%08x-" % n)
        for n in range(TRANSACTIONS_MAX)
    )
    body = plain.replace(transaction, many).replace(b"<NbOfTxs>1<", b"<NbOfTxs>%d<" % TRANSACTIONS_MAX)
    assert len(read_pacs008(body).transfers) == TRANSACTIONS_MAX


@pytest.mark.parametrize("declaration", [b"<!DOCTYPE Message>", b'<!DOCTYPE Message [<!ENTITY x "y">]>'])
def test_a_right_message_with_a_document_type_is_refused(plain: bytes, declaration: bytes) -> None:
    with pytest.raises(MessageError, match="document type") as caught:
        read_pacs008(plain.replace(b"<Message ", declaration + b"<Message "))
    assert caught.value.code == "FF01"


def test_a_right_message_in_too_many_bytes_is_refused(plain: bytes) -> None:
    with pytest.raises(MessageError, match="bytes") as caught:
        read_pacs008(plain + b" " * BODY_BYTES_MAX)
    assert caught.value.code == "FF01"


def test_a_schema_location_is_not_followed(plain: bytes, tmp_path: Path) -> None:
    missing = (tmp_path / "none.xsd").as_uri().encode()
    hint = b'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="urn:x ' + missing + b'" '
    assert len(read_pacs008(plain.replace(b"<Document ", b"<Document " + hint)).transfers) == 1


def test_after_a_refusal_the_reader_reads_on(plain: bytes) -> None:
    for body, _ in HOSTILE.values():
        with pytest.raises(MessageError):
            read_pacs008(body)
        assert len(read_pacs008(plain).transfers) == 1
