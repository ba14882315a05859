"""What becomes of a payment after it is accepted: a flow entering at each status, by what its rail says or does not say."""

import asyncio
from datetime import timedelta

import pytest
from builders import NOON, a_submission, a_world, domestic, northbound, some_rails, southbound, to_magic, trade
from driver import Driver, day_counter, plan_of

from rails.port import CREDITED, REJECTED, SETTLED, RailReport
from switch.flow.completer import INQUIRY_BACKOFF
from switch.flow.loops import Loops
from switch.payment.status import CREDIT, REJECT, SETTLE
from switch.store.memory import MemoryStore

PAST_DEADLINE = 21  # business seconds; IBPS and FPS answer within 20 or not at all
UETR = "6f0d53a2-9d8c-4c1b-8a55-00000000000a"


def report(status: str, uetr: str = UETR, rail: str = "ibps", seconds: float = 3, code: str = "") -> RailReport:
    return RailReport(rail, uetr, 1, status, code, NOON + timedelta(seconds=seconds))


# --- the good way ---


async def test_a_payment_north_is_sent_marked_and_credited(driver: Driver) -> None:
    payment_id = await driver.accepted(northbound())
    await driver.wait()
    await driver.mark()
    assert (await driver.stored(payment_id)).status == "submitted"
    await driver.wait(PAST_DEADLINE)
    assert await driver.history(payment_id) == ["accepted", "submitted", "credited"]
    assert not driver.worker.flights and await driver.imbalance() == {}


async def test_a_report_that_comes_before_the_mark_leaves_nothing_to_mark(driver: Driver) -> None:
    payment_id = await driver.accepted(northbound())
    await driver.wait(PAST_DEADLINE)
    await driver.mark()
    assert await driver.history(payment_id) == ["accepted", "credited"]


async def test_only_what_has_no_report_for_a_while_is_marked_submitted(memory: Driver) -> None:
    loops = Loops(memory.worker, mark_after_seconds=0.1)
    await loops.start()
    submission = a_submission(northbound())
    loops.worker.intake.put(submission)
    await submission.answer
    await asyncio.sleep(0.05)
    assert await memory.history(submission.payment_id) == ["accepted"] and len(memory.worker.flights.unmarked) == 1
    await asyncio.sleep(0.1)
    loops.nudge()
    await asyncio.sleep(0.01)
    assert await memory.history(submission.payment_id) == ["accepted", "submitted"]
    await loops.stop()


async def test_a_five_step_rail_settles_and_then_credits(driver: Driver) -> None:
    payment_id = await driver.accepted(domestic(uetr=UETR))
    await driver.wait()
    entry = (await driver.world.rails["hk-fps"].inquire([(UETR, 1)], NOON + timedelta(hours=1)))[0]
    settled_at = driver.world.rails["hk-fps"].next_due()
    assert settled_at is not None and settled_at < entry.at and entry.status == CREDITED
    await driver.wait((settled_at - NOON).total_seconds())
    assert await driver.history(payment_id) == ["accepted", "settled"]
    assert driver.worker.flights and not (await driver.stored(payment_id)).at_rest  # the credit is still to come
    await driver.wait(PAST_DEADLINE)
    assert await driver.history(payment_id) == ["accepted", "settled", "credited"]
    assert (await driver.stored(payment_id)).settled_at == settled_at


async def test_settlement_and_credit_heard_together_are_one_step(driver: Driver) -> None:
    payment_id = await driver.accepted(domestic())
    await driver.wait()
    await driver.wait(PAST_DEADLINE)  # both are due by now
    assert await driver.history(payment_id) == ["accepted", "credited"]


async def test_on_an_rtgs_settlement_is_the_last_word(driver: Driver) -> None:
    payment_id = await driver.accepted(trade())
    await driver.wait()
    await driver.wait(600)
    assert await driver.history(payment_id) == ["accepted", "settled"]
    assert not driver.worker.flights and (await driver.stored(payment_id)).at_rest
    await driver.wait(3600)
    assert await driver.history(payment_id) == ["accepted", "settled"]


async def test_a_payment_south_reaches_its_payee(driver: Driver) -> None:
    payment_id = await driver.accepted(southbound())
    await driver.wait(PAST_DEADLINE)
    assert (await driver.stored(payment_id)).status == "credited" and await driver.imbalance() == {}


# --- the rail says no ---


async def test_a_rejection_by_the_rail_gives_everything_back(driver: Driver) -> None:
    before = await driver.counters()
    payment_id = await driver.accepted(to_magic("REJECT-AC03"))
    assert await driver.counters() != before
    await driver.wait(PAST_DEADLINE)
    stored = await driver.stored(payment_id)
    assert (stored.status, stored.code) == ("rejected", "AC03") and '"rail": "ibps"' in stored.detail
    assert await driver.counters() == before


