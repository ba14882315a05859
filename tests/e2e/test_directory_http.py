"""The directory over HTTP: who may change what, what a look-up shows and hides, and who reads too much of it."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from builders import HARBOUR, KAPOK, LION, a_clock, domestic
from lxml import etree
from serving import Served, body_of, serving

from bayswitch import Problem
from rails.identifiers.fictional import hkid, phone
from rails.messages.kinds import read_any
from switch.flow import lookups
from switch.main import memory_sandbox

PHONE = {"type": "MBNO", "value": phone(501, "HK")}
REGISTRATION: dict[str, Any] = {
    "proxy": PHONE, "agent": HARBOUR, "account": "900-888-555001", "name": "CHEUNG Mei Ling", "currencies": ["HKD"],
}  # fmt: skip
TAI_MAN = {"type": "MBNO", "value": "+852-61900001"}  # packaged: CHAN Tai Man at Harbour


def without_id(found: dict[str, Any]) -> dict[str, Any]:
    assert len(found.pop("lookup_id")) == 24
    return found


async def test_a_proxy_registered_now_is_looked_up_and_paid_at_once(own: Served) -> None:
    async with own.client(HARBOUR) as harbour, own.client(LION) as lion:
        assert await harbour.register_proxy(REGISTRATION) == {
            "changed": True, "agent": HARBOUR, "status": "active", "default": True, "alert": False,
        }  # fmt: skip
        assert (await harbour.register_proxy(REGISTRATION))["changed"] is False
        assert without_id(await lion.look_up(PHONE, "Mei Ling Cheung")) == {
            "verified": True, "reason": None, "agent": HARBOUR, "display_name": "CHEUNG M*** L***", "kind": "person",
            "currencies": ["HKD"], "default": True, "alert": False,
            "match": {"verdict": "match", "score": 100, "why": "same", "goes_on": True},
        }  # fmt: skip
        asked = domestic(
            debtor_agent=LION,
            creditor_agent=HARBOUR,
            creditor__name="Mei Ling Cheung",
            creditor__account={"proxy": PHONE},
        )
        assert (await lion.pay(body_of(asked)))["iso_status"] == "ACSP"
        await harbour.change_proxy("suspend", PHONE, HARBOUR)
        assert (await lion.look_up(PHONE))["reason"]["code"] == "BE23"
        with pytest.raises(Problem) as caught:
            await lion.pay(body_of(asked) | {"instruction_id": "again"})
        assert caught.value.code == "BE23"


async def test_a_name_that_is_close_verifies_and_another_does_not(own: Served) -> None:
    async with own.client(LION) as lion:
        close = await lion.look_up(TAI_MAN, "CHAN T M")
        assert (close["verified"], close["reason"]["code"], close["match"]["why"]) == (True, "PN02", "initials")
        read = await lion.look_up(TAI_MAN, "陳大文")
        assert (read["reason"]["code"], read["match"]["why"], read["match"]["goes_on"]) == ("PN02", "cantonese", False)
        other = await lion.look_up(TAI_MAN, "WONG Siu Ming")
        assert (other["verified"], other["reason"]["code"], other["match"]["verdict"]) == (False, "PN01", "no")
        told = {name for name, value in other.items() if value not in (None, [], False)}
        assert told == {"lookup_id", "reason", "match"}  # of the account nothing


async def test_an_account_is_looked_up_by_its_agent_and_number(own: Served) -> None:
    async with own.client(LION) as lion:
        found = await lion.look_up(agent=HARBOUR, account="900888000003", name="Harbour Tutors")
        assert found["display_name"] == "Harbour Tutors Ltd" and found["kind"] == "firm" and found["default"] is None
        assert (found["match"]["why"], {"CNY", "HKD"} <= set(found["currencies"])) == ("legal-form", True)
        assert (await lion.look_up(agent=HARBOUR, account="1"))["reason"]["code"] == "NR01"
        assert (await lion.look_up(agent="NOBOHKH0", account="1"))["reason"]["code"] == "RC04"
        assert (await lion.look_up(TAI_MAN, agent=LION))["reason"]["code"] == "AGNT"
        assert (await lion.look_up({"type": "MBNO", "value": "+852-61999999"}))["reason"]["code"] == "BE23"
        assert (await lion.look_up({"type": "MBNO", "value": "12"}))["reason"]["code"] == "AC01"


async def test_an_alert_warns_and_the_payment_goes_on(own: Served) -> None:
    asked = body_of(
        domestic(
            debtor_agent=LION,
            creditor_agent=HARBOUR,
            creditor__name="CHAN Tai Man",
            creditor__account={"proxy": TAI_MAN},
        )
    )
    async with own.client(LION) as lion, own.operator() as operator:
        assert (await operator.change_proxy("alert", TAI_MAN, HARBOUR))["alert"] is True
        found = await lion.look_up(TAI_MAN)
        assert found["alert"] is True and found["verified"] is True
        assert (await lion.explain(asked))["alert"] == "suspicious-proxy"
        paid = await lion.pay(asked)
        assert paid["iso_status"] == "ACSP"
        assert (await lion.payment(paid["payment_id"]))["alert"] == "suspicious-proxy"
        assert (await lion.look_up(agent=HARBOUR, account="900888000001"))["alert"] is False
        assert await operator.alert_account(HARBOUR, "900888000001") == {"changed": True, "alert": True}
        await operator.change_proxy("lift-alert", TAI_MAN, HARBOUR)
        assert (await lion.look_up(TAI_MAN))["alert"] is True
        await operator.alert_account(HARBOUR, "900888000001", alert=False)
        unwarned = await lion.pay(asked | {"instruction_id": "unwarned"})
        assert (await lion.payment(unwarned["payment_id"]))["alert"] is None
        assert (await lion.look_up(TAI_MAN))["alert"] is False


async def test_an_agent_changes_its_own_customers_proxies_only(own: Served) -> None:
    async with own.client(HARBOUR) as harbour, own.client(LION) as lion, own.operator() as operator:
        await harbour.register_proxy(REGISTRATION)
        for call in (
            lion.register_proxy(REGISTRATION),
            lion.change_proxy("deregister", PHONE, HARBOUR),
            lion.known_account(HARBOUR, "900888555001"),
            harbour.change_proxy("alert", PHONE, HARBOUR),
            harbour.alert_account(HARBOUR, "900888555001"),
        ):
            with pytest.raises(Problem) as caught:
                await call
            assert caught.value.status == 403
        known = await harbour.known_account(HARBOUR, "900888555001")
        assert known["name"] == "CHEUNG Mei Ling" and [each["proxy"] for each in known["proxies"]] == [PHONE]
        to = {"to_agent": KAPOK, "account": "903888555001", "name": "CHEUNG Mei Ling"}
        with pytest.raises(Problem) as caught:  # it would name an account of Kapok's, which has not agreed
            await harbour.change_proxy("move", PHONE, HARBOUR, **to)
        assert caught.value.status == 409
        assert (await operator.known_account(KAPOK, "903888555001"))["name"] is None
        moved = await operator.change_proxy("move", PHONE, HARBOUR, **to)
        assert (moved["agent"], moved["default"]) == (KAPOK, True)
        assert (await operator.change_proxy("deregister", PHONE, KAPOK))["status"] == "removed"
        assert (await harbour.change_proxy("deregister", PHONE, HARBOUR))["changed"] is False


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/v1/proxies", REGISTRATION | {"proxy": {"type": "NIDN", "value": "A1234567"}}, 400, "proxy.value"),
        ("/v1/proxies", REGISTRATION | {"proxy": {"type": "CCPT", "value": "X"}}, 400, "proxy.type"),
        ("/v1/proxies", {**REGISTRATION, "name": None}, 400, "name"),
        ("/v1/proxies", REGISTRATION | {"agent": "NOBOHKH0"}, 400, "agent"),
        ("/v1/proxies", REGISTRATION | {"proxy": {"type": "NIDN", "value": hkid(9)}, "kind": "firm"}, 409, None),
        ("/v1/proxies/change", {"proxy": PHONE, "agent": HARBOUR, "change": "suspend"}, 409, None),
        ("/v1/proxies/change", {"proxy": PHONE, "agent": HARBOUR, "change": "suspend", "name": "X"}, 400, "name"),
        ("/v1/proxies/change", {"proxy": PHONE, "agent": HARBOUR, "change": "move", "account": "1"}, 400, "to_agent"),
        ("/v1/proxies/change", {"proxy": PHONE, "agent": HARBOUR, "change": "move", "to_agent": LION}, 400, "account"),
        ("/v1/lookups", {}, 400, "proxy"),
        ("/v1/lookups", {"account": "900888000001"}, 400, "agent"),
        ("/v1/lookups", {"proxy": PHONE, "account": "900888000001", "agent": HARBOUR}, 400, "proxy"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named_changes_nothing_and_repeats_no_number(
    own: Served, path: str, body: dict[str, Any], status: int, field: str | None
) -> None:
    generation = await own.sandbox.store.generation()
    async with own.http() as http:
        answer = await http.post(path, json=body)
    assert answer.status_code == status, answer.text
    assert field is None or [error["field"] for error in answer.json()["errors"]] == [field]
    for secret in ("900888555001", "900888000001", "CHEUNG", PHONE["value"], "A1234567"):
        assert secret not in answer.text
    assert await own.sandbox.store.generation() == generation


async def test_who_reads_the_directory_number_by_number_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "MISSES_FREE", 3)
    async with serving(memory_sandbox(a_clock())) as own, own.client(LION) as lion, own.operator() as operator:
        known = [each for each in own.sandbox.world.known.directory if each.agent in (HARBOUR, LION)]
        theirs = [each for each in known if each.agent == HARBOUR][:4]
        for entry in [*theirs, *[each for each in known if each.agent == LION][:8], *theirs]:
            await lion.look_up(agent=entry.agent, account=entry.account)
        for n in range(4):  # one more than is free, as four of others were found; its own and the same again earn none
            await lion.look_up({"type": "MBNO", "value": phone(600 + n, "HK")})
        async with own.http(LION) as http:
            stopped = await http.post("/v1/lookups", json={"proxy": TAI_MAN})
        assert stopped.status_code == 429 and 3_000 < int(stopped.headers["Retry-After"]) <= 3_601
        for n in range(9):
            await operator.look_up({"type": "MBNO", "value": phone(600 + n, "HK")})
        async with own.client(HARBOUR) as harbour:
            assert (await harbour.look_up(TAI_MAN))["verified"]


@pytest.mark.parametrize("path", ["/v1/payments/explain", "/v1/headroom", "/v1/payments", "/v1/payments/batch"])
async def test_instructions_by_proxy_read_no_more_of_the_directory_than_look_ups(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(lookups, "MISSES_FREE", 3)

    def asked(n: int, value: str | None = None) -> dict[str, Any]:
        proxy = {"proxy": {"type": "MBNO", "value": value or phone(600 + n, "HK")}}
        body = body_of(domestic(debtor_agent=LION, creditor_agent=HARBOUR, creditor__account=proxy))
        return body | {"instruction_id": f"guess-{n}"}

    async with serving(memory_sandbox(a_clock())) as own, own.http(LION) as http, own.http(None) as operator:

        async def ask(door: httpx.AsyncClient, body: dict[str, Any]) -> int:
            key = body["instruction_id"]
            if not path.endswith("batch"):
                return (await door.post(path, json=body, headers={"Idempotency-Key": key})).status_code
            items = {"items": [{"idempotency_key": key, "instruction": body}]}
            [item] = (await door.post(path, json=items)).json()["items"]
            return int(item["http_status"])

        for n in range(6):  # a magic one is in no directory
            assert await ask(http, asked(n, "+852-61909101")) != 429
        answers = [await ask(http, asked(10 + n)) for n in range(5)]
        assert 429 not in answers[:3] and answers[3:] == [429, 429]
        assert await ask(http, asked(20, TAI_MAN["value"])) == 429  # or what is let through would tell
        assert (await http.post("/v1/lookups", json={"proxy": TAI_MAN})).status_code == 429
        assert await ask(operator, asked(30)) != 429


async def test_no_number_is_logged(own: Served, capsys: pytest.CaptureFixture[str]) -> None:
    async with own.client(HARBOUR) as harbour:
        await harbour.register_proxy(REGISTRATION)
        await harbour.look_up(PHONE, "CHEUNG Mei Ling")
        await harbour.change_proxy("deregister", PHONE, HARBOUR)
    said = capsys.readouterr()
    for secret in (PHONE["value"], "61", "CHEUNG", "900888555001"):
        assert secret not in said.out and secret not in said.err


async def test_an_acmt_023_is_answered_with_an_acmt_024(own: Served) -> None:
    example = (Path(__file__).parents[2] / "docs" / "examples" / "lookup.xml").read_bytes()
    xml = {"Content-Type": "application/xml"}
    async with own.http(LION) as lion, own.http(HARBOUR) as harbour:
        answer = await lion.post("/v1/messages", content=example, headers=xml)
        assert answer.status_code == 200, answer.text
        report = read_any(answer.content)
        assert [(each.verified, each.reason_code) for each in report.reports] == [(True, ""), (False, "BE23")]
        assert report.reports[0].updated.display_name == "CHAN T*** M***" and report.definition == "acmt.024.001.04"
        anothers = await harbour.post("/v1/messages", content=example, headers=xml)
        assert anothers.status_code == 400 and b"AGNT" in anothers.content
        bare = etree.tostring(etree.fromstring(example)[1])
        assert (await harbour.post("/v1/messages", content=bare, headers=xml)).status_code == 403
        broken = await lion.post("/v1/messages", content=example.replace(b"<Vrfctn>", b"<Vrfctn><X/>"), headers=xml)
        assert broken.status_code == 400 and b"admi.002" in broken.content
