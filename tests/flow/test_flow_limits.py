"""The law at the door of a whole sandbox: caps to the cent, who is resident where, whose position moves."""

import json
from datetime import timedelta
from typing import Any

import pytest
from builders import (
    BANYAN,
    HARBOUR,
    KAPOK,
    LION,
    PEARL,
    a_firm,
    a_person,
    domestic,
    northbound,
    southbound,
)
from driver import Driver

from switch.payment.instruction import Instruction

DAY_CAP, YEAR_CAP = "payment-connect.northbound.day", "payment-connect.northbound.year"
PAST_DEADLINE = 21


async def refused_by(driver: Driver, instruction: Instruction) -> tuple[str, str]:
    """The rule that refused an instruction, and the headroom told."""
    answer = await driver.pay(instruction)
    assert answer.refusal is not None, answer
    return answer.refusal.detail["rule"], answer.refusal.detail["headroom"]


async def credited(driver: Driver, instruction: Instruction) -> Any:
    """Pay to the end; returns what is stored."""
    payment_id = await driver.accepted(instruction)
    await driver.wait()
    await driver.wait(PAST_DEADLINE)
    stored = await driver.stored(payment_id)
    assert stored.status in ("credited", "settled")
    return stored


# --- caps to the cent ---


@pytest.mark.parametrize(
    ("currency", "fits", "beyond"),
    [
        ("HKD", "10000.00", "10000.01"),
        ("CNY", "9090.90", "9090.91"),  # at 1.10 HKD: 9,999.99 and 10,000.001, rounded up to 10,000.01
    ],
)
async def test_the_northbound_day_cap_binds_to_the_cent(memory: Driver, currency: str, fits: str, beyond: str) -> None:
    assert await refused_by(memory, northbound(beyond, currency)) == (DAY_CAP, "HKD 10000.00")
    stored = await credited(memory, northbound(fits, currency))
    assert stored.lane == "payment-connect.northbound"
    rule, headroom = await refused_by(memory, northbound("1.00", currency))
    assert (rule, headroom) == (DAY_CAP, "HKD 0.00" if currency == "HKD" else "HKD 0.01")


async def test_what_is_fixed_in_the_creditor_s_currency_counts_by_what_is_debited(memory: Driver) -> None:
    """HKD 10,000 less the provider's 18 points buy CNY 8,983.80 at 0.9, and not one fen more."""
    for amount, rule in (("8983.80", None), ("8983.81", DAY_CAP)):
        person = 7 if rule else 8
        answer = await memory.pay(northbound(instructed_amount={"currency": "CNY", "amount": amount}, person=person))
        assert (answer.refusal.detail["rule"] if answer.refusal else None) == rule


async def test_hkd_and_rmb_payments_share_one_allowance(memory: Driver) -> None:
    await memory.accepted(northbound("4500.00"))
    await memory.accepted(northbound("5000.00", "CNY"))  # 5,500 at 1.10
    assert await refused_by(memory, northbound("1.00")) == (DAY_CAP, "HKD 0.00")


async def test_the_allowance_is_one_per_institution(memory: Driver) -> None:
    await memory.accepted(northbound("10000.00"))
    assert (await refused_by(memory, northbound("1.00")))[0] == DAY_CAP
    await memory.accepted(northbound("10000.00", debtor_agent=LION))
    await memory.accepted(northbound("10000.00", debtor_agent=KAPOK))  # a wallet is an institution of its own


async def test_a_new_law_day_brings_a_new_allowance_at_midnight_of_the_bay_area(memory: Driver) -> None:
    await memory.accepted(northbound("10000.00"))
    memory.world.clock.set(memory.world.clock.now().replace(hour=15, minute=59, second=59, microsecond=999_999))
    assert (await refused_by(memory, northbound("1.00")))[0] == DAY_CAP
    memory.machine.now += 2
    memory.world.clock.set(memory.world.clock.now().replace(hour=16, minute=0, second=0, microsecond=0))
    await memory.accepted(northbound("10000.00"))


async def test_the_year_cap_binds_when_the_days_are_used_up(memory: Driver) -> None:
    for _ in range(20):
        await memory.accepted(northbound("10000.00"))
        memory.world.clock.set(memory.world.clock.now() + timedelta(days=1))
    assert await refused_by(memory, northbound("0.10")) == (YEAR_CAP, "HKD 0.00")


