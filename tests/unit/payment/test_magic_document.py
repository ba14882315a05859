"""docs/magic.md shows the table that the code uses."""

from pathlib import Path

from switch.payment.magic import table

DOCUMENT = Path(__file__).parents[3] / "docs" / "magic.md"


def test_the_document_shows_the_table_as_it_is() -> None:
    assert f"<!-- magic table -->\n{table()}\n<!-- end of magic table -->" in DOCUMENT.read_text("utf-8")
