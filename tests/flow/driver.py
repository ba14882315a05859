"""Drives one worker by hand: no loops, no timer, a clock that stands until it is moved. A crash is to forget the driver."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from builders import a_submission, a_world, admitted, funded, planned, some_rails

from limits.calendars import is_business_day
from rails.book import Book, MemoryBook
from rails.catalogue import build_rails
from switch.flow.board import Board
from switch.flow.metrics import Metrics
from switch.flow.ports import PAYMENT, Store, Stored
from switch.flow.submission import Answer, Submission
from switch.flow.worker import Worker
from switch.flow.world import World
from switch.payment.instruction import Instruction
from switch.payment.plan import Plan

TURNS_MAX = 50  # a turn that never comes to rest is a fault


class Machine:
    """Machine time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Books:
    """The rails' durable books: they outlive a worker."""

    def __init__(self) -> None:
        self._books: dict[str, Book] = {}

    def __call__(self, rail: str) -> Book:
        return self._books.setdefault(rail, MemoryBook())

    def rails(self) -> Mapping[str, Any]:
        """Rails as another worker has them: the same books, an empty memory."""
        made = build_rails(self, is_business_day, seed=1)
        for rail in made.values():
            rail.resent = True  # as where the switch itself makes them
        return made


class Driver:
    """One worker and what it works with."""

    def __init__(
        self, store: Any, world: World | None = None, incarnation: int = 1, board: Board | None = None
    ) -> None:
        self.machine = Machine()
        self.store: Store = store
        self.world = world or a_world(rails=some_rails())
        self.worker = Worker(self.world, self.store, board or Board(self.machine), Metrics(), incarnation)

    async def start(self, lease_seconds: float = 60.0) -> "Driver":
        """Open what a worker opens: rails, lease, funds, the world's facts."""
        for rail in self.world.rails.values():
            await rail.start(self.world.clock.now())
        await self.store.register(self.worker.incarnation, lease_seconds)
        await funded(self.store, self.world)
        self.world.generation = await self.store.generation()
        return self

    # --- in ---

    def submit(self, instruction: Instruction, key: str | None = None) -> Submission:
        """Queue an instruction."""
        submission = a_submission(instruction, key)
        self.worker.intake.put(submission)
        return submission

    async def accept(self) -> None:
        """Accept what waits, and what is to be decided again, until nothing waits."""
        for _ in range(TURNS_MAX):
            if not self.worker.intake.alone:
                return
            batch = list(self.worker.intake.alone)
            self.worker.intake.alone.clear()
            await self.worker.accept(batch)
        raise AssertionError("a submission is decided again without end")

    async def pay(self, instruction: Instruction, key: str | None = None) -> Answer:
        """Take an instruction in and answer."""
        submission = self.submit(instruction, key)
        await self.accept()
        return submission.answer.result()

    async def accepted(self, instruction: Instruction, key: str | None = None) -> str:
        """Take in an instruction that must be accepted; returns its payment id."""
        answer = await self.pay(instruction, key)
        assert answer.refusal is None and answer.status == "accepted", answer
        return answer.payment_id

    # --- on ---

    async def wait(self, seconds: float = 0) -> None:
        """Let business seconds pass, then do what is due until nothing is."""
        if seconds:
            self.world.clock.set(self.world.clock.now() + timedelta(seconds=seconds))
        for _ in range(TURNS_MAX):
            did = await self.worker.submit(self.machine())
            did += await self.worker.collect()
            did += await self.worker.complete()
            did += await self.worker.recalls.step()
            did += await self.worker.release()
            if not did:
                return
        raise AssertionError("there is always something due")

    async def mark(self) -> None:
        """Record as submitted what was sent."""
        await self.worker.mark_submitted(self.machine())

    # --- out ---

    async def stored(self, payment_id: str) -> Stored:
        """The payment as it stands."""
        found = await self.store.payment(payment_id)
        assert found is not None
        return found

    async def history(self, payment_id: str) -> list[str]:
        """The statuses a payment has gone through."""
        return [event.status for event in await self.store.events(payment_id) if event.record == PAYMENT]

    async def counters(self) -> dict[str, tuple[int, ...]]:
        """The four sums of every counter that holds anything."""
        found = await self.store.counters("")
        return {key: sums[:4] for key, sums in found.items() if any(sums[:4])}

    async def imbalance(self) -> dict[str, tuple[int, int]]:
        """Debits minus credits, pending and posted, of each currency in which they differ."""
        totals: dict[str, tuple[int, int]] = {}
        for key, (up_pending, up_posted, down_pending, down_posted) in (await self.counters()).items():
            if "|" not in key:
                currency = key.rpartition(":")[2]
                pending, posted = totals.get(currency, (0, 0))
                totals[currency] = (pending + up_pending - down_pending, posted + up_posted - down_posted)
        return {currency: total for currency, total in totals.items() if any(total)}


def plan_of(driver: Driver, instruction: Instruction) -> Plan:
    """What is decided for an instruction now."""
    return planned(admitted(driver.world, instruction))


def day_counter(driver: Driver, instruction: Instruction) -> str:
    """The key of the day's counter that an instruction claims."""
    [key] = [c.counter for c in plan_of(driver, instruction).claims if c.rule == "payment-connect.northbound.day"]
    return key
