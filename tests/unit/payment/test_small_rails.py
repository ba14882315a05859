"""Cards, PromptPay and the e-CNY system: a payment that says its venue is decided, priced and routed like any other."""

from typing import Any

import pytest
from builders import (
    BANYAN,
    HARBOUR,
    LION,
    LOTUS,
    NOON,
    PEARL,
    a_clock,
    a_person,
    ask_of,
    northbound,
    some_rails,
    southbound,
)

from rails.identifiers import fictional
from switch.flow.world import World
from switch.main import make_world, opening_transfers
from switch.payment.decide import decide
from switch.payment.instruction import Instruction
from switch.payment.plan import Plan, Refusal
from switch.payment.reasons import problem

CHAO = "CHAOTHB0"
THAI = {"type": "PASSPORT", "number": "AB1234567", "country": "TH"}


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(some_rails(), a_clock())


def verdict(world: World, instruction: Instruction) -> Plan | Refusal:
    asked, view = ask_of(world, instruction, NOON)
    return decide(asked, view)


def plan(world: World, instruction: Instruction) -> Plan:
    found = verdict(world, instruction)
    assert isinstance(found, Plan), found
    return found


def refusal(world: World, instruction: Instruction) -> Refusal:
    found = verdict(world, instruction)
    assert isinstance(found, Refusal), found
    assert "—" not in problem(found).text, f"a sentence with a hole: {problem(found).text}"
    return found


def rails(found: Plan) -> list[str]:
    return [step.rail for step in found.route]


def cash(amount: str = "1000.00", **changes: Any) -> Instruction:
    """A mainland card at a machine in Hong Kong."""
    own: dict[str, Any] = {
        "venue": "card-cash", "debtor__account__type": "card", "debtor__account__number": fictional.card(1), "creditor__name": "LI Xiaoming",
        "creditor__identification": a_person(1, "CN"), "creditor__residency": "CN", "purpose_code": "OTHR",
    }  # fmt: skip
    return southbound(amount, **own | changes)


def merchant(amount: str = "1000.00", **changes: Any) -> Instruction:
    """A Hong Kong payer at a Thai merchant's code."""
    own: dict[str, Any] = {
        "venue": "fps-promptpay", "creditor_agent": CHAO, "settlement_currency": "THB", "creditor__name": "Siam Silk",
        "creditor__residency": "TH", "creditor__sector": "corporation", "creditor__account__number": "909777000001",
        "purpose_code": "GDDS",
    }  # fmt: skip
    return northbound(amount, **own | changes)


def top_up(amount: str = "1000.00", **changes: Any) -> Instruction:
    """An own e-CNY wallet topped up out of a Hong Kong account."""
    own: dict[str, Any] = {
        "venue": "e-cny", "creditor__name": "CHAN Tai Man", "creditor__identification": a_person(1),
        "creditor__residency": "HK", "creditor__account__type": "e-cny", "purpose_code": "SAVG",
    }  # fmt: skip
    return northbound(amount, "CNY", **own | changes)


def test_a_mainland_card_draws_hong_kong_dollars_over_the_card_network(world: World) -> None:
    found = plan(world, cash())
    assert (found.lane.id, rails(found), found.leg.rail) == ("card-cash", ["card-network"], "card-network")
    assert found.settlement.currency == "HKD" and found.charge is None
    assert {claim.rule for claim in found.claims} == {"card-cash.day", "card-cash.year"}


def test_and_patacas_in_macau(world: World) -> None:
    found = plan(world, cash(creditor_agent=LOTUS, settlement_currency="MOP"))
    assert (found.lane.id, found.settlement.currency) == ("card-cash", "MOP")


def test_a_bank_without_machines_on_the_network_pays_no_cash(world: World) -> None:
    found = refusal(world, cash(creditor_agent=LION))
    assert found.reason == "no-rail" and LION in found.detail["why"]


def test_cash_is_for_who_holds_the_card(world: World) -> None:
    found = refusal(world, cash(creditor__identification=a_person(2, "CN")))
    assert found.reason in ("no-lane", "unclassified")


