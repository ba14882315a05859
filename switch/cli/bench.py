"""`bayswitch bench`: the switch beside pgbench in one run on this machine, durable, audited."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from switch import bench as benchmark

_AS_JSON = typer.Option("--json", help="Print one JSON document and nothing else.")


def bench(
    seconds: Annotated[float, typer.Option(help="Measured seconds of the pipeline.")] = 20.0,
    warm_up_seconds: Annotated[float, typer.Option(help="Seconds before measuring begins.")] = 5.0,
    pgbench_seconds: Annotated[int, typer.Option(help="Seconds of pgbench for each number of clients.")] = 30,
    persons: Annotated[int, typer.Option(help="Persons who pay.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of the load.")] = 1,
    data: Annotated[
        Path | None, typer.Option(help="Where the stores live (default: a folder of its own, removed).")
    ] = None,
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Measure pipeline and HTTP beside pgbench on the same PostgreSQL with fsync on. Exit 0 if the audit passes."""
    settings = benchmark.Settings(seconds, warm_up_seconds, persons, seed)
    console = Console(stderr=True, quiet=as_json)
    with tempfile.TemporaryDirectory(prefix="bayswitch-bench-", dir=data) as folder:
        document = benchmark.run(Path(folder), settings, pgbench_seconds, lambda text: console.print(text, style="dim"))
    document["manifest"]["commit"] = _commit()
    if as_json:
        print(json.dumps(document, indent=2))
    else:
        _tell(document)
    raise typer.Exit(0 if not document["audit"]["violations"] else 1)


def _commit() -> str:
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        check=False,
        capture_output=True,
        text=True,
    )
    return found.stdout.strip()


def _tell(document: dict[str, Any]) -> None:
    rates = document["rates"]
    table = Table("what", "per second", "to pgbench's best", title="bayswitch bench")
    for name, rate in rates.items():
        # Messages are read on one core without a database: beside pgbench they say nothing.
        table.add_row(name, f"{rate:,.0f}", f"{rate / rates['pgbench']:.2f}" if name != "messages" else "")
    console = Console(file=sys.stdout)
    console.print(table)
    audit = document["audit"]
    console.print(f"audit: {audit['payments']:,} payments, {len(audit['violations'])} violations")
    console.print_json(json.dumps(document["manifest"]))
