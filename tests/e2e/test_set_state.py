"""A payment is set to a state through its rail: real events follow, and what the table does not allow is refused."""

from typing import Any

import pytest
from builders import northbound, to_magic, trade
from serving import Served, body_of, key_of

from bayswitch import Problem


async def sent(own: Served, instruction: Any) -> str:
    async with own.client() as client:
        return str((await client.pay(body_of(instruction)))["payment_id"])


async def set_to(own: Served, payment_id: str, status: str, **more: str) -> dict[str, Any]:
    async with own.operator() as operator:
        return await operator.set_payment_state(payment_id, status, **more)


async def went(own: Served, payment_id: str) -> list[str]:
    async with own.operator() as operator:
        return [event["status"] for event in (await operator.payment_events(payment_id))["events"]]


@pytest.mark.parametrize("status", ["settled", "credited", "rejected", "blocked", "in_doubt"])
async def test_a_payment_on_its_way_becomes_what_its_rail_is_told_to_say(own: Served, status: str) -> None:
    payment_id = await sent(own, northbound())
    found = await set_to(own, payment_id, status)
    assert found["status"] == status, found
    assert (await went(own, payment_id))[-1] == status
    assert (found["reason"] or {}).get("code") == ("MS03" if status == "rejected" else None)


async def test_a_rejection_has_the_code_that_was_given(own: Served) -> None:
    found = await set_to(own, await sent(own, northbound()), "rejected", reason_code="AC07")
    assert found["reason"]["code"] == "AC07" and found["reason"]["name"] == "rail-rejected"


@pytest.mark.parametrize(
    "steps", [["in_doubt", "credited"], ["in_doubt", "blocked"], ["in_doubt", "rejected"], ["settled", "credited"]]
)
async def test_from_state_to_state_and_the_rail_goes_on_saying_so(own: Served, steps: list[str]) -> None:
    payment_id = await sent(own, to_magic("SILENT"))
    for status in steps:
        assert (await set_to(own, payment_id, status))["status"] == status
    async with own.operator() as operator:
        await operator.move_clock(by_seconds=3_600, settle_seconds=20)
        assert (await operator.payment(payment_id))["status"] == steps[-1], "what was decided at receipt came after all"
        assert "bayswitch_exceptions_total{" not in (await operator.metrics()).replace("} 0", "{ 0")


async def test_a_payment_its_rail_never_received_can_be_credited_too(own: Served) -> None:
    payment_id = await sent(own, to_magic("LOST"))
    assert (await set_to(own, payment_id, "credited"))["status"] == "credited"


@pytest.mark.parametrize(
    ("first", "wanted", "allowed"),
    [
        ("credited", "rejected", ["returned"]),
        ("settled", "rejected", ["credited", "returned"]),
        ("rejected", "credited", []),
        ("blocked", "returned", []),
        ("in_doubt", "cancelled", ["settled", "credited", "rejected", "blocked"]),
    ],
)
async def test_what_the_table_does_not_allow_is_refused_with_what_is(
    own: Served, first: str, wanted: str, allowed: list[str]
) -> None:
    payment_id = await sent(own, to_magic("SILENT"))
    await set_to(own, payment_id, first)
    before = await went(own, payment_id)
    with pytest.raises(Problem) as refused:
        await set_to(own, payment_id, wanted)
    assert refused.value.status == 409 and refused.value.members["allowed"] == allowed
    assert await went(own, payment_id) == before


async def test_a_rail_that_never_reports_a_credit_is_not_made_to(own: Served) -> None:
    payment_id = await sent(own, trade())
    with pytest.raises(Problem) as refused:
        await set_to(own, payment_id, "credited")
    assert refused.value.members["allowed"] == ["settled", "rejected", "blocked", "in_doubt"]
    assert (await set_to(own, payment_id, "settled"))["status"] == "settled"


async def test_what_was_credited_is_given_back_once(own: Served) -> None:
    payment_id = await sent(own, northbound())
    await set_to(own, payment_id, "credited")
    assert (await set_to(own, payment_id, "returned"))["status"] == "credited"
    async with own.http() as http:
        returns = (await http.get(f"/v1/payments/{payment_id}/returns")).json()
    assert len(returns["returns"]) == 1, returns
    with pytest.raises(Problem):
        await set_to(own, payment_id, "returned")


async def test_only_an_operator_sets_states_and_only_to_known_ones(own: Served) -> None:
    payment_id = await sent(own, northbound())
    async with own.http() as http:
        path = f"/v1/sandbox/payments/{payment_id}/state"
        assert (await http.post(path, json={"status": "credited"})).status_code == 403
        http.headers["Authorization"] = "Bearer dev-key-of-the-tests"
        for body in (
            {"status": "paid"},
            {},
            {"status": "credited", "reason_code": "AC01"},
            {"status": "rejected", "reason_code": "nope!"},
        ):
            answer = await http.post(path, json=body)
            assert answer.status_code == 400 and answer.json()["errors"], body
        assert (await http.post(path.replace(payment_id, key_of("x")), json={"status": "credited"})).status_code in (
            400,
            404,
        )
