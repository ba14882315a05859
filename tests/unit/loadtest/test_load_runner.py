"""The open model over real sockets: a server that stalls is charged for every call it kept waiting, and nothing goes missing unnamed."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice

import pytest

from loadtest.null_server import ANSWER, Nothing
from loadtest.open.gate import gate
from loadtest.open.measured import Measured
from loadtest.open.runner import RanOut, Runner, Settings
from loadtest.open.schedule import Schedule, Step, schedule
from loadtest.traffic import PAYMENT, Call, Marks
from loadtest.wire import JSON, PAYMENTS, Requests, address_of

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
        self._transport.write(_SHED % (len(_BUSY), _BUSY) if self.sheds else ANSWER)


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
    assert measured.achieved(0.0, 0.4) == 0.0  # whatever is answered later: nothing was then
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
    assert "10 timed out" in gate(10, 10, 0, named, 0.1, 50, 10_000, 1).why[0]


async def test_a_server_that_cuts_connections_is_come_back_to() -> None:
    plan = schedule([Step(200, 1.0)])
    async with _serving(cuts=10) as url:
        measured = await _run(url, plan, _PLAIN)
    found = measured.counts(plan.judged(0))
    assert found.errors + found.answered == 200 and found.answered > 100 and found.errors > 0
    assert {outcome.reason for outcome in measured.outcomes(plan.judged(0)) if outcome.kind == "error"} == {
        "connection lost"
    }


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
