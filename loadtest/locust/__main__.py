"""Starts Locust without a page over a traffic file and prints one JSON document: `python -m loadtest.locust --url URL --key KEY --traffic FILE`.

Locust runs in a process of its own, since importing it patches sockets. Exit 0: requests went out and none failed; 1: one did; 2: it
could not be asked.
"""

import argparse
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from loadtest.locust.curves import load_curves
from loadtest.locust.load import CANNOT, GIVEN, STOP_SECONDS, TAG_LENGTH, Given
from loadtest.traffic import RUN_LENGTH_MAX, Traffic, TrafficError

_MISSING = "Locust is not installed; install it with: python -m pip install 'bayswitch[load]'"
_SPARE_SECONDS = 60.0  # beside the run's own: to start, to collect, to stop


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Locust as asked; print its document."""
    asked = _parsed(arguments)
    if importlib.util.find_spec("locust") is None:
        print(_MISSING, file=sys.stderr)
        return 2
    try:
        Traffic(asked.traffic, asked.seed, share=(0, _workers(asked))).close()
    except (TrafficError, OSError) as error:
        what = f"{asked.traffic} cannot be read ({error.strerror})" if isinstance(error, OSError) else str(error)
        print(f"--traffic: {what}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="bayswitch-locust-") as folder:
        out = Path(folder) / "document.json"
        return _run(asked, out)


def _run(asked: argparse.Namespace, out: Path) -> int:
    given = Given(
        str(asked.traffic.absolute()), asked.key, asked.curve, asked.users, asked.seconds, _workers(asked), asked.seed,
        asked.run or uuid4().hex[:8], tuple(asked.only.split(",")) if asked.only else (), asked.think_seconds, str(out),
    )  # fmt: skip
    # -P: from inside this folder `locust` would be ours.
    command = [sys.executable, "-P", "-m", "locust", "-f", str(Path(__file__).with_name("locustfile.py")), "--headless"]
    command += ["--host", asked.url, "--stop-timeout", str(STOP_SECONDS), "--loglevel", "WARNING", "--only-summary"]
    command += _part(asked)
    environment = os.environ | {GIVEN: given.written()}
    ended = _ended(command, environment, None if asked.master or asked.worker else asked.seconds + _SPARE_SECONDS)
    if ended == CANNOT:  # it has said why
        return CANNOT
    if asked.worker and ended is not None:
        return ended
    if ended is None or not out.exists():
        print(
            f"Locust {'did not end in time' if ended is None else 'wrote nothing'}; its log is above", file=sys.stderr
        )
        return 2
    document = json.loads(out.read_text(encoding="utf-8"))
    print(json.dumps(document, ensure_ascii=False, indent=2))
    return 0 if document["requests"] and not document["failures"] else 1


def _ended(command: Sequence[str], environment: Mapping[str, str], seconds_max: float | None) -> int | None:
    """Run Locust and its workers to their end; None where the time for it was up. None of them outlives this."""
    running = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True
    )
    try:
        return running.wait(seconds_max)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)


def _part(asked: argparse.Namespace) -> list[str]:
    """Say what this process is: all of it, or master or worker of several machines."""
    if asked.master:
        return ["--master", "--expect-workers", str(asked.workers), "--master-bind-port", str(asked.master_port)]
    if asked.worker:
        return ["--worker", "--master-host", asked.master_host, "--master-port", str(asked.master_port)]
    if asked.processes > 1:
        # A free port, so that two runs on one machine do not meet; its own workers alone know it.
        port = str(_free_port())
        bound = ["--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        return ["--processes", str(asked.processes), *bound, "--master-port", port]
    return []


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _workers(asked: argparse.Namespace) -> int:
    return int(asked.workers if asked.master or asked.worker else asked.processes)


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtest.locust", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="where the switch serves")
    parser.add_argument("--key", default="dev", help="its development key: users act as the agents of the file")
    parser.add_argument(
        "--traffic",
        required=True,
        type=Path,
        help="file of `bayswitch traffic` (--messages for the users who send XML)",
    )
    parser.add_argument(
        "--curve", default="steady", choices=sorted(load_curves()), help="how many users there are over the run"
    )
    parser.add_argument("--users", type=int, default=50, help="at the curve's highest")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long it runs")
    parser.add_argument(
        "--think-seconds", type=float, default=0.1, help="mean time of a user between answer and next call"
    )
    parser.add_argument(
        "--only", default="", help="kinds of user, by name, with commas; default: all the file has lines for"
    )
    parser.add_argument("--seed", type=int, default=1, help="of what is repeated, and which bad input is sent")
    parser.add_argument(
        "--run", default="", help="goes into all ids; default: another each time. The same on all machines"
    )
    parser.add_argument("--processes", type=int, default=1, help="workers on this machine")
    parser.add_argument("--master", action="store_true", help="of workers on other machines")
    parser.add_argument("--worker", action="store_true", help="of a master")
    parser.add_argument(
        "--workers", type=int, default=0, help="how many workers there are; master and workers say the same"
    )
    parser.add_argument("--master-host", default="127.0.0.1")
    parser.add_argument("--master-port", type=int, default=5557)
    asked = parser.parse_args(arguments)
    if (asked.master or asked.worker) and (asked.workers < 1 or not asked.run):
        parser.error("--master and --worker need --workers N and --run NAME, the same ones everywhere")
    if asked.users < 1 or asked.seconds <= 0 or asked.processes < 1 or asked.think_seconds < 0:
        parser.error("--users, --seconds and --processes are above 0, --think-seconds is not negative")
    if len(asked.run) > RUN_LENGTH_MAX - TAG_LENGTH or (
        asked.run and not (asked.run.isascii() and asked.run.isalnum())
    ):
        parser.error(f"--run has at most {RUN_LENGTH_MAX - TAG_LENGTH} Latin letters and digits")
    return asked


if __name__ == "__main__":
    sys.exit(main())
