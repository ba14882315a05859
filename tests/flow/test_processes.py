"""Several workers of one sandbox on PostgreSQL: they meet on the same keys and counters, and some are killed with -9."""

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from builders import NOON, RULEBOOK, northbound, to_magic
from worker_process import LEASE_SECONDS, PAYMENTS, RENEW_SECONDS, load

from limits.calendars import law_day
from loadtest.audit.audit import audit
from rails.catalogue import load_catalogue
from switch import sandbox as sandboxes
from switch.flow.loops import Loops
from switch.flow.ports import Step
from switch.main import open_sandbox, postgres_sandbox
from switch.payment.status import FINAL, TIME_OUT
from switch.sandbox import Sandbox

FINAL_WITHIN_SECONDS = 40  # machine seconds; on a quiet machine it takes two
# Machine seconds: five processes import the switch at once. On a quiet machine it takes four; a loaded one has taken 60. It
# bounds only a child that hangs: what one that died said is told at once.
KILLED_WITHIN_SECONDS = 400

Start = Callable[[], Awaitable[Sandbox]]


@pytest_asyncio.fixture
async def name(postgres_url: str, fresh_schema: Callable[[], Awaitable[str]]) -> AsyncIterator[str]:
    """A sandbox's name; its rails' books are dropped with it."""
    found = await fresh_schema()
    yield found
    connection = await asyncpg.connect(postgres_url)
    for row in await connection.fetch(
        "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)", f"{found}_rail_"
    ):
        await connection.execute(f"DROP SCHEMA {row[0]} CASCADE")
    await connection.close()


@pytest_asyncio.fixture
async def start(postgres_url: str, name: str) -> AsyncIterator[Start]:
    """`await start()` gives another running worker of the sandbox, in this process."""
    started: list[Sandbox] = []

    async def another() -> Sandbox:
        sandbox = postgres_sandbox(postgres_url, name, instant=True, rulebook=RULEBOOK)
        sandbox.loops = Loops(sandbox.worker, LEASE_SECONDS, RENEW_SECONDS)
        await open_sandbox(sandbox, NOON)
        started.append(sandbox)
        return sandbox

    yield another
    for sandbox in started:
        await sandbox.stop()


async def unfinished(sandbox: Sandbox) -> list[str]:
    """The statuses of payments that something must still become of."""
    statuses = [stored.status for stored in await sandbox.store.payments(None, None, 100_000)]
    return [status for status in statuses if status not in FINAL and status != "settled"]


async def all_final(sandbox: Sandbox) -> None:
    until = time.monotonic() + FINAL_WITHIN_SECONDS
    while left := await unfinished(sandbox):
        assert time.monotonic() < until, f"after {FINAL_WITHIN_SECONDS} s these are not final: {Counter(left)}"
        await asyncio.sleep(0.2)


async def clean(url: str, name: str, payments: int) -> None:
    """The auditor, who keeps books of his own, has nothing to say."""
    found = await audit(url, name, time.time(), drained=True)
    assert (found.violations, found.forced, found.payments) == ([], [], payments)
    assert len(found.rails) == len(load_catalogue())


async def test_two_workers_never_do_the_same_work_or_exceed_a_cap(postgres_url: str, name: str, start: Start) -> None:
    """Both are given the same keys, in opposite order, for ten persons who may send eleven payments of their twenty."""
    workers = [await start(), await start()]
    batch = [(f"k{n}", northbound("900.00", person=n % 10, instruction_id=f"P{n}")) for n in range(200)]

    async def pay(sandbox: Sandbox, pairs: list[tuple[str, Any]]) -> Counter[str]:
        answers = await asyncio.gather(*(sandbox.pay(one, one.debtor_agent, key) for key, one in pairs))
        return Counter("replayed" if answer.replayed else answer.status for answer in answers)

    one, other = await asyncio.gather(pay(workers[0], batch), pay(workers[1], batch[::-1]))
    both = one + other
    assert both == {"accepted": 110, "rejected": 90, "replayed": 200}
    await all_final(workers[0])
    sums = await workers[0].store.counters("payment-connect.northbound.day|")
    assert [found.up_posted for found in sums.values()] == [9_900_00] * 10
    await clean(postgres_url, name, 200)


