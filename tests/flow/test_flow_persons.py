"""One person at several institutions at once, and what the sandbox knows of persons, in the workers' own transactions."""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from builders import (
    BANYAN,
    HARBOUR,
    KAPOK,
    LION,
    NOON,
    PEARL,
    RATES,
    a_clock,
    a_person,
    northbound,
    some_rails,
    southbound,
)
from driver import Driver

from limits import rulebook as packaged
from limits.calendars import law_day
from limits.rules import Rulebook
from switch.dryrun import DryRun
from switch.flow.persons import KnownPersons
from switch.flow.ports import Store
from switch.flow.submission import Answer
from switch.flow.world import World
from switch.main import make_world
from switch.participants.persons import Pair, last_day
from switch.participants.registry import Registry, load_registry
from switch.payment.instruction import Identification, Instruction
from switch.store.memory import MemoryStore
from switch.translate.facts import Translated, translate

NewStore = Callable[[], Awaitable[Store]]

QUOTA, DAY_CAP = "mainland.fx-purchase.year", "payment-connect.northbound.day"
CARD, PASSPORT = a_person(1, "CN"), {"type": "PASSPORT", "number": "E10000001", "country": "CN"}
MAINLAND = (PEARL, BANYAN, "LYCHCNS0", "KAPKCNG0")
USD_5_000 = "35714.28"  # at 0.14 USD 4,999.9992, counted up to the cent


def four_in_the_mainland() -> Registry:
    """The packaged participants, and two more mainland banks in Payment Connect."""
    registry = load_registry()
    pearl = registry.participants[PEARL]
    more = {bic: pearl._replace(bic=bic, name=bic, settles_through=bic) for bic in MAINLAND[2:]}
    return registry._replace(participants={**registry.participants, **more})


def passports_too() -> Rulebook:
    """A scenario: southbound Payment Connect is open to holders of a mainland passport as well."""
    documents = copy.deepcopy(dict(packaged.read_documents()))
    documents["lanes/payment-connect.southbound.yaml"]["when"]["debtor_id"] = ["PRCID:CN", "PASSPORT:CN"]  # type: ignore[index]
    return Rulebook(documents)


def a_world_of_four() -> World:
    world = make_world(some_rails(), a_clock(), seed=1, rulebook=passports_too(), registry=four_in_the_mainland())
    world.rates = RATES
    return world


async def workers(new_store: NewStore, number: int) -> list[Driver]:
    """Workers of one sandbox, each with a world of its own."""
    return [await Driver(await new_store(), a_world_of_four(), n).start() for n in range(1, number + 1)]


async def linked(worker: Driver) -> str:
    """Link card and passport through a worker; returns the person."""
    persons = worker.world.known.persons
    one, other = (persons.pseudonym(each["type"], each["country"], each["number"]) for each in (CARD, PASSPORT))
    assert await worker.store.link_persons(one, other)
    return one


async def paid(worker: Driver, instructions: Sequence[Instruction]) -> list[Answer]:
    """Take in all of them as one worker, in batches of three: others come between."""
    submissions = [worker.submit(each) for each in instructions]
    worker.worker.intake.alone.clear()
    for start in range(0, len(submissions), 3):
        worker.worker.intake.alone.extend(submissions[start : start + 3])
        await worker.accept()
    return [await submission.answer for submission in submissions]


def refusing(answers: Sequence[Answer]) -> set[str]:
    return {answer.refusal.detail.get("rule", answer.refusal.reason) for answer in answers if answer.refusal}


async def test_four_mainland_banks_at_once_admit_a_person_s_quota_once_and_no_cent_more(new_store: NewStore) -> None:
    """USD 50,000 a year is one quota in SAFE's system: ten payments of 5,000 of twenty-four fit, whichever come first."""
    at_work = await workers(new_store, 4)
    person = await linked(at_work[0])
    asked = [
        [
            southbound(
                USD_5_000, instruction_id=f"{bic}-{n}", debtor_agent=bic, debtor__identification=(CARD, PASSPORT)[n % 2]
            )
            for n in range(6)
        ]
        for bic in MAINLAND
    ]
    answers = await asyncio.gather(*(paid(worker, each) for worker, each in zip(at_work, asked, strict=True)))
    accepted = [[answer for answer in each if answer.refusal is None] for each in answers]
    assert sum(map(len, accepted)) == 10 and {rule for each in answers for rule in refusing(each)} == {QUOTA}
    counters = await at_work[1].store.counters(f"{QUOTA}|")
    [(key, sums)] = counters.items()
    assert person in key and sums.up_pending + sums.up_posted == 50_000_00
    for worker, bic in zip(at_work, MAINLAND, strict=True):
        answer = await worker.pay(southbound("1.00", debtor_agent=bic, debtor__identification=PASSPORT))
        assert answer.refusal is not None and answer.refusal.detail["headroom"] == "USD 0.00"


