"""`bayswitch audit`: ask the auditor, a program of its own, about a running or stopped sandbox. Not here: any check."""

import subprocess
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from switch.cli.system import DATA, sandbox_stores
from switch.embedded.process import tied
from switch.queries import queries


def audit(
    data: Annotated[Path, typer.Option(help="Data folder; stopped stores are started for the audit.")] = DATA,
    database_url: Annotated[str | None, typer.Option(help="The PostgreSQL to audit.")] = None,
    redis_url: Annotated[str | None, typer.Option(help="Its Valkey (holds nothing an audit needs).")] = None,
    sandbox: Annotated[str, typer.Option(help="Sandbox.")] = "main",
    drained: Annotated[bool, typer.Option("--drained", help="The run is over: every payment must be final.")] = False,
    plant: Annotated[
        str | None,
        typer.Option(
            metavar="all|list|CHECK",
            help="Write one fault for each check (or this one: names in docs/audit.md, or `--plant list`) into a copy, and show "
            "that it is found by that check alone.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Prove the books of a running or stopped switch: nothing lost, no cap exceeded, debits equal credits. Exit 0 if so."""
    if plant is not None:
        _check(plant)
    asked = [
        *(["--drained"] if drained else []),
        *(["--plant", plant] if plant else []),
        *(["--json"] if as_json else []),
    ]
    with sandbox_stores(data, database_url, redis_url) as urls:
        command = [sys.executable, "-m", "loadtest.audit", "--database-url", urls.database_url, "--sandbox", sandbox]
        raise typer.Exit(subprocess.run(tied([*command, *asked]), check=False).returncode)


def _check(name: str) -> None:
    """Look whether there is such a check, before any books are opened; `list` prints the names and ends."""
    checks = queries("loadtest.audit", "plants")  # a fault for each check, under its name
    if name == "list":
        print("\n".join(checks))
        raise typer.Exit
    if name != "all" and name not in checks:
        near = get_close_matches(name, checks, n=1)
        meant = f"{near[0]} was meant? " if near else ""
        raise typer.BadParameter(
            f"there is no check {name!r}. {meant}`bayswitch audit --plant list` names them all", param_hint="--plant"
        )
