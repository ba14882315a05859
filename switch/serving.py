"""Serving a sandbox over HTTP: the processes, and what is opened and closed around the application behind the door."""

import asyncio
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import structlog
import uvloop

from limits.rules import Rulebook
from rails.port import RailUnavailable
from switch.api.access import Access
from switch.api.app import create_app
from switch.api.operations import front
from switch.api.rail_models import FaultSetting
from switch.door import QuietServer, freeze_garbage, http_config, open_door
from switch.embedded.servers import Servers, Urls
from switch.embedded.workers import WorkerFailed, Workers
from switch.flow.ports import StoreUnavailable
from switch.main import CannotOpen, Elsewhere, load_secrets, open_sandbox, postgres_sandbox
from switch.sandbox import Sandbox
from switch.store.valkey import Limiter, ValkeyLink

OPENING_SECONDS_MAX = 15.0  # of a worker whose store goes away while it opens
OPENING_PAUSE_SECONDS = 0.2

log = structlog.get_logger()


class Traces(NamedTuple):
    """Where traces of payments go: a file, a collector's URL, or both; `share` of the calls that bring no traceparent."""

    file: Path | None
    collector: str | None
    share: float


class Serving(NamedTuple):
    """How `up` is to run."""

    data: Path
    host: str
    port: int
    database_url: str | None
    redis_url: str | None
    dev_key: str | None
    seed: int
    start_at: datetime | None
    rulebook: Rulebook | None = None
    instant: bool = False
    sandbox: str = "main"
    elsewhere: Mapping[str, Elsewhere] = MappingProxyType({})  # rails in processes of their own, by name
    faults: Mapping[str, FaultSetting] = MappingProxyType({})  # of rails, switched on from the start
    workers: int = 1  # processes that serve
    traces: Traces | None = None  # None = off


def serve(serving: Serving, on_ready: Callable[[str], None] = lambda url: None) -> None:
    """Start what was not given, open the sandbox, and serve until told to stop (SIGINT, SIGTERM); call from the main thread.

    Raises CannotListen, and then nothing was started and no folder made; CannotOpen.
    """
    servers = Servers(serving.data, serving.database_url, serving.redis_url)
    with open_door(serving.host, serving.port) as door:
        serving.data.mkdir(parents=True, exist_ok=True)
        with servers as urls:
            if serving.workers > 1:
                _serve_by_many(serving, urls, door, on_ready)
            else:
                uvloop.run(_serve(serving, urls, door, lambda url, _: on_ready(url)))


def _serve_by_many(serving: Serving, urls: Urls, door: socket.socket, on_ready: Callable[[str], None]) -> None:
    """Have several processes serve on one socket, each with a lease of its own; who dies is replaced."""

    def work(first: bool, gone: Sequence[int], ready: Callable[[int], None]) -> None:
        own = serving if first else serving._replace(faults={})  # switched on once: they may have been changed since
        uvloop.run(_serve(own, urls, door, lambda _, incarnation: ready(incarnation), gone, joins=not first))

    try:
        Workers(serving.workers, work).run(lambda: on_ready(_url(serving)))
    except WorkerFailed as error:
        raise CannotOpen(str(error)) from None


def _url(serving: Serving) -> str:
    return f"http://{serving.host}:{serving.port}"


async def switch_on_faults(sandbox: Sandbox, faults: Mapping[str, FaultSetting]) -> None:
    """Set rails' faults; raises CannotOpen where a rail or an agent is none of this sandbox's."""
    world = sandbox.world
    if unknown := faults.keys() - world.rails.keys():
        there = ", ".join(sorted(world.rails))
        raise CannotOpen(f"faults are given for {', '.join(sorted(unknown))}, which is no rail; there are {there}")
    for rail, setting in faults.items():
        for agent in (rule.match.participant for rule in setting.rules):
            if agent and world.registry.find(agent) is None:
                raise CannotOpen(f"the faults of {rail} are to hit {agent}, which is no participant of this sandbox")
        await sandbox.set_faults(rail, setting.kept(world.clock.now()))


async def _opened_patiently(serving: Serving, urls: Urls, gone: Sequence[int], joins: bool) -> Sandbox:
    """Open the sandbox; where its store goes away meanwhile, again: who replaces a dead worker often comes in a bad moment."""
    keys = load_secrets(serving.data)
    until = time.monotonic() + OPENING_SECONDS_MAX
    while True:
        sandbox = postgres_sandbox(
            urls.database_url,
            serving.sandbox,
            serving.seed,
            keys,
            instant=serving.instant,
            rulebook=serving.rulebook,
            elsewhere=serving.elsewhere,
        )
        try:
            await open_sandbox(sandbox, serving.start_at, gone, joins)
            return sandbox
        except (StoreUnavailable, RailUnavailable) as error:
            with suppress(StoreUnavailable, RailUnavailable):
                await sandbox.stop()
            if time.monotonic() > until:
                raise CannotOpen(f"the store does not answer: {error}") from None
            log.warning("the store does not answer; once more", error=str(error))
            gone = (*gone, sandbox.worker.incarnation)
            await asyncio.sleep(OPENING_PAUSE_SECONDS)


async def _serve(
    serving: Serving,
    urls: Urls,
    door: socket.socket,
    on_ready: Callable[[str, int], None],
    gone: Sequence[int] = (),
    joins: bool = False,
) -> None:
    sandbox = await _opened_patiently(serving, urls, gone, joins)
    async with AsyncExitStack() as closing:
        closing.push_async_callback(sandbox.stop)
        await switch_on_faults(sandbox, serving.faults)
        limiter = Limiter(urls.redis_url, serving.sandbox)
        closing.push_async_callback(limiter.close)
        link = ValkeyLink(urls.redis_url, serving.sandbox, sandbox.worker)
        closing.push_async_callback(link.stop)
        app = create_app(sandbox, Access(sandbox.store, serving.dev_key), limiter)
        served = _traced(front(app), sandbox, serving.traces, closing)
        server = QuietServer(http_config(served))
        await link.start()
        await closing.enter_async_context(
            app.state.metrics.watching(serving.data / "metrics" if serving.workers > 1 else None)
        )
        freeze_garbage()
        on_ready(_url(serving), sandbox.worker.incarnation)
        await server.serve([door])


def _traced(
    app: Callable[..., Any], sandbox: Sandbox, traces: Traces | None, closing: AsyncExitStack
) -> Callable[..., Any]:
    """Return the application, behind a door that begins traces where they are wanted; raises CannotOpen."""
    if traces is None:
        return app
    try:
        from switch.tracing import open_tracing  # an extra: nobody else need have it
    except ImportError as error:
        raise CannotOpen(f"{error}; traces want the extra `trace`: pip install 'bayswitch[trace]'") from None
    tracing = open_tracing(traces.file, traces.collector, traces.share, str(sandbox.worker.incarnation), time.time_ns)
    closing.push_async_callback(tracing.close)
    closing.enter_context(tracing.following(sandbox))
    return tracing.door(app)
