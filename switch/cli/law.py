"""`bayswitch rulebook`: the law as a list, on a day, between two days, as a table of who may pay; checked, counted, timed.

Thin shells: what they tell is made in limits (catalogue, diff, coverage, check) and written out by cli.law_telling.
"""

import json
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from limits.documents import RulebookError
from limits.examine import catalogue
from limits.examine.check import check as checked
from limits.examine.coverage import corridors
from limits.examine.coverage import coverage as covered
from limits.examine.coverage import document_of as cell_document
from limits.examine.diff import diff as differences
from limits.examine.diff import document_of as change_document
from limits.rulebook import read_documents
from limits.rules import Rulebook, load_rulebook
from limits.scenario import overlaid
from rails.messages.codes import load_codes
from switch.cli import law_telling as telling
from switch.cli import law_time
from switch.cli.assumptions import markdown
from switch.cli.reading import read_overlay, read_rulebook
from switch.cli.reload import reload
from switch.participants.registry import load_registry

_AS_JSON = typer.Option("--json", help="Print one JSON document and nothing else.")
_OVERLAY = typer.Option(help="YAML overlay on the rulebook (a scenario).", exists=True, dir_okay=False)

rulebook = typer.Typer(no_args_is_help=True, help="The law as dated data with sources.")
rulebook.command("reload")(reload)


class Kind(StrEnum):
    """What `list` can be narrowed to."""

    limit = "limit"
    charge = "charge"
    rate = "rate"
    hours = "hours"
    ratio = "ratio"
    notice = "notice"
    lane = "lane"
    row = "class"
    tag = "tag"


