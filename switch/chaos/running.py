"""One run of one seed, from an empty folder to a verdict: sets the stage, lets load and faults loose, mends, and judges."""

import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from switch import proof
from switch.chaos import books, seconds
from switch.chaos.actors import DATABASE, RAILS
from switch.chaos.conductor import Conductor, Done
from switch.chaos.judge import Admission, Run, Verdict, judge
from switch.chaos.main_thread import MainThread
from switch.chaos.plan import Act, plan, told
from switch.chaos.stage import KEY, SANDBOX, Stage
from switch.chaos.traffic import DAY_CAP, Call, calls, line

Say = Callable[[str], None]

RATE = 120  # new payments a second: far from the knee, so that what is slow is slow because of a fault
SECONDS_MIN = 10  # of a run: a shorter one has no time in which a fault begins, ends and is recovered from
PATIENCE_SECONDS = 60  # of the generator after its last call
FAULTS_SECONDS_MAX = 180.0  # after the run: until the last worker is replaced and the last call answered
DRAIN_SECONDS_MAX = 90.0
_DRAIN_STEP_SECONDS = 90.0  # business; past the longest inquiry back-off
_HEAD_START_SECONDS = 1.5  # the generator's own start
WARM_UP_SECONDS = 4  # of load before the run begins: a cold start is no fault; judged like all, not shown by the second
_SHOWN_MAX = 20


class Settings(NamedTuple):
    """How a run is to be. `data`: kept in a new folder there; None: in a temporary one, removed where nothing was wrong."""

    seed: int
    seconds: int = 60
    rate: int = RATE
    data: Path | None = None


def run(settings: Settings, say: Say = lambda text: None) -> dict[str, Any]:
    """Run one seed and return what came of it; `holds` says whether every promise was kept. Call from the main thread."""
    if settings.data is not None:
        settings.data.mkdir(parents=True, exist_ok=True)
    data = Path(tempfile.mkdtemp(prefix=f"chaos-{settings.seed}-", dir=settings.data)).absolute()
    main = MainThread()
    document = main.run(_run(settings, data, main, say))
    if settings.data is None and document["holds"]:
        shutil.rmtree(data, ignore_errors=True)
    else:
        document["data"] = str(data)
    return document


async def _run(settings: Settings, data: Path, main: MainThread, say: Say) -> dict[str, Any]:
    acts = plan(settings.seed, settings.seconds)
    traffic = calls(settings.seed, WARM_UP_SECONDS + settings.seconds, settings.rate)
    stage = Stage(data, settings.seed, main)
    say(f"seed {settings.seed}: {len(acts)} faults, {len(traffic)} calls in {settings.seconds} s")
    try:
        await stage.open()
        first = time.time() + _HEAD_START_SECONDS
        begin = first + WARM_UP_SECONDS
        conductor = Conductor(stage, time.time, say)
        limit = WARM_UP_SECONDS + settings.seconds + FAULTS_SECONDS_MAX
        async with asyncio.timeout(limit), asyncio.TaskGroup() as group:
            load = group.create_task(_load(stage, traffic, first))
            group.create_task(conductor.run(acts, begin))
        generator = load.result()
        say(f"        {generator['calls']} calls, {generator['unanswered']} never answered; all is mended")
        proxied = await stage.lines.tell(DATABASE, "tell")
        unfinished = await _drained(stage)
        connection = await stage.connect()
        try:
            rows = await books.rows(connection)
            of_instructions = {call.body["instruction_id"]: call.owner for call in traffic}
            admitted = await books.admissions(connection, of_instructions)
        finally:
            await connection.close()
        for worker in stage.workers:
            await worker.end(signal.SIGINT)
        say(f"        {len(rows)} payments, {unfinished} unfinished; the books are judged")
        audit = await asyncio.to_thread(proof.audit, stage.database_url, SANDBOX, drained=True)
    finally:
        await stage.close()
    kept = books.read_kept(data / "kept.jsonl")
    verdict = judge(
        Run(
            books.answered(kept), rows, admitted, conductor.caps, DAY_CAP,
            {call.key: call.owner for call in traffic}, {call.key: call.body["instruction_id"] for call in traffic},
        )
    )  # fmt: skip
    begin_ms = round(begin * 1000)
    return _document(settings, acts, conductor.done, kept, begin_ms, verdict, audit) | {
        "payments": _payments(rows, admitted),
        "proxy": proxied,
        "generator": generator,
        "unfinished": unfinished,
        "starts": [worker.starts for worker in stage.workers],
    }


