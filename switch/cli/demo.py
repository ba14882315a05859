"""`bayswitch demo`: one simulated day, from an empty folder to the auditor's verdict. It speaks to the switch over HTTP alone.

The switch runs as its own process with embedded servers; the day is a file of traffic: a hand-written story with expectations, and
seeded payments around it. Exit 0 only if every expectation came and the auditor found nothing.
"""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bayswitch import Client, Unreachable
from bayswitch.player import Player, Said, instant, key_of
from limits.lab.traffic import Line, write
from switch.cli import telling
from switch.cli.reading import read_rulebook
from switch.cli.tally import Tally
from switch.cli.traffic import drawn_day
from switch.drills.expectations import Unmet, history
from switch.drills.reckoning import at_its_end, at_once, is_expected_payment, reckon
from switch.drills.story import read_story
from switch.embedded.process import free_port
from switch.payment.instruction import Instruction
from switch.translate.messages import instruction_to_pacs008

_DATA = Path(".bayswitch/demo")
_MARK = "of-the-demo"  # in a folder the demo made: only such a one does it empty
_SEED = 20260306
_PERSONS = 1000  # about 1,900 payments of theirs beside the story's
_READY_SECONDS_MAX = 60.0
_STOP_SECONDS_MAX = 20.0
_BEFORE = timedelta(minutes=10)
_KEY = "demo"
_WIDTH = 150  # of what is written to a file
_EXPLAINED = "tuition-documented"


class Result(NamedTuple):
    """What a day came to."""

    payments: int  # in the switch's books
    tally: Tally
    expected: frozenset[str]  # steps that are payments
    unmet: list[Unmet]
    corridors: list[telling.Corridor]

    @property
    def met(self) -> int:
        """Return how many payments became all that was expected of them."""
        return len(self.expected - {miss.step for miss in self.unmet})


