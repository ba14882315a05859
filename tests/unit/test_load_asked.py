"""`bayswitch load` looks at what it is given before anything is drawn, started or sent; what is wrong is one sentence and exit status 2."""

import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from switch.cli import app
from switch.cli.load import why_not
from switch.cli.load_profiles import load_profiles
from switch.cli.load_reach import Business, read_business

INSTRUCTION = {"instructed_amount": {}, "debtor_agent": "A", "creditor_agent": "B"}


def said(out: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["load", "smoke", "--out", str(out), *arguments], env={"COLUMNS": "400"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, " ".join(re.sub("[│╭╮╰╯─]", " ", result.output).split())


def test_a_switch_says_when_it_is_and_which_of_its_rails_are_closed() -> None:
    answers = {
        "/v1/participants": {"participants": [{"rails": {"hvps": "2020-01-01"}}, {"rails": {"hk-fps": "2020-01-01"}}]},
        "/v1/sandbox/rails/hvps/maintenance": {"open": {"CNY": False}},
        "/v1/sandbox/rails/hk-fps/maintenance": {"open": {"CNY": False, "HKD": True}},
        "/v1/sandbox/clock": {"now": "2026-03-07T03:00:00+00:00"},
    }
    with answering(404, answers) as url:
        assert read_business(url, "key") == Business("2026-03-07T03:00:00+00:00", ("hvps",))


@contextmanager
def answering(quotas: int, answers: Mapping[str, object] | None = None) -> Iterator[str]:
    """Something that is ready, knows these answers, and answers every other question with one status."""
    known = {"/readyz": {}, **(answers or {})}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(known.get(self.path, {})).encode()
            self.send_response(200 if self.path in known else quotas)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_switch_that_is_not_there_is_told_with_how_to_start_it(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    status, words = said(tmp_path, "--url", url)
    assert status == 2 and f"no switch answers at {url}; start it with `bayswitch up`" in words


@pytest.mark.parametrize("option", [("--workers", "3"), ("--redis-url", "redis://127.0.0.1:1")])
def test_what_is_of_a_switch_that_is_started_goes_with_no_running_one(tmp_path: Path, option: tuple[str, str]) -> None:
    status, words = said(tmp_path, "--url", "http://127.0.0.1:1", *option)
    assert status == 2 and option[0] in words and "the switch at --url runs already; leave this out" in words


def test_a_refused_key_is_told_as_such(tmp_path: Path) -> None:
    with answering(401) as url:
        status, words = said(tmp_path, "--url", url, "--key", "wrong")
    assert status == 2 and "the key was refused" in words and "--key" in words


@pytest.mark.parametrize("url", ["nonsense", "https://127.0.0.1:1", "http://127.0.0.1:99999999", "http://:8080"])
def test_an_address_that_is_none_is_told_by_its_form(tmp_path: Path, url: str) -> None:
    status, words = said(tmp_path, "--url", url)
    assert status == 2 and "is not of the form http://HOST:PORT" in words


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("", "holds no payment"),
        ('{"at":1}\n', "holds no payment"),
        (json.dumps({"instruction": INSTRUCTION | {"instructed_amount": {"amount": "1"}}}) + "\nx\n", "line 2: no line of traffic"),
        ('{"instruction":{"debtor_agent":"A"}}\n', "line 1: no line of traffic (its instruction has no instructed_amount"),
        ("[]\n", "line 1: no line of traffic (not a JSON object)"),
    ],
)  # fmt: skip
def test_traffic_that_cannot_be_sent_is_told_by_file_and_line(tmp_path: Path, lines: str | None, says: str) -> None:
    file = tmp_path / "day.jsonl"
    if lines is not None:
        file.write_text(lines)
    status, words = said(tmp_path, "--traffic", str(file))
    assert status == 2 and says in words and str(file) in words and "starting a switch" not in words


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (lambda path: ["--out", str(path / "file" / "out")], "cannot be written"),
        (lambda path: ["--database-url", "nonsense"], "is not of the form postgresql://"),
        (lambda path: ["--workers", "64"], "--workers"),
    ],
)
def test_other_wrong_options_are_sentences_too(tmp_path: Path, given: Callable[[Path], list[str]], says: str) -> None:
    (tmp_path / "file").touch()
    status, words = said(tmp_path, *given(tmp_path))
    assert status == 2 and says in words


def test_no_more_persons_are_drawn_than_make_the_calls_of_a_run() -> None:
    steady = load_profiles()["steady"]
    assert steady.persons(50, 20) == 526 and steady.persons(400, 60) == 10_000
    assert load_profiles()["knee"].persons(None, None) == 10_000  # nobody knows how far it will go
    assert load_profiles()["smoke"].persons(None, None) == 250


def test_a_p99_above_what_was_asked_does_not_hold() -> None:
    document = {
        "total": {"payments": 100, "refused": 0, "wrong": 0}, "gate": {"valid": True, "why": []}, "audit": None,
        "acceptance_ms": {"p99": 99.0},
    }  # fmt: skip
    steady = load_profiles()["steady"]
    assert why_not(document, steady) == why_not(document, steady, 100.0) == []
    assert why_not(document, steady, 50.0) == ["acceptance p99 was 99.0 ms; --p99 asks for 50 at most"]
