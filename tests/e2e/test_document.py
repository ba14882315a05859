"""The OpenAPI document: what is answered is what it says, and its pages need no network."""

import json
import os
import re
from pathlib import Path
from typing import Any, cast

import pytest
from builders import HARBOUR, PEARL, a_person, northbound, to_magic
from lxml import etree
from pydantic import BaseModel
from serving import Served, a_new_person, body_of

from switch.api import (
    control_models,
    decision_models,
    examples,
    hkqr,
    lookups,
    models,
    participation,
    persons,
    proxies,
    rail_models,
    recalls,
)


async def test_every_answer_has_the_shape_it_is_documented_with(served: Served) -> None:
    person = a_new_person()
    async with served.http() as http, served.http(None) as operator:
        key = {"Idempotency-Key": f"shape{person}"}
        good = body_of(northbound("10.00", person=person))
        bad = body_of(northbound("10000.00", person=person))
        quote = {"sell_currency": "HKD", "buy_currency": "CNY", "amount": {"currency": "CNY", "amount": "5"}}
        link = {"documents": [a_person(person), a_person(person, "MO")]}
        pair = {
            "document": a_person(person), "direction": "northbound", "channel": "bank",
            "debtor_agent": HARBOUR, "debtor_account": f"S{person}", "creditor_agent": PEARL, "creditor_account": f"S{person}",
        }  # fmt: skip
        proxy = {
            "proxy": {"type": "SHID", "value": f"7{person:06}"},
            "agent": HARBOUR,
            "account": f"P{person}",
            "name": "HO Mei",
        }
        a_code = {"proxy": {"type": "MBNO", "value": "+852-61900001"}, "agent": HARBOUR, "picture": True}
        paid = await http.post("/v1/payments", json=good, headers=key | {"Prefer": "wait=10"})
        payment = f"/v1/payments/{paid.json()['payment_id']}"
        batch = {
            "items": [
                {"idempotency_key": f"shape{person}b", "instruction": bad},
                {"idempotency_key": f"shape{person}", "instruction": good},
            ]
        }
        answers: list[tuple[int, type[BaseModel], Any]] = [
            (201, models.PaymentDocument, paid),
            (202, models.AcceptedDocument, await http.post("/v1/payments", json=good, headers=key)),
            (422, models.ProblemDocument, await http.post("/v1/payments", json=bad, headers={"Idempotency-Key": f"shape{person}c"})),
            (200, models.BatchOutcome, await http.post("/v1/payments/batch", json=batch)),
            (200, models.ExplainDocument, await http.post("/v1/payments/explain", json=good)),
            (200, models.PaymentPage, await http.get("/v1/payments?limit=5")),
            (200, models.PaymentDocument, await http.get(payment)),
            (200, decision_models.ExceptionPage, await operator.get("/v1/exceptions")),
            (200, models.EventList, await http.get(f"{payment}/events")),
            (200, models.MessageList, await http.get(f"{payment}/messages")),
            (200, models.HeadroomDocument, await http.post("/v1/headroom", json=good)),
            (200, models.QuotaBoard, await operator.get("/v1/quotas")),
            (201, models.QuoteDocument, await http.post("/v1/quotes", json=quote)),
            (200, control_models.ClockDocument, await http.get("/v1/sandbox/clock")),
            (200, rail_models.FaultDocument, await http.get("/v1/sandbox/rails/hk-fps/faults")),
            (200, models.PersonLinkDocument, await operator.post("/v1/sandbox/persons/links", json=link)),
            (200, persons.StateDocument, await operator.post("/v1/persons/states", json={"document": a_person(person), "state": "watch-list"})),
            (200, persons.KnownPersonDocument, await operator.post("/v1/persons/known", json={"document": a_person(person)})),
            (200, persons.PairDocument, await operator.post("/v1/persons/pairs", json=pair)),
            (200, proxies.ProxyDocument, await operator.post("/v1/proxies", json=proxy)),
            (200, proxies.ProxyDocument, await operator.post("/v1/proxies/change", json={"proxy": proxy["proxy"], "agent": HARBOUR, "change": "suspend"})),
            (200, proxies.KnownAccountDocument, await http.post("/v1/accounts/known", json={"agent": HARBOUR, "account": f"P{person}"})),
            (200, proxies.AlertDocument, await operator.post("/v1/accounts/alerts", json={"agent": HARBOUR, "account": f"P{person}", "alert": True})),
            (200, lookups.LookupDocument, await http.post("/v1/lookups", json={"agent": HARBOUR, "account": f"P{person}", "name": "HO M"})),
            (200, hkqr.HkqrDocument, code := await http.post("/v1/hkqr", json=a_code)),
            (200, lookups.LookupDocument, await http.post("/v1/lookups", json={"hkqr": code.json()["payload"]})),
            (200, models.ParticipantList, await http.get("/v1/participants")),
            (200, models.MagicList, await http.get("/v1/magic")),
            (200, models.HealthDocument, await http.get("/readyz")),
            (404, models.ProblemDocument, await http.get("/v1/payments/x")),
        ]  # fmt: skip
        document = (await http.get("/openapi.json")).json()
    for status, model, answer in answers:
        assert answer.status_code == status, (model, answer.text)
        model.model_validate(answer.json())
        path = (
            re.sub(r"[0-9a-f-]{36}", "{payment_id}", answer.request.url.path)
            .replace("/x", "/{payment_id}")
            .replace("hk-fps", "{rail}")
        )
        said = document["paths"][path][answer.request.method.lower()]["responses"][str(status)]["content"]
        schema = said[answer.headers["content-type"].partition(";")[0]]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{model.__name__}"}


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return here.union(*(references(item) for item in value.values()))
    return set().union(*(references(item) for item in value)) if isinstance(value, list) else set()


