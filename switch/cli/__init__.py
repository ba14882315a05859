"""The command line: `bayswitch up | demo | traffic | pay | explain | rulebook | bench | audit`.

Each command is a thin shell in a module of its own; this one registers them. `--json` prints one document on standard
output and nothing else; exit status 0 means what was asked holds.
"""

import typer

from switch.cli import bench, demo, offline, system, traffic

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="A cross-border payments switch simulator for the Greater Bay Area.",
)
rulebook = typer.Typer(no_args_is_help=True, help="The law as dated data with sources.")
app.add_typer(rulebook, name="rulebook")

app.command()(system.up)
app.command()(demo.demo)
app.command()(traffic.traffic)
app.command()(system.pay)
app.command()(offline.explain)
app.command()(bench.bench)
app.command()(system.audit)
rulebook.command("show")(offline.show)


def main() -> None:
    """Run the command line."""
    app()
