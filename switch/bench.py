"""The benchmark: the switch's pipeline and its HTTP door beside pgbench, in one run on the same PostgreSQL.

Durable (fsync on), rails with zero delay but their real books, only settled payments count, and the audit judges the
books afterwards. It measures and reports; it never judges a machine.
"""

import asyncio
import gc
import json
import os
import platform
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import uvloop

from bayswitch import BayswitchError, Client
from rails.identifiers import fictional
from switch.clock import BusinessClock
from switch.embedded.binaries import find_binary
from switch.embedded.postgres import EmbeddedPostgres
from switch.main import open_sandbox, postgres_sandbox
from switch.payment.instruction import Instruction
from switch.payment.status import ACCEPTED
from switch.sandbox import Sandbox
from switch.translate.messages import TransactionOutcome, instruction_to_pacs008, pacs002_for, parse_instructions

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)  # 10:00 on a working day of all three economies; southbound is open
IN_FLIGHT = 4_096  # payments between door and final status: about a second of work
PGBENCH_SCALE = 100  # accounts tables large enough that no row is hot (facts: -s 1 would measure one row's lock)
PGBENCH_CLIENTS = (8, 32)
PIPELINE = "bench"  # the sandbox of the pipeline; HTTP uses `main`
PIPELINE_PER_SECOND_MAX = 10_000  # instructions made beforehand for each second: making them is not measured
HTTP_CALLS_PER_SECOND_MAX = 5_000  # calls prepared for each second: more than one process answers
START_SECONDS_MAX = 30
MESSAGES = 2_000  # different messages, read again and again for the measured seconds
MESSAGES_SECONDS_MAX = 10.0  # of CPU: the rate of one core settles sooner
_SHOWN = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "jit")


class Settings(NamedTuple):
    """How long and with whom."""

    seconds: float
    warm_up_seconds: float
    persons: int
    seed: int


class Template(NamedTuple):
    """One kind of payment of the mix: its instruction but for the ids and the amount."""

    agent: str
    instruction: Instruction


