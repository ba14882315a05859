"""What commands say: wrong use is one sentence and exit status 2, a scenario shows what it changes, a payment why it was not paid."""

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bayswitch import Client
from switch.cli import app
from switch.cli.system import advised

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PAYMENT = str(EXAMPLES / "payment.json")
AT = ["--at", "2026-03-05T10:00:00+08:00"]
DAY = "payment-connect.northbound.day"


def said(*arguments: str) -> tuple[int, str]:
    """Run a command; its exit status and its words, without the box that typer draws around an error."""
    result = CliRunner().invoke(app, [*arguments], env={"COLUMNS": "400"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, " ".join(re.sub("[│╭╮╰╯─]", " ", result.output).split())


WRONG_OVERLAYS = [
    ("payment-connect.northbound.dya: {value: '1'}", ["payment-connect.northbound.dya", f"{DAY} was meant?"]),
    ("nonsense: {value: '1'}", ["nonsense: is no rule", DAY]),
    (f"{DAY}: 10001", [f"{DAY}: must be a mapping, not 10001", 'write {value: "20000"}']),
    (f"{DAY}: {{value: abc}}", [f"{DAY}.value: 'abc' is not an exact number", 'write it as a text, "1.10"']),
    (f"{DAY}: {{value: '1', since: soon}}", [f"{DAY}.since: 'soon' is not a day; write 2025-06-22"]),
    (f"{DAY}: {{value: '1', since: 2026-13-01}}", [f"{DAY}.since: '2026-13-01' is not a day; write 2025-06-22"]),
    (f"{DAY}: {{value: '1', scope: person}}", [f"{DAY}.scope: an institution counts only what it sees"]),
    (f"{DAY}: {{value: '1', unit: CNY}}", [f"{DAY}.unit: unknown key; known are value, scope, effect, window"]),
    ("payment-connect.reference-rate: {value: null}", ["payment-connect.reference-rate.value: is null"]),
    ("lanes: {hk-macau.instan: {active: true}}", ["lanes.hk-macau.instan", "hk-macau.instant was meant?"]),
    ("lanes: {hk-macau.instant: on}", ["lanes.hk-macau.instant: must be a mapping", "write {active: true}"]),
    ("lanes: on", ["lanes: must be a mapping", "{hk-macau.instant: {active: true}}"]),
    ("\n\na: [", ["is not YAML, line 3", "write a rule and its value"]),
    ("", ["is empty", "write a rule and its value"]),
    ("- a", ["holds no mapping but list", "write a rule and its value"]),
]


@pytest.mark.parametrize(("text", "says"), WRONG_OVERLAYS)
def test_a_wrong_overlay_is_told_by_file_and_key_with_what_to_write(tmp_path: Path, text: str, says: list[str]) -> None:
    overlay = tmp_path / "o.yaml"
    overlay.write_text(text)
    status, words = said("explain", PAYMENT, *AT, "--overlay", str(overlay))
    assert status == 2 and "o.yaml" in words and all(each in words for each in says), words


@pytest.mark.parametrize("command", [["up"], ["demo", "--story-only"]])
def test_a_wrong_overlay_starts_and_makes_nothing(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "o.yaml").write_text("nonsense: {}")
    data = tmp_path / "data"
    status, words = said(*command, "--data", str(data), "--overlay", str(tmp_path / "o.yaml"))
    assert status == 2 and "nonsense: is no rule" in words and not data.exists()


def test_a_taken_port_says_so_and_leaves_no_folder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, words = said("up", "--data", str(tmp_path / "data"), "--port", port)
    assert status == 2 and f"port {port} of 127.0.0.1 is taken; choose another with --port" in words
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--port", "99999"], "65535"),
        (["--port", "0"], "equal to 1"),
        (["--host", "192.0.2.1"], "choose another with --host or --port"),
    ],
)
def test_an_address_that_cannot_be_served_leaves_no_folder(tmp_path: Path, arguments: list[str], says: str) -> None:
    status, words = said("up", "--data", str(tmp_path / "data"), *arguments)
    assert status == 2 and says in words and not (tmp_path / "data").exists(), words


def test_traffic_for_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    asked = ["--seed", "1", "--persons", "1", "--date", "2026-03-05", "--out", str(tmp_path / "no" / "x")]
    status, words = said("traffic", *asked)
    assert status == 2 and "cannot be written (No such file or directory)" in words


def test_audit_and_key_name_the_books_of_the_demo(tmp_path: Path) -> None:
    (tmp_path / "demo" / "postgres").mkdir(parents=True)
    for command in (["audit"], ["key", "--participant", "KAPOHKH0"]):
        status, words = said(*command, "--data", str(tmp_path))
        assert status == 2 and f"--data {tmp_path / 'demo'}" in words
        status, words = said(*command, "--data", str(tmp_path / "demo" / "postgres"))
        assert status == 2 and "holds no books" in words and "of the demo" not in words


def test_a_check_there_is_none_of_is_told_before_any_books_are_asked_for(tmp_path: Path) -> None:
    status, words = said("audit", "--plant", "status-knwon", "--data", str(tmp_path))
    assert status == 2 and "--plant: there is no check 'status-knwon'. status-known was meant?" in words
    status, words = said("audit", "--plant", "all", "--data", str(tmp_path))
    assert status == 2 and "holds no books" in words
    status, words = said("audit", "--plant", "list")
    assert status == 0 and words.startswith("status-known final-or-explained")


