"""Rows over HTTP, all driven by the same generator (`loadtest.closed`): the switch's door in its forms, and the yardsticks of the door."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from switch.bench.doors import KEY, Door
from switch.bench.load import START_AT, instructions, templates
from switch.bench.machine import Cpu, cpu, resident_mb
from switch.bench.pipeline import Call
from switch.bench.setting import Bench, Round, Turn
from switch.embedded.process import tied
from switch.translate.messages import instruction_to_pacs008

GENERATOR_SHARE_MAX = 0.7  # of what it can do: above, a run measures the generator (facts/stack.md)
CEILING_SECONDS, CEILING_WARM_UP_SECONDS = 1.5, 0.5
HALF_SECONDS = 5.0  # at least
HALF_CALLS_SPARE = 2  # times as many calls as are needed
CEILING_CALLS = 12_000  # loadtest.open tries itself on 10,000 first
BATCH_ITEMS = 100  # as many as a pacs.008 takes
JSON, XML = "application/json", "application/xml"
_TRANSACTION, _TRANSACTION_END = b"<CdtTrfTxInf>", b"</CdtTrfTxInf>"

Lines = Iterator[dict[str, str]]


class Form(NamedTuple):
    """One form of asking: how calls are made of payments, how many payments a call has, how it is driven."""

    make: Callable[[Iterator[Call]], Lines]
    per_call: int
    connections: int
    per_second_max: int  # payments made beforehand for each second: more than the switch answers
    keeps: bool = True  # whether each call must be new; else the calls are sent again and again
    counts: str = "payments_per_second"  # what of the generator's document is the rate


def _singles(calls: Iterator[Call], path: str = "/v1/payments") -> Lines:
    for participant, key, instruction in calls:
        body = instruction.model_dump_json(exclude_none=True)
        yield {"participant": participant, "key": key, "path": path, "content_type": JSON, "body": body}


def _batches(calls: Iterator[Call]) -> Lines:
    """Make batches of payments of whatever agents: the bench's key may act for all."""
    while part := list(islice(calls, BATCH_ITEMS)):
        items = ",".join(
            f'{{"idempotency_key":"{key}","instruction":{instruction.model_dump_json(exclude_none=True)}}}'
            for _, key, instruction in part
        )
        path = "/v1/payments/batch"
        yield {"participant": "", "key": "", "path": path, "content_type": JSON, "body": f'{{"items":[{items}]}}'}


def _messages(calls: Iterator[Call], transactions: int) -> Lines:
    """Make pacs.008 of so many transactions, each message of one agent's payments."""
    waiting: dict[str, list[Call]] = {}
    for call in calls:
        part = waiting.setdefault(call[0], [])
        part.append(call)
        if len(part) == transactions:
            body = message_of(waiting.pop(call[0]))
            yield {
                "participant": call[0],
                "key": "",
                "path": "/v1/messages",
                "content_type": XML,
                "body": body.decode(),
            }


def message_of(calls: list[Call]) -> bytes:
    """Write one pacs.008 of several payments: messages of one each, put together."""
    written = [
        instruction_to_pacs008(instruction, message_id=f"M{key}", created_at=START_AT) for _, key, instruction in calls
    ]
    head, _, _ = written[0].partition(_TRANSACTION)
    tail = written[0].rpartition(_TRANSACTION_END)[2]
    middle = b"".join(
        _TRANSACTION + each.partition(_TRANSACTION)[2].rpartition(_TRANSACTION_END)[0] + _TRANSACTION_END
        for each in written
    )
    return head.replace(b"<NbOfTxs>1<", b"<NbOfTxs>%d<" % len(calls)) + middle + tail


FORMS = {
    "http_single": Form(_singles, 1, 64, 6_000),
    "http_batch": Form(_batches, BATCH_ITEMS, 8, 14_000),
    "pacs008_1": Form(partial(_messages, transactions=1), 1, 64, 6_000),
    "pacs008_100": Form(partial(_messages, transactions=BATCH_ITEMS), BATCH_ITEMS, 8, 12_000),
    "explain": Form(partial(_singles, path="/v1/payments/explain"), 1, 64, 500, keeps=False, counts="per_second"),
    "fastapi_trivial": Form(_singles, 1, 64, 500, keeps=False),
}


def row(name: str) -> Callable[[Bench, Turn], Round]:
    """Return the row of a form."""
    return partial(_measure, name)


def _measure(name: str, bench: Bench, turn: Turn) -> Round:
    form, settings = FORMS[name], bench.settings
    door = bench.doors.trivial() if name == "fastapi_trivial" else bench.doors.switch()
    if name not in ("explain", "fastapi_trivial") and "main" not in bench.sandboxes:
        bench.sandboxes.append("main")
    calls = bench.folder / f"{name}.jsonl"
    payments = int(form.per_second_max * (settings.seconds + settings.warm_up_seconds))
    write_calls(calls, form, islice(instructions(templates(settings.persons), bench.seed(name, turn)), payments))
    if name not in bench.ceilings:
        said = generate(calls, bench.doors.nothing(), form, CEILING_WARM_UP_SECONDS, CEILING_SECONDS, cycle=True)
        bench.ceilings[name] = said["per_second"]
    before = cpu(door.pid, bench.postgres_pid)
    said = generate(calls, door, form, settings.warm_up_seconds, settings.seconds, cycle=not form.keeps)
    used = cpu(door.pid, bench.postgres_pid).since(before)
    calls.unlink()
    return _told(said, form, used, door, bench.ceilings[name])


