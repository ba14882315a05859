"""`python -m loadtest.open --url URL --key KEY (--traffic FILE | --calls FILE) (--steps JSON | --knee JSON)`: drive, measure, tell.

It sends to the address it is given and to no other, ends by itself, and prints one document with `--json`. Exit status 0: the
gate holds, no answer was wrong, and where a knee was asked for it was found; 1: not so; 2: it could not be run.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loadtest.closed import run_loop
from loadtest.open.ceiling import ceiling
from loadtest.open.gate import ACCEPTED_SHARE_MIN
from loadtest.open.knee import Search
from loadtest.open.measured import Counts
from loadtest.open.prepared import marked
from loadtest.open.runner import ANSWER_SECONDS_MAX, CONNECTIONS_MAX, Settings
from loadtest.open.schedule import ARRIVALS, UNIFORM, read_steps
from loadtest.open.session import Session
from loadtest.resources import memory, stolen
from loadtest.traffic import Call, Mix, Traffic
from loadtest.wire import Requests, address_of, read_calls


def main() -> int:
    """Run a load and tell of it."""
    given = _read_arguments()
    say = _quiet if given.json else _aloud
    try:
        document = run_loop(_run(given, say))
    except (OSError, ValueError) as error:
        print(f"the load cannot be run: {error}", file=sys.stderr)
        return 2
    text = json.dumps(document, ensure_ascii=False)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "load.json").write_text(text, encoding="utf-8")
    print(text if given.json else _told(document))
    knee = document.get("knee")
    return 0 if document["gate"]["valid"] and not document["total"]["wrong"] and (not knee or knee["found"]) else 1


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="loadtest.open", description="Drive a switch at constant arrival rates.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--traffic", type=Path, help="lines of `bayswitch traffic`, sent again and again as new payments"
    )
    source.add_argument("--calls", type=Path, help="prepared calls, each sent once: as loadtest.closed takes them")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--steps", help='[{"rate": 500, "seconds": 10, "warm_up_seconds": 2, "name": "calm"}]')
    what.add_argument("--knee", help='{"start": 400, "p99_ms_max": 250}; {} for what is usual')
    parser.add_argument("--arrivals", choices=ARRIVALS, default=UNIFORM)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--run", default="", help="goes into all ids; another one for each run against the same sandbox"
    )
    parser.add_argument("--mix", default="{}", help='repetitions and bad input, in 10,000: {"replay": 100, "bad": 50}')
    parser.add_argument("--form", default="as-written")
    parser.add_argument("--small-amounts", action="store_true", help="amounts that spend no cap soon")
    parser.add_argument("--connections", type=int, default=CONNECTIONS_MAX, help="at most")
    parser.add_argument(
        "--answer-seconds", type=float, default=ANSWER_SECONDS_MAX, help="what is not answered by then is not"
    )
    parser.add_argument("--samples-per-second", type=float, default=10.0, help="calls that wait for their final status")
    parser.add_argument(
        "--accepted-share-min", type=float, default=ACCEPTED_SHARE_MIN,
        help="of the payments of each step; below it the run is invalid (of a knee: accepted_share_min of --knee)",
    )  # fmt: skip
    parser.add_argument(
        "--watch", action="append", default=[], metavar="ROLE=PID", help="processes whose use is recorded"
    )
    parser.add_argument("--out", type=Path, help="folder that gets load.json, and accepted.ids for the audit")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    return parser.parse_args()


async def _run(given: argparse.Namespace, say: Any) -> dict[str, Any]:
    address = address_of(given.url)
    steps = read_steps(json.loads(given.steps)) if given.steps else ()
    search = _read_as(Search, given.knee, "knee") if given.knee else None
    with _calls(given, "ceiling") as trial:
        limit = await ceiling(trial)
    say(f"generator: at most {limit:,.0f} calls a second of its own CPU")
    settings = Settings(given.connections, given.answer_seconds, given.samples_per_second)
    with _calls(given, _run_name(given.run)) as calls, _watching(given) as used:
        session = Session(
            address,
            Requests(address, given.key),
            calls,
            settings,
            given.arrivals,
            given.seed,
            limit,
            say,
            given.accepted_share_min,
        )
        try:
            knee = await session.knee(search) if search else None
            if steps:
                await session.steps(steps)
        finally:
            await session.close()
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "accepted.ids").write_bytes(session.accepted)
    document = session.document()
    document["resources"], document["memory_mb"], document["stolen_share"] = used, memory(used), stolen(used)
    return document | ({"knee": knee} if knee else {})


def _run_name(asked: str) -> str:
    return f"r{secrets.token_hex(4)}" if asked == "fresh" else asked


def _read_as(kind: Any, text: str, name: str) -> Any:
    """Read a JSON object into a NamedTuple; raises ValueError."""
    try:
        return kind(**json.loads(text))
    except (TypeError, ValueError) as error:
        raise ValueError(f"--{name}: {error}; an object of {', '.join(kind._fields)}") from None


@contextmanager
def _calls(given: argparse.Namespace, run: str) -> Iterator[Iterator[Call]]:
    """Give the calls to send; `run` tells those of one run from those of another."""
    if given.calls:
        yield map(marked, read_calls(given.calls))
        return
    mix = _read_as(Mix, given.mix, "mix")
    traffic = Traffic(given.traffic, given.seed, run=run, mix=mix, form=given.form, small_amounts=given.small_amounts)
    try:
        yield traffic.calls()
    finally:
        traffic.close()


@contextmanager
def _watching(given: argparse.Namespace) -> Iterator[list[dict[str, Any]]]:
    """Record what processes use while it lasts; filled in at the end, the generator among them."""
    used: list[dict[str, Any]] = []
    if not given.watch or not given.out:
        yield used
        return
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / "resources.jsonl"
    watched = [*given.watch, f"generator={os.getpid()}"]
    command = [sys.executable, "-m", "loadtest.resources", "--out", str(file)]
    watcher = subprocess.Popen(
        [*command, *(word for root in watched for word in ("--root", root))], stdin=subprocess.PIPE
    )
    try:
        yield used
    finally:
        watcher.communicate(timeout=30)  # the end of its input ends it
        used += [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _told(document: dict[str, Any]) -> str:
    total, acceptance, gate = document["total"], document["acceptance_ms"], document["gate"]
    counts = ", ".join(f"{name} {total[name]:,}" for name in Counts._fields)
    counts += f"; accepted share {total['accepted_share']:.1%}"
    verdict = "the gate holds" if gate["valid"] else "INVALID: " + "; ".join(gate["why"])
    knee = document.get("knee")
    at = [f"knee: {knee['rate']:,.0f} calls a second" if knee["found"] else f"no knee: {knee['why']}"] if knee else []
    return "\n".join(
        [
            counts,
            f"acceptance p50 {acceptance['p50']} ms, p99 {acceptance['p99']} ms (n {acceptance['samples']:,})",
            *at,
            verdict,
        ]
    )


def _aloud(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _quiet(text: str) -> None:
    """Say nothing: standard output is for the document, and nobody reads along."""


if __name__ == "__main__":
    sys.exit(main())
