"""What `bayswitch bench` is asked for and cannot do, it refuses at once, by the option's name; what it tells fits on a screen."""

import json
import re
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from switch.bench import results
from switch.bench.setting import ROUNDS_MAX
from switch.cli import app
from switch.cli.bench_telling import tell, tell_manifest

ROOT = Path(__file__).parents[3]


RUN = sys.modules["switch.cli.bench"]  # as an attribute of its package it is the command


@pytest.fixture(autouse=True)
def nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any) -> None:
        raise AssertionError("it went on to measure")

    monkeypatch.setattr(RUN, "run", run)


REFUSED = [
    (["--seconds", "-3"], "--seconds"),
    (["--seconds", "0"], "--seconds"),
    (["--seconds", "nan"], "--seconds"),
    (["--warm-up-seconds", "-1"], "--warm-up-seconds"),
    (["--pgbench-seconds", "0"], "--pgbench-seconds"),
    (["--rounds", "0"], "--rounds"),
    (["--rounds", str(ROUNDS_MAX + 1)], "--rounds"),
    (["--seed", "-1"], "--seed"),
    (["--data", "/proc/foo"], "--data: /proc/foo can hold no stores"),
    (["--data", str(ROOT / "README.md")], "--data"),
    (["--date", "banana"], "--date: 'banana' is no day"),
    (["--date", "20261123"], "--date"),
    (["--date", "2026-02-30"], "--date"),
    (["--date", ""], "--date"),
    (["--keep", "../x"], "--keep: '../x' is no name"),
    (["--keep", ""], "--keep"),
    (["--keep", "spine", "--date", "2026-11-22"], "kept already"),
    (["--only", ""], "--only: names no row; there are pipeline"),
    (["--only", " , "], "--only"),
    (["--against", str(ROOT / "README.md")], "--against:"),
]


@pytest.mark.parametrize(("asked", "says"), REFUSED)
def test_what_cannot_be_measured_is_refused_at_once_by_name(asked: list[str], says: str) -> None:
    result = CliRunner().invoke(app, ["bench", *asked], env={"COLUMNS": "400"})
    assert isinstance(result.exception, SystemExit) and result.exit_code == 2, result.exception
    assert says in " ".join(re.sub("[│╭╮╰╯─]", " ", result.output).split())


def test_a_folder_of_the_stores_is_not_left_where_the_run_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(folder: Path, *_: Any) -> None:
        assert folder.parent == tmp_path
        raise SystemExit(143)

    monkeypatch.setattr(RUN, "run", run)
    assert CliRunner().invoke(app, ["bench", "--data", str(tmp_path)]).exit_code == 143
    assert list(tmp_path.iterdir()) == []


# --- Kept results ---

RESULT: dict[str, Any] = {"rates": {"pipeline": 1.0}}


@pytest.mark.parametrize(
    ("day", "name"), [("banana", "x"), ("2026-02-30", "x"), ("../2026-11-23", "x"), ("2026-11-23", "../x"), ("2026-11-23", "a.b"), ("2026-11-23", "")]
)  # fmt: skip
def test_a_result_is_kept_under_a_day_and_a_name_and_nowhere_else(tmp_path: Path, day: str, name: str) -> None:
    with pytest.raises(results.CannotKeep):
        results.keep(RESULT, day, name, tmp_path / "results")
    assert list(tmp_path.rglob("*")) == []


def test_a_kept_result_is_replaced_only_where_that_is_said(tmp_path: Path) -> None:
    kept = results.keep(RESULT, "2026-11-23", "door", tmp_path)
    other = {"rates": {"pipeline": 2.0}}
    with pytest.raises(results.CannotKeep, match="--replace"):
        results.keep(other, "2026-11-23", "door", tmp_path)
    assert results.read(kept) == RESULT
    assert results.read(results.keep(other, "2026-11-23", "door", tmp_path, replace=True)) == other


def test_a_file_that_bears_no_day_is_never_the_last_result(tmp_path: Path) -> None:
    kept = results.keep(RESULT, "2026-11-23", "door", tmp_path)
    (tmp_path / "banana-x.json").write_text(json.dumps(RESULT))
    assert results.last(tmp_path) == kept


# --- What the terminal shows ---


def told(rounds: int) -> str:
    document = json.loads((results.folder() / "2026-11-23-throughput.json").read_text("utf-8"))
    document["manifest"]["rounds"] = rounds
    out = StringIO()
    console = Console(file=out, width=120)
    tell(console, document)
    rows = out.tell()
    tell_manifest(console, document["manifest"])
    assert len(out.getvalue()[rows:].splitlines()) == 5
    return out.getvalue()


def test_the_columns_are_explained_and_the_manifest_takes_five_lines() -> None:
    said = told(rounds=5)
    assert "from - to: the least and the greatest" in said and "Python µs" in said and "no figure to quote" not in said
    assert "fsync on" in said and "asyncpg" not in said


@pytest.mark.parametrize(("rounds", "says"), [(1, "one short round: a look"), (2, "2 rounds: a look")])
def test_few_rounds_say_that_they_are_no_figure_to_quote(rounds: int, says: str) -> None:
    assert says in told(rounds)
