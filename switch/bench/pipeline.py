"""Rows that drive the switch in process, as a closed model: so many payments between door and final status at any time.

It is run as a process of its own for each round (`python -m switch.bench.in_process`), so that every round starts alike.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import NamedTuple

from switch.bench.machine import Cpu, tree_seconds
from switch.payment.instruction import Instruction
from switch.sandbox import Sandbox

_LOOK_SECONDS = 0.002  # between two looks at what has ended: shorter measures the looking
_END_SECONDS_MAX = 60

Call = tuple[str, str, Instruction]  # participant, idempotency key, instruction


class Window(NamedTuple):
    """What happened while it was measured: counts, wall and CPU seconds."""

    credited: int
    rejected: int  # by a rail
    refused: int  # by the switch
    seconds: float
    cpu: Cpu
    ran_out: bool

    @property
    def ended(self) -> int:
        """Payments that reached a final status."""
        return self.credited + self.rejected + self.refused


class Drive:
    """Keeps `in_flight` payments of `calls` going through a sandbox."""

    def __init__(self, sandbox: Sandbox, calls: Iterator[Call], in_flight: int, postgres_pid: int) -> None:
        self._sandbox, self._calls, self._in_flight, self._postgres = sandbox, calls, in_flight, postgres_pid
        self._started = 0
        self._metrics = sandbox.worker.metrics
        self._before = self._counts()

    def _counts(self) -> tuple[int, int, int]:
        finished = self._metrics.finished
        return finished["credited"] + finished["settled"], finished["rejected"], self._metrics.outcomes["refused"]

    def _room(self) -> int:
        ended = sum(self._counts()) - sum(self._before)
        return self._in_flight - (self._started - ended)

    async def run(self, seconds: float) -> Window:
        """Drive for so long, or until the calls run out; nothing is drained at either end."""
        counts, postgres = self._counts(), tree_seconds(self._postgres)
        python, begun = time.process_time(), time.perf_counter()  # the look at the process table is no payment's
        ran_out = False
        while (now := time.perf_counter()) - begun < seconds and not ran_out:
            for _ in range(self._room()):
                call = next(self._calls, None)
                if call is None:
                    ran_out = True
                    break
                participant, key, instruction = call
                self._sandbox.submission(instruction, participant, key)
                self._started += 1
            await asyncio.sleep(_LOOK_SECONDS)
        did = [after - before for after, before in zip(self._counts(), counts, strict=True)]
        used = Cpu(time.process_time() - python, tree_seconds(self._postgres) - postgres)
        return Window(did[0], did[1], did[2], now - begun, used, ran_out)

    async def settle(self) -> bool:
        """Wait until all that was started has ended."""
        return await self._sandbox.settle_down(_END_SECONDS_MAX)
