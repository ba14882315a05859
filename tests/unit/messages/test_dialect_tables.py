"""docs/dialects.md holds the dialects' tables as they are, and the tables are whole."""

import re
from pathlib import Path

import pytest
from dialect_legs import DEADLINE, IN_CNY, fictional_members

from rails.identifiers import normalize
from rails.identifiers.fictional import is_fictional
from rails.messages.dialects.examples import messages
from rails.messages.dialects.of_rail import dialect_of
from rails.messages.dialects.tables import TABLES, generated, shares
from rails.messages.dialects.terms import ASSUMED, CARRIED, LEFT_OUT, Row
from switch.participants.registry import load_registry

DOCS = Path(__file__).parents[3] / "docs" / "dialects.md"


def test_the_generated_part_of_the_page_is_what_the_tables_say() -> None:
    assert DOCS.read_text("utf-8").partition("<!-- generated -->\n")[2].strip() == generated().strip()


@pytest.mark.parametrize(
    "row", [row for rows in TABLES.values() for row in rows], ids=lambda row: row.field or row.element
)
def test_a_row_says_how_it_stands_where_and_by_which_fact(row: Row) -> None:
    assert row.standing in (CARRIED, ASSUMED, LEFT_OUT) and row.facts
    assert (row.standing == LEFT_OUT) == (not row.element) or not row.field, row
    assert row.standing != LEFT_OUT or row.note, "what is left out says why"
    assert not row.as_is or (row.field and row.element)


def test_the_people_of_the_examples_are_nobody() -> None:
    found = re.findall(rb"<Othr><Id>([0-9]{17}[0-9X]|[A-Z]{1,2}[0-9]{6}\([0-9A]\))</Id>", b"".join(messages().values()))
    assert found
    for number in {each.decode() for each in found}:
        kind = "PRCID" if len(number) == 18 else "HKID"
        assert is_fictional(kind, normalize(kind, number)), number


def test_the_share_of_what_is_carried_counts_every_row() -> None:
    for name, (fields, further) in shares().items():
        assert sum(fields) + sum(further) == len(TABLES[name])
    lost = {row.field for row in TABLES["CIPS"] if row.field and row.standing == LEFT_OUT}
    assert lost == {"expires_at", "transfer.creditor.account.number", "transfer.interbank"}, (
        "all else goes as /path:value"
    )


@pytest.mark.parametrize("dialect", ["hk-fps", "ibps", "cips"])
def test_every_participant_of_the_three_places_has_an_id_on_every_rail(dialect: str) -> None:
    known = fictional_members(dialect)
    for participant in load_registry().participants.values():
        if participant.country in ("HK", "MO", "CN"):  # any of them may be the agent whose position pays a leg
            assert known.bic_of(known.id_of(participant.bic, ""), "") == participant.bic


@pytest.mark.parametrize("rail", ["hk-fps", "ibps", "beps", "hvps"])
def test_a_rail_s_dialect_is_known_by_its_name(rail: str) -> None:
    spoken = dialect_of(rail)
    assert spoken is not None and spoken.name == rail
    known = fictional_members(rail)
    assert spoken.read_credit(spoken.write_credit(IN_CNY, known), known, DEADLINE).uetr == IN_CNY.uetr


def test_a_rail_without_public_messages_has_no_dialect() -> None:
    assert [rail for rail in ("mo-easy-transfer", "hk-chats", "mo-rtgs", "cips") if dialect_of(rail)] == []
