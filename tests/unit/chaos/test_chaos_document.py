"""docs/chaos.md names every fault as the table has it."""

from pathlib import Path

from switch.chaos.actors import KINDS

DOCUMENT = Path(__file__).parents[3] / "docs" / "chaos.md"


def table() -> str:
    """The table of faults as the document should have it."""
    return "".join(f"| `{kind.name}`: {kind.does} | {kind.may} |\n" for kind in KINDS)


def test_the_document_lists_the_faults_as_they_are() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert text.partition("<!-- kinds -->\n")[2].partition("<!-- end of kinds -->")[0] == table()
