"""HKQR payloads: the two public ones byte for byte, the way back of every code, and errors that name the tag."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rails.hkqr import HkQr, HkQrError, checksum, read_hkqr, write_hkqr

DYNAMIC = (
    "00020101021226320012hk.com.hkicl021299999999999952040000530334454031005802HK5902NA6002HK62110507QR123456304983E"
)
STATIC = "00020101021126530012hk.com.hkicl0433FPS_Identifier_CRC201D@ird.gov.hk520400005303344540419895802HK5902NA6002HK63042767"
KNOWN = [
    (DYNAMIC, HkQr(fps_id="999999999999", amount_minor=10000, reference="QR12345", dynamic=True)),
    (STATIC, HkQr(email="FPS_Identifier_CRC201D@ird.gov.hk", amount_minor=198900)),
]
VECTORS = Path(os.environ.get("ISO20022_XSD", "/nowhere")).parent / "vectors" / "hkqr.json"


def test_the_checksum_is_that_of_the_published_test_word() -> None:
    assert checksum("123456789") == "29B1"


@pytest.mark.parametrize(("payload", "code"), KNOWN)
def test_the_public_payloads_are_read_and_written_byte_for_byte(payload: str, code: HkQr) -> None:
    assert read_hkqr(payload) == code
    assert write_hkqr(code) == payload
    assert checksum(payload[:-4]) == payload[-4:]


@pytest.mark.skipif(not VECTORS.is_file(), reason="ISO20022_XSD names no folder with vectors beside it")
def test_the_vectors_are_read() -> None:
    for vector in json.loads(VECTORS.read_text("utf-8")):
        if "payload" in vector:
            assert write_hkqr(read_hkqr(vector["payload"])) == vector["payload"]
        else:
            assert checksum(vector["input"]) == vector["crc"]


TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=25)
PROXIES = st.one_of(
    st.from_regex("[0-9]{7}|[0-9]{9}", fullmatch=True).map(lambda value: {"fps_id": value}),
    st.from_regex(r"\+852-[5-9][0-9]{7}", fullmatch=True).map(lambda value: {"mobile": value}),
    # What tag 26 holds beside the scheme's name (16 characters), a clearing code (7) and a time-out (18), less tag and length.
    st.emails().filter(lambda value: len(value) <= 54).map(lambda value: {"email": value}),
)
CODES = st.builds(
    lambda proxy, **rest: HkQr(**proxy, **rest),
    PROXIES,
    clearing_code=st.from_regex("([0-9]{3})?", fullmatch=True),
    currency=st.sampled_from(["HKD", "CNY"]),
    amount_minor=st.none() | st.integers(1, 10**12),
    bill_number=st.just("") | TEXTS,
    reference=st.just("") | TEXTS,
    expires=st.sampled_from(["", "20261231235959"]),
    dynamic=st.booleans(),
    merchant_name=TEXTS,
    other=st.sampled_from([(), (("15", "3132000036"), ("64", "0002ZH"))]),
)


@given(CODES)
def test_what_is_written_is_read_again(code: HkQr) -> None:
    assert read_hkqr(write_hkqr(code)) == code


@given(CODES, st.data())
def test_one_wrong_character_is_always_found(code: HkQr, data: st.DataObject) -> None:
    payload = write_hkqr(code)
    place = data.draw(st.integers(0, len(payload) - 1))
    wrong = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != payload[place]))
    with pytest.raises(HkQrError):
        read_hkqr(payload[:place] + wrong + payload[place + 1 :])


@given(st.text(max_size=80))
def test_no_text_makes_the_reader_fall(text: str) -> None:
    with pytest.raises(HkQrError):
        read_hkqr(text + "6304" + checksum(text + "6304"))


def closed(body: str) -> str:
    return body + "6304" + checksum(body + "6304")


HEAD, ACCOUNT, TAIL = "000201010211", "26270012hk.com.hkicl02071234567", "5204000053033445802HK5902NA6002HK"


def test_the_parts_of_the_wrong_payloads_make_a_right_one() -> None:
    assert read_hkqr(closed(HEAD + ACCOUNT + TAIL)) == HkQr(fps_id="1234567")


@pytest.mark.parametrize(
    ("payload", "tag", "says"),
    [
        (DYNAMIC[:-1] + "F", "63", "checksum is 983F"),
        (DYNAMIC[:-8], "63", "must end"),
        (closed("000202010211" + ACCOUNT + TAIL), "00", "Must be 01"),
        (closed("000201010213" + ACCOUNT + TAIL), "01", "11 or 12"),
        (closed(HEAD + TAIL), "26", "missing"),
        (closed(HEAD + ACCOUNT.replace("hkicl", "other") + TAIL), "26.00", "hk.com.hkicl"),
        (closed(HEAD + "26160012hk.com.hkicl" + TAIL), "26", "exactly one"),
        (closed(HEAD + "26360012hk.com.hkicl020712345670405a@b.c" + TAIL), "26", "exactly one"),
        (closed(HEAD + "26260012hk.com.hkicl0206123456" + TAIL), "26.02", "seven or nine"),
        (closed(HEAD + "26290012hk.com.hkicl030961234567X" + TAIL), "26.03", "+852"),
        (closed(HEAD + "26330012hk.com.hkicl020712345679902xx" + TAIL), "26.99", "not known"),
        (closed(HEAD + ACCOUNT + TAIL.replace("5303344", "5303840")), "53", "156 or 344"),
        (closed(HEAD + ACCOUNT + "54031.x" + TAIL), "54", "not an amount"),
        (closed(HEAD + ACCOUNT + "54051.234" + TAIL), "54", "2 decimals"),
        (closed(HEAD + ACCOUNT + "54010" + TAIL), "54", "above zero"),
        (closed(HEAD + ACCOUNT + TAIL.replace("5802HK", "5802SG")), "58", "HK"),
        (closed(HEAD + ACCOUNT + TAIL + TAIL), "52", "twice"),
        (closed(HEAD + ACCOUNT + TAIL + "6299"), "62", "length is 99"),
        (closed(HEAD + ACCOUNT + TAIL + "6A05"), "6A", "two digits of tag"),
        (closed(HEAD + ACCOUNT + TAIL + "62050201a"), "62.02", "not known"),
        ("x" * 600, "", "512"),
    ],
)  # fmt: skip
def test_a_wrong_payload_is_refused_with_the_tag_at_fault(payload: str, tag: str, says: str) -> None:
    with pytest.raises(HkQrError) as refused:
        read_hkqr(payload)
    assert (refused.value.tag, says in refused.value.text) == (tag, True), str(refused.value)


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        (HkQr(), "26"),
        (HkQr(fps_id="1234567", mobile="+852-61234567"), "26"),
        (HkQr(fps_id="123"), "26.02"),
        (HkQr(fps_id="1234567", clearing_code="12"), "26.01"),
        (HkQr(fps_id="1234567", expires="tomorrow"), "26.05"),
        (HkQr(fps_id="1234567", currency="USD"), "53"),
        (HkQr(fps_id="1234567", amount_minor=0), "54"),
        (HkQr(fps_id="1234567", bill_number="x" * 26), "62.01"),
        (HkQr(fps_id="1234567", reference="x" * 26), "62.05"),
        (HkQr(fps_id="1234567", merchant_name=""), "59"),
        (HkQr(fps_id="1234567", other=(("54", "1"),)), "54"),
    ],
)
def test_a_code_that_cannot_be_written_names_the_tag(code: HkQr, tag: str) -> None:
    with pytest.raises(HkQrError) as refused:
        write_hkqr(code)
    assert refused.value.tag == tag