def _payments(rows: Sequence[Any], admitted: Sequence[Admission]) -> dict[str, int]:
    voided = sum(each.voided_ms is not None for each in admitted)
    return {"stored": len(rows), "refused": sum(row.refused for row in rows), "claims": len(admitted), "voided": voided}


async def _load(stage: Stage, traffic: Sequence[Call], begin: float) -> dict[str, Any]:
    """Let the generator run, a process of its own, until all its calls are answered."""
    file, out = stage.data / "calls.jsonl", stage.data / "kept.jsonl"
    file.write_text("".join(json.dumps(line(call), ensure_ascii=False) + "\n" for call in traffic), encoding="utf-8")
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loadtest.insistent", "--urls", *(worker.url for worker in stage.workers), "--key", KEY,
        "--calls", str(file), "--begin", str(begin), "--patience", str(PATIENCE_SECONDS), "--out", str(out),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        printed, _ = await running.communicate()
    except asyncio.CancelledError:
        running.kill()
        await running.wait()
        raise
    found: dict[str, Any] = json.loads(printed)
    return found


async def _drained(stage: Stage) -> int:
    """Mend everything, and let business time pass until nothing is left to become of any payment; what is, is counted."""
    await stage.lines.clean()
    for rail in RAILS:
        await stage.insist(lambda client, rail=rail: client.set_faults(rail))
    until = time.monotonic() + DRAIN_SECONDS_MAX
    connection = await stage.connect()
    try:
        while (left := await books.unfinished(connection)) and time.monotonic() < until:
            await stage.insist(lambda client: client.move_clock(by_seconds=_DRAIN_STEP_SECONDS))
            await asyncio.sleep(1.0)
    finally:
        await connection.close()
    return left


def _began(one: Done) -> int:
    return one.began_ms


def _document(
    settings: Settings,
    acts: tuple[Act, ...],
    done: Sequence[Done],
    kept: Sequence[Mapping[str, Any]],
    begin_ms: int,
    verdict: Verdict,
    audit: Mapping[str, Any],
) -> dict[str, Any]:
    found = [each for each in seconds.seconds(kept, begin_ms) if each.second >= 0]
    bad = [each for each in found if each.is_bad]
    violations = audit["violations"]
    failed = [one for one in done if one.error]
    after = [(one, seconds.recovered_ms(found, begin_ms, one.ended_ms)) for one in sorted(done, key=_began)]
    never = [one for one, well in after if well is None and seconds.is_known(settings.seconds, begin_ms, one.ended_ms)]
    return {
        "seed": settings.seed,
        "seconds": settings.seconds,
        "rate": settings.rate,
        "plan": told(acts),
        "acts": [
            {
                "kind": one.kind,
                "drawn": dict(one.drawn),
                "began_ms": one.began_ms - begin_ms,
                "ended_ms": one.ended_ms - begin_ms,
                "recovered_ms": well,
                "recovery_known": well is not None or one in never,
                "error": one.error,
            }
            for one, well in after
        ],
        "never_well": len(never),
        "calls": len(kept),
        "answers": dict(seconds.outcomes(kept).most_common()),
        "failures": dict(seconds.failures(kept).most_common()),
        "bad_seconds": [each._asdict() for each in bad],
        "lost": len(verdict.lost),
        "double": len(verdict.double),
        "beyond": len(verdict.beyond),
        "false_refusals": len(verdict.false_refusals),
        "unanswered": len(verdict.unanswered),
        "found": {name: texts[:_SHOWN_MAX] for name, texts in verdict._asdict().items() if texts},
        "audit": {"payments": audit.get("payments", 0), "violations": violations},
        "holds": verdict.holds and not violations and not failed and not never,
    }
