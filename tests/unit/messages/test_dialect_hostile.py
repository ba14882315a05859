"""Whatever bytes come, a dialect reads them or refuses them with a MessageError: nothing else gets out."""

from collections.abc import Callable
from typing import Any

import pytest
from dialect_legs import DEADLINE, FULL, IN_CNY, SENT_AT, UETR, fictional_members
from hypothesis import given
from hypothesis import strategies as st

from rails.messages import MessageError
from rails.messages.codec import BODY_BYTES_MAX
from rails.messages.dialects import cips
from rails.messages.dialects.cnaps2 import Cnaps2, read_communication
from rails.messages.dialects.cnaps2_messages import BEPS, HVPS, IBPS
from rails.messages.dialects.hk_fps import HkFps, signature_of
from rails.messages.dialects.terms import Inquiry
from rails.port import REJECTED, SETTLED, RailReport

HK, CN = fictional_members("hk-fps"), fictional_members("ibps")
FPS, LEG = HkFps(), Inquiry(UETR, 2, "PEARCNG0", SENT_AT)
SETTLED_LEG = RailReport("rail", UETR, 2, SETTLED, "", SENT_AT, 100)
REFUSED_LEG = RailReport("rail", UETR, 2, REJECTED, "AC01", SENT_AT)
Read = Callable[[bytes], Any]


def cases() -> dict[str, tuple[bytes, Read]]:
    found: dict[str, tuple[bytes, Read]] = {
        "fps-credit": (FPS.write_credit(FULL, HK), lambda body: FPS.read_credit(body, HK, DEADLINE)),
        "fps-report": (FPS.write_report(REFUSED_LEG, "PEARCNG0", HK), lambda body: FPS.read_report(body, "rail", HK)),
        "fps-inquiry": (FPS.write_inquiry(LEG, HK), lambda body: FPS.read_inquiry(body, HK)),
        "fps-signature": (HkFps(signature='<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>').write_inquiry(LEG, HK), signature_of),
        "cips-credit": (cips.write_credit(IN_CNY, CN), lambda body: cips.read_credit(body, CN, DEADLINE)),
    }  # fmt: skip
    for system in (IBPS, BEPS, HVPS):
        dialect = Cnaps2(system)
        credit = dialect.write_credit(IN_CNY, CN)
        found |= {
            f"{system}-credit": (credit, lambda body, dialect=dialect: dialect.read_credit(body, CN, DEADLINE)),
            f"{system}-report": (dialect.write_report(SETTLED_LEG, "PEARCNG0", CN), lambda body, dialect=dialect: dialect.read_report(body, "rail", CN)),
            f"{system}-refusal": (dialect.write_report(REFUSED_LEG, "PEARCNG0", CN), lambda body, dialect=dialect: dialect.read_report(body, "rail", CN)),
            f"{system}-inquiry": (dialect.write_inquiry(LEG, CN), lambda body, dialect=dialect: dialect.read_inquiry(body, CN)),
            f"{system}-discard": (dialect.write_discard(credit, SENT_AT, "O1106", "no"), read_communication),
        }  # fmt: skip
    return found


CASES = cases()
every = pytest.mark.parametrize("case", CASES)


def refused(read: Read, body: bytes) -> MessageError | None:
    try:
        read(body)
    except MessageError as error:
        return error
    return None


@every
@given(data=st.data())
def test_a_damaged_message_is_read_or_refused(case: str, data: st.DataObject) -> None:
    body, read = CASES[case]
    start = data.draw(st.integers(0, len(body)))
    end = min(len(body), start + data.draw(st.integers(0, 60)))
    patch = data.draw(
        st.sampled_from(
            [b"", b"<x/>", b"&amp;", b"]]>", b"<![CDATA[x]]>", b"\xff", b"<!-- x -->", body[start : start + 40]]
        )
    )
    refused(read, body[:start] + patch + body[end:])


@every
def test_a_text_moved_a_tag_lost_or_twice_is_refused(case: str) -> None:
    body, read = CASES[case]
    assert refused(read, body) is None
    if case == "fps-signature":
        return  # it looks for one element alone
    head, open_tag, rest = body.partition(b"<CreDtTm>") if b"<CreDtTm>" in body else body.partition(b"<OrigSndDt>")
    assert refused(read, head + open_tag + b"x" + rest) is not None
    assert refused(read, head + b"<Other>x</Other>" + open_tag + rest) is not None
    assert refused(read, head + open_tag + rest.replace(b">", b">x", 1)) is not None


@every
@pytest.mark.parametrize(
    "hostile",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><x/>',
        b"<a>" * 400,
        b"<x>" + b"<y/>" * 50_000 + b"</x>",
        b"<x " + b'a="1" ' * 50_000 + b"/>",
        b"x" * (BODY_BYTES_MAX + 1),
        b"\x00\x01\x02",
        b"",
    ],
    ids=["entity", "external", "deep", "tags", "attributes", "long", "binary", "empty"],
)  # fmt: skip
def test_a_hostile_body_is_refused(case: str, hostile: bytes) -> None:
    body, read = CASES[case]
    before = body.partition(b"<?xml")[0]  # the blocks of CNAPS2; nothing elsewhere
    assert refused(read, before + hostile) is not None
