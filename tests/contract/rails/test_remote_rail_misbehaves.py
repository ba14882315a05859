"""What a rail in another process may answer besides the truth, and that the switch neither loses money by it nor waits for ever."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from served_rail import KEY, NOON, Switch, a_remote, a_service, a_simulated, an_instruction, served
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from rails.book import MemoryBook
from rails.channel import EXCHANGE_SECONDS_MAX
from rails.contents import MemoryContents
from rails.messages import MessageError
from rails.port import ACCEPTED, PENDING, RailReturn, RailUnavailable, RecallAnswer, RecallRequest
from rails.remote import RETURN_PAGES_MAX, RemoteRail
from rails.serving import RailService
from rails.wire import TAKEN, bodies

REFUSAL = bodies.write_refusal(MessageError("FF01", "Document", "no"))
UETR, RETURN_ID = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


def of_kind(kind: type[RailService]) -> RailService:
    book = MemoryBook()
    return kind(a_simulated("ibps", book), book, MemoryContents(), KEY, "misbehaves")


async def acquainted(url: str) -> RemoteRail:
    """A remote rail that fetches nothing by itself."""
    rail = a_remote("ibps", url, Switch().now)
    rail._channel.open()
    await rail._introduce()
    return rail


def a_return(**changes: object) -> RailReturn:
    given = RailReturn("ibps", RETURN_ID, UETR, 1, 1, "CNY", 0, "AC04", "", NOON)
    return given._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "body", "headers", "taken_none"),
    [
        (202, b"", {}, False), (202, REFUSAL, {}, False), (307, b"", {"Location": "/elsewhere"}, False),
        (408, REFUSAL, {}, False), (409, REFUSAL, {}, False), (409, b"", {TAKEN: "none"}, False),
        (429, REFUSAL, {TAKEN: "none"}, False), (400, b"<html/>", {}, False), (404, b"", {}, False), (401, b"", {}, False),
        (400, REFUSAL, {}, True), (401, REFUSAL, {}, True), (413, b"", {TAKEN: "none"}, True), (500, b"", {}, False),
        (503, b"", {TAKEN: "none"}, True),
    ],
)  # fmt: skip
async def test_only_a_refusal_that_says_so_is_taken_for_one(
    status: int, body: bytes, headers: dict[str, str], taken_none: bool
) -> None:
    class Answers(RailService):
        async def pacs008(self, request: Request) -> Response:
            await super().pacs008(request)  # it is taken
            return Response(body, status, headers)

    async with served(of_kind(Answers).application()) as url:
        rail = await acquainted(url)
        for batch in ([an_instruction("ibps")], [an_instruction("ibps", n) for n in range(2, 5)]):
            with pytest.raises(RailUnavailable) as raised:
                await rail.send(batch)
            assert raised.value.taken_none is taken_none
            rail._channel.is_down = False
        await rail.stop()


async def test_a_rail_whose_answer_drips_is_not_waited_for_longer_than_any_other() -> None:
    class Drips(RailService):
        async def pacs008(self, request: Request) -> Response:
            async def drip() -> AsyncIterator[bytes]:
                for _ in range(30):
                    yield b" "
                    await asyncio.sleep(0.5)

            return StreamingResponse(drip(), 200, {"Content-Type": "application/xml"})

    async with served(of_kind(Drips).application()) as url:
        rail = await acquainted(url)
        began = time.monotonic()
        with pytest.raises(RailUnavailable) as raised:
            await rail.send([an_instruction("ibps")])
        assert time.monotonic() - began < EXCHANGE_SECONDS_MAX + 1 and not raised.value.taken_none
        assert rail._channel.is_down
        await rail.stop()


class Grants(RailService):
    """Grants every recall with a return that it never tells of."""

    pages = 0

    async def camt056(self, request: Request) -> Response:
        at = await self._time(request)
        [asked] = bodies.read_recalls(await request.body(), at).requests
        back = a_return(uetr=asked.uetr, reason_code="FOCR", return_id=str(uuid4()))
        answer = RecallAnswer("ibps", asked.recall_id, ACCEPTED, "", at, back)
        return self._answer(bodies.write_resolution([asked], [answer], self._envelope(at, "BAYSHKH0")))

    async def returns(self, request: Request) -> Response:
        at = await self._time(request)
        self.pages += 1
        return self._page(bodies.write_returns([self.told()], self._envelope(at)), self.cursor())

    def told(self) -> RailReturn:
        return a_return()

    def cursor(self) -> str:
        return "x-1"


class MovesItsCursor(Grants):
    def cursor(self) -> str:
        return f"x-{self.pages}"


class NeverEnds(MovesItsCursor):
    def told(self) -> RailReturn:
        return a_return(return_id=str(uuid4()))


@pytest.mark.parametrize(("kind", "most"), [(Grants, 2), (MovesItsCursor, 2), (NeverEnds, RETURN_PAGES_MAX)])
async def test_a_recall_ends_where_a_rail_tells_the_same_returns_again_or_ever_new_ones(
    kind: type[Grants], most: int
) -> None:
    service = of_kind(kind)
    async with served(service.application()) as url:
        rail = await acquainted(url)
        asked = RecallRequest(str(uuid4()), an_instruction("ibps").uetr, 1, "DUPL", 100, "CNY", NOON, "")
        async with asyncio.timeout(10):
            [answer] = await rail.recall([asked], NOON)
        assert answer.status == PENDING
        assert isinstance(service, Grants) and service.pages <= most
        assert len(rail._news.unasked) == (most if kind is NeverEnds else 1)
        await rail.stop()


async def test_no_more_returns_are_kept_than_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rails.news.HEARD_MAX", 5)
    async with served(of_kind(NeverEnds).application()) as url:
        rail = await acquainted(url)
        for _ in range(20):
            await rail._news.fetch_returns(NOON)
        assert len(rail._news.unasked) == 5
        assert len(await rail.returns(NOON, 3)) == 3
        assert await rail._news.fetch_returns(NOON)
        await rail.stop()


async def test_one_return_that_cannot_be_read_takes_none_of_its_page_with_it() -> None:
    class OwnNumber(RailService):
        async def returns(self, request: Request) -> Response:
            at = await self._time(request)
            others = [a_return(return_id=str(uuid4())) for _ in range(2)]
            body = bodies.write_returns([others[0], a_return(), others[1]], self._envelope(at))
            return self._page(body.replace(RETURN_ID.replace("-", "").encode(), b"RTR-2026-0001"), "x-1")

    async with served(of_kind(OwnNumber).application()) as url:
        rail = await acquainted(url)
        await rail._news.fetch_returns(NOON)
        assert len(await rail.returns(NOON, 10)) == 2
        assert rail.unreadable == 1
        await rail.stop()


class ToldOnce(RailService):
    """Tells of one return, whose recall it grants if it is asked."""

    told = a_return(reason_code="FOCR")

    async def camt056(self, request: Request) -> Response:
        at = await self._time(request)
        [asked] = bodies.read_recalls(await request.body(), at).requests
        answer = RecallAnswer("ibps", asked.recall_id, ACCEPTED, "", at, self.told)
        return self._answer(bodies.write_resolution([asked], [answer], self._envelope(at, "BAYSHKH0")))

    async def returns(self, request: Request) -> Response:
        at = await self._time(request)
        if request.query_params.get("after") == "x-1":
            return self._page(b"", "x-1")
        return self._page(bodies.write_returns([self.told], self._envelope(at)), "x-1")


async def test_a_return_after_a_recall_that_nobody_asked_is_handed_over_as_unasked() -> None:
    async with served(of_kind(ToldOnce).application()) as url:
        rail = await acquainted(url)
        await rail._news.fetch_returns(NOON)
        [back] = await rail.returns(NOON, 10)
        assert (back.return_id, back.recall_id) == (RETURN_ID, "")
        await rail.stop()


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("code", ["FOCR", "CUST"])
async def test_a_granted_recall_knows_its_money_by_the_return_it_names(code: str, taken: bool) -> None:
    class Names(ToldOnce):
        told = a_return(reason_code=code)

    async with served(of_kind(Names).application()) as url:
        rail = await acquainted(url)
        await rail._news.fetch_returns(NOON)
        if taken:
            assert len(await rail.returns(NOON, 10)) == 1
        [answer] = await rail.recall([RecallRequest(str(uuid4()), UETR, 1, "DUPL", 1, "CNY", NOON, "")], NOON)
        assert answer.returned is not None and answer.returned.return_id == RETURN_ID
        assert answer.returned.recall_id == answer.recall_id
        assert await rail.returns(NOON, 10) == []
        await rail.stop()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('{"delay_percent":"x"}', "delay_percent"), ('{"delay_percent":1e22}', "delay_percent"),
        ('{"delay_percent":1e400}', "delay_percent"), ('{"delay_percent":NaN}', "delay_percent"),
        ('{"lost_reports":10001}', "lost_reports"), ('{"outage":1}', "outage"), ('{"nosuch":1}', "takes"),
        ("[]", "object"), ("[" * 100_000, "JSON"), ('{"rules":1}', "rules"), ('{"rules":[1]}', "rules.0"),
        ('{"rules":[{"since":"2026-03-05T12:00:00"}]}', "rules.0.since"), ('{"rules":[{"lost":true}]}', "rules.0.lost"),
        ('{"rules":[{"latency_ms":[5,4,3,2,1]}]}', "rules.0.latency_ms"), ("\xff", "UTF-8"),
        ('{"rules":[{"direction":"up"}]}', "rules.0.direction"), ('{"rules":[{"reason_code":"?"}]}', "rules.0.reason_code"),
    ],
)  # fmt: skip
async def test_faults_that_are_none_are_refused_by_name_and_change_nothing(body: str, says: str) -> None:
    service = a_service("ibps")
    async with served(service.application()) as url:
        rail = await acquainted(url)
        answer = await rail._channel.ask("PUT", "/faults", {}, body.encode("latin-1"))
        assert answer.status == 400 and says in bodies.read_refusal(answer.body)
        await rail.send([an_instruction("ibps")])
        document = await rail._channel.ask("GET", "/capabilities", rail._headers(NOON))
        assert document.status == 200 and b'\\"delay_percent\\": 100' in document.body
        await rail.stop()