async def test_a_five_step_rail_rejects_itself_at_the_deadline(driver: Driver) -> None:
    payment_id = await driver.accepted(to_magic("SILENT", domestic))
    await driver.wait()
    await driver.wait(20)
    stored = await driver.stored(payment_id)
    assert (stored.status, stored.code) == ("rejected", "AB05")


@pytest.mark.parametrize("code", ["", "AC03,AC04", "no such account", "Ａ"])
async def test_a_report_of_rejection_without_an_iso_code_says_that_there_is_none(driver: Driver, code: str) -> None:
    """The books hold no rejection without a code: one rail's slip must not touch any report beside it."""
    first = await driver.accepted(northbound(uetr=UETR))
    second = await driver.accepted(northbound(uetr=UETR.replace("000a", "000b")))
    await driver.worker.finish([report(REJECTED, code=code), report(CREDITED, UETR.replace("000a", "000b"))])
    assert (await driver.stored(first)).status == "rejected" and (await driver.stored(first)).code == "NARR"
    assert (await driver.stored(second)).status == "credited"


# --- the rail says nothing ---


async def test_a_silent_rail_is_no_refusal_and_an_inquiry_tells(driver: Driver) -> None:
    payment_id = await driver.accepted(to_magic("SILENT"))
    held = await driver.counters()
    await driver.wait()
    await driver.wait(19)
    assert (await driver.stored(payment_id)).status in ("accepted", "submitted")
    waiter = driver.worker.wait_for(payment_id)
    driver.world.clock.set(NOON + timedelta(seconds=20))
    await driver.worker.complete()  # in doubt, and the rail is asked in the same turn
    await driver.wait()
    assert await driver.history(payment_id) == ["accepted", "in_doubt", "credited"]
    assert await waiter == "in_doubt"
    assert held != await driver.counters() and await driver.imbalance() == {}


async def test_what_is_in_doubt_holds_money_and_quota(driver: Driver) -> None:
    payment_id = await driver.accepted(to_magic("LATE-ACCEPT"))  # the rail itself does not know for an hour
    held = await driver.counters()
    await driver.wait(PAST_DEADLINE)
    assert (await driver.stored(payment_id)).status == "in_doubt" and await driver.counters() == held
    await driver.wait(3600)
    assert await driver.history(payment_id) == ["accepted", "in_doubt", "credited"]


async def test_a_silent_rejection_is_learnt_by_inquiry(driver: Driver) -> None:
    before = await driver.counters()
    payment_id = await driver.accepted(to_magic("SILENT-REJECTED"))
    await driver.wait()
    await driver.wait(PAST_DEADLINE)
    stored = await driver.stored(payment_id)
    assert (stored.status, stored.code) == ("rejected", "MS03") and await driver.counters() == before


async def test_a_lost_instruction_is_rejected_as_never_received_and_everything_given_back(driver: Driver) -> None:
    before = await driver.counters()
    payment_id = await driver.accepted(to_magic("LOST"))
    await driver.wait()
    await driver.wait(PAST_DEADLINE)
    stored = await driver.stored(payment_id)
    assert (stored.status, stored.code) == ("rejected", "AG09")
    assert await driver.history(payment_id) == ["accepted", "in_doubt", "rejected"]
    assert await driver.counters() == before


async def test_a_late_credit_is_a_credit(driver: Driver) -> None:
    payment_id = await driver.accepted(to_magic("LATE"))
    await driver.wait()
    await driver.wait(PAST_DEADLINE)
    assert (await driver.stored(payment_id)).status == "in_doubt"
    await driver.wait(30)
    assert await driver.history(payment_id) == ["accepted", "in_doubt", "credited"]
    assert await driver.store.exceptions(payment_id) == []


async def test_inquiries_come_at_growing_intervals(memory: Driver) -> None:
    asked: list[float] = []
    rail = memory.world.rails["ibps"]
    inquire = rail.inquire

    async def counting(uetrs, at):  # type: ignore[no-untyped-def]
        asked.append((at - NOON).total_seconds())
        return await inquire(uetrs, at)

    rail.inquire = counting  # type: ignore[method-assign]
    await memory.accepted(to_magic("LATE-ACCEPT"))
    await memory.wait()
    for _ in range(200):
        await memory.wait(1)
    wanted, at = [], 20.0
    for wait in (*INQUIRY_BACKOFF, INQUIRY_BACKOFF[-1]):
        wanted.append(at)
        at += wait
    assert asked == [second for second in wanted if second <= 200]


