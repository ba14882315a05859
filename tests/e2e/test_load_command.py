"""`bayswitch load` as its users run it: a switch of its own, a short load, an audit, a report; and a switch that dies meanwhile."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from switch.child import Child
from switch.cli import app

_SECONDS_MAX = 180.0  # of the whole command, on a machine that does much else


def _load(*options: str, out: Path) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "switch.cli", "load", *options, "--out", str(out)]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_SECONDS_MAX)
    return ran.returncode, ran.stdout, ran.stderr


def test_a_short_load_is_measured_audited_and_reported(tmp_path: Path) -> None:
    status, printed, said = _load("smoke", "--seconds", "3", "--rate", "30", "--json", out=tmp_path)
    document = json.loads(printed)
    assert status == 0 and document["holds"], (document["why_not"], said)
    total = document["total"]
    assert total["offered"] == total["sent"] == total["answered"] > 50 and total["refused"] > 0
    assert document["audit"]["payments"] > 50 and document["audit"]["violations"] == [] and document["audit"]["drained"]
    accepted = document["audit"]["accepted"]
    assert accepted["told"] == accepted["in_books"] > 50 and accepted["missing"] == accepted["others"] == 0
    assert document["manifest"]["postgres"]["fsync"] == "on"
    assert (
        document["manifest"]["business_at"].startswith("2026-03-05T02:0")
        and document["manifest"]["rails_closed"] == "none"
    )
    assert document["completion_ms"]["samples"] > 5
    assert {"switch", "postgres", "valkey", "generator"} <= document["resources"][-1]["roles"].keys()
    assert "Sound." in (tmp_path / "smoke" / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("steam",), "no profile"),
        (("chaos", "--url", "http://127.0.0.1:1"), "leave --url out"),
        (("smoke", "--url", "https://127.0.0.1:1", "--seconds", "1"), "not of the form"),
    ],
)
def test_what_cannot_be_run_says_why(options: tuple[str, ...], what: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["load", *options, "--out", str(tmp_path)])
    assert result.exit_code == 2 and what in " ".join(result.output.split())


def _has_accepted(url: str) -> bool:
    """Whether the switch has stored a batch: then the load has begun."""
    told = httpx.get(f"{url}/metrics").text
    return re.search(r"^bayswitch_accept_batches_total\{[^}]*\} [1-9]", told, re.MULTILINE) is not None


@pytest.mark.prove
def test_a_switch_that_dies_under_load_costs_named_errors_and_no_payment(tmp_path: Path) -> None:
    traffic = tmp_path / "day.jsonl"
    drawn = [sys.executable, "-m", "switch.cli", "traffic", "--seed", "1", "--persons", "200", "--date", "2026-03-05"]
    subprocess.run([*drawn, "--out", str(traffic)], check=True, timeout=_SECONDS_MAX)
    start = ("--instant", "--start-at", "2026-03-05T10:00:00+08:00")
    with Child(*start, data=tmp_path / "data", key="key") as child:
        command = [
            sys.executable, "-m", "loadtest.open", "--url", child.url, "--key", "key", "--traffic", str(traffic), "--json",
            "--small-amounts", "--steps", '[{"rate": 50, "seconds": 20}]',
        ]  # fmt: skip
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        until = time.monotonic() + _SECONDS_MAX
        while not _has_accepted(child.url):
            assert time.monotonic() < until, "nothing was ever sent"
            time.sleep(0.1)
        child.kill()
        child.start()
        printed, _ = running.communicate(timeout=_SECONDS_MAX)
        document = json.loads(printed)
        audit = [sys.executable, "-m", "loadtest.audit", "--database-url", str(child.database_url), "--json"]
        books = json.loads(subprocess.run(audit, capture_output=True, text=True, timeout=_SECONDS_MAX).stdout)
    assert running.returncode == 1 and not document["gate"]["valid"]
    assert document["total"]["errors"] > 0 and document["errors"]
    assert document["total"]["accepted"] > 0 and document["series"][-1]["accepted"] > 0  # it came back
    assert books["violations"] == [] and books["payments"] > 0
