"""One seed, one world: payments, retries, recalls, troubles and crashes in seeded order, in virtual time.

The worker's steps are called as its loops call them; a crash drops the worker and all it remembers, and starts another on
the same store and the same rails' books. What is done stands in steps.py; nothing here knows what is right: that is own_books.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any, NamedTuple

from builders import RATES, a_world
from later_steps import RecallRequest, ask_back, money_of
from own_books import OwnBooks
from own_law import CAPS, GIVE_BACK, Wrong
from steps import STEPS, WEIGHTS, Request, submit
from troubled import AFTER, BEFORE, Trouble, TroubledRail, TroubledStore

from fx.quotes import Quote
from limits.calendars import is_business_day
from limits.rules import Rulebook, load_rulebook
from rails.book import Entry, MemoryBook
from rails.catalogue import build_rails
from rails.faults import NO_FAULTS
from rails.port import (
    CREDITED,
    PENDING,
    REJECTED,
    SETTLED,
    RailInstruction,
    RailReport,
    RailReturn,
    RailUnavailable,
    RecallAnswer,
)
from rails.recall_book import Case, Unasked
from switch.clock import BusinessClock
from switch.directory.directory import build_directory
from switch.flow.board import Board
from switch.flow.directory import DirectoryDesk
from switch.flow.metrics import Metrics
from switch.flow.ports import StoreUnavailable
from switch.flow.submission import Submission, opened
from switch.flow.worker import Worker
from switch.flow.world import closures_fact
from switch.main import opening_transfers
from switch.payment.instruction import Instruction
from switch.sandbox import Sandbox
from switch.store.memory import MemoryStore

SHOWN = 60  # last steps a failure prints
DRAIN_ROUNDS_MAX = 5000
LOOK_AGAIN_SECONDS = 15.0
STARTS = (
    datetime(2026, 3, 5, 1, 30, tzinfo=UTC),  # a Thursday morning
    datetime(2026, 3, 6, 9, 0, tzinfo=UTC),  # before a weekend
    datetime(2025, 12, 31, 15, 40, tzinfo=UTC),  # before a new year, 23:40 in Hong Kong
    datetime(2026, 2, 14, 14, 50, tzinfo=UTC),  # a make-up workday, 22:50 in Hong Kong, before Lunar New Year
    datetime(2026, 3, 7, 4, 0, tzinfo=UTC),  # a Saturday noon
)


class Scenario(NamedTuple):
    """What comes into force meanwhile: an overlay, and what the auditor is told of it."""

    overlay: Mapping[str, Any] = {}
    caps: Mapping[str, int] = {}
    give_back: frozenset[str] = frozenset()


SCENARIOS = (
    Scenario(),
    Scenario({"payment-connect.northbound.day": {"value": "6000"}}, {"payment-connect.northbound.day": 6_000_00}),
    Scenario({"payment-connect.northbound.year": {"value": "30000"}}, {"payment-connect.northbound.year": 30_000_00}),
    Scenario({"same-name.hong-kong.day": {"value": "20000"}}, {"same-name.hong-kong.day": 20_000_00}),
    Scenario({"lanes": {"same-name.hong-kong": {"active": False}}}),
    Scenario(
        {"payment-connect.northbound.day": {"gives_back": True}, "mainland.fx-purchase.year": {"gives_back": True}},
        give_back=frozenset({"payment-connect.northbound.day", "mainland.fx-purchase.year"}),
    ),
)


@cache
def rulebook(scenario: int) -> Rulebook:
    """The law of a scenario, read once for all worlds."""
    return load_rulebook([SCENARIOS[scenario].overlay])


class Failure(AssertionError):
    """A promise broken, or a fault of the switch's own: which seed, and what came before."""


