"""How `bayswitch rulebook` writes the law for people: lines, tables, and the coverage as a matrix and as Markdown."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from limits.examine.catalogue import Entry, Past, coefficient_text
from limits.examine.coverage import DEBTORS, Cell
from limits.examine.diff import Change, reads
from limits.examine.findings import Finding
from limits.rules import Rulebook
from limits.scenario import ADVISED
from limits.values import GROUP_EQUITY
from switch.cli.amounts import grouped

Row = dict[str, Any]
_AMOUNT = re.compile(r"\b([A-Z]{3}) (\d+(?:\.\d+)?)\b")


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
    """Mark in the rows of a scenario what the law says instead; a draft's rule stands after the one it would change."""
    known = {(row["rule"], row["currency"], row["key"]): row["value"] for row in law}
    marked = []
    for row in rows:
        beside = row["rule"].removesuffix(ADVISED)
        baseline = known.get((beside, row["currency"], row["key"]))
        changed = beside != row["rule"] or row["value"] != baseline
        marked.append({**row, "baseline": baseline, "changed": changed})
    places = {row["rule"]: n for n, row in reversed([*enumerate(marked)])}
    return sorted(marked, key=lambda row: places.get(row["rule"].removesuffix(ADVISED), len(marked)))


def lane_row(law: Rulebook, lane: str, day: date, changed: bool) -> Row:
    """Write a lane as it is on a day: what it asks for, the rules that claim, rails, hours; no aspects where it is not in force."""
    said = reads(law, "lane", lane, day)
    aspects = dict(said.aspects) if said is not None else {}
    reference = said.reference if said is not None else None
    return {
        "lane": lane, "active": law.lanes[lane], "changed": changed, "in_force": said is not None, "aspects": aspects,
        "reference": reference,
    }  # fmt: skip


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
            _tell_lane(console, row)
            continue
        name = f"{row['rule']} {row['key']}" if row["key"] else row["rule"]
        state = row["state"] if row["state"] != "active" else ""
        kind = " ".join(word for word in (row["window"], row["effect"], state) if word)
        console.print(f"{name:<42} [bold]{_value(row)}[/]  {kind}  since {row['since']}{changed}", soft_wrap=True)
        console.print(f"    {row['reference']}", style="dim", soft_wrap=True)


def _tell_lane(console: Console, row: Row) -> None:
    if not row.get("in_force", True):
        console.print("    not in force on that day")
    for name, words in row.get("aspects", {}).items():
        console.print(Text(f"    {name}: {words}"), soft_wrap=True)
    if row.get("reference"):
        console.print(Text(f"    {row['reference']}", "dim"), soft_wrap=True)


def _changed(row: Row) -> str:
    """Mark what a scenario changes, with what the law says."""
    if not row.get("changed"):
        return ""
    if "lane" in row:
        law = "off" if row["active"] else "on"
    else:
        law = _value({**row, "value": row["baseline"], "assumed": False})
    if str(row.get("rule", "")).endswith(ADVISED):
        return f"  [yellow]← a draft, counted beside the law's {law}[/]"
    return f"  [yellow]← scenario; the law: {law}[/]"


def _value(row: Row) -> str:
    mark = " (assumed)" if row["assumed"] else ""
    if row["value"] is None:
        return f"no limit{mark}"
    if row.get("keyed_by") == GROUP_EQUITY:
        return coefficient_text(row["value"]) + mark
    return (f"{row['currency']} {grouped(row['value'])}" if row["currency"] else row["value"]) + mark


def past_document(past: Past) -> Row:
    """Write one row of a history for programs."""
    return past._asdict()


def tell_history(name: str, history: Sequence[Past]) -> None:
    """Tell the whole history of a rule or a lane."""
    own = [name for name in ("effect", "scope", "window") if len({getattr(past, name) for past in history}) > 1]
    table = Table("from", "to", "value", *own, "source", title=f"{name}: its history", show_lines=True)
    for past in history:
        until = str(past.until) if past.until else "open"
        source = [f"{past.reference} ({past.confidence})"]
        if past.quote:
            source.append(past.quote)
        if past.assumed and past.quote:
            source.append(f"[yellow]assumed: {past.reason}[/]")
        changing = [getattr(past, name) for name in own]
        table.add_row(str(past.since), until, _in_thousands(past.value), *changing, "\n".join(source))
    Console().print(table)


def _in_thousands(words: str) -> str:
    """Write each amount within words with its thousands apart."""
    return _AMOUNT.sub(lambda found: f"{found[1]} {grouped(found[2])}", words)


def tell_changes(changes: Sequence[Change], first: date, last: date) -> None:
    """Tell what changed, each step with its day and source."""
    console = Console()
    console.print(f"[bold]From {first} to {last}: {len(changes)} things changed[/]")
    for change in changes:
        console.print(f"{change.kind} [bold]{change.id}[/] {change.change}", soft_wrap=True)
        if change.change == "changed":
            for aspect in {**change.before, **change.after}:
                was, is_now = change.before.get(aspect, "none"), change.after.get(aspect, "none")
                console.print(f"    {aspect}: {_in_thousands(was)} → {_in_thousands(is_now)}", soft_wrap=True)
        elif change.change == "begun" and change.kind == "rule":
            for aspect, words in change.after.items():
                if aspect.startswith("value"):
                    console.print(f"    {aspect}: {_in_thousands(words)}{_draft(change)}", soft_wrap=True)
        for step in change.steps:
            words = f": {_in_thousands(step.after['value'])}" if len(change.steps) > 1 and "value" in step.after else ""
            console.print(f"    from {step.on}{words}  {step.reference}", style="dim", soft_wrap=True)


def _draft(change: Change) -> str:
    beside = change.id.removesuffix(ADVISED)
    return f" (a draft: counted beside {beside}, refuses nobody)" if beside != change.id else ""


def tell_findings(found: Sequence[Finding]) -> None:
    """Tell what a check found, faults first; of rules that no lane uses one line a family."""
    console = Console()
    unused: dict[str, list[str]] = {}
    for finding in found:
        if finding.check == "unused":
            unused.setdefault(finding.file.partition(".")[0], []).append(finding.file.removesuffix(".yaml"))
            continue
        mark = "[red]fault[/]" if finding.fault else "info "
        console.print(f"{mark} {finding.check:<11} {finding.file}: {finding.key}: {finding.text}", soft_wrap=True)
    for family, rules in unused.items():
        what = f"{len(rules)} that no lane uses, and that bind nobody: {', '.join(rules)}"
        console.print(f"info  {'unused':<11} {family}: {what}", soft_wrap=True)
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
    asked = measured["ratio_asked"]
    ratios = Table("ratio", "measured", "asked", "", title="with more law, with more persons")
    for name, ratio in measured["ratios"].items():
        ratios.add_row(
            name.replace("_", " "), f"{ratio:.2f}", f"≤ {asked}", "kept" if ratio <= asked else "[red]not kept[/]"
        )
    console.print(ratios)
    said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in measured["manifest"].items())
    console.print(said, style="dim", soft_wrap=True)


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
