"""The reports of a switch: over HTTP and on the command line the same, and in sum what the postings say."""

import asyncio
import csv
import io
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from builders import HARBOUR, LION, NOON, PEARL, northbound, southbound, to_magic, trade
from serving import Served, a_new_person, body_of
from typer.testing import CliRunner

from bayswitch import Problem
from fx.money import parse_amount
from limits.statistics import UNKNOWN_PARTIES, Side
from switch.api import report_models
from switch.cli import app
from switch.cli.traffic import drawn_day
from switch.flow.figures import Figures, Group
from switch.payment.instruction import Instruction
from switch.report.assembly import document, make_report, period_of, record_of
from switch.report.question import Question

RECEIPTS, CONVERSION = "/v1/reports/receipts-and-payments", "/v1/reports/conversion"
DAY = {"from": "2026-03-05", "to": "2026-03-05"}
WEEK = {"from": "2026-03-05", "to": "2026-03-12"}


async def paid(served: Served, *instructions: Instruction, seconds: int = 600) -> None:
    for n, instruction in enumerate(instructions):
        client = served.client(instruction.debtor_agent)
        async with client:
            with suppress(Problem):  # a refusal is what some tests are about
                await client.pay(body_of(instruction), idempotency_key=f"report-{instruction.instruction_id}-{n}")
    await served.sandbox.move_clock(served.sandbox.world.clock.now() + timedelta(seconds=seconds), None)
    assert await served.sandbox.settle_down(10)


async def asked(served: Served, path: str, bic: str | None = None, **query: str) -> dict[str, Any]:
    async with served.http(bic) as http:
        answer = await http.get(path, params=DAY | query)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_a_gift_north_stands_in_both_reports_and_only_the_mainlands_has_a_code(own: Served) -> None:
    await paid(own, northbound("90.00", "CNY"))
    cells = (await asked(own, RECEIPTS))["cells"]
    assert [(c["economy"], c["direction"], c["code"], c["currency"], c["amount"], c["count"]) for c in cells] == [
        ("CN", "receipt", "421010", "CNY", "90.00", 1),
        ("HK", "payment", "", "CNY", "90.00", 1),
    ]
    assert {cell["mark"] for cell in cells} == {"model only"}  # small and personal; and Hong Kong has no such returns
    assert [cell["basis"] for cell in cells] == ["personal-without-purpose", "no-such-returns"]


async def test_trade_between_firms_is_observable_in_official_returns(own: Served) -> None:
    await paid(own, trade("100.00"))
    [cell] = (await asked(own, RECEIPTS, economy="CN"))["cells"]
    assert (cell["item"], cell["code"], cell["mark"]) == (
        "goods.general-merchandise", "121010", "observable in official returns",
    )  # fmt: skip


async def test_an_onshore_purchase_is_of_the_conversion_statistics_and_an_offshore_sale_is_not(own: Served) -> None:
    await paid(own, northbound("100.00"), southbound("100.00"))
    offshore, onshore = sorted((await asked(own, CONVERSION))["cells"], key=lambda cell: cell["market"])
    assert (offshore["economy"], offshore["operation"], offshore["currency"], offshore["amount"], offshore["mark"]) == (
        "HK", "sale", "HKD", "100.00", "model only",
    )  # fmt: skip
    assert (onshore["economy"], onshore["operation"], onshore["currency"], onshore["rmb_amount"], onshore["mark"]) == (
        "CN", "purchase", "HKD", "100.00", "observable in official returns",
    )  # fmt: skip
    assert (onshore["party"], onshore["residency"]) == ("person", "CN")


async def test_what_is_rejected_or_in_doubt_is_in_no_cell_and_is_counted(own: Served) -> None:
    await paid(
        own, northbound("10.00", "CNY"), to_magic("REJECT-AC03-1", person=2), to_magic("LATE-ACCEPT-1", person=3), northbound("10001.00", person=4), seconds=60
    )  # fmt: skip
    report = await asked(own, RECEIPTS)
    assert sum(cell["count"] for cell in report["cells"]) == 2  # the first, in two economies
    assert report["not_settled"] == {
        "rejected": 2, "cancelled": 0, "blocked": 0, "on_their_way": 0, "not_yet_known": 1, "paid_after_their_end": 0,
        "returns_held": 0,
    }  # fmt: skip


