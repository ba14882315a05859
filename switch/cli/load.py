"""`bayswitch load PROFILE`: drive a switch at given rates, measure, audit, and tell. Not here: how calls are sent and measured.

The generator is a program of its own (`python -m loadtest.open`), as are the auditor and the writer of the report. Without
--url a switch is started for it, on loopback; another is driven only where --url names it.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from pydantic import ValidationError
from rich.console import Console

from bayswitch import BayswitchError, Client
from limits.lab.traffic import write
from switch import proof
from switch.child import Child, ChildError
from switch.cli.load_manifest import manifest
from switch.cli.load_profiles import Profile, load_profiles
from switch.cli.load_reach import check_switch, check_traffic, make_folder, read_business
from switch.cli.load_telling import tell
from switch.cli.system import DEV_KEY, advised, check_database_url
from switch.cli.traffic import drawn_day, with_messages
from switch.embedded.postgres import EmbeddedPostgres
from switch.embedded.process import tied
from switch.embedded.workers import WORKERS_MAX, how_many

START_AT = "2026-03-05T10:00:00+08:00"  # a working day of all three economies; southbound is open
_DAY = date(2026, 3, 5)
_KEY = "load"
ACCEPTED = "accepted.ids"  # of the generator: what it was told is accepted (loadtest.open)
_SETTLE_SECONDS = 60  # of waiting after the load until every payment is final; the switch allows no more
_PAST_DEADLINES_SECONDS = (
    2 * 3_600
)  # of business; the longest deadline of a rail that answers the same day is half an hour
_OVERTIME_SECONDS = 120.0  # of the generator: its start, its ceiling, the last answers

_AS_JSON = typer.Option("--json", help="Print one JSON document and nothing else.")


class Target(NamedTuple):
    """A switch to be driven: where, under which key, whose books, and which process (None: not known)."""

    url: str
    key: str
    database_url: str | None
    pid: int | None
    fresh_ids: bool  # its sandbox may know the ids of an earlier run


def load(
    profile: Annotated[
        str, typer.Argument(help="smoke, steady, knee, spike, soak, storm or chaos (loadtest/profiles.yaml).")
    ],
    url: Annotated[str | None, typer.Option(help="A running switch to drive; without it one is started here.")] = None,
    key: Annotated[str, typer.Option(help="Its operator's key.")] = DEV_KEY,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of the stores; of a running switch: what to audit. Default: one that is removed."),
    ] = None,
    database_url: Annotated[str | None, typer.Option(help="PostgreSQL to use; of a running switch: to audit.")] = None,
    redis_url: Annotated[str | None, typer.Option(help="Valkey to use.")] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="How long in all; of a knee: each rate.")] = None,
    rate: Annotated[float | None, typer.Option(min=1, help="Calls a second; of a knee: the first.")] = None,
    traffic: Annotated[
        Path | None, typer.Option(help="Lines of `bayswitch traffic` to send; without it some are drawn.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=WORKERS_MAX,
            help="Worker processes of the switch that is started; 0: as cores allow. Default: 1.",
        ),
    ] = None,
    p99: Annotated[
        float | None, typer.Option(min=1, help="Exit 1 where the acceptance p99 of all judged calls is above, in ms.")
    ] = None,
    require_audit: Annotated[
        bool, typer.Option("--require-audit", help="Exit 1 where the books were not audited: with --url, not known.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of traffic and arrivals.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder for load.json and report.html.")] = Path(".bayswitch/load"),
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Load a switch by a profile, audit its books, write a report.

    Exit 0 says: of every profile, that all calls were sent and answered, the generator had room, no answer was wrong, p99
    kept to --p99, and the audit (where the books are known) found nothing; and besides, of knee: it was found and held
    twice; of storm: eight of ten calls at least were refused; of chaos: nothing was lost, doubled, exceeded or refused falsely
    under faults. Of spike: not that nothing was shed, that is what it shows. 1: one of these does not hold. 2: it
    could not be run.
    """
    chosen = _profile(profile)
    console = Console(stderr=True)
    folder = (out / profile).absolute()
    make_folder(folder)

    def say(text: str) -> None:
        console.print(text, style="dim", soft_wrap=True, highlight=False)

    if chosen.ordeal is not None:
        if url is not None:
            raise typer.BadParameter("chaos breaks a switch of its own; leave --url out", param_hint="--url")
        _ordeal(chosen, seed, rate, seconds, data, folder, as_json, say)
    if traffic is not None:
        check_traffic(traffic)
    check_database_url(database_url)
    if url is not None:
        for option, value in (("--workers", workers), ("--redis-url", redis_url)):
            if value is not None:
                raise typer.BadParameter("the switch at --url runs already; leave this out", param_hint=option)
        check_switch(url, key)
    processes = how_many(1 if workers is None else workers, os.cpu_count())
    try:
        with _target(chosen, url, key, data, database_url, redis_url, processes, say) as target:
            business = read_business(target.url, target.key)
            if business.closed:
                console.print(
                    f"at the business instant of this switch, {business.at}, closed: {', '.join(business.closed)}; what "
                    f"they carry is refused or waits. A switch for loads: `bayswitch up --instant --start-at {START_AT}`",
                    style="yellow",
                    soft_wrap=True,
                )
            used = traffic or _drawn(chosen, seed, chosen.persons(rate, seconds), folder, say)
            document = _driven(chosen, target, used, seed, rate, seconds, folder, as_json)
            document["profile"] = {"name": profile, "about": chosen.about}
            document["manifest"] = manifest(
                target.database_url, None if url else processes, seed, used.name, business, elsewhere=url is not None
            )
            document["audit"] = _audited(target, folder / ACCEPTED, say)
    except _SaidAlready:
        raise typer.Exit(2) from None
    except (ChildError, OSError, BayswitchError, subprocess.TimeoutExpired) as error:
        console.print(f"the load cannot be run: {advised(error)}", style="red", soft_wrap=True, markup=False)
        raise typer.Exit(2) from None
    document["compared"] = compared(document)
    document["why_not"] = why_not(document, chosen, p99, require_audit)
    document["holds"] = not document["why_not"]
    text = json.dumps(document, ensure_ascii=False)
    (folder / "load.json").write_text(text, encoding="utf-8")
    report = _reported(folder)
    if as_json:
        print(text)
    else:
        tell(document, report)
    raise typer.Exit(0 if document["holds"] else 1)


