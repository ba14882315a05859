"""The composition root: the one place that wires worlds, stores, rails and sandboxes, and asks the machine for chance."""

import asyncio
import errno
import gc
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import structlog
import uvicorn
import uvloop

from fx.money import parse_amount
from fx.providers import load_providers
from fx.rates import SeededRates
from limits.calendars import is_business_day
from limits.rules import Rulebook, load_rulebook
from rails.book import Book, MemoryBook
from rails.catalogue import build_rails
from rails.channel import Channel
from rails.delays import Delays
from rails.port import Rail, RailUnavailable
from rails.postgres_book import MadeByAnother as RailMadeByAnother
from rails.postgres_book import PostgresBook
from rails.remote import RemoteRail, WrongRail
from rails.simulated import SimulatedRail
from switch import logs
from switch.api.access import Access
from switch.api.app import create_app
from switch.api.operations import front
from switch.api.rail_models import FaultSetting
from switch.clock import BusinessClock
from switch.directory.directory import build_directory
from switch.embedded.servers import Servers, Urls
from switch.embedded.workers import WorkerFailed, Workers
from switch.flow.board import Board
from switch.flow.loops import LEASE_SECONDS
from switch.flow.metrics import Metrics
from switch.flow.ports import StaleWorld, Store, StoreUnavailable
from switch.flow.sealing import Sealer
from switch.flow.worker import Worker
from switch.flow.world import OtherLaw, World
from switch.participants.persons import Persons
from switch.participants.registry import Registry, load_registry, own_limits
from switch.payment.plan import Transfer
from switch.payment.postings import funding, inventory, position
from switch.report.assembly import Report, make_report, period_of
from switch.report.question import Question
from switch.sandbox import Sandbox
from switch.store.memory import MemoryStore
from switch.store.postgres.connections import MadeByAnother
from switch.store.postgres.report import Unreadable, figures_at
from switch.store.postgres.store import PostgresStore
from switch.store.valkey import Limiter, ValkeyLink
from switch.translate.facts import Known
from switch.translate.kinds import Kinds
from switch.translate.messages import SWITCH_BIC

DEFAULT_SEED = 20260302  # of rates, rails and directory where none is given
_KEY_BYTES = 32

log = structlog.get_logger()


class Secrets(NamedTuple):
    """A sandbox's two keys: of pseudonyms and of sealed messages."""

    pseudonyms: bytes
    messages: bytes


# Explain without a server, and tests, use keys that protect nothing.
OPEN_SECRETS = Secrets(b"bayswitch-offline-pseudonyms-key", b"bayswitch-offline-messages-key--")


def load_secrets(data: Path) -> Secrets:
    """Read the sandbox's keys from its data folder, or make them there, readable by the owner alone."""
    path = data / "secrets"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(2 * _KEY_BYTES))
    both = path.read_bytes()
    return Secrets(both[:_KEY_BYTES], both[_KEY_BYTES:])


class Elsewhere(NamedTuple):
    """A rail in a process of its own: where it answers, and the key it asks for."""

    url: str
    key: str


class CannotOpen(Exception):
    """The sandbox cannot be opened as asked; says why and what to do."""


def make_world(
    rails: Mapping[str, Rail],
    clock: BusinessClock,
    seed: int = DEFAULT_SEED,
    sandbox: str = "main",
    keys: Secrets = OPEN_SECRETS,
    rulebook: Rulebook | None = None,
    registry: Registry | None = None,
) -> World:
    """Put a world together; opens nothing. Raises CannotOpen where a participant's own limit is none it may set."""
    registry, rulebook = registry or load_registry(), rulebook or load_rulebook()
    if faults := rulebook.own_limit_faults(own_limits(registry)):
        raise CannotOpen("; ".join(faults))
    persons = Persons(keys.pseudonyms, {})
    groups = {persons.pseudonym(*firm): group for firm, group in registry.groups_by_firm().items()}
    known = Known(registry.participants, build_directory(seed, registry=registry), persons, groups, Kinds())
    return World(
        sandbox, clock, registry, known, rulebook, rails, SeededRates(seed), load_providers(),
        Sealer(keys.messages, secrets.token_bytes), seed,
    )  # fmt: skip


def opening_transfers(world: World) -> list[Transfer]:
    """List the transfers that fund positions and inventories when a sandbox opens."""
    lines: list[tuple[str, str, str]] = []
    for participant in world.registry.participants.values():
        if participant.settles_through != participant.bic:
            continue
        for name in participant.rails:
            lines += [
                (position(participant.bic, name, currency), currency, world.registry.funding[currency])
                for currency in sorted(world.rails[name].capabilities.currencies)
            ]
    for provider in world.providers:
        for currency in sorted(provider.currencies & world.registry.inventory.keys()):
            markets = ("onshore", "offshore") if currency == "CNY" else ("any",)
            amount = world.registry.inventory[currency]
            lines += [(inventory(provider.name, market, currency), currency, amount) for market in markets]
    return [
        Transfer(n, funding(currency), account, parse_amount(amount, currency), currency, "funding")
        for n, (account, currency, amount) in enumerate(lines, 1)
    ]


