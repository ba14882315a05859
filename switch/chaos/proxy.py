"""A TCP proxy on loopback between workers and a store: it cuts, delays, throttles, holds, and cuts exactly at COMMIT.

It decides nothing: who breaks what when is the conductor's. It is served in a process of its own (switch.chaos.serving).
"""

import asyncio
import socket
import struct
from collections import Counter, deque
from random import Random
from typing import NamedTuple, cast

from switch.chaos.frontend import Frontend, Piece

# Where a COMMIT is cut. BEFORE: it never reaches the server. AFTER: the server has answered, the client never hears it.
# BETWEEN: both ends are gone as soon as it is on its way, so that whether it is carried out is open.
BEFORE, AFTER, BETWEEN = "before", "after", "between"
RST, FIN = "rst", "fin"
SHARE_OF = 10_000
_HELD_BYTES_MAX = 1 << 20  # of a line: then its sender is asked to pause, as a full socket buffer would
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, no time: close sends RST


class Weather(NamedTuple):
    """How the lines of a store are now: for those that are open, and those that come."""

    delay_ms: int = 0  # each way
    bytes_a_second: int = 0  # each way and line; 0 = as fast as it goes
    hole: bool = False  # connections are taken, nothing is passed on


class Proxy:
    """Listens for one store; `frontend`: the clients speak PostgreSQL's protocol, and COMMITs can be cut."""

    def __init__(self, path: str, frontend: bool, chance: Random) -> None:
        """`path` is the store's Unix socket."""
        self._path, self._frontend, self._chance = path, frontend, chance
        self.weather = Weather()
        self.armed: deque[str] = deque()  # what to do with the next COMMITs
        self.counts: Counter[str] = Counter()
        self.lines: set[Line] = set()
        self._server: asyncio.Server | None = None
        self.port = 0  # while it is open

    async def open(self) -> int:
        """Listen on loopback; returns the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Client(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def close(self) -> None:
        """Listen no more and cut what is open."""
        assert self._server is not None, "not open"
        self._server.close()
        self.cut(RST)

    async def reach(self, line: "Line") -> None:
        """Connect a client's line to the store; where that is away, the client is told as the store would."""
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: Store(line), self._path)
        except OSError:
            self.counts["store away"] += 1
            line.end(RST)

    def set(self, weather: Weather) -> None:
        """Change the weather; what a hole has held is passed on when it closes."""
        self.weather = weather
        for line in list(self.lines):
            line.to_store.go_on()
            line.to_client.go_on()

    def disarm(self, how: str) -> None:
        """Let COMMITs pass that were to be cut this way."""
        self.armed = deque(each for each in self.armed if each != how)

    def cut(self, how: str, share: int = SHARE_OF) -> int:
        """Cut so many of 10,000 of the open connections on both sides; returns how many it hit."""
        hit = [line for line in self.lines if self._chance.randrange(SHARE_OF) < share]
        for line in hit:
            line.end(how)
        self.counts[f"cut {how}"] += len(hit)
        return len(hit)

    def reader(self) -> Frontend | None:
        """Return what reads a new line's client; None where nothing is to be read."""
        return Frontend() if self._frontend else None

    def told(self) -> dict[str, int]:
        """Say what has happened so far."""
        return {**self.counts, "open": len(self.lines), "armed": len(self.armed)}


class Way:
    """One direction of a line: passes bytes on in their order, as the weather lets it."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self.sink: asyncio.Transport | None = None
        self.source: asyncio.Transport | None = None
        self._held: deque[tuple[float, bytes]] = deque()
        self._held_bytes = 0
        self._free_at = 0.0  # when the throttle lets the next bytes through
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False
        self.full = False  # the sink's own buffer
        self.closing = False  # the source has said its last

    def put(self, data: bytes) -> None:
        """Take bytes from the source."""
        weather = self._proxy.weather
        if not (self._held or weather.delay_ms or weather.bytes_a_second or weather.hole) and self.sink is not None:
            self.sink.write(data)
            return
        at = asyncio.get_running_loop().time() + weather.delay_ms / 1000
        if weather.bytes_a_second:
            at = self._free_at = max(at, self._free_at) + len(data) / weather.bytes_a_second
        self._held.append((at, data))
        self._held_bytes += len(data)
        self.go_on()

    def go_on(self) -> None:
        """Pass on what is due, and wait for what is not."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.sink is None or self._proxy.weather.hole:
            self._pause_where_full()
            return
        loop = asyncio.get_running_loop()
        while self._held and self._held[0][0] <= loop.time():
            _, data = self._held.popleft()
            self._held_bytes -= len(data)
            self.sink.write(data)
        if self._held:
            self._timer = loop.call_at(self._held[0][0], self.go_on)
        elif self.closing:
            self.sink.close()
        self._pause_where_full()

    def _pause_where_full(self) -> None:
        full = self.full or self._held_bytes > _HELD_BYTES_MAX
        if self.source is not None and full != self._paused and not self.source.is_closing():
            self._paused = full
            (self.source.pause_reading if full else self.source.resume_reading)()

    def drop(self) -> None:
        """Forget what is held."""
        self._held.clear()
        self._held_bytes = 0
        if self._timer is not None:
            self._timer.cancel()


