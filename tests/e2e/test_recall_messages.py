"""Inquiries, recalls and returns as messages: who is meant, what is never said of it, and whose money a pacs.004 tells of."""

import os
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from builders import HARBOUR, to_magic
from lxml import etree
from serving import Served, a_new_person, body_of
from test_recalls_over_http import move_on, paid

from limits.calendars import law_day
from rails.messages.camt029 import KINDS as CAMT_029
from rails.messages.camt029 import Resolution
from rails.messages.camt056 import Cancellation, CancellationRequest, build_camt056
from rails.messages.codec import codec
from rails.messages.elements import Amount
from rails.messages.kinds import read_any
from rails.messages.original import Assignment, OriginalPayment
from rails.messages.pacs004 import KINDS as PACS_004
from rails.messages.pacs004 import PaymentReturn
from rails.messages.pacs028 import Inquiry, StatusRequest, build_pacs028

FOLDER = os.environ.get("ISO20022_XSD", "")


async def paid_as(own: Served, end_to_end_id: str) -> dict[str, Any]:
    instruction = to_magic("RECALL-PENDING", amount="100.00", person=a_new_person(), end_to_end_id=end_to_end_id)
    async with own.client() as client:
        payment = await client.pay(body_of(instruction), idempotency_key=end_to_end_id)
        await move_on(own, 60)
        return dict(await client.payment(payment["payment_id"]))


def original(payment: dict[str, Any], **changes: object) -> OriginalPayment:
    named = OriginalPayment(None, "E2E-1", payment["instruction_id"])
    return named._replace(**changes)  # type: ignore[arg-type]


def inquiry(of: OriginalPayment, message_id: str) -> bytes:
    return build_pacs028(StatusRequest(message_id, "2026-03-05T04:00:00Z", (Inquiry(of),), HARBOUR))


def recalls(assignment: str, *asked: Cancellation) -> bytes:
    given = Assignment(assignment, HARBOUR, "BAYSHKH0", "2026-03-05T04:00:00Z")
    return build_camt056(CancellationRequest(given, asked))


async def sent(own: Served, message: bytes) -> bytes:
    async with own.client() as client:
        answer: bytes = await client.send_message(message)
    return answer


async def resolved(own: Served, message: bytes) -> Resolution:
    answer: Resolution = codec().take(codec().open(await sent(own, message)), CAMT_029)
    return answer


async def test_a_payment_named_by_its_instruction_id_is_found_or_asked_for_by_uetr_and_never_denied(
    own: Served,
) -> None:
    payment = await paid_as(own, "E2E-1")
    answer = read_any(await sent(own, inquiry(original(payment), "ASKED-1")))
    [said] = answer.statuses
    assert (said.status, said.uetr, said.reason_code) == ("ACCC", payment["uetr"], "")
    other = original(payment, end_to_end_id="ANOTHER", instruction_id=payment["instruction_id"])
    for number, unknown in enumerate(
        (original(payment, instruction_id="NOBODYS"), other, original(payment, instruction_id=None)), 2
    ):
        refused = await sent(own, inquiry(unknown, f"ASKED-{number}"))
        assert b"AG09" not in refused and b"CH21" in refused and b"OrgnlUETR" in refused
        answered = await resolved(own, recalls(f"CASE-{number}", Cancellation("C1", unknown, "DUPL")))
        assert [(each.status, each.reason_code) for each in answered.statuses] == [("RJCR", "NARR")]
        assert "OrgnlUETR" in answered.statuses[0].text
    answered = await resolved(own, recalls("CASE-9", Cancellation("C1", original(payment), "DUPL")))
    assert (answered.status, answered.statuses[0].status) == ("PDCR", "PDCR")


async def test_an_older_payment_is_found_by_the_day_its_message_names(own: Served) -> None:
    payment = await paid_as(own, "E2E-1")
    day = str(law_day(own.sandbox.world.clock.now()))
    await move_on(own, 30 * 86_400)
    assert b"CH21" in await sent(own, inquiry(original(payment), "OLD-1"))
    named = original(payment, interbank_settled_on=day)
    assert [each.status for each in read_any(await sent(own, inquiry(named, "OLD-2"))).statuses] == ["ACCC"]


