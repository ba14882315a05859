"""What Valkey does (design 3): news between workers, the closed board's short memory, rate limits by key.

All of it is derived. Without Valkey, or with its data deleted at any moment, answers come slower and are the same: a
link that is down is tried again and again, a limiter that cannot ask lets pass.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from importlib.resources import files
from math import ceil
from time import monotonic
from typing import Any, Protocol

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Cut
from redis.exceptions import RedisError

from switch.flow.board import ENTRY_SECONDS, Board, News
from switch.flow.waiters import Waiters

log = structlog.get_logger()

DRAIN_SECONDS = 0.01  # between looks at what the worker has to tell: what a waiter at another worker waits longer
NEWS_MAX = 2_000  # a message to the channel: about 150 KB
LISTEN_SECONDS = 1.0  # a listener looks up so often
RECONNECT_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)  # then every last
ENTRY_MS = int(ENTRY_SECONDS * 1000)
SCAN_COUNT = 1_000

LINK_SECONDS_MAX = 1.0  # what the link waits for an answer before it takes the connection for broken
LIMITER_SECONDS_MAX = 0.25  # what a call waits at most for its tokens
LIMITER_PAUSE_SECONDS = 1.0  # after a failure nobody asks for so long: all pass
SHARE_SECONDS = (
    0.05  # of the rate: the tokens a worker takes at once, so that a busy key asks 20 times a second, not each time
)
IDLE_KEYS_MAX = 10_000

_UNIT, _RECORD = "\x1f", "\x1e"  # no counter, status or id holds them
_FAILURES = (RedisError, OSError, TimeoutError)
_CLOSED = "the handler is closed"  # uvloop, of a line that ended since it was last looked at, or while it was opened


class _Told(AbstractConnection):
    """A connection that tells as redis does what uvloop tells otherwise: that it was cut before something was written."""

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:
            if _CLOSED not in str(error):
                raise
            raise Cut(_CLOSED) from error


def connect(url: str, seconds_max: float) -> "Redis":
    """Make a client that never sends anything twice by itself."""
    client = Redis.from_url(
        url,
        decode_responses=True,
        encoding_errors="replace",
        retry=Retry(NoBackoff(), 0),
        socket_timeout=seconds_max,
        socket_connect_timeout=seconds_max,
    )
    pool = client.connection_pool  # of the class that the URL's scheme asks for
    pool.connection_class = type("Told", (_Told, pool.connection_class), {})
    return client


class Informed(Protocol):
    """What the link needs of a worker: its number among the others, what it has to tell, and who waits to hear."""

    @property
    def incarnation(self) -> int: ...

    @property
    def board(self) -> Board: ...

    @property
    def waiters(self) -> Waiters: ...


class ValkeyLink:
    """Tells other workers of a sandbox what this one learns, and this one what they tell."""

    def __init__(self, url: str, sandbox: str, worker: Informed) -> None:
        self._url = url
        self._channel = f"{sandbox}:news"
        self._closed = f"{sandbox}:closed:"
        self._name = str(worker.incarnation)
        self._board, self._waiters = worker.board, worker.waiters
        self._task: asyncio.Task[None] | None = None
        self._failures = 0  # in a row
        self._stopping = False

    async def start(self) -> None:
        """Begin; returns at once, whether Valkey is there or not."""
        self._task = asyncio.create_task(self._forever())

    async def stop(self) -> None:
        """End; what was not told yet is dropped."""
        self._stopping = True  # a cancellation may be lost in a connection that breaks at the same moment
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _forever(self) -> None:
        while not self._stopping:
            try:
                await self._linked()
            except _FAILURES as error:
                if self._failures == 0:
                    log.warning("Valkey does not answer; the worker goes on without it", error=type(error).__name__)
                await asyncio.sleep(RECONNECT_SECONDS[min(self._failures, len(RECONNECT_SECONDS) - 1)])
                self._failures += 1
            except Exception:
                log.exception("the link failed and begins anew")
                await asyncio.sleep(RECONNECT_SECONDS[-1])

    async def _linked(self) -> None:
        """Hear and tell until the connection breaks."""
        board = self._board
        async with connect(self._url, LINK_SECONDS_MAX) as valkey, valkey.pubsub() as heard:
            await heard.subscribe(self._channel)
            await self._remember(valkey)
            board.linked = True
            self._failures = 0
            both = [asyncio.create_task(self._listen(heard)), asyncio.create_task(self._tell(valkey))]
            try:
                await asyncio.gather(*both)
            finally:
                board.linked = False
                board.outgoing.clear()
                for task in both:
                    task.cancel()
                await asyncio.gather(*both, return_exceptions=True)

    async def _remember(self, valkey: "Redis") -> None:
        """Take up what other workers found closed within the last second."""
        async for found in valkey.scan_iter(match=f"{self._closed}*", count=SCAN_COUNT):
            key = str(found)
            value, left_ms = await valkey.get(key), await valkey.pttl(key)
            if value is not None and left_ms > 0:
                counter = key.removeprefix(self._closed)
                self._hear(News("closed", counter, str(value)))
                # Not longer than it had: what is stale refuses for a second at most, whoever hears of it.
                entries = self._board.entries
                if (entry := entries.get(counter)) is not None:
                    entries[counter] = entry._replace(until=entry.until - ENTRY_SECONDS + left_ms / 1000)

    async def _listen(self, heard: PubSub) -> None:
        while not self._stopping:
            message = await heard.get_message(ignore_subscribe_messages=True, timeout=LISTEN_SECONDS)
            if message is not None:
                sender, _, text = message["data"].partition(_RECORD)
                if sender != self._name:
                    for news in _read(text):
                        self._hear(news)

    def _hear(self, news: News) -> None:
        if news.topic == "status":
            self._waiters.wake_here(news.key, news.value)  # and tell nobody again
        else:
            with suppress(ValueError):  # written by another version of this house
                self._board.hear(news)

    async def _tell(self, valkey: "Redis") -> None:
        outgoing = self._board.outgoing
        while not self._stopping:
            await asyncio.sleep(DRAIN_SECONDS)
            while outgoing:
                news = [outgoing.popleft() for _ in range(min(len(outgoing), NEWS_MAX))]
                pipe = valkey.pipeline(transaction=False)
                for item in news:
                    if item.topic == "closed":
                        pipe.set(self._closed + item.key, item.value, px=ENTRY_MS)
                pipe.publish(self._channel, self._name + _RECORD + _written(news))
                await pipe.execute()


def _written(news: Iterable[News]) -> str:
    return _RECORD.join([_UNIT.join(item) for item in news])


def _read(text: str) -> list[News]:
    """Read news; what has another form (another version of this house) is passed over."""
    found = [record.split(_UNIT) for record in text.split(_RECORD)]
    return [News(*parts) for parts in found if len(parts) == 3]


class Limiter:
    """Rate limits by key: `rate` calls a second on the long run, `burst` at once, over all workers of a sandbox.

    A worker takes tokens in shares and spends them itself; a share not spent within a second is let go.
    """

    def __init__(self, url: str, sandbox: str, rate: float = 20_000, burst: int = 40_000) -> None:
        """`rate` and `burst` are above what one worker carries, so that the default stops only what runs wild."""
        self._valkey = connect(url, LIMITER_SECONDS_MAX)
        self._script = self._valkey.register_script(files("switch.store").joinpath("tokens.lua").read_text("utf-8"))
        self._prefix = f"{sandbox}:tokens:"
        self._rate, self._burst = rate, burst
        self._share = max(1, min(ceil(rate * SHARE_SECONDS), burst))
        self._held: dict[str, _Held] = {}
        self._passing_until = 0.0

    async def wait_seconds(self, key: str) -> float:
        """Take one token of the key: 0.0 = go on, else seconds until there is one again."""
        held = self._held.get(key)
        now = monotonic()
        if held is not None and (wait := held.take(now)) is not None:
            return wait
        if now < self._passing_until:
            return 0.0
        return await self._ask(key)

    async def _ask(self, key: str) -> float:
        if len(self._held) >= IDLE_KEYS_MAX:
            self._held.clear()
        held = self._held.setdefault(key, _Held())
        async with held.asking:
            now = monotonic()
            if (wait := held.take(now)) is not None:  # another call has asked meanwhile
                return wait
            if now < self._passing_until:
                return 0.0
            try:
                arguments = (self._rate, self._burst, self._share)
                taken, missing_ms = await self._script(keys=[self._prefix + key], args=arguments)
            except _FAILURES:
                self._passing_until = monotonic() + LIMITER_PAUSE_SECONDS
                return 0.0
            now = monotonic()
            held.tokens, held.until, held.none_until = int(taken), now + 1.0, now + int(missing_ms) / 1000
            return held.take(now) or 0.0

    async def close(self) -> None:
        """Let go of connections."""
        await self._valkey.aclose()


class _Held:
    """The tokens of one key that this worker may spend until machine time `until`; `none_until`: there are none before."""

    __slots__ = ("asking", "none_until", "tokens", "until")

    def __init__(self) -> None:
        self.tokens = 0
        self.until = 0.0
        self.none_until = 0.0
        self.asking = asyncio.Lock()

    def take(self, now: float) -> float | None:
        """Spend a token (0.0) or say how long there is none; None: ask."""
        if self.tokens > 0 and self.until > now:
            self.tokens -= 1
            return 0.0
        return self.none_until - now if self.none_until > now else None
