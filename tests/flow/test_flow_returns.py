"""Money comes back: whose it is then, at which rate, who bears it, what of the quota goes back, and what is held in suspense."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from builders import NOON, a_world, domestic, northbound, to_magic, trade
from driver import Books, Driver
from giving_back import DAY, book, given_back, lines, recalled, the_recall, the_return

from fx.money import Money
from fx.rates import FixedRates
from limits.rulebook import read_documents
from limits.rules import Rulebook
from rails.port import RailReturn
from switch.flow.ports import Store
from switch.payment.plan import Transfer
from switch.payment.postings import charges
from switch.store.memory import MemoryStore

NewStore = Callable[[], Awaitable[Store]]


def giving_back() -> Rulebook:
    """The law, but what is returned frees the allowance of Payment Connect's day again; that of its year it does not."""
    documents = read_documents()
    day = "payment-connect.northbound.day.yaml"
    return Rulebook({**documents, day: {**documents[day], "gives_back": True}})


LAW = giving_back()


@pytest.fixture
async def driver(new_store: NewStore) -> Driver:
    return await Driver(await new_store(), a_world(rails=Books().rails(), rulebook=LAW)).start()


async def credited(driver: Driver, instruction: Any = None) -> str:
    payment_id = await driver.accepted(instruction or northbound("1000.00"))
    await driver.wait(900)  # longer than the slowest rail takes to answer
    assert (await driver.stored(payment_id)).settled_at is not None
    return payment_id


async def used(driver: Driver, person: int = 1) -> dict[str, int]:
    """What a person has used of the two allowances, in minor units of HKD."""
    found = {}
    for key, sums in (await driver.store.counters("payment-connect.northbound")).items():
        found[key.partition("|")[0].rpartition(".")[2]] = sums.up_pending + sums.up_posted - sums.down_posted
    return found


async def test_a_full_return_goes_back_at_the_days_rate_and_frees_what_its_rule_gives_back(driver: Driver) -> None:
    payment_id = await credited(driver)
    stored = await driver.stored(payment_id)
    assert await used(driver) == {"day": 1000_00, "year": 1000_00}
    await book(driver, await given_back(driver, payment_id, stored.settlement_minor))
    back = await the_return(driver, payment_id)
    # HKD 1,000 were sold for CNY at 0.9 less a spread; what came of it is sold back at 1.10, less another.
    assert (back.state, back.bears, back.mode, back.share) == (
        "returned",
        "debtor",
        "return",
        (stored.settlement_minor, stored.settlement_minor),
    )
    assert (back.sold_minor, back.bought_minor) == (stored.settlement_minor, back.credited_minor)
    assert 985_00 < back.credited_minor < 990_00
    booked = await lines(driver, payment_id)
    assert [line for line, *_ in booked] == ["conversion", "returned", "spread"]
    assert booked[0][1] == "position:PEARCNG0:ibps:CNY" and booked[1][2] == "position:HBAYHKH0:hk-fps:HKD"
    assert booked[0][3] + booked[2][3] == stored.settlement_minor
    assert await used(driver) == {"day": 0, "year": 1000_00}
    assert await driver.imbalance() == {}
    assert await driver.stored(payment_id) == stored


async def test_part_returns_free_their_part_and_add_up_to_the_whole(driver: Driver) -> None:
    payment_id = await credited(driver)
    whole = (await driver.stored(payment_id)).settlement_minor
    third = whole // 3
    await book(driver, await given_back(driver, payment_id, third))
    assert (await used(driver))["day"] == 1000_00 - 1000_00 * third // whole
    await book(
        driver, await given_back(driver, payment_id, third), await given_back(driver, payment_id, whole - 2 * third)
    )
    assert (await used(driver))["day"] == 0
    assert [each.state for each in await driver.store.returns(payment_id)] == ["returned"] * 3
    assert sum(each.counted_minor for each in await driver.store.returns(payment_id)) == whole