@pytest.mark.parametrize("settlement", ["HKD", "CNY"])
async def test_the_convenience_quota_of_a_mainland_person_is_one_over_all_banks(
    memory: Driver, settlement: str
) -> None:
    """USD 50,000 a year at 0.14: CNY 357,142.85 fit, and RMB paid out in Hong Kong counts as well."""
    quota = "mainland.fx-purchase.year"
    to = {"settlement_currency": settlement}
    assert (await refused_by(memory, southbound("357142.86", **to)))[0] == quota
    await memory.accepted(southbound("300000.00", **to))
    answer = await memory.pay(southbound("57142.86", debtor_agent=BANYAN, **to))
    assert answer.refusal is not None and answer.refusal.detail["rule"] == quota
    assert answer.refusal.detail["headroom"] == "USD 8000.00" and "branch" in answer.refusal.detail["what_to_do"]
    await memory.accepted(southbound("57142.85", debtor_agent=BANYAN, **to))
    assert (await refused_by(memory, southbound("1.00", **to)))[0] == quota


async def test_documented_tuition_stands_outside_the_quota(memory: Driver) -> None:
    await memory.accepted(southbound("357142.85"))
    school = {
        "creditor__name": "Harbour Tutors Ltd", "creditor__identification": a_firm(9), "creditor__sector": "education",
        "purpose_code": "EDUC", "documents": [{"type": "tuition-notice", "reference": "T-1"}],
    }  # fmt: skip
    stored = await credited(memory, southbound("50000.00", **school))
    assert stored.lane == "payment-connect.southbound.documented"
    school["documents"] = []
    assert (await refused_by(memory, southbound("50000.00", **school)))[0] == "mainland.fx-purchase.year"


def own(amount: str, **changes: Any) -> Instruction:
    mine: dict[str, Any] = {
        "creditor__name": "CHAN Tai Man", "creditor__identification": a_person(1), "creditor__residency": "HK",
        "lane": "same-name.hong-kong",
    }  # fmt: skip
    return northbound(amount, "CNY", **mine | changes)


async def test_the_same_name_allowance_is_one_over_all_banks(memory: Driver) -> None:
    rule = "same-name.hong-kong.day"
    assert await refused_by(memory, own("80000.01")) == (rule, "CNY 80000.00")
    await memory.accepted(own("50000.00"))
    assert await refused_by(memory, own("30000.01", debtor_agent=LION)) == (rule, "CNY 30000.00")
    await memory.accepted(own("30000.00", debtor_agent=LION))


async def test_a_person_who_has_sent_8750_and_tries_1500_is_told_of_1250(memory: Driver) -> None:
    await memory.accepted(northbound("8750.00"))
    answer = await memory.pay(northbound("1500.00"))
    assert answer.refusal is not None
    assert (answer.refusal.reason, answer.refusal.detail["headroom"]) == ("person-quota", "HKD 1250.00")
    assert answer.refusal.detail["source"] and answer.refusal.field == "instructed_amount.amount"
    await memory.accepted(northbound("1250.00"))


# --- residency is not the document, the account or the rail ---


def items(stored: Any) -> list[tuple[str, str]]:
    """(economy, BPM6 item) of a payment's statistical entries."""
    return [(entry["economy"], entry["item"]) for entry in json.loads(stored.decision)["classification"]["entries"]]


async def test_an_hkid_holder_who_lives_in_shenzhen_pays_a_fellow_resident(memory: Driver) -> None:
    """The card opens the lane and the cap is the card holder's; the two are residents of one economy."""
    stored = await credited(memory, northbound(debtor__residency="CN"))
    assert stored.lane == "payment-connect.northbound"
    assert '"rule": "domestic.account-abroad"' in stored.decision
    assert {item for _, item in items(stored)} == {"other-investment.deposits"}
    day = [claim for claim in stored.claims if claim.rule == DAY_CAP]
    assert day and day[0].ceiling == 10_000_00


async def test_the_same_payment_of_one_who_lives_in_hong_kong_is_a_personal_transfer(memory: Driver) -> None:
    stored = await credited(memory, northbound())
    assert items(stored) == [
        ("HK", "secondary-income.personal-transfers"),
        ("CN", "secondary-income.personal-transfers"),
    ]