async def test_three_hong_kong_institutions_at_once_admit_the_day_s_allowance_each(new_store: NewStore) -> None:
    """HKD 10,000 is per person for each institution (trap 9): thirty of forty-two payments of 1,000 fit, ten at each."""
    institutions = (HARBOUR, LION, KAPOK)  # a wallet is one, too
    at_work = await workers(new_store, 3)
    answers = await asyncio.gather(
        *(
            paid(worker, [northbound("1000.00", instruction_id=f"{bic}-{n}", debtor_agent=bic) for n in range(14)])
            for worker, bic in zip(at_work, institutions, strict=True)
        )
    )
    assert [sum(answer.refusal is None for answer in each) for each in answers] == [10, 10, 10]
    assert [refusing(each) for each in answers] == [{DAY_CAP}] * 3
    counters = await at_work[0].store.counters(f"{DAY_CAP}|")
    assert sorted(sums.up_pending + sums.up_posted for sums in counters.values()) == [10_000_00] * 3


async def profile_of(worker: Driver, instruction: Instruction) -> Any:
    """The profile of an instruction as a worker reads it now."""
    await worker.worker.refresh()
    found = translate(instruction, worker.world.known, NOON, law_day(NOON))
    assert isinstance(found, Translated), found
    return found.facts.profile


async def test_what_one_worker_is_told_of_a_person_every_worker_knows_and_a_link_makes_it_of_both(
    new_store: NewStore,
) -> None:
    first, second = await workers(new_store, 2)
    persons = first.world.known.persons
    by_card, by_passport = southbound(), southbound(debtor__identification=PASSPORT)
    card, passport = (persons.person_id(each["type"], each["country"], each["number"]) for each in (CARD, PASSPORT))
    accounts = (
        persons.pseudonym("account", agent, number)
        for agent, number in ((PEARL, by_card.debtor.account.number), (HARBOUR, by_card.creditor.account.number))
    )
    generation = await first.store.generation()
    last = last_day("watch-list", date(2026, 3, 5))
    await first.store.advance(persons.put(card, "watch-list", last))
    await first.store.advance(persons.register(passport, Pair("southbound", "bank", *accounts)))
    assert await first.store.generation() == generation + 2
    seen = [await profile_of(second, each) for each in (by_card, by_passport)]
    assert [(each.debtor_states, each.paired) for each in seen] == [({"watch-list"}, False), (frozenset(), True)]
    await linked(first)
    for worker in (first, second):
        joined = [await profile_of(worker, each) for each in (by_card, by_passport)]
        assert [(each.debtor_states, each.paired) for each in joined] == [({"watch-list"}, True)] * 2
    known = second.world.known.persons
    await second.store.advance(known.put(card, "watch-list", None))
    third = await Driver(await new_store(), a_world_of_four(), 3).start()
    assert not (await profile_of(third, by_passport)).debtor_states
    assert (await profile_of(third, by_card)).paired


async def test_of_what_is_told_at_once_through_several_workers_nothing_is_lost(new_store: NewStore) -> None:
    """Each tells of persons what was read a moment before: who comes second looks again."""
    at_work = await workers(new_store, 3)
    desks = [KnownPersons(each.world, each.store, each.worker.refresh) for each in at_work]
    documents = [Identification(**a_person(n, "CN")) for n in range(1, 13)]
    last = date(2028, 12, 31)
    one = (PEARL, "622200"), (HARBOUR, "900555")
    calls = [desks[n % 3].put_state(each, "watch-list", last) for n, each in enumerate(documents)]
    calls += [desk.register_pair(documents[n], "southbound", "bank", one) for n, desk in enumerate(desks)]
    told = await asyncio.gather(*calls, return_exceptions=True)
    assert told[:12] == [True] * 12
    assert sorted(map(str, told[12:])) == ["One of the accounts stands in another pair"] * 2 + ["True"]
    for desk in desks:
        found = [await desk.known(each) for each in documents]
        assert [each.states for each in found] == [{"watch-list": last}] * 12 and sum(each.pairs for each in found) == 1


