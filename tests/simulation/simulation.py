"""One seed, one world: payments, retries, troubles and crashes in seeded order, in virtual time.

The worker's steps are called as its loops call them; a crash drops the worker and all it remembers, and starts another on
the same store and the same rails' books. Nothing here knows what is right: that is own_books.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, NamedTuple

from builders import RATES, a_world
from own_books import CAPS, OwnBooks, Wrong
from simulated_traffic import an_instruction
from troubled import AFTER, BEFORE, TROUBLES, Trouble, TroubledRail, TroubledStore

from fx.money import Money
from fx.quotes import Quote
from limits.calendars import is_business_day
from limits.rules import Rulebook, load_rulebook
from rails.book import MemoryBook
from rails.catalogue import build_rails
from rails.faults import NO_FAULTS, Faults
from rails.port import RailUnavailable
from switch.clock import BusinessClock
from switch.flow.board import Board
from switch.flow.metrics import Metrics
from switch.flow.ports import StoreUnavailable
from switch.flow.submission import Submission, opened
from switch.flow.worker import Worker
from switch.main import opening_transfers
from switch.payment.instruction import Instruction
from switch.payment.reasons import problem
from switch.sandbox import InFlight, Sandbox
from switch.store.memory import MemoryStore

SHOWN = 60  # last steps a failure prints
DRAIN_ROUNDS_MAX = 5000
BOARD_SECONDS = 1.0  # how long the closed board may refuse on what is no longer so (design 3)
STARTS = (
    datetime(2026, 3, 5, 1, 30, tzinfo=UTC),  # a Thursday morning
    datetime(2026, 3, 6, 9, 0, tzinfo=UTC),  # before a weekend
    datetime(2025, 12, 31, 15, 40, tzinfo=UTC),  # before a new year, 23:40 in Hong Kong
)
# Scenarios that come into force meanwhile: overlay, and what the auditor is told of it.
SCENARIOS: tuple[tuple[Mapping[str, Any], Mapping[str, int]], ...] = (
    ({}, {}),
    ({"payment-connect.northbound.day": {"value": "6000"}}, {"payment-connect.northbound.day": 6_000_00}),
    ({"payment-connect.northbound.year": {"value": "30000"}}, {"payment-connect.northbound.year": 30_000_00}),
    ({"same-name.hong-kong.day": {"value": "20000"}}, {"same-name.hong-kong.day": 20_000_00}),
    ({"lanes": {"same-name.hong-kong": {"active": False}}}, {}),
)


@cache
def rulebook(scenario: int) -> Rulebook:
    """The law of a scenario, read once for all worlds."""
    return load_rulebook([SCENARIOS[scenario][0]])


class Failure(AssertionError):
    """A promise broken, or a fault of the switch's own: which seed, and what came before."""


