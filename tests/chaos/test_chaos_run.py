"""Whole runs against real processes: a few short seeds for `make prove`; twenty of a minute are `python -m switch.chaos --seeds 1-20`.

In a process of their own: embedded stores are started from a main thread.
"""

import json
import subprocess
import sys

import pytest

SEEDS = (1, 2, 3)
SECONDS = 20
SECONDS_MAX = 400  # on a machine that does other things besides; on a quiet one it takes a minute


@pytest.mark.prove
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_doubled_exceeded_or_falsely_refused_whatever_breaks(seed: int) -> None:
    command = [
        sys.executable,
        "-m",
        "switch.chaos",
        "--seed",
        str(seed),
        "--seconds",
        str(SECONDS),
        "--rate",
        "60",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    promised = ("lost", "double", "beyond", "false_refusals", "unanswered")
    assert {name: found[name] for name in promised} == dict.fromkeys(promised, 0), found["found"]
    assert found["audit"]["violations"] == [] and found["unfinished"] == 0
    assert found["holds"] and done.returncode == 0
    assert found["calls"] > SECONDS * 60 and len(found["acts"]) >= 5
