"""Persons over HTTP: documents linked by an operator, states an authority puts them under, registered pairs of accounts."""

import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from builders import (
    BANYAN,
    HARBOUR,
    KAPOK,
    NOON,
    PEARL,
    RATES,
    a_clock,
    a_firm,
    a_person,
    southbound,
    to_magic,
)
from serving import Served, a_new_person, body_of, drop_schemas, serving

from bayswitch import Problem
from limits import rulebook as packaged
from limits.calendars import law_day
from limits.facts import Profile
from limits.rules import Rulebook
from switch.main import postgres_sandbox
from switch.payment.instruction import Instruction
from switch.translate.facts import Translated, translate

_SCHEMA = "e2e_persons"
LINKS = "/v1/sandbox/persons/links"
STATES, PAIRS, KNOWN = "/v1/persons/states", "/v1/persons/pairs", "/v1/persons/known"
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


# --- states ---


def profile_of(served: Served, instruction: Instruction) -> Profile:
    """What the served worker reads of an instruction."""
    found = translate(instruction, served.sandbox.world.known, NOON, law_day(NOON))
    assert isinstance(found, Translated), found
    return found.facts.profile


async def said(served: Served, path: str, body: dict[str, Any], bic: str | None = None) -> tuple[int, Any]:
    """Status and document of a call, by an operator unless a participant is named."""
    async with served.http(bic) as http:
        answer = await http.post(path, json=body)
    for secret in ("number", "debtor_account", "creditor_account"):
        for holder in (body, body.get("document", {})):
            assert str(holder.get(secret, "-")) not in answer.text or holder.get(secret) in (None, "")
    return answer.status_code, answer.json()


async def test_a_person_is_put_on_the_watch_list_for_this_year_and_two_and_taken_off_it(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    n = a_new_person()
    person, payment = a_person(n, "CN"), southbound(person=n)
    put = {"document": person, "state": "watch-list"}
    stands = {"state": "watch-list", "until": "2028-12-31", "changed": True}
    assert await said(served, STATES, put) == (200, stands)
    assert await said(served, STATES, put) == (200, stands | {"changed": False})
    assert profile_of(served, payment).debtor_states == {"watch-list"}
    found = {"documents": 1, "states": {"watch-list": "2028-12-31"}, "pairs": 0}
    assert await said(served, KNOWN, {"document": person}) == (200, found)
    shorter = await said(served, STATES, put | {"until": "2026-03-05"})
    assert shorter == (200, stands | {"until": "2026-03-05"})
    assert await said(served, STATES, put | {"lift": True}) == (200, stands | {"until": None})
    assert await said(served, STATES, put | {"lift": True}) == (200, stands | {"until": None, "changed": False})
    assert profile_of(served, payment).debtor_states == frozenset()
    told = capsys.readouterr()
    assert person["number"] not in told.out + told.err


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"until": "2026-03-04"}, "until"),
        ({"until": "2100-01-01"}, "until"),
        ({"until": "soon"}, "until"),
        ({"until": "2026-03-05", "lift": True}, "until"),
        ({"state": "unknown"}, "state"),
        ({"document": {**CARD, "number": CARD["number"][:-1] + "X"}}, "document.number"),
        ({"document": a_firm(1, "CN")}, "document.type"),
        ({"name": "LI Xiaoming"}, "name"),
    ],
)  # fmt: skip
async def test_a_state_that_cannot_be_is_named_by_its_field(
    served: Served, changes: dict[str, Any], field: str
) -> None:
    status, found = await said(served, STATES, {"document": CARD, "state": "watch-list"} | changes)
    assert status == 400 and [error["field"] for error in found["errors"]] == [field], found


# --- pairs ---


def a_pair(n: int, **changes: Any) -> dict[str, Any]:
    """The n-th person's southbound pair with a bank."""
    return {
        "document": a_person(n, "CN"), "direction": "southbound", "channel": "bank",
        "debtor_agent": PEARL, "debtor_account": f"622200{n:013}",
        "creditor_agent": HARBOUR, "creditor_account": f"900555{n:06}",
    } | changes  # fmt: skip


