"""Silence and doubt: hops that shrink, inquiries that are kept, vetoes, reports that are not of the payment, four eyes."""

from datetime import timedelta

import pytest
from builders import NOON, domestic, northbound, to_magic, trade
from driver import Driver

from rails.faults import Faults
from rails.hk_fps import TIMED_OUT
from rails.port import BLOCKED, CREDITED, REJECTED, SETTLED, RailReport
from switch.flow.decisions import LAPSES_AFTER, Decisions, OtherwiseProposed, state_of
from switch.flow.doubt_books import INQUIRIES_KEPT
from switch.flow.ports import PAYMENT
from switch.payment.status import FINAL, REJECT, SETTLE

PAST_DEADLINE = 21
UETR = "6f0d53a2-9d8c-4c1b-8a55-00000000000a"


def report(
    status: str, rail: str = "ibps", leg: int = 1, code: str = "", amount_minor: int | None = None
) -> RailReport:
    return RailReport(rail, UETR, leg, status, code, NOON + timedelta(seconds=3), amount_minor)


async def in_doubt(driver: Driver) -> str:
    payment_id = await driver.accepted(to_magic("LATE-ACCEPT", uetr=UETR))
    await driver.wait()
    await driver.wait(PAST_DEADLINE)
    assert (await driver.stored(payment_id)).status == "in_doubt"
    return payment_id


# --- hops ---


async def test_each_hop_gives_up_before_the_one_that_waits_for_it(memory: Driver) -> None:
    payment_id = await memory.accepted(to_magic("SILENT", domestic, uetr=UETR))
    [(flight, sent)] = memory.worker.unsent
    hops = memory.world.rails["hk-fps"].capabilities.hops
    assert flight.deadline_at - NOON == hops.switch and sent.expires_at - NOON == hops.destination_rail
    await memory.wait()
    await memory.wait(hops.creditor_agent.total_seconds())
    stored = await memory.stored(payment_id)
    assert (stored.status, stored.code) == ("rejected", TIMED_OUT)
    [leg] = await memory.store.legs(payment_id)
    assert leg.deadline_at == flight.deadline_at


@pytest.mark.parametrize(
    ("age", "priority", "passes"), [(15, "HIGH", True), (15.001, "HIGH", False), (3600, "NORM", True)]
)
async def test_an_urgent_payment_with_too_little_time_left_is_refused_and_holds_nothing(
    driver: Driver, age: float, priority: str, passes: bool
) -> None:
    before = await driver.counters()
    taken_at = (NOON - timedelta(seconds=age)).isoformat()
    answer = await driver.pay(northbound(acceptance_date_time=taken_at, instruction_priority=priority))
    if passes:
        assert answer.refusal is None
        [leg] = await driver.store.legs(answer.payment_id)
        since = NOON - timedelta(seconds=age) if priority == "HIGH" else NOON
        assert leg.deadline_at == since + timedelta(seconds=20)
        return
    assert answer.refusal is not None and (answer.refusal.reason, answer.refusal.field) == (
        "no-time-left", "acceptance_date_time",
    )  # fmt: skip
    assert (await driver.stored(answer.payment_id)).code == "TM01" and await driver.counters() == before


async def test_an_rtgs_is_no_race(memory: Driver) -> None:
    taken_at = (NOON - timedelta(hours=2)).isoformat()
    answer = await memory.pay(trade(acceptance_date_time=taken_at, instruction_priority="HIGH"))
    assert answer.refusal is None


# --- inquiries ---


async def test_every_inquiry_is_kept_with_its_answer_and_an_ordinary_payment_has_none(driver: Driver) -> None:
    ordinary = await driver.accepted(domestic())
    payment_id = await in_doubt(driver)
    driver.world.rails["ibps"].faults = Faults(outage=True)
    await driver.wait(1)
    driver.world.rails["ibps"].faults = Faults()
    await driver.wait(3600)
    asked = await driver.store.inquiries(payment_id)
    assert [(each.n, each.answer, each.rail) for each in asked] == [
        (1, "pending", "ibps"), (2, "none", "ibps"),
    ]  # fmt: skip
    assert [each.asked_at for each in asked] == sorted(each.asked_at for each in asked)
    assert await driver.store.inquiries(ordinary) == []


async def test_inquiries_without_end_take_no_rows_without_end(driver: Driver) -> None:
    payment_id = await in_doubt(driver)
    for _ in range(INQUIRIES_KEPT + 5):
        await driver.wait(60)
    asked = await driver.store.inquiries(payment_id)
    assert [each.n for each in asked] == list(range(1, INQUIRIES_KEPT + 1))
    assert [each.times for each in asked[:-1]] == [1] * (INQUIRIES_KEPT - 1) and asked[-1].times == 7