class Request(NamedTuple):
    """What a client sent, and keeps to send again."""

    instruction: Instruction
    participant: str
    key: str


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
        self.scenario = 0
        self.poor = self.chance.random() < 0.4
        self.clock = BusinessClock(self.machine.time)
        self.clock.begin(self.chance.choice(STARTS))
        self.world = self._world()
        rails: Any = self.world.rails
        opening = {transfer.credit_account: transfer.amount_minor for transfer in opening_transfers(self.world)}
        self.own = OwnBooks(
            {name: rail.capabilities.reports_credit for name, rail in rails.items()}, opening, self._open
        )
        self.sandbox: Sandbox
        self.worker: Worker
        self.incarnation = 0
        self.requests: list[Request] = []
        self.unanswered: deque[Request] = deque()
        self.open: list[tuple[Request, Submission]] = []
        self.quotes: list[Quote] = []
        self.gave_back_at = 0.0
        self.counts: dict[str, int] = {}
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
        rails: Any = {name: TroubledRail(rail, self.trouble, self) for name, rail in made.items()}
        world.clock, world.rails, world.registry, world.rates = self.clock, rails, registry, RATES
        world.take_rulebook(rulebook(0))
        return world

    def _book(self, rail: str) -> MemoryBook:
        return self.books.setdefault(rail, MemoryBook())

    # --- what passes between switch and rails goes to the auditor ---

    def sent(self, rail: str, batch: Any) -> None:
        self.own.sent(rail, batch)

    def said(self, reports: Any) -> None:
        self.own.said(reports)

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
            await self.own.close(self.memory, {rail: book._entries for rail, book in self.books.items()})
        except Exception as error:
            told = "\n".join(self.log)
            raise Failure(f"seed {self.seed}: {type(error).__name__}: {error}\nlast steps:\n{told}") from error

    async def _start(self) -> None:
        """Start as a new process does: a new incarnation, rails from their books, what others left."""
        self.incarnation += 1000
        self.worker = Worker(self.world, self.store, Board(self.machine.time), Metrics(), self.incarnation)
        self.sandbox = Sandbox(self.world, self.store, self.worker)
        for rail in self.world.rails.values():
            await rail.start(self.clock.now())
        await self.worker.register(10.0)
        await self.worker.refresh()
        while await self.worker.take_over():
            pass

    async def _step(self) -> None:
        names, weights = zip(*WEIGHTS.items(), strict=True)
        name = self.chance.choices(names, weights)[0]
        await self._do(name)

    async def _do(self, name: str) -> None:
        step: Callable[[Simulation], Awaitable[str]] = STEPS[name]
        self.counts[name] = self.counts.get(name, 0) + 1
        try:
            said = await step(self)
            self.log.append(f"{self.clock.now():%m-%d %H:%M:%S.%f} {name} {said}")
        except (StoreUnavailable, RailUnavailable) as error:
            self.log.append(f"{self.clock.now():%m-%d %H:%M:%S.%f} {name}: {error}")
            if not self.trouble.struck:
                raise
            self.trouble.struck = False
            if self.chance.random() < 0.5:
                await self._crash()
        await self._gather()

    async def _gather(self) -> None:
        """Let the clients read the answers that have come."""
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

    # --- steps ---

    async def arrive(self) -> str:
        for _ in range(self.chance.choice((1, 1, 2, 5))):
            self._submit(self._new())
        return f"{len(self.worker.waiting)} waiting"

    def _new(self) -> Request:
        instruction = an_instruction(self.chance, self.seed, len(self.requests), self.quotes)
        participant = instruction.debtor_agent[:8]
        if self.chance.random() < 0.02:
            participant = "PEAKHKH0"
        request = Request(instruction, participant, f"key-{len(self.requests)}")
        self.requests.append(request)
        return request

    def _submit(self, request: Request) -> Submission | None:
        try:
            submission = self.sandbox.submission(request.instruction, request.participant, request.key)
        except InFlight:
            return None
        self.own.asked(submission.payment_id, request.instruction)
        self.open.append((request, submission))
        return submission

    async def again(self) -> str:
        """A client sends again: the same, other content under its key, or a known UETR or instruction id anew."""
        if not self.requests:
            return "nothing"
        what = self.chance.choice(("same", "same", "same", "other", "uetr", "instruction"))
        request = self.chance.choice(self.requests)
        if what == "same" and self.unanswered:
            request = self.unanswered.popleft()
        if what == "other":
            amount = self.chance.choice(("1.00", "2.00"))
            changed = request.instruction.model_copy(
                update={
                    "instructed_amount": request.instruction.instructed_amount.model_copy(update={"amount": amount})
                }
            )
            self._submit(request._replace(instruction=changed))
        elif what == "same":
            self._submit(request)
        else:
            fresh = an_instruction(self.chance, self.seed, len(self.requests), self.quotes)
            known, uetr = request.instruction, {"uetr": request.instruction.uetr}
            changed = fresh.model_copy(update=uetr) if what == "uetr" else known.model_copy(update={"uetr": fresh.uetr})
            anew = Request(changed, changed.debtor_agent[:8], f"key-{len(self.requests)}")
            self.requests.append(anew)
            self._submit(anew)
        return what

    async def accept(self) -> str:
        batch = self.sandbox.loops._take(self.chance.choice((1, 2, 8, 64)))
        if not batch:
            return "nothing"
        try:
            await self.worker.accept(batch)
        except StoreUnavailable:
            self.worker.waiting.extendleft(reversed(batch))
            raise
        return f"{len(batch)}"

    async def ask_first(self) -> str:
        """Explain and pay with nothing in between: the same verdict (promise 4)."""
        while self.worker.waiting:
            await self._do("accept")
        if self.world.generation != await self.memory.generation():
            await self.worker.refresh()
        self.trouble.disarm()
        request = self._new()
        told = await self.sandbox.explain(request.instruction, request.participant)
        submission = self._submit(request)
        assert submission is not None
        for _ in range(10):
            if not submission.answer.done():
                await self.worker.accept(self.sandbox.loops._take(1))
        answer = submission.answer.result()
        code = problem(answer.refusal).code if answer.refusal else None
        said = "ACSP" if answer.status == "accepted" else "RJCT"
        stale = self.worker.board.entries and self.machine.now - self.gave_back_at <= BOARD_SECONDS
        explained = (told["status"], told["reason"]["code"] if told["reason"] else None)
        if explained != (said, code) and not stale:
            raise Wrong(f"explained as {explained} {told['reason']}, answered {said, code} {answer.refusal}: {request}")
        if said == "ACSP":
            stored = await self.memory.payment(answer.payment_id)
            assert stored is not None
            if told["classification"]["lane"] != stored.lane:
                raise Wrong(f"explained over {told['classification']['lane']}, carried over {stored.lane}: {request}")
        return f"{said} {code or ''}"

    async def submit(self) -> str:
        return str(await self.worker.submit(self.machine.now))

    async def mark(self) -> str:
        return str(await self.worker.mark_submitted(self.machine.now - 0.05))

    async def collect(self) -> str:
        handled = await self.worker.collect()
        self.gave_back_at = self.machine.now if handled else self.gave_back_at
        return str(handled)

    async def complete(self) -> str:
        handled = await self.worker.complete()
        self.gave_back_at = self.machine.now if handled else self.gave_back_at
        return str(handled)

    async def watch(self) -> str:
        await self.worker.register(10.0)
        taken = await self.worker.take_over()
        await self.worker.retry()
        if await self.memory.generation() != self.world.generation:
            await self.worker.refresh()
        return str(taken)

    async def tick(self) -> str:
        seconds = self.chance.choice((0.001, 0.06, 0.4, 1, 3, 10, 25))
        self.machine.now += seconds
        return f"{seconds} s"

    async def jump(self) -> str:
        delta = timedelta(seconds=self.chance.choice((30, 300, 3600, 7200, 20_000, 86_400, 200_000)))
        rate = self.chance.choice((None, None, None, 0.0, 1.0, 60.0))
        self.clock.set(self.clock.now() + delta, rate)
        generation = await self.memory.advance(self.clock.stored())
        if self.chance.random() < 0.7:  # else it was another worker that moved it
            self.world.generation = generation
        return str(delta)

    async def change_law(self) -> str:
        await self.own.read(self.memory)
        self.scenario = self.chance.randrange(len(SCENARIOS))
        self.world.take_rulebook(rulebook(self.scenario))
        self.own.caps = CAPS | SCENARIOS[self.scenario][1]
        await self.memory.advance({"rulebook": self.world.rulebook.id})
        return f"scenario {self.scenario}"

    async def quote(self) -> str:
        sell, buy = self.chance.choice((("HKD", "CNY"), ("CNY", "HKD")))
        market = "offshore" if sell == "HKD" else "onshore"
        participant = "HBAYHKH0" if sell == "HKD" else "PEARCNG0"
        fixed = Money(self.chance.choice((50_000, 123_456)), self.chance.choice((sell, buy)))
        quote = await self.sandbox.quote(participant, sell, buy, fixed, market)
        if isinstance(quote, Quote):
            self.quotes.append(quote)
        return str(quote)[:60]

    async def operate(self) -> str:
        doubtful = [stored for stored in await self.memory.payments(None, None, 10_000) if stored.status == "in_doubt"]
        if not doubtful:
            return "nothing"
        stored, event = self.chance.choice(doubtful), self.chance.choice(("reject", "reject", "settle"))
        self.own.decided(stored.payment_id, event)
        await self.sandbox.decide_in_doubt(stored.payment_id, event)
        self.gave_back_at = self.machine.now
        return f"{event} {stored.payment_id}"

    async def fault(self) -> str:
        rail: Any = self.chance.choice(list(self.world.rails.values()))
        rail.inner.faults = self.chance.choice(
            (
                NO_FAULTS, NO_FAULTS, Faults(outage=True), Faults(lost_reports=5_000), Faults(repeated_reports=8_000),
                Faults(delay_percent=500),
            )
        )  # fmt: skip
        return f"{rail.capabilities.rail} {rail.inner.faults}"

    async def trouble_comes(self) -> str:
        call, when = self.chance.choice(TROUBLES)
        self.trouble.arm(call, when)
        if self.chance.random() < 0.7:  # else it waits for whoever comes by
            self.machine.now += self.chance.choice((0, 1, 25))
            await self._do(self.chance.choice(CALLERS[call]))
        return f"{when} {call}"

    async def crash(self) -> str:
        await self._crash()
        return f"now {self.incarnation}"

    async def _crash(self) -> None:
        self.trouble.disarm()
        if not self.crashes:
            return
        await self._gather()
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
        """No more troubles: the clients send again what was not answered, and everything due happens."""
        self.trouble.disarm()
        for rail in self.world.rails.values():
            rail.inner.faults = NO_FAULTS
        self.clock.set(rate=1.0)
        self.world.generation = await self.memory.advance(self.clock.stored())
        if self.chance.random() < 0.5:
            await self._crash()
        for _ in range(DRAIN_ROUNDS_MAX):
            while self.unanswered:
                self._submit(self.unanswered.popleft())
            did = 0
            for name in ("watch", "accept", "submit", "collect", "complete", "mark"):
                did += self._count(await STEPS[name](self))
            await self._gather()
            if did or self.worker.waiting or self.worker.unsent:
                self.machine.now += 0.06
                continue
            due = self.worker.next_due()
            if due is None:
                break
            self.machine.now += max((due - self.clock.now()).total_seconds(), 0.001)
        else:
            raise Wrong("the world does not come to rest")
        if self.open:
            raise Wrong(f"never answered: {self.open}")

    @staticmethod
    def _count(said: str) -> int:
        return int(said) if said.isdigit() else 0


