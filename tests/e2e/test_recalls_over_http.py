"""A wallet team asks its money back: over JSON, with the client, and by message; what it then reads everywhere agrees."""

from datetime import timedelta
from typing import Any

import pytest
from builders import HARBOUR, PEARL, northbound, to_magic
from serving import Served, a_new_person, body_of

from bayswitch import Problem
from rails.messages.camt029 import KINDS as CAMT_029
from rails.messages.camt056 import Cancellation, CancellationRequest, build_camt056
from rails.messages.codec import codec
from rails.messages.elements import Amount
from rails.messages.original import Assignment, OriginalPayment
from rails.messages.pacs004 import KINDS as PACS_004
from switch.api.recalls import RecallDocument, RecallList, ReturnList, ReturnPage


async def paid(served: Served, magic: str, amount: str = "1000.00") -> dict[str, Any]:
    instruction = to_magic(magic, amount=amount, person=a_new_person())
    async with served.client() as client:
        await client.pay(body_of(instruction), idempotency_key=f"recalled-{instruction.instruction_id}")
        await move_on(served, 60)
        [found] = (await client.payments(limit=1))["payments"]
    assert found["status"] == "credited"
    return dict(found)


async def move_on(served: Served, seconds: int) -> None:
    assert await served.sandbox.settle_down(10)
    await served.sandbox.move_clock(served.sandbox.world.clock.now() + timedelta(seconds=seconds), None)
    assert await served.sandbox.settle_down(10)


async def test_a_team_recalls_a_payment_and_reads_the_same_everywhere(own: Served) -> None:
    payment = await paid(own, "RECALL-ACCEPTED")
    payment_id = payment["payment_id"]
    async with own.client() as client:
        first = await client.recall(payment_id, {"reason_code": "DUPL", "text": "sent twice"}, "mine")
        RecallDocument.model_validate(first)
        assert (first["state"], first["confirmation"]) == ("requested", "PDCR")
        again = await client.recall(payment_id, {"reason_code": "DUPL", "text": "sent twice"}, "mine")
        assert again["recall_id"] == first["recall_id"]
        await move_on(own, 3 * 86_400)
        [recall] = (await client.recalls(payment_id))["recalls"]
        RecallList.model_validate(await client.recalls(payment_id))
        assert (recall["state"], recall["confirmation"]) == ("returned", "CNCL")
        back = await client.returns(payment_id)
        ReturnList.model_validate(back)
        assert back["returned_amount"] == payment["settlement_amount"]
        assert back["returns"][0]["credited_amount"]["currency"] == "HKD"
        read = await client.payment(payment_id)
        assert (read["status"], read["returned_amount"]) == ("credited", payment["settlement_amount"])
        events = (await client.payment_events(payment_id))["events"]
        assert [(each["record"], each["state"]) for each in events if each["record"] != "payment"] == [
            ("recall", "requested"), ("recall", "pending"), ("recall", "returned"), ("return", "returned"),
        ]  # fmt: skip
        xml = [
            each["xml"]
            for each in (await client.payment_messages(payment_id))["messages"]
            if "pacs.004" in each["definition"]
        ]
        taken = codec().take(codec().open(xml[0].encode()), PACS_004)
        assert (taken.returns[0].reason_code, taken.returns[0].returned_amount.amount) == (
            "FOCR",
            back["returns"][0]["credited_amount"]["amount"],
        )


@pytest.mark.parametrize(
    ("asked", "status", "name"),
    [
        ({"reason_code": "XXXX"}, 400, "malformed"),
        ({}, 400, "malformed"),
        ({"reason_code": "DUPL", "amount": {"currency": "CNY", "amount": "1.001"}}, 400, "malformed"),
        ({"reason_code": "DUPL", "amount": {"currency": "CNY", "amount": "99999"}}, 422, "recall-too-much"),
        ({"reason_code": "DUPL", "amount": {"currency": "HKD", "amount": "1"}}, 422, "recall-too-much"),
        ({"reason_code": "TECH", "reversal": True}, 400, "malformed"),
        ({"reason_code": "DUPL", "text": "x" * 106}, 400, "malformed"),
    ],
)
async def test_a_recall_that_cannot_be_says_what_to_do(
    own: Served, asked: dict[str, Any], status: int, name: str
) -> None:
    payment_id = (await paid(own, "RECALL-ACCEPTED"))["payment_id"]
    async with own.client() as client:
        with pytest.raises(Problem) as raised:
            await client.recall(payment_id, asked)
        assert (raised.value.status, raised.value.members["name"]) == (status, name)
        assert raised.value.members["what_to_do"]
        assert (await client.recalls(payment_id))["recalls"] == []