async def test_a_settled_payment_whose_credit_is_not_reported_is_asked_about(driver: Driver) -> None:
    """Settled is not the last word on FPS: where the confirmation gets lost, an inquiry must tell, or it stays open for ever."""
    payment_id = await driver.accepted(domestic(uetr=UETR))
    await driver.wait()
    await driver.worker.finish([report(SETTLED, rail="hk-fps")])
    assert (await driver.stored(payment_id)).status == "settled"
    driver.world.rails["hk-fps"]._heap.clear()  # the reports are lost with the connection that would have brought them
    await driver.wait(PAST_DEADLINE)
    assert await driver.history(payment_id) == ["accepted", "settled", "credited"]


# --- the rail says too much ---


async def test_a_report_that_comes_twice_counts_once(driver: Driver) -> None:
    payment_id = await driver.accepted(to_magic("DUPLICATE"))
    await driver.wait()
    await driver.wait(PAST_DEADLINE)
    assert await driver.history(payment_id) == ["accepted", "credited"]
    assert await driver.store.exceptions(None) == [] and await driver.imbalance() == {}


async def test_the_same_report_twice_in_one_batch_counts_once(driver: Driver) -> None:
    payment_id = await driver.accepted(northbound(uetr=UETR))
    await driver.worker.finish([report(CREDITED), report(CREDITED), report(SETTLED), report(CREDITED)])
    assert await driver.history(payment_id) == ["accepted", "credited"]


async def test_a_rejection_after_the_credit_is_kept_for_an_operator_and_moves_nothing(driver: Driver) -> None:
    payment_id = await driver.accepted(to_magic("CONTRADICTORY"))
    await driver.wait()
    await driver.wait(PAST_DEADLINE)
    held = await driver.counters()
    await driver.wait(60)
    assert await driver.history(payment_id) == ["accepted", "credited"]
    [record] = await driver.store.exceptions(payment_id)
    assert (record.kind, record.transfers, record.forced) == ("contradiction", (), ()) and "MS03" in record.detail
    assert await driver.counters() == held
    assert driver.worker.metrics.exceptions == {"contradiction": 1}


async def test_a_rejection_and_then_a_credit_in_one_batch_is_a_late_acceptance(driver: Driver) -> None:
    payment_id = await driver.accepted(northbound(uetr=UETR))
    await driver.worker.finish([report(REJECTED, code="AC03"), report(CREDITED, seconds=4)])
    assert await driver.history(payment_id) == ["accepted", "rejected"]
    assert [record.kind for record in await driver.store.exceptions(payment_id)] == ["late-acceptance"]


async def test_a_report_for_a_payment_nobody_knows_is_counted_and_dropped(driver: Driver) -> None:
    payment_id = await driver.accepted(northbound())
    await driver.worker.finish([report(CREDITED)])
    assert driver.worker.metrics.strays == 1
    assert await driver.history(payment_id) == ["accepted"]


# --- an operator decides ---


async def rejected_in_doubt(driver: Driver) -> str:
    payment_id = await driver.accepted(to_magic("LATE-ACCEPT", amount="8000.00"))
    await driver.wait()
    await driver.wait(PAST_DEADLINE)
    await driver.worker.operate(await driver.stored(payment_id), REJECT)
    return payment_id


async def test_a_late_acceptance_after_an_operator_s_rejection_is_a_record_beside_it(driver: Driver) -> None:
    before = await driver.counters()
    payment_id = await rejected_in_doubt(driver)
    stored = await driver.stored(payment_id)
    assert (stored.status, stored.code) == ("rejected", "AB03") and "operator-rejected" in stored.detail
    assert await driver.counters() == before
    day = day_counter(driver, northbound())
    history = await driver.history(payment_id)

    await driver.wait(3600)
    assert await driver.stored(payment_id) == stored._replace(awaits_rail=False)
    assert stored.awaits_rail and await driver.history(payment_id) == history
    [record] = await driver.store.exceptions(payment_id)
    assert record.kind == "late-acceptance"
    [transfer] = record.transfers
    assert (transfer.debit_account, transfer.line) == ("suspense:ibps:CNY", "suspense")
    assert transfer.credit_account == "position:PEARCNG0:ibps:CNY"
    assert (transfer.amount_minor, transfer.currency) == (stored.settlement_minor, stored.settlement_currency)
    assert {claim.rule for claim in record.forced} >= {
        "payment-connect.northbound.day",
        "payment-connect.northbound.year",
    }
    assert all(claim.forced for claim in record.forced)
    sums = await driver.store.sums([day, "suspense:ibps:CNY"])
    assert sums[day].up_posted == 8000_00 and sums["suspense:ibps:CNY"].up_posted == stored.settlement_minor
    assert await driver.imbalance() == {}
    assert driver.worker.metrics.exceptions == {"late-acceptance": 1}


