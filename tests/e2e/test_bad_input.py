"""Bad input gets a clear error and changes nothing; no input gives a 5xx; every answer is one the API documents."""

import json
import random
from typing import Any

import httpx
import pytest
from builders import northbound
from serving import Served, a_new_person, body_of

from switch.payment.instruction import STATUS_REASON, WRITE_IT, Instruction

KEY = {"Idempotency-Key": "bad-input"}
JSON = {"Content-Type": "application/json"}


def changed(path: str, value: Any) -> bytes:
    """A valid instruction with one field set to `value`; the field is taken out for `...`."""
    document = body_of(northbound())
    *parents, last = path.split(".")
    place = document
    for parent in parents:
        place = place.setdefault(parent, {})
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(document).encode()


# What is sent, and the field the answer must name.
UNPARSABLE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", ""),
    "no JSON": (b"amount=1", ""),
    "not UTF-8": (b'{"instruction_id": "\xff\xfe"}', ""),
    "cut": (changed("lane", "x")[:-5], ""),
    "a list": (b"[]", ""),
    "null": (b"null", ""),
    "a number for an amount": (changed("instructed_amount.amount", 12.5), "instructed_amount.amount"),
    "a huge number": (changed("instructed_amount.amount", 10**400), "instructed_amount.amount"),
    "too long an amount": (changed("instructed_amount.amount", "1" * 40), "instructed_amount.amount"),
    "a sign": (changed("instructed_amount.amount", "-1.00"), "instructed_amount.amount"),
    "an exponent": (changed("instructed_amount.amount", "1e9"), "instructed_amount.amount"),
    "other digits": (changed("instructed_amount.amount", "１２"), "instructed_amount.amount"),
    "NaN": (changed("instructed_amount.amount", float("nan")), "instructed_amount.amount"),
    "a NUL": (changed("debtor.name", "CHAN\x00"), "debtor.name"),
    "a control character": (changed("remittance_information", "a\nb"), "remittance_information"),
    "half a surrogate": (changed("debtor.name", "\ud800"), ""),
    "a lower-case currency": (changed("settlement_currency", "cny"), "settlement_currency"),
    "no debtor": (changed("debtor", ...), "debtor"),
    "an unknown field": (changed("debtor.iban", "x"), "debtor.iban"),
    "a wrong agent": (changed("debtor_agent", "HARBOUR"), "debtor_agent"),
    "a UETR of another version": (changed("uetr", "00000000-0000-1000-8000-000000000000"), "uetr"),
    "an empty id": (changed("instruction_id", ""), "instruction_id"),
    "an unknown document": (changed("debtor.identification.type", "SSN"), "debtor.identification.type"),
    "an id with other letters": (changed("instruction_id", "é…"), "instruction_id"),
    "an id with //": (changed("end_to_end_id", "a b//c"), "end_to_end_id"),
    "no number's word": (changed("creditor.account.number", "NOTPROVIDED"), "creditor.account.number"),
    "nested without end": (b'{"debtor":' * 3000 + b"1" + b"}" * 3000, ""),
}


@pytest.mark.parametrize(("body", "field"), UNPARSABLE.values(), ids=UNPARSABLE)
async def test_what_does_not_parse_is_a_400_that_names_the_field_and_repeats_no_content(
    served: Served, body: bytes, field: str
) -> None:
    async with served.http() as http:
        for path in ("/v1/payments", "/v1/payments/explain"):
            answer = await http.post(path, content=body, headers=KEY | JSON)
            assert answer.status_code == 400 and answer.headers["content-type"] == "application/problem+json"
            problem = answer.json()
            assert problem["name"] == "malformed" and problem["what_to_do"]
            assert field in {error["field"] for error in problem["errors"]}
            assert "CHAN" not in answer.text and "QX" not in answer.text and "input" not in problem["errors"][0]
            assert "payment_id" not in problem


# What is sent, and what the answer says of it first.
SAID: dict[str, tuple[bytes, str]] = {
    "a number": (changed("instructed_amount.amount", 12.5), 'instructed_amount.amount: write the amount as "1500.00"'),
    "a comma": (
        changed("instructed_amount.amount", "1,500"),
        'instructed_amount.amount: write the amount as "1500.00"',
    ),
    "a slip": (
        changed("creditor.account.numbr", "1"),
        "creditor.account.numbr: is no field here; did you mean number?",
    ),
    "far off": (changed("debtor.account.zz", "1"), "there are number, proxy, currency"),
    "a list's": (changed("documents", [{"type": "invoice", "referense": "1"}]), "did you mean reference?"),
    "nothing": (changed("debtor", ...), "debtor: is missing"),
    "an id": (changed("instruction_id", "a//b"), "instruction_id: takes Latin letters"),
    "too long": (changed("instruction_id", "x" * 36), "instruction_id: has at most 35 characters"),
    "a currency": (changed("settlement_currency", "cny"), "settlement_currency: is a currency of ISO 4217"),
    "two": (changed("debtor_agent", ...).replace(b'"CNY"', b'"cny"'), "and 1 more in `errors`"),
}


