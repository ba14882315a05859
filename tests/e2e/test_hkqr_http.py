"""HKQR over HTTP: a code is made for an agent's own customer, looked up by anybody, and a bad one is named by its tag."""

from typing import Any

import pytest
from builders import HARBOUR, LION, PEARL
from serving import Served

from rails.hkqr import HkQr, checksum, read_hkqr, write_hkqr

PROXY = {"type": "MBNO", "value": "+852-61900001"}  # packaged: CHAN Tai Man at Harbour
ASKED: dict[str, Any] = {
    "proxy": PROXY,
    "agent": HARBOUR,
    "amount": "88.50",
    "reference": "Table 5",
    "bill_number": "B-1",
}


def closed(body: str) -> str:
    return f"{body}6304{checksum(body + '6304')}"


async def made(served: Served, asked: dict[str, Any], bic: str | None = HARBOUR) -> tuple[int, dict[str, Any]]:
    async with served.http(bic) as http:
        answer = await http.post("/v1/hkqr", json=asked)
    return answer.status_code, answer.json()


async def looked_up(served: Served, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with served.http(LION) as http:
        answer = await http.post("/v1/lookups", json=asked)
    return answer.status_code, answer.json()


async def test_a_code_that_is_made_is_looked_up_with_what_it_asks_for(served: Served) -> None:
    expires = {"expires_at": "2026-03-05T12:30:00+08:00"}
    status, code = await made(served, ASKED | expires | {"picture": True, "dynamic": True})
    assert status == 200 and code["svg"].startswith("<svg") and read_hkqr(code["payload"]).clearing_code == "801"
    status, found = await looked_up(served, {"hkqr": code["payload"], "name": "Tai Man Chan"})
    assert status == 200 and (found["verified"], found["agent"], found["match"]["verdict"]) == (True, HARBOUR, "match")
    assert found["asks"] == {
        "currency": "HKD", "amount": {"currency": "HKD", "amount": "88.50"}, "bill_number": "B-1", "reference": "Table 5",
        "dynamic": True, "expires_at": "2026-03-05T12:30:00+08:00", "expired": False, "merchant_name": "NA",
        "merchant_city": "HK",
    }  # fmt: skip
    _, late = await made(served, ASKED | {"expires_at": "2026-03-05T11:59:59+08:00"})
    assert (await looked_up(served, {"hkqr": late["payload"]}))[1]["asks"]["expired"] is True


async def test_a_code_without_an_amount_lets_the_debtor_say_it_and_has_no_picture_unless_asked(served: Served) -> None:
    _, code = await made(served, {"proxy": PROXY, "agent": HARBOUR, "currency": "CNY"}, None)
    assert code["svg"] is None
    _, found = await looked_up(served, {"hkqr": code["payload"]})
    assert (found["asks"]["amount"], found["asks"]["currency"], found["asks"]["expires_at"]) == (None, "CNY", None)


@pytest.mark.parametrize(
    ("bic", "changes", "status", "field"),
    [
        (LION, {}, 403, ""),
        (LION, {"agent": LION}, 400, "proxy"),
        (None, {"agent": PEARL}, 400, "agent"),
        (HARBOUR, {"agent": "NOBOHKH0"}, 400, "agent"),
        (HARBOUR, {"proxy": {"type": "NIDN", "value": "QX007919(4)"}}, 400, "proxy.type"),
        (HARBOUR, {"proxy": {"type": "MBNO", "value": "12"}}, 400, "proxy.value"),
        (HARBOUR, {"proxy": {"type": "MBNO", "value": "+852-61999999"}}, 400, "proxy"),
        (HARBOUR, {"amount": "0"}, 400, "amount"),
        (HARBOUR, {"amount": "1.001"}, 400, "amount"),
        (HARBOUR, {"currency": "USD"}, 400, "currency"),
        (HARBOUR, {"reference": " x"}, 400, "reference"),
        (HARBOUR, {"merchant_name": ""}, 400, "merchant_name"),
        (HARBOUR, {"merchant_name": "a\tb"}, 400, "merchant_name"),
        (HARBOUR, {"expires_at": "9999-12-31T23:59:59-08:00"}, 400, "expires_at"),
        (HARBOUR, {"expires_at": "0001-01-01T00:00:00+14:00"}, 400, "expires_at"),
    ],
)
async def test_what_is_no_code_is_refused_by_its_field(
    served: Served, bic: str | None, changes: dict[str, Any], status: int, field: str
) -> None:
    found, problem = await made(served, ASKED | changes, bic)
    assert found == status and [each["field"] for each in problem.get("errors", ())] == ([field] if field else [])


ACCOUNT, TAIL = "0012hk.com.hkicl02071234567", "5204000053033445802HK5902NA6002HK"
GOOD = write_hkqr(HkQr(mobile="+852-61900001"))


@pytest.mark.parametrize(
    ("payload", "tag"),
    [
        ("hello", "tag 63"),
        (GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1"), "tag 63"),
        (closed(GOOD[:-8].replace("5303344", "5303840")), "tag 53"),
        (closed(GOOD[:-8].replace("61900001", "6190000X")), "tag 26.03"),
        (closed("0002010102112645" + ACCOUNT + "051420261331000000" + TAIL), "tag 26.05"),
        ("x" * 513, "hkqr"),
    ],
)
async def test_a_bad_payload_is_refused_by_its_tag_and_nothing_of_it_is_repeated(
    served: Served, payload: str, tag: str
) -> None:
    status, problem = await looked_up(served, {"hkqr": payload})
    assert (status, problem["name"]) == (400, "malformed") and tag in problem["detail"], problem
    assert "6190000" not in str(problem)


async def test_a_code_leads_to_the_agent_it_names_and_to_no_other(served: Served) -> None:
    for clearing_code, reason in (("802", "AGNT"), ("999", "RC04"), ("801", None)):
        payload = write_hkqr(HkQr(mobile="+852-61900001", clearing_code=clearing_code))
        _, found = await looked_up(served, {"hkqr": payload})
        assert (found["reason"] or {}).get("code") == reason


@pytest.mark.parametrize("beside", [{"agent": HARBOUR}, {"proxy": PROXY}, {"account": "1"}], ids=str)
async def test_a_code_goes_with_nothing_else_that_says_whom(served: Served, beside: dict[str, Any]) -> None:
    status, problem = await looked_up(served, {"hkqr": GOOD} | beside)
    assert status == 400 and problem["errors"][0]["field"] == next(iter(beside))