def test_a_hong_kong_payer_pays_a_thai_merchant_in_baht(world: World) -> None:
    found = plan(world, merchant())
    assert (found.lane.id, rails(found)) == ("fps-promptpay.outbound", ["hk-fps", "promptpay"])
    assert (found.debit.currency, found.settlement.currency, found.leg.creditor_agent) == ("HKD", "THB", CHAO)


def test_a_thai_payer_pays_a_hong_kong_merchant_in_hong_kong_dollars(world: World) -> None:
    found = plan(
        world,
        merchant(
            "5000.00", debtor_agent=CHAO, creditor_agent=HARBOUR, debtor__identification=THAI, debtor__residency="TH",
            debtor__account={"number": "909777000002", "currency": "THB"}, settlement_currency="HKD",
            instructed_amount={"currency": "THB", "amount": "5000.00"}, creditor__residency="HK",
            creditor__account__number="900777000003",
        ),
    )  # fmt: skip
    assert (found.lane.id, rails(found)) == ("fps-promptpay.inbound", ["promptpay", "hk-fps"])
    assert (found.debit.currency, found.settlement.currency) == ("THB", "HKD")


def test_more_than_a_hundred_thousand_baht_are_refused_by_the_link_s_cap(world: World) -> None:
    found = refusal(
        world,
        merchant(
            debtor_agent=CHAO, creditor_agent=HARBOUR, debtor__identification=THAI, debtor__residency="TH",
            debtor__account={"number": "909777000002", "currency": "THB"}, settlement_currency="HKD",
            instructed_amount={"currency": "THB", "amount": "100000.01"}, creditor__residency="HK",
            creditor__account__number="900777000003",
        ),
    )  # fmt: skip
    assert found.detail["rule"] == "fps-promptpay.thb.payment"


def test_an_e_cny_wallet_is_topped_up_over_fps(world: World) -> None:
    found = plan(world, top_up())
    assert (found.lane.id, rails(found)) == ("e-cny.top-up", ["hk-fps", "e-cny"])


def test_only_an_operator_s_wallet_is(world: World) -> None:
    assert plan(world, top_up(creditor_agent=BANYAN)).lane.id == "e-cny.top-up"
    assert refusal(world, top_up(creditor_agent="YUEXCNG0")).reason == "no-rail"


def test_more_than_two_thousand_at_once_are_refused(world: World) -> None:
    found = refusal(world, top_up("2000.01"))
    assert found.detail["rule"] == "e-cny.payment" and found.detail["ceiling"] == "CNY 2000.00"


def test_hong_kong_dollars_already_owned_leave_the_mainland_over_chats(world: World) -> None:
    own: dict[str, Any] = {"venue": "branch", "debtor__account": {"number": "6222000000000000021", "currency": "HKD"}}
    given = southbound(debtor_agent=BANYAN, instructed_amount={"currency": "HKD", "amount": "900.00"}, **own)
    found = plan(world, given)
    assert (found.lane.id, rails(found), found.price) == ("branch.southbound.own-currency", ["hk-chats"], None)


def test_a_branch_buys_foreign_exchange_for_a_remittance(world: World) -> None:
    found = plan(world, southbound(venue="branch"))
    assert (found.lane.id, rails(found)) == ("branch.southbound", ["hvps", "hk-chats"])
    assert found.price is not None and found.price.market == "onshore"
    assert "mainland.fx-purchase.year" in {claim.rule for claim in found.claims}


def test_every_position_on_the_small_rails_is_funded(world: World) -> None:
    funded = {transfer.credit_account for transfer in opening_transfers(world)}
    for account in (
        f"position:{CHAO}:promptpay:THB",
        f"position:{PEARL}:e-cny:CNY",
        f"position:{PEARL}:card-network:CNY",
    ):
        assert account in funded
    assert any(account.endswith(":THB") and account.startswith("inventory:") for account in funded)
