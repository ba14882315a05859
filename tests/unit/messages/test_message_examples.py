"""The worked examples of docs/examples/messages: one of every version, read and written again to the same bytes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from test_message_set import FOLDER, Genuine, documents, needs_schemas

from rails.messages import MessageError, build_pacs008
from rails.messages.acmt023 import VerificationRequest, build_acmt023
from rails.messages.acmt024 import VerificationReport, build_acmt024
from rails.messages.admi002 import MessageReject, build_admi002
from rails.messages.camt029 import Resolution, build_camt029
from rails.messages.camt056 import CancellationRequest, build_camt056
from rails.messages.kinds import KINDS, read_any
from rails.messages.model import Pacs008, StatusReport
from rails.messages.pacs004 import PaymentReturn, build_pacs004
from rails.messages.pacs028 import StatusRequest, build_pacs028
from rails.messages.pain import Pain001, Pain002, build_pain001, build_pain002
from rails.messages.write_pacs002 import build_report

EXAMPLES = sorted((Path(__file__).parents[3] / "docs" / "examples" / "messages").glob("*.xml"))
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
BUILD = {
    StatusReport: build_report,
    StatusRequest: build_pacs028,
    PaymentReturn: build_pacs004,
    CancellationRequest: build_camt056,
    Resolution: build_camt029,
    MessageReject: build_admi002,
    VerificationRequest: build_acmt023,
    VerificationReport: build_acmt024,
    Pain001: build_pain001,
    Pain002: build_pain002,
}


def _written(read: Any) -> bytes:
    if isinstance(read, Pacs008):
        return build_pacs008(
            read.transfers, message_id=read.message_id, created_at=read.created_at, header=read.header,
            definition=read.definition, instructing_agent=read.instructing_agent,
            instructed_agent=read.instructed_agent, clearing_system=read.clearing_system,
        )  # fmt: skip
    build: Any = BUILD[type(read)]
    body: bytes = build(read)
    return body


@each_example
def test_an_example_is_read_and_written_again_to_the_same_bytes(example: Path) -> None:
    body = example.read_bytes()
    read = read_any(body)
    assert read.definition == example.stem
    assert getattr(read, "refused", ()) == ()
    assert _written(read) == body


@needs_schemas
@each_example
def test_an_example_is_valid_under_isos_schema(example: Path) -> None:
    genuine = Genuine()
    assert FOLDER
    for element in documents(example.read_bytes()):
        genuine.of(element).assertValid(element)


def test_every_version_that_is_read_has_an_example_and_none_besides() -> None:
    assert sorted(KINDS) == [path.stem for path in EXAMPLES]


PROBES = (
    "", " ", "A" * 36, "A" * 71, "A" * 106, "A" * 141, "A" * 255, "A" * 351, "a", "ABCDE", "hkd", "\u9d6c", "-1", "1e3", "1.123456",
    "12345678901234.12345", "1234567.12345", "2026-02-30", "2026-03-03Z", "2026-03-03T24:01:00Z", "2026-03-03T01:00:00",
    "true", "0", "00000001-0000-1000-8000-000000000001", "HBAYHKH", "HBAYHKH0XX",
)  # fmt: skip


def _variants(body: bytes) -> Iterator[bytes]:
    """Break a message in one place after another: each leaf to each probe, each element gone, doubled, or behind the next."""
    places = len(list(etree.fromstring(body).iter()))
    for place in range(1, places):
        for change in ("gone", "doubled", "behind", *PROBES):
            root = etree.fromstring(body)
            element = list(root.iter())[place]
            parent = element.getparent()
            assert parent is not None
            if change == "gone":
                parent.remove(element)
            elif change == "doubled":
                element.addnext(etree.fromstring(etree.tostring(element)))
            elif change == "behind":
                following = element.getnext()
                if following is None:
                    continue
                following.addnext(element)
            elif len(element):
                continue
            else:
                element.text = change
            yield etree.tostring(root)


@needs_schemas
@each_example
def test_wherever_an_example_is_broken_what_we_take_isos_schema_takes(example: Path) -> None:
    genuine = Genuine()
    taken = 0
    for body in _variants(example.read_bytes()):
        try:
            read_any(body)
        except MessageError:
            continue
        taken += 1
        for element in documents(body):
            genuine.of(element).assertValid(element)
    assert taken > 10
