"""Carries out a plan on a stage: one task an act, begun and ended at its time, and a log of when that really was."""

import asyncio
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bayswitch import Problem
from switch.chaos.actors import DATABASE, RAILS, VALKEY
from switch.chaos.judge import Ceiling
from switch.chaos.plan import Act
from switch.chaos.proxy import AFTER, BEFORE, BETWEEN, FIN, RST, SHARE_OF
from switch.chaos.stage import Stage, StageError
from switch.chaos.traffic import CAP_MINOR, DAY_CAP

MORNING_HOUR = 10  # when the next day is looked at: everything that runs by day is open
_FLUSH_SECONDS = 0.05

Machine = Callable[[], float]  # seconds since the epoch


class Done(NamedTuple):
    """An act as it was carried out, machine milliseconds since the epoch; `error` where it could not be."""

    kind: str
    drawn: Mapping[str, int]
    began_ms: int
    ended_ms: int  # all is as it was before: a worker that was replaced is ready
    error: str = ""


class Conductor:
    """Runs the acts of a plan; `caps` is which ceilings of DAY_CAP were in force when."""

    def __init__(self, stage: Stage, machine: Machine, say: Callable[[str], None]) -> None:
        self._stage, self._machine, self._say = stage, machine, say
        self.caps = [Ceiling(0, 0, CAP_MINOR)]
        self.done: list[Done] = []
        self._held: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # an act may last longer than planned

    async def run(self, acts: tuple[Act, ...], begin: float) -> None:
        """Carry out all acts of a run that begins at machine time `begin`."""
        async with asyncio.TaskGroup() as group:
            for act in acts:
                group.create_task(self._in_turn(act, begin))

    async def _in_turn(self, act: Act, begin: float) -> None:
        """Begin an act at its time, or as soon as what it holds for itself is free."""
        await self._until(begin + act.begins_ms / 1000)
        async with self._held[act.holds] if act.holds else nullcontext():
            await self._carry_out(act, begin)

    async def _carry_out(self, act: Act, begin: float) -> None:
        began = round(self._machine() * 1000)
        drawn = " ".join(f"{name} {value}" for name, value in act.drawn.items())
        self._say(f"{act.begins_ms / 1000:6.1f} s  {act.kind} {drawn} for {(act.ends_ms - act.begins_ms) / 1000:.1f} s")
        error = ""
        try:
            async with self._during(act):
                await self._until(begin + act.ends_ms / 1000)
        except (StageError, Problem, OSError) as failed:
            error = f"{type(failed).__name__}: {failed}"
            self._say(f"        {act.kind}: {error}")
        self.done.append(Done(act.kind, act.drawn, began, round(self._machine() * 1000), error))

    async def _until(self, instant: float) -> None:
        await asyncio.sleep(max(0.0, instant - self._machine()))

    def _during(self, act: Act) -> AbstractAsyncContextManager[None]:
        family, _, what = act.kind.partition("-")
        drawn = act.drawn
        match family:
            case "rail":
                return self._rail(RAILS[drawn["rail"]], _faults(what, drawn))
            case "valkey":
                return self._of_valkey(what)
            case "database" if what in _STOPS:
                return self._postgres_stopped(_STOPS[what])
            case "database" | "commit":
                return self._line(act.kind, drawn)
            case "worker":
                return self._worker_killed(drawn["worker"])
            case "clock" | "day":
                return self._clock(drawn.get("seconds"))
            case "cap":
                return self._cap(drawn["cap"])
        raise AssertionError(act.kind)

    # --- what each does; before `yield` it begins, after it it ends ---

    @asynccontextmanager
    async def _rail(self, rail: str, faults: dict[str, Any]) -> AsyncIterator[None]:
        await self._stage.insist(lambda client: client.set_faults(rail, faults))
        yield
        await self._stage.insist(lambda client: client.set_faults(rail))

    @asynccontextmanager
    async def _of_valkey(self, what: str) -> AsyncIterator[None]:
        stage = self._stage
        if what == "killed":
            await stage.kill_valkey()
            yield
            await stage.start_valkey_empty()
        elif what == "flushed":
            enough = asyncio.Event()  # a cancellation may be lost in a connection that breaks at the same moment
            flushing = asyncio.create_task(self._flush(enough))
            yield
            enough.set()
            await flushing
        elif what == "restored":
            kept = await stage.copy_valkey()
            yield
            await stage.kill_valkey()
            await stage.restore_valkey(kept)
        elif what == "silent":
            await stage.lines.tell(VALKEY, "set", weather={"hole": True})
            yield
            await stage.lines.tell(VALKEY, "set", weather={})
        else:
            await stage.lines.tell(VALKEY, "cut", how=RST, share=SHARE_OF)
            yield

    async def _flush(self, enough: asyncio.Event) -> None:
        while not enough.is_set():
            await self._stage.flush_valkey()
            await asyncio.sleep(_FLUSH_SECONDS)

    @asynccontextmanager
    async def _postgres_stopped(self, how: signal.Signals) -> AsyncIterator[None]:
        await self._stage.kill_postgres(how)
        try:
            yield
        finally:
            await self._stage.start_postgres()

    @asynccontextmanager
    async def _line(self, kind: str, drawn: Mapping[str, int]) -> AsyncIterator[None]:
        lines = self._stage.lines
        if kind in _COMMITS:
            await lines.tell(DATABASE, "arm", how=_COMMITS[kind], times=drawn["times"])
            yield
            await lines.tell(DATABASE, "disarm", how=_COMMITS[kind])
        elif kind in _CUTS:
            await lines.tell(DATABASE, "cut", how=_CUTS[kind], share=drawn["share"])
            yield
        else:
            await lines.tell(DATABASE, "set", weather=_weather(kind, drawn))
            yield
            if kind == "database-silent":  # whoever stood between has forgotten the connections
                await lines.tell(DATABASE, "cut", how=RST, share=SHARE_OF)
            await lines.tell(DATABASE, "set", weather={})

    @asynccontextmanager
    async def _worker_killed(self, n: int) -> AsyncIterator[None]:
        worker = self._stage.workers[n]
        await worker.end(signal.SIGKILL)
        yield
        await worker.start()
        await self._stage.until_ready(worker)

    @asynccontextmanager
    async def _clock(self, seconds: int | None) -> AsyncIterator[None]:
        """Jump by seconds, or to the next morning. Asked again because an answer was lost, it may have happened already."""
        now = datetime.fromisoformat((await self._stage.insist(lambda client: client.clock()))["now"])
        to = now + timedelta(seconds=seconds) if seconds is not None else _next_morning(now)
        try:
            await self._stage.insist(lambda client: client.move_clock(to.isoformat()))
        except Problem as problem:
            if problem.status != 422:  # it stands there, or beyond
                raise
        yield

    @asynccontextmanager
    async def _cap(self, cap: int) -> AsyncIterator[None]:
        await self._take_law([{"name": "chaos", DAY_CAP: {"value": str(cap)}}], cap * 100)
        yield
        await self._take_law([], CAP_MINOR)

    async def _take_law(self, overlays: list[dict[str, Any]], cap_minor: int) -> None:
        asked = round(self._machine() * 1000)
        try:
            await self._stage.insist(lambda client: client.take_rulebook(overlays))
        finally:
            self.caps.append(Ceiling(asked, round(self._machine() * 1000), cap_minor))


