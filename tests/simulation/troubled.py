"""A store and rails that fail when told to: before a call has its effect, after it (a lost reply), or half way."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from rails.port import RailInstruction, RailReport, RailUnavailable
from rails.simulated import SimulatedRail
from switch.flow.ports import (
    Admission,
    ExceptionRecord,
    Judge,
    Moved,
    Outcome,
    Step,
    Store,
    StoreUnavailable,
    Unfinished,
)

BEFORE, AFTER, HALF = "before", "after", "half"

# Which calls can fail, and how. A read has no effect to lose; a finish is one transaction for each event and day.
TROUBLES = (
    ("accept", BEFORE), ("accept", AFTER), ("finish", BEFORE), ("finish", AFTER), ("finish", HALF), ("take_over", BEFORE),
    ("take_over", AFTER), ("hear_out", BEFORE), ("hear_out", AFTER), ("payment", BEFORE),
    ("send", BEFORE), ("send", AFTER), ("inquire", BEFORE), ("inquire", AFTER),
)  # fmt: skip


class Trouble:
    """What is to go wrong next, once."""

    def __init__(self) -> None:
        self.armed: tuple[str, str] | None = None
        self.struck = False

    def arm(self, call: str, when: str) -> None:
        self.armed, self.struck = (call, when), False

    def disarm(self) -> None:
        self.armed = None

    def strikes(self, call: str, when: str) -> bool:
        if self.armed != (call, when):
            return False
        self.armed, self.struck = None, True
        return True


class TroubledStore:
    """A store whose transactions may fail, or commit without saying so."""

    def __init__(self, store: Store, trouble: Trouble) -> None:
        self.inner = store
        self._trouble = trouble

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def _perhaps(self, call: str, when: str) -> None:
        if self._trouble.strikes(call, when):
            raise StoreUnavailable(f"planted {when} {call}")

    async def accept(self, batch: Sequence[Admission], generation: int, judge: Judge) -> list[Outcome]:
        self._perhaps("accept", BEFORE)
        outcomes = await self.inner.accept(batch, generation, judge)
        self._perhaps("accept", AFTER)
        return outcomes

    async def finish(self, steps: Sequence[Step]) -> list[Moved]:
        self._perhaps("finish", BEFORE)
        if len(steps) > 1 and self._trouble.strikes("finish", HALF):
            await self.inner.finish(steps[: len(steps) // 2])
            raise StoreUnavailable("planted half way through finish")
        moved = await self.inner.finish(steps)
        self._perhaps("finish", AFTER)
        return moved

    async def take_over(self, incarnation: int, limit: int) -> list[Unfinished]:
        self._perhaps("take_over", BEFORE)
        taken = await self.inner.take_over(incarnation, limit)
        self._perhaps("take_over", AFTER)
        return taken

    async def hear_out(self, step: Step, record: ExceptionRecord | None) -> bool:
        self._perhaps("hear_out", BEFORE)
        written = await self.inner.hear_out(step, record)
        self._perhaps("hear_out", AFTER)
        return written

    async def payment(self, payment_id: str) -> Any:
        self._perhaps("payment", BEFORE)
        return await self.inner.payment(payment_id)


class Listener(Protocol):
    """Who hears what passes between switch and rails."""

    def sent(self, rail: str, batch: Sequence[RailInstruction]) -> None: ...
    def said(self, reports: Sequence[RailReport]) -> None: ...


class TroubledRail:
    """A simulated rail that may take a batch, or answer, without the switch hearing of it; a listener hears all."""

    def __init__(self, rail: SimulatedRail, trouble: Trouble, listener: Listener) -> None:
        self.inner = rail
        self.capabilities = rail.capabilities
        self._trouble = trouble
        self._listener = listener

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def _perhaps(self, call: str, when: str) -> None:
        if self._trouble.strikes(call, when):
            raise RailUnavailable(f"planted {when} {call}")

    async def send(self, batch: Sequence[RailInstruction]) -> None:
        self._perhaps("send", BEFORE)
        await self.inner.send(batch)
        self._listener.sent(self.capabilities.rail, batch)
        self._perhaps("send", AFTER)

    async def inquire(self, uetrs: Sequence[tuple[str, int]], at: datetime) -> list[RailReport]:
        self._perhaps("inquire", BEFORE)
        answers = await self.inner.inquire(uetrs, at)
        self._perhaps("inquire", AFTER)
        self._listener.said(answers)
        return answers

    async def reports(self, now: datetime, limit: int) -> list[RailReport]:
        reports = await self.inner.reports(now, limit)
        self._listener.said(reports)
        return reports
