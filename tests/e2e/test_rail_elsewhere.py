"""A switch one of whose rails answers over HTTP: payments go through it as through any, by the switch's own clock."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from builders import a_clock, domestic, northbound, to_magic
from served_rail import KEY, a_service, a_simulated, served
from serving import Served, a_new_person, body_of, serving
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from typer.testing import CliRunner

from limits.calendars import is_business_day
from rails.book import MemoryBook
from rails.catalogue import build_rails
from rails.channel import Channel
from rails.contents import MemoryContents
from rails.port import RailReport, RailReturn
from rails.remote import RemoteRail
from rails.serving import RailService
from rails.wire.values import LegStatus
from switch.cli import app
from switch.main import CannotOpen, make_worker, make_world
from switch.sandbox import Sandbox
from switch.store.memory import MemoryStore


class WithoutFaults(RailService):
    async def capabilities(self, request: Request) -> Response:
        answer = JSONResponse({})
        answer.body = bytes((await super().capabilities(request)).body).replace(b'"faults":"', b'"faults_were":"')
        answer.headers["content-length"] = str(len(answer.body))
        return answer


def a_sandbox(url: str, rail: str = "ibps", store: MemoryStore | None = None) -> Sandbox:
    clock = a_clock()
    rails = build_rails(lambda _: MemoryBook(), is_business_day, 7)
    remote = RemoteRail(rails[rail], Channel(url, KEY), clock.now, "BAYSHKH0", "e2e")
    world = make_world({**rails, rail: remote}, clock)
    store = store or MemoryStore()
    return Sandbox(world, store, make_worker(world, store))


@asynccontextmanager
async def a_switch(service: RailService) -> AsyncIterator[Served]:
    async with served(service.application()) as url, serving(a_sandbox(url)) as switch:
        yield switch


async def test_what_is_due_over_http_is_done_when_the_clock_has_settled() -> None:
    async with a_switch(a_service("ibps")) as switch, switch.client() as bank, switch.operator() as operator:
        good = await bank.pay(body_of(northbound("600.00", person=a_new_person())))
        bad = await bank.pay(body_of(to_magic("REJECT-AC03", person=a_new_person())))
        assert [(await bank.payment(each["payment_id"]))["iso_status"] for each in (good, bad)] == ["ACSP", "ACSP"]
        moved = await operator.move_clock(by_seconds=18, settle_seconds=10)
        assert moved["settled"] is True
        paid, refused = [await bank.payment(each["payment_id"]) for each in (good, bad)]
        assert paid["iso_status"] == "ACCC"
        assert (refused["iso_status"], refused["reason"]["code"]) == ("RJCT", "AC03")


async def test_the_rail_is_told_who_pays_and_what_for() -> None:
    told: list[bytes] = []

    class Listens(RailService):
        async def pacs008(self, request: Request) -> Response:
            told.append(await request.body())
            return await super().pacs008(request)

    service = a_service("ibps")
    listening = Listens(service._rail, service._book, MemoryContents(), KEY, "listens")
    async with a_switch(listening) as switch, switch.client() as bank:
        await bank.pay(body_of(northbound("600.00", person=a_new_person(), remittance_information="Fish & <chips>")))
        await switch.sandbox.settle_down(2.0)
    [message] = told
    for part in (
        b"<Nm>CHAN Tai Man</Nm>",
        b"<Nm>Li Wei</Nm>",
        b"<Cd>GIFT</Cd>",
        b"Fish &amp; &lt;chips&gt;",
        b'Ccy="CNY"',
    ):
        assert part in message


async def test_what_a_worker_left_behind_is_sent_with_all_that_the_rail_needs() -> None:
    store = MemoryStore()
    async with serving(a_sandbox("http://127.0.0.1:1", store=store)) as first, first.client() as bank:
        left = await bank.pay(body_of(northbound("600.00", person=a_new_person())))
    async with served(a_service("ibps").application()) as url, serving(a_sandbox(url, store=store)) as second:
        await second.sandbox.move_clock(second.sandbox.world.clock.now() + timedelta(seconds=10), None)
        await second.sandbox.settle_down(5.0)
        await second.sandbox.move_clock(second.sandbox.world.clock.now() + timedelta(seconds=60), None)
        await second.sandbox.settle_down(5.0)
        async with second.client() as bank:
            assert (await bank.payment(left["payment_id"]))["iso_status"] == "ACCC"


async def test_faults_of_a_rail_of_ours_are_set_from_here_and_of_another_are_refused() -> None:
    async with a_switch(a_service("ibps")) as switch, switch.http(None) as http:
        answer = await http.post("/v1/sandbox/rails/ibps/faults", json={"lost_reports": 10_000})
        assert answer.status_code == 200
    service = a_service("ibps")
    other = WithoutFaults(service._rail, service._book, MemoryContents(), KEY, "other")
    async with a_switch(other) as switch, switch.http(None) as http:
        answer = await http.post("/v1/sandbox/rails/ibps/faults", json={"lost_reports": 10_000})
        assert (answer.status_code, answer.json()["name"]) == (409, "rail-elsewhere")
        answer = await http.post("/v1/sandbox/rails/hk-fps/faults", json={"lost_reports": 10_000})
        assert answer.status_code == 200


def of_kind(kind: type[RailService]) -> RailService:
    book = MemoryBook()
    return kind(a_simulated("ibps", book), book, MemoryContents(), KEY, "kind")


@pytest.mark.parametrize("status", [202, 307, 409])
async def test_what_a_rail_has_taken_and_answers_otherwise_is_paid_and_not_released(status: int) -> None:
    class TakesAndSays(RailService):
        async def pacs008(self, request: Request) -> Response:
            await super().pacs008(request)
            return Response(b"", status)

        async def reports(self, request: Request) -> Response:
            await self._time(request)
            return self._page(b"", "s-1")

    async with a_switch(of_kind(TakesAndSays)) as switch, switch.client() as bank, switch.operator() as operator:
        paid = await bank.pay(body_of(northbound("600.00", person=a_new_person())))
        for seconds in (61, 10, 30, 3600):
            await operator.move_clock(by_seconds=seconds, settle_seconds=3)
        assert (await bank.payment(paid["payment_id"]))["iso_status"] == "ACCC"
        assert await switch.sandbox.store.exceptions(paid["payment_id"]) == []


async def test_a_rail_whose_answer_drips_does_not_hold_up_the_others() -> None:
    class Drips(RailService):
        async def pacs008(self, request: Request) -> Response:
            async def drip() -> AsyncIterator[bytes]:
                for _ in range(20):
                    yield b" "
                    await asyncio.sleep(0.5)

            return StreamingResponse(drip(), 200, {"Content-Type": "application/xml"})

    async with a_switch(of_kind(Drips)) as switch, switch.client() as bank:
        await bank.pay(body_of(northbound("600.00", person=a_new_person())))
        worker = switch.sandbox.worker
        for _ in range(2):
            await bank.pay(body_of(domestic(person=a_new_person())))
            async with asyncio.timeout(1.0):  # the answer drips for three seconds at the least
                while any(flight.rail != "ibps" for flight, _ in worker.unsent) or worker.sending.keys() - {"ibps"}:
                    await asyncio.sleep(0.01)
            assert "ibps" in worker.sending


async def test_a_report_in_another_currency_is_an_exception_and_moves_nothing() -> None:
    class InDollars(RailService):
        async def _statuses(self, reports: Sequence[RailReport]) -> list[LegStatus]:
            entries = await self._book.find([(report.uetr, report.leg) for report in reports])
            return [
                said._replace(amount_minor=entry.amount_minor, currency="HKD") if entry else said
                for said, entry in zip(await super()._statuses(reports), entries, strict=True)
            ]

    async with a_switch(of_kind(InDollars)) as switch, switch.client() as bank, switch.operator() as operator:
        paid = await bank.pay(body_of(northbound("600.00", person=a_new_person())))
        await operator.move_clock(by_seconds=18, settle_seconds=5)
        assert (await bank.payment(paid["payment_id"]))["iso_status"] == "ACSP"
        records = await switch.sandbox.store.exceptions(paid["payment_id"])
        assert {record.kind for record in records} == {"wrong-amount"}
        assert '"currency": "HKD"' in records[0].detail


@pytest.mark.parametrize("code", ["CUST", "FOCR"])
async def test_a_granted_recall_is_closed_by_the_return_it_names_whatever_its_code(code: str) -> None:
    class WithAnotherCode(RailService):
        def _tell(self, returned: Sequence[RailReturn]) -> None:
            super()._tell([each._replace(reason_code=code) for each in returned])

    async with a_switch(of_kind(WithAnotherCode)) as switch, switch.client() as bank, switch.operator() as operator:
        account = {"creditor__account__number": "MAGIC-RECALL-ACCEPTED"}
        paid = await bank.pay(body_of(northbound("600.00", person=a_new_person(), **account)))
        await operator.move_clock(by_seconds=18, settle_seconds=5)
        asked = await switch.http().post(
            f"/v1/payments/{paid['payment_id']}/recall", json={"reason_code": "DUPL"}, headers={"Idempotency-Key": "k1"}
        )
        assert asked.status_code < 300, asked.text
        for days in (1, 3, 5):
            await operator.move_clock(by_seconds=days * 86_400, settle_seconds=5)
            await asyncio.sleep(0.3)
        store = switch.sandbox.store
        [recall] = await store.recalls(paid["payment_id"])
        [back] = await store.returns(paid["payment_id"])
        assert (recall.state, back.state) == ("returned", "returned")


async def test_a_return_after_a_recall_that_nobody_asked_is_booked() -> None:
    class GivesBack(RailService):
        uetr, minor = "", 0

        async def returns(self, request: Request) -> Response:
            at = await self._time(request)
            if self.uetr and not self._told:
                given = RailReturn("ibps", str(uuid4()), self.uetr, 1, self.minor, "CNY", 0, "FOCR", "", at)
                self._tell([given])
            return await super().returns(request)

    service = of_kind(GivesBack)
    assert isinstance(service, GivesBack)
    async with a_switch(service) as switch, switch.client() as bank, switch.operator() as operator:
        paid = await bank.pay(body_of(northbound("600.00", person=a_new_person())))
        await operator.move_clock(by_seconds=18, settle_seconds=5)
        stored = await switch.sandbox.payment(paid["payment_id"], None)
        service.minor, service.uetr = stored.settlement_minor, stored.uetr
        async with asyncio.timeout(10):
            while not await switch.sandbox.store.returns(paid["payment_id"]):
                await operator.move_clock(by_seconds=60, settle_seconds=1)
                await asyncio.sleep(0.1)


async def test_a_rail_that_carries_something_else_is_refused_at_the_start() -> None:
    async with served(a_service("ibps").application()) as url:
        with pytest.raises(CannotOpen, match="does not carry HKD"):
            async with serving(a_sandbox(url, "hk-fps")):
                pass


def test_what_the_commands_are_given_wrongly_is_told_and_nothing_begins() -> None:
    for given, says in {
        ("up", "--rail", "ibps"): "NAME=URL", ("up", "--rail", "x=http://127.0.0.1:1"): "is no rail",
        ("up", "--rail", "ibps=http://127.0.0.1:1", "--rail", "ibps=http://127.0.0.1:2"): "twice",
        ("rail", "nosuch"): "is no rail", ("rail", "check", "127.0.0.1:1"): "an address",
        ("rail", "check", "http://127.0.0.1:1", "--case", "nosuch"): "is no case",
    }.items():  # fmt: skip
        done = CliRunner().invoke(app, list(given), env={"COLUMNS": "300"})
        assert done.exit_code == 2 and says in done.output, done.output


def test_a_check_of_nothing_fails_and_says_so(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    done = CliRunner().invoke(app, ["rail", "check", "http://127.0.0.1:1", "--report", str(report)])
    assert done.exit_code == 1 and "It does not behave." in done.output
    assert "no answer" in report.read_text("utf-8")