# --- vetoes ---


async def test_a_five_step_rail_is_told_of_an_operator_s_end_and_never_pays(driver: Driver) -> None:
    before = await driver.counters()
    payment_id = await driver.accepted(to_magic("AFTER-5S", domestic, uetr=UETR))
    await driver.wait()
    await driver.worker.operate(await driver.stored(payment_id), REJECT)
    await driver.worker.complete()
    await driver.wait(120)
    stored = await driver.stored(payment_id)
    assert (stored.status, stored.awaits_rail) == ("rejected", False) and not driver.worker.flights
    [answer] = await driver.world.rails["hk-fps"].inquire([(UETR, 1)], NOON + timedelta(hours=1))
    assert (answer.status, answer.reason_code) == (REJECTED, "AB03")
    assert await driver.store.exceptions(None) == [] and await driver.counters() == before


async def test_a_five_step_rail_that_is_away_is_told_when_it_is_back(driver: Driver) -> None:
    payment_id = await driver.accepted(to_magic("AFTER-5S", domestic, uetr=UETR))
    await driver.wait()
    driver.world.rails["hk-fps"].faults = Faults(outage=True)
    await driver.worker.operate(await driver.stored(payment_id), REJECT)
    await driver.worker.complete()
    assert (await driver.stored(payment_id)).awaits_rail
    driver.world.rails["hk-fps"].faults = Faults()
    driver.world.clock.set(NOON + timedelta(seconds=1))  # the next inquiry; the agent has not answered yet
    await driver.worker.complete()
    await driver.wait(120)
    stored = await driver.stored(payment_id)
    kinds = [record.kind for record in await driver.store.exceptions(payment_id)]
    assert not stored.awaits_rail and (stored.status, kinds) == ("rejected", [])


async def test_the_creditor_agent_hears_of_an_end_that_was_announced_to_it(driver: Driver) -> None:
    payment_id = await in_doubt(driver)
    stored = await driver.stored(payment_id)
    await driver.worker.operate(stored, REJECT)
    [told] = [event for event in await driver.store.stream("", stored.creditor_agent, 100) if event.record != PAYMENT]
    assert (told.record, told.code, told.payment_id) == ("abort", "AB03", payment_id) and UETR in told.detail


# --- reports that do not go with the payment ---


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        (report(CREDITED, amount_minor=1), "wrong-amount"),
        (report(CREDITED, rail="hk-fps"), "wrong-rail"),
        (report(REJECTED, rail="hk-fps", code="AC03"), "wrong-rail"),
        (report(CREDITED, leg=2), "wrong-rail"),
    ],
)
async def test_a_report_of_another_amount_or_rail_is_an_exception_and_not_carried_out(
    driver: Driver, odd: RailReport, kind: str
) -> None:
    payment_id = await driver.accepted(northbound(uetr=UETR))
    await driver.wait()
    held = await driver.counters()
    for _ in range(2):
        await driver.worker.finish([odd])
    assert await driver.history(payment_id) == ["accepted"] and await driver.counters() == held
    assert [record.kind for record in await driver.store.exceptions(payment_id)] == [kind]
    await driver.wait(PAST_DEADLINE)  # its own rail's word still counts
    assert (await driver.stored(payment_id)).status == "credited" and await driver.imbalance() == {}


async def test_a_report_that_names_the_amount_it_was_sent_is_carried_out(driver: Driver) -> None:
    payment_id = await driver.accepted(northbound(uetr=UETR))
    minor = (await driver.stored(payment_id)).settlement_minor
    await driver.worker.finish([report(CREDITED, amount_minor=minor)])
    assert (await driver.stored(payment_id)).status == "credited"


@pytest.mark.parametrize(
    ("said", "status", "kinds"),
    [
        ([SETTLED, SETTLED], "settled", []),
        ([CREDITED, SETTLED], "credited", []),
        ([SETTLED, CREDITED, CREDITED], "credited", []),
        ([SETTLED, REJECTED], "settled", ["contradiction"]),
        ([REJECTED, REJECTED], "rejected", []),
        ([REJECTED, SETTLED, CREDITED], "rejected", ["late-acceptance"]),
        ([BLOCKED, CREDITED], "blocked", ["contradiction"]),
        ([CREDITED, BLOCKED], "credited", ["contradiction"]),
    ],
)
async def test_reports_twice_or_in_another_order_or_against_each_other(
    driver: Driver, said: list[str], status: str, kinds: list[str]
) -> None:
    payment_id = await driver.accepted(northbound(uetr=UETR))
    for each in said:
        await driver.worker.finish([report(each, code="AC03" if each == REJECTED else "")])
    assert (await driver.stored(payment_id)).status == status and await driver.imbalance() == {}
    assert [record.kind for record in await driver.store.exceptions(payment_id)] == kinds


