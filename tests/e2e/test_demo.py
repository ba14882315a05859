"""`bayswitch demo` from outside, as `make demo` runs it: its own servers, HTTP alone, one JSON document."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def run(data: Path, *options: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "switch.cli", "demo", "--json", "--data", str(data), *options]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=240)
    assert done.stdout, done.stderr.decode()[-3000:]
    return done.returncode, json.loads(done.stdout)


def test_the_day_comes_as_expected_and_the_auditor_finds_nothing(tmp_path: Path) -> None:
    status, document = run(tmp_path / "demo", "--persons", "60")
    assert document["unmet"] == []
    assert status == 0
    assert document["met"] == document["expected"] >= 60
    assert document["payments"] > document["expected"] + 100
    assert document["audit"]["violations"] == []
    # Two replays and one other body under a known key make no payment of their own.
    assert document["audit"]["payments"] == document["payments"] - 3
    assert sum(row["payments"] for row in document["corridors"]) == document["payments"] - 2
    assert all(row["in_doubt"] == row["under_way"] == 0 for row in document["corridors"])
    assert len(list((tmp_path / "demo" / "pacs008").glob("*.xml"))) >= 8


@pytest.mark.parametrize(
    ("rule", "value", "step"),
    [
        ("payment-connect.northbound.day", "10001", "over-the-day"),
        ("same-name.hong-kong.day", "79999", "same-name-at-cap"),
    ],
)
def test_a_cap_changed_by_one_unit_makes_the_demo_fail(tmp_path: Path, rule: str, value: str, step: str) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(f'{rule}: {{value: "{value}"}}\n')
    status, document = run(tmp_path / "demo", "--story-only", "--overlay", str(overlay))
    assert status == 1
    assert document["met"] < document["expected"]
    assert step in {miss["step"] for miss in document["unmet"]}
    assert document["audit"]["violations"] == []


def test_a_folder_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "books").write_text("mine")
    command = [sys.executable, "-m", "switch.cli", "demo", "--json", "--data", str(tmp_path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert (tmp_path / "books").read_text() == "mine"
