"""The report's page: verdict first, then figures, charts, refusals, resources, gate, audit, and on what all that was measured."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from loadtest.report import charts

Document = Mapping[str, Any]
_AUDIT_ROWS_MAX = 60


def page(document: Document) -> str:
    """Write the whole page of a load.json."""
    name = document.get("profile", {}).get("name", "steps")
    style = (files("loadtest.report") / "style.css").read_text(encoding="utf-8")
    parts = [
        _head(document, name),
        _tiles(document),
        _knee(document["knee"]) if "knee" in document else "",
        _section("Over time", _over_time(document)),
        _section("Steps", _steps(document["steps"])),
        _section("Not accepted, and why", _reasons(document)),
        _section("Resources", _resources(document)),
        _section("Validity gate", _gate(document)),
        _section("Audit", _audit(document.get("audit"), document.get("compared", ""))),
        _section(f"Measured on: {(document.get('manifest') or {}).get('of', 'not recorded')}", _manifest(document)),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>bayswitch load {escape(name)}</title><style>{style}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _head(document: Document, name: str) -> str:
    about = escape(document.get("profile", {}).get("about", ""))
    why = document.get("why_not", document["gate"]["why"])
    if why:
        items = "".join(f"<li>{escape(each)}</li>" for each in why)
        verdict = (
            f'<div class="verdict bad"><b>Not sound.</b> No figure below stands without this:<ul>{items}</ul></div>'
        )
    else:
        audit = document.get("audit")
        word, books = (
            ("Sound", "and the audit found the books right")
            if audit
            else ("Measured, books not audited", "and of the books nothing is known")
        )
        verdict = f'<div class="verdict"><b>{word}.</b> Everything offered was sent and answered, the generator had room, {books}.</div>'
    return f'<h1>bayswitch load: {escape(name)}</h1><p class="dim">{about}</p>{verdict}'


def _tiles(document: Document) -> str:
    total, acceptance, completion = document["total"], document["acceptance_ms"], document["completion_ms"]
    knee = document.get("knee")
    tiles: list[tuple[str, str]] = []
    if knee and knee["found"]:
        half = knee["half"]
        tiles += [
            (f"{knee['rate']:,.0f}/s", f"knee: p99 ≤ {knee['limits']['p99_ms_max']:g} ms"),
            (_ms(half["p99_ms"]), f"acceptance p99 at half of the knee, n {half['samples']:,}"),
            (_ms(half["completion_p99_ms"]), "completion p99 at half of the knee"),
        ]
    else:
        tiles += [
            (_ms(acceptance["p50"]), f"acceptance p50, n {acceptance['samples']:,}"),
            (_ms(acceptance["p99"]), f"acceptance p99, n {acceptance['samples']:,}"),
            (_ms(completion["p99"]), f"completion p99, n {completion['samples']:,}"),
        ]
    payments = max(total["payments"], 1)
    tiles += [
        (f"{total['offered']:,}", f"calls offered, {total['payments']:,} payments"),
        (f"{total['accepted'] / payments:.1%}", "accepted"),
        (f"{total['refused'] / payments:.1%}", "refused"),
        (f"{total['shed'] / payments:.2%}", "shed (503, 429: asked to come again)"),
    ]
    if document.get("resources"):
        tiles.append((f"{document['stolen_share']:.1%}", "of this machine its host gave to others meanwhile"))
    shown = "".join(
        f'<div class="tile"><b>{escape(figure)}</b><span>{escape(what)}</span></div>' for figure, what in tiles
    )
    return f'<div class="tiles">{shown}</div>'


def _knee(knee: Document) -> str:
    said = (
        f"{knee['rate']:,.0f} calls a second held when they were measured once more and for longer; searched to {knee['precision']:.0%}"
        f"{'; not as precise as asked: ' + escape(knee['why']) if knee['why'] else ''}."
        if knee["found"]
        else f"No knee was found: {escape(knee['why'])}.{_best(knee)}"
    )
    rows = [
        (
            f"{point['rate']:,.0f}", f"{point['answered_per_second']:,.0f}", f"{point['samples']:,}", f"{point['p50_ms']:,.1f}", f"{point['p99_ms']:,.1f}",
            f"{point['accepted_share']:.1%}", f"{point['shed_share']:.2%}",
            "holds" if _held(point, knee["limits"]) else "fails", "soundly" if point["valid"] else "INVALID", "; ".join(point["why"]),
        )
        for point in knee["curve"]
    ]  # fmt: skip
    table = _table(
        ("offered/s", "answered/s", "n", "p50 ms", "p99 ms", "accepted", "shed", "held", "measured", "why"),
        rows,
        numbers=7,
    )
    drawing = _chart(charts.knee(knee["curve"], knee["limits"]["p99_ms_max"])) + _chart(charts.answered(knee["curve"]))
    return _section(
        "Knee",
        f'<p>{said}</p><p class="note">The dashed lines: the limit of p99; all that was offered. '
        f"Held: p99 ≤ {knee['limits']['p99_ms_max']:g} ms and shed &lt; {knee['limits']['shed_share_max']:.1%}, "
        f"however soundly it was measured.</p>{drawing}{table}",
    )


def _held(point: Document, limits: Document) -> bool:
    answered = point["answered_per_second"] > 0
    return answered and point["p99_ms"] <= limits["p99_ms_max"] and bool(point["shed_share"] < limits["shed_share_max"])


def _best(knee: Document) -> str:
    held = [point for point in knee["curve"] if _held(point, knee["limits"])]
    if not held:
        return ""
    best = max(held, key=lambda point: float(point["rate"]))
    return (
        f" The highest rate that held (unconfirmed): {best['rate']:,.0f} calls a second, p99 {best['p99_ms']:,.1f} ms."
    )


def _over_time(document: Document) -> str:
    series = document["series"]
    latency = charts.percentiles(series) if any(row["p50_ms"] is not None for row in series) else ""
    return (
        "<h3>Acceptance: from the intended instant of sending to a 202 or a refusal</h3>"
        f"{_chart(latency)}<h3>Calls</h3>{_chart(charts.rates(series))}"
        '<p class="note">A call belongs to the second in which it was to be sent. Warm-up is drawn and not judged.</p>'
    )


def _steps(steps: Sequence[Document]) -> str:
    rows = []
    for step in steps:
        accepted, completed = step["acceptance_ms"], step["completion_ms"]
        gate = step["gate"]
        rows.append(
            (
                step["name"], f"{step['rate']:,.0f}", f"{step['answered_per_second']:,.0f}", f"{step['accepted_per_second']:,.0f}",
                f"{accepted['samples']:,}", f"{accepted['p50']:,.1f}", f"{accepted['p90']:,.1f}", f"{accepted['p99']:,.1f}",
                f"{accepted['p99.9']:,.1f}" if "p99.9" in accepted else "—", f"{accepted['max']:,.0f}",
                f"{completed['samples']:,}", f"{completed['p50']:,.1f}", f"{completed['p99']:,.1f}", "holds" if gate["valid"] else "INVALID",
            )
        )  # fmt: skip
    head = (
        "step",
        "offered/s",
        "answered/s",
        "accepted/s",
        "n",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
        "completion n",
        "p50",
        "p99",
        "gate",
    )
    note = '<p class="note">Milliseconds, of the n calls after the warm-up that were accepted or refused; p99.9 of a thousand at least. Calls offered and answered a second, payments accepted a second: of the calls that were to be sent in the step. Completion: to the final status, of sampled calls that wait for it.</p>'
    return _table(head, rows, numbers=12, first=1) + note


def _reasons(document: Document) -> str:
    kinds = (("refusals", "refused"), ("shed", "shed"), ("wrong", "wrong answer"), ("errors", "error"))
    rows = [
        (title, row["reason"], row["name"] or "—", row["rule"] or "—", f"{row['count']:,}")
        for name, title in kinds
        for row in document[name]
    ]
    if not rows:
        return "<p>Every payment was accepted.</p>"
    return _table(("what", "reason", "name", "rule", "payments"), rows, numbers=1, first=4)


def _resources(document: Document) -> str:
    lines = document.get("resources") or []
    if not lines:
        return "<p>Not recorded: the processes of a switch elsewhere are not known.</p>"
    start = document["started_at"]
    cpu = charts.resources(lines, start, "cpu", "cores in use")
    memory = charts.resources(lines, start, "memory_mb", "memory, MB")
    used = document.get("memory_mb", {})
    rows = [(role, *(f"{each[part]:,.0f}" for part in ("first", "last", "peak"))) for role, each in used.items()]
    return (
        f"<h3>CPU</h3>{_chart(cpu)}<h3>Memory</h3>{_chart(memory)}{_table(('process', 'first tenth, MB', 'last tenth', 'peak'), rows, 3, 1)}"
        '<p class="note">PostgreSQL: all its processes, shared pages counted once. The generator shares the cores with what it measures.</p>'
    )


def _gate(document: Document) -> str:
    gate, model, total = document["gate"], document["model"], document["total"]
    rows = [
        ("offered = sent = answered", f"{total['offered']:,} = {total['sent']:,} = {total['answered']:,}"),
        ("generator's CPU at most", f"{gate['cpu_share_max']:.0%} of a core; 70% is the limit"),
        ("generator's ceiling", f"{gate['ceiling_per_second']:,} calls a second of its own CPU, measured against a server that does nothing"),
        ("arrivals", f"{model['arrivals']}, open model; latency {model['latency']}"),
        ("histogram", f"log-linear, a percentile at most {model['precision']:.2%} off"),
        ("verdict", "holds" if gate["valid"] else "INVALID: " + "; ".join(gate["why"])),
    ]  # fmt: skip
    note = (
        '<p class="note">Rates beyond the knee are part of the search and not of the gate.</p>'
        if "knee" in document
        else ""
    )
    return _table(("what", "figure"), rows) + note


def _audit(audit: Document | None, compared: str) -> str:
    if audit is None:
        return "<p>Not made: where the books are was not said.</p>"
    found = audit["violations"]
    after = "when every payment was final" if audit.get("drained") else "while payments were still open"
    said = f"<p>{audit['payments']:,} payments, <b>{len(found):,} violations</b>, {after}.</p>"
    said += f"<p>{escape(compared)}.</p>" if compared else ""
    if found:
        rows = [(each["check"], each["detail"]) for each in found[:_AUDIT_ROWS_MAX]]
        return said + _table(("check", "violation"), rows)
    checks = audit.get("checks") or []
    rows = [(each["check"], f"{each['looked_at']:,} {each['what']}") for each in checks]
    return said + (_table(("check", "looked at"), rows) if rows else "")


def _manifest(document: Document) -> str:
    rows = []
    for name, value in (document.get("manifest") or {}).items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{key} {each}" for key, each in value.items()) or "not known"
        rows.append((name, "not known" if value in (None, "") else str(value)))
    warm = sorted({step["warm_up_seconds"] for step in document["steps"]})
    rows += [("warm-up seconds", ", ".join(f"{each:g}" for each in warm)), ("seed", str(document["model"]["seed"]))]
    return _table(("what", "how"), dict(rows).items())


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _chart(svg: str) -> str:
    return f'<div class="chart">{svg}</div>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0, first: int = 0) -> str:
    """Write a table; `numbers` columns from `first` on are figures. Verdicts are coloured by their word."""

    def of(n: int, text: str) -> str:
        classes = ["n"] if first <= n < first + numbers else []
        if text.startswith(("INVALID", "fails")):
            classes.append("bad")
        elif text == "holds":
            classes.append("good")
        return f' class="{" ".join(classes)}"' if classes else ""

    top = "".join(f"<th{of(n, '')}>{escape(each)}</th>" for n, each in enumerate(head))
    body = "".join(
        "<tr>" + "".join(f"<td{of(n, each)}>{escape(each)}</td>" for n, each in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _ms(value: float) -> str:
    return f"{value:,.1f} ms" if value < 1_000 else f"{value / 1000:,.2f} s"
