"""`python -m switch.chaos --seed 7 --seconds 60`, or `--seeds 1-20` for many in a row and one table at the end."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from switch.chaos.running import RATE, SECONDS_MIN, Settings, run
from switch.chaos.stage import StageError
from switch.chaos.telling import summary, table, tell


def main() -> int:
    """Run one seed or several; exit status 0 only where every promise was kept in all."""
    parser = argparse.ArgumentParser(prog="switch.chaos", description="Faults under load: one seed, one run.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--seed", type=int)
    which.add_argument("--seeds", type=_range, help="a range, as 1-20")
    parser.add_argument("--seconds", type=_whole(SECONDS_MIN), default=60, help=f"at least {SECONDS_MIN}")
    parser.add_argument("--rate", type=_whole(1), default=RATE, help="new payments a second")
    parser.add_argument("--data", type=Path, help="keep everything in this folder")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    given = parser.parse_args()
    documents, failed = [], 0
    for seed in given.seeds or [given.seed]:
        try:
            document = run(Settings(seed, given.seconds, given.rate, given.data), _say)
        except (StageError, OSError, ExceptionGroup) as error:  # the others are still worth running
            print(f"seed {seed} was not judged: {error!r}", file=sys.stderr, flush=True)
            failed += 1
            continue
        documents.append(document)
        if not given.json:
            print(tell(document), flush=True)
    if given.json:
        print(json.dumps(summary(documents) if given.seeds else documents[0] if documents else {"holds": False}))
    elif given.seeds:
        print(table(documents))
    return 0 if not failed and all(document["holds"] for document in documents) else 1


def _whole(least: int) -> Callable[[str], int]:
    """Read a whole number of at least so much."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return int(text)

    return read


def _range(text: str) -> range:
    first, dash, last = text.partition("-")
    if not (first.isascii() and first.isdigit()) or (dash and not (last.isascii() and last.isdigit())):
        raise argparse.ArgumentTypeError(f"{text!r} is no range of seeds; write 1-20")
    if dash and int(last) < int(first):
        raise argparse.ArgumentTypeError(f"{text!r} ends before it begins; write the smaller seed first")
    return range(int(first), int(last or first) + 1)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
