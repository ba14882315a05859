"""Explain and headroom over HTTP: what they say would pass is paid, and what is just beyond it is refused."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from builders import northbound, southbound
from serving import Served, a_new_person, body_of
from typer.testing import CliRunner

from bayswitch import Problem
from switch.cli import app
from switch.payment.remedy import patched

DAY = "payment-connect.northbound.day"
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
LANGUAGES = {"en", "zh-Hant", "zh-Hans"}


async def test_the_smallest_change_is_paid_and_one_cent_more_is_refused(served: Served) -> None:
    person = a_new_person()
    async with served.client() as client:
        await client.pay(body_of(northbound("8750.00", person=person)))
        asked = body_of(northbound("1500.00", person=person))
        said = await client.explain(asked)
        assert said["status"] == "RJCT" and said["reason"]["rule"] == DAY
        assert [each["kind"] for each in said["remedies"]] == ["instant", "amount"]
        later, less = said["remedies"]
        assert later["binding"] == less["binding"] == DAY and later["at"].endswith("T00:00:00.000+08:00")
        assert less["patch"] == {"instructed_amount": {"currency": "HKD", "amount": "1250.00"}}
        changed = patched(asked, less["patch"])
        more = patched(changed, {"instructed_amount": {"amount": "1250.01"}, "instruction_id": "ONE-CENT-MORE"})
        with pytest.raises(Problem) as caught:
            await client.pay(more)
        assert caught.value.rule == DAY
        assert (await client.pay(changed))["iso_status"] == "ACSP"


async def test_an_answer_speaks_every_language_to_the_person_and_to_the_analyst(served: Served) -> None:
    async with served.client() as client:
        for body in (
            body_of(northbound("10000.01", person=a_new_person())),
            body_of(northbound(person=a_new_person())),
        ):
            said = await client.explain(body)
            assert said["texts"].keys() == LANGUAGES
            assert all(text["person"] and text["analyst"] for text in said["texts"].values())
            for each in said["remedies"]:
                assert each["text"].keys() == LANGUAGES


async def test_headroom_tells_the_greatest_amount_that_is_then_paid(served: Served) -> None:
    person = a_new_person()
    async with served.client() as client:
        await client.pay(body_of(northbound("15.00", person=person)))
        question = body_of(northbound("1.00", "CNY", person=person, debtor__account__currency="HKD"))
        found = await client.headroom(question)
        lane = next(lane for lane in found["lanes"] if lane["lane"] == "payment-connect.northbound")
        greatest: dict[str, Any] = lane["greatest_amount"]
        assert greatest["currency"] == "CNY"
        amount = Decimal(greatest["amount"])
        statuses = [
            (await client.explain(patched(question, {"instructed_amount": {"amount": str(each)}})))["status"]
            for each in (amount, amount + Decimal("0.01"))
        ]
        assert statuses == ["ACSP", "RJCT"]
        # Paid at the rates of its own minute, a little later: a yuan below is sure to fit.
        await client.pay(patched(question, {"instructed_amount": {"amount": str(amount - 1)}}))


async def test_a_fault_of_the_instruction_is_explained_without_facts(served: Served) -> None:
    body = body_of(southbound("100.00", person=a_new_person(), purpose_code=None))
    async with served.client("PEARCNG0") as client:
        said = await client.explain(body)
    assert said["reason"]["name"] == "purpose-missing" and said["facts"] is None and said["remedies"] == []
    assert "付款目的" in said["texts"]["zh-Hant"]["person"]


@pytest.mark.parametrize(
    ("language", "says"),
    [("en", ["This payment goes over", "Send at most HKD 1,250.00"]), ("zh-Hant", ["1,250.00 港元", "可以這樣做"]), ("zh-Hans", ["1,250.00 港元", "可以这样做"])],
)  # fmt: skip
def test_the_command_tells_the_verdict_first_in_the_language_asked_for(language: str, says: list[str]) -> None:
    asked = [str(EXAMPLES / "payment.json"), "--at", "2026-03-05T10:00:00+08:00", "--used", str(EXAMPLES / "used.json")]
    said = CliRunner().invoke(app, ["explain", *asked, "--lang", language])
    first, *rest = said.output.splitlines()
    assert said.exit_code == 1 and first.startswith("RJCT") and all(each in first for each in says), first
    changes = [line for line in rest if line.strip().startswith("•")]
    assert len(changes) == 2 and "1,250.00" in changes[1] and not any("{" in line for line in rest), rest
    order = [line.split()[0] for line in rest if line[:1].strip()] if language == "en" else []
    assert order == sorted(order, key=["class", "lane", "money", "claim", "route"].index)


def test_the_command_s_window_of_tomorrow_begins_empty() -> None:
    asked = [str(EXAMPLES / "payment.json"), "--at", "2026-03-05T10:00:00+08:00", "--used", str(EXAMPLES / "used.json")]
    document = json.loads(CliRunner().invoke(app, ["explain", *asked, "--json"]).output)
    assert document["remedies"][0]["at"] == "2026-03-06T00:00:00.000+08:00"
    at = ["--at", document["remedies"][0]["at"]]
    assert CliRunner().invoke(app, ["explain", asked[0], *at, "--json"]).exit_code == 0


def test_a_language_that_is_not_spoken_is_refused_in_one_sentence() -> None:
    said = CliRunner().invoke(
        app, ["explain", str(EXAMPLES / "payment.json"), "--at", "2026-03-05T10:00:00+08:00", "--lang", "fr"]
    )
    assert said.exit_code == 2 and "zh-Hant" in said.output


def test_the_page_on_explain_names_every_key_of_the_document() -> None:
    asked = [str(EXAMPLES / "payment.json"), "--at", "2026-03-05T10:00:00+08:00"]
    document = json.loads(CliRunner().invoke(app, ["explain", *asked, "--json"]).output)
    page = (EXAMPLES.parent / "explain.md").read_text("utf-8")
    keys = document.keys() - {"at", "rulebook_id"} | document["claims"][0].keys() - {"rule", "currency", "effect"}
    assert {key for key in keys if f"`{key}`" not in page} == set()
