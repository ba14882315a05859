"""A store and rails that fail when told to: before a call has its effect, after it (a lost reply), or half way."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from fx.money import Money
from rails.faults import Faults
from rails.hours import Closure
from rails.port import RailInstruction, RailReport, RailReturn, RailUnavailable, RecallAnswer, RecallRequest
from rails.simulated import SimulatedRail
from switch.flow.ports import Moved, Step, Store, StoreUnavailable

BEFORE, AFTER, HALF = "before", "after", "half"

# Which calls can fail, and in which steps they are made. A read has no effect to lose; a finish is one transaction for each
# event and day. A rail's returns are read from its book before anything is taken off.
CALLERS: dict[str, tuple[str, ...]] = {
    "accept": ("accept",), "finish": ("collect", "complete", "mark", "operate", "cancel"), "take_over": ("watch",),
    "hear_out": ("collect", "complete"), "payment": ("collect", "complete"), "abandon": ("complete",),
    "tell": ("operate",), "note_inquiries": ("complete",), "ended": ("complete",), "propose": ("operate",), "decide_proposal": ("operate", "resolve"),
    "queued": ("release",), "release": ("release",), "put_off": ("release",), "next_opening": ("release", "watch"),
    "open_recall": ("recall",), "due_recalls": ("recall_step",), "next_recall_at": ("recall_step",),
    "answer_recall": ("recall_step",), "book_return": ("recall_step",), "release_return": ("release_return",),
    "save_directory": ("proxy",), "directory": ("watch",),
    "send": ("submit",), "inquire": ("complete",), "abort": ("complete",), "recall": ("recall_step",), "returns": ("recall_step",),
}  # fmt: skip
_READS = {"payment", "ended", "queued", "next_opening", "next_recall_at", "directory", "returns"}
OF_RAILS = {"send", "inquire", "abort", "recall", "returns"}
TROUBLES = (
    *((call, when) for call in CALLERS for when in (BEFORE, AFTER) if when == BEFORE or call not in _READS),
    ("finish", HALF),
)


class Trouble:
    """What is to go wrong next, once."""

    def __init__(self) -> None:
        self.armed: tuple[str, str] | None = None
        self.struck = False
        self.counts: dict[tuple[str, str], int] = {}

    def arm(self, call: str, when: str) -> None:
        self.armed, self.struck = (call, when), False

    def disarm(self) -> None:
        self.armed = None

    def strikes(self, call: str, when: str) -> bool:
        if self.armed != (call, when):
            return False
        self.armed, self.struck = None, True
        self.counts[call, when] = self.counts.get((call, when), 0) + 1
        return True


class TroubledStore:
    """A store whose transactions may fail, or commit without saying so."""

    def __init__(self, store: Store, trouble: Trouble) -> None:
        self.inner = store
        self._trouble = trouble
        for call in CALLERS.keys() - OF_RAILS - {"finish"}:
            setattr(self, call, self._troubled(call, getattr(store, call)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def _troubled(self, call: str, right: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def troubled(*given: Any) -> Any:
            self._perhaps(call, BEFORE)
            answer = await right(*given)
            self._perhaps(call, AFTER)
            return answer

        return troubled

    def _perhaps(self, call: str, when: str) -> None:
        if self._trouble.strikes(call, when):
            raise StoreUnavailable(f"planted {when} {call}")

    async def finish(self, steps: Sequence[Step]) -> list[Moved]:
        self._perhaps("finish", BEFORE)
        if len(steps) > 1 and self._trouble.strikes("finish", HALF):
            await self.inner.finish(steps[: len(steps) // 2])
            raise StoreUnavailable("planted half way through finish")
        moved = await self.inner.finish(steps)
        self._perhaps("finish", AFTER)
        return moved


class Listener(Protocol):
    """Who hears what passes between switch and rails."""

    async def sent(self, batch: Sequence[RailInstruction]) -> None: ...
    def said(self, reports: Sequence[RailReport]) -> None: ...
    def answered(self, answers: Sequence[RecallAnswer]) -> None: ...
    def told(self, returns: Sequence[RailReturn]) -> None: ...


class TroubledRail:
    """A simulated rail that may take a batch, or answer, without the switch hearing of it; a listener hears all."""

    def __init__(self, rail: SimulatedRail, trouble: Trouble, listener: Listener) -> None:
        self.inner = rail
        self.capabilities, self.takes_faults = rail.capabilities, rail.takes_faults
        self._trouble = trouble
        self._listener = listener

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    @property
    def faults(self) -> Faults:
        return self.inner.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self.inner.faults = faults

    @property
    def closures(self) -> tuple[Closure, ...]:
        return self.inner.closures

    @closures.setter
    def closures(self, closures: tuple[Closure, ...]) -> None:
        self.inner.closures = closures

    def _perhaps(self, call: str, when: str) -> None:
        if self._trouble.strikes(call, when):
            raise RailUnavailable(f"planted {when} {call}")

    async def send(self, batch: Sequence[RailInstruction]) -> None:
        self._perhaps("send", BEFORE)
        await self.inner.send(batch)
        await self._listener.sent(batch)
        self._perhaps("send", AFTER)

    async def inquire(self, uetrs: Sequence[tuple[str, int]], at: datetime) -> list[RailReport]:
        self._perhaps("inquire", BEFORE)
        answers = await self.inner.inquire(uetrs, at)
        self._perhaps("inquire", AFTER)
        self._listener.said(answers)
        return answers

    async def abort(self, uetrs: Sequence[tuple[str, int]], at: datetime) -> list[RailReport]:
        self._perhaps("abort", BEFORE)
        answers = await self.inner.abort(uetrs, at)
        self._perhaps("abort", AFTER)
        self._listener.said(answers)
        return answers

    async def reports(self, now: datetime, limit: int) -> list[RailReport]:
        reports = await self.inner.reports(now, limit)
        self._listener.said(reports)
        return reports

    async def recall(self, requests: Sequence[RecallRequest], at: datetime) -> list[RecallAnswer]:
        self._perhaps("recall", BEFORE)
        answers = await self.inner.recall(requests, at)
        self._perhaps("recall", AFTER)
        self._listener.answered(answers)
        return answers

    async def returns(self, now: datetime, limit: int) -> list[RailReturn]:
        self._perhaps("returns", BEFORE)
        returns = await self.inner.returns(now, limit)
        self._listener.told(returns)
        return returns

    async def dictate(self, key: tuple[str, int], outcome: str, reason_code: str, at: datetime, about: Money) -> None:
        await self.inner.dictate(key, outcome, reason_code, at, about)

    async def give_back(self, key: tuple[str, int], reason_code: str, at: datetime) -> bool:
        return await self.inner.give_back(key, reason_code, at)
