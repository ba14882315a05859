"""What the switch may rely on from a rail in another process, as from one in its own; and what an absent one does to it."""

import asyncio
import json
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from served_rail import (
    CURRENCY,
    DEADLINE,
    KEY,
    NOON,
    SECOND,
    Switch,
    a_remote,
    a_service,
    a_simulated,
    an_instruction,
    remote,
    served,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rails.book import MemoryBook
from rails.contents import MemoryContents
from rails.faults import Faults
from rails.messages import MessageError
from rails.port import (
    ACCEPTED,
    CREDITED,
    PENDING,
    REJECTED,
    SETTLED,
    UNKNOWN,
    RailInstruction,
    RailReport,
    RailReturn,
    RailUnavailable,
    RecallRequest,
)
from rails.remote import RemoteRail, WrongRail
from rails.serving import RailService

HOUR = timedelta(hours=1)
LATER = NOON + 6 * HOUR
MOST_SECONDS = 5.0


def key(sent: RailInstruction) -> tuple[str, int]:
    return sent.uetr, sent.leg


async def heard(rail: RemoteRail, switch: Switch, count: int, now: datetime = LATER) -> list[RailReport]:
    """The reports due by `now`, at least `count`: they are fetched beside the switch."""
    switch.time = now
    found: list[RailReport] = []
    until = time.monotonic() + MOST_SECONDS
    while len(found) < count and time.monotonic() < until:
        found += await rail.reports(now, 1_000)
        await asyncio.sleep(0.005)
    return found


@pytest.mark.parametrize("name", sorted(CURRENCY))
async def test_a_remote_rail_says_what_the_same_rail_in_process_says(name: str) -> None:
    here = a_simulated(name)
    await here.start(NOON)
    batch = [an_instruction(name, n) for n in range(1, 8)]
    batch.append(an_instruction(name, 8, "MAGIC-REJECT-AC03"))
    await here.send(batch)
    expected = await here.reports(LATER, 1_000)
    async with remote(name) as (rail, switch):
        await rail.send(batch)
        found = await heard(rail, switch, len(expected))
        assert found == expected
        told = await here.inquire([key(sent) for sent in batch], LATER)
        # What did not settle is dated by the message that says so: here, by the inquiry.
        told = [each if each.status in (SETTLED, CREDITED) else each._replace(at=LATER) for each in told]
        assert await rail.inquire([key(sent) for sent in batch], LATER) == told


async def test_a_batch_of_the_switch_goes_out_in_messages_and_comes_back_whole() -> None:
    async with remote("ibps") as (rail, switch):
        batch = [an_instruction("ibps", n) for n in range(1, 351)]
        await rail.send(batch)
        found = await heard(rail, switch, 350)
        assert sorted(report.uetr for report in found) == sorted(sent.uetr for sent in batch)
        assert {report.status for report in found} == {CREDITED}


async def test_nothing_is_said_before_it_is_due_and_when_it_is_due_is_told() -> None:
    async with remote("ibps") as (rail, switch):
        await rail.send([an_instruction("ibps")])
        due = rail.next_due()
        assert due is not None and NOON < due < DEADLINE
        await asyncio.sleep(0.3)
        assert await rail.reports(NOON, 10) == []
        (report,) = await heard(rail, switch, 1, due)
        assert (report.status, report.at) == (CREDITED, due)
        assert rail.next_due() is None


async def test_sending_again_changes_nothing_and_another_content_is_refused_without_touching_the_first() -> None:
    async with remote("ibps") as (rail, switch):
        first = an_instruction("ibps")
        await rail.send([first, an_instruction("ibps", 2)])
        await rail.send([first._replace(sent_at=NOON + SECOND, expires_at=DEADLINE + SECOND)])
        await rail.send([first._replace(amount_minor=1)])
        await rail.send([first._replace(creditor_account="MAGIC-REJECT-AC07")])
        (told,) = await rail.inquire([key(first)], LATER)
        assert told.status == CREDITED
        assert {report.status for report in await heard(rail, switch, 2)} == {CREDITED}


async def test_what_was_inquired_after_before_it_came_is_never_processed() -> None:
    async with remote("ibps") as (rail, _):
        sent = an_instruction("ibps")
        (before,) = await rail.inquire([key(sent)], NOON)
        assert before.status == UNKNOWN
        await rail.send([sent])
        (after,) = await rail.inquire([key(sent)], LATER)
        assert after.status == UNKNOWN


async def test_an_inquiry_tells_how_far_it_is() -> None:
    async with remote("hk-fps") as (rail, _):
        sent = an_instruction("hk-fps")
        await rail.send([sent])
        statuses = [(await rail.inquire([key(sent)], NOON + n * SECOND))[0].status for n in range(21)]
        assert statuses[0] == PENDING and statuses[-1] == CREDITED
        assert set(statuses) <= {PENDING, SETTLED, CREDITED}


async def test_a_rail_that_was_killed_answers_truly_and_reports_again() -> None:
    switch, book, contents = Switch(), MemoryBook(), MemoryContents()
    sent = [an_instruction("ibps", n) for n in range(1, 4)]
    first = a_service("ibps", book, contents)
    async with served(first.application()) as url:
        rail = a_remote("ibps", url, switch.now)
        await rail.start(NOON)
        await rail.send(sent)
        assert len(await heard(rail, switch, 3, DEADLINE)) == 3
    port = int(url.rpartition(":")[2])
    switch.time = DEADLINE
    with pytest.raises(RailUnavailable):
        await rail.send([an_instruction("ibps", 9)])
    async with served(a_service("ibps", book, contents).application(), port):
        assert sorted(report.uetr for report in await heard(rail, switch, 3, DEADLINE)) == [each.uetr for each in sent]
        assert [report.status for report in await rail.inquire([key(each) for each in sent], LATER)] == [CREDITED] * 3
        await rail.stop()


async def test_where_nothing_listens_nothing_was_taken_and_nobody_waits() -> None:
    async with remote("ibps") as (rail, _):
        url = rail._channel.url
    away = a_remote("ibps", url, Switch().now)
    await away.start(NOON)
    try:
        for call in (away.send([an_instruction("ibps")]), away.inquire([("x", 1)], NOON)):
            began = time.monotonic()
            with pytest.raises(RailUnavailable) as raised:
                await call
            assert raised.value.taken_none
            assert time.monotonic() - began < 0.1
        assert away.next_due() is None
    finally:
        await away.stop()


async def test_a_rail_that_hangs_is_not_known_to_have_taken_nothing_and_is_then_left_alone() -> None:
    async def hang(scope: object, receive: object, send: object) -> None:
        await asyncio.sleep(30)

    async with served(hang) as url:
        rail = a_remote("ibps", url, Switch().now)
        rail._channel.open()
        with pytest.raises(RailUnavailable) as first:
            await rail.send([an_instruction("ibps")])
        assert not first.value.taken_none
        began = time.monotonic()
        with pytest.raises(RailUnavailable):
            await rail.send([an_instruction("ibps")])
        assert time.monotonic() - began < 0.1
        await rail.stop()


async def test_another_key_is_refused_and_another_rail_is_not_taken_for_this_one() -> None:
    service = a_service("ibps")
    async with served(service.application()) as url:
        stranger = a_remote("ibps", url, Switch().now, "another-key")
        with pytest.raises(WrongRail, match="key"):
            await stranger.start(NOON)
        with pytest.raises(RailUnavailable, match="key"):
            await stranger.send([an_instruction("ibps")])
        await stranger.stop()
        with pytest.raises(WrongRail, match="HKD"):
            other = a_remote("hk-chats", url, Switch().now, KEY)
            await other.start(NOON)
        await other.stop()


async def test_faults_reach_a_rail_of_ours_and_survive_its_restart() -> None:
    switch, book, contents = Switch(), MemoryBook(), MemoryContents()
    async with served(a_service("ibps", book, contents).application()) as url:
        rail = a_remote("ibps", url, switch.now)
        await rail.start(NOON)
        assert rail.takes_faults
        rail.faults = Faults(lost_reports=10_000)
        await asyncio.sleep(0.1)
        await rail.send([an_instruction("ibps")])
        await asyncio.sleep(0.1)
        switch.time = LATER
        assert await rail.reports(LATER, 10) == [] and rail.next_due() is None
        await rail.stop()


async def test_a_rejection_names_its_code() -> None:
    async with remote("ibps") as (rail, switch):
        await rail.send([an_instruction("ibps", 1, "MAGIC-REJECT-AC07"), an_instruction("ibps", 2, currency="HKD")])
        found = await heard(rail, switch, 2)
        assert sorted((report.status, report.reason_code) for report in found) == [
            (REJECTED, "AC07"),
            (REJECTED, "AM03"),
        ]


def a_recall(sent: RailInstruction, **changes: Any) -> RecallRequest:
    recall_id = "0d6b1b3e-0000-4000-8000-000000000001"
    asked = RecallRequest(
        recall_id, sent.uetr, sent.leg, "DUPL", sent.amount_minor, sent.currency, NOON + HOUR, "twice"
    )
    return asked._replace(**changes)


async def test_a_recall_is_pending_and_then_brings_its_money_as_often_as_it_is_asked_for() -> None:
    async with remote("ibps") as (rail, switch):
        sent = an_instruction("ibps", account="MAGIC-RECALL-PARTIAL")
        await rail.send([sent])
        asked = a_recall(sent)
        [first] = await rail.recall([asked], NOON + HOUR)
        assert (first.status, first.returned) == (PENDING, None)
        switch.time = NOON + 9 * 24 * HOUR
        for _ in range(2):
            [answer] = await rail.recall([asked], switch.time)
            assert answer.status == ACCEPTED and answer.returned is not None
            back = answer.returned
            assert (back.recall_id, back.uetr, back.leg) == (asked.recall_id, sent.uetr, 1)
            assert (back.amount_minor, back.currency, back.reason_code) == (12_345 // 2, "CNY", "FOCR")
        await asyncio.sleep(0.3)
        assert await rail.returns(switch.time, 10) == []  # it was asked for


async def test_a_switch_that_begins_anew_still_gets_the_money_of_a_recall() -> None:
    switch = Switch()
    async with served(a_service("ibps").application()) as url:
        sent = an_instruction("ibps", account="MAGIC-RECALL-ACCEPTED")
        for _ in range(2):
            rail = a_remote("ibps", url, switch.now)
            await rail.start(switch.time)
            await rail.send([sent])
            await rail.recall([a_recall(sent)], NOON + HOUR)
            switch.time = NOON + 9 * 24 * HOUR
            [answer] = await rail.recall([a_recall(sent)], switch.time)
            assert answer.returned is not None and answer.returned.amount_minor == 12_345
            await rail.stop()


async def test_a_refused_recall_says_why() -> None:
    async with remote("ibps") as (rail, switch):
        sent = an_instruction("ibps", account="MAGIC-RECALL-REJECTED-LEGL")
        await rail.send([sent])
        await rail.recall([a_recall(sent)], NOON + HOUR)
        switch.time = NOON + 9 * 24 * HOUR
        [answer] = await rail.recall([a_recall(sent)], switch.time)
        assert (answer.status, answer.reason_code, answer.returned) == (REJECTED, "LEGL", None)


async def test_money_given_back_unasked_comes_among_the_returns() -> None:
    async with remote("ibps") as (rail, switch):
        await rail.send([an_instruction("ibps", account="MAGIC-RETURNED-AC04")])
        switch.time = NOON + HOUR
        found: list[RailReturn] = []
        until = time.monotonic() + MOST_SECONDS
        while not found and time.monotonic() < until:
            found += await rail.returns(switch.time, 10)
            await asyncio.sleep(0.01)
        [back] = found
        assert (back.amount_minor, back.currency, back.reason_code, back.recall_id) == (12_345, "CNY", "AC04", "")


async def test_what_the_switch_has_ended_a_five_step_rail_never_settles() -> None:
    async with remote("hk-fps") as (rail, _):
        sent, never = an_instruction("hk-fps"), an_instruction("hk-fps", 2)
        await rail.send([sent])
        [ended, unknown] = await rail.abort([key(sent), key(never)], NOON)
        assert (ended.status, ended.reason_code, unknown.status) == (REJECTED, "AB03", UNKNOWN)
        await rail.send([never])
        assert [each.status for each in await rail.inquire([key(sent), key(never)], LATER)] == [REJECTED, UNKNOWN]


class OfATeam(RailService):
    """A team's own rail: it goes by its own clock, takes no veto and no faults, and has no returns."""

    async def capabilities(self, request: Request) -> Response:
        document = json.loads(bytes((await super().capabilities(request)).body))
        return JSONResponse(document | {"clock": "own", "faults": None})

    async def _time(self, request: Request) -> datetime:
        return await super()._time(Request({**request.scope, "headers": [(b"business-time", b"2031-01-06T04:00:00Z")]}))

    async def returns(self, request: Request) -> Response:
        return Response(status_code=404)

    async def pacs002(self, request: Request) -> Response:
        return Response(status_code=405)


async def test_what_a_rail_with_a_clock_of_its_own_says_is_dated_by_ours() -> None:
    switch, book = Switch(), MemoryBook()
    service = OfATeam(a_simulated("ibps", book, instant=True), book, MemoryContents(), KEY, "own")
    async with served(service.application()) as url:
        rail = a_remote("ibps", url, switch.now)
        await rail.start(NOON)
        assert not rail.takes_faults
        sent = an_instruction("ibps")
        await rail.send([sent])
        [report] = await heard(rail, switch, 1, NOON + SECOND)
        assert report.status == CREDITED and NOON <= report.at <= NOON + SECOND
        assert [each.status for each in await rail.abort([key(sent)], NOON)] == [CREDITED]
        assert await rail.returns(LATER, 10) == []
        await rail.stop()


async def test_one_instruction_that_the_rail_cannot_read_does_not_stop_the_others() -> None:
    class Squeamish(RailService):
        async def pacs008(self, request: Request) -> Response:
            if b"GIFT" not in (body := await request.body()) or b"STDY" in body:
                raise MessageError("FF07", "Purp", "No studies")
            return await super().pacs008(request)

    switch, book = Switch(), MemoryBook()
    service = Squeamish(a_simulated("ibps", book), book, MemoryContents(), KEY, "squeamish")
    async with served(service.application()) as url:
        rail = a_remote("ibps", url, switch.now)
        await rail.start(NOON)
        batch = [an_instruction("ibps", n) for n in range(1, 12)]
        assert batch[5].transfer is not None
        batch[5] = batch[5]._replace(transfer=batch[5].transfer._replace(purpose_code="STDY"))
        with pytest.raises(RailUnavailable, match="FF07") as raised:
            await rail.send(batch)
        assert not raised.value.taken_none  # the others were taken
        told = [each.status for each in await rail.inquire([key(sent) for sent in batch], LATER)]
        assert told == [CREDITED] * 5 + [UNKNOWN] + [CREDITED] * 5
        await rail.stop()
