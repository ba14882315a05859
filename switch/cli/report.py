"""`bayswitch report`: receipts and payments, or conversions, from the books of a running or stopped sandbox."""

import asyncio
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from switch.cli.amounts import grouped
from switch.cli.system import sandbox_stores
from switch.embedded.process import FolderInUse, ServerError
from switch.main import CannotOpen, read_report
from switch.participants.registry import load_registry
from switch.report.assembly import Report, document, rows
from switch.report.question import CONVERSION, RECEIPTS_AND_PAYMENTS, WrongQuestion, read_question
from switch.report.rendering import CSV, JSON, PARQUET, rendered

_DATA = Path(".bayswitch")
_NUMBERS = ("count", "amount", "rmb_amount")


class ReportName(StrEnum):
    """Which report."""

    receipts_and_payments = RECEIPTS_AND_PAYMENTS
    conversion = CONVERSION


class Form(StrEnum):
    """In which form."""

    table = "table"
    json = JSON
    csv = CSV
    parquet = PARQUET


def report(
    name: Annotated[ReportName, typer.Argument(help="Which report.")],
    since: Annotated[str, typer.Option("--from", help="First law day (UTC+8), by the day of settlement: 2026-03-05.")],
    until: Annotated[str | None, typer.Option("--to", help="Last law day; the first where it is left out.")] = None,
    economy: Annotated[
        str | None, typer.Option(help="Reporting economy: CN, HK, MO; all where it is left out.")
    ] = None,
    participant: Annotated[str | None, typer.Option(help="Payments of this participant (BIC) alone.")] = None,
    data: Annotated[Path, typer.Option(help="Data folder; stopped stores are started for the report.")] = _DATA,
    database_url: Annotated[
        str | None, typer.Option(help="The PostgreSQL to read, where it is one of your own.")
    ] = None,
    sandbox: Annotated[str, typer.Option(help="Sandbox.")] = "main",
    form: Annotated[Form, typer.Option("--format", help="table, json, csv, or parquet (needs --out).")] = Form.table,
    out: Annotated[Path | None, typer.Option(help="File to write instead of standard output.", dir_okay=False)] = None,
    min_count: Annotated[
        int, typer.Option(min=1, help="Leave out cells of fewer records, which may show somebody.")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Report what settled, by economy, item, code, direction, currency and day, and what official returns would show of it."""
    chosen = Form.json if as_json else form
    if chosen is Form.parquet and out is None:
        raise typer.BadParameter("Parquet is no text; name a file with --out", param_hint="--format")
    if chosen is Form.table and out is not None:
        raise typer.BadParameter("a table is for the eye; write json, csv or parquet to a file", param_hint="--format")
    if participant is not None and participant[:8] not in (known := load_registry().participants):
        raise typer.BadParameter(
            f"{participant} is no participant; there are {', '.join(sorted(known))}", param_hint="--participant"
        )
    owner = participant[:8] if participant else None
    try:
        question = read_question(name.value, since, since if until is None else until, economy, owner, min_count)
    except WrongQuestion as error:
        raise typer.BadParameter(error.text, param_hint=f"--{error.field}") from None
    try:
        with sandbox_stores(data, database_url) as urls:
            made = asyncio.run(read_report(urls.database_url, question, sandbox))
    except (CannotOpen, FolderInUse, ServerError, OSError) as error:
        Console(stderr=True).print(f"the sandbox's books cannot be read: {error}", style="red", soft_wrap=True)
        raise typer.Exit(2) from None
    if chosen is Form.table:
        _tell(made)
    else:
        _write(rendered(made, chosen.value), out)


def _write(content: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(content.decode())
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        what = f"{out} cannot be written ({error.strerror}); name a file in a folder that is there"
        raise typer.BadParameter(what, param_hint="--out") from error


def _tell(made: Report) -> None:
    console, whole = Console(), document(made)
    cells = rows(made)
    if cells:
        _table(console, cells)
    else:
        whose = f" of {whole['economy']}" if whole["economy"] else ""
        console.print(f"No cell{whose} from {whole['from']} to {whole['to']}: nothing settled of what was asked for.")
    console.print(f"Settled, in no cell: {_counted(whole['left_out'])}", soft_wrap=True)
    console.print(f"Not settled: {_counted(whole['not_settled'])}", soft_wrap=True)
    for mark in whole["marks"]:
        console.print(f"[bold]{mark['basis']}[/] ({mark['mark']}): {escape(mark['description'])}", soft_wrap=True)
        console.print(f"    {escape(mark['reference'])}", style="dim", soft_wrap=True)
    if cells:
        for bridged in whole.get("bridge", ()):
            _bridge(console, bridged)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if count) or "none"


def _table(console: Console, cells: list[dict[str, Any]]) -> None:
    """Write cells in columns, a line each, however wide the screen; what is the same in all is said once."""
    shown = list(cells[0])
    same = [name for name in shown if len(cells) > 1 and len({cell[name] for cell in cells}) == 1]
    if same:
        console.print(", ".join(f"{name} {cells[0][name] or '—'}" for name in same), style="dim", soft_wrap=True)
    columns = [name for name in shown if name not in same]
    lines = [columns, *([_shown(name, cell[name]) for name in columns] for cell in cells)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for n, line in enumerate(lines):
        text = "  ".join(
            value.rjust(width) if name in _NUMBERS else value.ljust(width)
            for name, value, width in zip(columns, line, widths, strict=True)
        )
        console.print(escape(text.rstrip()), style="bold" if n == 0 else None, soft_wrap=True, highlight=False)


def _shown(name: str, value: Any) -> str:
    return grouped(value) if name.endswith("amount") else str(value)


def _bridge(console: Console, bridged: dict[str, Any]) -> None:
    console.print(f"\n[bold]To the balance of payments of {bridged['economy']}[/]")
    for line in bridged["lines"]:
        head = f"  {line['line']:<24}"
        if line["why"]:
            console.print(f"{head} {line['status']}: {escape(line['why'])}", style="dim", soft_wrap=True)
        for figure in line["figures"]:
            console.print(
                f"{head} {figure['currency']} {_sides(figure)}; observable: {_sides(figure['observable'])}",
                soft_wrap=True,
            )


def _sides(figure: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {grouped(value)}" for name, value in figure.items() if name not in ("currency", "observable")
    )