async def test_what_goes_beyond_the_original_is_held_and_frees_nothing(driver: Driver) -> None:
    payment_id = await credited(driver)
    whole = (await driver.stored(payment_id)).settlement_minor
    await book(driver, await given_back(driver, payment_id, whole - 100), await given_back(driver, payment_id, 101))
    first, beyond = await driver.store.returns(payment_id)
    assert (first.state, beyond.state, beyond.why, beyond.counted_minor) == (
        "returned",
        "suspended",
        "beyond-the-original",
        0,
    )
    assert (await lines(driver, payment_id))[-1] == ("held", "position:PEARCNG0:ibps:CNY", "suspense:ibps:CNY", 101)
    assert (await used(driver))["day"] == 1000_00 - 1000_00 * (whole - 100) // whole
    assert await driver.worker.recalls.release(beyond, to_creditor=False) is None
    sent = await driver.worker.recalls.release(beyond, to_creditor=True)
    assert sent is not None and sent.state == "sent_back"
    assert (await driver.counters())["suspense:ibps:CNY"] == (0, 101, 0, 101)
    await book(driver, await given_back(driver, payment_id, 100))
    assert (await driver.store.returns(payment_id))[-1].state == "returned"


async def test_a_return_told_twice_counts_once_and_one_of_no_payment_moves_nothing(driver: Driver) -> None:
    payment_id = await credited(driver)
    given = await given_back(driver, payment_id, 100)
    await book(driver, given, given._replace(amount_minor=200))
    before = await driver.counters()
    await book(driver, given)
    assert (await the_return(driver, payment_id)).amount_minor == 100
    stray = given._replace(
        return_id="00000000-0000-4000-8000-0000000abcde", uetr="6f0d53a2-9d8c-4c1b-8a55-000000000abc"
    )
    await book(driver, stray, stray)
    [unmatched] = await driver.store.returns_in("unmatched", None, 10)
    assert (unmatched.state, unmatched.payment_id, unmatched.why) == ("unmatched", "", "unknown-payment")
    assert await driver.counters() == before


async def test_another_currency_than_was_paid_is_held(driver: Driver) -> None:
    payment_id = await credited(driver, trade("1000.00"))
    await driver.wait(3600)
    await book(driver, await given_back(driver, payment_id, 100, currency="HKD"))
    held = await the_return(driver, payment_id)
    assert (held.state, held.why, held.moved) == (
        "suspended",
        "wrong-currency",
        False,
    )  # no such position to take it from
    assert await driver.imbalance() == {}