async def test_the_document_is_whole_and_names_bodies_keys_and_problems(served: Served) -> None:
    async with served.http() as http:
        document = (await http.get("/openapi.json")).json()
    for reference in references(document):
        kind, name = reference.removeprefix("#/components/").split("/")
        assert name in document["components"][kind]
    pay = document["paths"]["/v1/payments"]["post"]
    assert pay["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/Instruction")
    assert {"name": "Idempotency-Key", "required": True}.items() <= next(
        p for p in pay["parameters"] if p["name"] == "Idempotency-Key"
    ).items()
    assert {"201", "202", "400", "401", "403", "409", "422", "429", "503"} <= pay["responses"].keys()
    assert "Retry-After" in pay["responses"]["503"]["headers"]
    amount = document["components"]["schemas"]["InstructedAmount"]["properties"]["amount"]
    assert amount["type"] == "string" and amount["pattern"]
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))


async def test_a_problem_is_documented_by_its_names_with_an_example_each(served: Served) -> None:
    async with served.http() as http:
        document = (await http.get("/openapi.json")).json()
        responses = document["paths"]["/v1/payments"]["post"]["responses"]
        assert {name: list(_examples(responses[name])) for name in ("403", "409", "429")} == {
            "403": ["forbidden", "not-your-agent"],
            "409": ["in-flight"],
            "429": ["too-many-requests"],
        }
        assert {"person-quota", "lane-closed", "same-key-other-content"} <= _examples(responses["422"]).keys()
        assert "`person-quota` (RR04)" in responses["422"]["description"]
        assert _examples(document["paths"]["/v1/sandbox/clock"]["post"]["responses"]["422"]).keys() == {"clock"}
        known = document["components"]["examples"]
        for path in document["paths"].values():
            for operation in path.values():
                for status, response in operation["responses"].items():
                    for name, example in _examples(response).items():
                        assert example == {"$ref": f"#/components/examples/{name}"}
                        assert known[name]["value"]["status"] == int(status)
        # What is answered is one of what is documented.
        person = a_new_person()
        body = body_of(northbound("10000.01", person=person))
        refused = await http.post("/v1/payments", json=body, headers={"Idempotency-Key": f"doc{person}"})
        assert refused.json()["name"] in _examples(responses[str(refused.status_code)])


