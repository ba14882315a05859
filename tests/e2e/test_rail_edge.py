"""What passes at a rail's edge is shown in the rail's own words, to the participant whose payment it is."""

from datetime import timedelta
from typing import Any

import pytest
from builders import HARBOUR, NOON, PEARL, a_clock, northbound, southbound
from serving import Served, a_new_person, body_of

from rails.messages.dialects.cips import read_credit
from rails.messages.dialects.of_rail import NAMED_BY, dialect_of
from rails.messages.dialects.terms import members
from rails.port import CREDITED, PENDING, REJECTED, RailInstruction, RailReport
from switch.main import memory_sandbox
from switch.participants.registry import load_registry
from switch.payment.instruction import Instruction
from switch.translate.edges import Asked, edge_messages, has_dialect, masked_account, rail_members
from switch.translate.messages import transfer_of

MINUTE = timedelta(minutes=1)
UETR = "0000000a-0b0c-4d0e-8f00-000000000001"
LEG = RailInstruction(
    UETR, 1, HARBOUR, PEARL, "6200068880000000001", 500, "CNY", NOON, NOON + MINUTE,
    transfer_of(northbound(uetr=UETR)),
)  # fmt: skip


async def at_the_edge(served: Served, instruction: Instruction, bic: str = HARBOUR) -> list[dict[str, Any]]:
    async with served.client(bic) as client:
        paid = await client.pay(body_of(instruction), wait_seconds=10)
        messages = (await client.payment_messages(paid["payment_id"]))["messages"]
    return [message for message in messages if message.get("edge") == "rail"]


async def test_a_northbound_payment_is_an_ibps_101_at_its_rail_and_is_read_back_as_the_leg(served: Served) -> None:
    one = northbound("250.00", person=a_new_person())
    credit, *reports = await at_the_edge(served, one)
    assert (credit["dialect"], credit["definition"], credit["direction"]) == ("ibps", "ibps.101.001.02", "out")
    dialect, known = dialect_of("ibps"), members(load_registry().member_ids(NAMED_BY["ibps"]))
    assert dialect is not None
    leg = dialect.read_credit(credit["xml"].encode(), known, MINUTE)
    assert (leg.debtor_agent, leg.creditor_agent, leg.currency) == (HARBOUR, PEARL, "CNY")
    assert leg.creditor_account == one.creditor.account.number and leg.sent_at == NOON
    assert leg.transfer is not None and leg.transfer.debtor.name == one.debtor.name
    said = [dialect.read_report(each["xml"].encode(), "ibps", known) for each in reports]
    assert said and said[-1].status == CREDITED and {(each.uetr, each.leg) for each in said} == {(leg.uetr, leg.leg)}
    assert {each["direction"] for each in reports} == {"in"}


async def test_a_southbound_payment_is_an_fps_envelope_and_its_rejection_is_one(served: Served) -> None:
    one = southbound(person=a_new_person(), creditor__account__number="MAGIC-REJECT-AC04")
    credit, report = await at_the_edge(served, one, PEARL)
    assert [each["definition"] for each in (credit, report)] == ["pacs.008.001.06", "pacs.002.001.08"]
    dialect, known = dialect_of("hk-fps"), members(load_registry().member_ids("hk-fps"))
    assert dialect is not None
    said = dialect.read_report(report["xml"].encode(), "hk-fps", known)
    assert (said.status, said.reason_code) == (REJECTED, "AC04")


async def test_who_pays_to_a_proxy_is_not_told_the_account_behind_it(served: Served) -> None:
    proxy = {"type": "MBNO", "value": "+852-61900001"}
    one = southbound(
        person=a_new_person(), creditor__name="CHAN Tai Man", creditor__account={"proxy": proxy}, creditor_agent=HARBOUR
    )
    credit, *_ = await at_the_edge(served, one, PEARL)
    assert "900888000001" not in credit["xml"] and masked_account("900888000001") in credit["xml"]


async def test_what_never_left_the_switch_has_no_message_at_the_edge(served: Served) -> None:
    one = northbound(person=a_new_person(), purpose_code=None)
    async with served.http() as http:
        answer = await http.post("/v1/payments", json=body_of(one), headers={"Idempotency-Key": f"k{a_new_person()}"})
        messages = (await http.get(f"/v1/payments/{answer.json()['payment_id']}/messages")).json()["messages"]
    assert messages and not [each for each in messages if "edge" in each]


async def test_what_the_rail_s_words_cannot_carry_is_named_and_hides_no_other_message(served: Served) -> None:
    one = northbound(person=a_new_person(), creditor__account__number="6" * 32, creditor__name="L" * 130)
    credit, *reports = await at_the_edge(served, one)
    assert credit["xml"] == "" == credit["definition"] and "Cdtr/Nm" in credit["not_written"]
    assert reports and all(each["not_written"] is None and each["xml"] for each in reports)


def test_a_rail_without_public_words_has_none() -> None:
    spoken = [rail for rail in memory_sandbox(a_clock()).world.rails if has_dialect(rail)]
    assert set(spoken) == {"hk-fps", "ibps", "beps", "hvps", "cips"}


def test_of_cips_only_the_credit_is_written() -> None:
    known = rail_members("cips", load_registry().member_ids)
    assert "mo-rtgs" not in NAMED_BY
    report = RailReport("cips", LEG.uetr, 1, CREDITED, "", NOON)
    [credit] = edge_messages("cips", LEG, [Asked(NOON, None)], [report], known)
    assert (credit.definition, credit.fault) == ("cips.111.001.02", "")
    assert read_credit(credit.body.encode(), known, MINUTE).amount_minor == LEG.amount_minor


@pytest.mark.parametrize("decided", ["settle", "reject"])
async def test_a_silent_rail_is_asked_in_its_own_words_and_what_operators_decide_is_not_its_word(
    own: Served, decided: str
) -> None:
    one = northbound(person=a_new_person(), creditor__account__number="MAGIC-LATE-ACCEPT")
    async with own.client() as client:
        paid = await client.pay(body_of(one))
        await own.sandbox.move_clock(NOON + 5 * MINUTE, None)
        await own.sandbox.wait_final(paid["payment_id"], 5)  # in doubt
        for operator in ("Chan", "Wong"):
            stored = await own.sandbox.payment(paid["payment_id"], None)
            await own.sandbox.decisions.on_payment(stored, decided, operator, "a test")
        ended = await own.sandbox.payment(paid["payment_id"], None)
        messages = (await client.payment_messages(paid["payment_id"]))["messages"]
    shown = [each for each in messages if "edge" in each]
    assert [each["definition"] for each in shown][:2] == ["ibps.101.001.02", "ibps.305.001.01"]
    dialect, known = dialect_of("ibps"), rail_members("ibps", load_registry().member_ids)
    assert dialect is not None and ended.status in ("settled", "rejected")
    said = [dialect.read_report(each["xml"].encode(), "ibps", known) for each in shown if each["direction"] == "in"]
    assert {each.status for each in said} <= {PENDING}
