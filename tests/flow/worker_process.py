"""A worker in a process of its own, under load until it is killed: `python worker_process.py URL SANDBOX FIRST WHERE`.

WHERE says at which step it kills itself with SIGKILL, or `anywhere`, where somebody else does.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from builders import RULEBOOK, domestic, northbound, southbound, to_magic

from switch.flow.loops import Loops
from switch.main import open_sandbox, postgres_sandbox
from switch.payment.instruction import Instruction
from switch.store.postgres import accept

LEASE_SECONDS, RENEW_SECONDS = 1.0, 0.2
PAYMENTS = 1_500
PERSONS = 40  # few, so that many of them reach their cap and the workers meet on their counters
IN_FLIGHT = 100
STEPS_BEFORE = 3  # batches that go well before the one that is cut


def load(n: int) -> tuple[str, Instruction]:
    """The n-th (key, instruction) of the load: the same in every process."""
    person, key = n % PERSONS, f"k{n}"
    ids = {"instruction_id": f"L{n}", "person": person}
    if n % 10 == 0:
        names = ("SILENT", "LOST", "REJECT-AC03", "DUPLICATE", "UNREPORTED")
        return key, to_magic(names[n // 10 % len(names)], amount="1.00", **ids)
    build = (northbound, southbound, domestic)[n % 3]
    return key, build("900.00", **ids)


def killing(function: Callable[..., Awaitable[Any]], before: int = STEPS_BEFORE) -> Callable[..., Awaitable[Any]]:
    """Carry it out `before` times and once more, and be killed before anyone hears of it."""
    calls = 0

    async def counted(*args: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        result = await function(*args, **named)
        if calls > before:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return counted


def killing_after(function: Callable[..., Any], before: int = STEPS_BEFORE) -> Callable[..., Any]:
    """Carry it out `before` times and once more, and be killed when what it made has been sent, before any answer to it."""
    calls = 0

    def counted(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > before:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGKILL)
        return function(*args)

    return counted


async def main(url: str, name: str, first: int, where: str) -> None:
    sandbox = postgres_sandbox(url, name, instant=True, rulebook=RULEBOOK)
    sandbox.loops = Loops(sandbox.worker, LEASE_SECONDS, RENEW_SECONDS)
    rail = sandbox.world.rails["ibps"]
    if where == "in the accepting transaction":
        accept._asked = killing_after(accept._asked)
    elif where == "after accepting":
        sandbox.store.accept = killing(sandbox.store.accept)  # type: ignore[method-assign]
    elif where == "after sending":
        rail.send = killing(rail.send, before=1)  # type: ignore[method-assign]  # all that is waiting goes at once: few calls
    elif where == "after finishing":
        sandbox.store.finish = killing(sandbox.store.finish)  # type: ignore[method-assign]
    await open_sandbox(sandbox)
    room = asyncio.Semaphore(IN_FLIGHT)

    async def one(n: int) -> None:
        async with room:
            key, instruction = load(n)
            await sandbox.pay(instruction, instruction.debtor_agent, key)

    print("ready", flush=True)
    await asyncio.gather(*(one((first + n) % PAYMENTS) for n in range(PAYMENTS)))
    await asyncio.Event().wait()  # what is under way goes on, and with it the step that is cut: nobody leaves alive


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
