"""How `bayswitch rulebook` writes the law for people: lines, tables, and the coverage as a matrix and as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Table

from limits.examine.catalogue import Entry, Past
from limits.examine.coverage import DEBTORS, Cell
from limits.examine.diff import Change
from limits.examine.findings import Finding
from switch.cli.amounts import grouped

Row = dict[str, Any]


def tell_list(found: Sequence[Entry]) -> None:
    """Tell a list of the law, one line a thing."""
    console = Console()
    for entry in found:
        values = "1 value" if entry.dated_values == 1 else f"{entry.dated_values} values"
        since = str(entry.first_day) if entry.dated_values == 1 else f"{entry.first_day}, last {entry.last_change}"
        until = f" until {entry.ended}" if entry.ended else ""
        parts = [f"since {since}{until}", values, entry.enforced_by, "" if entry.state == "active" else entry.state]
        if entry.missing_approvals:
            parts.append(f"not approved by {', '.join(entry.missing_approvals)}")
        if entry.assumed:
            parts.append("(assumed)")
        about = "  ".join(part for part in parts if part)
        console.print(f"{entry.kind:<6} [bold]{entry.id}[/]  {about}", soft_wrap=True, highlight=False)
    console.print(f"{len(found)} things", style="dim")


def against(rows: list[Row], law: Sequence[Row]) -> list[Row]:
    """Mark in the rows of a scenario what the law says instead."""
    known = {(row["rule"], row["currency"], row["key"]): row["value"] for row in law}
    marked = []
    for row in rows:
        baseline = known.get((row["rule"], row["currency"], row["key"]))
        marked.append({**row, "baseline": baseline, "changed": row["value"] != baseline})
    return marked


def tell_day(day: date, rows: Sequence[Row]) -> None:
    """Tell the law of a day, each rule with its source; what a scenario changes is marked."""
    console = Console()
    console.print(f"[bold]The rulebook on {day}[/]")
    if not rows:
        console.print("not in force on that day")
    for row in rows:
        changed = _changed(row)
        if "lane" in row:
            how = "on" if row["active"] else "off"
            console.print(f"lane {row['lane']:<37} [bold]{how}[/]{changed}", soft_wrap=True)
            continue
        name = f"{row['rule']} {row['key']}" if row["key"] else row["rule"]
        state = row["state"] if row["state"] != "active" else ""
        kind = " ".join(word for word in (row["window"], row["effect"], state) if word)
        console.print(f"{name:<42} [bold]{_value(row)}[/]  {kind}  since {row['since']}{changed}", soft_wrap=True)
        console.print(f"    {row['reference']}", style="dim", soft_wrap=True)


def _changed(row: Row) -> str:
    """Mark what a scenario changes, with what the law says."""
    if not row.get("changed"):
        return ""
    if "lane" in row:
        law = "off" if row["active"] else "on"
    else:
        law = _value({**row, "value": row["baseline"], "assumed": False})
    return f"  [yellow]← scenario; the law: {law}[/]"


def _value(row: Row) -> str:
    mark = " (assumed)" if row["assumed"] else ""
    if row["value"] is None:
        return f"no limit{mark}"
    return (f"{row['currency']} {grouped(row['value'])}" if row["currency"] else row["value"]) + mark


def past_document(past: Past) -> Row:
    """Write one row of a history for programs."""
    return past._asdict()


def tell_history(name: str, history: Sequence[Past]) -> None:
    """Tell the whole history of a rule or a lane."""
    table = Table("from", "to", "value", "source", title=f"{name}: its history", show_lines=True)
    for past in history:
        until = str(past.until) if past.until else "open"
        source = [f"{past.reference} ({past.confidence})"]
        if past.quote:
            source.append(past.quote)
        if past.assumed and past.quote:
            source.append(f"[yellow]assumed: {past.reason}[/]")
        table.add_row(str(past.since), until, past.value, "\n".join(source))
    Console().print(table)


def tell_changes(changes: Sequence[Change], first: date, last: date) -> None:
    """Tell what changed, each step with its day and source."""
    console = Console()
    console.print(f"[bold]From {first} to {last}: {len(changes)} things changed[/]")
    for change in changes:
        console.print(f"{change.kind} [bold]{change.id}[/] {change.change}", soft_wrap=True)
        if change.change == "changed":
            for aspect in {**change.before, **change.after}:
                was, is_now = change.before.get(aspect, "none"), change.after.get(aspect, "none")
                console.print(f"    {aspect}: {was} → {is_now}", soft_wrap=True)
        for step in change.steps:
            words = f": {step.after['value']}" if len(change.steps) > 1 and "value" in step.after else ""
            console.print(f"    from {step.on}{words}  {step.reference}", style="dim", soft_wrap=True)


def tell_findings(found: Sequence[Finding]) -> None:
    """Tell what a check found, faults first."""
    console = Console()
    for finding in found:
        mark = "[red]fault[/]" if finding.fault else "info "
        console.print(f"{mark} {finding.check:<11} {finding.file}: {finding.key}: {finding.text}", soft_wrap=True)
    faults = sum(finding.fault for finding in found)
    console.print(f"[bold]{faults} faults[/], {len(found) - faults} pieces of information")


def tell_figures(counted: Mapping[str, int]) -> None:
    """Tell how much law there is."""
    table = Table(box=None, show_header=False)
    for name, number in counted.items():
        table.add_row(name.replace("_", " "), f"{number:,}")
    Console().print(table)


def tell_times(measured: Mapping[str, Any]) -> None:
    """Tell what a decision costs, and the ratios."""
    table = Table("what", "microseconds", title="a decision in process (median of interleaved runs)")
    for name, microseconds in measured["microseconds"].items():
        table.add_row(name.replace("_", " "), f"{microseconds:.1f}")
    console = Console()
    console.print(table)
    for name, ratio in measured["ratios"].items():
        console.print(f"{name.replace('_', ' ')}: {ratio:.2f}")
    console.print(str(measured["manifest"]), style="dim", soft_wrap=True)


# Coverage: a matrix for each corridor, purposes down, debtors across.

_SHUT = "–"


def tell_coverage(cells: Sequence[Cell], day: date) -> None:
    """Tell the coverage of a day: a matrix for each corridor, lanes by number, and below what the numbers are."""
    console = Console()
    console.print(f"[bold]Who may pay whom on {day}[/]: lanes by number; d = with documents; – = none")
    for corridor, own in _by_corridor(cells).items():
        numbers = {lane: str(n) for n, lane in enumerate(_lanes(own), 1)}
        short = [debtor.removesuffix("-person").removesuffix("-user") for debtor in DEBTORS]
        table = Table("purpose", "class", *short, title=corridor, box=None, pad_edge=False)
        for title, *row in _matrix(own, numbers):
            table.add_row(title.replace("[", "\\["), *row)
        console.print(table)
        for lane, number in numbers.items():
            console.print(f"  {number} {lane}", style="dim")
        for reason, count in _reasons(own)[:8]:
            console.print(f"  {_SHUT} {count}x {reason}", style="dim", soft_wrap=True)


def coverage_markdown(cells: Sequence[Cell], day: date) -> str:
    """Write the coverage of a day as Markdown: what docs/coverage.md holds."""
    lines = [
        "# Who may pay whom, for what, over which lane", "",
        f"Written by `bayswitch rulebook coverage --on {day} --markdown`; do not edit. Each cell is the law's own answer to facts",
        "built for it: the first lane in legal order, over all currencies of the two places; `d:` what documents add; – none.",
        "Rows in brackets name a scheme (`venue`); the facts it needs besides (registered pair, account type, group) are given.",
        "Hours and headroom are not looked at: they never make a lane ineligible.", "",
    ]  # fmt: skip
    for corridor, own in _by_corridor(cells).items():
        lines += [
            f"## {corridor}",
            "",
            f"| purpose | class | {' | '.join(DEBTORS)} |",
            "|---|---|" + "---|" * len(DEBTORS),
        ]
        lines += [f"| {' | '.join(row)} |" for row in _matrix(own, {lane: f"`{lane}`" for lane in _lanes(own)})]
        reasons = _reasons(own)
        if reasons:
            lines += ["", "Where there is none, the nearest reason:", ""]
            lines += [f"- {count} cells: {reason}" for reason, count in reasons]
        lines.append("")
    return "\n".join(lines)


def _by_corridor(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        found.setdefault(f"{cell.origin} → {cell.destination}", []).append(cell)
    return found


def _lanes(cells: Iterable[Cell]) -> list[str]:
    return list(dict.fromkeys(way.lane for cell in cells for way in cell.ways))


def _matrix(cells: Sequence[Cell], names: Mapping[str, str]) -> list[list[str]]:
    """Lay the cells out: a row for each purpose, one for own accounts, then schemes; purposes that read alike share a row."""
    plain: dict[str, list[Cell]] = {}
    named: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        if cell.venue and cell.lane is not None:
            named.setdefault((cell.venue, cell.purpose), []).append(cell)
        elif not cell.venue and not cell.same_name:
            plain.setdefault(cell.purpose, []).append(cell)
    same = [cell for cell in cells if cell.same_name and not cell.venue and cell.purpose == "SAVG"]
    rows = [(("", purpose), _row(own, names)) for purpose, own in plain.items()]
    rows += [(("", "own account"), _row(same, names))]
    rows += [(key, _row(own, names)) for key, own in sorted(named.items())]
    alike: dict[tuple[str, ...], list[str]] = {}
    for (venue, purpose), row in rows:
        alike.setdefault((venue, *row), []).append(purpose)
    return [[_title(venue, purposes), *row] for (venue, *row), purposes in alike.items()]


def _title(venue: str, purposes: Sequence[str]) -> str:
    return f"[{venue}] {' '.join(purposes)}" if venue else " ".join(purposes)


def _row(cells: Sequence[Cell], names: Mapping[str, str]) -> list[str]:
    classes = dict.fromkeys(cell.classification for cell in cells if cell.classification and cell.lane)
    return [", ".join(classes) or _SHUT, *(_debtor(cells, each, names) for each in DEBTORS)]


def _debtor(cells: Sequence[Cell], debtor: str, names: Mapping[str, str]) -> str:
    own = [cell for cell in cells if cell.debtor == debtor]
    plain = [cell for cell in own if not cell.documents] or own
    papers = [cell for cell in own if cell.documents]
    first = ", ".join(dict.fromkeys(names[cell.lane] for cell in plain if cell.lane)) or _SHUT
    more = [name for name in dict.fromkeys(names[cell.lane] for cell in papers if cell.lane) if name not in first]
    return first + (f" d: {', '.join(more)}" if more else "")


def _reasons(cells: Iterable[Cell]) -> list[tuple[str, int]]:
    counted: dict[str, int] = {}
    for cell in cells:
        if cell.why and not cell.same_name:
            counted[cell.why] = counted.get(cell.why, 0) + 1
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))
