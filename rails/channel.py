"""The HTTP side of a rail in another process: one request and its answer, bounded, with a key; failures mapped once.

A rail that does not answer is left alone until a probe gets through: what is called meanwhile fails at once, so that the
other rails do not wait for it. Nothing is tried again here: who calls sends the same again (it is idempotent).
"""

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import httpx

from rails.port import RailUnavailable
from rails.wire import BODY_BYTES_MAX, TAKEN, bodies

CONNECT_SECONDS_MAX = 1.0
ANSWER_SECONDS_MAX = 2.0  # a message of 100 takes a rail some milliseconds
EXCHANGE_SECONDS_MAX = CONNECT_SECONDS_MAX + ANSWER_SECONDS_MAX  # all of it: bytes that drip begin the wait anew
CONNECTIONS_MAX = 10  # messages in flight and the reports beside them
_SAYS_NOTHING = (408, 409, 429)
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@cache
def trusted() -> ssl.SSLContext:
    """Read whom to trust once a process."""
    return httpx.create_ssl_context(trust_env=False)


class KeyRefused(RailUnavailable):
    """The rail asks for another key."""


class Reply(NamedTuple):
    """What a rail answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Channel:
    """Requests to the rail at `url` under `key`."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._key = key
        self._client: httpx.AsyncClient | None = None
        self.is_down = False

    def open(self) -> None:
        """Make the client; connects nowhere yet."""
        assert self._client is None, "the channel is open"
        self._client = httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self._key}"},
            timeout=httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
            follow_redirects=False,
            trust_env=False,
            verify=trusted(),
        )
        self.is_down = False

    async def close(self) -> None:
        """Let go of the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", probe: bool = False
    ) -> Reply:
        """Send one request; any answer below 500 comes back. Raises RailUnavailable where there is none."""
        assert self._client is not None, "the channel is not open"
        if self.is_down and not probe:
            raise RailUnavailable(f"{self.url} has not answered and is not asked before it does again", taken_none=True)
        try:
            async with (
                asyncio.timeout(EXCHANGE_SECONDS_MAX),
                self._client.stream(method, path, headers=dict(headers), content=body) as response,
            ):
                reply = Reply(response.status_code, response.headers, await _bounded(response))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as problem:
            self.is_down = True
            what = f"{self.url}{path} does not answer: {type(problem).__name__} {problem}".rstrip()
            raise RailUnavailable(what, taken_none=isinstance(problem, _NEVER_SENT)) from problem
        self.is_down = False
        if reply.status >= 500:
            none = reply.headers.get(TAKEN) == "none"
            raise RailUnavailable(f"{self.url}{path} answers {reply.status}", taken_none=none)
        if reply.status in (401, 403):
            raise KeyRefused(f"{self.url}{path} refuses our key ({reply.status})", taken_none=took_nothing(reply))
        return reply


def took_nothing(reply: Reply) -> bool:
    """Whether an answer says for sure that nothing of the request was taken: a 4xx with an admi.002, or `Taken: none`.

    Never one that may stand beside a request that was taken: a success of another kind, a redirection, a time-out, a conflict
    (with an earlier sending of the same), too many.
    """
    if not 400 <= reply.status < 500 or reply.status in _SAYS_NOTHING:
        return False
    return reply.headers.get(TAKEN) == "none" or bodies.is_refusal(reply.body)


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > BODY_BYTES_MAX:
            raise httpx.DecodingError(f"its answer is longer than {BODY_BYTES_MAX} bytes")
    return bytes(body)
