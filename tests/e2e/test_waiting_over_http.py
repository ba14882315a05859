"""Waiting for an opening over HTTP: asked for, shown, cancelled; rails closed and participants suspended by an operator."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from builders import HARBOUR, LION, PEARL, northbound, trade
from serving import Served, body_of

MONDAY = datetime(2026, 3, 9, 8, 30, tzinfo=timezone(timedelta(hours=8)))
SHOWN = "2026-03-09T08:30:00.000+08:00"


async def weekend(own: Served) -> None:
    """It is Saturday noon: CHATS and HVPS are closed."""
    await own.sandbox.move_clock(datetime(2026, 3, 7, 4, 0, tzinfo=UTC), None)


async def pay(own: Served, key: str, **changes: Any) -> Any:
    async with own.http() as http:
        return await http.post("/v1/payments", json=body_of(trade(**changes)), headers={"Idempotency-Key": key})


async def test_a_payment_waits_is_read_as_pending_and_goes_when_the_clock_comes_to_the_opening(own: Served) -> None:
    await weekend(own)
    answer = await pay(own, "k", if_closed="queue")
    assert answer.status_code == 202
    document = answer.json()
    assert (document["status"], document["iso_status"], document["queued_until"]) == ("queued", "PDNG", SHOWN)
    assert (await pay(own, "k2")).json()["name"] == "rail-closed"
    async with own.http() as http, own.http(None) as operator:
        path = f"/v1/payments/{document['payment_id']}"
        read = (await http.get(path)).json()
        assert (read["iso_status"], read["queued_until"], read["reason"]) == ("PDNG", SHOWN, None)
        moved = await operator.post("/v1/sandbox/clock", json={"to": MONDAY.isoformat(), "settle": 5})
        assert moved.json()["settled"] is True
        await operator.post("/v1/sandbox/clock", json={"advance_seconds": 1800, "settle": 5})
        read = (await http.get(path)).json()
        assert read["iso_status"] == "ACSC" and "queued_until" not in read
        events = (await http.get(f"{path}/events")).json()["events"]
        assert [event["iso_status"] for event in events][:2] == ["PDNG", "ACSP"]
        assert events[-1]["iso_status"] == "ACSC"
        again = await http.post(f"{path}/cancel")
        assert (again.status_code, again.json()["name"]) == (409, "not-waiting")


async def test_waiting_for_a_final_status_does_not_wait_for_an_opening(own: Served) -> None:
    await weekend(own)
    async with own.http() as http:
        headers = {"Idempotency-Key": "k", "Prefer": "wait=10"}
        asked = datetime.now(UTC)
        answer = await http.post("/v1/payments", json=body_of(trade(if_closed="queue")), headers=headers)
        assert (answer.status_code, answer.json()["iso_status"]) == (202, "PDNG")
        assert datetime.now(UTC) - asked < timedelta(seconds=5)


async def test_its_participant_alone_cancels_it_once_and_for_all(own: Served) -> None:
    await weekend(own)
    payment_id = (await pay(own, "k", if_closed="queue")).json()["payment_id"]
    path = f"/v1/payments/{payment_id}/cancel"
    async with own.http() as http, own.http(LION) as other:
        assert (await other.post(path)).status_code == 404
        for _ in range(2):
            answer = await http.post(path)
            assert (answer.status_code, answer.json()["iso_status"]) == (200, "CANC")
        assert (await http.post("/v1/payments/00000000-0000-4000-8000-000000000000/cancel")).status_code == 404
    await own.sandbox.move_clock(MONDAY.astimezone(UTC), None)
    assert await own.sandbox.settle_down(5)
    assert (await own.sandbox.payment(payment_id, None)).status == "cancelled"


async def test_explain_says_until_when_it_would_wait(own: Served) -> None:
    await weekend(own)
    async with own.http() as http:
        found = (await http.post("/v1/payments/explain", json=body_of(trade(if_closed="queue")))).json()
        assert (found["status"], found["queued_until"], found["reason"]) == ("PDNG", SHOWN, None)
        assert "would wait until 2026-03-09 08:30 Hong Kong time" in found["texts"]["en"]["person"]
        assert "PDNG" in found["texts"]["zh-Hant"]["analyst"]
        found = (await http.post("/v1/payments/explain", json=body_of(trade()))).json()
        assert (found["status"], found["queued_until"]) == ("RJCT", None)
        found = (await http.post("/v1/payments/explain", json=body_of(northbound(if_closed="queue")))).json()
        assert (found["status"], found["queued_until"]) == ("ACSP", None)


@pytest.mark.parametrize(("bic", "state", "code"), [(PEARL, "offline", "AB08"), (HARBOUR, "suspended", "AG10")])
async def test_a_participant_is_taken_out_and_back_in(own: Served, bic: str, state: str, code: str) -> None:
    path = f"/v1/sandbox/participants/{bic}/state"
    async with own.http() as http, own.http(None) as operator:
        answer = await operator.post(path, json={"state": state})
        assert answer.status_code == 200 and answer.json()["state"] == state
        assert set(answer.json()["rails"].values()) == {state}
        refused = await http.post("/v1/payments", json=body_of(northbound()), headers={"Idempotency-Key": "a"})
        assert (refused.status_code, refused.json()["code"]) == (422, code)
        assert (await http.post(path, json={"state": "active"})).status_code == 403
        assert (await operator.post(path, json={"state": "active"})).json()["state"] == "active"
        accepted = await http.post("/v1/payments", json=body_of(northbound()), headers={"Idempotency-Key": "b"})
        assert accepted.status_code == 202


async def test_what_is_asked_wrongly_of_participants_and_rails_changes_nothing(own: Served) -> None:
    async with own.http(None) as operator:
        for path, body, status in (
            ("participants/NOBODYX0/state", {"state": "offline"}, 404),
            (f"participants/{PEARL}/state", {"state": "away"}, 400),
            (f"participants/{PEARL}/state", {"state": "offline", "rail": "hk-fps"}, 400),
            ("rails/nowhere/maintenance", {"closures": []}, 404),
            (
                "rails/hvps/maintenance",
                {"closures": [{"from": "2026-03-07T00:00:00Z", "until": "2026-03-06T00:00:00Z"}]},
                400,
            ),
            ("rails/hvps/maintenance", {"closures": [{"from": "0001-01-01T00:00:00+14:00"}]}, 400),
            ("rails/hvps/maintenance", {"closures": [{"from": "2026-03-07T00:00:00"}]}, 400),
        ):
            answer = await operator.post(f"/v1/sandbox/{path}", json=body)
            assert answer.status_code == status, (path, body, answer.text)
        assert (await operator.get(f"/v1/sandbox/participants/{PEARL}/state")).json()["state"] == "active"
        assert (await operator.get("/v1/sandbox/rails/hvps/maintenance")).json()["closures"] == []


async def test_a_rail_in_maintenance_is_passed_over_and_back_after_it(own: Served) -> None:
    path = "/v1/sandbox/rails/hk-fps/maintenance"
    async with own.http() as http, own.http(None) as operator:
        closures = [{"from": "2026-03-05T11:00:00+08:00", "until": "2026-03-05T14:00:00+08:00"}]
        answer = await operator.post(path, json={"closures": closures})
        assert answer.status_code == 200 and answer.json()["open"] == {"CNY": False, "HKD": False}
        body = body_of(northbound())
        refused = await http.post("/v1/payments", json=body, headers={"Idempotency-Key": "a"})
        assert (refused.json()["code"], refused.json()["opens_at"]) == ("ED06", "2026-03-05T14:00:00+08:00")
        await operator.post(path, json={"closures": [{"from": "2026-03-05T11:00:00+08:00", "why": "suspended"}]})
        refused = await http.post("/v1/payments", json=body_of(northbound()), headers={"Idempotency-Key": "b"})
        assert (refused.json()["code"], refused.json()["name"]) == ("ED06", "rail-suspended")
        await operator.post(path, json={"closures": []})
        accepted = await http.post("/v1/payments", json=body_of(northbound()), headers={"Idempotency-Key": "c"})
        assert accepted.status_code == 202
