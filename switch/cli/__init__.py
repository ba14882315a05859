"""The command line: `bayswitch up | demo | drill | traffic | pay | key | explain | rulebook | report | rail | bench | load | audit`.

Each command is a thin shell in a module of its own; this one registers them. `--json` prints one document on standard
output and nothing else; exit status 0 means what was asked holds.
"""

import signal
from types import FrameType

import stamina
import typer

from switch.cli.audit import audit
from switch.cli.bench import bench
from switch.cli.demo import demo
from switch.cli.drill import drill
from switch.cli.explain import explain
from switch.cli.law import rulebook
from switch.cli.load import load
from switch.cli.rail import rail
from switch.cli.report import report
from switch.cli.system import key, pay, up
from switch.cli.traffic import traffic

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A cross-border payments switch simulator for the Greater Bay Area.",
)
app.add_typer(rulebook, name="rulebook")
app.add_typer(rail, name="rail")

for command in (up, demo, drill, traffic, pay, key, explain, report, bench, load, audit):
    app.command()(command)


def main() -> None:
    """Run the command line."""
    stamina.instrumentation.set_on_retry_hooks([])  # a retry is no news, and standard output is for the answer
    signal.signal(signal.SIGTERM, _end)
    app()


def _end(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does: what was started is stopped, temporary folders go. `up` and `rail` listen themselves once they serve."""
    signal.signal(number, _heed_no_more)  # `timeout` tells us twice, and the second must not cut the cleaning short
    raise SystemExit(128 + number)


def _heed_no_more(number: int, frame: FrameType | None) -> None:
    """Go on cleaning up."""
