"""A server that accepts every payment without looking at it: against it is measured what a load generator can do at most.

It keeps nothing and decides nothing. `python -m loadtest.null_server` prints its URL and serves until its standard input ends.
"""

import asyncio
import sys

import httptools

from loadtest.closed import run_loop

_BODY = (
    b'{"payment_id":"00000000-0000-5000-8000-000000000000","status":"accepted","iso_status":"ACSP",'
    b'"uetr":"00000000-0000-4000-8000-000000000000","instruction_id":"N"}'
)
ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_BODY),
    _BODY,
)


class Nothing(asyncio.Protocol):
    """Answers each request once it is whole."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of create_server: always a Transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._transport is not None:
            self._transport.write(ANSWER)


async def serve() -> None:
    """Serve on loopback until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Nothing, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> int:
    """Serve; 0 when told to end."""
    run_loop(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
