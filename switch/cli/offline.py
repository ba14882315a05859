"""Commands that need no server: explain an instruction, show the rulebook.

Explain uses the seeded default rates, providers and directory; liquidity stays unchecked.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from fx.money import AmountError, to_minor
from limits.calendars import law_day
from limits.claims import Claim, Sums
from limits.rules import load_rulebook
from rails.messages import MessageError
from switch.cli.assumptions import markdown
from switch.clock import BusinessClock
from switch.main import memory_sandbox
from switch.payment.instruction import Instruction
from switch.payment.postings import INVENTORY, LEDGER, LIQUIDITY
from switch.sandbox import Sandbox
from switch.translate.messages import ParsedMessage, parse_instructions

_AS_JSON = typer.Option("--json", help="Print one JSON document and nothing else.")


def explain(
    file: Annotated[Path, typer.Argument(help="An instruction: JSON, or pacs.008.", exists=True, dir_okay=False)],
    at: Annotated[str, typer.Option(help="The instant that counts, with its offset: 2026-03-05T10:00:00+08:00.")],
    used: Annotated[
        Path | None, typer.Option(help="JSON: rule -> amount already used, major units.", exists=True)
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option(help="YAML overlay on the rulebook (a scenario).", exists=True)
    ] = None,
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Say what would become of an instruction, and why: class, lane, claims, route. Exit 0 if it would be accepted."""
    instruction = _read_instruction(file)
    instant = _instant(at)
    amounts = json.loads(used.read_text("utf-8")) if used else {}
    changes = [yaml.safe_load(overlay.read_text("utf-8"))] if overlay else []
    document = asyncio.run(_explained(instruction, instant, amounts, changes))
    if as_json:
        print(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        _tell(document)
    raise typer.Exit(0 if document["status"] != "RJCT" else 1)


async def _explained(
    instruction: Instruction, at: datetime, amounts: dict[str, str], changes: list[dict[str, Any]]
) -> dict[str, Any]:
    clock = BusinessClock()
    clock.begin(at, 0.0)
    sandbox = memory_sandbox(clock, rulebook=load_rulebook(changes))
    _use_up(sandbox, instruction, at, amounts)
    return await sandbox.explain(instruction, instruction.debtor_agent[:8])


def _use_up(sandbox: Sandbox, instruction: Instruction, at: datetime, amounts: dict[str, str]) -> None:
    """Post what `--used` says on the counters this instruction claims, and leave accounts unbounded."""
    rules = sandbox.world.view(at).rules
    try:
        minor = {
            rule: to_minor(Decimal(amount), rules.rule(rule).currency or instruction.instructed_amount.currency)
            for rule, amount in amounts.items()
        }
    except KeyError as error:
        raise typer.BadParameter(
            f"there is no rule {error} on {law_day(at)}; see `bayswitch rulebook show --on {law_day(at)}`",
            param_hint="--used",
        ) from error
    except (InvalidOperation, TypeError, AmountError) as error:
        raise typer.BadParameter(f"amounts are decimal strings in major units: {error}", param_hint="--used") from error

    accounts = (LIQUIDITY, INVENTORY, LEDGER)

    async def told(claims: Sequence[Claim]) -> dict[str, Sums]:
        return {c.counter: Sums(up_posted=minor.get(c.rule, 0)) for c in claims if c.rule not in accounts}

    sandbox.read_sums = told


def _read_instruction(file: Path) -> Instruction:
    body = file.read_bytes()
    try:
        if body.lstrip().startswith(b"<"):
            return _only(parse_instructions(body))
        return Instruction.model_validate_json(body)
    except MessageError as error:
        raise typer.BadParameter(
            f"{file.name}: {error.field}: {error.text} ({error.code})", param_hint="FILE"
        ) from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise typer.BadParameter(f"{file.name}: {field}: {first['msg']}", param_hint="FILE") from error


def _only(parsed: ParsedMessage) -> Instruction:
    if len(parsed.instructions) != 1 or parsed.refused:
        raise typer.BadParameter("explain takes a message with one payment", param_hint="FILE")
    return parsed.instructions[0]


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no instant; write 2026-03-05T10:00:00+08:00", param_hint="--at"
        ) from error
    if instant.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no offset; write {text}+08:00", param_hint="--at")
    return instant.astimezone(UTC)


def _tell(document: dict[str, Any]) -> None:
    console = Console()
    found = document["classification"]
    console.print(
        f"[bold]{document['status']}[/]  {document['reason']['text'] if document['reason'] else 'would be accepted'}"
    )
    if found:
        console.print(f"class  {found['rule']}  (RMB tag {found['rmb_tag'] or 'none'})")
        for entry in found["entries"]:
            console.print(
                f"       {entry['economy']} {entry['side']}: {entry['item']} {entry['code'] or ''} with {entry['counterpart']}"
            )
        console.print(f"lane   {found['lane']}")
        for lane in found["lanes"]:
            console.print(
                f"       {'open  ' if lane['eligible'] else 'closed'} {lane['lane']}: {lane['why']}",
                style="" if lane["eligible"] else "dim",
            )
    for claim in document["claims"]:
        mark = " (assumed)" if claim["assumed"] else ""
        console.print(
            f"claim  {claim['rule']}: {claim['claimed']} of {claim['currency']} {claim['ceiling'] or '∞'}, used {claim['used']}, left {claim['headroom'] or '∞'}{mark}"
        )
        console.print(f"       {claim['reference']}", style="dim")
    for step in document["route"]:
        over = "".join(f"; not {item['rail']}: {item['why']}" for item in step["passed_over"])
        console.print(f"route  {step['role']}: {step['rail']}{over}")


def show(
    on: Annotated[str, typer.Option(help="The day whose law is shown: 2026-03-05.")],
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Show every rule in force on a day, with its value and source."""
    try:
        day = date.fromisoformat(on)
    except ValueError as error:
        raise typer.BadParameter(f"{on!r} is no day; write 2026-03-05", param_hint="--on") from error
    rows = load_rulebook().show(day)
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=2, default=str))
        return
    table = Table("rule", "value", "window", "effect", "since", "source", title=f"The rulebook on {day}")
    for row in rows:
        mark = " [yellow](assumed)[/]" if row["assumed"] else ""
        value = f"{row['currency'] or ''} {row['value'] or '—'}".strip()
        table.add_row(
            row["rule"], value + mark, row["window"] or "", row["effect"] or "", str(row["since"]), row["reference"]
        )
    Console().print(table)


def assumed() -> None:
    """List every assumption the sandbox makes, and why, as Markdown."""
    print(markdown())
