"""`bayswitch bench` on a server of its own: its document, and that a row answered otherwise than it should be fails the run."""

import json
from functools import partial
from typing import Any

import pytest
from typer.testing import CliRunner

from switch.bench import rows_over_http
from switch.bench.manifest import LIBRARIES, SHOWN
from switch.cli import app

_SHORT = ("--quick", "--seconds", "1.5", "--warm-up-seconds", "0.5", "--persons", "200", "--json")


def ran(*arguments: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["bench", *_SHORT, *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.prove
def test_a_run_gives_rates_ratios_manifest_and_an_audit() -> None:
    status, found = ran("--only", "pipeline,raw_insert,fastapi_trivial", "--budget")
    assert status == 0, (found["faults"], found["audit"])
    assert found["rates"].keys() == found["intervals"].keys() == {"pipeline", "raw_insert", "fastapi_trivial"}
    assert all(rate > 0 for rate in found["rates"].values())
    assert [(each["subject"], each["yardstick"]) for each in found["ratios"]] == [("pipeline", "raw_insert")]
    assert found["audit"]["payments"] > 0 and found["audit"]["violations"] == []
    [pipeline], [raw] = found["rows"]["pipeline"], found["rows"]["raw_insert"]
    assert pipeline["cpu_us"]["python"] > 0 and pipeline["cpu_us"]["postgres"] > 0
    assert (
        raw["rows_per_payment"]["identity"] == 3
        and raw["rows_per_payment"]["payment"] == raw["rows_per_payment"]["book"] == 1
    )
    assert found["budget"]["stages"]["decide"] > 0 and found["budget"]["sum"] > 0
    manifest = found["manifest"]
    assert manifest["versions"].keys() == set(LIBRARIES) and manifest["postgres"].keys() == set(SHOWN)
    assert manifest["postgres"]["fsync"] == manifest["postgres"]["synchronous_commit"] == "on"
    assert manifest["generator"]["ceiling_per_second"]["fastapi_trivial"] > found["rates"]["fastapi_trivial"]


@pytest.mark.prove
def test_a_row_whose_calls_are_refused_makes_the_exit_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    form = rows_over_http.FORMS["fastapi_trivial"]
    planted = form._replace(make=partial(rows_over_http._singles, path="/v1/nowhere"))
    monkeypatch.setitem(rows_over_http.FORMS, "fastapi_trivial", planted)
    status, found = ran("--only", "fastapi_trivial")
    assert status == 1
    assert any("fastapi_trivial, round 1: unexpected answers" in fault and "404" in fault for fault in found["faults"])


def test_a_row_there_is_none_of_is_refused_with_those_there_are() -> None:
    result = CliRunner().invoke(app, ["bench", "--only", "pipelin"], env={"COLUMNS": "300"})
    assert result.exit_code == 2 and "pipelin" in result.output and "one_per_transaction" in result.output
