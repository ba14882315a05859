"""The two clients of the switch, sync and async: they send what `requests` builds, try again where that is safe, and
raise what `problems` names. Every method stands once, in the table `Surface`; neither client knows any payment rule.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, closing
from functools import cache, update_wrapper
from types import TracebackType
from typing import Any, Generic, ParamSpec, Self, TypeVar, overload

import httpx
import stamina

from bayswitch import requests
from bayswitch.events import Event, EventReader
from bayswitch.problems import Problem, Unreachable, Unreadable, problem_of
from bayswitch.requests import Request

P = ParamSpec("P")
T = TypeVar("T")

_TIMEOUT_SECONDS = 10.0
_CONNECT_SECONDS_MAX = 3.0
_STREAM_SILENCE_SECONDS_MAX = 60.0  # the switch sends a comment every 15 s
_CONNECTIONS_MAX = 100
_TRY_AGAIN = frozenset({502, 503, 504})
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LOST = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError)


@cache
def _tls() -> ssl.SSLContext:
    """Read whom to trust once a process: it takes tens of milliseconds, which a client of `http:` never needs."""
    return httpx.create_ssl_context()


class Method(Generic[P, T]):
    """Makes of a builder in `requests` a method of both clients: T on Client, an awaitable T on AsyncClient."""

    def __init__(self, build: Callable[P, Request[T]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, client: "Client", owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: "AsyncClient", owner: type) -> Callable[P, Awaitable[T]]: ...
    @overload
    def __get__(self, client: None, owner: type) -> Callable[P, Request[T]]: ...
    def __get__(self, client: "Client | AsyncClient | None", owner: type) -> Callable[P, Any]:
        if client is None:
            return self._build

        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.send(self._build(*args, **kwargs))

        return update_wrapper(call, self._build)


class Surface:
    """The methods of both clients. What each takes and gives stands at its builder in `bayswitch.requests`."""

    pay = Method(requests.pay)
    pay_batch = Method(requests.pay_batch)
    explain = Method(requests.explain)
    payment = Method(requests.payment)
    payments = Method(requests.payments)
    payment_events = Method(requests.payment_events)
    cancel = Method(requests.cancel)
    recall = Method(requests.recall)
    recalls = Method(requests.recalls)
    returns = Method(requests.returns)
    held_returns = Method(requests.held_returns)
    release_return = Method(requests.release_return)
    payment_messages = Method(requests.payment_messages)
    send_message = Method(requests.send_message)
    quote = Method(requests.quote)
    headroom = Method(requests.headroom)
    quotas = Method(requests.quotas)
    clock = Method(requests.clock)
    move_clock = Method(requests.move_clock)
    stop_clock = Method(requests.stop_clock)
    decide = Method(requests.decide)
    proposals = Method(requests.proposals)
    exceptions = Method(requests.exceptions)
    resolve = Method(requests.resolve)
    magic = Method(requests.magic)
    participants = Method(requests.participants)
    participant_state = Method(requests.participant_state)
    set_participant_state = Method(requests.set_participant_state)
    maintenance = Method(requests.maintenance)
    set_maintenance = Method(requests.set_maintenance)
    resume_clock = Method(requests.resume_clock)
    set_payment_state = Method(requests.set_payment_state)
    faults = Method(requests.faults)
    set_faults = Method(requests.set_faults)
    drills = Method(requests.drills)
    run_drill = Method(requests.run_drill)
    link_persons = Method(requests.link_persons)
    put_person_state = Method(requests.put_person_state)
    register_pair = Method(requests.register_pair)
    known_person = Method(requests.known_person)
    look_up = Method(requests.look_up)
    make_hkqr = Method(requests.make_hkqr)
    register_proxy = Method(requests.register_proxy)
    change_proxy = Method(requests.change_proxy)
    known_account = Method(requests.known_account)
    alert_account = Method(requests.alert_account)
    rulebook = Method(requests.rulebook)
    take_rulebook = Method(requests.take_rulebook)
    health = Method(requests.health)
    ready = Method(requests.ready)
    metrics = Method(requests.metrics)


class _Settings:
    """What both clients are given: who calls, how long to wait, how often to try."""

    def __init__(
        self, key: str | None, participant: str | None, timeout_seconds: float, attempts: int, retry_seconds: float
    ) -> None:
        self.headers: dict[str, str] = {"User-Agent": "bayswitch-client"}
        if key is not None:
            self.headers["Authorization"] = f"Bearer {key}"
        if participant is not None:
            self.headers["Bayswitch-Participant"] = participant  # with the development key: act as this BIC
        self.timeout = httpx.Timeout(timeout_seconds, connect=min(timeout_seconds, _CONNECT_SECONDS_MAX))
        self.limits = httpx.Limits(max_connections=_CONNECTIONS_MAX)
        self._attempts = attempts
        self._retry_seconds = retry_seconds

    def tries(self, request: Request[Any]) -> Any:
        """Give stamina's attempts for a request: `for` or `async for`, each a context manager."""

        def again(error: Exception) -> bool | float:
            return request.retried and _again(request, error)

        return stamina.retry_context(on=again, attempts=self._attempts, timeout=self._retry_seconds)

    def build(self, http: "httpx.Client | httpx.AsyncClient", request: Request[Any], *, stream: bool) -> httpx.Request:
        timeout = self.timeout.as_dict()
        timeout["read"] = _STREAM_SILENCE_SECONDS_MAX if stream else (timeout["read"] or 0.0) + request.wait_seconds
        return http.build_request(
            request.method,
            request.path,
            params=dict(request.query),
            headers=dict(request.headers),
            json=request.json,
            content=request.content,
            timeout=httpx.Timeout(**timeout),
        )