@rulebook.command("list")
def list_(
    scheme: Annotated[str | None, typer.Option(help="Only what belongs to a scheme: stock-connect.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only one kind.")] = None,
    assumed: Annotated[bool, typer.Option("--assumed", help="Only what rests on an assumption somewhere.")] = False,
    overlay: Annotated[Path | None, _OVERLAY] = None,
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """List every rule, lane, classification row and tag, with its days and its state."""
    law = read_rulebook(overlay)
    found = catalogue.entries(law)
    if scheme is not None:
        known = catalogue.schemes(law)
        if scheme not in known:
            raise typer.BadParameter(f"{scheme!r} is no scheme; there are {', '.join(known)}", param_hint="--scheme")
        found = [entry for entry in found if entry.id in known[scheme]]
    if kind is not None:
        found = [entry for entry in found if entry.kind == kind.value]
    if assumed:
        found = [entry for entry in found if entry.assumed]
    if as_json:
        _print([entry._asdict() for entry in found])
    else:
        telling.tell_list(found)


@rulebook.command("show")
def show(
    on: Annotated[str, typer.Option(help="The day whose law is shown: 2026-03-05.")],
    rule: Annotated[str | None, typer.Option(help="One rule or lane, with its whole history.")] = None,
    overlay: Annotated[Path | None, _OVERLAY] = None,
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Show every rule in force on a day, with its value and source; with an overlay, what it changes is marked."""
    day = _day(on, "--on")
    baseline, law = load_rulebook(), read_rulebook(overlay)
    rows = telling.against(law.show(day), baseline.show(day)) if overlay is not None else law.show(day)
    if overlay is not None:
        rows += [
            {"lane": lane, "active": active, "changed": True}
            for lane, active in law.lanes.items()
            if active != baseline.lanes[lane]
        ]
    if rule is None:
        _print(rows) if as_json else telling.tell_day(day, rows)
        return
    past = _history(law, rule)
    rows = [row for row in rows if rule in (row.get("rule"), row.get("lane"))]
    if rule in law.lanes:
        marked = any("lane" in row for row in rows)
        rows = [row for row in rows if "lane" not in row] + [telling.lane_row(law, rule, day, marked)]
    if as_json:
        _print([{**row, "history": [telling.past_document(each) for each in past]} for row in rows])
    else:
        telling.tell_day(day, rows)
        telling.tell_history(rule, past)


def _history(law: Rulebook, rule: str) -> list[catalogue.Past]:
    try:
        return catalogue.history(law, rule)
    except KeyError as error:
        what = f"{rule!r} is no rule and no lane; `bayswitch rulebook list` names them"
        raise typer.BadParameter(what, param_hint="--rule") from error


@rulebook.command("diff")
def diff(
    from_day: Annotated[str, typer.Argument(metavar="FROM", help="The day before: 2018-04-30.")],
    to_day: Annotated[
        str, typer.Argument(metavar="TO", help="The day after: 2018-05-01; the same day with an overlay.")
    ],
    overlay: Annotated[Path | None, _OVERLAY] = None,
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Tell what changed in the law between two days; with an overlay, from the law on FROM to the scenario on TO."""
    first, last = _day(from_day, "FROM"), _day(to_day, "TO")
    if last < first:
        raise typer.BadParameter(f"{last} is before {first}; the earlier day comes first", param_hint="TO")
    changes = differences(load_rulebook(), first, read_rulebook(overlay), last)
    if as_json:
        _print([change_document(change) for change in changes])
    else:
        telling.tell_changes(changes, first, last)


@rulebook.command("coverage")
def coverage(
    on: Annotated[str, typer.Option(help="The day whose law is asked: 2026-03-05.")],
    corridor: Annotated[str | None, typer.Option(help="One corridor only: HK-CN.")] = None,
    overlay: Annotated[Path | None, _OVERLAY] = None,
    as_json: Annotated[bool, _AS_JSON] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, as in docs/coverage.md.")] = False,
) -> None:
    """Tell for each corridor, purpose and kind of debtor the class and the lanes, or why there is none."""
    day = _day(on, "--on")
    law, agents = read_rulebook(overlay), joined(day)
    known = {f"{origin}-{destination}": (origin, destination) for origin, destination in corridors(law, agents)}
    if corridor is not None and corridor not in known:
        raise typer.BadParameter(f"{corridor!r} is no corridor; there are {', '.join(known)}", param_hint="--corridor")
    cells = covered(law, day, agents, known[corridor] if corridor is not None else None)
    if as_json:
        _print([cell_document(cell) for cell in cells])
    elif as_markdown:
        print(telling.coverage_markdown(cells, day), end="")
    else:
        telling.tell_coverage(cells, day)


def joined(day: date) -> dict[tuple[str, str], frozenset[str]]:
    """Return by country and kind of agent which schemes some participant has joined by a day."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for each in load_registry().participants.values():
        key = each.country, each.kind
        found[key] = found.get(key, frozenset()) | each.schemes_on(day)
    return found


@rulebook.command("check")
def check(
    overlay: Annotated[Path | None, _OVERLAY] = None,
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Check the whole law and tell all faults together; information fails nothing. Exit 1 where there is a fault."""
    documents = read_documents()
    if overlay is not None:
        changes = read_overlay(overlay)
        name = str(changes.pop("name", overlay.stem))
        try:
            documents = overlaid(documents, changes, name)
        except RulebookError as error:
            raise typer.BadParameter(f"{overlay.name}: {error.key}: {error.text}", param_hint="--overlay") from error
    found = checked(documents, load_codes().purposes)
    faults = sum(finding.fault for finding in found)
    if as_json:
        _print({"faults": faults, "findings": [finding._asdict() for finding in found]})
    else:
        telling.tell_findings(found)
    raise typer.Exit(1 if faults else 0)


@rulebook.command("figures")
def figures(
    overlay: Annotated[Path | None, _OVERLAY] = None,
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Count the law: rules, dated values, sources, assumptions, rows, codes."""
    counted = catalogue.figures(read_rulebook(overlay))
    _print(counted) if as_json else telling.tell_figures(counted)


@rulebook.command("time")
def time(
    payments: Annotated[int, typer.Option(min=100, max=10_000, help="Facts decided in each run.")] = 1_000,
    runs: Annotated[int, typer.Option(min=3, max=49, help="Interleaved runs; the median is told.")] = 15,
    persons: Annotated[
        int, typer.Option(min=100, max=1_000, help="Persons; the other side has 100 times as many.")
    ] = 100,
    seed: Annotated[int, typer.Option(help="Seed of the facts.")] = 1,
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Measure the time of a decision, then with ten times the rules and with a hundred times the persons."""
    measured = law_time.measure(law_time.Settings(payments, runs, persons, seed))
    _print(measured) if as_json else telling.tell_times(measured)


@rulebook.command("assumptions")
def assumptions() -> None:
    """List every assumption the sandbox makes, and why, as Markdown."""
    print(markdown())


def _day(text: str, hint: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day; write 2026-03-05", param_hint=hint) from error


def _print(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2, default=str))
