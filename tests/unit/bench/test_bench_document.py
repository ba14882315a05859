"""docs/bench.md has every row and every aim of the bench, and a picture that cannot be written is told before anything is measured."""

import re
from pathlib import Path

import pytest
import typer

from switch.bench.runner import ROWS
from switch.bench.statistics import RATIOS
from switch.cli.bench import _drawable

DOCUMENT = (Path(__file__).parents[3] / "docs" / "bench.md").read_text("utf-8")


def between(mark: str) -> str:
    return DOCUMENT.partition(f"<!-- {mark} -->\n")[2].partition(f"<!-- end of {mark} -->")[0]


def test_the_document_lists_every_row_in_its_order() -> None:
    assert re.findall(r"^\| `(\w+)` \|", between("rows"), re.MULTILINE) == list(ROWS)


def test_the_document_lists_every_aim_as_it_is() -> None:
    aims = (each.asked or "none: only shown" for each in RATIOS)
    table = "".join(
        f"| `{each.subject}` | `{each.yardstick}` | {aim} |\n" for each, aim in zip(RATIOS, aims, strict=True)
    )
    assert between("ratios") == table


def test_a_picture_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match=r"nothing-here|py-spy"):
        _drawable(tmp_path / "nothing-here" / "x.svg")
    _drawable(None)