_STOPS = {"restarted": signal.SIGINT, "crashed": signal.SIGQUIT, "killed": signal.SIGKILL}
_COMMITS = {"commit-lost": BEFORE, "commit-unanswered": AFTER, "commit-unknown": BETWEEN}
_CUTS = {"database-reset": RST, "database-closed": FIN}


def _faults(what: str, drawn: Mapping[str, int]) -> dict[str, Any]:
    """Write the body of POST /v1/sandbox/rails/{rail}/faults."""
    share = drawn.get("share", 0)
    match what:
        case "slow":
            return {"delay_percent": drawn["percent"]}
        case "drops":
            return {"rules": [{"match": {"direction": way}, "lost": share} for way in ("to-rail", "from-rail")]}
        case "repeats":
            return {"rules": [{"match": {"direction": way}, "duplicated": share} for way in ("to-rail", "from-rail")]}
        case "late":
            return {"rules": [{"late": share}]}
        case "away":
            return {"outage": True}
    raise AssertionError(what)


def _weather(kind: str, drawn: Mapping[str, int]) -> dict[str, Any]:
    match kind:
        case "database-slow":
            return {"delay_ms": drawn["delay_ms"]}
        case "database-throttled":
            return {"bytes_a_second": drawn["kilobytes_a_second"] * 1_000}
        case "database-silent":
            return {"hole": True}
    raise AssertionError(kind)


def _next_morning(now: datetime) -> datetime:
    """Return 10:00 of the next law day (UTC+8)."""
    there = now + timedelta(hours=8)
    midnight = there.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return midnight + timedelta(hours=MORNING_HOUR - 8)
