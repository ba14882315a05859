"""What a payment that asks to wait is decided to wait for, and who takes part: states of participants, closures of rails."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from builders import (
    BANYAN,
    HARBOUR,
    KAPOK,
    LION,
    PEARL,
    YUEXIU,
    a_world,
    ask_of,
    northbound,
    some_rails,
    southbound,
    trade,
)

from fx.quotes import firm
from limits.rules import load_rulebook
from rails.hours import Closure
from switch.flow.world import World
from switch.participants.registry import read_registry
from switch.participants.states import ALL_ACTIVE, Standing, read_states, standing_of, state_fact
from switch.payment.decide import decide
from switch.payment.instruction import Instruction
from switch.payment.plan import Plan, Refusal
from switch.payment.queueing import opening_detail, opening_in
from switch.payment.reasons import problem

SATURDAY = "2026-03-07T12:00"
MONDAY = "2026-03-09T08:30"


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


@pytest.fixture
def world() -> Iterator[World]:
    """A world whose rails may be closed: they are its own."""
    yield a_world(rails=some_rails())


def found(world: World, instruction: Instruction, when: str, **changes: Any) -> Plan | Refusal:
    ask, view = ask_of(world, instruction, at(when), **changes)
    return decide(ask, view)


def waits(world: World, instruction: Instruction, when: str, **changes: Any) -> Plan:
    verdict = found(world, instruction, when, queues=True, **changes)
    assert isinstance(verdict, Plan), verdict
    return verdict


def refused(world: World, instruction: Instruction, when: str, **changes: Any) -> Refusal:
    verdict = found(world, instruction, when, **changes)
    assert isinstance(verdict, Refusal), verdict
    return verdict


def rails(plan: Plan) -> list[str]:
    return [step.rail for step in plan.route]


# --- waiting ---


@pytest.mark.parametrize(
    ("build", "when", "opens_at", "why"),
    [
        (trade, SATURDAY, MONDAY, "HVPS opens on Sunday evening, CHATS on Monday"),
        (southbound, "2026-03-05T23:30", "2026-03-06T07:00", "the lane's own hours"),
        (southbound, "2026-03-05T06:59", "2026-03-05T07:00", "and in the morning"),
        (
            trade,
            "2026-02-18T12:00",
            "2026-02-23T20:30",
            "Lunar New Year: RMB CHATS opens on the 20th, HVPS on the evening of the 23rd",
        ),
        (
            trade,
            "2025-10-01T12:00",
            "2025-10-08T20:30",
            "Golden Week: CHATS has opened on the 2nd and closed for Mid-Autumn since",
        ),
        (
            trade,
            "2025-12-31T23:00",
            "2026-01-04T08:30",
            "New Year: HVPS opens for a make-up Sunday, and RMB CHATS with it",
        ),
        (northbound, SATURDAY, None, "around the clock"),
        (trade, "2026-03-05T12:00", None, "open"),
    ],
)
def test_a_payment_waits_for_the_first_instant_at_which_lane_and_rails_carry_it(
    world: World, build: Any, when: str, opens_at: str | None, why: str
) -> None:
    instruction = build(creditor_agent=YUEXIU) if build is trade else build()  # Yuexiu has not joined CIPS
    plan = waits(world, instruction, when)
    assert plan.opens_at == (at(opens_at) if opens_at else None), why
    if opens_at is not None:
        later = found(world, instruction, opens_at)
        assert isinstance(later, Plan) and later.opens_at is None and rails(later) == rails(plan), why
        assert plan.leg.expires_at > at(opens_at)


def test_all_else_is_as_at_acceptance(world: World) -> None:
    plan = waits(world, southbound("100.00"), "2026-03-05T23:30")
    open_then = found(world, southbound("100.00"), "2026-03-05T22:30")
    assert isinstance(open_then, Plan)
    assert (plan.claims, plan.transfers, plan.price, plan.amounts) == (
        open_then.claims, open_then.transfers, plan.price, open_then.amounts,
    )  # fmt: skip


def test_a_quote_must_not_have_ended_at_receipt_and_is_dealt_then_whenever_it_is_carried(world: World) -> None:
    """The price is agreed when the quote is used; what comes after is its delivery (facts messages 4.2: unexpired at receipt)."""
    instruction = southbound("100.00", quote_id="q")
    priced = waits(world, southbound("100.00"), "2026-03-05T23:30").price
    assert priced is not None
    [provider] = [each for each in world.providers if each.name == priced.provider]
    quote = firm("q", PEARL, priced, provider, at("2026-03-05T23:30"))
    plan = waits(world, instruction, "2026-03-05T23:30", quote=quote)
    assert quote.expires_at < (plan.opens_at or quote.expires_at) and plan.quote_id == "q" and plan.price == priced
    late = quote._replace(expires_at=at("2026-03-05T23:30"))
    assert refused(world, instruction, "2026-03-05T23:30", quote=late, queues=True).reason == "quote-expired"


def test_what_time_does_not_mend_is_refused_all_the_same(world: World) -> None:
    assert refused(world, trade(purpose_code="GIFT"), SATURDAY, queues=True).reason == "no-lane"
    assert refused(world, southbound(creditor_agent="PEAKHKH0"), "2026-03-05T23:30", queues=True).reason == "no-lane"


def test_above_the_cap_of_what_is_open_it_waits_for_the_rail_that_carries_so_much(world: World) -> None:
    instruction = southbound(
        "500000000.01", creditor__residency="CN", creditor_agent=BANYAN, settlement_currency="CNY",
        creditor__account__number="6222000000000000099",
    )  # fmt: skip
    plan = waits(world, instruction, SATURDAY)
    assert (plan.opens_at, rails(plan)) == (at("2026-03-08T20:30"), ["hvps"])
    over = dict(plan.route[0].passed_over)
    assert over["ibps"].startswith("above its cap") and over["beps"].startswith("above its cap")


def test_with_other_lanes_allowed_one_that_is_open_is_taken_before_one_that_is_waited_for(world: World) -> None:
    """On Saturday the same-name lane's rails are closed, and Payment Connect is open."""
    instruction = northbound("100.00", "CNY", lane="same-name.hong-kong", creditor__name="CHAN Tai Man")
    instruction = instruction.model_copy(
        update={
            "creditor": instruction.creditor.model_copy(
                update={"identification": instruction.debtor.identification, "residency": "HK"}
            )
        }
    )
    alone = waits(world, instruction, SATURDAY)
    assert alone.lane.id == "same-name.hong-kong" and alone.opens_at is not None
    free = waits(world, instruction.model_copy(update={"allow_lanes": True}), SATURDAY)
    assert free.lane.id == "payment-connect.northbound" and free.opens_at is None