@pytest.mark.parametrize("rounds", range(3))
async def test_two_part_returns_at_once_never_exceed_the_original(new_store: NewStore, rounds: int) -> None:
    books = Books()
    driver = await Driver(await new_store(), a_world(rails=books.rails(), rulebook=LAW)).start()
    other = await Driver(await new_store(), a_world(rails=books.rails(), rulebook=LAW), incarnation=2).start()
    payment_id = await credited(driver)
    whole = (await driver.stored(payment_id)).settlement_minor
    given = [await given_back(driver, payment_id, whole // 2 + 1) for _ in range(4)]
    await asyncio.gather(book(driver, *given[:3]), book(other, *given[1:]))
    returns = await driver.store.returns(payment_id)
    assert sorted(each.state for each in returns) == ["returned", "suspended", "suspended", "suspended"]
    assert [each.n for each in returns] == [1, 2, 3, 4]
    assert sum(each.counted_minor for each in returns) <= whole
    assert await driver.imbalance() == {}


async def test_without_a_provider_it_is_held_until_an_operator_releases_it(driver: Driver) -> None:
    payment_id = await credited(driver)
    whole, providers = (await driver.stored(payment_id)).settlement_minor, driver.world.providers
    driver.world.providers = ()
    await book(driver, await given_back(driver, payment_id, whole))
    held = await the_return(driver, payment_id)
    assert (held.state, held.why, held.counted_minor) == ("suspended", "no-provider", whole)
    assert (await used(driver))["day"] == 1000_00
    assert await driver.worker.recalls.release(held, to_creditor=False) is None
    driver.world.providers = providers
    released = await driver.worker.recalls.release(held, to_creditor=False)
    assert released is not None and released.state == "released" and released.credited_minor > 0
    again = await driver.worker.recalls.release(held, to_creditor=False)
    assert again == released
    assert (await used(driver))["day"] == 0
    assert (await driver.counters())["suspense:ibps:CNY"] == (0, whole, 0, whole)
    assert [line for line, *_ in await lines(driver, payment_id)] == ["held", "conversion", "returned", "spread"]
    assert await driver.imbalance() == {}


async def drained(driver: Driver, *prefixes: str) -> None:
    """Take all that is left out of accounts, as if it had been paid away."""
    from switch.flow.exceptions import LATE_ACCEPTANCE
    from switch.flow.ports import ExceptionRecord, Step

    gone = []
    for prefix in prefixes:
        for account, sums in (await driver.store.counters(prefix)).items():
            left = sums.down_posted - sums.up_posted - sums.up_pending
            if left > 0:
                currency = account.rpartition(":")[2]
                gone.append(Transfer(100 + len(gone), account, f"funding:world:{currency}", left, currency, "funding"))
    sink = await driver.accepted(northbound("10.00", person=9))
    await driver.wait(30)
    stored = await driver.stored(sink)
    step = Step(sink, stored.received_on, "reject", NOON)
    record = ExceptionRecord(sink, stored.received_on, LATE_ACCEPTANCE, NOON, "{}", tuple(gone), ())
    assert await driver.store.hear_out(step, record)


async def test_an_inventory_that_is_empty_passes_it_on_and_two_hold_it(driver: Driver) -> None:
    payment_id = await credited(driver)
    whole = (await driver.stored(payment_id)).settlement_minor
    await book(driver, await given_back(driver, payment_id, 10_000))
    first = (await driver.store.returns(payment_id))[0].provider
    await drained(driver, f"inventory:{first}:any:HKD")
    await book(driver, await given_back(driver, payment_id, 10_000))
    second = (await driver.store.returns(payment_id))[1]
    assert second.state == "returned" and second.provider != first
    await book(driver, await given_back(driver, payment_id, whole - 20_000))
    assert (await driver.store.returns(payment_id))[2].state == "returned"


async def test_where_the_creditor_agents_position_does_not_cover_it_no_money_moves(driver: Driver) -> None:
    payment_id = await credited(driver)
    whole = (await driver.stored(payment_id)).settlement_minor
    await drained(driver, "position:PEARCNG0:ibps:CNY")
    before = await driver.counters()
    await book(driver, await given_back(driver, payment_id, whole))
    held = await the_return(driver, payment_id)
    assert (held.state, held.why, held.moved, held.counted_minor) == ("suspended", "not-covered", False, whole)
    assert await driver.counters() == before
    await driver.accepted(northbound("2000.00", person=2))
    await driver.wait(30)  # what is paid to that agent covers it
    released = await driver.worker.recalls.release(held, to_creditor=False)
    assert released is not None and released.state == "released"


async def test_the_creditor_agents_fault_is_borne_by_it(driver: Driver) -> None:
    payment_id = await credited(driver)
    whole = (await driver.stored(payment_id)).settlement_minor
    await book(driver, await given_back(driver, payment_id, whole, reason_code="DS28"))
    back = await the_return(driver, payment_id)
    assert (back.bears, back.credited_minor) == ("creditor", 1000_00)
    assert back.sold_minor > back.amount_minor == whole  # the loss of both exchanges is its own


async def test_what_the_creditor_agent_keeps_counts_of_the_original(driver: Driver) -> None:
    payment_id = await credited(driver, domestic("100.00"))
    await book(driver, await given_back(driver, payment_id, 95_00, charge_minor=5_00))
    back = await the_return(driver, payment_id)
    assert (back.credited_minor, back.counted_minor, back.share) == (95_00, 100_00, (95_00, 100_00))
    await book(driver, await given_back(driver, payment_id, 1))
    assert (await driver.store.returns(payment_id))[1].why == "beyond-the-original"


async def test_a_reversal_on_its_day_mirrors_the_original_to_the_unit_charge_and_spread_included(
    driver: Driver,
) -> None:
    before = await driver.counters()
    instruction = to_magic("RECALL-SILENT", trade, amount="1000.00", currency="HKD")
    payment_id = await driver.accepted(instruction)
    await driver.wait(900)
    own = [each.transfer for each in await driver.store.transfers(payment_id)]
    assert {each.line for each in own} == {"conversion", "principal", "spread", "charge"}
    recall = (await recalled(driver, payment_id, "TECH", reversal=True)).recall
    assert recall is not None
    whole = (await driver.stored(payment_id)).settlement_minor
    await book(driver, await given_back(driver, payment_id, whole, reason_code="FOCR", recall_id=recall.recall_id))
    back = await the_return(driver, payment_id)
    assert (back.state, back.mode, back.bears) == ("returned", "reversal", "switch"), back
    assert back.credited_minor == (await driver.stored(payment_id)).debit_minor
    accounts = {key: sums[3] - sums[1] for key, sums in (await driver.counters()).items() if "|" not in key}
    assert accounts == {key: sums[3] - sums[1] for key, sums in before.items() if "|" not in key} | {
        key: 0 for key in accounts if key not in before
    }


async def test_a_reversal_on_a_later_day_gives_all_back_and_the_switch_makes_good_the_rate(driver: Driver) -> None:
    instruction = to_magic("RECALL-PENDING", trade, amount="1000.00", currency="HKD")
    payment_id = await driver.accepted(instruction)
    await driver.wait(900)
    await recalled(driver, payment_id, "TECH", reversal=True)
    await driver.wait(6 * DAY)
    back, stored = await the_return(driver, payment_id), await driver.stored(payment_id)
    assert (back.mode, back.bears, back.credited_minor) == ("reversal", "switch", stored.debit_minor)
    [(_, source, target, refunded)] = [line for line in await lines(driver, payment_id) if line[0] == "refund"]
    assert (source, target) == (charges("HKD"), "position:HBAYHKH0:hk-chats:HKD")
    assert back.bought_minor + refunded == stored.debit_minor
    assert await driver.imbalance() == {}


async def test_the_days_rate_is_that_of_the_day_it_comes_back(driver: Driver) -> None:
    payment_id = await credited(driver)
    whole = (await driver.stored(payment_id)).settlement_minor
    dear = dict(driver.world.rates._mids)  # type: ignore[attr-defined]
    driver.world.rates = FixedRates(dear | {("CNY", "HKD", "offshore"): dear["CNY", "HKD", "offshore"] * 2})  # type: ignore[arg-type]
    await book(driver, await given_back(driver, payment_id, whole))
    assert (await the_return(driver, payment_id)).credited_minor > 1900_00


async def test_what_was_paid_after_its_end_and_comes_back_squares_its_suspense(driver: Driver) -> None:
    payment_id = await driver.accepted(to_magic("LATE-ACCEPT", amount="500.00"))
    await driver.wait(60)
    stored = await driver.stored(payment_id)
    await driver.worker.operate(stored, "reject")
    await driver.wait(2 * 3600)
    owed = (await driver.counters())["suspense:ibps:CNY"]
    await book(driver, await given_back(driver, payment_id, owed[1]))
    assert (await the_return(driver, payment_id)).state == "squared"
    assert (await driver.counters())["suspense:ibps:CNY"] == (0, owed[1], 0, owed[1])
    [record] = await driver.store.exceptions(payment_id)
    assert [each.n for each in record.transfers] == [100]


async def test_a_return_that_cannot_be_booked_stops_no_other_and_is_tried_again() -> None:
    driver = await Driver(MemoryStore(), a_world(rails=Books().rails(), rulebook=LAW)).start()
    first, second = await credited(driver), await credited(driver, northbound("200.00", person=2))
    real, cursed = driver.store.book_return, {first}

    async def planted(given: RailReturn, payment_id: str, *rest: Any) -> Any:
        if payment_id in cursed:
            raise ValueError("planted")
        return await real(given, payment_id, *rest)

    driver.store.book_return = planted  # type: ignore[method-assign]
    await book(driver, await given_back(driver, first, 100), await given_back(driver, second, 100))
    assert await driver.store.returns(first) == [] and (await the_return(driver, second)).state == "returned"
    cursed.clear()
    driver.worker.recalls.watch()
    await driver.wait()
    assert (await the_return(driver, first)).state == "returned"


async def test_the_recall_that_a_return_answers_is_closed_with_it(driver: Driver) -> None:
    payment_id = await credited(driver, to_magic("RECALL-SILENT", amount="1000.00"))
    await recalled(driver, payment_id, amount=Money(5000, "CNY"))
    await driver.wait(1)
    recall = await the_recall(driver, payment_id)
    await book(driver, await given_back(driver, payment_id, 5000, reason_code="FOCR", recall_id=recall.recall_id))
    assert (await the_recall(driver, payment_id)).state == "returned"
    assert timedelta(0) < driver.world.clock.now() - NOON