def test_a_key_is_made_for_participants_alone(tmp_path: Path) -> None:
    status, words = said("key", "--participant", "NOSUCHH0", "--data", str(tmp_path))
    assert status == 2 and "KAPOHKH0" in words


def test_a_key_for_books_that_cannot_be_reached_says_so() -> None:
    status, words = said("key", "--participant", "KAPOHKH0", "--database-url", "postgresql://127.0.0.1:1/none")
    assert status == 2 and "the sandbox's books cannot be reached" in words


# --- Scenarios: the files that docs/scenarios.md shows ---


def test_the_day_cap_example_lets_through_what_the_law_refuses() -> None:
    asked = ["explain", PAYMENT, *AT, "--used", str(EXAMPLES / "used.json")]
    assert said(*asked)[0] == 1
    status, words = said(*asked, "--overlay", str(EXAMPLES / "day-cap.yaml"))
    assert status == 0 and "of 20,000.00, used 8,750.00, left 11,250.00 (assumed)" in words


def test_the_instant_link_example_moves_a_payment_to_the_fast_rails() -> None:
    asked = ["explain", str(EXAMPLES / "to-macau.json"), *AT]
    assert "lane hk-macau.rtgs" in said(*asked)[1]
    status, words = said(*asked, "--overlay", str(EXAMPLES / "instant-link.yaml"))
    assert status == 0 and "lane hk-macau.instant" in words
    assert "route debit: hk-fps route credit: mo-easy-transfer" in words


@pytest.mark.parametrize(
    ("example", "day", "marked"),
    [
        ("day-cap", "2026-03-05", [f"{DAY} HKD 20,000.00 (assumed) calendar-day refuse since 2026-03-01 ← scenario; the law: HKD 10,000.00"]),
        ("day-cap", "2026-02-28", []),
        ("instant-link", "2026-03-05", ["lane hk-macau.instant on ← scenario; the law: off"]),
    ],
)  # fmt: skip
def test_the_rulebook_marks_what_a_scenario_changes(example: str, day: str, marked: list[str]) -> None:
    asked = ["rulebook", "show", "--on", day]
    overlay = ["--overlay", str(EXAMPLES / f"{example}.yaml")]
    shown = CliRunner().invoke(app, [*asked, *overlay]).output
    assert [" ".join(line.split()) for line in shown.splitlines() if "←" in line] == marked
    document = json.loads(CliRunner().invoke(app, [*asked, *overlay, "--json"]).output)
    assert len([row for row in document if row["changed"]]) == len(marked)
    assert "←" not in said(*asked)[1]


def test_the_page_on_scenarios_shows_what_the_commands_say() -> None:
    page = " ".join((ROOT / "docs" / "scenarios.md").read_text("utf-8").split())
    for line in (
        f"{DAY} HKD 20,000.00 (assumed) calendar-day refuse since 2026-03-01 ← scenario; the law: HKD 10,000.00",
        f"claim {DAY}: HKD 1,500.00 of 20,000.00, used 8,750.00, left 11,250.00 (assumed)",
    ):
        assert line in page


# --- What pay tells of a payment that was not simply paid ---


def paid(monkeypatch: pytest.MonkeyPatch, **members: Any) -> tuple[int, str]:
    document = {
        "payment_id": "p-1",
        "status": "credited",
        "iso_status": "ACCC",
        "reason": None,
        "debit_amount": {"currency": "HKD", "amount": "1.00"},
        "settlement_amount": {"currency": "CNY", "amount": "0.92"},
        "lane": {"lane": "payment-connect.northbound"},
        "route": [{"rail": "hk-fps"}, {"rail": "ibps"}],
    }
    monkeypatch.setattr(Client, "pay", lambda *given, **named: document | members)
    return said("pay", PAYMENT)


def test_a_payment_that_a_rail_rejected_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = {"code": "AC04", "text": "The account is closed [by its holder]."}
    status, words = paid(monkeypatch, status="rejected", iso_status="RJCT", reason=reason)
    assert status == 1 and "AC04 The account is closed [by its holder]." in words


def test_a_payment_in_doubt_says_what_that_means_and_what_comes_next(monkeypatch: pytest.MonkeyPatch) -> None:
    status, words = paid(monkeypatch, status="in_doubt", iso_status="PDNG")
    assert status == 0 and "Money and quota stay held" in words
    assert "GET /v1/payments/p-1" in words and 'POST /v1/sandbox/payments/p-1/decision {"event":' in words
    assert "In doubt" not in paid(monkeypatch)[1]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["up", "--database-url", "nonsense"], "is not of the form postgresql://"),
        (["audit", "--database-url", "nonsense"], "is not of the form postgresql://"),
    ],
)
def test_stores_that_cannot_be_are_told_with_what_to_write(command: list[str], says: str) -> None:
    status, words = said(*command)
    assert status == 2 and says in words


def test_what_the_system_says_of_stores_becomes_advice() -> None:
    for error in (
        ConnectionRefusedError(111, "Connect call failed"),
        OSError(-2, "Name or service not known"),
        TimeoutError(),
    ):
        assert "is what --database-url or --redis-url names running?" in advised(error)
    assert advised(PermissionError(13, "Permission denied", "/proc/x")) == (
        "/proc/x cannot be used (Permission denied); choose another folder with --data"
    )
    assert advised(OSError("the generator's own words")) == "the generator's own words"