def test_in_the_evening_cips_carries_what_hvps_does_not(world: World) -> None:
    plan = found(world, trade(), "2026-03-05T18:00")
    assert isinstance(plan, Plan) and rails(plan) == ["hk-chats", "cips"]
    assert plan.route[1].passed_over == (("hvps", "closed until 2026-03-05 20:30"),)
    assert rails(waits(world, trade(creditor_agent=YUEXIU), "2026-03-05T18:00")) == [
        "hk-chats",
        "hvps",
    ]  # has not joined CIPS


def test_the_opening_is_read_as_it_was_written() -> None:
    assert opening_in(opening_detail(at(MONDAY))) == at(MONDAY) and opening_in("{}") is None


# --- closures ---


def test_a_rail_that_is_closed_until_further_notice_is_passed_over_or_refused_without_an_opening(world: World) -> None:
    world.rails["hvps"].closures = (Closure(at("2026-03-05T00:00"), None, "suspended"),)
    plan = found(world, trade(), "2026-03-05T12:00")
    assert isinstance(plan, Plan) and rails(plan) == ["hk-chats", "cips"]
    assert plan.route[1].passed_over == (("hvps", "closed until further notice"),)
    for queues in (False, True):
        refusal = refused(world, trade(creditor_agent=YUEXIU), "2026-03-05T12:00", queues=queues)
        assert (refusal.reason, problem(refusal).code, refusal.detail) == ("rail-suspended", "ED06", {"rail": "hvps"})


