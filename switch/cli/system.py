"""Commands of a running system: up, pay, key."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from bayswitch import BayswitchError, Client, Problem, new_key
from switch.cli.amounts import money
from switch.cli.rail import RAIL_KEY, read_rails
from switch.cli.reading import read_faults, read_instant, read_json_object, read_rulebook
from switch.door import CannotListen
from switch.embedded.process import FolderInUse, ServerError
from switch.embedded.servers import Servers
from switch.embedded.workers import WORKERS_MAX, how_many
from switch.main import DEFAULT_SEED, CannotOpen, issue_key
from switch.participants.registry import load_registry
from switch.serving import Serving, Traces, serve

DATA = Path(".bayswitch")
DEV_KEY = "dev"  # of a sandbox on this machine; give another with --dev-key where others can reach it

_AS_JSON = typer.Option("--json", help="Print one JSON document and nothing else.")
_IN_DOUBT = (
    "In doubt: the rail is silent. Money and quota stay held, nothing is lost; the switch goes on asking the rail and books what it "
    "says.\nLook again with GET /v1/payments/{payment_id}, or decide it as two operators (header Bayswitch-Operator) with POST "
    '/v1/sandbox/payments/{payment_id}/decision {{"event": "settle" or "reject", "reason": "..."}}.'
)


def up(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to serve on.")] = 8080,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    data: Annotated[Path, typer.Option(help="Folder of the embedded servers and the sandbox's keys.")] = DATA,
    dev_key: Annotated[str, typer.Option(help="A key that may act as any participant and as operator.")] = DEV_KEY,
    database_url: Annotated[
        str | None, typer.Option(help="A PostgreSQL of your own instead of the embedded one.")
    ] = None,
    redis_url: Annotated[str | None, typer.Option(help="A Valkey of your own instead of the embedded one.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of rates, rails and directory.")] = DEFAULT_SEED,
    start_at: Annotated[
        str | None, typer.Option(help="Where a new sandbox's clock starts: 2026-03-05T09:00:00+08:00.")
    ] = None,
    instant: Annotated[bool, typer.Option("--instant", help="Rails without any delay: for measuring.")] = False,
    overlay: Annotated[
        Path | None, typer.Option(help="YAML overlay on the rulebook (a scenario).", exists=True, dir_okay=False)
    ] = None,
    faults: Annotated[
        Path | None,
        typer.Option(help="YAML of faults by rail, switched on from the start.", exists=True, dir_okay=False),
    ] = None,
    rail: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=URL: a rail in a process of its own takes the simulated one's place; may be given again."
        ),
    ] = None,
    rail_key: Annotated[str, typer.Option(envvar="BAYSWITCH_RAIL_KEY", help="The key those rails ask for.")] = RAIL_KEY,
    workers: Annotated[
        int,
        typer.Option(
            min=0, max=WORKERS_MAX, help="Processes that serve, on one port; 0: as this machine's cores allow."
        ),
    ] = 1,
    trace: Annotated[
        str | None,
        typer.Option(
            envvar="OTEL_EXPORTER_OTLP_ENDPOINT", help="URL of an OpenTelemetry collector (OTLP over HTTP) for traces."
        ),
    ] = None,
    trace_file: Annotated[Path | None, typer.Option(help="A file for traces, one span a line.", dir_okay=False)] = None,
    trace_share: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of the calls that are traced; one with a `traceparent` goes by that."),
    ] = 0.01,
) -> None:
    """Start the switch with its servers and serve until Ctrl-C; what was committed is there again after any crash."""
    begin = read_instant(start_at, "--start-at") if start_at else None
    check_database_url(database_url)
    rulebook = read_rulebook(overlay)
    elsewhere = read_rails(rail or [], rail_key)
    console = Console(stderr=True)

    def tell(url: str) -> None:
        console.print(
            f"bayswitch serves [bold]{url}[/]  (pages: {url}/docs, data: {data}, stop: Ctrl-C)", soft_wrap=True
        )
        console.print(f"key: Authorization: Bearer {dev_key}", soft_wrap=True)

    serving = Serving(
        data.absolute(),
        host,
        port,
        database_url,
        redis_url,
        dev_key,
        seed,
        begin,
        rulebook,
        instant,
        elsewhere=elsewhere,
        faults=read_faults(faults) if faults else {},
        workers=how_many(workers, os.cpu_count()),
        traces=Traces(trace_file, trace, trace_share) if trace or trace_file else None,
    )
    try:
        serve(serving, tell)
    except (CannotListen, CannotOpen, FolderInUse, ServerError, OSError) as error:
        console.print(f"bayswitch cannot serve: {advised(error)}", style="red", soft_wrap=True, markup=False)
        raise typer.Exit(2) from None


def pay(
    file: Annotated[Path, typer.Argument(help="An instruction in JSON.", exists=True, dir_okay=False)],
    url: Annotated[str, typer.Option(help="Where the switch serves.")] = "http://127.0.0.1:8080",
    key: Annotated[str, typer.Option(help="API key.")] = DEV_KEY,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Send again under the same key: never paid twice.")
    ] = None,
    wait_seconds: Annotated[float, typer.Option(help="Wait so long for the final status.")] = 25.0,
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Send one payment to a running switch and wait for what becomes of it. Exit 0 unless it is refused or rejected."""
    if file.read_bytes().lstrip().startswith(b"<"):
        raise typer.BadParameter("pay takes JSON; post a pacs.008 to /v1/messages", param_hint="FILE")
    instruction = read_json_object(file, "FILE")
    chosen = idempotency_key or new_key()
    console = Console()
    with Client(url, key, participant=_named(instruction)) as client:
        try:
            document: dict[str, Any] = client.pay(instruction, idempotency_key=chosen, wait_seconds=wait_seconds)
        except Problem as problem:
            if as_json:
                print(json.dumps({**problem.members, "idempotency_key": chosen}, ensure_ascii=False, indent=2))
            else:
                console.print(
                    f"[bold red]{problem.code or problem.status}[/] {escape(problem.detail or problem.title)}",
                    soft_wrap=True,
                )
                for field, what in problem.errors:
                    console.print(f"    {escape(field)}: {escape(what)}", soft_wrap=True)
            raise typer.Exit(1) from None
        except BayswitchError as error:
            Console(stderr=True).print(
                f"{url} does not answer ({error}). Is the switch up? Start it with `bayswitch up`."
            )
            raise typer.Exit(2) from None
    if as_json:
        print(json.dumps({**document, "idempotency_key": chosen}, ensure_ascii=False, indent=2))
    else:
        _tell(console, document)
        console.print(f"payment {document['payment_id']}, key {chosen}", style="dim", soft_wrap=True)
    raise typer.Exit(0 if document["iso_status"] not in ("RJCT", "CANC", "BLCK") else 1)


