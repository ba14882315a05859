"""`bayswitch traffic`: write a day of simulated traffic as a file. It needs no server."""

import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Annotated

import typer

from limits.lab.parameters import load_parameters
from limits.lab.people import Agent, Registered, Surroundings
from limits.lab.shapes import ORDINARY
from limits.lab.traffic import Line, day_of_traffic, write
from rails.identifiers import fictional
from switch.directory.directory import build_directory
from switch.main import DEFAULT_SEED
from switch.participants.registry import load_registry
from switch.payment.instruction import Instruction
from switch.translate.messages import instruction_to_pacs008


def traffic(
    seed: Annotated[int, typer.Option(help="One seed gives one file, byte for byte.")],
    persons: Annotated[
        int, typer.Option(min=1, max=500_000, help="How many persons; about two payments come of each.")
    ],
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The day (UTC+8).")],
    out: Annotated[Path, typer.Option(help="File to write, JSON lines; - is standard output.")],
    world_seed: Annotated[
        int, typer.Option(help="Seed of the sandbox whose directory the payees stand in.")
    ] = DEFAULT_SEED,
    shape: Annotated[
        str,
        typer.Option(help="What kind of day: ordinary, heavy-tail, hot-agents, salary-day, market-open, exhaustion."),
    ] = ORDINARY,
    messages: Annotated[
        bool, typer.Option("--messages", help="Write the pacs.008 into each line that goes as one (load sends it).")
    ] = False,
) -> None:
    """Write a day of simulated payments: who pays whom, how much, when. The same file feeds demo, bench, load and lab."""
    try:
        lines = drawn_day(seed, persons, day.date(), world_seed, shape)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--shape, --persons") from error
    text = write(with_messages(lines) if messages else lines)
    if str(out) == "-":
        sys.stdout.write(text)
    else:
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            what = f"{out} cannot be written ({error.strerror}); name a file in a folder that is there"
            raise typer.BadParameter(what, param_hint="--out") from error


def drawn_day(seed: int, persons: int, day: date, world_seed: int = DEFAULT_SEED, shape: str = ORDINARY) -> list[Line]:
    """Draw a day of traffic among the sandbox's participants and registered accounts; raises ValueError for a shape that is none."""
    return day_of_traffic(Random(seed), persons, day, surroundings(day, world_seed), load_parameters(shape=shape))


def with_messages(lines: Iterable[Line]) -> Iterator[Line]:
    """Add the pacs.008 to each line that goes as one, under `message`: who sends traffic from outside maps no fields."""
    for line in lines:
        if line.get("via") == "xml":
            instruction = Instruction.model_validate(line["instruction"])
            created_at = datetime.fromisoformat(line["at"])
            message = instruction_to_pacs008(instruction, message_id=instruction.instruction_id, created_at=created_at)
            line = line | {"message": message.decode()}
        yield line


def surroundings(day: date, world_seed: int = DEFAULT_SEED) -> Surroundings:
    """Say what a sandbox of that seed holds on a day, in the lab's words."""
    agents = tuple(
        Agent(participant.bic, participant.country, participant.kind, participant.schemes_on(day))
        for participant in load_registry().participants.values()
    )
    registered = tuple(
        Registered(
            entry.agent, entry.account, entry.name, entry.kind, entry.country, dict(entry.proxies).get("MBNO", "")
        )
        for entry in build_directory(world_seed)
    )
    numbers = {
        "HKID": fictional.hkid,
        "PRCID": fictional.prc_id,
        "BIR": fictional.bir,
        "USCC": fictional.uscc_number,
        "BRN": fictional.brn,
    }
    return Surroundings(agents, registered, numbers)
