"""What `bayswitch bench` shows of its document: the table of rows, the ratios, a comparison. It measures nothing."""

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from switch.bench.compare import NOT_COMPARABLE

ROUNDS_TO_QUOTE = 3  # of fewer, nobody sees how far they lie apart
_LEGEND = (
    "per second: the median of the rounds; from - to: the least and the greatest of them; Python µs, PostgreSQL µs: CPU time of a "
    "payment; stolen: the most that the host took of the machine"
)


def tell(console: Console, document: Mapping[str, Any]) -> None:
    """Show a run."""
    console.print(_rates(document))
    console.print(_LEGEND, style="dim", soft_wrap=True, highlight=False)
    if (rounds := document["manifest"]["rounds"]) < ROUNDS_TO_QUOTE:
        short = "one short round" if rounds == 1 else f"{rounds} rounds"
        console.print(f"{short}: a look, no figure to quote; `--rounds 5` gives one", style="yellow", soft_wrap=True)
    if document["ratios"]:
        console.print(_ratios(document["ratios"]))
    if "latency_ms" in document:
        half = document["latency_ms"]["http_half_max"]
        console.print(
            f"at half of http_single's rate, from the intended send time: p50 {half['p50']} ms, p99 {half['p99']} ms"
        )
    if found := document.get("grown"):
        console.print(
            f"with {found['payments']:,} payments of {found['persons']:,} persons stored ({found['bytes_per_payment']:,} bytes each) a payment "
            f"costs {found['cpu_ratio']['median']:.2f} × the CPU time and {found['wall_ratio']['median']:.2f} × the time of an empty "
            f"store (asked: {found['asked']}, {'met' if found['met'] else 'missed'})",
            soft_wrap=True,
        )
    audit = document["audit"]
    console.print(f"audit: {audit['payments']:,} payments, {len(audit['violations'])} violations")
    for fault in document["faults"]:
        console.print(f"not valid: {fault}", style="red", soft_wrap=True)
    for violation in audit["violations"][:10]:
        console.print(f"violation: {violation}", style="red", soft_wrap=True, markup=False)


def tell_comparison(console: Console, lines: Iterable[Mapping[str, Any]], against: str) -> None:
    """Show a run beside a kept one."""
    table = Table("row", "to", "now", "then", "change", "", title=f"beside {against}")
    lines = list(lines)
    unlike = [line["verdict"] for line in lines if line["verdict"].startswith(NOT_COMPARABLE)]  # the same for all
    for line in lines:
        now, kept = line["now"], line["kept"]
        places = 0 if line["yardstick"] is None else 2
        change = "" if line["change"] is None else f"{line['change']:+.0%}"
        table.add_row(
            line["row"],
            line["yardstick"] or "",
            _interval(now, places),
            _interval(kept, places),
            change,
            NOT_COMPARABLE.rstrip(": ") if unlike else line["verdict"],
        )
    console.print(table)
    if unlike:
        console.print(unlike[0], style="red", soft_wrap=True, markup=False)


def tell_manifest(console: Console, manifest: Mapping[str, Any]) -> None:
    """Show in five lines what was measured on what; all of it stands in the document."""
    server, load, pgbench = manifest["postgres"], manifest["load"], manifest["pgbench"]
    lines = (
        f"commit {manifest['commit'] or 'unknown'}, {manifest['date']}",
        f"{manifest['cores']} cores of {manifest['cpu']}, {manifest['memory_gb']} GB, {manifest['machine']}, {manifest['system']}",
        f"Python {manifest['python']}; PostgreSQL {server['server_version']}, fsync {server['fsync']}, synchronous_commit "
        f"{server['synchronous_commit']}, shared_buffers {server['shared_buffers']}",
        f"{manifest['rounds']} × {manifest['measured_seconds']:g} s after {manifest['warm_up_seconds']:g} s; {load['persons']:,} persons, "
        f"seed {load['seed']}; pgbench at scale {pgbench['scale']}",
        "versions, settings and limits in full: --json",
    )
    for line in lines:
        console.print(line, style="dim", soft_wrap=True, highlight=False, markup=False)


def tell_budget(console: Console, budget: Mapping[str, Any]) -> None:
    """Show the CPU time of a payment by stage."""
    table = Table("stage", "CPU µs a payment", "share", title=f"CPU budget, {budget['payments']:,} payments")
    for stage, spent in budget["stages"].items():
        table.add_row(stage, f"{spent:.1f}", f"{spent / budget['sum']:.0%}")
    table.add_row("sum", f"{budget['sum']:.1f}", "100%")
    console.print(table)


def _rates(document: Mapping[str, Any]) -> Table:
    table = Table("row", "per second", "from - to", "Python µs", "PostgreSQL µs", "stolen", title="bayswitch bench")
    for name, rate in document["rates"].items():
        interval, rounds = document["intervals"][name], document["rows"][name]
        cpu = [seen["cpu_us"] for seen in rounds if "cpu_us" in seen]
        stolen = max((seen["stolen_shares"][-1] for seen in rounds if "stolen_shares" in seen), default=0.0)
        table.add_row(
            name,
            f"{rate:,.0f}",
            f"{interval['low']:,.0f} - {interval['high']:,.0f}",
            _of(cpu, "python"),
            _of(cpu, "postgres"),
            f"{stolen:.0%}",
        )
    return table


def _of(cpu: Iterable[Mapping[str, float]], whose: str) -> str:
    """Write the median of CPU times; "" where none was seen: `messages` has no store."""
    found = [each[whose] for each in cpu if whose in each]
    return f"{median(found):.0f}" if found else ""


def _ratios(ratios: Iterable[Mapping[str, Any]]) -> Table:
    table = Table("row", "to", "ratio", "from - to", "asked", title="round by round")
    for each in ratios:
        asked = "" if each["asked"] is None else f"{each['asked']} {'met' if each['met'] else 'missed'}"
        interval = f"{each['low']:.2f} - {each['high']:.2f}"
        table.add_row(each["subject"], each["yardstick"], f"{each['median']:.2f}", interval, asked)
    return table


def _interval(found: Mapping[str, Any], places: int) -> str:
    middle = f"{found['median']:,.{places}f}"
    return middle if found["rounds"] == 1 else f"{middle} ({found['low']:,.{places}f} - {found['high']:,.{places}f})"