def _named(instruction: dict[str, Any]) -> str | None:
    """Give the agent to act for; what cannot be one goes into no header and is told by the switch as the field's fault."""
    agent = instruction.get("debtor_agent")
    return agent if isinstance(agent, str) and agent.isascii() and agent.isalnum() else None


def _tell(console: Console, document: dict[str, Any]) -> None:
    """Say what became of a payment; if it was not paid, why, and what comes next."""
    rails = " → ".join(step["rail"] for step in document["route"])
    console.print(
        f"[bold]{document['iso_status']}[/] {money(document['debit_amount'])} → {money(document['settlement_amount'])}  "
        f"{document['lane']['lane']} · {rails}", soft_wrap=True,
    )  # fmt: skip
    if reason := document["reason"]:
        console.print(f"[bold red]{reason['code']}[/] {escape(reason['text'])}", soft_wrap=True)
    if document["status"] == "in_doubt":
        console.print(_IN_DOUBT.format(payment_id=document["payment_id"]), soft_wrap=True, highlight=False)


def key(
    participant: Annotated[str, typer.Option(help="Whose key: the BIC of a participant, KAPOHKH0.")],
    data: Annotated[Path, typer.Option(help="Data folder of the sandbox, running or stopped.")] = DATA,
    database_url: Annotated[str | None, typer.Option(help="Its PostgreSQL, where it is one of your own.")] = None,
    as_json: Annotated[bool, _AS_JSON] = False,
) -> None:
    """Make a participant's own API key and print it, this once: the sandbox keeps only its hash."""
    known = load_registry().participants
    if (bic := participant[:8]) not in known:
        raise typer.BadParameter(
            f"{participant} is no participant; there are {', '.join(sorted(known))}", param_hint="--participant"
        )
    try:
        with sandbox_stores(data, database_url) as urls:
            made = asyncio.run(issue_key(urls.database_url, bic))
    except (FolderInUse, ServerError, OSError) as error:
        what = f"the sandbox's books cannot be reached: {advised(error)}"
        Console(stderr=True).print(what, style="red", soft_wrap=True, markup=False)
        raise typer.Exit(2) from None
    print(json.dumps({"participant": bic, "key": made}) if as_json else made)


def check_database_url(url: str | None) -> None:
    """Look whether a PostgreSQL is named as one is; raises BadParameter."""
    if url is not None and not url.startswith(("postgresql://", "postgres://")):
        raise typer.BadParameter(
            f"{url!r} is not of the form postgresql://USER@HOST:PORT/DATABASE", param_hint="--database-url"
        )


def advised(error: Exception) -> str:
    """Write what went wrong with stores or their folder as a sentence that says what to do."""
    if not isinstance(error, OSError):
        return str(error)
    if error.filename is not None:
        return f"{error.filename} cannot be used ({error.strerror}); choose another folder with --data"
    unknown_host = error.errno is not None and error.errno < 0  # getaddrinfo numbers its errors so
    if isinstance(error, ConnectionError | TimeoutError) or unknown_host:
        return (
            f"a store does not answer ({error.strerror or error}); is what --database-url or --redis-url names running?"
        )
    return error.strerror or str(error)


def sandbox_stores(data: Path, database_url: str | None, redis_url: str | None = None) -> Servers:
    """Join the stores of a sandbox, or start them where it is stopped; raises BadParameter where there are none."""
    check_database_url(database_url)
    if database_url is None and not (data / "postgres").exists():
        demo = data / "demo"
        other = f"; those of the demo are in {demo}: --data {demo}" if (demo / "postgres").exists() else ""
        raise typer.BadParameter(
            f"{data} holds no books; give the folder that `bayswitch up --data` used{other}", param_hint="--data"
        )
    return Servers(data.absolute(), database_url, redis_url or "unused", attach=True)  # Valkey holds nothing read here
