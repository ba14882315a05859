"""docs/directory.md says what the code does: every reason, every why with its score, every bound."""

import re
from pathlib import Path

from rails.addressing import PROXY_TYPES
from switch.api.proxies import ChangeName
from switch.directory import changes
from switch.directory.lookups import TEXTS
from switch.directory.names import WHY, compare_names
from switch.flow import lookups

TEXT = (Path(__file__).parents[3] / "docs" / "directory.md").read_text("utf-8")
FLAT = " ".join(TEXT.split())


def test_every_reason_stands_in_it_with_its_text() -> None:
    for code, text in TEXTS.items():
        assert re.search(rf"\| {code} \| (yes|no) \| {re.escape(text)}", TEXT), code


def test_every_why_stands_in_it_with_its_score() -> None:
    rows = dict(re.findall(r"^\| ([a-z-]+) \| (?:match|close|no) \| ([0-9to ]+) \|", TEXT, re.MULTILINE))
    assert rows.keys() == WHY.keys()
    for given, registered in (
        ("Tai Man Chan", "CHAN Tai Man"), ("CHAN Peter Tai Man", "Peter CHAN Tai Man"), ("Lotus", "Lotus Ltd"),
        ("Tai Man", "CHAN Tai Man"), ("CHAN T M", "CHAN Tai Man"), ("陈大文", "CHEN Dawen"),
    ):  # fmt: skip
        found = compare_names(given, registered)
        assert rows[found.why].strip() == str(found.score), found


def test_its_bounds_are_those_of_the_code() -> None:
    assert f"{changes.PROXIES_PER_ACCOUNT_MAX} proxies an account, {changes.RECORDS_MAX:,} records" in FLAT
    assert f"may miss {lookups.MISSES_FREE} times, and once more for every {lookups.FOUND_PER_MISS} accounts" in FLAT
    assert lookups.WINDOW_SECONDS == 3_600


def test_every_type_and_every_change_stands_in_it() -> None:
    for proxy_type in frozenset().union(*PROXY_TYPES.values()):
        countries = ", ".join(country for country in ("HK", "MO", "CN") if proxy_type in PROXY_TYPES[country])
        assert re.search(rf"^\| `{proxy_type}` \|.*\| {countries} \|$", TEXT, re.MULTILINE), proxy_type
    assert all(f"`{change}`" in TEXT for change in ChangeName.__args__)