def why_not(
    document: dict[str, Any], profile: Profile, p99_ms: float | None = None, require_audit: bool = False
) -> list[str]:
    """Say why a load did not hold; nothing where it did. `p99_ms`: what was asked of acceptance, None: nothing."""
    total, gate, audit = document["total"], document["gate"], document["audit"]
    said = [f"INVALID: {why}" for why in gate["why"]]
    if not said and not gate["valid"] and "knee" not in document:  # a search that found nothing says why itself
        said.append("INVALID: nothing was measured")
    if total["wrong"]:
        said.append(f"{total['wrong']:,} answers were not what their calls are owed")
    if "knee" in document and not document["knee"]["found"]:
        said.append(f"no knee was found: {document['knee']['why']}")
    if p99_ms is not None and (seen := document["acceptance_ms"]["p99"]) > p99_ms:
        said.append(f"acceptance p99 was {seen:,.1f} ms; --p99 asks for {p99_ms:g} at most")
    payments = max(total["payments"], 1)
    if total["refused"] / payments < profile.refused_share_min:
        said.append(
            f"only {total['refused'] / payments:.0%} were refused; {profile.refused_share_min:.0%} at least were meant to be"
        )
    if audit is None and require_audit:
        said.append("the books were not audited, and --require-audit asks for it: --data or --database-url names them")
    if audit is not None and audit["violations"]:
        said.append(f"the audit found {len(audit['violations'])} violations")
    return said


class _SaidAlready(Exception):
    """The load could not be run, and the generator has said why."""


def _profile(name: str) -> Profile:
    try:
        profiles = load_profiles()
    except ValidationError as error:
        raise typer.BadParameter(f"loadtest/profiles.yaml is wrong: {error}", param_hint="PROFILE") from None
    if name not in profiles:
        raise typer.BadParameter(f"{name} is no profile; there are {', '.join(profiles)}", param_hint="PROFILE")
    return profiles[name]


@contextmanager
def _target(
    profile: Profile, url: str | None, key: str, data: Path | None, database_url: str | None, redis_url: str | None,
    workers: int, say: Any,
) -> Iterator[Target]:  # fmt: skip
    if url is not None:
        yield Target(url, key, database_url or _books_in(data), None, True)
        return
    with tempfile.TemporaryDirectory(prefix="bayswitch-load-") as temporary:
        say("starting a switch")
        options = (*profile.up, "--start-at", START_AT)
        folder = data or Path(temporary)
        with Child(
            *options, data=folder, key=_KEY, database_url=database_url, redis_url=redis_url, workers=workers
        ) as child:
            yield Target(child.url, _KEY, child.database_url, child.pid, bool(data or database_url))


def _books_in(data: Path | None) -> str | None:
    """Return the URL of the books that a running switch keeps in its folder; None where no folder is given."""
    if data is None:
        return None
    if (found := EmbeddedPostgres(data / "postgres").running_url()) is None:
        raise typer.BadParameter(f"{data} holds no books of a running switch", param_hint="--data")
    return found


