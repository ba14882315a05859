"""A rail in a process of its own, as its users start it: killed in the middle of a run, it loses nothing and nobody."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_connection, create_server
from typing import Any

import pytest
from builders import HARBOUR, northbound
from serving import body_of

from bayswitch import Client, Unreachable

MOST_SECONDS = 60.0
KEY = "key-of-the-rail"
RATE = 4.0  # business seconds a second: a deadline of twenty passes while the rail is away
FINAL = {"credited", "rejected"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "switch.cli", *arguments]


def a_port() -> int:
    with create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@contextmanager
def running(log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as file:
        process = subprocess.Popen(command(*arguments), stderr=file)
    try:
        yield process
    finally:
        print(log.read_text("utf-8"))  # pytest shows it where the test fails
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(what: str, holds: Any) -> None:
    end = time.monotonic() + MOST_SECONDS
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.25)  # two processes and their servers share the machine with who looks


def is_ready(client: Client) -> bool:
    try:
        return bool(client.ready())
    except Unreachable:
        return False


def answers(port: int) -> bool:
    with suppress(OSError), create_connection(("127.0.0.1", port), 1):
        return True
    return False


def send(client: Client, count: int, first: int) -> list[str]:
    items = [
        {
            "idempotency_key": f"rail-process-{n}",
            "instruction": body_of(northbound("600.00", person=n, instruction_id=f"RP{n}")),
        }
        for n in range(first, first + count)
    ]
    answered = client.pay_batch(items)["items"]
    return [item["payment"]["payment_id"] if "payment" in item else item["payment_id"] for item in answered]


@pytest.mark.prove
def test_a_rail_that_is_killed_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    rail_port, port = a_port(), a_port()
    url, rail_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{rail_port}"
    of_rail = ("rail", "ibps", "--port", str(rail_port), "--data", str(tmp_path / "rail"), "--key", KEY)
    of_switch = (
        "up", "--port", str(port), "--data", str(tmp_path / "switch"), "--start-at", "2026-03-05T12:00:00+08:00", "--rail",
        f"ibps={rail_url}", "--rail-key", KEY,
    )  # fmt: skip
    with running(tmp_path / "switch.log", *of_switch), Client(url, "dev", participant=HARBOUR) as client:
        with running(tmp_path / "rail.log", *of_rail) as rail:
            until("the switch is not ready", lambda: is_ready(client))
            client.resume_clock(RATE)
            payments = send(client, 40, 710_000)
            until(
                "no payment came through",
                lambda: any(client.payment(each)["status"] == "credited" for each in payments),
            )
            rail.kill()
            rail.wait()
        payments += send(client, 20, 711_000)
        with running(tmp_path / "rail.log", *of_rail):
            until("the rail is not back", lambda: answers(rail_port))
            payments += send(client, 20, 712_000)
            left = set(payments)

            def all_final() -> bool:
                left.difference_update([each for each in left if client.payment(each)["status"] in FINAL])
                return not left

            until(f"not final: {len(left)} of {len(payments)}", all_final)
        documents = [client.payment(each) for each in payments]
    statuses = [document["status"] for document in documents]
    # None was told anything but the truth: what surely never went out until its deadline is AB03, what the rail says it has
    # never received AG09.
    assert {document["reason"]["code"] for document in documents if document["status"] == "rejected"} <= {
        "AB03",
        "AG09",
    }
    assert statuses[:40] == ["credited"] * 40
    assert statuses.count("credited") >= 60
    audited = subprocess.run(
        command("audit", "--data", str(tmp_path / "switch"), "--json"), capture_output=True, text=True
    )
    assert audited.returncode == 0, audited.stdout
    assert json.loads(audited.stdout)["violations"] == []
