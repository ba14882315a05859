"""Rows that need no door: the pipeline in process, as it is, under a quota storm, and over slow rails.

Each round is a program of its own (switch.bench.in_process) on a new sandbox.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from switch.bench.setting import Bench, Round, Turn
from switch.embedded.process import tied

STORM_REFUSED_SHARE = (0.85, 0.95)


def pipeline(bench: Bench, turn: Turn) -> Round:
    """Drive the mix through a new sandbox."""
    return _paid(played(bench, "pipeline", turn))


def slow_rails(bench: Bench, turn: Turn) -> Round:
    """Drive the mix over rails that take 200 ms, with 10,000 payments in flight."""
    return _paid(played(bench, "slow_rails", turn))


def storm(bench: Bench, turn: Turn) -> Round:
    """Drive a quota storm: nine of ten are refused by allowances that are spent; answers count, refused or credited."""
    seen = played(bench, "storm", turn)
    faults = common_faults(seen)
    low, high = STORM_REFUSED_SHARE
    if not low <= seen["refused_share"] <= high or seen["rejected"]:
        faults.append(
            f"{seen['refused_share']:.1%} were refused and {seen['rejected']} rejected: it was to be nine of ten, and none"
        )
    return Round(seen["per_second"], faults, seen)


def orders(bench: Bench, turn: Turn) -> Round:
    """Drive a burst of orders on two links' quotas through the desk: judged one after the other, durable; events count."""
    sandbox, settings = bench.sandbox("orders", turn), bench.settings
    bench.sandboxes.append(sandbox)
    seen = _document([
        sys.executable, "-m", "switch.bench.orders", "--database-url", bench.database_url, "--sandbox", sandbox,
        "--postgres-pid", str(bench.postgres_pid), "--seconds", str(settings.seconds),
        "--warm-up-seconds", str(settings.warm_up_seconds), "--seed", str(bench.seed("orders", turn)),
    ])  # fmt: skip
    faults = common_faults(seen)
    if seen["refused_share"] or seen["wrong"]:
        faults.append(
            f"{seen['refused_share']:.1%} were refused and {seen['wrong']} were wrong, of none was it expected"
        )
    return Round(seen["per_second"], faults, seen)


def _paid(seen: dict[str, Any]) -> Round:
    faults = common_faults(seen)
    if seen["refused"] or seen["rejected"]:
        faults.append(
            f"{seen['refused']} payments were refused and {seen['rejected']} rejected, of none was it expected"
        )
    return Round(seen["per_second"], faults, seen)


def sampled(bench: Bench) -> dict[str, Any]:
    """Play the pipeline once more under the sampler and give the CPU budget of a payment."""
    return dict(played(bench, "budget", Turn(1), ["--sampled"], load="pipeline")["budget"])


def played(
    bench: Bench,
    row: str,
    turn: Turn,
    options: Sequence[str] = (),
    under: Sequence[str] = (),
    load: str = "",
    sandbox: str = "",
) -> dict[str, Any]:
    """Play one turn of a row and give its document; `under` is a program that runs it. Raises CalledProcessError.

    `load`: which of switch.bench.calls, instead of the one that bears the row's name. `sandbox`: on which, instead of a new one.
    """
    sandbox, settings = sandbox or bench.sandbox(row, turn), bench.settings
    if sandbox not in bench.sandboxes:
        bench.sandboxes.append(sandbox)
    command = [
        *under, sys.executable, "-m", "switch.bench.in_process", load or row, "--database-url", bench.database_url, "--sandbox", sandbox,
        "--postgres-pid", str(bench.postgres_pid), "--seconds", str(settings.seconds),
        "--warm-up-seconds", str(settings.warm_up_seconds), "--persons", str(settings.persons),
        "--seed", str(bench.seed(row, turn)), *options,
    ]  # fmt: skip
    return _document(command)


def _document(command: Sequence[str]) -> dict[str, Any]:
    """Run a program of a row; its document. Raises CalledProcessError."""
    done = subprocess.run(tied(command), check=True, stdout=subprocess.PIPE, text=True)
    return dict(
        json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    )  # py-spy talks, too


def drawn(bench: Bench, picture: Path) -> None:
    """Play the pipeline once more under py-spy, which draws a flame graph; raises CalledProcessError where it may not."""
    spy = [
        "py-spy",
        "record",
        "--nonblocking",
        "--rate",
        "500",
        "--format",
        "flamegraph",
        "--output",
        str(picture),
        "--",
    ]
    played(bench, "drawn", Turn(1), under=[str(Path(sys.executable).parent / spy[0]), *spy[1:]], load="pipeline")


def common_faults(seen: dict[str, Any]) -> list[str]:
    """Say what makes a round in process worth nothing."""
    faults = []
    if not seen["payments"]:
        faults.append("no payment came to its end while it was measured: measure longer")
    if seen["ran_out"]:
        faults.append("the payments made beforehand ran out: the switch is faster than the load that was made for it")
    if not seen["all_ended"]:
        faults.append("some payments had not ended a minute after the load did")
    return faults
