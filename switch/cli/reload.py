"""`bayswitch rulebook reload`: a running switch goes by another rulebook, without a restart."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from bayswitch import BayswitchError, Client, Problem
from switch.cli.reading import read_overlays
from switch.cli.system import DEV_KEY

_NONE: list[Path] = []


def reload(
    overlay: Annotated[
        list[Path],
        typer.Option(help="YAML overlay (a scenario); several are laid on in turn.", exists=True, dir_okay=False),
    ] = _NONE,
    law: Annotated[bool, typer.Option("--law", help="Go by the packaged law again, without overlays.")] = False,
    url: Annotated[str, typer.Option(help="Where the switch serves.")] = "http://127.0.0.1:8080",
    key: Annotated[str, typer.Option(help="An operator's key.")] = DEV_KEY,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Have a running switch go by the law with these overlays from its next batch on.

    Exit 0 where it does, 2 for a wrong overlay or where no switch answers, 1 where it does not take what is asked.
    """
    if bool(overlay) == law:
        raise typer.BadParameter("give at least one overlay, or --law for the law without any", param_hint="--overlay")
    overlays, _ = read_overlays(overlay)  # wrong ones are told before a switch is asked
    plain = [json.loads(json.dumps(each, default=str)) for each in overlays]  # days as texts
    try:
        with Client(url, key) as client:
            document: dict[str, Any] = client.take_rulebook(plain)
    except Problem as problem:
        faults = [what for field, what in problem.errors if field.partition(".")[0] == "overlays"]
        if faults:  # its packaged law is another than ours, or its participants do not go with it
            names = ", ".join(file.name for file in overlay) or "the law"
            raise typer.BadParameter(f"{names}: {'; '.join(faults)}", param_hint="--overlay") from None
        Console(stderr=True).print(f"[bold red]not taken[/] {escape(str(problem))}", soft_wrap=True)
        raise typer.Exit(1) from None
    except BayswitchError as error:
        Console(stderr=True).print(f"{url} does not answer ({error}). Is the switch up? Start it with `bayswitch up`.")
        raise typer.Exit(2) from None
    if as_json:
        print(json.dumps(document, ensure_ascii=False, indent=2))
        return
    before = f", after {document['before']}" if document["before"] else "; nothing changed"
    names = ", ".join(document["overlays"]) or "the law without overlays"
    Console().print(f"rulebook [bold]{document['rulebook_id']}[/]{before}: {escape(names)}", soft_wrap=True)
