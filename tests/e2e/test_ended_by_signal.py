"""A command that started others is told to end by SIGTERM, or killed, at its start or in the midst: no process and no folder is left."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

_SECONDS_MAX = 90.0  # of each wait, on a machine that does much else

LOAD = ("load", "smoke", "--seconds", "60", "--rate", "10", "--json")
BENCH = ("bench", "--quick", "--seconds", "60", "--persons", "200", "--only", "pipeline", "--json")
BENCH_HTTP = (*BENCH[:-2], "http_single", "--json")


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path: sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="bs-ended-") as folder:
        yield Path(folder)
        for one in living(Path(folder)):
            one.kill()


def living(place: Path) -> list[psutil.Process]:
    """Processes whose temporary folder is this place, or that work in it: the stores hide their environment, not their folder."""
    found = []
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            if one.status() != psutil.STATUS_ZOMBIE and (
                one.environ().get("TMPDIR") == str(place) or Path(one.cwd()).is_relative_to(place)
            ):
                found.append(one)
    return found


def has(place: Path, *words: str) -> bool:
    """Whether a process there has all these words in its command line."""
    lines = []
    for one in living(place):
        with suppress(psutil.Error):
            lines.append(" ".join(one.cmdline()))
    return any(all(word in line for word in words) for line in lines)


def started(place: Path, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Start a command as a script's `&` does: SIGINT is ignored from its first moment on."""
    out = ("--out", str(place / "out")) if command[0] == "load" else ()
    shell = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-m", "switch.cli", *command, *out]
    with (place / "said").open("wb") as said:
        return subprocess.Popen(
            shell, env={**os.environ, "TMPDIR": str(place)}, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )


def wait_until_nobody_lives(place: Path) -> None:
    until = time.monotonic() + _SECONDS_MAX
    while left := living(place):
        assert time.monotonic() < until, left
        time.sleep(0.02)


ENDED_AT = [
    pytest.param(LOAD, ("switch.cli", " up "), id="load, its switch begins"),
    pytest.param(LOAD, ("initdb",), id="load, its switch makes a database"),
    pytest.param(LOAD, ("loadtest.resources",), id="load, in the midst", marks=pytest.mark.prove),
    pytest.param(BENCH, ("initdb",), id="bench, it makes a database", marks=pytest.mark.prove),
    pytest.param(BENCH, ("switch.bench.in_process",), id="bench, in a row", marks=pytest.mark.prove),
    pytest.param(BENCH_HTTP, ("loadtest.closed",), id="bench, in a row over HTTP", marks=pytest.mark.prove),
]


@pytest.mark.parametrize(("command", "words"), ENDED_AT)
def test_sigterm_leaves_no_process_and_no_folder(place: Path, command: tuple[str, ...], words: tuple[str, ...]) -> None:
    running = started(place, command)
    until = time.monotonic() + _SECONDS_MAX
    while not has(place, *words):
        assert running.poll() is None and time.monotonic() < until, (place / "said").read_text()
        time.sleep(0.01)
    for _ in range(2):  # `timeout` tells the command, and then its whole group
        running.send_signal(signal.SIGTERM)
    assert running.wait(_SECONDS_MAX) == 128 + signal.SIGTERM, (place / "said").read_text()
    wait_until_nobody_lives(place)
    assert list(place.glob("bayswitch-*")) == []


@pytest.mark.prove
@pytest.mark.parametrize("words", [("initdb",), ("valkey-server",)], ids=["at its database", "at its stores"])
def test_who_starts_a_switch_and_is_killed_leaves_no_process(place: Path, words: tuple[str, ...]) -> None:
    running = started(place, LOAD)
    until = time.monotonic() + _SECONDS_MAX
    while not has(place, *words):
        assert running.poll() is None and time.monotonic() < until, (place / "said").read_text()
        time.sleep(0.01)
    running.kill()
    running.wait(_SECONDS_MAX)
    wait_until_nobody_lives(place)
