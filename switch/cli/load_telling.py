"""What the terminal shows of a load: its steps, what was refused and why, the knee, the gate and the audit."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from switch.cli import load_tables

_REASONS_SHOWN = 8
STOLEN_SHARE_TOLD = 0.02


def tell(document: dict[str, Any], report: Path | None) -> None:
    """Tell a load on standard output."""
    console = Console()
    knee = document.get("knee")
    console.print(load_tables.curve(console, knee) if knee else load_tables.steps(console, document))
    if document["refusals"] or document["shed"] or document["wrong"] or document["errors"]:
        console.print(_reasons(document))
    completion = document["completion_ms"]
    console.print(
        f"completion (sampled, {completion['samples']:,} payments): p50 {completion['p50']:,.1f} ms, "
        f"p99 {completion['p99']:,.1f} ms; still open when looked at: {completion['still_open']:,}"
    )
    if knee:
        console.print(_knee(knee), soft_wrap=True)
    gate = document["gate"]
    console.print(
        f"generator: at most {gate['cpu_share_max']:.0%} of its core used; its ceiling {gate['ceiling_per_second']:,} calls a second"
    )
    if used := document.get("memory_mb"):
        told = ", ".join(f"{role} {each['first']:,.0f} → {each['last']:,.0f}" for role, each in used.items())
        console.print(f"memory, MB, first and last tenth: {told}", soft_wrap=True)
    if (stolen := document.get("stolen_share", 0.0)) > STOLEN_SHARE_TOLD:
        console.print(
            f"the host gave {stolen:.0%} of this machine to others meanwhile: latencies are not the switch's alone"
        )
    audit = document["audit"]
    if audit is None:
        console.print("audit: not made", style="yellow")
    else:
        console.print(f"audit: {audit['payments']:,} payments, {len(audit['violations'])} violations")
        if document["compared"]:
            console.print(document["compared"], soft_wrap=True)
        for violation in audit["violations"][:_REASONS_SHOWN]:
            console.print(f"    {violation['check']}: {escape(violation['detail'])}", style="red", soft_wrap=True)
    for why in document["why_not"]:
        console.print(escape(why), style="bold red", soft_wrap=True)
    if document["holds"] and audit is not None:
        console.print("sound: everything offered was sent and answered; the books are right", style="bold green")
    elif document["holds"]:
        said = "measured, books not audited: everything offered was sent and answered (--data or --database-url names the books)"
        console.print(said, style="bold yellow", soft_wrap=True)
    if report is not None:
        console.print(f"report: {report}", style="dim", soft_wrap=True)


def _reasons(document: dict[str, Any]) -> Table:
    table = Table("what", "reason", "name", "rule", "payments", title="not accepted")
    table.columns[-1].justify = "right"
    for name, title in (("refusals", "refused"), ("shed", "shed"), ("wrong", "wrong"), ("errors", "error")):
        for row in document[name][:_REASONS_SHOWN]:
            table.add_row(title, escape(row["reason"]), row["name"], row["rule"], f"{row['count']:,}")
    return table


def _knee(knee: dict[str, Any]) -> str:
    if not knee["found"]:
        best = max((each for each in knee["curve"] if load_tables.held(each, knee["limits"])), key=_rate, default=None)
        said = f"[bold red]no knee: {escape(knee['why'])}[/]"
        if best is None:
            return said
        return f"{said}\nthe highest rate that held (unconfirmed): {best['rate']:,.0f} calls a second, p99 {best['p99_ms']:,.1f} ms"
    text = f"[bold]knee: {knee['rate']:,.0f} calls a second[/] with p99 of at most {knee['limits']['p99_ms_max']:g} ms"
    half = knee["half"]
    text += f"; at half of it p99 {half['p99_ms']:,.1f} ms" if half else ""
    return f"{text}; not as precise as asked: {escape(knee['why'])}" if knee["why"] else text


def _rate(point: dict[str, Any]) -> float:
    return float(point["rate"])
