"""A store and a rail that fail, or keep waiting, where told to."""

import asyncio
from collections.abc import Sequence
from typing import Any

from builders import a_world, northbound, some_rails
from driver import Driver

from switch.flow.ports import ExceptionRecord, Moved, Step, StoreUnavailable
from switch.store.memory import MemoryStore

PAST_DEADLINE = 21  # business seconds; IBPS and FPS answer within 20 or not at all
UETR = "6f0d53a2-9d8c-4c1b-8a55-00000000000a"


class FaultyStore(MemoryStore):
    """A store in memory whose calls fail once where told to, before they do anything or after; or for some payments always."""

    def __init__(self) -> None:
        super().__init__()
        self.fail_before: set[str] = set()
        self.fail_after: set[str] = set()
        self.spared = 0  # calls that go well before the one that fails
        self.cursed: set[str] = set()  # payments for which every finish fails, for a reason of their own

    def _trip(self, where: set[str], name: str) -> None:
        if name in where and self.spared:
            self.spared -= 1
        elif name in where:
            where.discard(name)
            raise StoreUnavailable(f"planted in {name}")

    async def finish(self, steps: Sequence[Step]) -> list[Moved]:
        self._trip(self.fail_before, "finish")
        if self.cursed & {step.payment_id for step in steps}:
            raise ValueError("planted in a payment")
        moved = await super().finish(steps)
        self._trip(self.fail_after, "finish")
        return moved

    async def hear_out(self, step: Step, record: ExceptionRecord | None) -> bool:
        self._trip(self.fail_before, "hear_out")
        recorded = await super().hear_out(step, record)
        self._trip(self.fail_after, "hear_out")
        return recorded


async def faulty() -> tuple[Driver, FaultyStore]:
    store = FaultyStore()
    return await Driver(store, a_world(rails=some_rails())).start(), store


class SlowRail:
    """A rail whose next `send` waits to be let go on; counts who is sent and who is asked about."""

    def __init__(self, rail: Any) -> None:
        self.begun = asyncio.Event()
        self.let_go: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.sent: list[str] = []
        self.asked: list[str] = []
        self._send, self._inquire = rail.send, rail.inquire
        rail.send, rail.inquire = self.send, self.inquire

    async def send(self, batch: Any) -> None:
        self.begun.set()
        error = await self.let_go
        self.let_go = asyncio.get_running_loop().create_future()
        self.let_go.set_result(None)
        if error:
            raise error
        self.sent += [instruction.uetr for instruction in batch]
        await self._send(batch)

    async def inquire(self, keys: Any, at: Any) -> Any:
        self.asked += [uetr for uetr, _ in keys]
        return await self._inquire(keys, at)


async def being_sent() -> tuple[Driver, SlowRail, str, "asyncio.Task[int]"]:
    """A payment that is being handed to its rail at this moment."""
    driver = await Driver(MemoryStore(), a_world(rails=some_rails())).start()
    rail = SlowRail(driver.world.rails["ibps"])
    payment_id = await driver.accepted(northbound(uetr=UETR))
    sending = asyncio.create_task(driver.worker.submit(0.0))
    await rail.begun.wait()
    return driver, rail, payment_id, sending
