"""A switch one of whose rails answers over HTTP: payments go through it as through any, by the switch's own clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from builders import a_clock, northbound, to_magic
from served_rail import KEY, a_service, served
from serving import Served, a_new_person, body_of, serving
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from typer.testing import CliRunner

from limits.calendars import is_business_day
from rails.book import MemoryBook
from rails.catalogue import build_rails
from rails.channel import Channel
from rails.contents import MemoryContents
from rails.remote import RemoteRail
from rails.serving import RailService
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
