"""Commands about rails in processes of their own: `rail NAME` serves one, `rail check URL` tells a team whether theirs behaves."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from rails.conformance.prober import Target
from rails.conformance.report import counted, html_of, json_of
from rails.conformance.suite import CASES, Report
from switch.door import CannotListen
from switch.embedded.process import FolderInUse, ServerError
from switch.main import DEFAULT_SEED, Elsewhere
from switch.rail_process import RailServing, check_rail, rail_names, serve_rail

RAIL_KEY = "rail"  # of rails on this machine; give another with --key where others can reach it
_DATA = Path(".bayswitch")


class _NameOrCommand(TyperGroup):
    """`rail hk-fps` is short for `rail serve hk-fps`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Take what is no command for the name of a rail."""
        named = args and args[0] not in self.commands and not args[0].startswith("-")
        return super().resolve_command(ctx, ["serve", *args] if named else args)


rail = typer.Typer(
    cls=_NameOrCommand,
    no_args_is_help=True,
    help="A rail as its own process: `rail NAME` serves one, `rail check URL` asks one how it behaves.",
)


@rail.command()
def serve(
    name: Annotated[str, typer.Argument(help="Which rail: hk-fps, ibps, ...")],
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to serve on.")] = 9101,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    data: Annotated[
        Path | None, typer.Option(help="Folder of its embedded PostgreSQL; .bayswitch/rails/NAME unless given.")
    ] = None,
    database_url: Annotated[
        str | None, typer.Option(help="A PostgreSQL of your own instead of the embedded one.")
    ] = None,
    key: Annotated[
        str, typer.Option(envvar="BAYSWITCH_RAIL_KEY", help="What the switch sends as `Authorization: Bearer`.")
    ] = RAIL_KEY,
    seed: Annotated[int, typer.Option(help="Seed of its delays.")] = DEFAULT_SEED,
    instant: Annotated[bool, typer.Option("--instant", help="Without any delay: for measuring.")] = False,
) -> None:
    """Serve one simulated rail over HTTP until Ctrl-C; what it has taken is there again after any crash."""
    console = Console(stderr=True)
    if name not in rail_names():
        raise typer.BadParameter(f"{name} is no rail; there are {', '.join(rail_names())}", param_hint="NAME")
    folder = (data or _DATA / "rails" / name).absolute()

    def tell(url: str) -> None:
        console.print(f"rail [bold]{name}[/] serves [bold]{url}[/]  (data: {folder}, stop: Ctrl-C)", soft_wrap=True)
        console.print(f"use it: bayswitch up --rail {name}={url} --rail-key {key}", soft_wrap=True)

    try:
        serve_rail(RailServing(name, folder, host, port, database_url, key, seed, instant), tell)
    except (CannotListen, FolderInUse, ServerError, OSError) as error:
        console.print(f"rail {name} cannot serve: {error}", style="red", soft_wrap=True)
        raise typer.Exit(2) from None


def read_rails(given: list[str], key: str) -> dict[str, Elsewhere]:
    """Read NAME=URL options; raises BadParameter."""
    found: dict[str, Elsewhere] = {}
    for each in given:
        name, equals, url = each.partition("=")
        if not equals or not url.startswith(("http://", "https://")):
            raise typer.BadParameter(f"{each} is not NAME=URL, as hk-fps=http://127.0.0.1:9101", param_hint="--rail")
        if name not in rail_names():
            raise typer.BadParameter(f"{name} is no rail; there are {', '.join(rail_names())}", param_hint="--rail")
        if name in found:
            raise typer.BadParameter(f"{name} is given twice", param_hint="--rail")
        found[name] = Elsewhere(url, key)
    return found


def _list_cases(wanted: bool) -> None:
    if wanted:
        for each in CASES:
            print(f"{each.id:21} {each.title}")
        raise typer.Exit


@rail.command()
def check(
    url: Annotated[str, typer.Argument(help="Where the rail answers: http://127.0.0.1:9101.")],
    key: Annotated[str, typer.Option(envvar="BAYSWITCH_RAIL_KEY", help="The key it asks for.")] = RAIL_KEY,
    report: Annotated[
        Path | None, typer.Option(help="Write the report here: one HTML file that needs nothing else.", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
    case: Annotated[list[str] | None, typer.Option(help="Only this case, by its id; may be given again.")] = None,
    list_cases: Annotated[
        bool, typer.Option("--list", callback=_list_cases, is_eager=True, help="List the cases with their ids.")
    ] = False,
    account: Annotated[str, typer.Option(help="A creditor account that the rail takes.")] = Target("", "").account,
    creditor_agent: Annotated[str, typer.Option(help="The BIC of its agent.")] = Target("", "").creditor_agent,
    debtor_agent: Annotated[str, typer.Option(help="The BIC of an agent that may pay.")] = Target("", "").debtor_agent,
    wait_seconds: Annotated[
        int, typer.Option(min=1, max=3_600, help="How long a payment may take on a rail with a clock of its own.")
    ] = 30,
) -> None:
    """Ask a rail, yours or ours, how it behaves, case by case. It makes real payments there. Exit 0 if it behaves."""
    if not url.startswith(("http://", "https://")):
        raise typer.BadParameter("give an address such as http://127.0.0.1:9101", param_hint="URL")
    if unknown := set(case or []) - {each.id for each in CASES}:
        known = ", ".join(each.id for each in CASES)
        raise typer.BadParameter(f"{', '.join(sorted(unknown))} is no case; there are {known}", param_hint="--case")
    target = Target(url, key, debtor_agent, creditor_agent, account, timedelta(seconds=wait_seconds))
    found = check_rail(target, case or [])
    if report is not None:
        report.write_text(html_of(found), encoding="utf-8")
    if as_json:
        print(json.dumps(json_of(found), ensure_ascii=False, indent=2))
    else:
        _tell(found, report)
    raise typer.Exit(0 if found.behaves else 1)


def _tell(found: Report, report: Path | None) -> None:
    console = Console()
    for finding in found.findings:
        style = {"passed": "green", "failed": "bold red"}.get(finding.outcome, "dim")
        console.print(
            f"[{style}]{finding.outcome:8}[/] {escape(finding.case.title)} [dim]({finding.case.id})[/]", soft_wrap=True
        )
        if finding.outcome == "failed":
            console.print(f"         expected {escape(finding.expected)}", soft_wrap=True, highlight=False)
            console.print(f"         came     {escape(finding.came)}", soft_wrap=True, highlight=False)
            console.print(f"         {escape(finding.what_to_do)}", style="dim", soft_wrap=True, highlight=False)
    verdict = "[bold green]It behaves.[/]" if found.behaves else "[bold red]It does not behave.[/]"
    console.print(f"{verdict} {counted(found)}{f'; {report} has the messages' if report else ''}.", soft_wrap=True)
