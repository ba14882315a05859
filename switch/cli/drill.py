"""`bayswitch drill`: plays a short story of what goes wrong, on a sandbox of its own or a running one, and checks what came of it.

Exit 0 only if every expectation came; on a sandbox of its own the auditor must find nothing, too. On a running sandbox it
moves the clock to a later day.
"""

import asyncio
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from bayswitch import BayswitchError, Client, Problem
from bayswitch.player import NotSettled
from switch.cli.demo import audited, running
from switch.cli.system import DEV_KEY
from switch.drills import drill as drills

_OWN_KEY = "demo"
_STARTS_AT = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)  # before the demo's day, after a wallet has joined Payment Connect
_MARK = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[cyan]•[/]"}


def drill(
    name: Annotated[str | None, typer.Argument(help="Which drill; --list names them.")] = None,
    url: Annotated[
        str | None, typer.Option(help="A running sandbox, whose clock is moved; else one of its own is started.")
    ] = None,
    key: Annotated[str, typer.Option(help="Its operator's key.")] = DEV_KEY,
    list_them: Annotated[bool, typer.Option("--list", help="List the drills.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Play a drill and check what came of it; exit 0 only if all came as expected."""
    if list_them:
        _list(as_json)
        return
    if name not in drills.names():
        asked = f"there is no drill {name}" if name else "name a drill"
        raise typer.BadParameter(f"{asked}; there are {', '.join(drills.names())}", param_hint="NAME")
    try:
        document = _on_a_running(url, key, name) if url else _on_its_own(name)
    except Problem as problem:
        what = problem.detail or problem.title
        Console(stderr=True).print(f"The drill was not played: {escape(what)}", style="red", soft_wrap=True)
        raise typer.Exit(2) from None
    except (BayswitchError, NotSettled, drills.NoSuchDay, RuntimeError) as error:
        Console(stderr=True).print(f"The drill was not played: {escape(str(error))}", style="red", soft_wrap=True)
        raise typer.Exit(2) from None
    if as_json:
        print(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        _tell(Console(highlight=False), document)
    held = document["met"] and not (document["audit"] or {}).get("violations")
    raise typer.Exit(0 if held else 1)


def _list(as_json: bool) -> None:
    found = [drills.read_drill(name) for name in drills.names()]
    if as_json:
        rows = [{"drill": each.name, "title": each.title, "tell": each.tell} for each in found]
        print(json.dumps({"drills": rows}, ensure_ascii=False, indent=2))
        return
    for each in found:
        Console(highlight=False).print(f"[bold]{each.name}[/]  {escape(each.tell)}", soft_wrap=True)


def _on_a_running(url: str, key: str, name: str) -> dict[str, Any]:
    """Let the sandbox play it itself; its books are audited with `bayswitch audit`."""
    with Client(url, key) as client:
        return {**client.run_drill(name), "audit": None}


def _on_its_own(name: str) -> dict[str, Any]:
    """Play it on a sandbox in a folder that goes away with it, and have its books audited."""
    with tempfile.TemporaryDirectory(prefix="bayswitch-drill-", ignore_cleanup_errors=True) as folder:
        with running(Path(folder), _STARTS_AT, None) as url:
            outcome = asyncio.run(_played(url, name))
            audit = audited(Path(folder))
        return {**outcome.document(), "audit": {"payments": audit["payments"], "violations": audit["violations"]}}


async def _played(url: str, name: str) -> drills.Outcome:
    player = drills.make_player(url, _OWN_KEY)
    try:
        return await drills.run(drills.read_drill(name), player)
    finally:
        await player.close()


def _tell(console: Console, document: dict[str, Any]) -> None:
    console.print(f"[bold]{escape(document['title'])}[/], {document['day']}", soft_wrap=True)
    for step in document["steps"]:
        at = datetime.fromisoformat(step["at"])
        console.print(
            f"{_MARK[step['met']]} {at:%d %b %H:%M:%S}  {step['step']}  [dim]{escape(step['tell'] or '')}[/]", soft_wrap=True
        )  # fmt: skip
    for miss in document["unmet"]:
        console.print(
            f"[red]✗ {miss['step']}: expected {miss['what']} {escape(str(miss['expected']))}, got {escape(str(miss['got']))}[/]",
            soft_wrap=True,
        )
    if audit := document["audit"]:
        found = f"{len(audit['violations'])} violations" if audit["violations"] else "nothing amiss"
        console.print(f"The auditor read {audit['payments']} payments and found {found}.", soft_wrap=True)
        for violation in audit["violations"]:
            console.print(f"[red]{escape(json.dumps(violation, ensure_ascii=False))}[/]", soft_wrap=True)
    clock = document["clock"]
    console.print(f"[dim]The sandbox's clock stood at {clock['from']} and stands at {clock['to']}.[/]", soft_wrap=True)
