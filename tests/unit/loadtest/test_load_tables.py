"""Tables of a load on terminals of any width: no latency, no verdict is ever cut; and what held is told from what was measured soundly."""

import io
from typing import Any

import pytest
from rich.console import Console

from switch.cli import load_tables

_LIMITS = {"p99_ms_max": 250, "shed_share_max": 0.001}


def _shown(width: int, table: Any) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(table(console))
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, written.splitlines())) <= width
    assert all(line.endswith("│") for line in written.splitlines() if line.startswith("│")), written  # nothing is cut
    return str(written)


def _step(name: str, valid: bool) -> dict[str, Any]:
    return {
        "name": name, "rate": 12_345.0, "answered_per_second": 12_340.0, "accepted_per_second": 12_000.0, "accepted_share": 0.98, "refused": 1_234, "shed": 567,
        "errors": 3, "wrong": 0, "acceptance_ms": {"p50": 1_234.5, "p99": 12_345.6, "max": 23_456.0, "samples": 98_765}, "gate": {"valid": valid},
    }  # fmt: skip


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_terminal_cuts_a_latency_or_a_verdict(width: int) -> None:
    document = {"profile": {"name": "spike"}, "steps": [_step("calm before", True), _step("spike", False)]}
    written = _shown(width, lambda console: load_tables.steps(console, document))
    assert "…" not in written
    assert all(
        word in written for word in ("spike", "before", "offered/s", "answered/s", "12,345.6", "soundly", "INVALID")
    )
    assert "98,765" in written and ("23,456" in written) == (width >= 200)


@pytest.mark.parametrize("width", [80, 120])
def test_what_held_stands_beside_how_it_was_measured(width: int) -> None:
    def point(rate: float, p99: float, valid: bool, shed: float = 0.0) -> dict[str, Any]:
        return {
            "rate": rate, "answered_per_second": rate, "samples": 1_234, "p50_ms": 5.0, "p99_ms": p99, "accepted_share": 0.99, "shed_share": shed,
            "valid": valid,
        }  # fmt: skip

    curve = [point(400, 20, True), point(600, 249, False), point(900, 251, True), point(950, 20, True, 0.01)]
    written = _shown(width, lambda console: load_tables.curve(console, {"curve": curve, "limits": _LIMITS}))
    rows = [[cell.strip() for cell in line.split("│")] for line in written.splitlines() if line.startswith("│")]
    assert [row[-3:-1] for row in rows] == [
        ["yes", "soundly"],
        ["yes", "INVALID"],
        ["no", "soundly"],
        ["no", "soundly"],
    ]
    assert not load_tables.held(point(0, 0, True), _LIMITS)  # nothing was answered


@pytest.mark.parametrize("width", [72, 76, 80, 84, 90])
def test_heads_wider_than_their_figures_need_their_room_too(width: int) -> None:
    step = _step("smoke", True)
    step |= {
        "rate": 40.0,
        "answered_per_second": 40.0,
        "accepted_per_second": 39.0,
        "refused": 0,
        "shed": 0,
        "errors": 0,
    }
    step["acceptance_ms"] = {"p50": 9.3, "p99": 21.7, "max": 30.0, "samples": 312}
    document = {"profile": {"name": "smoke"}, "steps": [step]}
    assert "│ smoke │" in _shown(width, lambda console: load_tables.steps(console, document))
