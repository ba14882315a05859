"""The report's charts as SVG text: made with altair, drawn by vl-convert without a browser. Colours that hold on light and dark.

Text and grid lines take the page's colours (style.css overrides what the drawing says of them).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair
import vl_convert

WIDTH, HEIGHT = 840, 210
_COLOURS = {
    "p50": "#3b82c4", "p99": "#d97706", "max": "#9b6bd0",
    "offered": "#8a8f98", "accepted": "#2f9e6e", "refused": "#d97706", "shed": "#d6455d", "errors and wrong": "#9b6bd0",
    "switch": "#3b82c4", "postgres": "#2f9e6e", "valkey": "#d6455d", "generator": "#8a8f98",
    "holds": "#2f9e6e", "fails": "#d6455d", "unusable": "#8a8f98",
}  # fmt: skip
_FONT = "system-ui, sans-serif"
Row = Mapping[str, Any]


def percentiles(series: Sequence[Row]) -> str:
    """Draw p50, p99 and maximum of each second on a logarithmic axis."""
    rows = [
        {"second": row["second"], "step": row["step"], "what": name, "value": max(row[f"{name}_ms"], 0.01)}
        for row in series
        for name in ("p50", "p99", "max")
        if row[f"{name}_ms"] is not None
    ]
    return _svg(_lines(rows, "acceptance, ms", ("p50", "p99", "max"), log=True))


def rates(series: Sequence[Row]) -> str:
    """Draw what was offered, and what became of it, call by second."""
    names: dict[str, tuple[str, ...]] = {
        "offered": ("offered",),
        "accepted": ("accepted",),
        "refused": ("refused",),
        "shed": ("shed",),
    }
    names["errors and wrong"] = ("errors", "wrong")
    rows = [
        {"second": row["second"], "step": row["step"], "what": name, "value": sum(row[field] for field in fields)}
        for row in series
        for name, fields in names.items()
    ]
    there = [name for name in names if any(row["value"] for row in rows if row["what"] == name)]
    return _svg(_lines([row for row in rows if row["what"] in there], "calls a second", there))


def resources(lines: Sequence[Row], started_at: float, what: str, title: str) -> str:
    """Draw one resource (`cpu` in cores, `memory_mb`) of each role over time."""
    rows = [
        {"second": round(line["at"] - started_at, 2), "step": "", "what": role, "value": used[what]}
        for line in lines
        for role, used in line["roles"].items()
    ]
    roles = [role for role in ("switch", "postgres", "valkey", "generator") if any(row["what"] == role for row in rows)]
    return _svg(_lines(rows, title, roles))


def knee(curve: Sequence[Row], p99_ms_max: float) -> str:
    """Draw p50 and p99 over the offered rate, with the limit; each rate marked with whether it held."""
    rows = [
        {"rate": point["rate"], "what": name, "value": max(point[f"{name}_ms"], 0.01), "verdict": point["verdict"]}
        for point in curve
        for name in ("p50", "p99")
    ]
    base = altair.Chart(_data(rows)).encode(
        x=altair.X("rate:Q", title="offered, calls a second", scale=altair.Scale(zero=False)),
        y=altair.Y("value:Q", title="acceptance, ms", scale=altair.Scale(type="log")),
    )
    verdicts = _verdicts(curve)
    lines = base.mark_line(strokeWidth=1.5).encode(color=_colour(["p50", "p99"]), detail="what:N")
    points = base.mark_point(filled=True, size=60, opacity=1).encode(
        fill=altair.Fill("verdict:N", title=None, scale=_scale(verdicts)), detail="what:N"
    )
    limit = altair.Chart(_data([{"value": p99_ms_max}])).mark_rule(strokeDash=[5, 4], color="#d6455d")
    return _svg(lines + points + limit.encode(y="value:Q"))


def answered(curve: Sequence[Row]) -> str:
    """Draw what was answered over what was offered; on the diagonal nothing is missing."""
    most = max(point["rate"] for point in curve)
    verdicts = _verdicts(curve)
    base = altair.Chart(_data([dict(point) for point in curve])).encode(
        x=altair.X("rate:Q", title="offered, calls a second"),
        y=altair.Y("answered_per_second:Q", title="answered, calls a second"),
    )
    line = base.mark_line(strokeWidth=1.5, color=_COLOURS["accepted"])
    points = base.mark_point(filled=True, size=60, opacity=1).encode(
        fill=altair.Fill("verdict:N", title=None, scale=_scale(verdicts))
    )
    ends = [{"rate": 0, "answered_per_second": 0}, {"rate": most, "answered_per_second": most}]
    diagonal = altair.Chart(_data(ends)).mark_line(strokeDash=[5, 4], color=_COLOURS["offered"], strokeWidth=1)
    return _svg(diagonal.encode(x="rate:Q", y="answered_per_second:Q") + line + points)


def _verdicts(curve: Sequence[Row]) -> list[str]:
    return [name for name in ("holds", "fails", "unusable") if any(point["verdict"] == name for point in curve)]


def _lines(rows: Sequence[Row], title: str, names: Sequence[str], log: bool = False) -> Any:
    scale = altair.Scale(type="log") if log else altair.Scale(zero=True)
    return (
        altair.Chart(_data(rows))
        .mark_line(strokeWidth=1.5, interpolate="linear")
        .encode(
            x=altair.X("second:Q", title="seconds", scale=altair.Scale(nice=False)),
            y=altair.Y("value:Q", title=title, scale=scale),
            color=_colour(names),
            detail="step:N",
        )
    )


def _data(rows: Sequence[Row]) -> Any:
    return altair.Data(values=list(rows))  # type: ignore[no-untyped-call]


def _scale(names: Sequence[str]) -> altair.Scale:
    return altair.Scale(domain=list(names), range=[_COLOURS[name] for name in names])


def _colour(names: Sequence[str]) -> altair.Color:
    return altair.Color("what:N", title=None, scale=_scale(names), legend=altair.Legend(symbolType="stroke"))


def _svg(chart: Any) -> str:
    drawn = (
        chart.properties(width=WIDTH, height=HEIGHT, background="transparent")
        .configure_view(stroke=None)
        .configure_axis(labelFont=_FONT, titleFont=_FONT, titleFontWeight="normal", tickCount=6, domain=False)
        .configure_legend(orient="top", labelFont=_FONT, titleFont=_FONT, titleFontWeight="normal", labelFontSize=12)
    )
    return str(vl_convert.vegalite_to_svg(drawn.to_json()))