class Line:
    """One client's connection through to the store."""

    def __init__(self, proxy: Proxy, client: asyncio.Transport) -> None:
        self.proxy, self.client = proxy, client
        self.store: asyncio.Transport | None = None
        self.to_store, self.to_client = Way(proxy), Way(proxy)
        self.to_store.source = self.to_client.sink = client
        self._reader = proxy.reader()
        self.deaf = False  # answers are heard and not passed on; the next one ends the line
        self._over = False

    def joined(self, store: asyncio.Transport) -> None:
        """The store has taken the connection."""
        if self._over:
            store.abort()
            return
        self.store = self.to_store.sink = self.to_client.source = store
        self.to_store.go_on()

    def asked(self, data: bytes) -> None:
        """Pass on what the client sends, cutting where that is armed."""
        if self._reader is None:
            self.to_store.put(data)
            return
        for piece in self._reader.feed(data):
            if self._over:
                return
            if piece.commit:
                self._commit(piece)
            else:
                self.to_store.put(piece.data)

    def _commit(self, piece: Piece) -> None:
        counts, armed = self.proxy.counts, self.proxy.armed
        counts["commits"] += 1
        if not armed:
            self.to_store.put(piece.data)
            return
        how = armed.popleft()
        counts[f"commit cut {how}"] += 1
        if how == BEFORE:
            self.end(RST)
            return
        self.to_store.put(piece.data)
        if how == AFTER:
            self.deaf = True
        else:
            self.end(FIN)

    def answered(self, data: bytes) -> None:
        """Pass on what the store says."""
        if self.deaf:
            self.end(RST)
            return
        self.to_client.put(data)

    def end(self, how: str) -> None:
        """Cut both sides."""
        if self._over:
            return
        self._over = True
        self.proxy.lines.discard(self)
        for way in (self.to_store, self.to_client):
            way.drop()
        for side in (self.client, self.store):
            if side is not None:
                _end(side, how)


class Client(asyncio.Protocol):
    """The client's side of a line."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._line = Line(self._proxy, cast(asyncio.Transport, transport))
        self._proxy.lines.add(self._line)
        self._proxy.counts["connections"] += 1
        self._reaching = asyncio.ensure_future(self._proxy.reach(self._line))

    def data_received(self, data: bytes) -> None:
        self._line.asked(data)

    def pause_writing(self) -> None:
        self._line.to_client.full = True
        self._line.to_client.go_on()

    def resume_writing(self) -> None:
        self._line.to_client.full = False
        self._line.to_client.go_on()

    def connection_lost(self, error: Exception | None) -> None:
        self._line.end(FIN)


class Store(asyncio.Protocol):
    """The store's side of a line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._line.joined(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        self._line.answered(data)

    def pause_writing(self) -> None:
        self._line.to_store.full = True
        self._line.to_store.go_on()

    def resume_writing(self) -> None:
        self._line.to_store.full = False
        self._line.to_store.go_on()

    def connection_lost(self, error: Exception | None) -> None:
        """What it said last still arrives: a server that shuts down says so first."""
        self._line.to_client.closing = True
        self._line.to_client.go_on()


def _end(side: asyncio.Transport, how: str) -> None:
    if how == RST:
        taken = side.get_extra_info("socket")
        if taken is not None and taken.family != socket.AF_UNIX:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        side.abort()
    else:
        side.close()  # what was written before still goes out
