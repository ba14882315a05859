"""The open model over real sockets: a server that stalls is charged for every call it kept waiting, and nothing goes missing unnamed."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count, islice, repeat
from typing import Any
from uuid import UUID

import pytest

from loadtest.answers import Ids
from loadtest.malformed import BATCH, MESSAGES, XML
from loadtest.null_server import ANSWER, Nothing
from loadtest.open.gate import gate
from loadtest.open.measured import Measured
from loadtest.open.prepared import marked
from loadtest.open.runner import Outcome, RanOut, Runner, Settings
from loadtest.open.schedule import Schedule, Step, schedule
from loadtest.open.session import Session, reason_of
from loadtest.traffic import PAYMENT, Call, Marks
from loadtest.wire import JSON, PAYMENTS, Plain, Requests, address_of

_SHED = b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: %d\r\n\r\n%s"
_BUSY = b'{"name":"busy","what_to_do":"Ask again."}'


def _calls() -> Iterator[Call]:
    while True:
        yield Call("HBAYHKH0", "k", PAYMENTS, JSON, b"{}", Marks(PAYMENT, (202,)))


class _Behaving(Nothing):
    """Answers as its mode says: `stall_seconds` from the first call on not at all; `sheds`: every call; `cuts`: ends the connection after so many."""

    stall_seconds = 0.0
    stalls_until: float | None = None  # of all connections
    sheds = False
    silent = False
    cuts = 0
    ends = b""  # an answer that says that its connection ends with it, and it does
    _seen = 0

    def on_message_complete(self) -> None:
        self._seen += 1
        if self.silent:
            return
        if self.cuts and self._seen >= self.cuts:
            assert self._transport is not None
            self._transport.abort()
        elif (left := self._stall_left()) > 0:
            asyncio.get_running_loop().call_later(left, self._answer)
        else:
            self._answer()

    def _stall_left(self) -> float:
        kind = type(self)
        if kind.stalls_until is None:
            kind.stalls_until = time.perf_counter() + self.stall_seconds
        return kind.stalls_until - time.perf_counter()

    def _answer(self) -> None:
        assert self._transport is not None
        self._transport.write(self.ends or (_SHED % (len(_BUSY), _BUSY) if self.sheds else ANSWER))
        if self.ends:  # as a server does: what comes in meanwhile is never read
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(0.02, self._transport.abort)


@asynccontextmanager
async def _serving(**modes: object) -> AsyncIterator[str]:
    kind = type("Mode", (_Behaving,), modes)
    server = await asyncio.get_running_loop().create_server(kind, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def _run(url: str, plan: Schedule, settings: Settings) -> Measured:
    address = address_of(url)
    runner = Runner(address, Requests(address, "key"), _calls(), settings)
    try:
        return Measured(plan, await runner.run(plan))
    finally:
        await runner.close()


_PLAIN = Settings(samples_per_second=0)


async def test_every_call_is_sent_and_answered() -> None:
    plan = schedule([Step(200, 0.5)])
    async with _serving() as url:
        found = (await _run(url, plan, _PLAIN)).counts(plan.judged(0))
    assert found.offered == found.sent == found.answered == found.accepted == 100


async def test_a_stall_is_charged_to_every_call_that_was_due_in_it() -> None:
    plan = schedule([Step(200, 1.0)])
    async with _serving(stall_seconds=0.5) as url:
        # Few connections: a closed model would send a handful in the stall, and call all the others fast.
        measured = await _run(url, plan, Settings(connections_max=4, samples_per_second=0))
    latency = measured.acceptance(plan.judged(0))
    assert latency.count == 200
    # Half of the second: its calls waited 0.5 s down to nothing, one after the other.
    assert latency.percentile(75) > 0.2 and latency.seconds_max > 0.45


async def test_shed_is_counted_apart_and_is_no_latency() -> None:
    plan = schedule([Step(100, 0.3)])
    async with _serving(sheds=True) as url:
        measured = await _run(url, plan, _PLAIN)
    found = measured.counts(plan.judged(0))
    assert found.shed == found.answered == 30 and not found.accepted and not found.wrong
    assert measured.acceptance(plan.judged(0)).count == 0


async def test_what_is_not_answered_in_time_is_named_and_breaks_the_gate() -> None:
    plan = schedule([Step(50, 0.2)])
    async with _serving(silent=True) as url:
        measured = await _run(url, plan, Settings(answer_seconds_max=0.3, samples_per_second=0))
    found = measured.counts(plan.judged(0))
    assert (found.sent, found.answered, found.errors) == (10, 0, 10)
    named = {outcome.reason: count for outcome, count in measured.outcomes(plan.judged(0)).items()}
    assert named == {"timed out": 10}
    assert "10 timed out" in gate(10, 10, 0, named, 0.1, 50, 10_000, 1, 0.0, 0.0).why[0]


async def test_a_server_that_cuts_connections_is_come_back_to() -> None:
    plan = schedule([Step(200, 1.0)])
    async with _serving(cuts=10) as url:
        measured = await _run(url, plan, _PLAIN)
    found = measured.counts(plan.judged(0))
    assert found.errors + found.answered == 200 and found.answered > 100 and found.errors > 0
    assert {outcome.reason for outcome in measured.outcomes(plan.judged(0)) if outcome.kind == "error"} == {
        "connection lost"
    }


_ENDING = [
    ANSWER.replace(b"\r\n", b"\r\nConnection: close\r\n", 1),
    ANSWER.replace(b"HTTP/1.1", b"HTTP/1.0", 1),  # which ends unless it says otherwise
]


@pytest.mark.parametrize("ending", _ENDING)
async def test_nothing_is_sent_over_a_connection_whose_server_has_said_that_it_ends(ending: bytes) -> None:
    plan = schedule([Step(200, 0.5)])
    async with _serving(ends=ending) as url:
        found = (await _run(url, plan, Settings(connections_max=4, samples_per_second=0))).counts(plan.judged(0))
    assert found.answered == found.accepted == 100 and not found.errors


async def test_where_nobody_listens_every_call_is_told_as_not_sent() -> None:
    async with _serving() as url:
        pass
    plan = schedule([Step(50, 0.2)])
    found = (await _run(url, plan, Settings(answer_seconds_max=0.3, samples_per_second=0))).counts(plan.judged(0))
    assert (found.offered, found.sent, found.errors) == (10, 0, 10)


async def test_a_sampled_call_counts_for_completion_alone() -> None:
    plan = schedule([Step(100, 0.5)])
    async with _serving() as url:  # which answers 202: none of them was final when it was looked at
        measured = await _run(url, plan, Settings(samples_per_second=20))
    window = plan.judged(0)
    assert measured.acceptance(window).count == 40 and measured.open_samples(window) == 10
    assert measured.counts(window).accepted == 50


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "127.0.0.1:1", "http://", "http://127.0.0.1:1/v1"])
def test_only_a_plain_address_is_sent_to(url: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        address_of(url)


async def test_the_series_has_every_second_and_adds_up() -> None:
    plan = schedule([Step(50, 1.5, name="one"), Step(100, 1.5, name="two")])
    async with _serving() as url:
        series = (await _run(url, plan, _PLAIN)).by_second(5)
    assert [row["second"] for row in series] == [5, 6, 7]
    assert sum(row["offered"] for row in series) == sum(row["answered"] for row in series) == len(plan.at)
    assert [row["step"] for row in series] == ["one", "one", "two"]


async def test_calls_that_run_out_are_said_to() -> None:
    async with _serving() as url:
        address = address_of(url)
        runner = Runner(address, Requests(address, "key"), islice(_calls(), 5), _PLAIN)
        with pytest.raises(RanOut, match="run out after 5"):
            await runner.run(schedule([Step(100, 0.2)]))
        await runner.close()


class _Answering(Nothing):
    """Answers every call with `status` and `answer`."""

    status = 200
    answer = b"{}"

    def on_message_complete(self) -> None:
        assert self._transport is not None
        head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % (self.status, len(self.answer)) + self.answer)


async def _answered(
    calls: Iterator[Call], status: int, answer: object, seconds: float = 0.1, kept: bytearray | None = None
) -> Measured:
    """Send a hundred calls a second to what answers each of them so; `kept` gets the ids of what was accepted."""
    kind = type("Mode", (_Answering,), {"status": status, "answer": json.dumps(answer).encode()})
    server = await asyncio.get_running_loop().create_server(kind, "127.0.0.1", 0)
    address = address_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    runner, plan = Runner(address, Requests(address, "key"), calls, _PLAIN), schedule([Step(100, seconds)])
    try:
        return Measured(plan, await runner.run(plan))
    finally:
        await runner.close()
        server.close()
        if kept is not None:
            kept += runner.accepted


def _ready_made(**instruction: str) -> Iterator[Call]:
    for n in count():
        named = {name: value.format(n=n) for name, value in instruction.items()}
        yield marked(Plain("HBAYHKH0", f"key-{n}", PAYMENTS, JSON, json.dumps(named).encode()))


_ID = "0b6f2f0e-2d52-5a5e-9d2f-0e2d525a5e9d"
_TAKEN = {"payment_id": _ID, "iso_status": "ACSP", "uetr": "11111111-1111-4111-8111-111111111111"}
_ALL = slice(0, 10)


async def test_payments_of_a_batch_are_counted_and_not_its_call() -> None:
    body = json.dumps({"items": [{"idempotency_key": str(n), "instruction": {}} for n in range(4)]}).encode()
    call = marked(Plain("", "", BATCH, JSON, body))
    shed = {"http_status": 503, "replayed": False, "problem": {"name": "busy", "what_to_do": "x"}}
    first = {"http_status": 202, "replayed": False, "payment": _TAKEN}
    measured = await _answered(repeat(call), 200, {"items": [first, shed, shed, shed]})
    found = measured.counts(_ALL)
    assert (found.offered, found.answered, found.payments) == (10, 10, 40)
    assert (found.accepted, found.shed, found.refused, found.wrong) == (10, 30, 0, 0)
    assert {(outcome.kind, outcome.reason): n for outcome, n in measured.outcomes(_ALL).items()} == {
        ("accepted", ""): 10,
        ("shed", "busy"): 30,
    }
    assert sum(row["shed"] for row in measured.by_second()) == 30
    one_short = (await _answered(repeat(call), 200, {"items": [first, shed, shed]})).counts(_ALL)
    assert one_short.wrong == one_short.payments == 40


async def test_a_batch_that_is_turned_away_whole_or_not_answered_counts_all_it_carries() -> None:
    body = json.dumps({"items": [{"instruction": {}}] * 4}).encode()
    call = marked(Plain("", "", BATCH, JSON, body))
    found = (await _answered(repeat(call), 429, {"name": "too-many-requests", "what_to_do": "x"})).counts(_ALL)
    assert (found.offered, found.payments, found.shed) == (10, 40, 40)


async def test_the_answer_to_a_ready_made_call_must_have_its_uetr() -> None:
    found = (await _answered(_ready_made(uetr="22222222-2222-4222-8222-{n:012}"), 202, _TAKEN)).counts(_ALL)
    assert found.wrong == 10


async def test_one_payment_id_given_to_two_payments_is_wrong() -> None:
    measured = await _answered(_ready_made(), 202, _TAKEN)  # no UETR of its own: the key tells them apart
    assert measured.counts(_ALL).accepted == 1 and measured.counts(_ALL).wrong == 9
    reasons = {outcome.reason for outcome in measured.outcomes(_ALL) if outcome.kind == "wrong"}
    assert reasons == {"answered with another payment's payment_id"}


async def test_what_was_accepted_is_kept_by_its_id_and_nothing_else_is() -> None:
    kept = bytearray()
    await _answered(_ready_made(), 202, _TAKEN, kept=kept)
    assert kept == UUID(_ID).bytes  # the others were wrong
    kept.clear()
    await _answered(_ready_made(), 422, {"name": "person-quota", "code": "RR04", "what_to_do": "x"}, kept=kept)
    assert not kept


async def test_a_message_is_counted_by_its_transactions() -> None:
    xml = b"<Document><CdtTrfTxInf></CdtTrfTxInf><CdtTrfTxInf></CdtTrfTxInf></Document>"
    assert marked(Plain("", "", MESSAGES, XML, xml)).marks.payments == 2
    one = b"<Document><CdtTrfTxInf><UETR>u</UETR></CdtTrfTxInf></Document>"
    assert marked(Plain("", "", MESSAGES, XML, one)).marks.uetr == "u"


async def test_what_is_remembered_of_payment_ids_is_bounded() -> None:
    ids = Ids(kept_max=2)
    assert ids.belongs("a", "1") and ids.belongs("a", "1") and not ids.belongs("a", "2")
    assert ids.belongs("b", "2") and ids.belongs("c", "3")
    assert ids.belongs("a", "2")  # forgotten


async def _told(status: int, answer: object, step: Step) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a step against what answers each call so; its document and the session's."""
    kind = type("Mode", (_Answering,), {"status": status, "answer": json.dumps(answer).encode()})
    server = await asyncio.get_running_loop().create_server(kind, "127.0.0.1", 0)
    address = address_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    session = Session(address, Requests(address, "k"), _ready_made(), _PLAIN, "uniform", 1, 10_000.0, lambda text: None)
    (told,) = await session.steps([step])
    await session.close()
    server.close()
    return told, session.document()