def _told(said: dict[str, Any], form: Form, used: Cpu, door: Door, ceiling: float) -> Round:
    share = said["per_second"] / ceiling
    seen = {
        "calls_per_second": said["per_second"],
        "latency_ms": said["latency_ms"],
        "statuses": said["statuses"],
        "reasons": said["reasons"],
        "connections": form.connections,
        "payments_per_call": form.per_call,
        "cpu_us": used.per(said["answered_in_all"] * form.per_call),
        "rss_mb": resident_mb(door.pid),
        "generator": {**said["generator"], "ceiling_per_second": ceiling, "share_of_ceiling": round(share, 3)},
    }
    return Round(said[form.counts], faults_of(said, form, share), seen)


def half_max(bench: Bench, rate: float) -> Round:
    """Drive one payment a call at a constant arrival rate; latency counts from the intended instant of sending."""
    door, form = bench.doors.switch(), FORMS["http_single"]
    calls = bench.folder / "half_max.jsonl"
    seconds, warm_up = max(HALF_SECONDS, bench.settings.seconds), max(1.0, bench.settings.warm_up_seconds)
    count = max(int(rate * (seconds + warm_up) * HALF_CALLS_SPARE), CEILING_CALLS)
    write_calls(
        calls, form, islice(instructions(templates(bench.settings.persons), bench.seed("half", Turn(1))), count)
    )
    steps = [{"rate": max(1, round(rate)), "seconds": seconds + warm_up, "warm_up_seconds": warm_up, "name": "half"}]
    command = [
        sys.executable, "-m", "loadtest.open", "--url", door.url, "--key", KEY, "--calls", str(calls), "--steps",
        json.dumps(steps), "--json", "--samples-per-second", "0",
    ]  # fmt: skip
    done = subprocess.run(tied(command), check=False, capture_output=True, text=True)
    calls.unlink()
    if not done.stdout:
        return Round(rate, [f"latency could not be measured: {done.stderr[-500:]}"], {"p50": None, "p99": None})
    found = json.loads(done.stdout)
    faults = [f"at half of its rate: {why}" for why in found["gate"]["why"]]
    faults += [
        f"at half of its rate: {found['total'][kind]} {kind}"
        for kind in ("wrong", "refused", "shed", "errors")
        if found["total"][kind]
    ]
    told = {name: found["acceptance_ms"][name] for name in ("p50", "p99")}
    return Round(
        rate,
        faults,
        told | {"rate": round(rate), "arrivals": found["model"]["arrivals"], "calls": found["total"]["sent"]},
    )


def faults_of(said: dict[str, Any], form: Form, share: float) -> list[str]:
    """Say what makes a round over HTTP worth nothing."""
    faults = []
    unexpected = {status: count for status, count in said["statuses"].items() if not status.startswith("2")}
    if unexpected or (said["reasons"] and form.keeps):
        faults.append(f"unexpected answers: statuses {unexpected}, reasons {said['reasons']}")
    told = said["payments"]
    faults += [f"{told[kind]} payments were {kind}" for kind in ("refused", "shed", "wrong") if told.get(kind)]
    if not said["answered"]:
        faults.append("nothing was answered")
    if said["unanswered"]:
        faults.append(f"{said['unanswered']} calls were not answered")
    if said["ran_out"]:
        faults.append("the calls made beforehand ran out: the switch is faster than the load that was made for it")
    if share > GENERATOR_SHARE_MAX:
        faults.append(f"the generator ran at {share:.0%} of what it can do: it measured itself")
    return faults


def write_calls(path: Path, form: Form, calls: Iterator[Call]) -> None:
    """Write a file of calls for the generator: making them costs nothing while it runs."""
    with path.open("w", encoding="utf-8") as out:
        for line in form.make(calls):
            out.write(json.dumps(line) + "\n")


def generate(
    calls: Path, door: Door, form: Form, warm_up_seconds: float, seconds: float, *, cycle: bool
) -> dict[str, Any]:
    """Have the closed generator drive a door; its document. Raises CalledProcessError where it says nothing."""
    command = [
        sys.executable, "-m", "loadtest.closed", "--url", door.url, "--key", KEY, "--calls", str(calls),
        "--seconds", str(seconds), "--warm-up-seconds", str(warm_up_seconds), "--connections", str(form.connections),
        *(["--cycle"] if cycle else []),
    ]  # fmt: skip
    done = subprocess.run(tied(command), check=False, stdout=subprocess.PIPE, text=True)
    if not done.stdout:
        done.check_returncode()
    return dict(json.loads(done.stdout))
