"""A client that wants an answer: open model, and each call is tried again under its key, at another door, until it has one.

What a careful participant does when a switch falters; every attempt and every answer is kept, so that the books can be
judged by them. `python -m loadtest.insistent --urls A B --key K --calls FILE --out FILE`. It judges nothing itself.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from loadtest.closed import run_loop
from loadtest.wire import JSON, PAYMENTS, Address, Connection, Plain, Requests, address_of, connect

ATTEMPT_SECONDS_MAX = 10.0  # as bayswitch's own client gives up
AGAIN_SECONDS = (0.1, 0.2, 0.4, 0.8)  # then every last
IDLE_MAX = 200  # connections kept ready at a door
# What is no answer: the call must be made again under the same key.
_NOT_YET = {409, 429, 500, 502, 503, 504}
UNAVAILABLE, NOTHING_STORED = 503, "nothing was stored"  # the one that says so has let the call go (docs/workers.md)


class Due(NamedTuple):
    """One call as the file has it; `at_ms` from the begin."""

    at_ms: int
    door: int
    call: Plain


class Attempt(NamedTuple):
    """What one attempt came to, machine milliseconds since the epoch; `status` 0 = none, `what` says why, or what was told."""

    sent_ms: int
    ended_ms: int
    door: int
    status: int
    what: str


class Door:
    """One address and the connections to it; each carries one call at a time."""

    def __init__(self, url: str, key: str) -> None:
        self.address: Address = address_of(url)
        self.requests = Requests(self.address, key)
        self._idle: list[Connection] = []

    async def ask(self, call: Plain) -> tuple[int, bytes]:
        """Send a call and wait for its answer; raises OSError where there is none, TimeoutError where it takes too long."""
        answered: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        connection = self._ready()
        if connection is None:
            async with asyncio.timeout(ATTEMPT_SECONDS_MAX):
                connection = await connect(self.address, _answered, _lost)
        connection.send(self.requests.post(call), answered)
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS_MAX):
                answer = await answered
        except BaseException:
            connection.close()
            raise
        if len(self._idle) < IDLE_MAX and not connection.ends:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def _ready(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.lost:
                return connection
        return None

    def close(self) -> None:
        """Let go of connections."""
        for connection in self._idle:
            connection.close()


def _answered(connection: Connection, token: Any) -> None:
    if not token.done():
        token.set_result((connection.status, connection.body))


def _lost(connection: Connection) -> None:
    for token in connection.waiting:
        if not token.done():
            token.set_exception(ConnectionResetError("lost"))


class Run:
    """A run over all calls; `begin` is machine time, seconds since the epoch, `patience` counts from the last call."""

    def __init__(self, doors: list[Door], dues: list[Due], begin: float, patience: float) -> None:
        self._doors, self._dues, self._begin = doors, dues, begin
        self._until = begin + dues[-1].at_ms / 1000 + patience
        self.kept: list[dict[str, Any]] = []

    async def run(self) -> None:
        """Send each call at its time and stay until each is answered, or patience ends."""
        calls: list[asyncio.Task[None]] = []
        for due in self._dues:
            wait = self._begin + due.at_ms / 1000 - time.time()
            if wait > 0:
                await asyncio.sleep(wait)
            calls.append(asyncio.create_task(self._call(due)))
        await asyncio.gather(*calls)
        for door in self._doors:
            door.close()

    async def _call(self, due: Due) -> None:
        attempts: list[Attempt] = []
        document: dict[str, Any] = {}
        status = 0
        while not status:
            attempt, document = await self._attempt(due, len(attempts))
            attempts.append(attempt)
            if attempt.status and attempt.status not in _NOT_YET:
                status = attempt.status
            elif time.time() > self._until:
                break
            else:
                await asyncio.sleep(AGAIN_SECONDS[min(len(attempts), len(AGAIN_SECONDS)) - 1])
        told = {name: document[name] for name in ("payment_id", "name", "code", "rule") if document.get(name)}
        due_ms = round(self._begin * 1000) + due.at_ms
        self.kept.append(
            {"key": due.call.key, "due_ms": due_ms, "status": status, "attempts": attempts, **({"told": told} if status else {"told": {}})}
        )  # fmt: skip

    async def _attempt(self, due: Due, tries: int) -> tuple[Attempt, dict[str, Any]]:
        door = (due.door + tries) % len(self._doors)
        sent = round(time.time() * 1000)
        status, what, document = 0, "", {}
        try:
            status, body = await self._doors[door].ask(due.call)
            document = json.loads(body)
            what = str(document.get("name") or "")
            if status == UNAVAILABLE and NOTHING_STORED in str(document.get("detail")):
                what += ", nothing stored"
        except TimeoutError:
            what = "no answer in time"
        except ConnectionRefusedError:
            what = "nobody there"
        except OSError:
            what = "connection lost"
        except (ValueError, AttributeError):
            status, what = 0, "not an answer"
        return Attempt(sent, round(time.time() * 1000), door, status, what), document


def read(path: Path) -> list[Due]:
    """Read a file of calls: JSON lines with at_ms, door, participant, key and body (a text)."""
    found = []
    with path.open(encoding="utf-8") as lines:
        for text in lines:
            row = json.loads(text)
            call = Plain(row["participant"], row["key"], PAYMENTS, JSON, row["body"].encode())
            found.append(Due(int(row["at_ms"]), int(row["door"]), call))
    return found


def main() -> int:
    """Make all calls, write what became of each as a JSON line, and print one JSON document; 0 where all were answered."""
    parser = argparse.ArgumentParser(prog="loadtest.insistent")
    parser.add_argument("--urls", required=True, nargs="+", help="doors of one switch")
    parser.add_argument("--key", required=True)
    parser.add_argument("--calls", required=True, type=Path)
    parser.add_argument("--begin", type=float, required=True, help="when the first is due, seconds since the epoch")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds after the last call to go on trying")
    parser.add_argument("--out", required=True, type=Path)
    given = parser.parse_args()
    run = Run([Door(url, given.key) for url in given.urls], read(given.calls), given.begin, given.patience)
    began = time.process_time()
    run_loop(run.run())
    with given.out.open("w", encoding="utf-8") as out:
        for kept in sorted(run.kept, key=lambda kept: kept["due_ms"]):
            out.write(json.dumps(kept) + "\n")
    unanswered = sum(not kept["status"] for kept in run.kept)
    print(json.dumps({"calls": len(run.kept), "unanswered": unanswered, "cpu_seconds": round(time.process_time() - began, 3)}))  # fmt: skip
    return 1 if unanswered else 0


if __name__ == "__main__":
    sys.exit(main())