def memory_sandbox(
    clock: BusinessClock, seed: int = DEFAULT_SEED, instant: bool = False, rulebook: Rulebook | None = None
) -> Sandbox:
    """Make a sandbox that lives in memory: tests and trials."""
    rails = _rails_here(lambda _: MemoryBook(), seed, instant)
    world = make_world(rails, clock, seed, rulebook=rulebook)
    store = MemoryStore()
    return Sandbox(world, store, make_worker(world, store))


def _rails_here(
    book_for: Callable[[str], Book], seed: int, instant: bool, delays: Delays | None = None
) -> dict[str, SimulatedRail]:
    """Make the rails that run in this process: the switch sends them again what it takes over."""
    rails = build_rails(book_for, is_business_day, seed, instant, delays)
    for rail in rails.values():
        rail.resent = True
    return rails


def make_worker(world: World, store: Store, incarnation: int | None = None) -> Worker:
    """Make a worker of a world; its incarnation is drawn anew unless given."""
    number = secrets.randbits(62) if incarnation is None else incarnation
    return Worker(world, store, Board(time.monotonic), Metrics(), number)


def postgres_sandbox(
    database_url: str,
    sandbox: str = "main",
    seed: int = DEFAULT_SEED,
    keys: Secrets = OPEN_SECRETS,
    clock: BusinessClock | None = None,
    instant: bool = False,
    rulebook: Rulebook | None = None,
    elsewhere: Mapping[str, Elsewhere] = MappingProxyType({}),
    delays: Delays | None = None,
) -> Sandbox:
    """Make a sandbox on PostgreSQL; nothing is opened until `open_sandbox`. Rails `elsewhere` take the place of simulated ones.

    `delays` take the place of every simulated rail's own (a measurement's).
    """

    def book_for(rail: str) -> Book:
        return PostgresBook(database_url, f"{sandbox}_rail_{rail.replace('-', '_')}")

    clock = clock or BusinessClock()
    simulated = _rails_here(book_for, seed, instant, delays)
    rails: dict[str, Rail] = {**simulated, **_remote_rails(elsewhere, simulated, clock)}
    world = make_world(rails, clock, seed, sandbox, keys, rulebook)
    store = PostgresStore(database_url, sandbox)
    return Sandbox(world, store, make_worker(world, store))


def _remote_rails(
    elsewhere: Mapping[str, Elsewhere], simulated: Mapping[str, Rail], clock: BusinessClock
) -> dict[str, Rail]:
    if unknown := elsewhere.keys() - simulated.keys():
        raise CannotOpen(f"there is no rail {', '.join(sorted(unknown))}; there are {', '.join(sorted(simulated))}")
    run = secrets.token_hex(4)
    return {
        name: RemoteRail(simulated[name], Channel(place.url, place.key), clock.now, SWITCH_BIC, f"{run}-{n}")
        for n, (name, place) in enumerate(sorted(elsewhere.items()))
    }


async def _opened(store: Store) -> None:
    """Open a store; raises CannotOpen where another version made it."""
    try:
        await store.open()
    except MadeByAnother as error:
        raise CannotOpen(str(error)) from None


OPENING_SECONDS_MAX = 15.0  # of a worker whose store goes away while it opens
OPENING_PAUSE_SECONDS = 0.2
_KEYS_ID = "keys_id"  # the world's fact that says whose keys its persons and messages are under


async def open_sandbox(
    sandbox: Sandbox, start_at: datetime | None = None, gone: Sequence[int] = (), joins: bool = False
) -> None:
    """Open a sandbox's store, agree with it on the world, fund it once, and begin to work.

    A new sandbox's clock begins at `start_at`. What workers held that are surely dead (`gone`, their incarnations) is taken
    over at once, not when their leases lapse. Where others work, a worker of the law without overlays takes up the rulebook
    they go by, since they may have been given it meanwhile; who `joins` as a successor takes it up in any case. Raises
    CannotOpen where another worker goes by other rules than the ones asked for.
    """
    logs.configure()
    await _opened(sandbox.store)
    for incarnation in gone:
        await sandbox.store.register(incarnation, 0)
    sandbox.world.takes_reloads = joins or not sandbox.world.rulebook.overlays
    try:
        while not await _agreed(sandbox, start_at, joins):
            pass  # the world has moved on meanwhile: look again
        await sandbox.store.fund(opening_transfers(sandbox.world))
        await sandbox.start()
        sandbox.world.takes_reloads = True
    except CannotOpen:
        await sandbox.stop()
        raise
    except (WrongRail, RailMadeByAnother) as error:
        await sandbox.stop()
        raise CannotOpen(str(error)) from None
    except OtherLaw as error:
        await sandbox.stop()
        raise CannotOpen(
            f"{error}, and another worker holds it so: start this one with the same overlays and participants, or stop the "
            f"other first (one that was killed counts as stopped after {LEASE_SECONDS:.0f} seconds)"
        ) from None


