"""`bayswitch explain`: what would become of an instruction, and why, told to people or as one JSON document. No server.

It uses the seeded default rates, providers and directory; liquidity stays unchecked.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from fx.money import AmountError, to_minor
from limits.calendars import law_day
from limits.claims import Claim, Sums
from limits.rules import Rulebook
from limits.values import USE
from rails.messages import MessageError
from switch.cli.explaining import ANALYST, PERSON, tell
from switch.cli.reading import read_instant, read_json_object, read_rulebook
from switch.clock import BusinessClock
from switch.main import memory_sandbox
from switch.payment.instruction import Instruction
from switch.payment.postings import is_account
from switch.sandbox import Sandbox
from switch.translate.messages import ParsedMessage, parse_instructions

_AS_JSON = typer.Option("--json", help="Print one JSON document and nothing else; it holds every language.")
_OVERLAY = typer.Option(help="YAML overlay on the rulebook (a scenario).", exists=True, dir_okay=False)


class Language(StrEnum):
    """The languages a decision is told in."""

    ENGLISH = "en"
    TRADITIONAL = "zh-Hant"
    SIMPLIFIED = "zh-Hans"


class Audience(StrEnum):
    """For whom a decision is told."""

    person = PERSON
    analyst = ANALYST


def explain(
    file: Annotated[Path, typer.Argument(help="An instruction: JSON, or pacs.008.", exists=True, dir_okay=False)],
    at: Annotated[str, typer.Option(help="The instant that counts, with its offset: 2026-03-05T10:00:00+08:00.")],
    used: Annotated[
        Path | None, typer.Option(help="JSON: rule -> amount already used, major units.", exists=True)
    ] = None,
    overlay: Annotated[Path | None, _OVERLAY] = None,
    lang: Annotated[Language, typer.Option(help="The language of the texts.")] = Language.ENGLISH,
    audience: Annotated[
        Audience | None, typer.Option("--for", help="One reader's text alone; both where it is left out.")
    ] = None,
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Say what would become of an instruction, why, and what would let it pass. Exit 0 if it would be accepted."""
    instruction = _read_instruction(file)
    instant = read_instant(at, "--at")
    amounts = read_json_object(used, "--used") if used else {}
    document = asyncio.run(_explained(instruction, instant, amounts, read_rulebook(overlay)))
    if as_json:
        print(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        tell(document, lang.value, audience.value if audience else None)
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
    """Post what `--used` says on the counters of the windows of `at`, and leave accounts unbounded."""
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
    ends = {rule: rules.rule(rule).window_end(at) for rule in minor}

    def used(claim: Claim, then: datetime) -> Sums:
        """What is used in the window of `at` is not used in the next; a look at an older window finds nothing."""
        end = ends.get(claim.rule)
        if claim.rule not in minor or not claim.delta or (end is not None and then >= end):
            return Sums()
        return Sums(up_posted=minor[claim.rule])

    async def told(claims: Sequence[Claim], then: datetime) -> dict[str, Sums]:
        return {claim.counter: used(claim, then) for claim in claims if not is_account(claim)}

    sandbox.dry_run.read_sums = told


def _minor(rule: str, amount: object, currency: str) -> int:
    try:
        return int(str(amount)) if currency == USE else to_minor(Decimal(str(amount)), currency)
    except (InvalidOperation, AmountError, ValueError) as error:
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
