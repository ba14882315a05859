"""One payment a call over HTTP, as fast as the door takes them: a closed model over keep-alive connections.

Reads prepared calls (JSON lines: participant, key, body) so that making them costs nothing while it runs; speaks HTTP/1.1 on
plain sockets, because a full client would measure itself. `python -m loadtest.single --url URL --key KEY --calls FILE`.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

_HEAD_BYTES_MAX = 64 * 1024


def requests(path: Path, host: str, api_key: str) -> Iterator[bytes]:
    """Yield prepared requests in the file's order."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            call = json.loads(line)
            body = call["body"].encode()
            head = (
                f"POST /v1/payments HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {api_key}\r\n"
                f"Bayswitch-Participant: {call['participant']}\r\nIdempotency-Key: {call['key']}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            yield head.encode() + body


class Run:
    """What the connections share: the calls left, the clock, the counts."""

    def __init__(self, calls: Iterator[bytes], warm_up_seconds: float, seconds: float) -> None:
        self.calls = calls
        self.begin = time.perf_counter() + warm_up_seconds
        self.end = self.begin + seconds
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.ran_out = False


async def connection(host: str, port: int, run: Run) -> None:
    """Send one call after another over one connection until the time is over."""
    reader, writer = await asyncio.open_connection(host, port, limit=_HEAD_BYTES_MAX)
    try:
        while (sent_at := time.perf_counter()) < run.end:
            call = next(run.calls, None)
            if call is None:
                run.ran_out = True
                return
            writer.write(call)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            if sent_at >= run.begin:
                run.statuses[int(head[9:12])] += 1
                run.latencies.append(time.perf_counter() - sent_at)
    finally:
        writer.close()


async def measure(url: str, api_key: str, path: Path, connections: int, warm_up_seconds: float, seconds: float) -> Run:
    """Drive all connections at once."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    run = Run(requests(path, f"{host}:{port}", api_key), warm_up_seconds, seconds)
    await asyncio.gather(*(connection(host, port, run) for _ in range(connections)))
    return run


def main() -> int:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(prog="loadtest.single")
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--calls", required=True, type=Path)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--warm-up-seconds", type=float, default=3.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    began = time.process_time()
    run = asyncio.run(
        measure(given.url, given.key, given.calls, given.connections, given.warm_up_seconds, given.seconds)
    )
    ordered = sorted(run.latencies)
    document = {
        "per_second": run.statuses[202] / given.seconds,
        "statuses": {str(status): count for status, count in sorted(run.statuses.items())},
        "latency_ms": {
            "p50": round(1000 * ordered[len(ordered) // 2], 2),
            "p99": round(1000 * ordered[len(ordered) * 99 // 100], 2),
        },
        "generator_cpu_share": round((time.process_time() - began) / (given.seconds + given.warm_up_seconds), 2),
        "ran_out_of_calls": run.ran_out,
    }
    print(json.dumps(document))
    return 0 if not run.ran_out and set(run.statuses) == {202} else 1


if __name__ == "__main__":
    sys.exit(main())