def test_a_rail_in_maintenance_is_waited_for_to_its_end(world: World) -> None:
    world.rails["hk-fps"].closures = (Closure(at("2026-03-05T11:00"), at("2026-03-05T14:00"), "maintenance"),)
    assert refused(world, northbound(), "2026-03-05T12:00").detail["opens_at"] == "2026-03-05T14:00:00+08:00"
    assert waits(world, northbound(), "2026-03-05T12:00").opens_at == at("2026-03-05T14:00")


# --- states of participants ---


def standing(world: World, *rows: tuple[str, str, str]) -> World:
    facts: dict[str, str] = {}
    for bic, rail, state in rows:
        facts |= state_fact(bic, rail, state)
    world.standing = standing_of(facts)
    return world


@pytest.mark.parametrize(
    ("bic", "state", "reason", "code"),
    [
        (PEARL, "offline", "creditor-agent-offline", "AB08"),
        (PEARL, "suspended", "creditor-agent-suspended", "AG11"),
        (HARBOUR, "offline", "debtor-agent-offline", "AB07"),
        (HARBOUR, "suspended", "debtor-agent-suspended", "AG10"),
    ],
)
def test_an_agent_that_takes_no_part_is_named_by_its_own_code(
    world: World, bic: str, state: str, reason: str, code: str
) -> None:
    for queues in (False, True):
        refusal = refused(standing(world, (bic, "", state)), northbound(), "2026-03-05T12:00", queues=queues)
        assert (refusal.reason, problem(refusal).code, refusal.detail["agent"]) == (reason, code, bic)
    assert isinstance(found(world, northbound(debtor_agent=LION, creditor_agent=BANYAN), "2026-03-05T12:00"), Plan)


def test_an_agent_that_is_out_on_one_rail_is_reached_over_another(world: World) -> None:
    standing(world, (BANYAN, "ibps", "offline"))
    home = southbound(
        "100.00", creditor__residency="CN", creditor_agent=BANYAN, settlement_currency="CNY",
        creditor__account__number="6222000000000000099",
    )  # fmt: skip
    plan = found(world, home, "2026-03-05T12:00")
    assert isinstance(plan, Plan) and rails(plan) == ["beps"]
    assert ("ibps", "BANYCNS0 is offline") in plan.route[0].passed_over
    assert refused(world, northbound(creditor_agent=BANYAN), "2026-03-05T12:00").reason == "creditor-agent-offline"


def test_who_settles_through_a_sponsor_is_out_with_it(world: World) -> None:
    refusal = refused(standing(world, (LION, "", "suspended")), northbound(debtor_agent=KAPOK), "2026-03-05T12:00")
    assert (refusal.reason, refusal.detail["agent"]) == ("debtor-agent-suspended", LION)


def test_a_state_holds_on_its_days_and_what_is_set_at_run_time_stands_before_it() -> None:
    dated = read_states("X", [{"state": "suspended", "since": date(2026, 3, 1), "until": date(2026, 3, 2)}])
    dated += read_states("X", [{"state": "offline", "rail": "ibps", "since": date(2026, 3, 2)}])
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)]
    assert [ALL_ACTIVE.of("X", dated, "ibps", day) for day in days] == ["active", "suspended", "suspended", "offline"]
    assert [ALL_ACTIVE.of("X", dated, "hvps", day) for day in days] == ["active", "suspended", "suspended", "active"]
    back = Standing({("X", ""): "active", ("X", "hvps"): "offline"})
    assert [back.of("X", dated, "ibps", day) for day in days] == ["active", "active", "offline", "offline"]
    assert {back.of("X", dated, "hvps", day) for day in days} == {"offline"}
    with pytest.raises(ValueError, match="write suspended or offline"):
        read_states("X", [{"state": "away", "since": date(2026, 3, 1)}])


def test_dated_states_are_read_with_the_participants_and_are_another_registry() -> None:
    row: dict[str, Any] = {"bic": "XXXXHKH0", "name": "X", "country": "HK", "kind": "bank", "rails": {}, "schemes": {}}
    file: dict[str, Any] = {"participants": [row], "funding": {}, "inventory": {}}
    plain = read_registry(file, {})
    row["states"] = [{"state": "offline", "since": date(2026, 3, 1)}]
    dated = read_registry(file, {})
    assert dated.participants["XXXXHKH0"].states and dated.id != plain.id
    assert load_rulebook()  # the packaged law is untouched by it