@pytest.mark.parametrize(("body", "said"), SAID.values(), ids=SAID)
async def test_what_does_not_parse_is_told_in_words_of_the_api(served: Served, body: bytes, said: str) -> None:
    async with served.http() as http:
        problem = (await http.post("/v1/payments", content=body, headers=KEY | JSON)).json()
        item = b'{"items": [{"idempotency_key": "k", "instruction": %s}]}' % body
        [alone] = (await http.post("/v1/payments/batch", content=item, headers=JSON)).json()["items"]
    assert said in problem["detail"] and problem["detail"].startswith(problem["errors"][0]["field"])
    assert said.rpartition(": ")[2] in alone["problem"]["detail"]
    assert "pattern" not in problem["detail"] and "^" not in str(problem)


def test_every_pattern_of_an_instruction_has_its_words() -> None:
    schema: list[Any] = [Instruction.model_json_schema()]
    found = set()
    while schema:
        part = schema.pop()
        if isinstance(part, dict):
            found |= {part["pattern"]} if isinstance(part.get("pattern"), str) else set()
            schema += part.values()
        elif isinstance(part, list):
            schema += part
    assert found | {STATUS_REASON} == set(WRITE_IT)  # which faults are given with


async def test_an_unknown_query_parameter_is_told(served: Served) -> None:
    async with served.http() as http:
        answer = await http.get("/v1/payments?limit=5&state=credited")
        assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "state"
        assert "limit, cursor, status, uetr" in answer.json()["detail"]
        answer = await http.get("/v1/quotas?on=2026-03-05")
        assert answer.status_code == 400 and "takes none" in answer.json()["detail"]
        assert (await http.get("/v1/payments?limit=5&uetr=")).status_code == 400
        assert (await http.get("/healthz?from=monitor")).status_code == 200


@pytest.mark.parametrize("key", [None, "", "x" * 256, "tab\there", "caf\xe9"])
async def test_a_payment_needs_a_key(served: Served, key: str | None) -> None:
    headers = {} if key is None else {"Idempotency-Key": key.encode("latin-1")}
    async with served.http() as http:
        answer = await http.post("/v1/payments", json=body_of(northbound()), headers=headers)
    assert (answer.status_code, answer.json()["name"]) == (400, "key-missing")


async def test_bodies_have_limits(served: Served) -> None:
    async def pieces(size: int) -> Any:
        for _ in range(size // 4096):
            yield b" " * 4096

    async with served.http() as http:
        for path, size in (("payments", 65_537), ("payments/explain", 10**6), ("payments/batch", 8 * 1024**2 + 1)):
            answer = await http.post(f"/v1/{path}", content=b" " * size, headers=KEY | JSON)
            assert (answer.status_code, answer.json()["name"]) == (413, "too-large"), path
        answer = await http.post("/v1/payments", content=pieces(200_000), headers=KEY | JSON)
        assert (answer.status_code, answer.json()["name"]) == (413, "too-large")
        answer = await http.post("/v1/messages", content=b" " * 2_000_000, headers={"Content-Type": "application/xml"})
        assert (answer.status_code, answer.json()["name"]) == (413, "too-large")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "nonsense"]
)
async def test_another_content_type_is_a_415(served: Served, content_type: str) -> None:
    async with served.http() as http:
        for path in ("payments", "payments/explain", "payments/batch", "quotes", "headroom"):
            headers = KEY | {"Content-Type": content_type}
            assert (await http.post(f"/v1/{path}", content=b"{}", headers=headers)).status_code == 415
        assert (await http.post("/v1/messages", json={})).status_code == 415


async def test_unknown_paths_methods_ids_and_pages_are_told(served: Served) -> None:
    async with served.http() as http:
        for path in ("/", "/v1", "/v1/nothing", "/v1/payments/", "/v1/payments/x/y", "/v1/payments/%00", "/%2e%2e"):
            answer = await http.get(path)
            assert answer.status_code == 404 and answer.headers["content-type"] == "application/problem+json", path
        for method, path, allowed in (
            ("DELETE", "/v1/payments", "GET, POST"), ("PUT", "/v1/quotas", "GET"), ("GET", "/v1/messages", "POST"),
        ):  # fmt: skip
            answer = await http.request(method, path)
            assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
        for payment_id in ("x", "0", "00000000-0000-4000-8000-000000000000", "'; DROP TABLE payment", "é"):
            for rest in ("", "/events", "/messages"):
                assert (await http.get(f"/v1/payments/{payment_id}{rest}")).status_code == 404
        for query in (
            "limit=0",
            "limit=x",
            "limit=99999",
            "limit=１",
            "cursor=x",
            "cursor=%00",
            "status=nice",
            "uetr=1",
        ):
            answer = await http.get(f"/v1/payments?{query}")
            assert answer.status_code == 400 and answer.json()["what_to_do"], query


