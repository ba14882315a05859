"""`bayswitch bench`: the switch beside yardsticks in one run on this machine, durable, audited."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from switch.bench import results
from switch.bench.compare import compare as compared
from switch.bench.manifest import commit_day
from switch.bench.runner import ROWS, Wanted, run
from switch.bench.setting import FULL, QUICK, ROUNDS_MAX, Settings
from switch.cli.bench_telling import tell, tell_budget, tell_comparison, tell_manifest

_SECONDS_MAX = 3_600  # of a round: the calls are made beforehand and held in memory
_PERSONS_MAX = 1_000_000  # each is held ready as an instruction, and identity numbers of Hong Kong are distinct for three times as many

_AS_JSON = typer.Option("--json", help="Print one JSON document and nothing else.")


def bench(
    only: Annotated[str | None, typer.Option(help="Rows to measure, by name, with commas between.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One short round: a look, no figure to keep.")] = False,
    compare: Annotated[bool, typer.Option("--compare", help="Beside the last kept result.")] = False,
    against: Annotated[Path | None, typer.Option(help="Beside this kept result.", exists=True, dir_okay=False)] = None,
    budget: Annotated[
        bool, typer.Option("--budget", help="Where the CPU time of a payment goes, by stage, in a run of its own.")
    ] = False,
    grown: Annotated[
        int, typer.Option(min=0, help="Measure once more with so many payments stored: minutes, and gigabytes of disk.")
    ] = 0,
    profile: Annotated[
        Path | None, typer.Option(help="Draw a flame graph of the pipeline into this SVG file (needs py-spy).")
    ] = None,
    keep: Annotated[
        str | None, typer.Option(metavar="NAME", help="Keep the result as loadtest/results/DATE-NAME.json.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="With --keep: also where one is kept already.")] = False,
    date: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="DATE of the result (default: the commit's day).")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, max=_SECONDS_MAX, help="Measured seconds of each round of each row.")
    ] = None,
    warm_up_seconds: Annotated[
        float | None, typer.Option(min=0, max=_SECONDS_MAX, help="Seconds before each of them.")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, max=ROUNDS_MAX, help="How often each row is measured, in turn.")
    ] = None,
    pgbench_seconds: Annotated[
        int | None, typer.Option(min=1, max=_SECONDS_MAX, help="Seconds of pgbench for each number of clients.")
    ] = None,
    persons: Annotated[int | None, typer.Option(min=100, max=_PERSONS_MAX, help="Persons who pay.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the load.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Where the stores live (default: a folder of its own, removed).")
    ] = None,
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Measure the switch beside its yardsticks on one PostgreSQL, fsync on. Exit 0 if every row is valid and the audit passes."""
    settings = _settings(
        QUICK if quick else FULL, seconds=seconds, warm_up_seconds=warm_up_seconds, rounds=rounds, persons=persons,
        seed=seed, pgbench_seconds=pgbench_seconds,
    )  # fmt: skip
    wanted = Wanted(_rows(only), budget, grown, profile.absolute() if profile else None)
    _drawable(profile)
    kept = _kept(compare, against)
    console = Console(stderr=True, quiet=as_json)
    day = _day(date)
    if keep is not None:
        _keepable(day, keep, replace)
    with _folder(data) as folder:
        document = run(Path(folder), settings, wanted, day, lambda text: console.print(text, style="dim"))
    if kept is not None:
        document["comparison"] = {"with": kept.name, "lines": compared(document, results.read(kept))}
    if keep is not None:
        console.print(f"kept as {results.keep(document, day, keep, replace=replace)}")
    if as_json:
        print(json.dumps(document, indent=2))
    else:
        _tell(document)
    raise typer.Exit(0 if not document["audit"]["violations"] and not document["faults"] else 1)


def _settings(base: Settings, **asked: float | None) -> Settings:
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    return base._replace(**given)


def _rows(only: str | None) -> frozenset[str]:
    if only is None:
        return frozenset()
    names = [name.strip() for name in only.split(",") if name.strip()]
    if not names:
        raise typer.BadParameter(f"names no row; there are {', '.join(ROWS)}", param_hint="--only")
    if unknown := [name for name in names if name not in ROWS]:
        raise typer.BadParameter(f"no row {', '.join(unknown)}; there are {', '.join(ROWS)}", param_hint="--only")
    return frozenset(names)


def _day(date: str | None) -> str:
    if date is not None and not results.is_day(date):
        raise typer.BadParameter(f"{date!r} is no day; write it as 2026-11-23", param_hint="--date")
    return date or commit_day() or "undated"


def _keepable(day: str, name: str, replace: bool) -> None:
    """Look whether the result can be kept, before anything is measured."""
    if not results.is_day(day):
        raise typer.BadParameter(
            "there is no commit whose day it could take; give it as 2026-11-23", param_hint="--date"
        )
    try:
        results.place_for(day, name, replace=replace)
    except results.CannotKeep as error:
        raise typer.BadParameter(str(error), param_hint="--keep") from None


def _folder(data: Path | None) -> tempfile.TemporaryDirectory[str]:
    """Make the folder of the stores."""
    try:
        return tempfile.TemporaryDirectory(prefix="bayswitch-bench-", dir=data)
    except OSError as error:
        what = f"{data or tempfile.gettempdir()} can hold no stores ({error.strerror}); name a folder that is there and can be written"
        raise typer.BadParameter(what, param_hint="--data") from None


def _drawable(picture: Path | None) -> None:
    """Look whether a flame graph can be drawn and written, before anything is measured."""
    if picture is None:
        return
    if not (Path(sys.executable).parent / "py-spy").exists():
        raise typer.BadParameter("py-spy is not installed; python -m pip install py-spy", param_hint="--profile")
    if not picture.absolute().parent.is_dir() or picture.is_dir() or not os.access(picture.absolute().parent, os.W_OK):
        what = f"{picture} cannot be written; name an SVG file in a folder that is there"
        raise typer.BadParameter(what, param_hint="--profile")


def _kept(compare: bool, against: Path | None) -> Path | None:
    """Find the result to compare with, before anything is measured."""
    try:
        if against is not None:
            results.read(against)
            return against
        return results.last() if compare else None
    except results.NoResult as error:
        hint = "--compare" if against is None else "--against"
        raise typer.BadParameter(str(error), param_hint=hint) from None


def _tell(document: dict[str, Any]) -> None:
    console = Console(file=sys.stdout)
    tell(console, document)
    if found := document.get("comparison"):
        tell_comparison(console, found["lines"], found["with"])
    if "budget" in document:
        tell_budget(console, document["budget"])
    tell_manifest(console, document["manifest"])