async def test_a_pair_is_registered_once_by_an_agent_of_its_and_paired_both_ways(served: Served) -> None:
    n = a_new_person()
    pair, payment = a_pair(n), southbound(person=n, creditor__account__number=f"900-555{n:06}")
    assert not profile_of(served, payment).paired
    assert await said(served, PAIRS, pair, HARBOUR) == (200, {"registered": True})
    assert await said(served, PAIRS, pair, PEARL) == (200, {"registered": False})
    found = profile_of(served, payment)
    assert (found.paired, found.wealth_channel, found.wealth_channels) == (True, "bank", {"bank"})
    broker = a_pair(n, channel="broker", debtor_account=f"622201{n:013}", creditor_account=f"900556{n:06}")
    assert await said(served, PAIRS, broker) == (200, {"registered": True})
    assert profile_of(served, payment).wealth_channels == {"bank", "broker"}
    assert (await said(served, KNOWN, {"document": pair["document"]}))[1]["pairs"] == 2


async def test_a_pair_that_does_not_go_with_what_there_is_is_a_conflict_and_changes_nothing(served: Served) -> None:
    n, other = a_new_person(), a_new_person()
    assert (await said(served, PAIRS, a_pair(n)))[0] == 200
    generation = await served.sandbox.store.generation()
    for wrong, says in (
        (a_pair(n, creditor_account="900556000001"), "another southbound pair"),
        (a_pair(n, channel="broker", creditor_account="900556000001"), "another pair"),
        (a_pair(n) | {"document": a_person(other, "CN")}, "another pair"),
        # registered in the directory under two names
        (
            a_pair(other, debtor_account="6200068880000000001", creditor_account="900888000003"),
            "different names",
        ),
    ):
        status, found = await said(served, PAIRS, wrong)
        assert (status, found["name"]) == (409, "conflict") and says in found["detail"], found
    assert await served.sandbox.store.generation() == generation


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"debtor_agent": "NOBYCNS0"}, "debtor_agent"),
        ({"creditor_agent": "NOBYHKH0"}, "creditor_agent"),
        ({"creditor_agent": BANYAN}, "creditor_agent"),
        ({"direction": "northbound"}, "direction"),
        ({"direction": "eastbound"}, "direction"),
        ({"channel": "wallet"}, "channel"),
        ({"debtor_account": "6222 0001"}, "debtor_account"),
        ({"document": {**CARD, "number": CARD["number"][:-1] + "X"}}, "document.number"),
    ],
)  # fmt: skip
async def test_a_pair_that_cannot_be_is_named_by_its_field(served: Served, changes: dict[str, Any], field: str) -> None:
    status, found = await said(served, PAIRS, a_pair(1) | changes)
    assert status == 400 and [error["field"] for error in found["errors"]] == [field], found


async def test_only_an_agent_of_the_two_accounts_or_an_operator_registers_and_only_an_operator_asks(
    served: Served,
) -> None:
    assert (await said(served, PAIRS, a_pair(a_new_person()), KAPOK))[0] == 403
    for path, body in ((STATES, {"document": CARD, "state": "watch-list"}), (KNOWN, {"document": CARD})):
        assert (await said(served, path, body, HARBOUR))[0] == 403


async def test_a_link_makes_states_and_pairs_one_person_s(served: Served) -> None:
    n = a_new_person()
    passport = {"type": "PASSPORT", "number": f"E{n:08}", "country": "CN"}
    assert (await said(served, STATES, {"document": passport, "state": "watch-list"}))[0] == 200
    assert (await said(served, PAIRS, a_pair(n)))[0] == 200
    assert (await said(served, LINKS, {"documents": [a_person(n, "CN"), passport]}))[1] == {"linked": True}
    found = {"documents": 2, "states": {"watch-list": "2028-12-31"}, "pairs": 1}
    for document in (passport, a_person(n, "CN")):
        assert await said(served, KNOWN, {"document": document}) == (200, found)
    assert (await said(served, STATES, {"document": passport, "state": "watch-list", "lift": True}))[1]["changed"]
    for document in (passport, a_person(n, "CN")):
        assert await said(served, KNOWN, {"document": document}) == (200, found | {"states": {}})


async def test_the_examples_of_the_openapi_document_are_taken(served: Served) -> None:
    async with served.http(None) as http:
        document = (await http.get("/openapi.json")).json()
        for path in (STATES, PAIRS, KNOWN):
            content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
            assert (await http.post(path, json=content["example"])).status_code == 200, path