async def test_who_starts_beside_others_carries_out_none_of_their_reports(
    postgres_url: str, name: str, start: Start
) -> None:
    """Before, each report of the last hour was carried out once more by every worker that started."""
    first = await start()

    async def pay(count: int, of: str) -> None:
        many = [(f"{of}{n}", northbound("10.00", person=n, instruction_id=f"{of}{n}")) for n in range(count)]
        await asyncio.gather(*(first.pay(one, one.debtor_agent, key) for key, one in many))

    await pay(100, "before")
    await all_final(first)
    paying = asyncio.create_task(pay(100, "during"))
    second = await start()
    await paying
    await all_final(first)
    assert await second.settle_down(10)
    workers = [first.worker.metrics, second.worker.metrics]
    assert [(m.out_of_turn, m.strays) for m in workers] == [(0, 0), (0, 0)]
    assert sum(second.worker.metrics.reports.values()) == 0
    await clean(postgres_url, name, 200)


async def test_who_waits_at_one_worker_hears_of_what_another_finishes_also_without_valkey(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandboxes, "LOOK_SECONDS", 0.05)
    one, other = await start(), await start()
    await one.move_clock(None, 0)  # it stands: nobody's deadline comes
    silent = to_magic("SILENT")
    payment_id = (await one.pay(silent, silent.debtor_agent, "k")).payment_id
    waiting = asyncio.create_task(other.wait_final(payment_id, 20))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    assert await one.store.finish([Step(payment_id, law_day(NOON), TIME_OUT, NOON)])  # no worker tells of it
    async with asyncio.timeout(5):
        await waiting


async def test_workers_killed_in_the_middle_of_a_batch_lose_nothing(
    postgres_url: str, name: str, start: Start, tmp_path: Path
) -> None:
    """Four kill themselves at the worst moments and one is killed from outside, all under load; this one takes over."""
    survivor = await start()
    await survivor.move_clock(None, 20)  # a rail's 20 seconds of silence pass in one
    places = ("in the accepting transaction", "after accepting", "after sending", "after finishing", "anywhere")
    script = str(Path(__file__).with_name("worker_process.py"))

    async def killed(place: str, first: int) -> None:
        log = tmp_path / place.replace(" ", "-")
        with log.open("wb") as errors:
            child = await asyncio.create_subprocess_exec(
                sys.executable, script, postgres_url, name, str(first), place, stdout=asyncio.subprocess.PIPE, stderr=errors
            )  # fmt: skip
        assert child.stdout is not None
        ready = await child.stdout.readline()  # as long as it lives: how fast it starts is no matter of this test
        if place == "anywhere":
            await asyncio.sleep(0.3)
            child.kill()
        status = await child.wait()
        assert (ready, status) == (b"ready\n", -signal.SIGKILL), f"{place}: {log.read_text()[-2000:]}"

    async with asyncio.timeout(KILLED_WITHIN_SECONDS):
        await asyncio.gather(*(killed(place, n * PAYMENTS // len(places)) for n, place in enumerate(places)))
    held = await unfinished(survivor)
    assert held, "the dead left nothing unfinished: the test has lost its point"

    # Their callers try again under the same keys.
    answers = await asyncio.gather(
        *(survivor.pay(one, one.debtor_agent, key) for key, one in (load(n) for n in range(PAYMENTS)))
    )
    assert any(answer.replayed for answer in answers) and all(answer.same_content for answer in answers)
    await all_final(survivor)
    assert await survivor.settle_down(10)
    await clean(postgres_url, name, PAYMENTS)
    sums = await survivor.store.counters("payment-connect.northbound.day|")
    assert sums and max(found.up_pending + found.up_posted for found in sums.values()) <= 10_000_00