async def test_the_bridge_gives_the_ledgers_numbers_and_says_why_it_has_no_others(own: Served) -> None:
    await paid(own, trade("100.00"), northbound("90.00", "CNY"))
    [bridge] = (await asked(own, RECEIPTS, economy="CN"))["bridge"]
    lines = {line["line"]: line for line in bridge["lines"]}
    assert lines["current-account"]["figures"] == [
        {
            "currency": "CNY", "credit": "190.00", "debit": "0.00", "net": "190.00",
            "observable": {"credit": "100.00", "debit": "0.00", "net": "100.00"},
        }
    ]  # fmt: skip
    assert lines["trade-credit"] == lines["trade-credit"] | {"status": "not observable here", "figures": []}
    assert lines["trade-credit"]["why"]


async def test_a_participant_sees_its_own_payments_alone_and_an_operator_all(own: Served) -> None:
    await paid(own, northbound("90.00", "CNY"), northbound("80.00", "CNY", debtor_agent=LION, person=2))
    amounts = {
        bic: [cell["amount"] for cell in (await asked(own, RECEIPTS, bic, economy="CN"))["cells"]]
        for bic in (HARBOUR, LION, PEARL, None)
    }
    assert amounts == {HARBOUR: ["90.00"], LION: ["80.00"], PEARL: [], None: ["170.00"]}


async def test_a_small_cell_can_be_left_out_and_its_number_is_told(own: Served) -> None:
    await paid(own, northbound("90.00", "CNY"), northbound("80.00", "CNY", person=2), trade("500.00"))
    report = await asked(own, RECEIPTS, economy="CN", min_count="2")
    assert [cell["count"] for cell in report["cells"]] == [2] and report["left_out"]["small_cells"] == 1
    [bridge] = report["bridge"]
    goods = next(line for line in bridge["lines"] if line["line"] == "goods")
    assert goods["figures"] == []  # nobody finds the small one by subtraction


@pytest.mark.parametrize(
    ("path", "model"),
    [(RECEIPTS, report_models.ReceiptsAndPayments), (CONVERSION, report_models.Conversions)],
)
async def test_the_three_forms_say_the_same_and_are_documented(own: Served, path: str, model: Any) -> None:
    await paid(own, northbound("100.00"), southbound("100.00"), trade("50.00"))
    forms = {}
    async with own.http() as http:
        for media_type in ("application/json", "text/csv", "application/vnd.apache.parquet"):
            answers = [await http.get(path, params=DAY, headers={"Accept": media_type}) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [200, 200]
            assert answers[0].headers["content-type"].partition(";")[0] == media_type
            assert answers[0].content == answers[1].content  # the same books, the same bytes
            forms[media_type] = answers[0].content
        schema = (await http.get("/openapi.json")).json()["paths"][path]["get"]["responses"]["200"]["content"]
    assert schema["application/json"]["schema"]["$ref"].endswith(f"/{model.__name__}")
    found, text, table = forms.values()
    cells = json.loads(found)["cells"]
    model.model_validate_json(found)
    assert cells and list(csv.DictReader(io.StringIO(text.decode()))) == [
        {name: str(value) for name, value in cell.items()} for cell in cells
    ]
    parquet = pq.read_table(io.BytesIO(table))
    assert [row | {"day": row["day"].isoformat()} for row in parquet.to_pylist()] == cells
    assert json.loads(parquet.schema.metadata[b"bayswitch"])["left_out"] == json.loads(found)["left_out"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"to": "2026-03-05"}, "from"),
        ({"from": "2026-03-05"}, "to"),
        ({"from": "5 March", "to": "2026-03-05"}, "from"),
        ({"from": "2026-03-05", "to": "20260305"}, "to"),
        ({"from": "2026-03-05", "to": "2026-03-04"}, "to"),
        ({"from": "2001-01-01", "to": "2026-03-04"}, "to"),
        ({"from": "0001-01-01", "to": "0001-01-02"}, "from"),
        ({"from": "9999-12-31", "to": "9999-12-31"}, "from"),
        (DAY | {"economy": "China"}, "economy"),
        (DAY | {"min_count": "0"}, "min_count"),
        (DAY | {"min_count": "many"}, "min_count"),
        (DAY | {"econmy": "CN"}, "econmy"),
    ],
)
async def test_a_wrong_question_is_told_by_its_field(own: Served, query: dict[str, str], field: str) -> None:
    async with own.http() as http:
        for path in (RECEIPTS, CONVERSION):
            answer = await http.get(path, params=query)
            assert answer.status_code == 400 and [each["field"] for each in answer.json()["errors"]] == [field]


