"""What the documents say of the code is what the code says of itself."""

from pathlib import Path

import pytest

from switch.cli.assumptions import assumptions, markdown
from switch.payment.status import diagram

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_the_status_table_as_it_is() -> None:
    assert f"<!-- status table -->\n```\n{diagram()}\n```\n<!-- end of status table -->" in (
        ROOT / "README.md"
    ).read_text("utf-8")


def test_the_list_of_assumptions_is_the_one_in_the_data() -> None:
    assert markdown() in (ROOT / "docs" / "assumptions.md").read_text("utf-8")


@pytest.mark.parametrize("assumption", assumptions(), ids=lambda item: f"{item.file}:{item.key}")
def test_an_assumption_says_why(assumption: object) -> None:
    assert getattr(assumption, "why", ""), assumption