def templates(persons: int) -> list[Template]:
    """Build the mix: each person one of four corridors, half of them with a conversion."""
    built = []
    for n in range(persons):
        kind = n % 4
        northbound = kind in (0, 1)
        debit, settle = (("HKD", "CNY"), ("CNY", "CNY"), ("CNY", "HKD"), ("CNY", "CNY"))[kind]
        hong_kong = ("HBAYHKH0", "LIONHKH0")[n // 4 % 2]
        mainland = ("PEARCNG0", "BANYCNS0")[n // 8 % 2]
        document = {
            "instruction_id": "0",
            "instructed_amount": {"currency": debit, "amount": "1.00"},
            "debtor": {
                "name": f"PERSON {n}",
                "identification": {"type": "HKID", "number": fictional.hkid(n), "country": "HK"}
                if northbound
                else {"type": "PRCID", "number": fictional.prc_id(n), "country": "CN"},
                "residency": "HK" if northbound else "CN",
                "account": {"number": f"1{n:011}", "currency": debit},
            },
            "creditor": {
                "name": f"PAYEE {n}",
                "residency": "CN" if northbound else "HK",
                "account": {"number": f"2{n:011}"},
            },
            "debtor_agent": hong_kong if northbound else mainland,
            "creditor_agent": mainland if northbound else hong_kong,
            "settlement_currency": settle,
            "purpose_code": "GIFT",
        }
        instruction = Instruction.model_validate(document)
        built.append(Template(instruction.debtor_agent, instruction))
    return built


def instructions(mix: list[Template], seed: int) -> Iterator[tuple[str, str, Instruction]]:
    """Yield (participant, key, instruction) without end, each with ids and a small amount of its own."""
    chance = random.Random(seed)
    bits, choice, between = chance.getrandbits, chance.randrange, chance.randint
    n = 0
    while True:
        n += 1
        agent, instruction = mix[choice(len(mix))]
        uetr = str(UUID(int=(bits(128) & ~(0xF000 << 64) & ~(0xC000 << 48)) | (0x4000 << 64) | (0x8000 << 48)))
        amount = instruction.instructed_amount.model_copy(update={"amount": f"{between(1, 40)}.{between(10, 99)}"})
        own = instruction.model_copy(update={"instruction_id": f"B{n}", "uetr": uetr, "instructed_amount": amount})
        yield agent, f"k{n}", own


class Rate(NamedTuple):
    """Payments that reached a final status, and over how many seconds."""

    finished: int
    seconds: float

    @property
    def per_second(self) -> float:
        """The rate."""
        return self.finished / self.seconds


async def pipeline(sandbox: Sandbox, settings: Settings) -> Rate:
    """Drive the pipeline in process: IN_FLIGHT payments at any time, counted when settled or credited."""
    ready = int(PIPELINE_PER_SECOND_MAX * (settings.seconds + settings.warm_up_seconds)) + IN_FLIGHT
    source = iter(list(islice(instructions(templates(settings.persons), settings.seed), ready)))
    gc.freeze()  # the load is no garbage
    worker = sandbox.worker
    finished = worker.metrics.finished
    started = 0

    def ended() -> int:
        return finished["credited"] + finished["settled"] + finished["rejected"]

    before = ended()

    async def run(seconds: float) -> Rate:
        nonlocal started
        begun, begun_at = finished["credited"], time.perf_counter()
        while (now := time.perf_counter()) - begun_at < seconds:
            room = IN_FLIGHT - (started - (ended() - before))
            for _ in range(room):
                participant, key, instruction = next(source)
                sandbox.submission(instruction, participant, key)
            started += max(room, 0)
            await asyncio.sleep(0.002)
        return Rate(finished["credited"] - begun, now - begun_at)

    await run(settings.warm_up_seconds)
    rate = await run(settings.seconds)
    await sandbox.settle_down(60)
    assert not finished["rejected"] and not worker.metrics.outcomes["refused"], "a payment of the bench was refused"
    return rate


def pgbench(binary: Path, url: str, seconds: int, say: Callable[[str], None]) -> dict[str, float]:
    """Run pgbench's TPC-B-like script, prepared, for each number of clients; transactions a second."""
    say(f"pgbench: making scale {PGBENCH_SCALE}")
    subprocess.run([binary, "-i", "-q", "-s", str(PGBENCH_SCALE), url], check=True, capture_output=True)
    rates = {}
    for clients in PGBENCH_CLIENTS:
        say(f"pgbench: {clients} clients for {seconds} s")
        command = [str(binary), "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), url]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = re.search(r"tps = ([0-9.]+)", out)
        assert found is not None, out
        rates[str(clients)] = float(found.group(1))
    return rates


def messages(settings: Settings) -> Rate:
    """Read pacs.008 to instructions, check them, answer each with a pacs.002: one transaction each, one core, CPU time."""
    load = islice(instructions(templates(settings.persons), settings.seed + 2), MESSAGES)
    bodies = [instruction_to_pacs008(each, message_id=each.instruction_id, created_at=START_AT) for _, _, each in load]
    answered, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < min(settings.seconds, MESSAGES_SECONDS_MAX):
        for body in bodies:
            read = parse_instructions(body)
            said = [TransactionOutcome(i.instruction_id, i.end_to_end_id, i.uetr, ACCEPTED) for i in read.instructions]
            pacs002_for(
                said, message_id=read.msg_id, created_at=START_AT, from_bic="BAYSHKH0", to_bic="HBAYHKH0", original=read
            )
        answered += len(bodies)
    return Rate(answered, spent)


def audit(url: str, sandbox: str) -> dict[str, Any]:
    """Have the auditor judge a sandbox's books; its document."""
    command = [sys.executable, "-m", "loadtest.audit", "--database-url", url, "--sandbox", sandbox, "--json"]
    return dict(json.loads(subprocess.run(command, check=False, capture_output=True, text=True).stdout))


async def run_pipeline(url: str, settings: Settings) -> Rate:
    """Open a sandbox of its own, measure, close."""
    sandbox = postgres_sandbox(url, PIPELINE, clock=BusinessClock(), instant=True)
    await open_sandbox(sandbox, START_AT)
    try:
        return await pipeline(sandbox, settings)
    finally:
        await sandbox.stop()


def _ready(client: Client) -> bool:
    try:
        return client.ready()
    except BayswitchError:
        return False


def http_single(folder: Path, url: str, settings: Settings, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure one payment a call over HTTP: `up` as a process of its own on the same PostgreSQL, the generator as another."""
    calls = folder / "calls.jsonl"
    say("http: preparing calls")
    with calls.open("w", encoding="utf-8") as out:
        source = instructions(templates(settings.persons), settings.seed + 1)
        for _ in range(int(HTTP_CALLS_PER_SECOND_MAX * (settings.seconds + settings.warm_up_seconds))):
            participant, key, instruction = next(source)
            body = instruction.model_dump_json(exclude_none=True)
            out.write(json.dumps({"participant": participant, "key": key, "body": body}) + "\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    key = "bench"
    command = [
        sys.executable, "-m", "switch.cli", "up", "--port", str(port), "--data", str(folder / "http"), "--dev-key", key,
        "--database-url", url, "--start-at", START_AT.isoformat(), "--instant",
    ]  # fmt: skip
    door = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        base = f"http://127.0.0.1:{port}"
        with Client(base, key) as client:
            deadline = time.monotonic() + START_SECONDS_MAX
            while not _ready(client):
                assert time.monotonic() < deadline, f"the switch was not ready within {START_SECONDS_MAX} s"
                time.sleep(0.1)
        say(f"http: one payment a call for {settings.seconds:.0f} s")
        generator = [
            sys.executable, "-m", "loadtest.single", "--url", base, "--key", key, "--calls", str(calls),
            "--seconds", str(settings.seconds), "--warm-up-seconds", str(settings.warm_up_seconds),
        ]  # fmt: skip
        return dict(json.loads(subprocess.run(generator, check=False, capture_output=True, text=True).stdout))
    finally:
        door.send_signal(signal.SIGINT)
        door.wait(30)


def run(folder: Path, settings: Settings, pgbench_seconds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure everything on one PostgreSQL in `folder`: yardstick, pipeline, HTTP, yardstick again; then audit."""
    with EmbeddedPostgres(folder / "postgres") as postgres_url:
        binary = find_binary("pgbench")
        yardstick = pgbench(binary, postgres_url, pgbench_seconds, say)
        say(f"pipeline: {settings.persons:,} persons for {settings.seconds:.0f} s")
        before = gc.get_threshold()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)  # as `up` runs
        rate = uvloop.run(run_pipeline(postgres_url, settings))
        gc.set_threshold(*before)
        single = http_single(folder, postgres_url, settings, say)
        say("messages: pacs.008 read and answered, CPU time of one core")
        read = messages(settings)
        say("audit")
        audits = [audit(postgres_url, PIPELINE), audit(postgres_url, "main")]
        return {
            "manifest": manifest(settings, asyncio.run(server_settings(postgres_url))),
            "rates": {
                "pipeline": rate.per_second,
                "http_single": single["per_second"],
                "pgbench": max(yardstick.values()),
                "messages": read.per_second,
            },
            "pgbench_by_clients": yardstick,
            "http_single": single,
            "audit": {
                "payments": sum(found["payments"] for found in audits),
                "violations": [violation for found in audits for violation in found["violations"]],
            },
        }


def manifest(settings: Settings, server: dict[str, str]) -> dict[str, Any]:
    """Say what was measured on what: machine, versions, durability, seed, load."""
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("asyncpg", "fastapi", "pydantic", "uvloop", "lxml")},
        "postgres": server,
        "load": {"persons": settings.persons, "in_flight": IN_FLIGHT, "model": "closed", "seed": settings.seed},
        "warm_up_seconds": settings.warm_up_seconds,
        "measured_seconds": settings.seconds,
    }


async def server_settings(url: str) -> dict[str, str]:
    """Read the server's own word on version and durability."""
    connection = await asyncpg.connect(url)
    try:
        return {name: str(await connection.fetchval(f"SHOW {name}")) for name in _SHOWN}
    finally:
        await connection.close()
