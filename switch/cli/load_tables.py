"""The tables of a load as a terminal shows them: as many columns as it is wide, and never a figure or a verdict cut."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_WIDE = 1_000  # characters: room for every column, so that what a table needs is seen
_UNSOUND = "[red]INVALID[/]"


class Column(NamedTuple):
    """A column: its head, what it shows of a row, and when it goes on a narrow terminal (the highest first, 0: never)."""

    head: str
    shown: Any
    goes: int = 0
    justify: Any = "right"


_STEPS = (
    Column("step", lambda step: step["name"], justify="left"),
    Column("offered/s", lambda step: f"{step['rate']:,.0f}"),
    Column("answered/s", lambda step: f"{step['answered_per_second']:,.0f}"),
    Column("accepted/s", lambda step: f"{step['accepted_per_second']:,.0f}", 7),
    Column("n", lambda step: f"{step['acceptance_ms']['samples']:,}", 1),
    Column("p50 ms", lambda step: f"{step['acceptance_ms']['p50']:,.1f}", 2),
    Column("p99 ms", lambda step: f"{step['acceptance_ms']['p99']:,.1f}"),
    Column("max ms", lambda step: f"{step['acceptance_ms']['max']:,.0f}", 6),
    Column("accepted", lambda step: f"{step['accepted_share']:.1%}"),
    Column("refused", lambda step: f"{step['refused']:,}", 5),
    Column("shed", lambda step: f"{step['shed']:,}", 3),
    Column("errors", lambda step: f"{step['errors'] + step['wrong']:,}", 4),
    Column("measured", lambda step: "soundly" if step["gate"]["valid"] else _UNSOUND, justify="left"),
)


def steps(console: Console, document: Mapping[str, Any]) -> Table:
    """Show a load step by step."""
    title = f"bayswitch load {document['profile']['name']}"
    caption = "offered, answered: calls; n: those that p50 and p99 are of; accepted, refused, shed, errors: payments"
    return _fitting(console, _STEPS, document["steps"], title, caption)


def curve(console: Console, knee: Mapping[str, Any]) -> Table:
    """Show a search rate by rate: whether the switch held, and beside it whether that was measured soundly."""
    limits = knee["limits"]
    columns = (
        Column("offered/s", lambda point: f"{point['rate']:,.0f}"),
        Column("answered/s", lambda point: f"{point['answered_per_second']:,.0f}"),
        Column("n", lambda point: f"{point['samples']:,}", 3),
        Column("p50 ms", lambda point: f"{point['p50_ms']:,.1f}", 2),
        Column("p99 ms", lambda point: f"{point['p99_ms']:,.1f}"),
        Column("accepted", lambda point: f"{point['accepted_share']:.1%}", 1),
        Column("shed", lambda point: f"{point['shed_share']:.2%}"),
        Column("held", lambda point: "yes" if held(point, limits) else "[red]no[/]", justify="left"),
        Column("measured", lambda point: "soundly" if point["valid"] else _UNSOUND, justify="left"),
    )
    caption = f"held: p99 ≤ {limits['p99_ms_max']:g} ms and shed < {limits['shed_share_max']:.1%} of the payments"
    return _fitting(console, columns, knee["curve"], "rates that were tried", caption)


def held(point: Mapping[str, Any], limits: Mapping[str, Any]) -> bool:
    """Tell whether the switch held a rate, however that was measured."""
    answered = point["answered_per_second"] > 0
    return answered and point["p99_ms"] <= limits["p99_ms_max"] and bool(point["shed_share"] < limits["shed_share_max"])


def _fitting(console: Console, columns: Sequence[Column], rows: Iterable[Any], title: str, caption: str) -> Table:
    """Make the table that has most columns of those that fit."""
    rows = list(rows)
    table = _made(columns, rows, title, caption)
    for least in sorted({column.goes for column in columns if column.goes}, reverse=True):
        if Measurement.get(console, console.options.update(max_width=_WIDE), table).minimum <= console.width:
            break
        table = _made([column for column in columns if column.goes < least], rows, title, caption)
    return table


def _made(columns: Sequence[Column], rows: Iterable[Any], title: str, caption: str) -> Table:
    table = Table(title=title, caption=caption)
    rows = list(rows)
    for n, column in enumerate(columns):
        shown = [column.head, *(column.shown(row) for row in rows)]
        words = (
            shown if n else [word for text in shown for word in text.split()]
        )  # the first may go on in a second line
        width = max(Text.from_markup(word).cell_len for word in words)
        table.add_column(column.head, justify=column.justify, no_wrap=n > 0, overflow="fold", min_width=width)
    for row in rows:
        table.add_row(*(column.shown(row) for column in columns))
    return table