async def test_a_payment_of_another_or_of_nobody_is_not_recalled_and_a_used_key_is_not_used_again(own: Served) -> None:
    payment_id = (await paid(own, "RECALL-SILENT"))["payment_id"]
    asked = {"reason_code": "DUPL"}
    async with own.client(PEARL) as other:
        for wanted in (payment_id, "00000000-0000-4000-8000-00000000dead"):
            with pytest.raises(Problem) as raised:
                await other.recall(wanted, asked)
            assert raised.value.status == 404
            with pytest.raises(Problem):
                await other.returns(wanted)
    async with own.client() as client:
        await client.recall(payment_id, asked, "one")
        for key, name in (("one", "recall-key"), ("two", "recall-open")):
            with pytest.raises(Problem) as raised:
                await client.recall(payment_id, {"reason_code": "TECH"}, key)
            assert (raised.value.status, raised.value.members["name"]) == (409, name)
    async with own.http() as http:
        answer = await http.post(f"/v1/payments/{payment_id}/recall", json=asked)
        assert answer.json()["name"] == "key-missing"


async def test_an_operator_releases_what_is_held(own: Served) -> None:
    payment = await paid(own, "RETURNED-MS03")
    providers, own.sandbox.world.providers = own.sandbox.world.providers, ()
    await move_on(own, 3600)
    async with own.operator() as operator, own.client() as client:
        page = await operator.held_returns()
        ReturnPage.model_validate(page)
        [held] = page["returns"]
        assert (held["payment_id"], held["why"], held["credited_amount"]) == (
            payment["payment_id"],
            "no-provider",
            None,
        )
        assert (await client.payment(payment["payment_id"]))["returned_amount"] is None
        with pytest.raises(Problem) as raised:
            await operator.release_return(held["return_id"])
        assert raised.value.status == 409
        own.sandbox.world.providers = providers
        released = await operator.release_return(held["return_id"])
        assert released["state"] == "released" and released["credited_amount"]["currency"] == "HKD"
        for wrong, status in ((held["return_id"], 409), ("nothing", 404)):
            with pytest.raises(Problem) as raised:
                await operator.release_return(wrong)
            assert raised.value.status == status
        with pytest.raises(Problem) as raised:
            await client.release_return(held["return_id"])
        assert raised.value.status == 403
        assert (await operator.held_returns())["returns"] == []


def a_camt056(uetr: str, reason: str = "DUPL", amount: Amount | None = None, assignment: str = "CASE-1") -> bytes:
    original = OriginalPayment(uetr, "NOTPROVIDED", debtor_agent=HARBOUR, creditor_agent=PEARL)
    given = Assignment(assignment, HARBOUR, "BAYSHKH0", "2026-03-05T04:00:00Z")
    return build_camt056(CancellationRequest(given, (Cancellation("C1", original, reason, "", amount),)))


async def told(own: Served, message: bytes) -> tuple[str, str, str]:
    async with own.client() as client:
        answer = codec().take(codec().open(await client.send_message(message)), CAMT_029)
    [status] = answer.statuses
    return answer.status, status.status, status.reason_code


async def test_a_recall_by_message_is_answered_and_the_same_message_again_says_how_it_stands(own: Served) -> None:
    payment = await paid(own, "RECALL-REJECTED-LEGL")
    message = a_camt056(payment["uetr"])
    assert await told(own, message) == ("PDCR", "PDCR", "")
    assert await told(own, a_camt056(payment["uetr"], assignment="CASE-2")) == ("RJCR", "RJCR", "NARR")  # one at a time
    await move_on(own, 3 * 86_400)
    assert await told(own, message) == ("RJCR", "RJCR", "LEGL")
    accepted = await paid(own, "RECALL-ACCEPTED")
    part = a_camt056(accepted["uetr"], "FRAD", Amount("CNY", "10.00"), "CASE-3")
    await told(own, part)
    await move_on(own, 3 * 86_400)
    assert await told(own, part) == ("CNCL", "ACCR", "")
    async with own.client() as client:
        assert (await client.returns(accepted["payment_id"]))["returned_amount"] == {
            "currency": "CNY",
            "amount": "10.00",
        }
    assert await told(own, a_camt056("00000000-0000-4000-8000-00000000dead")) == ("RJCR", "RJCR", "NOOR")


async def test_what_comes_back_stands_in_the_reports_of_its_own_day(own: Served) -> None:
    instruction = northbound("90.00", "CNY", person=a_new_person(), creditor__account__number="MAGIC-RETURNED-PARTIAL")
    async with own.client() as client:
        await client.pay(body_of(instruction), idempotency_key="reported")
    await move_on(own, 60)
    async with own.http(None) as http:
        for day in ("2026-03-05", "2026-03-06"):
            answer = (await http.get("/v1/reports/receipts-and-payments", params={"from": day, "to": day})).json()
            cells = [(c["economy"], c["direction"], c["kind"], c["amount"]) for c in answer["cells"]]
            if day == "2026-03-05":
                assert cells == [("CN", "receipt", "payment", "90.00"), ("HK", "payment", "payment", "90.00")]
        await move_on(own, 3600)
        answer = (
            await http.get("/v1/reports/receipts-and-payments", params={"from": "2026-03-05", "to": "2026-03-05"})
        ).json()
    returned = [(c["economy"], c["direction"], c["amount"]) for c in answer["cells"] if c["kind"] == "return"]
    assert returned == [("CN", "payment", "45.00"), ("HK", "receipt", "45.00")]
    assert answer["not_settled"]["returns_held"] == 0
