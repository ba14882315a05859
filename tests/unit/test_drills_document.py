"""docs/drills.md lists the drills there are."""

from pathlib import Path

from switch.drills import drill

DOCUMENT = Path(__file__).parents[2] / "docs" / "drills.md"


def test_the_document_lists_every_drill_with_what_it_tells() -> None:
    text = DOCUMENT.read_text("utf-8")
    found = text.partition("<!-- drills -->\n")[2].partition("<!-- end of drills -->")[0]
    rows = [f"| `{name}` | {drill.read_drill(name).tell} |" for name in drill.names()]
    assert found.splitlines() == rows