async def test_a_uetr_never_seen_is_ag09_and_is_safe_to_send_again_under_itself_alone(own: Served) -> None:
    of = OriginalPayment("00000000-0000-4000-8000-00000000dead", "NOTPROVIDED")
    [said] = read_any(await sent(own, inquiry(of, "ASKED-1"))).statuses
    assert (said.status, said.reason_code) == ("RJCT", "AG09") and "under this UETR" in said.text
    answered = await resolved(own, recalls("CASE-1", Cancellation("C1", of, "DUPL")))
    assert answered.statuses[0].reason_code == "NOOR"


async def test_a_payment_in_doubt_is_not_said_to_be_unknown(own: Served) -> None:
    instruction = to_magic("LATE-ACCEPT", amount="100.00", person=a_new_person())
    async with own.client() as client:
        payment = await client.pay(body_of(instruction), idempotency_key="doubted")
    await move_on(own, 60)
    of = OriginalPayment(payment["uetr"], "NOTPROVIDED")
    answered = await resolved(own, recalls("CASE-1", Cancellation("C1", of, "DUPL")))
    assert answered.statuses[0].reason_code == "NARR" and "in doubt" in answered.statuses[0].text


async def test_what_comes_back_in_part_is_said_with_its_amount_and_mixed_recalls_are_pending(own: Served) -> None:
    payment, other = await paid(own, "RECALL-PARTIAL"), await paid(own, "RECALL-PENDING")
    part = Cancellation("C1", OriginalPayment(payment["uetr"], "NOTPROVIDED"), "DUPL")
    await sent(own, recalls("CASE-1", part))
    await move_on(own, 3 * 86_400)
    answered = await resolved(own, recalls("CASE-1", part))
    async with own.client() as client:
        [back] = (await client.returns(payment["payment_id"]))["returns"]
        [recall] = (await client.recalls(payment["payment_id"]))["recalls"]
    assert (answered.status, recall["confirmation"]) == ("PECR", "PECR")
    [said] = answered.statuses
    assert said.returned is not None
    assert said.returned.amount == Amount(back["credited_amount"]["currency"], back["credited_amount"]["amount"])
    assert said.returned.settled_on == str(law_day(datetime.fromisoformat(back["booked_at"])))
    pending = Cancellation("C2", OriginalPayment(other["uetr"], "NOTPROVIDED"), "DUPL")
    unknown = Cancellation("C3", OriginalPayment("00000000-0000-4000-8000-00000000dead", "NOTPROVIDED"), "DUPL")
    mixed = await resolved(own, recalls("CASE-2", pending, unknown))
    assert (mixed.status, [each.status for each in mixed.statuses]) == ("PDCR", ["PDCR", "RJCR"])


async def test_a_return_tells_the_debtor_agent_of_its_own_leg_on_the_laws_day(own: Served) -> None:
    clock = own.sandbox.world.clock
    payment = await paid(own, "RETURNED-PARTIAL")
    # 06:00 in Hong Kong is still the day before in UTC
    await own.sandbox.move_clock(clock.now().replace(hour=22, minute=0) + timedelta(days=1), None)
    second = await paid(own, "RETURNED-PARTIAL", "200.00")
    await move_on(own, 3000)
    assert clock.now().date() != law_day(clock.now())
    for each in (payment, second):
        async with own.client() as client:
            [back] = (await client.returns(each["payment_id"]))["returns"]
            messages = (await client.payment_messages(each["payment_id"]))["messages"]
        [xml] = [shown["xml"].encode() for shown in messages if shown["definition"].startswith("pacs.004")]
        taken: PaymentReturn = codec().take(codec().open(xml), PACS_004)
        [given] = taken.returns
        assert taken.header is not None and taken.header.message_definition == "pacs.004.001.09"
        debited = each["debit_amount"]
        assert given.original.interbank_amount == Amount(debited["currency"], debited["amount"])
        assert given.returned_amount == Amount(back["credited_amount"]["currency"], back["credited_amount"]["amount"])
        assert given.returned_instructed_amount == Amount(back["amount"]["currency"], back["amount"]["amount"])
        assert given.exchange_rate is not None
        worth = Decimal(back["amount"]["amount"]) * Decimal(given.exchange_rate)
        assert abs(worth - Decimal(back["credited_amount"]["amount"])) <= Decimal("0.02")
        assert given.settled_on == str(law_day(datetime.fromisoformat(back["booked_at"])))
        if FOLDER:
            document = etree.fromstring(xml).find("{urn:iso:std:iso:20022:tech:xsd:pacs.004.001.09}Document")
            schema = etree.XMLSchema(etree.parse(str(next(Path(FOLDER).rglob("pacs.004.001.09.xsd")))))
            schema.assertValid(etree.fromstring(etree.tostring(document)))