async def test_a_world_that_has_nothing_new_of_persons_keeps_what_it_has(memory: Driver) -> None:
    await memory.store.advance(memory.world.known.persons.put("p1", "watch-list", date(2028, 12, 31)))
    await memory.worker.refresh()
    known = memory.world.known
    await memory.store.advance({})
    await memory.worker.refresh()
    assert memory.world.known is known and known.persons.states["p1"]


@pytest.mark.parametrize("number", [1, 4])
async def test_the_payments_of_one_person_s_two_documents_are_counted_together_in_one_batch(
    number: int,
) -> None:
    """The quota binds within a batch as between batches, for however many banks stand in it."""
    worker = await Driver(MemoryStore(), a_world_of_four()).start()
    await linked(worker)
    documents = (CARD, PASSPORT)
    for n in range(24):
        worker.submit(
            southbound(
                USD_5_000, instruction_id=f"{n}", debtor_agent=MAINLAND[n % number],
                debtor__identification=documents[n // number % 2],
            )
        )  # fmt: skip
    submissions = list(worker.worker.intake.alone)
    await worker.accept()
    answers = [await submission.answer for submission in submissions]
    assert [answer.refusal is None for answer in answers] == [True] * 10 + [False] * 14


# --- who may see what ---


async def test_a_participant_sees_use_elsewhere_only_where_the_law_s_own_system_shows_it(driver: Driver) -> None:
    """SAFE counts the USD 50,000 over all banks and tells each of them; Payment Connect's day is each institution's own."""
    for instruction in (southbound("70000.00"), northbound("6000.00")):
        await driver.accepted(instruction)
    dry_run = DryRun(driver.world, driver.store, driver.worker.decider)
    south = await dry_run.headroom(southbound("700.00", debtor_agent=BANYAN), BANYAN)
    north = await dry_run.headroom(northbound("100.00", debtor_agent=LION), LION)
    used = {
        claim["rule"]: Decimal(claim["used"])
        for found in (south, north)
        for lane in found["lanes"]
        for claim in lane["claims"]
    }
    assert used["mainland.fx-purchase.year"] > 9_000, "what was bought at another bank"
    assert used["payment-connect.northbound.day"] == used["payment-connect.northbound.year"] == 0


async def test_what_counts_on_the_creditor_s_side_tells_the_sender_neither_use_nor_what_is_left(memory: Driver) -> None:
    """A Hong Kong sender learns that the creditor's quota does not suffice, and nothing of what it was used for."""
    branch: dict[str, Any] = {"venue": "branch", "creditor__identification": a_person(3, "CN")}
    await memory.accepted(northbound("380000.00", **branch))
    answer = await memory.pay(northbound("20000.00", **branch))
    assert answer.refusal is not None and answer.refusal.reason == "creditor-quota", answer
    assert answer.refusal.detail["rule"] == "mainland.fx-sale.year" and "headroom" not in answer.refusal.detail
    dry_run = DryRun(memory.world, memory.store, memory.worker.decider)
    explained = await dry_run.explain(northbound("20000.00", **branch), HARBOUR)
    [claim] = [claim for claim in explained["claims"] if claim["rule"] == "mainland.fx-sale.year"]
    assert claim["used"] is None and claim["headroom"] is None


async def test_a_person_on_the_watch_list_has_no_quota_without_documents(driver: Driver) -> None:
    await driver.accepted(southbound("7000.00"))
    person = next(key.split("|")[1] for key in await driver.counters() if key.startswith("mainland.fx-purchase.year"))
    persons = driver.world.known.persons
    await driver.store.advance(persons.put(person, "watch-list", date(2028, 12, 31)))
    await driver.worker.refresh()
    answer = await driver.pay(southbound("700.00"))
    assert answer.refusal is not None and answer.refusal.reason == "watch-list", answer
    assert answer.refusal.detail["ceiling"] == "USD 0.00"
    await driver.store.advance(driver.world.known.persons.put(person, "watch-list", None))
    await driver.worker.refresh()
    driver.machine.now += 2
    await driver.accepted(southbound("700.00"))
