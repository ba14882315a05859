"""The report of a run, for people (one HTML file that needs nothing else) and for programs (a JSON document). Pure.

Everything that came from the rail is escaped; what is too long is cut and says so.
"""

from collections.abc import Mapping
from html import escape
from typing import Any

from lxml import etree

from rails.conformance.prober import Exchange
from rails.conformance.suite import CASES, FAILED, PASSED, SKIPPED, Finding, Report

BODY_CHARACTERS_MAX = 12_000  # of a message in the report: four transactions; what is cut is said
_SHOWN_HEADERS = (
    "authorization", "business-time", "expires-at", "content-type", "report-cursor", "next-due", "taken", "retry-after",
)  # fmt: skip
_MARK = {PASSED: "✓", FAILED: "✗", SKIPPED: "–"}

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #187a3c; --bad: #b3261e; --dim: #777; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: .2rem; } h1 + p { margin-top: 0; color: var(--dim); }
.verdict { font-size: 1.15rem; padding: .7rem 1rem; border-left: .4rem solid var(--good); background: #8881; }
.verdict.bad { border-color: var(--bad); }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; } td { border-bottom: 1px solid var(--line); padding: .25rem .5rem; }
a { color: inherit; } .passed { color: var(--good); } .failed { color: var(--bad); } .skipped { color: var(--dim); }
section { border-top: 1px solid var(--line); padding: .6rem 0; } h2 { font-size: 1.05rem; margin: .2rem 0; }
dl { display: grid; grid-template-columns: 8rem 1fr; gap: .2rem 1rem; margin: .5rem 0; } dt { color: var(--dim); } dd { margin: 0; }
details { margin: .4rem 0; } summary { cursor: pointer; } summary .dim, .dim { color: var(--dim); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; } @media (max-width: 60rem) { .pair { grid-template-columns: 1fr; } }
.pair > div { min-width: 0; } .pair h3 { font-size: .85rem; color: var(--dim); margin: .4rem 0 .2rem; }
pre { font: 12px/1.4 ui-monospace, monospace; background: #8881; padding: .6rem; overflow: auto; max-height: 32rem; margin: 0; white-space: pre-wrap; word-break: break-word; }
"""


def html_of(report: Report) -> str:
    """Write the report as one HTML page."""
    failed = report.count(FAILED)
    verdict = (
        "It behaves." if report.behaves else f"It does not behave: {failed} of {len(report.findings)} cases failed."
    )
    counts = counted(report)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.rail)}: {escape(verdict)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>Rail {escape(report.rail)}</h1>"
        f"<p>{escape(report.url)}, {escape(report.at.isoformat(timespec='seconds'))}</p>"
        f'<p class="verdict{"" if report.behaves else " bad"}">{escape(verdict)} <span class="dim">{counts}.</span></p>'
        f"<table>{''.join([_row(finding) for finding in report.findings])}</table>"
        f"{''.join([_section(finding) for finding in _in_order(report)])}</body></html>"
    )


def counted(report: Report) -> str:
    """Say how many cases came out how."""
    counts = f"{report.count(PASSED)} passed, {report.count(FAILED)} failed, {report.count(SKIPPED)} not applicable"
    return f"{counts}, {report.not_run} not run" if report.not_run else counts


def _in_order(report: Report) -> list[Finding]:
    """What failed comes first."""
    return sorted(report.findings, key=lambda finding: finding.outcome != FAILED)


def _row(finding: Finding) -> str:
    case = finding.case
    return (
        f'<tr><td class="{finding.outcome}">{_MARK[finding.outcome]} {finding.outcome}</td>'
        f'<td><a href="#{case.id}">{escape(case.title)}</a></td></tr>'
    )


def _section(finding: Finding) -> str:
    case = finding.case
    told = [("Why it matters", case.why)]
    if finding.outcome == FAILED:
        told += [("Expected", finding.expected), ("Came", finding.came), ("What to do", finding.what_to_do)]
    elif finding.outcome == SKIPPED:
        told.append(("Not applicable", finding.came))
    rows = "".join([f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in told])
    last = len(finding.exchanges) - 1
    exchanges = "".join(
        [_exchange(each, finding.outcome == FAILED and n == last) for n, each in enumerate(finding.exchanges)]
    )
    return (
        f'<section id="{case.id}"><h2><span class="{finding.outcome}">{_MARK[finding.outcome]}</span> '
        f"{escape(case.title)}</h2><dl>{rows}</dl>{exchanges}</section>"
    )


def _exchange(exchange: Exchange, is_open: bool) -> str:
    came = str(exchange.status) if exchange.status else f"no answer: {exchange.problem}"
    return (
        f"<details{' open' if is_open else ''}><summary>{escape(exchange.method)} {escape(exchange.path)} "
        f'<span class="dim">{escape(exchange.what)}</span> → {escape(came)} <span class="dim">{exchange.milliseconds} ms</span></summary>'
        f'<div class="pair"><div><h3>asked</h3><pre>{escape(_message(exchange.sent_headers, exchange.sent))}</pre></div>'
        f"<div><h3>came</h3><pre>{escape(_message(exchange.headers, exchange.came))}</pre></div></div></details>"
    )


def _message(headers: Mapping[str, str], body: bytes) -> str:
    lines = [f"{name}: {value}" for name, value in headers.items() if name.lower() in _SHOWN_HEADERS]
    return "\n".join([*lines, "", pretty(body)]).strip()


def pretty(body: bytes) -> str:
    """Indent a message; what is no XML comes as it is, as far as it is text."""
    if not body:
        return ""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_blank_text=True
    )
    try:
        text = etree.tostring(etree.fromstring(body, parser), pretty_print=True, encoding="unicode")
    except (etree.XMLSyntaxError, ValueError):
        text = body.decode("utf-8", "replace")
    if len(text) > BODY_CHARACTERS_MAX:
        return f"{text[:BODY_CHARACTERS_MAX]}\n… {len(text) - BODY_CHARACTERS_MAX} more characters"
    return text


def json_of(report: Report) -> dict[str, Any]:
    """Return the report as a JSON document."""
    return {
        "url": report.url,
        "rail": report.rail,
        "at": report.at.isoformat(timespec="seconds"),
        "behaves": report.behaves,
        "passed": report.count(PASSED),
        "failed": report.count(FAILED),
        "skipped": report.count(SKIPPED),
        "not_run": report.not_run,
        "cases": [_case_json(finding) for finding in report.findings],
    }


def _case_json(finding: Finding) -> dict[str, Any]:
    case = finding.case
    return {
        "id": case.id,
        "title": case.title,
        "outcome": finding.outcome,
        "expected": finding.expected,
        "came": finding.came,
        "what_to_do": finding.what_to_do if finding.outcome == FAILED else "",
        "exchanges": [
            {
                "what": each.what, "method": each.method, "path": each.path, "sent": pretty(each.sent),
                "status": each.status, "came": pretty(each.came), "milliseconds": each.milliseconds, "problem": each.problem,
            }
            for each in finding.exchanges
        ],
    }  # fmt: skip


def table() -> str:
    """Write the cases as a table for the documentation."""
    rows = [f"| `{case.id}` | {case.title} | {case.why} |" for case in CASES]
    return "\n".join(["| case | what is promised | why |", "|---|---|---|", *rows])
