"""Both clients against a scripted switch: what goes out, what is tried again and what never is, how refusals read."""

import asyncio
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
import pytest
import stamina

from bayswitch import AsyncClient, Client, Event, Problem, Unreachable, Unreadable
from bayswitch.client import Surface
from bayswitch.events import EventReader

Answer = httpx.Response | Exception
Call = Callable[[Any], Any]

ACCEPTED = {"payment_id": "p-1", "status": "ACSP"}
REFUSED = {
    "type": "https://example.org/problems/limit",
    "title": "A limit is used up",
    "status": 422,
    "detail": "HKD 1,250.00 is left today",
    "payment_id": "p-2",
    "code": "AM14",
    "rule": "payment-connect.northbound.day",
    "source": {"title": "a circular"},
    "headroom": {"currency": "HKD", "amount": "1250.00"},
}


class Switch:
    """Gives its answers in turn and keeps the requests."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def ask_sync(switch: Switch, call: Call) -> Any:
    with Client("http://switch", "key", "BANKHK00", transport=httpx.MockTransport(switch)) as client:
        return call(client)


def ask_async(switch: Switch, call: Call) -> Any:
    async def ask() -> Any:
        async with AsyncClient("http://switch", "key", "BANKHK00", transport=httpx.MockTransport(switch)) as client:
            return await call(client)

    return asyncio.run(ask())


@pytest.fixture(params=[ask_sync, ask_async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Callable[[Switch, Call], Any]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


def answer(status: int, body: Any = None, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


LOST: dict[str, Callable[[], Answer]] = {
    "refused": lambda: httpx.ConnectError("refused"),
    "no connection in time": lambda: httpx.ConnectTimeout("connect"),
    "no answer in time": lambda: httpx.ReadTimeout("read"),
    "reset": lambda: httpx.ReadError("reset"),
    "closed": lambda: httpx.RemoteProtocolError("closed"),
    "502": lambda: httpx.Response(502, html="<h1>a proxy's page</h1>"),
    "503": lambda: httpx.Response(503),
    "504": lambda: httpx.Response(504),
    "in flight": lambda: answer(409, {"title": "in flight"}, Retry_After="1"),
}


@pytest.mark.parametrize("loss", LOST.values(), ids=LOST)
def test_a_try_without_an_answer_is_repeated_under_the_same_key(ask: Any, loss: Callable[[], Answer]) -> None:
    switch = Switch(loss(), loss(), answer(201, ACCEPTED))
    assert ask(switch, lambda client: client.pay({"instruction_id": "i-1"})) == ACCEPTED
    keys = {request.headers["Idempotency-Key"] for request in switch.seen}
    assert len(switch.seen) == 3 and len(keys) == 1 and len(keys.pop()) == 36
    assert {json.loads(request.content)["instruction_id"] for request in switch.seen} == {"i-1"}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500])
def test_a_refusal_is_final(ask: Any, status: int) -> None:
    switch = Switch(answer(status, REFUSED))
    with pytest.raises(Problem) as caught:
        ask(switch, lambda client: client.pay({}))
    assert caught.value.status == status and len(switch.seen) == 1


def test_a_problem_names_rule_source_headroom_and_payment(ask: Any) -> None:
    with pytest.raises(Problem) as caught:
        ask(Switch(answer(422, REFUSED)), lambda client: client.pay({}))
    problem = caught.value
    assert (problem.code, problem.rule, problem.payment_id) == ("AM14", "payment-connect.northbound.day", "p-2")
    assert (problem.source, problem.headroom) == (REFUSED["source"], REFUSED["headroom"])
    assert (problem.title, problem.detail, problem.type) == (REFUSED["title"], REFUSED["detail"], REFUSED["type"])
    assert problem.instance is None and problem.members == REFUSED
    assert str(problem) == "422 · AM14 · A limit is used up · HKD 1,250.00 is left today"


def test_a_problem_names_each_field_that_is_wrong() -> None:
    errors = [{"field": "debtor.name", "what": "Field required"}, {"field": "x", "what": "Extra inputs"}, "odd"]
    problem = Problem(400, {"title": "Malformed", "detail": "Not a body.", "errors": errors})
    assert problem.errors == [("debtor.name", "Field required"), ("x", "Extra inputs")]
    assert str(problem) == "400 · Malformed · Not a body. · debtor.name: Field required; x: Extra inputs"
    assert Problem(400, {"errors": "odd"}).errors == []


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"", b"\xff"])
def test_an_answer_that_is_no_problem_document_still_is_a_problem(ask: Any, body: bytes) -> None:
    with pytest.raises(Problem, match="404 · Not Found"):
        ask(Switch(httpx.Response(404, content=body)), lambda client: client.payment("p"))


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b""])
def test_a_success_that_the_surface_does_not_promise_is_said_to_be_unreadable(ask: Any, body: bytes) -> None:
    with pytest.raises(Unreadable, match="GET /v1/payments/p: "):
        ask(Switch(httpx.Response(200, content=body)), lambda client: client.payment("p"))


def test_nobody_there_is_said_after_all_tries_not_as_a_foreign_exception(ask: Any) -> None:
    switch = Switch(*[httpx.ConnectError("refused")] * 9)
    with pytest.raises(Unreachable, match="POST /v1/payments: refused"):
        ask(switch, lambda client: client.pay({}, "k"))
    assert len(switch.seen) == 4  # what no_waiting allows


def test_a_jump_of_the_clock_is_not_repeated_once_it_may_have_happened(ask: Any) -> None:
    switch = Switch(httpx.ConnectError("refused"), httpx.ReadTimeout("lost"), answer(200, {}))
    with pytest.raises(Unreachable):
        ask(switch, lambda client: client.move_clock(by_seconds=60))
    assert len(switch.seen) == 2
    switch = Switch(httpx.ReadTimeout("lost"), answer(200, {}))
    ask(switch, lambda client: client.move_clock("2026-06-01T09:00:00+08:00"))  # there twice is there
    assert len(switch.seen) == 2
    with pytest.raises(ValueError, match="either"):
        ask(Switch(), lambda client: client.move_clock())


@pytest.mark.parametrize(("after", "seconds"), [("7", 7.0), ("900", 30.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 1.0)])
def test_retry_after_is_heeded_up_to_a_limit(after: str, seconds: float) -> None:
    problem = Problem(409, {}, httpx.Headers({"Retry-After": after}))
    assert problem.retry_after_seconds == seconds


def test_every_request_says_who_asks(ask: Any) -> None:
    switch = Switch(answer(200, {}))
    ask(switch, lambda client: client.quotas())
    headers = switch.seen[0].headers
    assert (headers["Authorization"], headers["Bayswitch-Participant"]) == ("Bearer key", "BANKHK00")


CALLS: Sequence[tuple[str, Call, str, str, Any]] = [
    ("pay", lambda c: c.pay({"a": "1"}, "k", 2.5), "POST", "/v1/payments", {"a": "1"}),
    ("explain", lambda c: c.explain({"a": "1"}), "POST", "/v1/payments/explain", {"a": "1"}),
    ("payment", lambda c: c.payment("a/b"), "GET", "/v1/payments/a%2Fb", None),
    ("payments", lambda c: c.payments("c", 5, status="ACSP"), "GET", "/v1/payments?cursor=c&limit=5&status=ACSP", None),
    ("first page", lambda c: c.payments(), "GET", "/v1/payments", None),
    ("payment_events", lambda c: c.payment_events("p"), "GET", "/v1/payments/p/events", None),
    ("payment_messages", lambda c: c.payment_messages("p"), "GET", "/v1/payments/p/messages", None),
    ("quote", lambda c: c.quote({"a": "1"}), "POST", "/v1/quotes", {"a": "1"}),
    ("headroom", lambda c: c.headroom({"a": "1"}), "POST", "/v1/headroom", {"a": "1"}),
    ("quotas", lambda c: c.quotas(), "GET", "/v1/quotas", None),
    ("clock", lambda c: c.clock(), "GET", "/v1/sandbox/clock", None),
    ("move_clock", lambda c: c.move_clock("t"), "POST", "/v1/sandbox/clock", {"to": "t"}),
    ("stop_clock", lambda c: c.stop_clock(), "POST", "/v1/sandbox/clock", {"rate": 0}),
    ("resume_clock", lambda c: c.resume_clock(60), "POST", "/v1/sandbox/clock", {"rate": 60}),
    (
        "link_persons",
        lambda c: c.link_persons({"type": "HKID"}, {"type": "BIR"}),
        "POST",
        "/v1/sandbox/persons/links",
        {"documents": [{"type": "HKID"}, {"type": "BIR"}]},
    ),
]


@pytest.mark.parametrize(("call", "method", "path", "body"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_each_method_speaks_the_published_surface(ask: Any, call: Call, method: str, path: str, body: Any) -> None:
    switch = Switch(answer(200, {"found": True}))
    assert ask(switch, call) == {"found": True}
    request = switch.seen[0]
    assert (request.method, request.url.raw_path.decode()) == (method, path)
    assert (json.loads(request.content) if request.content else None) == body


def test_waiting_for_a_final_status_prolongs_the_time_out(ask: Any) -> None:
    switch = Switch(answer(201, {}), answer(201, {}))
    ask(switch, lambda client: client.pay({}, "k", 20))
    request = switch.seen[0]
    assert request.headers["Prefer"] == "wait=20" and request.headers["Idempotency-Key"] == "k"
    assert request.extensions["timeout"]["read"] == 30.0
    ask(switch, lambda client: client.pay({}, "k"))
    assert "Prefer" not in switch.seen[1].headers


def test_a_batch_gives_a_key_to_each_item_that_has_none(ask: Any) -> None:
    switch = Switch(httpx.ReadTimeout("lost"), answer(200, {"items": []}))
    ask(switch, lambda client: client.pay_batch([{"instruction": {}}, {"instruction": {}, "idempotency_key": "k"}]))
    first, again = (json.loads(request.content)["items"] for request in switch.seen)
    assert first == again and first[1]["idempotency_key"] == "k" and len(first[0]["idempotency_key"]) == 36


@pytest.mark.parametrize("status", [200, 422])
def test_a_message_is_answered_by_a_message_also_when_it_rejects(ask: Any, status: int) -> None:
    report = httpx.Response(status, content=b"<Document/>", headers={"Content-Type": "application/xml"})
    switch = Switch(report)
    assert ask(switch, lambda client: client.send_message(b"<a/>")) == b"<Document/>"
    assert (switch.seen[0].content, switch.seen[0].headers["Content-Type"]) == (b"<a/>", "application/xml")


def test_a_message_that_is_no_message_is_a_problem(ask: Any) -> None:
    with pytest.raises(Problem, match="DOCTYPE"):
        ask(Switch(answer(400, {"title": "DOCTYPE"})), lambda client: client.send_message(b"<"))


@pytest.mark.parametrize(("status", "verdict"), [(200, True), (503, False)])
def test_not_ready_is_an_answer_not_a_failure(ask: Any, status: int, verdict: bool) -> None:
    assert ask(Switch(answer(status, {})), lambda client: client.ready()) is verdict
    assert ask(Switch(answer(status, {})), lambda client: client.health()) is verdict
    switch = Switch(httpx.ConnectError("refused"))
    with pytest.raises(Unreachable):
        ask(switch, lambda client: client.ready())


def test_both_clients_have_the_same_documented_methods() -> None:
    names = [name for name in vars(Surface) if not name.startswith("_")]
    assert len(names) == 51
    for name in names:
        assert inspect.signature(getattr(Client("http://x"), name)) == inspect.signature(getattr(AsyncClient, name))
        assert inspect.getdoc(getattr(Client("http://x"), name))


# Events ---------------------------------------------------------------------------------------------------------------

STREAM = b': hello\n\nid: 7\nevent: payment\ndata: {"a":\ndata: "\xe2\x80\xa8"}\n\nretry: 0\r\n\r\nid: 8\rdata: 2\r\r'
EVENTS = [Event("7", "payment", {"a": "\u2028"}), Event("8", "message", 2)]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_events_are_the_same_however_the_bytes_are_cut(size: int) -> None:
    reader = EventReader()
    stream = STREAM + b"\n"  # a last CR may be half of a line end
    assert [e for at in range(0, len(stream), size) for e in reader.feed(stream[at : at + size])] == EVENTS
    assert (reader.last_event_id, reader.retry_seconds) == ("8", 0.0)


def test_an_event_cut_short_is_not_given_and_its_id_not_kept() -> None:
    reader = EventReader("1")
    assert list(reader.feed(b"id: 2\ndata: 5\n")) == []
    reader.reconnected()
    assert list(reader.feed(b"data: 6\n\n")) == [Event("1", "message", 6)]


def test_a_line_without_end_is_refused() -> None:
    reader = EventReader()
    with pytest.raises(ValueError, match="longer than"):
        list(reader.feed(b"data: " + b"x" * (1 << 20)))


class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body whose connection breaks after its bytes."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
        raise httpx.ReadError("reset")

    async def __aiter__(self) -> Any:
        yield self._body
        raise httpx.ReadError("reset")


def take_sync(switch: Switch, count: int, follow: bool) -> list[Event]:
    with Client("http://switch", transport=httpx.MockTransport(switch)) as client:
        return [event for _, event in zip(range(count), client.events("6", follow=follow), strict=False)]


def take_async(switch: Switch, count: int, follow: bool) -> list[Event]:
    async def take() -> list[Event]:
        taken: list[Event] = []
        async with AsyncClient("http://switch", transport=httpx.MockTransport(switch)) as client:
            async for event in client.events("6", follow=follow):
                taken.append(event)
                if len(taken) == count:
                    break
        return taken

    return asyncio.run(take())


@pytest.mark.parametrize("take", [take_sync, take_async], ids=["sync", "async"])
def test_a_broken_stream_is_taken_up_after_the_last_event(take: Any) -> None:
    switch = Switch(
        httpx.Response(200, stream=Broken(b"retry: 0\nid: 7\ndata: 1\n\nid: 8\ndata: 2")),
        httpx.ConnectError("refused"),
        httpx.Response(200, content=b"id: 8\ndata: 2\n\nid: 9\ndata: 3\n\n"),
    )
    assert [event.data for event in take(switch, 3, True)] == [1, 2, 3]
    assert [request.headers["Last-Event-ID"] for request in switch.seen] == ["6", "7", "7"]


@pytest.mark.parametrize("take", [take_sync, take_async], ids=["sync", "async"])
def test_a_stream_not_followed_ends_with_the_switch_or_says_that_it_broke(take: Any) -> None:
    whole = Switch(httpx.Response(200, content=b"id: 7\ndata: 1\n\n"))
    assert take(whole, 9, False) == [Event("7", "message", 1)]
    with pytest.raises(Unreachable, match="GET /v1/events: reset"):
        take(Switch(httpx.Response(200, stream=Broken(b"id: 7\ndata: 1\n\n"))), 9, False)