async def test_a_form_that_is_not_there_is_told(own: Served) -> None:
    async with own.http() as http:
        answer = await http.get(RECEIPTS, params=DAY, headers={"Accept": "text/html"})
    assert answer.status_code == 400 and "text/csv" in answer.json()["detail"]


def test_a_stored_group_is_read_side_by_side_and_one_without_parties_too() -> None:
    standing = {"classification": {"entries": []}}
    group = Group(NOON.date(), json.dumps(standing), "HK", "CN", "HKD", "CNY", "onshore", False, True, 2, 100, 92, 91)
    record = record_of(group)
    assert (record.sent, record.received, record.bought_minor) == (Side("HKD", 100, False), Side("CNY", 91, True), 92)
    assert (record.number, record.parties) == (2, UNKNOWN_PARTIES)
    plain = record_of(group._replace(market="", sold_minor=0, bought_minor=0, debit_currency="CNY"))
    assert plain.sent == plain.received == Side("CNY", 91, True)


# --- reconciliation ---


class Crossed(NamedTuple):
    """Count and amount of what crossed, by reporting economy and currency."""

    counts: Counter[tuple[str, str]]
    amounts: Counter[tuple[str, str]]


def seen_by(asked: Mapping[str, Any]) -> list[str]:
    """Reckon from an instruction alone which economies see a transaction: of its parties, or of a deposit kept abroad."""
    debtor, creditor = asked["debtor"]["residency"], asked["creditor"]["residency"]
    if debtor != creditor:
        return [debtor, creditor]
    places = (asked["debtor_agent"][4:6], asked["creditor_agent"][4:6])
    return [economy for place in places if place != debtor for economy in (debtor, place)]


async def postings(served: Served, instructions: Mapping[str, Mapping[str, Any]]) -> Crossed:
    """Reckon from posted debits of debtors' positions and credits of creditors' what crossed; no class, no price is read."""
    counts, amounts = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for payment_id, instruction in instructions.items():
        own = [t.transfer for t in await served.sandbox.store.transfers(payment_id) if t.state == "posted"]
        here, there = instruction["debtor_agent"][4:6], instruction["creditor_agent"][4:6]
        taken = [t for t in own if t.debit_account.startswith("position:") and t.line != "charge"]
        given = [t for t in own if t.line == "principal"]
        if not given:
            continue
        # Of the two currencies, the one whose rails run on both sides of the exchange.
        through = next((t.credit_account for t in taken if t.line == "conversion"), "")
        rmb_held = next((t.debit_account for t in given if t.debit_account.startswith("inventory:")), "")
        onshore = ":onshore:" in through + rmb_held
        at_destination = bool(through) and ((there == "CN" != here) if onshore else (here == "CN" != there))
        if through and "CNY" not in (taken[0].currency, given[0].currency):
            at_destination = there == "MO" != here
        lines = taken if at_destination else given
        for economy in seen_by(instruction):
            counts[economy, lines[0].currency] += 1
            amounts[economy, lines[0].currency] += sum(line.amount_minor for line in lines)
    return Crossed(counts, amounts)


def reported(figures: Figures) -> Crossed:
    """Add up the cells of the report by economy and currency."""
    question = Question("receipts-and-payments", date(2026, 3, 5), date(2026, 3, 5))
    counts, amounts = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for cell in document(make_report(question, figures))["cells"]:
        counts[cell["economy"], cell["currency"]] += cell["count"]
        amounts[cell["economy"], cell["currency"]] += parse_amount(cell["amount"], cell["currency"])
    return Crossed(counts, amounts)


