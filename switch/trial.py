"""Trying a rulebook in a process of its own: a second of work that would be taken from the payments of this one.

A child for each trial, with nothing of the switch in it but the law; `python -m switch.trial` reads what is to be tried from
standard input and writes what came of it. It stores nothing and takes up nothing.
"""

import json
import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from limits.documents import RulebookError
from limits.trial import try_overlays

TRIAL_SECONDS_MAX = 30.0  # it takes one on a quiet machine; whoever asked has waited long enough by then


class TrialFailed(Exception):
    """Nothing is known of the rulebook: its trial took too long, or ended without a word."""


class Tried(NamedTuple):
    """A rulebook that can be gone by, and what is wrong with participants' own limits under it."""

    rulebook_id: str
    own_limit_faults: Sequence[str]


def try_apart(
    overlays: Sequence[Mapping[str, Any]], days: Sequence[date], own_limits: Mapping[str, Mapping[str, str]]
) -> Tried:
    """Try overlays as `limits.trial.try_overlays` does, in a child; blocks. Raises RulebookError, TrialFailed.

    Pickled, not JSON: a whole number of thousands of digits, which no law holds, must get as far as its refusal.
    """
    asked = pickle.dumps((overlays, days, own_limits))
    command = [sys.executable, "-m", "switch.trial"]
    try:
        run = subprocess.run(command, input=asked, capture_output=True, timeout=TRIAL_SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        raise TrialFailed(f"the trial of a rulebook took more than {TRIAL_SECONDS_MAX:.0f} s") from None
    if run.returncode != 0:
        raise TrialFailed(f"the trial of a rulebook ended with {run.returncode}: {run.stderr.decode()[-1_000:]}")
    said = json.loads(run.stdout)
    if "error" in said:
        raise RulebookError(*said["error"])
    return Tried(said["rulebook_id"], said["own_limit_faults"])


def main() -> None:
    """Be the child."""
    overlays, days, own_limits = pickle.load(sys.stdin.buffer)
    try:
        rulebook = try_overlays(overlays, days)
    except RulebookError as error:
        said: dict[str, Any] = {"error": (error.file, error.key, error.text)}
    else:
        said = {"rulebook_id": rulebook.id, "own_limit_faults": rulebook.own_limit_faults(own_limits)}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
