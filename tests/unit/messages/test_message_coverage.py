"""The table of what is carried: what it calls carried is in an example or a schema of the message, what it leaves out in none."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from lxml import etree

from rails.messages.carried import ELEMENTS, LEFT_OUT, RULES, Element, generated, share
from rails.messages.errors import MessageError
from rails.messages.kinds import KINDS, read_any

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "messages.md").read_text("utf-8")
SCHEMAS = Path(str(files("rails.messages.schemas")))
# Said of these is what their schema has: their worked examples do not show all of it, as those of the other messages do.
WITHOUT_EXAMPLE = ("acmt.", "pain.")


def _examples(family: str) -> list[etree._Element]:
    documents = [
        etree.parse(path).getroot() for path in sorted((ROOT / "docs" / "examples" / "messages").glob("*.xml"))
    ]
    documents = [document for document in documents if document.tag.endswith("}Message")]  # a customer's has no header
    if family == "head.001":
        return [document[0] for document in documents]
    return [document[1][0] for document in documents if f":{family}." in str(document[1].tag)]


def _in_an_example(element: Element) -> bool:
    name, _, place = element.path.partition("[")
    path = "/".join("{*}" + step for step in name.split("/"))
    needed = int(place.rstrip("]")) if place else 1
    return any(len(message.findall(path)) >= needed for message in _examples(element.message))


def _in_a_schema(element: Element) -> bool:
    names = {
        str(each.get("name"))
        for path in SCHEMAS.glob("*.xsd")
        if path.name.startswith(element.message) or path.name.startswith("acmt") or path.stem.endswith("parts")
        for each in etree.parse(path).iter("{*}element")
    }
    return set(element.path.split("/")) <= names


@pytest.mark.parametrize("element", ELEMENTS, ids=lambda each: f"{each.message} {each.path}")
def test_an_element_stands_as_the_table_says(element: Element) -> None:
    here = any(name.startswith(f"{element.message}.") for name in KINDS) or element.message.startswith(("head", "pain"))
    if element.standing == LEFT_OUT:
        assert not here or not _in_an_example(element)
    elif element.message.startswith(WITHOUT_EXAMPLE):
        assert _in_a_schema(element)
    else:
        assert _in_an_example(element)


def test_no_element_has_two_rows() -> None:
    assert len({(each.message, each.path) for each in ELEMENTS}) == len(ELEMENTS)
    assert sum(share()[:3]) == share()[3]


EXAMPLE = (ROOT / "docs" / "examples" / "messages" / "pacs.008.001.13.xml").read_text("utf-8")
BROKEN = {  # the rule, and the example as it breaks it
    "`SttlmMtd` is CLRG": ("CLRG", "INDA"),
    "`Cd` in `Purp` and `CtgyPurp`, never `Prtry`": (r"<Purp>\s*<Cd>([A-Z]+)</Cd>", r"<Purp><Prtry>\1</Prtry>"),
    "identifiers are Latin, with no `/` at either end and no `//`": ("<EndToEndId>", "<EndToEndId>/"),
    "`ChrgBr` is SHAR": (r"<ChrgBr>[A-Z]+<", "<ChrgBr>DEBT<"),
    "all text is Latin": (r"<Ustrd>[^<]*<", "<Ustrd>生活费<"),
    "`UETR` is mandatory": (r"<UETR>[^<]*</UETR>", ""),
    "`InstgAgt` is mandatory": (r"(?s)<InstgAgt>.*?</InstgAgt>", ""),
    "`InstdAgt` is mandatory": (r"(?s)<InstdAgt>.*?</InstdAgt>", ""),
    "`DbtrAcct` is mandatory": (r"(?s)<DbtrAcct>.*?</DbtrAcct>", ""),
    "`CdtrAcct` is mandatory": (r"(?s)<CdtrAcct>.*?</CdtrAcct>", ""),
    "`ClrSys` is mandatory": (r"(?s)<ClrSys>.*?</ClrSys>", ""),
    "`AccptncDtTm` is mandatory": (r"(?s)<AddtlDtTm>.*?</AddtlDtTm>", ""),
    "`ChrgsInf[1]` and `[2]` are present, be they 0": (r"(?s)<ChrgsInf>.*?</ChrgsInf>", ""),
    "`IntrmyAgt2` with its account is mandatory": (r"(?s)<IntrmyAgt2>.*?</IntrmyAgt2>\s*<IntrmyAgt2Acct>.*?</IntrmyAgt2Acct>", ""),
}  # fmt: skip


@pytest.mark.parametrize("rule", BROKEN)
def test_a_rule_of_the_scheme_is_enforced_where_the_table_says_so_and_nowhere_else(rule: str) -> None:
    broken, found = re.subn(BROKEN[rule][0], BROKEN[rule][1], EXAMPLE)
    assert found, "the example does not show it"
    try:
        message = read_any(broken.encode())
        refused = bool(message.refused)
    except MessageError:
        refused = True
    assert [each.enforced for each in RULES if each.rule == rule] == [refused]


def test_the_page_has_the_table_as_it_is_generated() -> None:
    assert PAGE.partition("<!-- generated: carried -->\n")[2].partition("\n<!-- end -->")[0] == generated()