def _examples(response: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = response["content"].get("application/problem+json", {}).get("examples", {})
    return found


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_its_pages_load_nothing_from_elsewhere(served: Served, page: str) -> None:
    async with served.http() as http:
        html = (await http.get(page)).text
        assert "http://" not in html and "https://" not in html
        for found in re.findall(r'(?:src|href)="([^"]+)"', html):
            assert (await http.get(found)).status_code == 200, found


async def test_the_magic_accounts_listed_are_those_that_work(own: Served) -> None:
    async with own.http() as http:
        names = [row["account"].removeprefix("MAGIC-") for row in (await http.get("/v1/magic")).json()["accounts"]]
        assert "SILENT" in names
        reject = next(name for name in names if name.startswith("REJECT-AC"))
    async with own.client() as client, own.http(None) as operator:
        sent = await client.pay(body_of(to_magic(reject)))
        await operator.post("/v1/sandbox/clock", json={"advance_seconds": 60, "settle": 5})
        assert (await client.payment(sent["payment_id"]))["reason"]["code"] == reject.removeprefix("REJECT-")


async def test_metrics_count_answers_and_payments(own: Served) -> None:
    async with own.client() as client:
        await client.pay(body_of(northbound("1.00")))
        text = await client.metrics()
    worker = f'worker="{own.sandbox.worker.incarnation}"'
    assert f'bayswitch_http_answers_total{{operation="POST /v1/payments",status="202",{worker}}} 1.0' in text
    assert f'bayswitch_admissions_total{{outcome="accepted",{worker}}} 1.0' in text


EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


async def test_every_example_of_a_body_can_be_tried_out(own: Served) -> None:
    async with own.http(None) as http:
        document = (await http.get("/openapi.json")).json()
        tried, judged = {}, set()
        for path, operations in document["paths"].items():
            for media_type, content in operations.get("post", {}).get("requestBody", {}).get("content", {}).items():
                if "example" not in content:
                    continue
                example = content["example"]
                if "{" in path:  # what it names is not there: the body alone is judged
                    _model(content["schema"]["$ref"].rpartition("/")[2]).model_validate_json(json.dumps(example))
                    judged.add(path)
                    continue
                body = example if isinstance(example, str) else json.dumps(example)
                headers = {
                    each["name"]: each.get("example") or each["schema"].get("example")
                    for each in operations["post"]["parameters"]
                    if each.get("example") or each["schema"].get("example")
                }
                answer = await http.post(path, content=body.encode(), headers=headers | {"Content-Type": media_type})
                assert answer.status_code in (200, 201, 202), (path, answer.text)
                tried[path] = answer
    assert tried.keys() == {
        "/v1/payments", "/v1/payments/batch", "/v1/payments/explain", "/v1/headroom", "/v1/quotes", "/v1/messages",
        "/v1/persons/states", "/v1/persons/pairs", "/v1/proxies", "/v1/proxies/change", "/v1/accounts/known", "/v1/accounts/alerts", "/v1/lookups",
        "/v1/persons/known", "/v1/hkqr",
        "/v1/sandbox/rulebook", "/v1/sandbox/clock", "/v1/sandbox/persons/links",
    }  # fmt: skip
    assert judged == {
        "/v1/payments/{payment_id}/recall", "/v1/returns/{return_id}/release", "/v1/exceptions/{payment_id}/{kind}/resolution",
        "/v1/sandbox/payments/{payment_id}/decision", "/v1/sandbox/payments/{payment_id}/state",
        "/v1/sandbox/rails/{rail}/faults", "/v1/sandbox/rails/{rail}/maintenance", "/v1/sandbox/participants/{bic}/state",
    }  # fmt: skip
    assert tried["/v1/payments/explain"].json()["status"] == "ACSP"
    assert tried["/v1/payments/batch"].json()["accepted"] == 2
    assert "<TxSts>ACSP</TxSts>" in tried["/v1/messages"].text


def _model(name: str) -> type[BaseModel]:
    modules = (control_models, decision_models, models, participation, rail_models, recalls)
    found = {getattr(module, name) for module in modules if hasattr(module, name)}
    [model] = found
    return cast("type[BaseModel]", model)


def test_the_examples_shown_are_the_files() -> None:
    for name, shown in (("payment", examples.PAYMENT), ("batch", examples.BATCH), ("quote", examples.QUOTE)):
        assert json.loads((EXAMPLES / f"{name}.json").read_text("utf-8")) == shown, name
    assert (EXAMPLES / "payment.xml").read_text("utf-8") == examples.pacs008() + "\n"


@pytest.mark.skipif(not os.environ.get("ISO20022_XSD"), reason="SKIPPED: the genuine ISO 20022 schemas are not here")
def test_the_example_of_a_message_is_valid_under_the_genuine_schemas() -> None:
    for element in etree.parse(EXAMPLES / "payment.xml").getroot():
        name = etree.QName(element).namespace.rpartition(":")[2]
        etree.XMLSchema(etree.parse(Path(os.environ["ISO20022_XSD"]) / f"{name}.xsd")).assertValid(element)
