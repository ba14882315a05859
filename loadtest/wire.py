"""The wire under every load here: prepared HTTP/1.1 requests over keep-alive connections, answers parsed by httptools.

As few microseconds a request as Python allows, because the generator shares its cores with what it measures. It follows no
redirects, keeps no cookies, speaks no TLS and judges no answer; it talks to the address it is given and to no other.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import httptools

JSON = "application/json"
PAYMENTS = "/v1/payments"


class Address(NamedTuple):
    """Where a switch answers."""

    host: str
    port: int


def address_of(url: str) -> Address:
    """Read `http://HOST[:PORT]`; raises ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"{url!r} is not of the form http://HOST:PORT")
    return Address(parts.hostname, parts.port or 80)


class Sendable(Protocol):
    """What a request is made of; `loadtest.traffic.Call` is one."""

    @property
    def participant(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def content_type(self) -> str: ...
    @property
    def body(self) -> bytes: ...


class Plain(NamedTuple):
    """A call as `--calls` files hold it, a JSON object a line: participant, key, body, and where they differ path, content_type."""

    participant: str
    key: str
    path: str
    content_type: str
    body: bytes


def read_calls(path: Path) -> Iterator[Plain]:
    """Read prepared calls; raises ValueError naming the line that is none."""
    with path.open(encoding="utf-8") as lines:
        for n, line in enumerate(lines, 1):
            try:
                call = json.loads(line)
                body = call["body"].encode()
                yield Plain(
                    call["participant"], call["key"], call.get("path", PAYMENTS), call.get("content_type", JSON), body
                )
            except (ValueError, KeyError, AttributeError) as error:
                raise ValueError(f"{path}: line {n} is no call: {error!r}") from error


class Requests:
    """Makes requests to one address under one API key."""

    def __init__(self, address: Address, api_key: str) -> None:
        self._common = f"Host: {address.host}:{address.port}\r\nAuthorization: Bearer {api_key}\r\n"

    def post(self, call: Sendable, prefer: str = "") -> bytes:
        """Write a call as a request, headers it has no value for left out; `prefer` is that of Prefer: "wait=30"."""
        acting = f"Bayswitch-Participant: {call.participant}\r\n" if call.participant else ""
        key = f"Idempotency-Key: {call.key}\r\n" if call.key else ""
        preferred = f"Prefer: {prefer}\r\n" if prefer else ""
        return (
            f"POST {call.path} HTTP/1.1\r\n{self._common}{acting}{key}{preferred}"
            f"Content-Type: {call.content_type}\r\nContent-Length: {len(call.body)}\r\n\r\n"
        ).encode() + call.body


class Connection(asyncio.Protocol):
    """One connection: requests go out as given, answers come back in their order.

    `on_answer(connection, token)` is called once a whole answer is there, its parts in `status`, `body`, `retry_after`,
    `replayed`, `ends` until it returns; `on_lost(connection)` once the connection has ended, what was not answered still
    in `waiting`. `ends`: the server closes after this answer (RFC 9112, 9.3 and 9.6), so nothing more is to be sent.
    """

    __slots__ = (
        "_on_answer",
        "_on_lost",
        "_parser",
        "_transport",
        "body",
        "ends",
        "idle_since",
        "lost",
        "replayed",
        "retry_after",
        "status",
        "waiting",
    )

    def __init__(self, on_answer: Callable[["Connection", Any], None], on_lost: Callable[["Connection"], None]) -> None:
        self._on_answer = on_answer
        self._on_lost = on_lost
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self.waiting: deque[Any] = deque()  # tokens of what was sent and not answered, oldest first
        self.lost = False
        self.idle_since = 0.0  # kept by who keeps idle connections
        self.status = 0
        self.body = b""
        self.retry_after = self.replayed = self.ends = False

    def send(self, request: bytes, token: Any) -> None:
        """Send a request; its answer is told with `token`."""
        assert self._transport is not None, "not connected"
        self.waiting.append(token)
        self._transport.write(request)

    def close(self) -> None:
        """End it at once; `on_lost` follows."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of create_connection: always a Transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()  # not HTTP: what waits is unanswered

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._on_lost(self)

    def on_message_begin(self) -> None:
        self.body = b""
        self.retry_after = self.replayed = False

    def on_header(self, name: bytes, value: bytes) -> None:
        length = len(name)
        if length == 11 and name.lower() == b"retry-after":
            self.retry_after = True
        elif length == 20 and name.lower() == b"idempotency-replayed":
            self.replayed = True

    def on_body(self, body: bytes) -> None:
        self.body = self.body + body if self.body else body

    def on_message_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.ends = not self._parser.should_keep_alive()
        if self.waiting:
            self._on_answer(self, self.waiting.popleft())
        else:
            self.close()  # an answer nobody asked for


async def connect(
    address: Address, on_answer: Callable[[Connection, Any], None], on_lost: Callable[[Connection], None]
) -> Connection:
    """Open a connection; raises OSError."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(on_answer, on_lost), address.host, address.port)
    return connection