async def test_forced_usage_counts_against_the_next_payment_and_may_exceed_the_cap(driver: Driver) -> None:
    await rejected_in_doubt(driver)
    await driver.accepted(northbound("9000.00"))  # what the rejection gave back is used by somebody else meanwhile
    await driver.wait(3600)
    day = day_counter(driver, northbound())
    assert (await driver.store.sums([day]))[day].up_posted == 17_000_00
    answer = await driver.pay(northbound("1.00"))
    assert answer.refusal is not None and answer.refusal.detail["headroom"] == "HKD 0.00"


async def test_a_payment_an_operator_honoured_is_settled_and_later_credited(driver: Driver) -> None:
    payment_id = await driver.accepted(to_magic("LATE-ACCEPT"))
    await driver.wait()
    await driver.wait(PAST_DEADLINE)
    await driver.worker.operate(await driver.stored(payment_id), SETTLE)
    assert (await driver.stored(payment_id)).status == "settled"
    await driver.wait(3600)
    assert (await driver.history(payment_id))[-2:] == ["settled", "credited"]
    assert await driver.store.exceptions(payment_id) == [] and await driver.imbalance() == {}


async def test_a_rejection_after_an_operator_honoured_is_a_contradiction(driver: Driver) -> None:
    payment_id = await driver.accepted(northbound(uetr=UETR))
    await driver.worker.operate(await driver.stored(payment_id), SETTLE)
    await driver.worker.finish([report(REJECTED, code="AC03")])
    assert (await driver.stored(payment_id)).status == "settled"
    assert [record.kind for record in await driver.store.exceptions(payment_id)] == ["contradiction"]


@pytest.mark.parametrize("event", [SETTLE, REJECT, CREDIT])
async def test_an_operator_s_decision_on_what_is_final_changes_nothing(driver: Driver, event: str) -> None:
    payment_id = await driver.accepted(northbound())
    await driver.wait(PAST_DEADLINE)
    before, counters = await driver.stored(payment_id), await driver.counters()
    assert before.status == "credited"
    await driver.worker.operate(before, event)
    assert await driver.stored(payment_id) == before and await driver.counters() == counters


# --- who waits is told ---


async def test_who_waits_for_a_payment_is_told_of_each_change(memory: Driver) -> None:
    payment_id = await memory.accepted(northbound())
    waiting = memory.worker.wait_for(payment_id)
    forgotten = memory.worker.wait_for(payment_id)
    memory.worker.forget(payment_id, forgotten)
    await memory.wait(PAST_DEADLINE)
    assert waiting.done() and waiting.result() == "credited" and not forgotten.done()
    memory.worker.forget(payment_id, waiting)  # twice is harmless


# --- everything at once, on one sandbox ---


async def test_a_day_of_every_magic_leaves_the_books_balanced(driver: Driver) -> None:
    names = (
        "SILENT", "SILENT-REJECTED", "UNREPORTED", "LOST", "LATE", "LATE-ACCEPT", "DUPLICATE", "CONTRADICTORY",
        "REJECT-AC03", "REJECT-MS03", "NONSENSE",
    )  # fmt: skip
    submissions = []
    for n, name in enumerate(names * 2):
        build = (northbound, domestic)[n >= len(names)]
        submissions.append(driver.submit(to_magic(name, build, person=n)))
    await driver.accept()
    for _ in range(70):
        await driver.wait(60)
    ends = {s.instruction.creditor.account.number: await driver.stored(s.payment_id) for s in submissions[: len(names)]}
    assert {name: ends[f"MAGIC-{name}"].status for name in names} == {
        "SILENT": "credited", "SILENT-REJECTED": "rejected", "UNREPORTED": "credited", "LOST": "rejected",
        "LATE": "credited", "LATE-ACCEPT": "credited", "DUPLICATE": "credited", "CONTRADICTORY": "credited",
        "REJECT-AC03": "rejected", "REJECT-MS03": "rejected", "NONSENSE": "rejected",
    }  # fmt: skip
    for submission in submissions:
        assert (await driver.stored(submission.payment_id)).status in ("credited", "rejected")
    assert await driver.imbalance() == {} and not driver.worker.flights
    pending = {key: sums for key, sums in (await driver.counters()).items() if sums[0] or sums[2]}
    assert pending == {}


async def test_the_same_seed_replays_the_same_day() -> None:
    stories = []
    for _ in range(2):
        driver = await Driver(MemoryStore(), a_world(rails=some_rails())).start()
        ids = [
            await driver.accepted(northbound(uetr=UETR.replace("000a", f"{n:04}"), instruction_id=f"R{n}", person=n))
            for n in range(20)
        ]
        for _second in range(25):
            await driver.wait(1)
        stories.append([[(e.status, e.at) for e in await driver.store.events(payment_id)] for payment_id in ids])
    assert stories[0] == stories[1]
    assert plan_of(driver, northbound()).leg.rail == "ibps"