async def _agreed(sandbox: Sandbox, start_at: datetime | None, joins: bool) -> bool:
    """Take up the stored world, True once done; what it lacks, or what may change as nobody else works, is stored first.

    The lease is taken before anything is looked at: of two that come at once with other rules, one sees the other here, or
    finds its rules in the fence when it begins to work.
    """
    store, world = sandbox.store, sandbox.world
    others = await store.register(sandbox.worker.incarnation, LEASE_SECONDS)
    generation, facts = await store.generation(), await store.world()
    if facts.get(_KEYS_ID, world.keys_id) != world.keys_id:
        raise CannotOpen(
            f"sandbox {world.sandbox} was made with other keys: with yours neither its persons nor its stored messages would be "
            "known; start with the data folder (--data) it was made with, or take another database"
        )
    wanted = world.law() | {_KEYS_ID: world.keys_id}
    if "clock_business" not in facts:
        if start_at is not None:
            world.clock.begin(start_at, world.clock.rate)
        wanted |= world.clock.stored()
    if wanted.items() <= facts.items():
        world.take_up(facts, generation)
        return True
    if (others or joins) and (conflict := world.conflict(facts)):
        made = await world.make_rulebook(facts)
        if made is None or world.conflict({**facts, "rulebook_id": world.rulebook.id}):
            raise OtherLaw(conflict)
        world.take_rulebook(made)
        return False
    with suppress(StaleWorld):
        await store.advance(wanted, generation)
    return False


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

    Raises CannotOpen for an address that cannot be served; then nothing was started and no folder made.
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


def open_door(host: str, port: int) -> socket.socket:
    """Listen on an address; raises CannotOpen where that cannot be."""
    try:
        return socket.create_server((host, port), backlog=2_048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotOpen(f"port {port} of {host} is taken; choose another with --port") from None
        raise CannotOpen(
            f"{host}:{port} cannot be listened on ({error.strerror}); choose another with --host or --port"
        ) from None


class QuietServer(uvicorn.Server):
    """Uvicorn, but it keeps the signals it has heard: raised again they would cut short what is to be put in order after it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for heard in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(heard, self.handle_exit, heard, None)
        yield


def server_settings(app: Callable[..., Any]) -> uvicorn.Config:
    """Say how an application is served, by `up` and by the yardstick of its door alike: nothing is done that nobody asked for."""
    return uvicorn.Config(
        app, interface="asgi3", loop="none", http="httptools", ws="none", log_level="warning", access_log=False, lifespan="off",
        proxy_headers=False, server_header=False, date_header=False, timeout_graceful_shutdown=5,
        timeout_keep_alive=75,  # longer than clients keep an idle connection: else one is ended just as a call is on its way
    )  # fmt: skip


def settle_memory() -> None:
    """Tune the collector once all that stays is there, for `up`, the bench in process and the yardstick of its door alike."""
    gc.collect()
    gc.freeze()  # what is there now stays for good: the collector need not look at it again
    gc.set_threshold(50_000, 20, 50)


async def _break_rails(sandbox: Sandbox, faults: Mapping[str, FaultSetting]) -> None:
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
        await _break_rails(sandbox, serving.faults)
        limiter = Limiter(urls.redis_url, serving.sandbox)
        closing.push_async_callback(limiter.close)
        link = ValkeyLink(urls.redis_url, serving.sandbox, sandbox.worker)
        closing.push_async_callback(link.stop)
        app = create_app(sandbox, Access(sandbox.store, serving.dev_key), limiter)
        served = _traced(front(app), sandbox, serving.traces, closing)
        server = QuietServer(server_settings(served))
        await link.start()
        await closing.enter_async_context(
            app.state.metrics.watching(serving.data / "metrics" if serving.workers > 1 else None)
        )
        settle_memory()
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


async def issue_key(database_url: str, participant: str, sandbox: str = "main") -> str:
    """Make an API key of a participant and return it; the store keeps its hash, a running switch knows it within seconds."""
    key = secrets.token_urlsafe(_KEY_BYTES)
    store = PostgresStore(database_url, sandbox)
    await _opened(store)
    try:
        await Access(store).issue(participant, key)
    finally:
        await store.close()
    return key


async def read_report(database_url: str, question: Question, sandbox: str = "main") -> Report:
    """Make a report from the books of a sandbox, running or stopped; raises CannotOpen where they cannot be read."""
    try:
        figures = await figures_at(database_url, sandbox, period_of(question))
    except Unreadable as error:
        raise CannotOpen(str(error)) from None
    return make_report(question, figures)
