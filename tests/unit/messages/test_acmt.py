"""acmt.023 and acmt.024, both versions: built and read back equal, valid under ISO's own schemas, strict about the rest."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from rails.messages import MessageError
from rails.messages.acmt023 import ACMT_023S, Verification, VerificationRequest, build_acmt023
from rails.messages.acmt023 import KINDS as REQUEST_KINDS
from rails.messages.acmt024 import ACMT_024S, Report, VerificationReport, build_acmt024
from rails.messages.acmt024 import KINDS as REPORT_KINDS
from rails.messages.acmt_parts import Subject, VerificationAssignment
from rails.messages.codec import codec
from rails.messages.model import BusinessHeader

FOLDER = os.environ.get("ISO20022_XSD", "")
needs_schemas = pytest.mark.skipif(
    not FOLDER, reason="SKIPPED: the genuine ISO 20022 schemas are not here; set ISO20022_XSD to their folder"
)
AT = "2026-03-05T12:00:00+08:00"
ASSIGNMENT = VerificationAssignment("VRF-1", AT, "HBAYHKH0", "BAYSHKH0")
HEADER = BusinessHeader("HBAYHKH0", "BAYSHKH0", "VRF-1", "", "2026-03-05T04:00:00Z")
IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9\-]{0,33}", fullmatch=True)
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp", "Co"]), min_size=1, max_size=70).filter(
    lambda text: text.isprintable() and text.strip() == text
)
PROXIES = st.sampled_from(
    [("MBNO", "+852-61900001"), ("EMAL", "taiman.chan@example.hk"), ("SHID", "1000001"), ("NIDN", "QZ0158383")]
)


@st.composite
def subjects(draw: st.DrawFn, version: str) -> Subject:
    """What a version can carry."""
    name, agent = draw(NAMES | st.just("")), draw(st.sampled_from(["", "LIONHKH0", "PEARCNG0"]))
    if version == "02":
        return draw(
            st.sampled_from([Subject(name, "900888000001", None, agent), Subject(name, agent=agent)])
            | PROXIES.map(lambda proxy: Subject(name, "", proxy, agent))
        )
    proxy = draw(st.none() | PROXIES)
    number = draw(st.sampled_from(["", "6200068880000000001"]))
    return Subject(name, number, proxy, agent, draw(st.sampled_from(["", "HKD"])), draw(NAMES | st.just("")))


@st.composite
def requests(draw: st.DrawFn) -> VerificationRequest:
    """Requests of both versions, with and without a header."""
    definition = draw(st.sampled_from(ACMT_023S))
    ids = draw(st.lists(IDS, min_size=1, max_size=3, unique=True))
    questions = tuple(Verification(each, draw(subjects(definition[-2:]))) for each in ids)
    header = draw(st.sampled_from([None, HEADER._replace(message_definition=definition)]))
    return VerificationRequest(ASSIGNMENT, questions, header, definition)


@st.composite
def reports(draw: st.DrawFn) -> VerificationReport:
    """Reports of both versions."""
    definition = draw(st.sampled_from(ACMT_024S))
    of = subjects(definition[-2:]) | st.none()
    matches = st.sampled_from([("", None), ("match", 100), ("close", 75), ("no", 0)])
    answers = []
    for each in draw(st.lists(IDS, min_size=1, max_size=3, unique=True)):
        told = draw(st.booleans())
        match, score = draw(matches) if told else ("", None)
        shown = draw(of)
        answers.append(
            Report(
                each,
                draw(st.booleans()),
                draw(st.sampled_from(["", "BE23", "PN01", "PN02", "AC01"])),
                draw(of),
                shown,
                "5c1f0a" if told else "",
                match,
                score,
                told and draw(st.booleans()),
            )
        )
    header = draw(st.sampled_from([None, HEADER._replace(message_definition=definition)]))
    return VerificationReport(ASSIGNMENT, "ORG-1", draw(st.none() | st.just(AT)), tuple(answers), header, definition)


@given(requests())
def test_a_request_built_is_read_back_equal(request_: VerificationRequest) -> None:
    assert codec().read(build_acmt023(request_), REQUEST_KINDS) == request_


@given(reports())
def test_a_report_built_is_read_back_equal(report: VerificationReport) -> None:
    assert codec().read(build_acmt024(report), REPORT_KINDS) == report


def _is_genuine(body: bytes) -> None:
    root = etree.fromstring(body)
    for element in list(root) if root.tag.endswith("}Message") else [root]:
        name = etree.QName(element).namespace.rpartition(":")[2]
        etree.XMLSchema(etree.parse(Path(FOLDER) / f"{name}.xsd")).assertValid(element)


@needs_schemas
@given(requests())
def test_a_request_built_is_valid_under_iso_s_schema(request_: VerificationRequest) -> None:
    _is_genuine(build_acmt023(request_))


@needs_schemas
@given(reports())
def test_a_report_built_is_valid_under_iso_s_schema(report: VerificationReport) -> None:
    _is_genuine(build_acmt024(report))


PLAIN = build_acmt023(
    VerificationRequest(
        ASSIGNMENT, (Verification("1", Subject("CHAN Tai Man", proxy=("MBNO", "+852-61900001"), agent="HBAYHKH0")),)
    )
)


@pytest.mark.parametrize(
    ("before", "after", "code", "field"),
    [
        (b"<MsgId>VRF-1</MsgId>", b"", "CH21", "IdVrfctnReq/Assgnmt/MsgId"),
        (b"<Id>1</Id>", b"", "FF01", "IdVrfctnReq/Vrfctn/PtyAndAcctId"),
        (b"<Id>1</Id>", b"<Id>/1</Id>", "RR10", "IdVrfctnReq/Vrfctn[1]/Id"),
        (b"<Cd>MBNO</Cd>", b"<Prtry>MBNO</Prtry>", "CH21", "IdVrfctnReq/Vrfctn/PtyAndAcctId/Acct/Prxy/Tp/Cd"),
        (b"HBAYHKH0</BICFI></FinInstnId></Agt></PtyAndAcctId>", b"nobody</BICFI></FinInstnId></Agt></PtyAndAcctId>", "FF01", "IdVrfctnReq/Vrfctn/PtyAndAcctId/Agt/FinInstnId/BICFI"),
        (b"CHAN Tai", b"CHAN\tTai", "RR10", "IdVrfctnReq/Vrfctn[1]/PtyAndAcctId"),
        (b"acmt.023.001.04", b"acmt.023.001.03", "FF01", "Document"),
        (b"</IdVrfctnReq>", b"<SplmtryData/></IdVrfctnReq>", "FF01", "IdVrfctnReq/SplmtryData"),
    ],
)  # fmt: skip
def test_what_the_profile_does_not_take_is_named(before: bytes, after: bytes, code: str, field: str) -> None:
    body = PLAIN.replace(before, after)
    assert body != PLAIN
    with pytest.raises(MessageError) as caught:
        codec().read(body, REQUEST_KINDS)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert "+852" not in str(caught.value)


def test_two_questions_of_one_id_are_refused() -> None:
    question = Verification("1", Subject(account="900888000001", agent="HBAYHKH0"))
    with pytest.raises(MessageError) as caught:
        codec().read(build_acmt023(VerificationRequest(ASSIGNMENT, (question, question))), REQUEST_KINDS)
    assert (caught.value.code, caught.value.message_id) == ("DUPL", "VRF-1")


def test_version_02_says_that_it_cannot_carry_a_long_proxy() -> None:
    question = Verification("1", Subject(proxy=("EMAL", "a" * 30 + "@example.hk")))
    with pytest.raises(MessageError, match="version 04"):
        build_acmt023(VerificationRequest(ASSIGNMENT, (question,), definition=ACMT_023S[0]))
