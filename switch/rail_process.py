"""The composition root of a rail in a process of its own: a simulated rail, its book, its door. Not the switch's: that is main.

It starts a PostgreSQL in its data folder unless one is given, and serves until told to stop; what it has taken is in its
book before it says so, so that it may be killed at any moment.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from typing import NamedTuple
from uuid import uuid4

import uvloop

from limits.calendars import is_business_day
from rails.catalogue import build_rails, load_catalogue
from rails.conformance import suite
from rails.conformance.prober import Target
from rails.conformance.suite import Report
from rails.postgres_book import PostgresBook
from rails.serving import RailService
from switch import logs
from switch.door import QuietServer, http_config, open_door
from switch.embedded.servers import Servers

_UNUSED = "unused"  # a rail needs no Valkey


class RailServing(NamedTuple):
    """How `rail` is to run."""

    rail: str
    data: Path
    host: str
    port: int
    database_url: str | None
    key: str
    seed: int
    instant: bool = False
    sandbox: str = "main"


def rail_names() -> list[str]:
    """Name the rails there are."""
    return sorted(load_catalogue())


def serve_rail(serving: RailServing, on_ready: Callable[[str], None] = lambda url: None) -> None:
    """Serve a rail until told to stop (SIGINT, SIGTERM); call from the main thread. Raises CannotListen."""
    servers = Servers(serving.data, serving.database_url, _UNUSED)
    with open_door(serving.host, serving.port) as door:
        if serving.database_url is None:
            serving.data.mkdir(parents=True, exist_ok=True)
        with servers as urls:
            uvloop.run(_serve(serving, urls.database_url, door, on_ready))


async def _serve(serving: RailServing, database_url: str, door: socket, on_ready: Callable[[str], None]) -> None:
    logs.configure()
    service = make_service(serving, database_url)
    try:
        on_ready(f"http://{serving.host}:{serving.port}")
        await QuietServer(http_config(service.application())).serve([door])
    finally:
        await service.stop()


def check_rail(target: Target, chosen: Sequence[str] = ()) -> Report:
    """Ask a rail how it behaves; takes seconds, or minutes of a rail with a clock of its own."""
    return asyncio.run(suite.run(target, datetime.now(UTC), lambda: str(uuid4()), chosen))


def make_service(serving: RailServing, database_url: str) -> RailService:
    """Put a rail and its books together; opens nothing."""
    # Its book stands under the name it has in a switch's own process: a rail may move out with what it holds.
    schema = f"{serving.sandbox}_rail_{serving.rail.replace('-', '_')}"
    book = PostgresBook(database_url, schema)
    rails = build_rails(lambda _: book, is_business_day, serving.seed, serving.instant)
    return RailService(rails[serving.rail], book, book.contents, serving.key, secrets.token_hex(4))
