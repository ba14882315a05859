"""Who may do what: keys, other participants' payments, the development key, rates."""

import asyncio
from pathlib import Path

import pytest
from builders import HARBOUR, LION, PEARL, a_clock, northbound
from serving import DEV_KEY, Served, a_new_person, body_of, key_of, serving

from bayswitch import AsyncClient, Problem
from switch.api.access import key_hash
from switch.embedded.valkey import EmbeddedValkey
from switch.main import memory_sandbox
from switch.store.valkey import Limiter

_GUARDED = ["/v1/payments", "/v1/quotas", "/v1/events", "/v1/participants", "/v1/magic", "/v1/sandbox/clock"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", "Basic ZGV2OmRldg==", "Bearer \xff"])
async def test_without_a_known_key_nothing_is_told(served: Served, header: str | None) -> None:
    async with served.http() as http:
        del http.headers["Authorization"]
        headers = {} if header is None else {"Authorization": header.encode("latin-1")}
        for path in _GUARDED:
            answer = await http.get(path, headers=headers)
            assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.headers["content-type"] == "application/problem+json"
        assert (await http.post("/v1/payments", json={}, headers=headers)).status_code == 401
        for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
            assert (await http.get(path)).status_code == 200


async def test_the_store_holds_no_key_in_clear(served: Served) -> None:
    assert await served.sandbox.store.participant_of_key(key_hash(key_of(HARBOUR))) == HARBOUR
    assert await served.sandbox.store.participant_of_key(key_of(HARBOUR).encode().ljust(32)) is None


async def test_participants_do_not_see_each_others_payments(served: Served) -> None:
    async with served.client() as client, served.http(LION) as other:
        payment = await client.pay(body_of(northbound(person=a_new_person())), wait_seconds=10)
        for rest in ("", "/events", "/messages"):
            answer = await other.get(f"/v1/payments/{payment['payment_id']}{rest}")
            assert answer.status_code == 404 and answer.json()["name"] == "not-found"
        assert (await other.get("/v1/payments", params={"uetr": payment["uetr"]})).json()["payments"] == []
        listed = (await other.get("/v1/payments", params={"limit": 200})).json()["payments"]
        assert payment["payment_id"] not in {each["payment_id"] for each in listed}


async def test_equal_keys_of_two_participants_are_two_payments(served: Served) -> None:
    key = f"shared{a_new_person()}"
    async with served.client() as client, served.client(LION) as other:
        first = await client.pay(body_of(northbound(person=a_new_person())), key)
        second = await other.pay(body_of(northbound(person=a_new_person(), debtor_agent=LION)), key)
    assert first["payment_id"] != second["payment_id"]


async def test_nobody_sends_for_another_agent(served: Served) -> None:
    async with served.client(LION) as client:
        with pytest.raises(Problem) as caught:
            await client.pay(body_of(northbound(person=a_new_person())))
        assert (caught.value.status, caught.value.code) == (403, "AG01")
        assert (await client.payment(str(caught.value.payment_id)))["iso_status"] == "RJCT"


async def test_a_participants_key_acts_as_no_other_and_operates_nothing(served: Served) -> None:
    async with served.http() as http:
        named = await http.get("/v1/payments", headers={"Bayswitch-Participant": LION})
        assert named.status_code == 403
        for path, body in (("clock", {"rate": 1}), ("rails/ibps/faults", {}), ("persons/links", {})):
            assert (await http.post(f"/v1/sandbox/{path}", json=body)).status_code == 403


async def test_the_development_key_acts_as_the_agent_it_names_or_sends_for(served: Served) -> None:
    body = body_of(northbound(person=a_new_person()))
    async with served.operator() as operator, served.operator(PEARL) as pearl, served.client() as client:
        payment = await operator.pay(body)
        assert (await client.payment(payment["payment_id"]))["uetr"] == payment["uetr"]
        assert (await operator.payment(payment["payment_id"]))["payment_id"] == payment["payment_id"]
        with pytest.raises(Problem, match="404"):
            await pearl.payment(payment["payment_id"])
    async with AsyncClient(served.url, DEV_KEY, "NOSUCHH0") as nobody:
        with pytest.raises(Problem, match="403"):
            await nobody.payments()


async def test_a_key_that_runs_wild_is_slowed_and_no_other(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path) as url:
        limiter = Limiter(url, "limited", rate=2, burst=5)
        async with serving(memory_sandbox(a_clock()), limiter) as own, own.http() as http, own.http(LION) as other:
            answers = await asyncio.gather(*[http.get("/v1/quotas") for _ in range(20)])
            slowed = [answer for answer in answers if answer.status_code == 429]
            assert 10 <= len(slowed) <= 15 and {answer.status_code for answer in answers} == {200, 429}
            assert all(int(answer.headers["Retry-After"]) == 1 for answer in slowed)
            assert (await other.get("/v1/quotas")).status_code == 200
            await asyncio.sleep(1.0)
            assert (await http.get("/v1/quotas")).status_code == 200
        await limiter.close()


async def test_without_valkey_everybody_passes(tmp_path: Path) -> None:
    limiter = Limiter(f"unix://{tmp_path}/nothing.sock", "gone", rate=1, burst=1)
    async with serving(memory_sandbox(a_clock()), limiter) as own, own.http() as http:
        assert {(await http.get("/v1/quotas")).status_code for _ in range(10)} == {200}
    await limiter.close()
