"""`bayswitch traffic`: write a day of simulated traffic as a file. It needs no server."""

import sys
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Annotated

import typer

from limits.lab.parameters import load_parameters
from limits.lab.people import Agent, Registered, Surroundings
from limits.lab.traffic import Line, day_of_traffic, write
from rails.identifiers import fictional
from switch.directory.directory import build_directory
from switch.main import DEFAULT_SEED
from switch.participants.registry import load_registry


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
) -> None:
    """Write a day of simulated payments: who pays whom, how much, when. The same file feeds demo, bench, load and lab."""
    text = write(drawn_day(seed, persons, day.date(), world_seed))
    if str(out) == "-":
        sys.stdout.write(text)
    else:
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            what = f"{out} cannot be written ({error.strerror}); name a file in a folder that is there"
            raise typer.BadParameter(what, param_hint="--out") from error


def drawn_day(seed: int, persons: int, day: date, world_seed: int = DEFAULT_SEED) -> list[Line]:
    """Draw a day of traffic among the sandbox's participants and registered accounts."""
    return day_of_traffic(Random(seed), persons, day, surroundings(day, world_seed), load_parameters())


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
