"""The suite for rails of others: ours passes every case of it, and each case fails on a rail that breaks what it asks for."""

import json
import random
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from uuid import UUID

import pytest
from broken_rails import BROKEN, AsksForNoKey, FallsOver, a_broken
from served_rail import KEY, NOON, a_service, served

from rails.channel import ANSWER_SECONDS_MAX, CONNECT_SECONDS_MAX
from rails.conformance import suite
from rails.conformance.prober import Target
from rails.conformance.report import html_of, json_of, table
from rails.conformance.suite import CASES, FAILED, PASSED, SKIPPED, Report
from rails.remote import AWAY_SECONDS, INTRODUCE_SECONDS, MESSAGES_IN_FLIGHT_MAX, POLL_SECONDS
from rails.serving import RailService
from rails.wire import BATCH_MAX
from rails.wire.bodies import read_statuses
from rails.wire.values import read_document
from switch.flow.loops import IDLE_SECONDS, RETRY_SECONDS

GRANTS = "MAGIC-RECALL-ACCEPTED"  # so that recalls have something to show


async def run(service: RailService, *chosen: str, account: str = GRANTS, key: str = KEY) -> Report:
    dice = random.Random(7)
    async with served(service.application()) as url:
        target = Target(url, key, account=account)
        return await suite.run(target, NOON, lambda: str(UUID(int=dice.getrandbits(128), version=4)), chosen)


def failures(report: Report) -> dict[str, str]:
    return {found.case.id: f"{found.expected} / {found.came}" for found in report.findings if found.outcome == FAILED}


@pytest.mark.parametrize("name", ["hk-fps", "ibps", "hk-chats", "promptpay"])
async def test_a_rail_of_ours_behaves(name: str) -> None:
    report = await run(a_service(name))
    assert failures(report) == {}
    assert report.behaves and report.rail == name
    skipped = {found.case.id for found in report.findings if found.outcome == SKIPPED}
    assert skipped <= {"expired"}  # four-step rails have no timer
    assert len(report.findings) == len(CASES)


async def test_a_rail_of_ours_behaves_to_an_ordinary_account_too() -> None:
    assert failures(await run(a_service("ibps"), account="6222000000000001")) == {}


@pytest.mark.parametrize(("case", "what", "broken"), BROKEN, ids=[f"{case}: {what}" for case, what, _ in BROKEN])
async def test_each_case_sees_what_it_asks_for(case: str, what: str, broken: Callable[[], RailService]) -> None:
    report = await run(broken(), case)
    assert case in failures(report), what


def test_no_case_is_without_a_rail_that_fails_it() -> None:
    assert {case for case, _, _ in BROKEN} == {case.id for case in CASES}
    assert len({case.id for case in CASES}) == len(CASES)


async def test_where_nothing_answers_the_report_says_so_and_ends() -> None:
    async with served(a_service("ibps").application()) as url:
        pass
    report = await suite.run(Target(url, KEY), NOON, lambda: "x")
    assert [found.outcome for found in report.findings] == [FAILED]
    assert "no answer" in report.findings[0].came
    assert "start the rail" in report.findings[0].what_to_do
    assert report.not_run == len(CASES) - 1 and f"{len(CASES) - 1} not run" in html_of(report)


async def test_a_wrong_key_is_told_as_such() -> None:
    report = await run(a_service("ibps"), key="another")
    assert failures(report) == {"capabilities": "200 / 401"}
    assert "--key" in report.findings[0].what_to_do and report.findings[0].what_to_do in html_of(report)


class Parsed(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_the_report_has_each_case_with_its_messages_and_needs_nothing_else() -> None:
    report = await run(a_broken(FallsOver), "taken", "no-message")
    page = Parsed()
    page.feed(html_of(report))
    assert all(link.startswith("#") for link in page.links)
    assert "script" not in page.tags and "link" not in page.tags and "img" not in page.tags
    assert "It does not behave: 1 of 3 cases failed." in page.text
    for finding in report.findings:
        assert finding.case.title in page.text
    assert "<FIToFIPmtStsRpt>" in page.text and "<ChrgBr>SHAR</ChrgBr>" in page.text  # a pair, as text
    assert CASES[[case.id for case in CASES].index("no-message")].what_to_do in page.text
    assert KEY not in page.text


async def test_what_a_rail_says_cannot_write_into_the_report() -> None:
    class Writes(AsksForNoKey):
        async def capabilities(self, request: object) -> object:
            answer = await super().capabilities(request)  # type: ignore[arg-type]
            document = json.loads(bytes(answer.body)) | {"rail": "<script>alert(1)</script>"}
            answer.body = json.dumps(document).encode()
            answer.headers["content-length"] = str(len(answer.body))
            return answer

    report = await run(a_broken(Writes), "taken")  # type: ignore[type-abstract]
    assert "<script" in report.rail
    assert "<script" not in html_of(report)


async def test_the_document_for_programs_says_the_same() -> None:
    report = await run(a_broken(FallsOver), "no-message")
    document = json.loads(json.dumps(json_of(report)))
    assert (document["behaves"], document["failed"], document["passed"]) == (False, 1, 1)
    [passed, failed] = document["cases"]
    assert (passed["id"], passed["outcome"]) == ("capabilities", PASSED)
    assert failed["outcome"] == FAILED and failed["expected"] and failed["came"] and failed["what_to_do"]
    assert re.search(r"hello", failed["exchanges"][0]["sent"])


DOCUMENT = (Path(__file__).parents[3] / "docs" / "rails.md").read_text("utf-8")


def test_the_document_lists_the_cases_as_they_are() -> None:
    assert f"<!-- cases -->\n{table()}\n<!-- end of cases -->" in DOCUMENT


def test_the_document_s_pacs002_can_be_read_and_left_out_of_it_is_nothing_that_is_needed() -> None:
    text = (Path(__file__).parents[3] / "docs" / "rails.md").read_text("utf-8")
    sample = re.search(r"<!-- sample pacs.002 -->\n```xml\n(.*?)```", text, re.DOTALL)
    assert sample is not None
    [said] = read_statuses(sample[1].encode())
    assert (said.uetr, said.leg, said.status) == ("00000001-0000-4000-8000-000000000001", 1, "ACTC")


def test_the_document_s_capabilities_can_be_read() -> None:
    found = re.search(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None and read_document(json.loads(found[1])).steps == 5


def test_the_document_s_figures_are_those_in_force() -> None:
    for figure in (
        f"{MESSAGES_IN_FLIGHT_MAX}, of {BATCH_MAX} transactions each", f"every {POLL_SECONDS} seconds",
        f"{ANSWER_SECONDS_MAX:.0f} s (connection: {CONNECT_SECONDS_MAX:.0f} s;", f"every {AWAY_SECONDS} s",
        f"every {INTRODUCE_SECONDS:.0f} s,", f"every {RETRY_SECONDS} s until", f"(and takes it up within {IDLE_SECONDS})",
    ):  # fmt: skip
        assert figure in DOCUMENT, figure