# --- four eyes ---


def eyes(driver: Driver) -> Decisions:
    return Decisions(driver.world, driver.store, driver.worker.operate)


async def test_a_payment_ends_only_when_a_second_operator_agrees_and_both_stand_in_its_event(driver: Driver) -> None:
    payment_id = await in_doubt(driver)
    held, stored = await driver.counters(), await driver.stored(payment_id)
    for same in ("Chan", "Chan", "CHAN", " chan "):  # the same operator twice is one pair of eyes, however it is spelt
        proposed = await eyes(driver).on_payment(stored, REJECT, same, "Silent since noon.")
        assert proposed.outcome == "open" and await driver.counters() == held
    assert (await driver.stored(payment_id)).status == "in_doubt"
    with pytest.raises(OtherwiseProposed):
        await eyes(driver).on_payment(stored, SETTLE, "Wong", "It was credited.")
    agreed = await eyes(driver).on_payment(stored, REJECT, "Wong", "So it is.")
    assert (agreed.outcome, agreed.proposed_by, agreed.decided_by) == ("confirmed", "Chan", "Wong")
    assert (await driver.stored(payment_id)).status == "rejected"
    [last] = [event for event in await driver.store.events(payment_id) if event.status == "rejected"][:1]
    assert '"Chan"' in last.detail and '"Wong"' in last.detail and "Silent since noon." in last.detail


async def test_a_proposal_lapses_and_the_next_one_needs_a_second_operator_again(driver: Driver) -> None:
    payment_id = await in_doubt(driver)
    stored = await driver.stored(payment_id)
    first = await eyes(driver).on_payment(stored, REJECT, "Chan", "Silent.")
    driver.world.clock.set(driver.world.clock.now() + LAPSES_AFTER)
    assert state_of(first, stored, driver.world.clock.now()) == "lapsed"
    second = await eyes(driver).on_payment(stored, REJECT, "Wong", "Still silent.")
    assert (second.n, second.outcome, second.proposed_by) == (2, "open", "Wong")
    assert [each.outcome for each in await driver.store.proposals(payment_id)] == ["lapsed", "open"]
    assert (await driver.stored(payment_id)).status == "in_doubt"


async def test_a_rail_that_speaks_before_the_second_operator_is_believed(driver: Driver) -> None:
    payment_id = await in_doubt(driver)
    stored = await driver.stored(payment_id)
    proposed = await eyes(driver).on_payment(stored, REJECT, "Chan", "Silent.")
    await driver.wait(3600)
    now = await driver.stored(payment_id)
    assert now.status == "credited" and state_of(proposed, now, NOON) == "overtaken"
    proposed = await eyes(driver).on_payment(now, REJECT, "Chan", "Silent.")
    assert (await driver.stored(payment_id)).status == "credited"


async def test_a_decision_confirmed_and_not_carried_out_is_carried_out_when_it_is_said_again(driver: Driver) -> None:
    payment_id = await in_doubt(driver)
    stored = await driver.stored(payment_id)
    proposed = await eyes(driver).on_payment(stored, SETTLE, "Chan", "The agent called.")
    assert await driver.store.decide_proposal(proposed, "confirmed", "Wong", NOON)  # and then the worker vanished
    await eyes(driver).on_payment(stored, SETTLE, "Wong", "The agent called.")
    assert (await driver.stored(payment_id)).status == "settled"


# --- the end is the end ---


async def test_after_a_final_status_a_payment_has_no_more_events_of_its_own(driver: Driver) -> None:
    payment_id = await in_doubt(driver)
    await driver.worker.operate(await driver.stored(payment_id), REJECT)
    await driver.wait(3600)  # the rail pays: an exception
    await eyes(driver).on_exception(payment_id, "late-acceptance", "written-off", "Chan", "Too small.")
    await eyes(driver).on_exception(payment_id, "late-acceptance", "written-off", "Wong", "Too small.")
    events = await driver.store.events(payment_id)
    assert [event for event in await driver.store.stream("", None, 100) if event.payment_id == payment_id] == events
    ended = [event.status in FINAL for event in events].index(True)
    assert [event.record for event in events[: ended + 1]] == [PAYMENT] * (ended + 1)
    assert [event.record for event in events[ended + 1 :]] == ["abort", "exception", "exception"]
    assert {(event.status, event.n) for event in events[ended + 1 :]} == {("rejected", 0)}