async def test_a_hong_kong_employer_pays_a_hong_kong_resident_s_mainland_account(memory: Driver) -> None:
    """Wages within one economy are no wage between economies: only the deposit crosses."""
    stored = await credited(
        memory,
        northbound(
            debtor__name="Lion Rock Design Ltd", debtor__identification=a_firm(1), debtor__sector="corporation",
            creditor__residency="HK", creditor__identification=a_person(4), purpose_code="SALA",
            documents=[{"type": "payroll", "reference": "P-1"}],
        ),
    )  # fmt: skip
    assert stored.lane == "payment-connect.northbound.payroll"
    assert {item for _, item in items(stored)} == {"other-investment.deposits"}
    assert not [claim for claim in stored.claims if claim.rule == DAY_CAP]


async def test_an_own_account_transfer_moves_deposits_whatever_the_purpose_says(memory: Driver) -> None:
    for purpose in ("GIFT", "SALA"):
        stored = await credited(memory, own("100.00", purpose_code=purpose, lane=None, person=1))
        assert {item for _, item in items(stored)} == {"other-investment.deposits"}


async def test_a_domestic_rail_between_residents_of_two_economies_is_a_cross_border_transaction(memory: Driver) -> None:
    """A Hong Kong resident pays a mainland resident's account in Hong Kong over FPS."""
    stored = await credited(memory, domestic(creditor__residency="CN"))
    assert stored.lane == "domestic.hong-kong"
    assert items(stored) == [
        ("HK", "secondary-income.personal-transfers"),
        ("CN", "secondary-income.personal-transfers"),
    ]
    plain = await credited(memory, domestic())
    assert items(plain) == []


# --- whose position moves ---


async def test_a_wallet_settles_through_its_sponsor_s_position(driver: Driver) -> None:
    before = await driver.store.counters("position:")
    assert not [key for key in before if KAPOK in key]
    stored = await credited(driver, northbound("100.00", debtor_agent=KAPOK))
    after = await driver.store.counters("position:")
    moved = {
        key: (sums.up_posted - before[key].up_posted, sums.down_posted - before[key].down_posted)
        for key, sums in after.items()
        if sums[:4] != before[key][:4]
    }
    assert moved == {
        f"position:{LION}:hk-fps:HKD": (100_00, 0),
        f"position:{PEARL}:ibps:CNY": (0, stored.settlement_minor),
    }
    assert stored.debtor_agent == KAPOK


async def test_a_wallet_s_payments_use_up_its_sponsor_s_liquidity(memory: Driver) -> None:
    await memory.accepted(
        domestic("200000000.00", debtor_agent=LION, creditor_agent=HARBOUR, creditor__account__number="9")
    )
    answer = await memory.pay(domestic("0.01", debtor_agent=KAPOK, creditor_agent=HARBOUR, person=2))
    assert answer.refusal is not None and answer.refusal.reason == "sponsor-liquidity"
    assert answer.refusal.detail["agent"] == LION and "headroom" not in answer.refusal.detail


async def test_money_on_its_way_to_an_agent_is_not_its_to_spend_before_it_settles(memory: Driver) -> None:
    await memory.accepted(
        domestic("200000000.00", debtor_agent=LION, creditor_agent=HARBOUR, creditor__account__number="9")
    )
    back = domestic("1.00", debtor_agent=HARBOUR, creditor_agent=LION)
    await memory.accepted(back)
    refused = await memory.pay(domestic("1.00", debtor_agent=LION, creditor_agent=HARBOUR, person=3))
    assert refused.refusal is not None and refused.refusal.reason == "liquidity"
    await memory.wait()
    await memory.wait(PAST_DEADLINE)
    await memory.accepted(domestic("1.00", debtor_agent=LION, creditor_agent=HARBOUR, person=3))


async def test_a_conversion_leaves_the_provider_its_spread_and_the_books_balanced(driver: Driver) -> None:
    stored = await credited(driver, northbound("100.00"))
    sums = await driver.store.counters("spread:")
    assert {key: found.down_posted for key, found in sums.items()} == {"spread:sampan-fx:HKD": 12}
    assert stored.settlement_minor == 89_89 and await driver.imbalance() == {}