def demo(
    data: Annotated[Path, typer.Option(help="Folder for servers, books and the day's files; emptied first.")] = _DATA,
    seed: Annotated[int, typer.Option(help="Seed of the payments around the story.")] = _SEED,
    persons: Annotated[int, typer.Option(min=0, help="How many persons send them.")] = _PERSONS,
    overlay: Annotated[
        Path | None,
        typer.Option(
            "--overlay",
            "--scenario",
            help="YAML overlay on the rulebook: the story should then fail.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    story_only: Annotated[bool, typer.Option("--story-only", help="Play the hand-written payments alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Tell one simulated day of payments across the Greater Bay Area; exit 0 only if all came as expected."""
    began = time.monotonic()
    console = Console(stderr=as_json, quiet=as_json)
    if not console.is_terminal:
        console.width = _WIDTH
    read_rulebook(overlay)  # wrong ones are told before anything is emptied or started
    folder = _emptied(data.absolute())
    lines = _day(folder, seed, 0 if story_only else persons)
    midnight = instant(lines[0]).replace(hour=0, minute=0, second=0)
    console.print(
        f"[bold]{midnight:%A, %d %B %Y}[/] in Hong Kong, Macau and Guangdong. Starting the switch with its own PostgreSQL and Valkey ..."
    )
    telling.tell_legend(console)
    # The sandbox's clock runs until it is stopped, so it starts before the day does.
    with running(folder, midnight - _BEFORE, overlay) as url:
        result = asyncio.run(_told(console, url, folder, lines))
        audit = audited(folder)
    counts = {"the answers": result.tally.payments, "the auditor": audit["payments"]}
    result.unmet.extend(
        Unmet("the day added up", f"payments by {who}", result.payments, count)
        for who, count in counts.items()
        if count != result.payments
    )
    telling.tell_audit(console, audit)
    telling.tell_unmet(console, result.unmet, len(result.expected))
    seconds = round(time.monotonic() - began, 1)
    console.print(
        f"All of it took {seconds} seconds. The day's file, its messages and the books are in {folder}.",
        highlight=False,
    )
    if as_json:
        document = {
            "payments": result.payments,
            "instructions": result.tally.instructions,
            "repeated": result.tally.repeated,
            "turned_away": len(result.tally.turned_away),
            "expected": len(result.expected),
            "met": result.met,
            "seconds": seconds,
            "audit": {"payments": audit["payments"], "violations": audit["violations"]},
            "corridors": [corridor.document() for corridor in result.corridors],
            "unmet": [miss._asdict() for miss in result.unmet],
        }
        print(json.dumps(document, ensure_ascii=False, indent=2))
    raise typer.Exit(1 if result.unmet or audit["violations"] else 0)


def _emptied(folder: Path) -> Path:
    """Make the folder anew; one that the demo did not make is left alone."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise typer.BadParameter(
                f"{folder} is not empty and not the demo's; give a folder of its own", param_hint="--data"
            )
        shutil.rmtree(folder)
    (folder / "pacs008").mkdir(parents=True)
    (folder / _MARK).touch()
    return folder


def _day(folder: Path, seed: int, persons: int) -> list[Line]:
    """Write the day's file: the story and, around it, drawn payments; return its lines in order."""
    day, story = read_story()
    drawn = drawn_day(seed, persons, day) if persons else []
    lines = sorted([*story, *drawn], key=instant)
    (folder / "day.jsonl").write_text(write(lines), encoding="utf-8")
    return lines


async def _told(console: Console, url: str, folder: Path, lines: Sequence[Line]) -> Result:
    player = Player(url, _KEY, message_files(folder / "pacs008"))
    try:
        return await _played(console, player, lines)
    finally:
        await player.close()


def message_files(folder: Path) -> Callable[[Line], bytes]:
    """Keep the pacs.008 of each line in a folder: a file sent twice is the same file."""

    def message_of(line: Line) -> bytes:
        file = folder / f"{key_of(line)}.xml"
        if not file.exists():
            instruction = Instruction.model_validate(line["instruction"])
            file.write_bytes(instruction_to_pacs008(instruction, message_id=key_of(line), created_at=instant(line)))
        return file.read_bytes()

    return message_of


@contextmanager
def running(folder: Path, starts_at: datetime, overlay: Path | None) -> Iterator[str]:
    """Run the switch as a process of its own, and stop it at the end."""
    port = free_port()
    command = [sys.executable, "-m", "switch.cli", "up", "--port", str(port), "--data", str(folder), "--dev-key", _KEY]
    command += ["--start-at", starts_at.isoformat(), *(["--overlay", str(overlay.absolute())] if overlay else [])]
    with (folder / "switch.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_ready(url, process, folder / "switch.log")
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + _READY_SECONDS_MAX
    with Client(url, _KEY) as client:
        while time.monotonic() < until and process.poll() is None:
            with suppress(Unreachable):  # nobody listens yet
                if client.ready():
                    return
            time.sleep(0.1)
    raise RuntimeError(f"the switch did not start:\n{log.read_text(errors='replace')[-2000:]}")


def audited(folder: Path) -> dict[str, Any]:
    """Let the auditor read the books while the switch runs on."""
    command = [sys.executable, "-m", "switch.cli", "audit", "--data", str(folder), "--json"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode not in (0, 1) or not done.stdout:
        raise RuntimeError(f"the audit could not be made:\n{done.stderr.decode(errors='replace')[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def _played(console: Console, player: Player, lines: Sequence[Line]) -> Result:
    """Play the day and tell it; then read back what became of everything."""
    await player.stop_clock()
    steps: list[Said] = []
    board: list[telling.BoardRow] = []
    tally = Tally()
    under_way: dict[str, Said] = {}  # steps of the story without a last word
    with _progress(console) as progress:
        task = progress.add_task("", total=len(lines))
        async for said in player.play(lines):
            progress.update(task, advance=len(said), description=f"{instant(said[-1].line):%H:%M}")
            for each in said:
                tally.take(each)
            acted = "action" in said[0].line  # what ends by an operator's word is told after it
            if not acted:
                await _tell_ends(console, player, under_way)
            if "chapter" in said[0].line:
                steps.append(said[0])
                board += _board(said[0])
                payment = await _as_it_stands(player, said[0])
                telling.tell_step(console, said[0], payment, at_once(said[0], payment))
                if payment is not None and payment["iso_status"] == "ACSP":
                    under_way[payment["payment_id"]] = said[0]
            if acted:
                await _tell_ends(console, player, under_way)
        await player.move(instant(lines[-1]).replace(hour=23, minute=59, second=59))
        await _tell_ends(console, player, under_way)
    payments = await player.payments()
    corridors = telling.corridors_of(payments)
    explained = next(payment["payment_id"] for payment in payments if payment["instruction_id"] == _EXPLAINED)
    events = await player.client().payment_events(explained)
    telling.tell_payment(console, await player.client().payment(explained), events["events"])
    telling.tell_board(console, board, await player.client().quotas())
    telling.tell_corridors(console, corridors)
    expected = frozenset(said.line["step"] for said in steps if is_expected_payment(said))
    telling.tell_sum(console, tally, len(expected), payments)
    return Result(len(payments), tally, expected, await reckon(player, steps, payments), corridors)


async def _tell_ends(console: Console, player: Player, under_way: dict[str, Said]) -> None:
    """Tell the end of steps that have come to it, where it is more than a credit at once."""
    for payment_id, said in list(under_way.items()):
        payment = await player.client().payment(payment_id)
        if payment["iso_status"] in ("ACSP", "PDNG"):
            continue
        del under_way[payment_id]
        went = history((await player.client().payment_events(payment_id))["events"])
        if "PDNG" in went or "RJCT" in went:
            telling.tell_end(console, said, payment, went, at_its_end(said, payment, went))


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def _board(said: Said) -> list[telling.BoardRow]:
    if "board" not in said.line or said.document is None:
        return []
    named = said.line["instruction"].get("lane")
    lane = next((row for row in said.document["lanes"] if row["binding"] and named in (None, row["lane"])), None)
    return [telling.BoardRow(said.line["board"], claim) for claim in (lane["claims"] if lane else [])]


async def _as_it_stands(player: Player, said: Said) -> dict[str, Any] | None:
    """Read the payment of a step just sent; a message's by its UETR."""
    if said.message is not None:
        found = await player.client().payments(uetr=said.line["instruction"]["uetr"])
        return found["payments"][0] if found["payments"] else None
    if said.document is not None and said.payment_id:
        return await player.client().payment(said.payment_id)
    return None
