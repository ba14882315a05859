"""`bayswitch up` at a terminal, as its user has it: own keys, plain refusals, and a Ctrl-C that leaves nothing behind."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from socket import create_server

import asyncpg
import pytest

from bayswitch import Client, Problem, Unreachable
from switch.embedded.postgres import EmbeddedPostgres

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
CTRL_C = b"\x03"
MOST_SECONDS = 30.0


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "switch.cli", *arguments]


def run(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(command(*arguments), capture_output=True, text=True, env={**os.environ, "COLUMNS": "300"})
    return done.returncode, done.stdout + done.stderr


class Terminal:
    """A switch that runs in the foreground of a terminal of its own."""

    def __init__(self, data: Path, *arguments: str) -> None:
        with create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.execv(sys.executable, command("up", "--data", str(data), "--port", str(port), *arguments))
        self.ended: int | None = None

    def wait_ready(self) -> float:
        """Wait until it takes payments; the seconds that took."""
        began = time.monotonic()
        with Client(self.url, "dev") as client:
            while time.monotonic() - began < MOST_SECONDS:
                with suppress(Unreachable):
                    if client.ready():
                        return time.monotonic() - began
                assert not self.has_ended(), os.read(self.screen, 10_000).decode()
                time.sleep(0.05)
        raise AssertionError("it was never ready")

    def press(self, key: bytes) -> None:
        os.write(self.screen, key)

    def has_ended(self) -> bool:
        if self.ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.ended = os.waitstatus_to_exitcode(status) if pid else None
        return self.ended is not None

    def wait_end(self) -> int:
        until = time.monotonic() + MOST_SECONDS
        while not self.has_ended():
            assert time.monotonic() < until, "it did not end"
            time.sleep(0.02)
        assert self.ended is not None
        return self.ended


@contextmanager
def up(data: Path, *arguments: str) -> Iterator[Terminal]:
    terminal = Terminal(data, *arguments)
    try:
        yield terminal
    finally:
        if not terminal.has_ended():
            os.kill(terminal.pid, signal.SIGKILL)
            os.waitpid(terminal.pid, 0)
        os.close(terminal.screen)


def leases(data: Path) -> list[datetime]:
    """Until when each worker of a stopped switch holds its lease."""

    async def read(url: str) -> list[datetime]:
        connection = await asyncpg.connect(url)
        try:
            return [row[0] for row in await connection.fetch("SELECT lease_until FROM main.worker")]
        finally:
            await connection.close()

    with EmbeddedPostgres(data / "postgres") as url:
        found = asyncio.run(read(url))
    assert found
    return found


@pytest.mark.parametrize("how", ["ctrl-c", pytest.param("sigterm", marks=pytest.mark.prove)])
def test_who_is_stopped_hands_back_the_lease_so_another_law_can_begin_at_once(tmp_path: Path, how: str) -> None:
    with up(tmp_path) as first:
        first.wait_ready()
        if how == "ctrl-c":
            first.press(CTRL_C)
        else:
            os.kill(first.pid, signal.SIGTERM)
        assert first.wait_end() == 0
    ended_at = datetime.now(UTC)
    assert [lease for lease in leases(tmp_path) if lease > ended_at] == []  # one that was kept lasts seconds longer
    with up(tmp_path, "--overlay", str(EXAMPLES / "day-cap.yaml")) as second:
        second.wait_ready()  # refused, it would have ended
        second.press(CTRL_C)
        assert second.wait_end() == 0


def test_a_key_of_ones_own_and_what_pay_says_of_payments_that_are_not_paid(tmp_path: Path) -> None:
    payment = json.loads((EXAMPLES / "payment.json").read_text("utf-8"))
    bad, rejected = tmp_path / "bad.json", tmp_path / "rejected.json"
    bad.write_text(json.dumps(payment | {"debtor_agent": 5, "purpose": "GIFT"}))
    creditor = payment["creditor"] | {"account": {"number": "MAGIC-REJECT-AC04"}}
    rejected.write_text(json.dumps(payment | {"creditor": creditor}))
    data = tmp_path / "data"
    with up(data, "--instant", "--start-at", "2026-03-05T10:00:00+08:00") as switch:
        switch.wait_ready()
        status, key = run("key", "--participant", "HBAYHKH0", "--data", str(data))
        assert status == 0 and len(key.strip()) > 40
        with Client(switch.url, key.strip()) as mine:
            assert mine.payments()["payments"] == []
            with pytest.raises(Problem, match="403"):
                mine.stop_clock()
        status, words = run("pay", str(bad), "--url", switch.url)
        assert status == 1 and "debtor_agent: " in words and "purpose: " in words, words
        status, words = run("pay", str(rejected), "--url", switch.url, "--key", key.strip())
        assert status == 1 and "RJCT" in words and "AC04 " in words, words
        switch.press(CTRL_C)
        assert switch.wait_end() == 0
