"""Commands that need no server: explain an instruction, show the rulebook.

Explain uses the seeded default rates, providers and directory; liquidity stays unchecked.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from fx.money import AmountError, to_minor
from limits.calendars import law_day
from limits.claims import Claim, Sums
from limits.rules import Rulebook, load_rulebook
from rails.messages import MessageError
from switch.cli.amounts import grouped, money
from switch.cli.assumptions import markdown
from switch.cli.reading import read_instant, read_json_object, read_rulebook
from switch.clock import BusinessClock
from switch.main import memory_sandbox
from switch.payment.instruction import Instruction
from switch.payment.postings import INVENTORY, LEDGER, LIQUIDITY
from switch.sandbox import Sandbox
from switch.translate.messages import ParsedMessage, parse_instructions

_AS_JSON = typer.Option("--json", help="Print one JSON document and nothing else.")
_OVERLAY = typer.Option(help="YAML overlay on the rulebook (a scenario).", exists=True, dir_okay=False)


def explain(
    file: Annotated[Path, typer.Argument(help="An instruction: JSON, or pacs.008.", exists=True, dir_okay=False)],
    at: Annotated[str, typer.Option(help="The instant that counts, with its offset: 2026-03-05T10:00:00+08:00.")],
    used: Annotated[
        Path | None, typer.Option(help="JSON: rule -> amount already used, major units.", exists=True)
    ] = None,
    overlay: Annotated[Path | None, _OVERLAY] = None,
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Say what would become of an instruction, and why: class, lane, claims, route. Exit 0 if it would be accepted."""
    instruction = _read_instruction(file)
    instant = read_instant(at, "--at")
    amounts = read_json_object(used, "--used") if used else {}
    document = asyncio.run(_explained(instruction, instant, amounts, read_rulebook(overlay)))
    if as_json:
        print(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        _tell(document)
    raise typer.Exit(0 if document["status"] != "RJCT" else 1)


async def _explained(
    instruction: Instruction, at: datetime, amounts: dict[str, str], rulebook: Rulebook
) -> dict[str, Any]:
    clock = BusinessClock()
    clock.begin(at, 0.0)
    sandbox = memory_sandbox(clock, rulebook=rulebook)
    _use_up(sandbox, instruction, at, amounts)
    return await sandbox.explain(instruction, instruction.debtor_agent[:8])


def _use_up(sandbox: Sandbox, instruction: Instruction, at: datetime, amounts: dict[str, str]) -> None:
    """Post what `--used` says on the counters this instruction claims, and leave accounts unbounded."""
    rules = sandbox.world.view(at).rules
    try:
        minor = {
            rule: _minor(rule, amount, rules.rule(rule).currency or instruction.instructed_amount.currency)
            for rule, amount in amounts.items()
        }
    except KeyError as error:
        raise typer.BadParameter(
            f"there is no rule {error} on {law_day(at)}; see `bayswitch rulebook show --on {law_day(at)}`",
            param_hint="--used",
        ) from error

    accounts = (LIQUIDITY, INVENTORY, LEDGER)

    async def told(claims: Sequence[Claim]) -> dict[str, Sums]:
        return {c.counter: Sums(up_posted=minor.get(c.rule, 0)) for c in claims if c.rule not in accounts}

    sandbox.dry_run.read_sums = told


def _minor(rule: str, amount: object, currency: str) -> int:
    try:
        return to_minor(Decimal(str(amount)), currency)
    except (InvalidOperation, AmountError) as error:
        what = f'{rule}: {amount!r} is no amount of {currency} in major units; write it as "8750.00"'
        raise typer.BadParameter(what, param_hint="--used") from error


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
        found = [
            ".".join(str(part) for part in one["loc"]) + f" ({one['msg']})" for one in error.errors(include_input=False)
        ]
        raise typer.BadParameter(f"{file.name}: {'; '.join(found)}", param_hint="FILE") from error


def _only(parsed: ParsedMessage) -> Instruction:
    if len(parsed.instructions) != 1 or parsed.refused:
        raise typer.BadParameter("explain takes a message with one payment", param_hint="FILE")
    return parsed.instructions[0]


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
        console.print(f"lane   {found['lane'] or 'none'}")
        elsewhere = 0
        for lane in found["lanes"]:
            if lane["why"].startswith("leads "):
                elsewhere += 1
            else:
                how = "open  " if lane["eligible"] else "closed"
                console.print(f"       {how} {lane['lane']}: {lane['why']}", style="" if lane["eligible"] else "dim")
        if elsewhere:
            console.print(f"       and {elsewhere} lanes of other corridors", style="dim")
    _tell_amounts(console, document)
    for claim in document["claims"]:
        console.print(f"claim  {_claimed(claim)}")
        console.print(f"       {claim['reference']}", style="dim")
    for step in document["route"]:
        over = "".join(f"; not {item['rail']}: {item['why']}" for item in step["passed_over"])
        console.print(f"route  {step['role']}: {step['rail']}{over}")


def _claimed(claim: dict[str, Any]) -> str:
    mark = " (assumed)" if claim["assumed"] else ""
    asked = f"{claim['rule']}: {claim['currency']} {grouped(claim['claimed'])}"
    if claim["ceiling"] is None:
        return f"{asked} counted for a report{mark}"
    return f"{asked} of {grouped(claim['ceiling'])}, used {grouped(claim['used'])}, left {grouped(claim['headroom'])}{mark}"


def _tell_amounts(console: Console, document: dict[str, Any]) -> None:
    if "debit_amount" not in document:
        return
    console.print(f"money  {money(document['debit_amount'])} debited, {money(document['settlement_amount'])} received")
    if charge := document["charge"]:
        console.print(f"       charge {money(charge)}")
    if exchange := document["exchange"]:
        console.print(
            f"       {exchange['provider']} at {exchange['exchange_rate']} ({exchange['market']}), "
            f"spread {money(exchange['spread'])}"
        )


def show(
    on: Annotated[str, typer.Option(help="The day whose law is shown: 2026-03-05.")],
    overlay: Annotated[Path | None, _OVERLAY] = None,
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Show every rule in force on a day, with its value and source; with an overlay, what it changes is marked."""
    try:
        day = date.fromisoformat(on)
    except ValueError as error:
        raise typer.BadParameter(f"{on!r} is no day; write 2026-03-05", param_hint="--on") from error
    baseline, rulebook = load_rulebook(), read_rulebook(overlay)
    rows = rulebook.show(day)
    if overlay is not None:
        law = {(row["rule"], row["currency"]): row["value"] for row in baseline.show(day)}
        for row in rows:
            row["baseline"] = law.get((row["rule"], row["currency"]))
            row["changed"] = row["value"] != row["baseline"]
        rows += [
            {"lane": lane, "active": active, "changed": True}
            for lane, active in rulebook.lanes.items()
            if active != baseline.lanes[lane]
        ]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=2, default=str))
        return
    console = Console()
    console.print(f"[bold]The rulebook on {day}[/]")
    for row in rows:
        changed = _changed(row)
        if "lane" in row:
            console.print(
                f"lane {row['lane']:<37} [bold]{'on' if row['active'] else 'off'}[/]{changed}", soft_wrap=True
            )
            continue
        kind = " ".join(word for word in (row["window"], row["effect"]) if word)
        console.print(
            f"{row['rule']:<42} [bold]{_value(row)}[/]  {kind}  since {row['since']}{changed}", soft_wrap=True
        )
        console.print(f"    {row['reference']}", style="dim", soft_wrap=True)


def _changed(row: dict[str, Any]) -> str:
    """Mark what a scenario changes, with what the law says."""
    if not row.get("changed"):
        return ""
    if "lane" in row:
        law = "off" if row["active"] else "on"
    else:
        law = _value({**row, "value": row["baseline"], "assumed": False})
    return f"  [yellow]← scenario; the law: {law}[/]"


def _value(row: dict[str, Any]) -> str:
    mark = " (assumed)" if row["assumed"] else ""
    if row["value"] is None:
        return f"no limit{mark}"
    return (f"{row['currency']} {grouped(row['value'])}" if row["currency"] else row["value"]) + mark


def assumed() -> None:
    """List every assumption the sandbox makes, and why, as Markdown."""
    print(markdown())
