"""What stands around Locust and needs none: curves of users, counts put together, and a wrapper that tells what it lacks."""

import importlib.util
import sys
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from limits.lab.traffic import write
from loadtest.answers import Verdict
from loadtest.locust import __main__ as wrapper
from loadtest.locust.curves import Curve, load_curves
from loadtest.locust.load import Given, Load, Tally, has_lines
from loadtest.traffic import Mix, TrafficError
from switch.cli.traffic import drawn_day


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("locust") / "day.jsonl"
    path.write_text(write(drawn_day(7, 60, date(2026, 3, 5))), encoding="utf-8")
    return path


def _given(file: Path, **changes: Any) -> Given:
    whole = {
        "traffic": str(file), "key": "k", "curve": "steady", "users": 5, "seconds": 1.0, "workers": 2, "seed": 1, "run": "r",
        "only": (), "think_seconds": 0.0, "out": "",
    }  # fmt: skip
    return Given(**(whole | changes))  # type: ignore[arg-type]


def test_every_curve_has_users_from_the_first_second_to_the_last_and_then_none() -> None:
    for name, curve in load_curves().items():
        counts = [curve.users(second, 60, 100) for second in range(60)]
        assert all(count is not None and 1 <= count <= 100 for count in counts), name
        assert max(count or 0 for count in counts) >= 98, name
        assert curve.users(60, 60, 100) is None


def test_a_market_opens_at_once_and_a_ramp_goes_up_in_ten_steps() -> None:
    curves = load_curves()
    market = [curves["market-open"].users(second, 100, 200) or 0 for second in range(100)]
    assert max(after - before for before, after in pairwise(market)) > 80
    ramp = [curves["ramp"].users(second, 100, 200) or 0 for second in range(100)]
    assert sorted(set(ramp)) == list(range(20, 201, 20)) and ramp == sorted(ramp)


def test_a_curve_goes_straight_between_its_points() -> None:
    assert [Curve([(0, 0.2), (1, 1.0)]).users(second, 10, 100) for second in (0, 5)] == [20, 60]


@pytest.mark.parametrize("points", ["[[0.1, 1]]", "[[0, 1], [0.5, 2]]", "[[0, 1], [0.9, 1], [0.5, 1]]"])
def test_a_slip_in_a_curve_is_named(tmp_path: Path, points: str) -> None:
    path = tmp_path / "curves.yaml"
    path.write_text(f"mine: {{points: {points}, reason: r}}")
    with pytest.raises(ValueError, match="mine"):
        load_curves(path)
    path.write_text("mine: {points: [[0, 1]]}")
    with pytest.raises(ValueError, match="no reason"):
        load_curves(path)


def test_workers_and_kinds_of_user_send_under_ids_of_their_own(file: Path) -> None:
    ids, keys = set(), 0
    for worker in range(2):
        load = Load(_given(file))
        for tag in ("no", "so"):
            for _, call in zip(range(40), load.calls(tag, worker, lambda ready: True, Mix()), strict=False):
                ids.add(call.marks.instruction_id)
                keys += 1
    assert len(ids) == keys == 160


def test_a_worker_that_is_one_too_many_sends_nothing(file: Path) -> None:
    with pytest.raises(ValueError, match="say --workers"):
        Load(_given(file)).calls("no", 2, lambda ready: True, Mix())


def test_users_without_lines_in_a_share_are_left_out(file: Path) -> None:
    assert has_lines(file, 2, lambda ready: ready.corridor == "HK>CN")
    assert not has_lines(file, 2, lambda ready: ready.corridor == "US>CN")
    assert not has_lines(file, 2, lambda ready: True, "xml")  # none has its message


def test_what_workers_report_adds_up_and_is_reported_once() -> None:
    master, worker = Tally(), Tally()
    for _ in range(2):
        worker.count("payment", Verdict("refused", "person-quota"))
        worker.count("replay", Verdict("accepted", "", "answered with another payment's UETR"))
        master.add(worker.taken())
    assert worker.document() == {"outcomes": {}, "reasons": {}, "wrong": {}}
    assert master.document() == {
        "outcomes": {"payment refused": 2, "replay accepted": 2},
        "reasons": {"person-quota": 2},
        "wrong": {"answered with another payment's UETR": 2},
    }


def test_what_was_asked_for_reaches_the_workers_whole(file: Path) -> None:
    given = _given(file, only=("Northbound",))
    assert Given.read(given.written()) == given


def test_without_locust_the_command_that_installs_it_is_told(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert wrapper.main(["--traffic", str(file)]) == 2
    assert "pip install 'bayswitch[load]'" in capsys.readouterr().err


@pytest.mark.parametrize("text", [None, ""])
def test_a_file_that_cannot_be_sent_is_told_before_locust_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    path = tmp_path / "none.jsonl"
    if text is not None:
        path.write_text(text)
    assert wrapper.main(["--traffic", str(path)]) == 2
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize(
    "more",
    [
        ["--master"],
        ["--worker", "--workers", "2"],
        ["--run", "a b"],
        ["--run", "x" * 11],
        ["--users", "0"],
        ["--curve", "none"],
    ],
)
def test_what_cannot_be_asked_is_told(file: Path, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        wrapper.main(["--traffic", str(file), *more])
    assert raised.value.code == 2 and "--" in capsys.readouterr().err


def test_none_of_this_imports_locust() -> None:
    assert "locust" not in sys.modules
    assert issubclass(TrafficError, ValueError)


@pytest.mark.parametrize(
    ("text", "more", "says"),
    [
        (None, ["--only", "Nobody"], "no user Nobody; there are Northbound, Southbound"),
        ("x\n", [], "line 1 of"),
        ('{"at":1}\n', [], "has no lines for any user"),
    ],
)
def test_what_nobody_can_send_is_one_sentence_and_no_test_of_pytests(
    file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str | None, more: list[str], says: str
) -> None:
    if text is not None:
        file = tmp_path / "day.jsonl"
        file.write_text(text)
    assert wrapper.main(["--traffic", str(file), "--seconds", "1", *more]) == 2
    told = capfd.readouterr().err
    assert says in told and "Traceback" not in told and "PytestAssert" not in told and told.count("\n") == 1, told