def _again(request: Request[Any], error: Exception) -> bool | float:
    """Tell whether to try again, or after how many seconds. The same request goes out: its idempotency key stays."""
    if isinstance(error, _NEVER_SENT):
        return True
    if not request.repeatable:
        return False
    if isinstance(error, _LOST):
        return True
    if isinstance(error, Problem):
        after = error.retry_after_seconds
        if error.status in _TRY_AGAIN:
            return True if after is None else after
        if error.status == 409 and after is not None:  # the first try is still being worked on
            return after
    return False


def _lost(request: Request[Any], error: httpx.TransportError) -> Unreachable:
    return Unreachable(f"{request.method} {request.path}: {error or type(error).__name__}")


def _read(request: Request[T], response: httpx.Response) -> T:
    try:
        return request.read(response)
    except ValueError as error:  # no JSON, or no object where one was promised
        raise Unreadable(f"{request.method} {request.path}: {error}") from error


class Client(Surface):
    """Call the switch at `base_url` and wait for each answer. Threads may share one client."""

    def __init__(
        self,
        base_url: str,
        key: str | None = None,
        participant: str | None = None,
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        attempts: int = 6,
        retry_seconds: float = 45.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._settings = _Settings(key, participant, timeout_seconds, attempts, retry_seconds)
        self._http = httpx.Client(
            base_url=base_url,
            headers=self._settings.headers,
            limits=self._settings.limits,
            transport=transport,
            verify=_tls(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def send(self, request: Request[T]) -> T:
        """Send and read the answer; raises Problem, Unreachable or Unreadable."""
        return _read(request, self._open(request, stream=False))

    def _open(self, request: Request[Any], *, stream: bool) -> httpx.Response:
        try:
            for attempt in self._settings.tries(request):
                with attempt:
                    response = self._http.send(self._settings.build(self._http, request, stream=stream), stream=stream)
                    if request.answers(response):
                        return response
                    response.read()
                    raise problem_of(response)
        except httpx.TransportError as error:
            raise _lost(request, error) from error
        raise AssertionError("stamina ends by returning or raising")

    def events(self, last_event_id: str | None = None, *, follow: bool = True) -> Iterator[Event]:
        """Give events as they come, from after `last_event_id`; a broken connection is taken up where it broke.

        With `follow=False` it ends when the switch ends the stream.
        """
        reader = EventReader(last_event_id)
        while True:
            try:
                with closing(self._open(requests.events(reader.last_event_id), stream=True)) as response:
                    for chunk in response.iter_bytes():
                        yield from reader.feed(chunk)
            except httpx.TransportError as error:
                if not follow:
                    raise _lost(requests.events(None), error) from error
            else:
                if not follow:
                    return
            reader.reconnected()
            time.sleep(reader.retry_seconds)


class AsyncClient(Surface):
    """Call the switch at `base_url`; every method gives an awaitable. For one event loop."""

    def __init__(
        self,
        base_url: str,
        key: str | None = None,
        participant: str | None = None,
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        attempts: int = 6,
        retry_seconds: float = 45.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = _Settings(key, participant, timeout_seconds, attempts, retry_seconds)
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers=self._settings.headers,
            limits=self._settings.limits,
            transport=transport,
            verify=_tls(),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def send(self, request: Request[T]) -> T:
        """Send and read the answer; raises Problem, Unreachable or Unreadable."""
        return _read(request, await self._open(request, stream=False))

    async def _open(self, request: Request[Any], *, stream: bool) -> httpx.Response:
        try:
            async for attempt in self._settings.tries(request):
                with attempt:
                    response = await self._http.send(
                        self._settings.build(self._http, request, stream=stream), stream=stream
                    )
                    if request.answers(response):
                        return response
                    await response.aread()
                    raise problem_of(response)
        except httpx.TransportError as error:
            raise _lost(request, error) from error
        raise AssertionError("stamina ends by returning or raising")

    async def events(self, last_event_id: str | None = None, *, follow: bool = True) -> AsyncIterator[Event]:
        """Give events as they come, from after `last_event_id`; a broken connection is taken up where it broke.

        With `follow=False` it ends when the switch ends the stream.
        """
        reader = EventReader(last_event_id)
        while True:
            try:
                async with aclosing(await self._open(requests.events(reader.last_event_id), stream=True)) as response:
                    async for chunk in response.aiter_bytes():
                        for event in reader.feed(chunk):
                            yield event
            except httpx.TransportError as error:
                if not follow:
                    raise _lost(requests.events(None), error) from error
            else:
                if not follow:
                    return
            reader.reconnected()
            await asyncio.sleep(reader.retry_seconds)
