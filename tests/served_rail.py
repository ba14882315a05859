"""A simulated rail behind HTTP on loopback, in the test's own loop, and the remote rail that speaks to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import uvicorn

from rails.book import MemoryBook
from rails.catalogue import build_rails
from rails.channel import Channel
from rails.contents import MemoryContents
from rails.messages import CreditTransfer
from rails.messages.model import Account, Party
from rails.port import RailInstruction
from rails.remote import RemoteRail
from rails.serving import RailService
from rails.simulated import SimulatedRail

KEY = "the-key-of-the-tests"
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # a Monday, 12:00 in Hong Kong
SECOND = timedelta(seconds=1)
DEADLINE = NOON + 20 * SECOND
CURRENCY = {"hk-fps": "HKD", "ibps": "CNY", "hk-chats": "HKD", "hvps": "CNY", "promptpay": "THB"}

_runs = count(1)


def weekdays(calendar: str, day: date) -> bool:
    return day.isoweekday() <= 5


def a_simulated(name: str, book: MemoryBook | None = None, instant: bool = False) -> SimulatedRail:
    kept = book or MemoryBook()
    return build_rails(lambda rail: kept if rail == name else MemoryBook(), weekdays, 7, instant)[name]


def a_transfer(currency: str = "HKD") -> CreditTransfer:
    return CreditTransfer(
        "I-1", "E-1", None, "100.00", "HKD", "100.00", "HKD",
        Party("CHAN Tai Man", None, "HK", "household", Account("012001000001", None, None, "HKD")),
        Party("Li Wei", None, "CN", "household", Account(None, "MBNO", "+86-13800000000", None)),
        "HBAYHKH0", "PEARCNG0", currency, "GIFT", None, "SHAR", "for <you> & yours", (), None, False, None, None,
    )  # fmt: skip


def an_instruction(name: str, number: int = 1, account: str = "6217000000000001", **changes: Any) -> RailInstruction:
    uetr = str(UUID(int=(number << 80) + number, version=4))
    currency = CURRENCY[name]
    return RailInstruction(
        uetr, 1, "HBAYHKH0", "PEARCNG0", account, 12_345, currency, NOON, DEADLINE, a_transfer(currency)
    )._replace(**changes)


class Switch:
    """The business time of who uses the rail."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time


def a_service(name: str, book: MemoryBook | None = None, contents: MemoryContents | None = None) -> RailService:
    run = f"run{next(_runs)}"
    book = book or MemoryBook()
    return RailService(a_simulated(name, book), book, contents or MemoryContents(), KEY, run)


class _Server(uvicorn.Server):
    def capture_signals(self) -> Any:  # signals are the test runner's
        return nullcontext()


@asynccontextmanager
async def served(application: Any, port: int = 0) -> AsyncIterator[str]:
    """Serve an application; gives its URL."""
    config = uvicorn.Config(
        application, port=port, loop="none", http="httptools", ws="none", lifespan="off", log_level="warning",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


def a_remote(name: str, url: str, now: Callable[[], datetime], key: str = KEY) -> RemoteRail:
    return RemoteRail(a_simulated(name), Channel(url, key), now, "BAYSHKH0", f"t{next(_runs)}")


@asynccontextmanager
async def remote(name: str, switch: Switch | None = None) -> AsyncIterator[tuple[RemoteRail, Switch]]:
    """A remote rail of ours that has been started."""
    switch = switch or Switch()
    service = a_service(name)
    async with served(service.application()) as url:
        rail = a_remote(name, url, switch.now)
        await rail.start(NOON)
        try:
            yield rail, switch
        finally:
            await rail.stop()
    await service.stop()
