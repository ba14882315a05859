"""docs/metrics.md says of every series what the code says."""

import re
from pathlib import Path

from switch.api.metrics_series import SERIES, markdown

DOCUMENT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text("utf-8")


def test_the_document_has_the_table_of_series_as_it_is() -> None:
    assert f"<!-- series -->\n{markdown()}<!-- end of series -->" in DOCUMENT


def test_what_the_document_says_of_a_series_is_of_one_there_is() -> None:
    shown = {each.shown for each in SERIES.values()}
    assert set(re.findall(r"bayswitch_[a-z_]+[a-z]", DOCUMENT)) <= shown
