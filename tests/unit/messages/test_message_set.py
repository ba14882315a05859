"""Every message beside the pacs.008: what is built is read back equal, and is valid under our profile and ISO's schema."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from message_strategies import (
    CANCELLATION_REQUESTS,
    PAYMENT_RETURNS,
    REFUSALS,
    REJECTS,
    REPORTS,
    REQUESTS,
    headed,
    resolutions,
)

from rails.messages import MessageError
from rails.messages.admi002 import build_admi002
from rails.messages.camt029 import build_camt029
from rails.messages.camt056 import build_camt056
from rails.messages.kinds import KINDS, read_any
from rails.messages.pacs004 import build_pacs004
from rails.messages.pacs028 import build_pacs028
from rails.messages.write_pacs002 import build_report

FOLDER = os.environ.get("ISO20022_XSD", "")
needs_schemas = pytest.mark.skipif(
    not FOLDER, reason="SKIPPED: the genuine ISO 20022 schemas are not here; set ISO20022_XSD to their folder"
)
Build = Callable[[Any], bytes]
SET: dict[str, tuple[st.SearchStrategy[Any], Build]] = {
    "pacs.002": (REPORTS, build_report),
    "pacs.002 of a message refused": (REFUSALS, build_report),
    "pacs.028": (REQUESTS, build_pacs028),
    "pacs.004": (PAYMENT_RETURNS, build_pacs004),
    "camt.056": (CANCELLATION_REQUESTS, build_camt056),
    "camt.029": (resolutions(), build_camt029),
    "admi.002": (REJECTS, build_admi002),
}
every_message = pytest.mark.parametrize(("messages", "build"), SET.values(), ids=SET)


class Genuine:
    """ISO's own schemas, each compiled once."""

    def __init__(self) -> None:
        self._schemas: dict[str, etree.XMLSchema] = {}

    def of(self, element: etree._Element) -> etree.XMLSchema:
        name = str(etree.QName(element).namespace).rpartition(":")[2]
        if name not in self._schemas:
            self._schemas[name] = etree.XMLSchema(etree.parse(Path(FOLDER) / f"{name}.xsd"))
        return self._schemas[name]


@pytest.fixture(scope="module")
def genuine() -> Genuine:
    return Genuine()


@every_message
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_is_built_is_read_back_equal(messages: st.SearchStrategy[Any], build: Build, data: st.DataObject) -> None:
    value = data.draw(headed(messages))
    assert read_any(build(value)) == value


def documents(body: bytes) -> list[etree._Element]:
    root = etree.fromstring(body)
    return list(root) if root.tag.endswith("}Message") else [root]


@needs_schemas
@every_message
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_is_built_is_valid_under_isos_schema(
    messages: st.SearchStrategy[Any], build: Build, genuine: Genuine, data: st.DataObject
) -> None:
    for element in documents(build(data.draw(headed(messages)))):
        genuine.of(element).assertValid(element)


def _broken(body: bytes, data: st.DataObject) -> bytes:
    """The message with one change at a place of its own: an element gone, doubled, moved, renamed, or of other text."""
    root = etree.fromstring(body)
    elements = [element for element in root.iter() if element is not root]
    chosen = data.draw(st.sampled_from(elements))
    parent = chosen.getparent()
    assert parent is not None
    match data.draw(st.sampled_from(["gone", "doubled", "moved", "renamed", "text", "attribute"])):
        case "gone":
            parent.remove(chosen)
        case "doubled":
            parent.insert(parent.index(chosen), etree.fromstring(etree.tostring(chosen)))
        case "moved":
            parent.insert(data.draw(st.integers(0, len(parent))), chosen)
        case "renamed":
            chosen.tag = data.draw(st.sampled_from([str(element.tag) for element in elements]))
        case "text":
            chosen.text = data.draw(
                st.sampled_from(["", " ", "X", "2026-02-30", "1.5", "-1", "A" * 36, "A" * 141, "\u00e9", "true"])
            )
        case _:
            chosen.set("Ccy", data.draw(st.sampled_from(["HKD", "XXXX", ""])))
    return etree.tostring(root)


@needs_schemas
@every_message
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_whatever_our_profile_takes_isos_schema_takes(
    messages: st.SearchStrategy[Any], build: Build, genuine: Genuine, data: st.DataObject
) -> None:
    body = _broken(build(data.draw(headed(messages))), data)
    try:
        read_any(body)
    except MessageError:
        return
    for element in documents(body):
        genuine.of(element).assertValid(element)


def test_every_version_of_the_set_is_read() -> None:
    said = {name[:8] for name in KINDS}
    assert said >= {"pacs.008", "pacs.002", "pacs.028", "pacs.004", "camt.056", "camt.029", "admi.002"}
    assert all(sum(name.startswith(f"{kind}.") for name in KINDS) == 2 for kind in said - {"admi.002"})
