"""What `python -m switch.chaos` is asked is read before anything starts; and a switch that was never well again does not hold."""

import sys
from typing import Any

import pytest

from switch.chaos import __main__ as command
from switch.chaos.conductor import Done
from switch.chaos.judge import Verdict
from switch.chaos.running import Settings, _document
from switch.chaos.telling import table, tell

_BEGIN_MS = 1_000_000
_NOTHING: dict[str, Any] = {"payments": 5, "violations": []}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["--seeds", "x"], "write 1-20"),
        (["--seeds", "5-2"], "ends before it begins"),
        (["--seeds", "1-"], "write 1-20"),
        (["--seed", "1", "--seconds", "0"], "no whole number from 10 on"),
        (["--seed", "1", "--rate", "0"], "no whole number from 1 on"),
    ],
)
def test_a_wrong_option_is_told_in_a_sentence(
    asked: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["chaos", *asked])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2 and says in capsys.readouterr().err


def _ran(ended_second: int, good_from: int, seconds: int = 20) -> dict[str, Any]:
    """A run whose one fault ended at a second, and whose calls were answered from another second on."""
    kept = []
    for second in range(seconds):
        due, good = _BEGIN_MS + second * 1_000, second < 5 or second >= good_from
        attempts = [[due, due + 5, 202, ""]] if good else [[due, due + 5, 503, "busy"], [due + 5, due + 9, 202, ""]]
        kept.append({"due_ms": due, "status": 202, "attempts": attempts})
    done = Done("worker-killed", {}, _BEGIN_MS + 5_000, _BEGIN_MS + ended_second * 1_000)
    judged = Verdict(*([] for _ in Verdict._fields))
    found = _document(Settings(1, seconds), (), [done], kept, _BEGIN_MS, judged, _NOTHING)
    return found | {"payments": {}, "proxy": {}, "unfinished": 0}


def test_a_switch_that_was_never_well_again_does_not_hold() -> None:
    found = _ran(ended_second=10, good_from=99)
    assert not found["holds"] and found["never_well"] == 1
    assert "NEVER WELL AGAIN" in tell(found) and "never" in table([found])


def test_a_switch_that_became_well_holds() -> None:
    found = _ran(ended_second=10, good_from=12)
    assert found["holds"] and found["acts"][0]["recovered_ms"] == 2_000


def test_what_the_run_was_too_short_to_show_is_said_and_not_counted() -> None:
    found = _ran(ended_second=18, good_from=99)
    assert found["holds"] and not found["acts"][0]["recovery_known"]
    assert "the run ended before it could be known" in tell(found) and "never" not in table([found])
