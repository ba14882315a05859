"""Locust with two workers against a real switch: every answer is held to its call, and the books agree with what was counted."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from limits.lab.traffic import write
from switch.child import Child
from switch.cli.traffic import drawn_day, with_messages

KEY = "locust"
NEW = ("payment accepted", "payment refused")
_SECONDS_MAX = 120


def _run(child: Child, file: Path, *options: str) -> tuple[int, dict[str, Any]]:
    command = [
        sys.executable,
        "-m",
        "loadtest.locust",
        "--url",
        child.url,
        "--key",
        KEY,
        "--traffic",
        str(file),
        *options,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS_MAX, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def _audited(child: Child) -> dict[str, Any]:
    assert child.database_url
    command = [
        sys.executable,
        "-m",
        "loadtest.audit",
        "--database-url",
        child.database_url,
        "--sandbox",
        "main",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS_MAX, check=False)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.prove
def test_two_workers_send_every_kind_of_call_and_the_audit_counts_what_they_counted(tmp_path: Path) -> None:
    file = tmp_path / "day.jsonl"
    file.write_text(write(with_messages(drawn_day(7, 200, date(2026, 3, 5)))), encoding="utf-8")
    with Child("--instant", "--start-at", "2026-03-05T10:00:00+08:00", data=tmp_path / "data", key=KEY) as child:
        code, document = _run(
            child, file, "--processes", "2", "--users", "40", "--seconds", "8", "--think-seconds", "0.02"
        )
        audit = _audited(child)
    assert document["failures"] == 0 and not document["wrong"], document["failed"]
    assert code == 0 and document["workers"] == 2
    kinds = {name.partition(" ")[0] for name in document["users"]}
    assert len(kinds) == 13, kinds
    for row in document["users"].values():
        assert row["requests"] and row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
    outcomes = document["outcomes"]
    assert {"replay accepted", "other-content refused", "known-uetr refused", "bad refused"} <= set(outcomes)
    assert document["reasons"]["duplicate-uetr"] and document["reasons"]["malformed"]
    assert audit["violations"] == []
    # Every new payment that was answered is in the books, and a known UETR under a new key leaves its refusal there.
    assert audit["payments"] >= sum(outcomes[name] for name in NEW)


def test_a_switch_that_does_not_answer_as_it_should_is_a_failure(tmp_path: Path) -> None:
    """Every call goes to a server of ours that says 202 and nothing else: the status is right, the body is not."""
    file = tmp_path / "day.jsonl"
    file.write_text(write(drawn_day(7, 30, date(2026, 3, 5))), encoding="utf-8")
    serve = (
        "import http.server\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    protocol_version = 'HTTP/1.1'\n"
        "    def do_POST(self):\n"
        "        self.rfile.read(int(self.headers['Content-Length']))\n"
        "        self.send_response(202); self.send_header('Content-Length', '2'); self.end_headers(); self.wfile.write(b'{}')\n"
        "    def log_message(self, *a): pass\n"
        "s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H); print(s.server_port, flush=True); s.serve_forever()\n"
    )
    server = subprocess.Popen([sys.executable, "-c", serve], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        command = [
            sys.executable,
            "-m",
            "loadtest.locust",
            "--url",
            url,
            "--traffic",
            str(file),
            "--only",
            "Northbound",
        ]
        done = subprocess.run(
            [*command, "--seconds", "1", "--users", "2"],
            capture_output=True,
            text=True,
            timeout=_SECONDS_MAX,
            check=False,
        )
    finally:
        server.kill()
        server.wait()
    document = json.loads(done.stdout)
    assert done.returncode == 1 and document["failures"] == document["requests"] > 0
    assert "without payment_id" in next(iter(document["wrong"]))