async def test_the_cells_of_a_seeded_day_add_up_to_what_the_postings_say(own: Served) -> None:
    lines = [line["instruction"] for line in drawn_day(7, 400, NOON.date())]
    sent = [Instruction.model_validate(line) for line in lines]
    answers = await asyncio.gather(
        *(own.sandbox.pay(each, each.debtor_agent[:8], f"day-{n}") for n, each in enumerate(sent))
    )
    await own.sandbox.move_clock(NOON + timedelta(minutes=5), None)
    assert await own.sandbox.settle_down(20)
    said = await postings(own, {a.payment_id: line for a, line in zip(answers, lines, strict=True) if a.payment_id})
    question = Question("receipts-and-payments", NOON.date(), NOON.date())
    figures = await own.sandbox.store.figures(period_of(question))
    assert reported(figures) == said
    assert said.counts["CN", "CNY"] > 50 and said.counts["CN", "HKD"] > 5, (
        said.counts
    )  # the day has something to add up
    # One payment that the report does not have is noticed, and so is one minor unit.
    crossing = next(group for group in figures.settled if group.number > 1 and group.origin != group.destination)
    others = tuple(group for group in figures.settled if group is not crossing)
    for fault in (
        crossing._replace(number=crossing.number - 1),
        crossing._replace(settled_minor=crossing.settled_minor + 1, sold_minor=crossing.sold_minor + 1),
    ):
        assert reported(figures._replace(settled=(*others, fault))) != said


# --- the command ---


def run(*arguments: str) -> tuple[int, bytes, str]:
    result = CliRunner().invoke(app, ["report", *arguments], env={"COLUMNS": "300"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout_bytes, result.output


async def test_the_command_reads_a_running_sandbox_and_says_what_the_api_says(
    served: Served, postgres_url: str, tmp_path: Path
) -> None:
    person = a_new_person()
    async with served.client() as client:
        await client.pay(body_of(northbound("50.00", person=person)), wait_seconds=10)
    books = ["--from", "2026-03-05", "--database-url", postgres_url, "--sandbox", served.sandbox.world.sandbox]
    for name, path in (("receipts-and-payments", RECEIPTS), ("conversion", CONVERSION)):
        status, printed, _ = await asyncio.to_thread(run, name, *books, "--json")
        assert status == 0 and json.loads(printed) == await asked(served, path)
        for form in ("csv", "parquet"):
            file = tmp_path / f"{name}.{form}"
            status, printed, _ = await asyncio.to_thread(run, name, *books, "--format", form, "--out", str(file))
            assert (status, printed) == (0, b"") and file.stat().st_size > 100
        status, printed, _ = await asyncio.to_thread(run, name, *books, "--format", "csv")
        assert printed == (tmp_path / f"{name}.csv").read_bytes()
    status, _, words = await asyncio.to_thread(run, "receipts-and-payments", *books, "--economy", "CN")
    assert status == 0 and "secondary-income.personal-transfers" in words and "trade-credit" in words
    assert "; observable: credit " in words and "model only" in words  # each figure and each cell with its mark
    assert "Settled, in no cell: " in words and "Not settled: " in words
    status, _, words = await asyncio.to_thread(run, "receipts-and-payments", *books, "--economy", "TH")
    assert status == 0 and "No cell of TH from 2026-03-05 to 2026-03-05" in words and "trade-credit" not in words


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from", "yesterday"], "is a day from 2000 to 2100, written as 2026-03-05"),
        (["--from", "2026-03-05", "--to", "2026-03-01"], "is before 2026-03-05"),
        (["--from", "2026-03-05", "--economy", "Hong Kong"], "ISO 3166"),
        (["--from", "2026-03-05", "--participant", "NOBOHKH0"], "is no participant; there are"),
        (["--from", "2026-03-05", "--format", "parquet"], "name a file with --out"),
        (["--from", "2026-03-05", "--out", "x.txt"], "write json, csv or parquet"),
        (["--from", "2026-03-05", "--data", "/nowhere"], "holds no books"),
        (["--from", "2026-03-05", "--database-url", "postgresql://127.0.0.1:1/x"], "books cannot be read"),
    ],
)
def test_a_wrong_use_of_the_command_is_one_sentence(arguments: list[str], says: str) -> None:
    status, _, words = run("receipts-and-payments", *arguments)
    assert status == 2 and says in " ".join(words.replace("│", " ").split())
