"""Persons with several documents: an operator links them, and their usage is one person's at every bank."""

import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from builders import BANYAN, PEARL, RATES, a_clock, a_firm, a_person, southbound, to_magic
from serving import Served, body_of, drop_schemas, serving

from bayswitch import Problem
from limits import rulebook as packaged
from limits.rules import Rulebook
from switch.main import postgres_sandbox

_SCHEMA = "e2e_persons"
LINKS = "/v1/sandbox/persons/links"
QUOTA = "mainland.fx-purchase.year"
CARD, PASSPORT = a_person(1, "CN"), {"type": "PASSPORT", "number": "E10000001", "country": "CN"}
USD_30_000, USD_20_000 = "214285.71", "142857.14"  # at 0.14


def passports_too() -> Rulebook:
    """A scenario: southbound Payment Connect is open to holders of a mainland passport as well."""
    documents = copy.deepcopy(dict(packaged.read_documents()))
    documents["lanes/payment-connect.southbound.yaml"]["when"]["debtor_id"] = ["PRCID:CN", "PASSPORT:CN"]  # type: ignore[index]
    return Rulebook(documents)


@pytest_asyncio.fixture
async def mainland(postgres_url: str) -> AsyncIterator[Served]:
    """A switch whose rails take their time, so that payments can be in flight."""
    sandbox = postgres_sandbox(postgres_url, _SCHEMA, clock=a_clock(), rulebook=passports_too())
    sandbox.world.rates = RATES
    async with serving(sandbox) as found:
        yield found
    await drop_schemas(postgres_url, _SCHEMA)


def by_card(amount: str) -> dict[str, Any]:
    return body_of(southbound(amount))


def by_passport(amount: str, build: Any = southbound, **changes: Any) -> dict[str, Any]:
    return body_of(build(amount=amount, debtor_agent=BANYAN, debtor__identification=PASSPORT, **changes))


async def test_two_documents_at_two_banks_have_one_quota_after_the_link(
    mainland: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    """USD 30,000 on the identity card and 20,000 on the passport of a yearly 50,000; the second is in flight at the link."""
    async with mainland.client(PEARL) as pearl, mainland.client(BANYAN) as banyan, mainland.operator() as operator:
        await pearl.pay(by_card(USD_30_000))
        in_flight = await banyan.pay(
            body_of(
                to_magic(
                    "REJECT-AC03", southbound, amount=USD_20_000, debtor_agent=BANYAN, debtor__identification=PASSPORT
                )
            )
        )
        assert (await banyan.explain(by_passport(USD_30_000)))["status"] == "ACSP"
        printed = {**CARD, "number": f"{CARD['number'][:6]} {CARD['number'][6:]}"}
        assert await operator.link_persons(printed, PASSPORT) == {"linked": True}
        assert await operator.link_persons(PASSPORT, CARD) == {"linked": False}
        for client, instruction in ((pearl, by_card("1.00")), (banyan, by_passport("1.00"))):
            with pytest.raises(Problem) as caught:
                await client.pay(instruction)
            assert (caught.value.rule, caught.value.headroom) == (QUOTA, "USD 0.00")
        await operator.move_clock(by_seconds=60, settle_seconds=10)
        assert (await banyan.payment(in_flight["payment_id"]))["reason"]["code"] == "AC03"
        with pytest.raises(Problem) as caught:
            await pearl.pay(by_card("142857.15"))
        assert caught.value.headroom == "USD 20000.00"
        await pearl.pay(by_card(USD_20_000))
    said = capsys.readouterr()
    assert CARD["number"] not in said.out + said.err and PASSPORT["number"] not in said.out + said.err


@pytest.mark.parametrize(
    ("second", "field"),
    [
        ({**CARD, "number": CARD["number"][:-1] + "X"}, "documents.1.number"),
        ({**PASSPORT, "number": "E1"}, "documents.1.number"),
        ({**a_person(1), "country": "CN"}, "documents.1.number"),
        ({**PASSPORT, "country": "China"}, "documents.1.country"),
        ({"type": "PASSPORT", "country": "CN"}, "documents.1.number"),
        (a_firm(1, "CN"), "documents.1.type"),
        ({**PASSPORT, "name": "LI Xiaoming"}, "documents.1.name"),
        (None, "documents.1"),
    ],
)  # fmt: skip
async def test_a_document_that_is_none_is_named_by_its_field_and_nothing_is_linked(
    served: Served, second: dict[str, str] | None, field: str
) -> None:
    generation = await served.sandbox.store.generation()
    async with served.http(None) as http:
        answer = await http.post(LINKS, json={"documents": [CARD, *([second] if second else [])]})
    assert answer.status_code == 400 and [error["field"] for error in answer.json()["errors"]] == [field]
    assert CARD["number"] not in answer.text and "E10" not in answer.text and "Xiaoming" not in answer.text
    assert await served.sandbox.store.generation() == generation


async def test_only_an_operator_links(served: Served) -> None:
    async with served.http() as http:
        answer = await http.post(LINKS, json={"documents": [CARD, PASSPORT]})
    assert answer.status_code == 403