class Machine:
    """Virtual machine time."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def time(self) -> float:
        return self.now


class Simulation:
    """One seed's world and what is done to it."""

    def __init__(self, seed: int, crashes: bool = True) -> None:
        self.seed = seed
        self.crashes = crashes
        self.chance = Random(seed)
        self.machine = Machine()
        self.trouble = Trouble()
        self.memory = MemoryStore()
        self.store: Any = TroubledStore(self.memory, self.trouble)
        self.books: dict[str, MemoryBook] = {}
        self.poor = self.chance.random() < 0.4
        self.clock = BusinessClock(self.machine.time)
        self.clock.begin(self.chance.choice(STARTS))
        self.world = self._world()
        rails: Any = self.world.rails
        opening = {transfer.credit_account: transfer.amount_minor for transfer in opening_transfers(self.world)}
        self.scenarios = len(SCENARIOS)
        self.own = OwnBooks(
            {name: rail.capabilities.reports_credit for name, rail in rails.items()}, opening, self._open
        )
        self.broken: Wrong | None = None  # what the auditor found while the switch was in the middle of a call
        self.sandbox: Sandbox
        self.worker: Worker
        self.directory: DirectoryDesk
        self.incarnation = 0
        self.requests: list[Request] = []
        self.recalls: list[RecallRequest] = []
        self.unanswered: deque[Request] = deque()
        self.open: list[tuple[Request, Submission]] = []
        self.quotes: list[Quote] = []
        self.gave_back_at = 0.0
        self.steps: Counter[str] = Counter()
        self.fates: Counter[str] = Counter()  # what happened that no event tells
        self.log: deque[str] = deque(maxlen=SHOWN)

    def _world(self) -> Any:
        world = a_world()
        registry = world.registry
        if self.poor:
            registry = registry._replace(
                funding=dict.fromkeys(registry.funding, "40000"),
                inventory=dict.fromkeys(registry.inventory, "9000"),
            )
        made = build_rails(self._book, is_business_day, self.seed)
        for rail in made.values():
            rail.resent = True  # as where the switch itself makes them
        rails: Any = {name: TroubledRail(rail, self.trouble, self) for name, rail in made.items()}
        world.clock, world.rails, world.registry, world.rates = self.clock, rails, registry, RATES
        world.take_rulebook(rulebook(0))
        return world

    def _book(self, rail: str) -> MemoryBook:
        return self.books.setdefault(rail, MemoryBook())

    def take_scenario(self, n: int) -> None:
        """Go by the law of a scenario, and tell the auditor, who has read all that went before."""
        scenario = SCENARIOS[n]
        self.world.take_rulebook(rulebook(n))
        self.own.caps = CAPS | scenario.caps
        self.own.give_back = GIVE_BACK | scenario.give_back

    # --- what passes between switch and rails goes to the auditor ---

    async def sent(self, batch: Sequence[RailInstruction]) -> None:
        try:
            await self.own.read(self.memory)
            self.own.sent(batch)
        except Wrong as wrong:  # the switch takes whatever a rail raises for the rail's failure
            self.broken = self.broken or wrong

    def said(self, reports: Sequence[RailReport]) -> None:
        self.own.said(reports)

    def answered(self, answers: Sequence[RecallAnswer]) -> None:
        self.own.returns.answered(answers)

    def told(self, returns: Sequence[RailReturn]) -> None:
        self.own.returns.told(returns)

    # --- running ---

    async def run(self, steps: int) -> None:
        """Live through so many steps, drain, and close the auditor's books; raises Failure."""
        try:
            await self.memory.fund(opening_transfers(self.world))
            await self.memory.advance(self.clock.stored())
            await self._start()
            for _ in range(steps):
                await self._step()
            await self._drain()
            await self._close()
        except Exception as error:
            told = "\n".join(self.log)
            raise Failure(f"seed {self.seed}: {type(error).__name__}: {error}\nlast steps:\n{told}") from error

    async def _start(self) -> None:
        """Start as a new process does: a new incarnation, rails from their books, what others left."""
        self.incarnation += 1000
        world = self.world
        world.known = world.known._replace(directory=build_directory(1))
        self.worker = Worker(world, self.store, Board(self.machine.time), Metrics(), self.incarnation)
        self.sandbox = Sandbox(world, self.store, self.worker)
        self.directory = DirectoryDesk(world, self.store, self.worker.refresh, gap_seconds=0.0)
        for rail in world.rails.values():
            await rail.start(self.clock.now())
        await self.worker.register(10.0)
        await self.worker.refresh()
        while await self.worker.take_over():
            pass
        await self.worker.queue.look()

    async def _step(self) -> None:
        names, weights = zip(*WEIGHTS.items(), strict=True)
        await self.do(self.chance.choices(names, weights)[0])

    async def do(self, name: str) -> None:
        """Take one step; a trouble that strikes may bring the worker down."""
        self.steps[name] += 1
        try:
            said = await STEPS[name](self)
            self.log.append(f"{self.clock.now():%m-%d %H:%M:%S.%f} {name} {said}")
        except (StoreUnavailable, RailUnavailable) as error:
            self.log.append(f"{self.clock.now():%m-%d %H:%M:%S.%f} {name}: {error}")
            if not self.trouble.struck:
                raise
            self.trouble.struck = False
            if self.chance.random() < 0.5:
                await self.crash()
        await self.gather()

    async def gather(self) -> None:
        """Let the clients read the answers that have come."""
        if self.broken is not None:
            raise self.broken
        await self.own.read(self.memory)
        still = []
        for request, submission in self.open:
            if submission.answer.done():
                self.own.answered(submission.answer.result(), request.instruction)
            else:
                still.append((request, submission))
        self.open = still

    def _open(self, sealed: bytes, payment_id: str) -> Instruction:
        return opened(self.world.sealer.open(sealed, payment_id))[0]

    async def crash(self) -> None:
        """Drop the worker and start another; what waits for an answer is asked again."""
        self.trouble.disarm()
        if not self.crashes:
            return
        await self.gather()
        self.unanswered.extend(request for request, _ in self.open)
        self.open.clear()
        self.machine.now += self.chance.choice((0.1, 3, 20))
        if self.chance.random() < 0.2:
            self.trouble.arm("take_over", self.chance.choice((BEFORE, AFTER)))
        try:
            await self._start()
        except StoreUnavailable:
            self.trouble.struck = False
            self.machine.now += 1
            await self._start()

    # --- the end ---

    async def _drain(self) -> None:
        """No more troubles: the clients ask again what was not answered, and everything due happens."""
        self.trouble.disarm()
        await self._mend()
        if self.chance.random() < 0.5:
            await self.crash()
        for request in self.recalls:
            await ask_back(self, request)
        looked_again = False
        for _ in range(DRAIN_ROUNDS_MAX):
            while self.unanswered:
                submit(self, self.unanswered.popleft())
            did = 0
            for name in ("watch", "accept", "submit", "collect", "complete", "recall_step", "release", "mark"):
                did += self._count(await STEPS[name](self))
            did -= len(self.worker.recalls._aside)  # tried and put aside again: they wait for their payments
            await self.gather()
            if did or self.worker.intake.alone or self.worker.unsent:
                self.machine.now += 0.06
                continue
            due = self._next_due()
            if due is None and looked_again:
                break
            looked_again = due is None
            if due is None:  # what another worker may have left with a rail is looked for now and then
                self.machine.now += LOOK_AGAIN_SECONDS
                continue
            self.machine.now += max((due - self.clock.now()).total_seconds(), 0.001)
        else:
            raise Wrong("the world does not come to rest")
        if self.open:
            raise Wrong(f"never answered: {self.open}")

    async def _mend(self) -> None:
        """Rails open, agents take part, what was dictated to stay open ends."""
        self.clock.set(rate=1.0)
        for name, rail in self.world.rails.items():
            rail.inner.faults = NO_FAULTS
            await self.memory.advance(closures_fact(name, ()))
            await self._last_words(name)
        self.world.generation = await self.memory.advance(self.clock.stored())
        await self.worker.refresh()

    async def _last_words(self, name: str) -> None:
        """Have a rail that was told to keep silent, or to stop before its last word, say one."""
        rail: Any = self.world.rails[name]
        last = CREDITED if rail.capabilities.reports_credit else SETTLED
        for entry in self.standing(name).values():
            if entry.outcome == PENDING or (entry.outcome == SETTLED and last == CREDITED):
                ends = REJECTED if entry.outcome == PENDING and self.chance.random() < 0.5 else last
                about = money_of(entry)
                await rail.dictate(
                    (entry.uetr, entry.leg), ends, "MS03" if ends == REJECTED else "", self.clock.now(), about
                )

    def _next_due(self) -> datetime | None:
        """Say when something happens next that can still happen: a recall that is never answered is asked about for ever."""
        worker, now = self.worker, self.clock.now()
        dues = [
            worker.flights.next_due(),
            worker.queue.next_due(),
            *(rail.next_due() for rail in self.world.rails.values()),
        ]
        asked = worker.recalls.next_due()
        if asked is not None:
            cases = {case.recall_id: case for case in self.cases()}
            waiting = [
                recall for recall, state in self.own.returns.recalls.items() if state in ("requested", "pending")
            ]
            answers = [
                cases[recall].answered_at if recall in cases else now
                for recall in waiting
                if recall not in cases or cases[recall].status != PENDING
            ]
            if answers:
                dues.append(max(asked, min(answers)))
        return min((due for due in dues if due is not None), default=None)

    def standing(self, rail: str) -> dict[tuple[str, int], Entry]:
        """Return a rail's book as it stands, what was dictated in place of what was decided."""
        book = self.books[rail]
        return book._entries | book._dictated

    def cases(self) -> list[Case]:
        """Return the recalls in the rails' books."""
        return [case for book in self.books.values() for case in book.recalls._cases.values()]  # type: ignore[attr-defined]

    def _unasked(self) -> list[Unasked]:
        """Return what the rails' books have of money given back unasked by legs that were paid."""
        found = []
        for name, book in self.books.items():
            standing = self.standing(name)
            for each in book.recalls._unasked.values():  # type: ignore[attr-defined]
                entry = standing.get((each.uetr, each.leg))
                if entry is not None and entry.outcome in (SETTLED, CREDITED):
                    found.append(each)
        return found

    async def _close(self) -> None:
        await self.own.close(self.memory, {name: self.standing(name) for name in self.books})
        self.own.returns.close(self.cases(), self._unasked(), self.own.owners, self.own.dictated, self.clock.now())

    @staticmethod
    def _count(said: str) -> int:
        return int(said) if said.isdigit() else 0


async def simulate(seed: int, steps: int, crashes: bool = True) -> Simulation:
    """Run one seed; raises Failure with the seed and the last steps. A restart mends much: `crashes` may be left out."""
    simulation = Simulation(seed, crashes)
    await simulation.run(steps)
    return simulation