async def test_what_is_held_is_told_to_the_debtor_agent_by_no_return(own: Served) -> None:
    payment = await paid(own, "RECALL-ACCEPTED")
    own.sandbox.world.providers = []
    async with own.client() as client:
        await client.recall(payment["payment_id"], {"reason_code": "DUPL"}, "held")
        await move_on(own, 3 * 86_400)
        [back] = (await client.returns(payment["payment_id"]))["returns"]
        messages = (await client.payment_messages(payment["payment_id"]))["messages"]
    assert back["state"] == "suspended"
    assert not [shown for shown in messages if shown["definition"].startswith("pacs.004")]


async def test_a_resolution_is_answered_with_wrapper_and_header(own: Served) -> None:
    payment = await paid(own, "RECALL-PENDING")
    of = OriginalPayment(payment["uetr"], "NOTPROVIDED")
    answered = await resolved(own, recalls("CASE-1", Cancellation("C1", of, "DUPL")))
    assert answered.header is not None
    assert (answered.header.from_bic, answered.header.to_bic) == ("BAYSHKH0", HARBOUR)
    assert answered.header.business_message_id == answered.assignment.assignment_id


ANOTHERS: dict[str, dict[str, Any]] = {
    "OrgnlInstrId": {"instruction_id": "ANOTHER"},
    "OrgnlEndToEndId": {"end_to_end_id": "ANOTHER"},
    "OrgnlIntrBkSttlmAmt": {"interbank_amount": Amount("HKD", "999.00")},
    "OrgnlIntrBkSttlmDt": {"interbank_settled_on": "2026-02-03"},
    "OrgnlTxRef/DbtrAgt": {"debtor_agent": "LIONHKH0"},
    "OrgnlTxRef/CdtrAgt": {"creditor_agent": "LIONHKH0"},
}


async def test_a_message_that_describes_another_payment_than_it_names_asks_nothing_and_is_told_nothing(
    own: Served,
) -> None:
    payment = await paid_as(own, "E2E-1")
    debited = Amount(payment["debit_amount"]["currency"], payment["debit_amount"]["amount"])
    whole = original(
        payment, uetr=payment["uetr"], interbank_amount=debited, interbank_settled_on="2026-03-05",
        debtor_agent=payment["debtor_agent"], creditor_agent=payment["creditor_agent"] + "XXX",
    )  # fmt: skip
    for n, (element, changes) in enumerate(ANOTHERS.items()):
        wrong = whole._replace(**changes)
        answered = await resolved(own, recalls(f"CASE-{n}", Cancellation("C1", wrong, "DUPL")))
        [said] = answered.statuses
        assert (answered.status, said.status, said.reason_code) == ("RJCR", "RJCR", "NARR") and element in said.text
        refused = await sent(own, inquiry(wrong, f"ASKED-{n}"))
        reject = read_any(refused)
        assert (reject.reference, reject.reason_code) == (f"ASKED-{n}", "NARR") and reject.location.endswith(element)
        assert payment["uetr"].encode() not in refused
    async with own.client() as client:
        assert (await client.recalls(payment["payment_id"]))["recalls"] == []
    assert [each.status for each in read_any(await sent(own, inquiry(whole, "ASKED-9"))).statuses] == ["ACCC"]
    assert (await resolved(own, recalls("CASE-9", Cancellation("C1", whole, "DUPL")))).status == "PDCR"


async def test_a_recall_in_the_debtors_currency_is_told_the_currency_to_use(own: Served) -> None:
    payment = await paid(own, "RECALL-PENDING")
    of = OriginalPayment(payment["uetr"], "NOTPROVIDED")
    answered = await resolved(own, recalls("CASE-1", Cancellation("C1", of, "DUPL", "", Amount("HKD", "1.00"))))
    assert answered.statuses[0].reason_code == "NARR" and "CNY" in answered.statuses[0].text
