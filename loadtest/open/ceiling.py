"""What the generator can do at most: the same runner, the same calls, against a server that does nothing, all due at once.

The ceiling is in calls a second of the generator's own CPU time, so that it is the same on a busy machine.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import numpy

from loadtest.open.runner import Runner, Settings
from loadtest.open.schedule import Schedule, Step
from loadtest.traffic import Call
from loadtest.wire import Requests, address_of

CALLS = 10_000  # about a tenth of a second of work
CONNECTIONS = 64
_SECONDS_MAX = 60.0  # on a machine that is very busy


async def ceiling(calls: Iterator[Call]) -> float:
    """Return how many calls a second this generator could send and judge if it had a core to itself."""
    async with null_server() as url:
        address = address_of(url)
        settings = Settings(CONNECTIONS, _SECONDS_MAX, samples_per_second=0)
        runner = Runner(address, Requests(address, "none"), calls, settings)
        plan = Schedule(numpy.zeros(CALLS), (Step(CALLS, 1.0),), (0.0,))
        began = time.process_time()
        await runner.run(plan)
        spent = time.process_time() - began
        await runner.close()
    return CALLS / spent


@asynccontextmanager
async def null_server() -> AsyncIterator[str]:
    """Start `loadtest.null_server` as a process of its own; its URL."""
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(sys.executable, "-m", "loadtest.null_server", stdin=pipe, stdout=pipe)
    assert server.stdin is not None and server.stdout is not None
    try:
        yield (await server.stdout.readline()).decode().strip()
    finally:
        server.stdin.close()  # which tells it to end
        await server.wait()