def _drawn(profile: Profile, seed: int, persons: int, folder: Path, say: Any) -> Path:
    """Draw the profile's traffic into the folder."""
    assert profile.traffic is not None, "an ordeal has its own"
    say(f"drawing traffic of {persons:,} persons")
    wanted = profile.traffic
    lines = drawn_day(seed, persons, _DAY, shape=wanted.shape)
    file = folder / f"{wanted.shape}.jsonl"
    file.write_text(write(with_messages(lines) if wanted.messages else lines), encoding="utf-8")
    return file


def _driven(
    profile: Profile, target: Target, traffic: Path, seed: int, rate: float | None, seconds: float | None, folder: Path,
    quiet: bool,
) -> dict[str, Any]:  # fmt: skip
    """Let the generator run; its document. Raises OSError where it could not."""
    drawn = profile.traffic
    command = [
        sys.executable, "-m", "loadtest.open", "--url", target.url, "--key", target.key, "--traffic", str(traffic),
        "--seed", str(seed), "--out", str(folder), *profile.asked(rate, seconds),
        *(["--small-amounts"] if drawn and drawn.small_amounts else []),
        *(["--mix", json.dumps(drawn.mix)] if drawn and drawn.mix else []),
        *(["--run", "fresh"] if target.fresh_ids else []),
        *(["--watch", f"switch={target.pid}"] if target.pid else []),
    ]  # fmt: skip
    for left in ("load.json", ACCEPTED):
        (folder / left).unlink(missing_ok=True)
    limit = profile.seconds_max(seconds) + _OVERTIME_SECONDS
    found = subprocess.run(
        tied(command),
        check=False,
        timeout=limit,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if quiet else None,
        text=True,
    )
    if found.returncode == 2 and not quiet:
        raise _SaidAlready
    if found.returncode == 2 or not (folder / "load.json").exists():
        said = (found.stderr or "").strip().removeprefix("the load cannot be run: ")
        raise OSError(said or "the generator ended without a result")
    return dict(json.loads((folder / "load.json").read_text(encoding="utf-8")))


def _audited(target: Target, accepted: Path, say: Any) -> dict[str, Any] | None:
    """Have the books audited, of our own switch once nothing is open any more; None where they are not known."""
    if target.database_url is None:
        return None
    settled = False
    if target.pid is not None:
        # A clock of our own: past every deadline, so that what a rail keeps silent about is in doubt.
        say("waiting until every payment is final or in doubt, then the audit")
        with Client(target.url, target.key) as client:
            settled = client.move_clock(by_seconds=_PAST_DEADLINES_SECONDS, settle_seconds=_SETTLE_SECONDS)["settled"]
    return {**proof.audit(target.database_url, drained=settled, accepted=accepted), "drained": settled}


def compared(document: dict[str, Any]) -> str:
    """Say in one line what the generator was told and what the books hold; "" where they were not compared."""
    found = (document["audit"] or {}).get("accepted")
    if found is None:
        return ""
    sent, judged = document["with_warm_up"]["sent"], document["total"]["sent"]
    held = found["in_books"] + found["refused"] + found["others"]
    return (
        f"{found['told']:,} accepted by the generator (warm-up included), {found['in_books']:,} in the books, "
        f"{found['missing']:,} missing; {sent:,} calls were sent, {sent - judged:,} of them as warm-up; the books hold "
        f"{held:,} payments: besides these {found['refused']:,} refused, {found['others']:,} others"
    )


def _reported(folder: Path) -> Path | None:
    """Write the report beside the document; None where that failed."""
    file = folder / "report.html"
    command = [sys.executable, "-m", "loadtest.report", str(folder / "load.json"), "--out", str(file)]
    return file if subprocess.run(command, check=False).returncode == 0 else None


def _ordeal(
    profile: Profile, seed: int, rate: float | None, seconds: float | None, data: Path | None, folder: Path, as_json: bool, say: Any
) -> None:  # fmt: skip
    """Run the ordeal instead of a load, tell what came of it, and exit: 0 where every promise was kept."""
    from switch import chaos  # here, for no other command needs what it brings along
    from switch.chaos import telling
    from switch.chaos.running import SECONDS_MIN
    from switch.chaos.stage import StageError

    assert profile.ordeal is not None
    if int(seconds or profile.ordeal.seconds) < SECONDS_MIN:
        raise typer.BadParameter(f"a run of chaos takes at least {SECONDS_MIN} seconds", param_hint="--seconds")
    settings = chaos.Settings(seed, int(seconds or profile.ordeal.seconds), int(rate or profile.rate), data)
    try:
        document = chaos.run(settings, say)
    except (StageError, OSError, ExceptionGroup) as error:
        raise typer.BadParameter(f"the run could not be judged: {error}", param_hint="PROFILE") from None
    text = json.dumps(document, ensure_ascii=False)
    (folder / "load.json").write_text(text, encoding="utf-8")
    print(text if as_json else telling.tell(document))
    raise typer.Exit(0 if document["holds"] else 1)
