"""The table of what is carried: what it calls carried is in an example or a schema of the message, what it leaves out in none."""

from importlib.resources import files
from pathlib import Path

import pytest
from lxml import etree

from rails.messages.carried import ELEMENTS, LEFT_OUT, Element, generated, share
from rails.messages.kinds import KINDS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "messages.md").read_text("utf-8")
SCHEMAS = Path(str(files("rails.messages.schemas")))
# Said of these is what their schema has; the other messages have worked examples.
WITHOUT_EXAMPLE = ("acmt.", "pain.")


def _examples(family: str) -> list[etree._Element]:
    documents = [
        etree.parse(path).getroot() for path in sorted((ROOT / "docs" / "examples" / "messages").glob("*.xml"))
    ]
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


def test_the_page_has_the_table_as_it_is_generated() -> None:
    assert PAGE.partition("<!-- generated: carried -->\n")[2].partition("\n<!-- end -->")[0] == generated()
