"""The composition root: the one place that wires worlds, stores, rails and sandboxes, and asks the machine for chance."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from fx.money import parse_amount
from fx.providers import load_providers
from fx.rates import SeededRates
from limits.calendars import is_business_day
from limits.rules import Rulebook, load_rulebook
from rails.book import Book, MemoryBook
from rails.catalogue import build_rails
from rails.channel import Channel
from rails.delays import Delays
from rails.port import Rail
from rails.postgres_book import MadeByAnother as RailMadeByAnother
from rails.postgres_book import PostgresBook
from rails.remote import RemoteRail, WrongRail
from rails.simulated import SimulatedRail
from switch import logs
from switch.api.access import Access
from switch.clock import BusinessClock
from switch.directory.directory import build_directory
from switch.flow.board import Board
from switch.flow.loops import LEASE_SECONDS
from switch.flow.metrics import Metrics
from switch.flow.ports import StaleWorld, Store
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
from switch.translate.facts import Known
from switch.translate.kinds import Kinds
from switch.translate.messages import SWITCH_BIC

DEFAULT_SEED = 20260302  # of rates, rails and directory where none is given
_KEY_BYTES = 32


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
