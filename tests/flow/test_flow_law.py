"""The law changes in the middle of a day while payments run: what was admitted stays, what comes is judged by the new law."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from builders import LION, RULEBOOK, a_world, northbound, some_rails, southbound, to_magic
from driver import Driver, day_counter

from limits.rules import Rulebook, load_rulebook
from switch.flow.ports import StoreUnavailable
from switch.flow.world import OtherLaw, rulebook_facts
from switch.payment.plan import Refusal

DAY = "payment-connect.northbound.day"
QUOTA = "mainland.fx-purchase.year"


def law(**overlay: Mapping[str, Any]) -> Rulebook:
    """The packaged law with a day cap changed."""
    return load_rulebook([{"name": "of the test", DAY: overlay}])


def _facts(rulebook: Rulebook) -> dict[str, str]:
    return rulebook_facts(rulebook.id, rulebook.overlays)


async def reload(driver: Driver, rulebook: Rulebook) -> None:
    """Another worker stores a rulebook; this one takes it up."""
    await driver.store.advance(_facts(rulebook))
    await driver.worker.refresh()


async def refusal(driver: Driver, amount: str, **changes: Any) -> Refusal:
    answer = await driver.pay(northbound(amount, **changes))
    assert answer.refusal is not None, answer
    return answer.refusal


async def test_a_cap_lowered_below_use_takes_nothing_back_and_lets_nothing_more_in(driver: Driver) -> None:
    running = await driver.accepted(northbound("6000.00"))
    await reload(driver, law(value="5000"))
    refused = await refusal(driver, "1.00")
    assert (refused.detail["rule"], refused.detail["ceiling"], refused.detail["headroom"]) == (
        DAY,
        "HKD 5000.00",
        "HKD 0.00",
    )
    await driver.wait()
    await driver.wait(30)
    assert (await driver.stored(running)).status == "credited" and (
        await driver.stored(running)
    ).rulebook_id == RULEBOOK.id
    driver.world.clock.set(driver.world.clock.now() + timedelta(days=1))
    assert (await driver.pay(northbound("5000.00"))).refusal is None, "the next window begins under the lower cap"


async def test_what_a_payment_held_comes_free_under_the_lower_cap_when_the_rail_rejects_it(driver: Driver) -> None:
    await driver.accepted(to_magic("MAGIC-AC04", amount="6000.00"))
    await reload(driver, law(value="5000"))
    assert (await refusal(driver, "4999.00")).detail["headroom"] == "HKD 0.00"
    await driver.wait()
    await driver.wait(30)
    driver.machine.now += 2  # the closed board forgets within a second
    assert (await driver.pay(northbound("5000.00"))).refusal is None


async def test_a_cap_raised_gives_the_difference_at_once_and_keeps_what_was_used(driver: Driver) -> None:
    await driver.accepted(northbound("10000.00"))
    assert (await refusal(driver, "1.00")).detail["headroom"] == "HKD 0.00"
    await reload(driver, law(value="12000"))
    assert (await refusal(driver, "2000.01")).detail["headroom"] == "HKD 2000.00"
    await driver.accepted(northbound("2000.00"))


async def test_a_rule_that_ends_binds_nobody_and_what_it_counted_is_posted_where_it_was_claimed(driver: Driver) -> None:
    running = to_magic("MAGIC-AC04", amount="6000.00")
    counter = day_counter(driver, running)
    await driver.accepted(running)
    await reload(driver, law(until="2026-03-01"))
    await driver.accepted(northbound("20000.00"))
    assert (await driver.counters())[counter] == (0, 6_000_00, 0, 0)
    await driver.wait()
    await driver.wait(30)
    assert counter not in await driver.counters(), "what the rejected payment had claimed went back to its own counter"


async def test_a_changed_scope_counts_on_other_counters_from_then_on(driver: Driver) -> None:
    """Per person instead of per person and institution: what was sent before does not count, what is sent from now on does."""
    await driver.accepted(northbound("6000.00"))
    await reload(driver, law(scope="person", enforced_by="clearing-house"))
    await driver.accepted(northbound("7000.00"))
    refused = await refusal(driver, "3000.01", debtor_agent=LION)
    assert (refused.detail["rule"], refused.detail["headroom"]) == (DAY, "HKD 3000.00")


async def test_a_changed_window_begins_with_nothing_used(driver: Driver) -> None:
    await driver.accepted(northbound("10000.00"))
    year = {"period": "calendar-year", "zone": "UTC+8", "instant": "received"}
    await reload(driver, law(window=year))
    await driver.accepted(northbound("10000.00"))
    driver.world.clock.set(driver.world.clock.now() + timedelta(days=1))
    assert (await refusal(driver, "1.00")).detail["window"] == "calendar-year"


async def test_a_batch_decided_under_the_old_law_is_decided_again_and_none_is_judged_by_two(driver: Driver) -> None:
    """The law changes between decide and accept, unheard of by this worker: the fence says so."""
    lowered = law(value="5000")
    submissions = [driver.submit(northbound("5000.01", person=person)) for person in (1, 2, 3)]
    await driver.store.advance(_facts(lowered))
    await driver.accept()
    answers = [submission.answer.result() for submission in submissions]
    assert {answer.refusal.detail["ceiling"] for answer in answers if answer.refusal} == {"HKD 5000.00"}
    stored = [await driver.stored(answer.payment_id) for answer in answers]
    assert {payment.rulebook_id for payment in stored} == {lowered.id}


async def test_a_worker_that_cannot_make_the_law_of_the_fence_judges_nothing(memory: Driver) -> None:
    """Its packaged law is another: the overlays give another id."""
    await memory.store.advance(_facts(law(value="5000")) | {"rulebook_id": "0123456789abcdef"})
    with pytest.raises(OtherLaw):
        await memory.worker.refresh()
    await memory.store.advance({"rulebook_overlays": '[{"no.such-rule": {"value": "1"}}]'})
    with pytest.raises(StoreUnavailable):
        await memory.worker.refresh()
    assert memory.world.rulebook == RULEBOOK


async def test_other_participants_stay_other_participants_whatever_the_rulebook(memory: Driver) -> None:
    await memory.store.advance(_facts(law(value="5000")) | {"participants_id": "others"})
    with pytest.raises(OtherLaw, match="participants"):
        await memory.worker.refresh()
    assert memory.world.rulebook == RULEBOOK


async def test_what_a_draft_would_change_is_counted_and_refuses_nobody(driver: Driver) -> None:
    draft = {"state": "draft", "approvals": ["HKMA", "PBoC"], "approved_by": ["HKMA"], DAY: {"value": "5000"}}
    await reload(driver, load_rulebook([draft]))
    await driver.accepted(northbound("6000.00"))
    assert (await refusal(driver, "4000.01")).detail["ceiling"] == "HKD 10000.00", "the law itself holds"
    counted = {key.split("|")[0]: sums[1] for key, sums in (await driver.counters()).items() if DAY in key}
    assert counted == {DAY: 6_000_00, f"{DAY}.draft": 6_000_00}
    await reload(driver, load_rulebook([{**draft, "approved_by": ["HKMA", "PBoC"]}]))
    assert (await refusal(driver, "1.00")).detail["ceiling"] == "HKD 5000.00", "approved it is law"


async def test_the_law_may_be_lifted_and_set_again(driver: Driver) -> None:
    """USD 50,000 lifted for an hour: what was sent meanwhile was counted by nobody."""
    await reload(driver, load_rulebook([{QUOTA: {"value": None}}]))
    await driver.accepted(southbound("400000.00"))
    await reload(driver, RULEBOOK)
    await driver.accepted(southbound("340000.00", instruction_id="second"))
    answer = await driver.pay(southbound("20000.00", instruction_id="third"))
    assert answer.refusal is not None and answer.refusal.detail["rule"] == QUOTA


def test_two_workers_make_one_rulebook_of_the_same_overlays() -> None:
    first, second = law(value="5000"), law(value="5000")
    assert first.id == second.id != RULEBOOK.id
    assert a_world(rails=some_rails(), rulebook=first).law() == a_world(rails=some_rails(), rulebook=second).law()