STEPS: Mapping[str, Callable[[Simulation], Awaitable[str]]] = {
    "arrive": Simulation.arrive, "again": Simulation.again, "accept": Simulation.accept, "ask_first": Simulation.ask_first,
    "submit": Simulation.submit, "mark": Simulation.mark, "collect": Simulation.collect, "complete": Simulation.complete,
    "watch": Simulation.watch, "tick": Simulation.tick, "jump": Simulation.jump, "change_law": Simulation.change_law,
    "quote": Simulation.quote, "operate": Simulation.operate, "fault": Simulation.fault,
    "trouble": Simulation.trouble_comes, "crash": Simulation.crash,
}  # fmt: skip
# Which steps make the calls that can fail.
CALLERS: Mapping[str, tuple[str, ...]] = {
    "accept": ("accept",), "finish": ("collect", "complete", "mark"), "take_over": ("watch",), "send": ("submit",),
    "hear_out": ("collect", "complete"), "payment": ("collect", "complete"), "inquire": ("complete",),
}  # fmt: skip
WEIGHTS = {
    "arrive": 20, "again": 5, "accept": 18, "ask_first": 6, "submit": 14, "mark": 6, "collect": 14, "complete": 12, "watch": 3,
    "tick": 14, "jump": 3, "change_law": 1, "quote": 3, "operate": 4, "fault": 2, "trouble": 5, "crash": 2,
}  # fmt: skip


async def simulate(seed: int, steps: int, crashes: bool = True) -> Simulation:
    """Run one seed; raises Failure with the seed and the last steps. A restart mends much: `crashes` may be left out."""
    simulation = Simulation(seed, crashes)
    await simulation.run(steps)
    return simulation