async def test_what_is_answered_a_second_is_of_the_calls_of_the_step_as_what_is_accepted() -> None:
    refused = {"name": "name-mismatch", "code": "BE01", "rule": "", "what_to_do": "x", "payment_id": _ID}
    step, document = await _told(422, refused, Step(100, 0.4, 0.2))
    assert step["answered_per_second"] == 100.0 and step["accepted_per_second"] == 0.0
    assert step["acceptance_ms"]["samples"] == 20
    assert document["total"]["sent"] == 20 and document["with_warm_up"]["sent"] == 40
    assert document["refusals"] == [{"reason": "BE01", "name": "name-mismatch", "rule": "", "count": 20}]


def test_one_reason_is_one_by_either_door() -> None:
    assert reason_of(Outcome("refused", "BE01 name-mismatch")) == ("BE01", "name-mismatch")
    assert reason_of(Outcome("refused", "BE01 by message")) == ("BE01", "by message")
    assert reason_of(Outcome("refused", "malformed")) == ("malformed", "")
    assert reason_of(Outcome("wrong", "202 with a body that is no JSON")) == ("202 with a body that is no JSON", "")


async def test_a_server_that_turns_everything_away_has_not_been_measured() -> None:
    _, document = await _told(429, {"name": "too-many-requests", "what_to_do": "x"}, Step(100, 0.1))
    assert document["total"]["accepted_share"] == 0.0 and document["total"]["shed"] == 10
    assert document["gate"]["why"] == ["accepted share 0.0%; 90% of the payments is the least"]
