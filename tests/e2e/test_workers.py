"""`bayswitch up --workers 2`: one port, two processes; one is killed with -9 under load and replaced, and the audit finds nothing."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from builders import northbound
from serving import body_of

from bayswitch import Client
from switch.child import Child
from switch.embedded.workers import WORKERS_MAX, how_many

PAYMENTS = 1_200
CALLERS = 24
TRIES = 40


def workers_of(child: Child) -> list[int]:
    return [each.pid for each in psutil.Process(child.pid).children() if "python" in each.name()]


def two_workers(child: Child, but: int = 0) -> list[int]:
    until = time.monotonic() + 40
    while len(found := [pid for pid in workers_of(child) if pid != but]) < 2:
        assert time.monotonic() < until, "there are never two workers"
        time.sleep(0.05)
    return found


def test_as_many_workers_as_asked_and_one_on_few_cores() -> None:
    assert [how_many(0, cores) for cores in (None, 1, 2, 4, 6, 16, 64)] == [1, 1, 1, 1, 2, 5, WORKERS_MAX]
    assert how_many(3, 1) == 3


async def _load(child: Child, killed: asyncio.Event) -> list[str]:
    """Have every payment answered, asking again under the same key as a client would; returns their ids."""
    numbers, ids = iter(range(PAYMENTS)), []
    headers = {"Authorization": f"Bearer {child.key}"}

    async def caller() -> None:
        async with httpx.AsyncClient(base_url=child.url, headers=headers, timeout=20) as http:
            for n in numbers:
                instruction = northbound("1.00", person=n % 60, instruction_id=f"W{n}")
                own = {"Idempotency-Key": f"w{n}", "Bayswitch-Participant": instruction.debtor_agent}
                for _ in range(TRIES):
                    try:
                        answer = await http.post("/v1/payments", json=body_of(instruction), headers=own)
                    except httpx.TransportError:
                        answer = None  # the worker that had it is dead
                    if answer is not None and answer.status_code not in (409, 503):
                        break
                    await asyncio.sleep(0.1)
                assert answer is not None and answer.status_code == 202, answer and answer.text
                ids.append(answer.json()["payment_id"])
                if n == PAYMENTS // 3:
                    killed.set()

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return ids


async def _all_final(child: Child) -> None:
    headers = {"Authorization": f"Bearer {child.key}"}
    async with httpx.AsyncClient(base_url=child.url, headers=headers, timeout=20) as http, asyncio.timeout(40):
        for status in ("accepted", "submitted", "in_doubt"):
            cursor: str | None = None
            while True:
                query = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
                page = (await http.get("/v1/payments", params=query)).json()
                if any(each["status"] == status for each in page["payments"]):
                    await asyncio.sleep(0.3)
                    cursor = None
                    continue
                if (cursor := page["cursor"]) is None:
                    break


@pytest.mark.asyncio
async def test_a_worker_killed_under_load_is_replaced_and_nothing_is_lost_or_done_twice(tmp_path: Path) -> None:
    start_at = "2026-03-05T10:00:00+08:00"
    with Child("--instant", "--start-at", start_at, data=tmp_path / "data", key="dev", workers=2) as child:
        before = two_workers(child)
        killed = asyncio.Event()
        loading = asyncio.create_task(_load(child, killed))
        await asyncio.wait([asyncio.create_task(killed.wait()), loading], return_when=asyncio.FIRST_COMPLETED)
        assert not loading.done(), loading.result()
        os.kill(before[0], signal.SIGKILL)
        ids = await loading
        assert len(set(ids)) == PAYMENTS
        assert before[1] in two_workers(child, but=before[0])  # the other has gone on
        await _all_final(child)
        database_url = child.database_url
        assert database_url is not None
        command = [sys.executable, "-m", "loadtest.audit", "--database-url", database_url, "--sandbox", "main"]
        audited = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
        assert audited.returncode == 0, audited.stdout + audited.stderr
        left = workers_of(child)
    assert not any(psutil.pid_exists(pid) for pid in left)


def _paid_alone(child: Child, others: list[int], person: int) -> tuple[int, str]:
    """What the one worker says of HKD 600.00 of a person who has sent nothing, while the others stand still: status, headroom.

    A payment, not a question: of a new law a worker learns at its next payment, or within two seconds.
    """
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        until = time.monotonic() + 60
        instruction = northbound("600.00", person=person, instruction_id=f"A{person}")
        headers = {"Authorization": f"Bearer {child.key}", "Bayswitch-Participant": instruction.debtor_agent}
        headers["Idempotency-Key"] = f"a{person}"
        body = body_of(instruction)
        while True:
            with contextlib.suppress(httpx.TransportError):  # it is not there yet; who stands still has the connection
                answer = httpx.post(f"{child.url}/v1/payments", json=body, headers=headers, timeout=5)
                if answer.status_code not in (409, 503):
                    return answer.status_code, answer.json().get("headroom", "")
            assert time.monotonic() < until, (child.data / "switch.log").read_text()[-3_000:]
            time.sleep(0.1)
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(
    "begun_with", [pytest.param(None, id="the law", marks=pytest.mark.prove), pytest.param("9000", id="an overlay")]
)
def test_a_worker_killed_after_a_reload_is_replaced_and_judges_by_what_was_reloaded(
    tmp_path: Path, begun_with: str | None
) -> None:
    """Before, its successor was refused as one that asks for another law, again and again."""
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(f"payment-connect.northbound.day: {{value: '{begun_with}'}}\n")
    options = ["--overlay", str(overlay)] if begun_with else []
    start_at = "2026-03-05T10:00:00+08:00"
    with Child("--instant", "--start-at", start_at, *options, data=tmp_path / "data", key="dev", workers=2) as child:
        before = two_workers(child)
        for person, one in enumerate(before):
            assert _paid_alone(child, [one], person)[0] == 202
        with Client(child.url, child.key) as operator:
            operator.take_rulebook([{"payment-connect.northbound.day": {"value": "500"}}])
        os.kill(before[0], signal.SIGKILL)
        assert _paid_alone(child, [before[1]], 3) == (422, "HKD 500.00")  # the successor, as soon as it serves
        after = two_workers(child, but=before[0])
        [successor] = [pid for pid in after if pid != before[1]]
        assert _paid_alone(child, [successor], 4) == (422, "HKD 500.00")
        assert workers_of(child) == after


def test_when_the_parent_is_killed_no_worker_goes_on(tmp_path: Path) -> None:
    child = Child("--instant", data=tmp_path / "data", key="dev", workers=2)
    child.start()
    left = two_workers(child)
    child.kill()
    until = time.monotonic() + 5
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in left):
        assert time.monotonic() < until, "a worker has outlived its parent"
        time.sleep(0.02)
