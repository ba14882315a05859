"""The closed model: every connection sends its next call when the last is answered, as fast as the door takes them.

It finds what a door can do, and what this generator can do; it does not say how a door fares at a given rate, because it
slows down with it: that is the open model's (`loadtest.open`). `python -m loadtest.closed --url URL --key KEY --calls FILE`.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy

from loadtest.verdicts import ACCEPTED, REFUSED, SHED, WRONG, judge
from loadtest.wire import Address, Connection, Requests, address_of, connect, read_calls

ANSWER_SECONDS_MAX = 10.0  # after the end: what is not answered by then is told as unanswered


class Closed:
    """A run: `connections` × `pipeline` calls in flight from the first instant to the last."""

    def __init__(self, requests: Iterable[bytes], warm_up_seconds: float, seconds: float, pipeline: int = 1) -> None:
        self._requests = iter(requests)
        self._pipeline = pipeline
        self._warm_up_seconds, self._seconds = warm_up_seconds, seconds
        self._begin = self._end = 0.0
        self._connections: set[Connection] = set()
        self._replacing: set[asyncio.Task[None]] = set()
        self._open = 0
        self._idle = asyncio.Event()
        self.statuses: Counter[int] = Counter()
        self.kinds: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.payments: Counter[str] = Counter()  # by kind; of a batch or a message there are many
        self.answered_in_all = 0  # warm-up and end included: what the switch's CPU time was spent on
        self.latencies: list[float] = []
        self.answered_at: list[float] = []
        self.ran_out = False
        self.lost = 0

    async def run(self, address: Address, connections: int) -> None:
        """Drive until the time is over and all is answered; raises OSError where nothing answers at the address."""
        self._address = address
        ready = [await connect(address, self._answered, self._lost) for _ in range(connections)]
        self._begin = time.perf_counter() + self._warm_up_seconds
        self._end = self._begin + self._seconds
        self._open = connections
        for connection in ready:
            self._begin_with(connection)
        try:
            limit = self._warm_up_seconds + self._seconds + ANSWER_SECONDS_MAX
            await asyncio.wait_for(self._idle.wait(), limit)
        except TimeoutError:
            self.lost += sum(len(connection.waiting) for connection in self._connections)
        for connection in self._connections:
            connection.close()

    def _begin_with(self, connection: Connection) -> None:
        self._connections.add(connection)
        self._next(connection)
        for _ in range(1, self._pipeline if connection.waiting else 1):
            self._next(connection)

    def _next(self, connection: Connection) -> None:
        now = time.perf_counter()
        if now < self._end:
            request = next(self._requests, None)
            if request is not None:
                connection.send(request, now)
                return
            self.ran_out = True
        if not connection.waiting:
            self._closed()

    def _answered(self, connection: Connection, sent_at: float) -> None:
        now = time.perf_counter()
        self.answered_in_all += 1
        if self._begin <= sent_at:
            verdict = judge(connection.status, connection.body, connection.retry_after, connection.replayed)
            self.statuses[connection.status] += 1
            self.kinds[verdict.kind] += 1
            for part in verdict.each:
                self.payments[part.kind] += 1
                if part.kind != ACCEPTED:
                    self.reasons[part.reason] += 1
            self.latencies.append(now - sent_at)
            self.answered_at.append(now)
        if connection.ends:
            self._replace(connection)
        else:
            self._next(connection)

    def _replace(self, ended: Connection) -> None:
        """Let go of a connection that its server ends, and go on over another."""
        self.lost += len(ended.waiting)  # sent before the answer that said so
        ended.waiting.clear()
        ended.close()
        self._connections.discard(ended)
        task = asyncio.create_task(self._go_on())
        self._replacing.add(task)
        task.add_done_callback(self._replacing.discard)

    async def _go_on(self) -> None:
        try:
            connection = await connect(self._address, self._answered, self._lost)
        except OSError:
            self._closed()
            return
        self._begin_with(connection)

    def _lost(self, connection: Connection) -> None:
        if connection.waiting:
            self.lost += len(connection.waiting)
            self._closed()

    def _closed(self) -> None:
        self._open -= 1
        if self._open <= 0:
            self._idle.set()

    def document(self, cpu_seconds: float) -> dict[str, Any]:
        """Write what was measured; rates are over the measured seconds, latencies of every answer in milliseconds."""
        found = 1000 * numpy.array(self.latencies or [0.0])
        p50, p90, p99 = (round(float(value), 3) for value in numpy.percentile(found, (50, 90, 99)))
        good = sum(count for status, count in self.statuses.items() if 200 <= status < 300)
        seconds = numpy.floor(numpy.array(self.answered_at) - self._begin).astype(int)
        return {
            "per_second": good / self._seconds,
            "payments_per_second": self.payments[ACCEPTED] / self._seconds,
            "answered": sum(self.statuses.values()),
            "answered_in_all": self.answered_in_all,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "kinds": dict(self.kinds),
            "reasons": dict(self.reasons.most_common()),
            "payments": {kind: self.payments[kind] for kind in (ACCEPTED, REFUSED, SHED, WRONG)},
            "latency_ms": {"p50": p50, "p90": p90, "p99": p99, "max": round(float(found.max()), 3)},
            "by_second": numpy.bincount(seconds, minlength=int(self._seconds))[: int(self._seconds)].tolist(),
            "generator": {
                "cpu_seconds": round(cpu_seconds, 3),
                "cpu_share": round(cpu_seconds / (self._seconds + self._warm_up_seconds), 3),
            },
            "unanswered": self.lost,
            "ran_out": self.ran_out,
        }


def run_loop(main: Any) -> Any:
    """Run a coroutine on uvloop where it is there (not on Windows), else on asyncio's own loop."""
    try:
        from uvloop import run
    except ImportError:
        return asyncio.run(main)
    return run(main)


def main() -> int:
    """Measure and print one JSON document; 0 where all was answered with 2xx and the calls lasted."""
    parser = argparse.ArgumentParser(prog="loadtest.closed")
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument(
        "--calls", required=True, type=Path, help='JSON lines {"participant", "key", "body", "path"?, "content_type"?}'
    )
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--warm-up-seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--pipeline", type=int, default=1, help="calls in flight on one connection")
    parser.add_argument(
        "--cycle", action="store_true", help="begin again when the calls are used up: for what keeps nothing"
    )
    given = parser.parse_args()
    address = address_of(given.url)
    making = Requests(address, given.key)
    requests = [making.post(call) for call in read_calls(given.calls)]
    run = Closed(cycle(requests) if given.cycle else requests, given.warm_up_seconds, given.seconds, given.pipeline)
    began = time.process_time()
    run_loop(run.run(address, given.connections))
    print(json.dumps(run.document(time.process_time() - began)))
    good = not run.ran_out and not run.lost and all(200 <= status < 300 for status in run.statuses)
    return 0 if good and run.statuses else 1


if __name__ == "__main__":
    sys.exit(main())