async def test_the_clock_takes_only_what_it_can_do(served: Served) -> None:
    async with served.http(None) as http:
        before = (await http.get("/v1/sandbox/clock")).json()
        for body in (
            {"to": "2026-03-05T12:00:00"}, {"to": "yesterday"}, {"to": "9999-12-31T23:59:59Z"}, {"rate": -1},
            {"rate": 1e300}, {"settle": 1e9}, {"advance_seconds": -5}, {"to": "2000-01-01T00:00:00Z"}, {"nothing": 1},
            {"to": "2026-03-06T12:00:00Z", "advance_seconds": 1}, {"advance_seconds": 3.1e9}, {},
        ):  # fmt: skip
            answer = await http.post("/v1/sandbox/clock", json=body)
            assert answer.status_code in (400, 422) and answer.json()["what_to_do"], body
        for raw in (b'{"rate": NaN}', b'{"rate": 1e999}', b'{"settle": Infinity}'):
            assert (await http.post("/v1/sandbox/clock", content=raw, headers=JSON)).status_code == 400
        assert (await http.get("/v1/sandbox/clock")).json() == before
        assert (await http.post("/v1/sandbox/rails/nothing/faults", json={})).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"sell_currency": "CNY"}, {"amount": {"currency": "USD", "amount": "1"}}, {"buy_currency": "XXX"},
        {"amount": {"currency": "HKD", "amount": "0"}}, {"amount": {"currency": "HKD", "amount": "1.234"}},
        {"amount": {"currency": "HKD", "amount": "9999999999999"}}, {"sell_currency": "KWD", "buy_currency": "JPY"},
    ],
)  # fmt: skip
async def test_a_quote_that_cannot_be_given_is_refused_with_a_reason(served: Served, changes: dict[str, Any]) -> None:
    asked = {"sell_currency": "HKD", "buy_currency": "CNY", "amount": {"currency": "HKD", "amount": "1.00"}} | changes
    async with served.http() as http:
        answer = await http.post("/v1/quotes", json=asked)
    assert answer.status_code == 422 and answer.json()["code"] and answer.json()["what_to_do"]


def torn(source: random.Random, value: Any) -> Any:
    """A value of JSON with something in it replaced by what a careless or hostile client may send."""
    odd = [
        None, True, 0, -1, 10**30, 1.5, "", " ", "x" * 300, "☃", "\u202e", "\ufffe", "1" * 35, "ZZZZ", "KWD", "XXX", "JPY",
        "NOSUCHH0", "GBDEHKH0", "-", "MAGIC-", "MAGIC-REJECT-", "%s", "{0}", "$1", "0", "0.00", "9999999999999", "0.1", [], {}, [[]],
        "payment-connect.northbound", "HK", "MO", "CN", "US", "1234567890", "education",
    ]  # fmt: skip
    if isinstance(value, dict) and value and source.random() < 0.9:
        name = source.choice(sorted(value))
        return (
            {**value, name: torn(source, value[name])}
            if source.random() < 0.9
            else {k: v for k, v in value.items() if k != name}
        )
    return source.choice(odd)


async def test_no_input_gives_a_5xx(served: Served) -> None:
    source = random.Random(20260305)
    base = body_of(
        northbound(
            person=a_new_person(),
            lane="payment-connect.northbound",
            venue="x",
            quote_id="q",
            uetr="00000000-0000-4000-8000-000000000abc",
        )
    )
    async with served.http() as http, served.http(None) as operator:
        documented = (await http.get("/openapi.json")).json()["paths"]
        for n in range(400):
            body = torn(source, torn(source, base) if n % 2 else base)
            if isinstance(body, dict) and n % 3:
                body["instruction_id"] = f"torn{n}"
            for client in (http, operator):
                for path in ("/v1/payments", "/v1/payments/explain", "/v1/headroom"):
                    answer = await client.post(path, json=body, headers={"Idempotency-Key": f"torn{n}"})
                    assert answer.status_code < 500, (path, body, answer.text)
                    assert str(answer.status_code) in documented[path]["post"]["responses"], (path, answer.status_code)
                    if answer.status_code >= 400:
                        well_told(answer)
                        assert answer.json()["name"] != "internal", (path, body, answer.text)


def well_told(answer: httpx.Response) -> None:
    """Every refusal is a problem with a status, a name, a sentence and what to do."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code and problem["name"] and problem["detail"] and problem["what_to_do"]
