"""The live event stream (SSE): what happened to the caller's payments, in commit order, none ever skipped.

Read from the store by cursor, so any worker serves it and a client goes on after a break from its Last-Event-ID.
"""

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from switch.api.access import Gate
from switch.api.documents import event_document
from switch.api.operations import Operation, Says, parameter
from switch.api.problems import refused
from switch.api.requests import event_cursor
from switch.flow.ports import StoreUnavailable
from switch.sandbox import Sandbox

READ_MAX = 500  # events a read
POLL_SECONDS = 0.1  # between reads while nothing happens: one indexed query
SILENCE_SECONDS = 15.0  # then a comment, so that both ends and what is between them know that it lives
FIRST = "0-0"  # before every event
STREAMS_MAX = 200  # streams a worker serves: 2,000 reads a second at most


class Reader:
    """One open stream: how far it has been told, and when it had last been told all there was (machine time of the loop)."""

    __slots__ = ("caught_up_at", "cursor", "participant")

    def __init__(self, cursor: str, participant: str | None, now: float) -> None:
        self.cursor, self.participant, self.caught_up_at = cursor, participant, now


class Stream:
    """Handler of /v1/events."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate
        self.readers: set[Reader] = set()

    async def serve(self, request: Request) -> Response:
        """Stream events after Last-Event-ID; without one from the first there is."""
        caller = await self._gate.enter(request)
        cursor = await self._known(event_cursor(request))
        if len(self.readers) >= STREAMS_MAX:
            raise refused("too-many-requests", "This worker serves no more streams.", {"Retry-After": "5"})
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._events(cursor, caller.participant), 200, headers, "text/event-stream")

    async def _known(self, cursor: str) -> str:
        """Return a cursor that an event of this sandbox has; another would wait for ever, or pass events over unseen."""
        if cursor in ("", FIRST):
            return ""
        transaction, _, position = cursor.partition("-")
        found = await self._sandbox.events(f"{transaction}-{int(position) - 1}", None, 1)
        if not found or found[0].cursor != cursor:
            raise refused("cursor-wrong", "Last-Event-ID is no event of this sandbox.")
        return cursor

    async def _events(self, cursor: str, participant: str | None) -> AsyncIterator[bytes]:
        loop, outbox = asyncio.get_running_loop(), self._sandbox.worker.metrics.outbox
        reader = Reader(cursor, participant, loop.time())
        self.readers.add(reader)
        try:
            yield b"retry: 1000\n\n"
            spoke_at = loop.time()
            while True:
                begun, asked_at = perf_counter(), loop.time()
                try:
                    events = await self._sandbox.events(cursor, participant, READ_MAX)
                except StoreUnavailable:
                    return  # the client comes back with its cursor
                if len(events) < READ_MAX:
                    reader.caught_up_at = asked_at
                if events:
                    outbox.passed(events, begun)
                    reader.cursor = cursor = events[-1].cursor
                    yield b"".join(
                        b"id: %s\nevent: %s\ndata: %s\n\n"
                        % (event.cursor.encode(), event.record.encode(), to_json(event_document(event)))
                        for event in events
                    )
                    spoke_at = loop.time()
                    continue
                if loop.time() - spoke_at > SILENCE_SECONDS:
                    yield b": nothing new\n\n"
                    spoke_at = loop.time()
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self.readers.discard(reader)

    def slowest(self) -> Reader | None:
        """Return the stream that has waited longest to be told all there was; None where there is none."""
        return min(self.readers, key=lambda reader: reader.caught_up_at, default=None)

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        after = parameter(
            "Last-Event-ID",
            "header",
            "Go on after this event, which must be one of this sandbox; without it from the first there is",
        )
        return [
            Operation(
                "GET", "/v1/events", self.serve, "Follow what happens",
                "Server-sent events named by their `record`: `payment`, whose status they say, or what stands beside one; each an event "
                "document. The caller's own payments, an operator's: all.",
                "payments", {200: Says("The stream", None, "text/event-stream")}, ("cursor-wrong", "unavailable"), None, (after,),
            )
        ]  # fmt: skip
