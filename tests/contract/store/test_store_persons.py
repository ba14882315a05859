"""Linking two documents: their usage is one person's from then on, whenever and in whatever order it is done."""

from datetime import timedelta
from itertools import permutations

import pytest
from builders import HARBOUR, LION, NOON, a_person, a_step, admitted, northbound, planned, refusing
from linked_persons import DAY, YEAR, accept, counter, document, link, paid, rejected, used

from limits.claims import WINDOW, Claim
from switch.flow.ports import ACCEPTED, PERSON, REFUSED, Admission, ExceptionRecord, StaleWorld, Store
from switch.flow.takeover import refresh
from switch.flow.world import World

# --- what is used ---


async def test_the_second_s_usage_is_added_to_the_first_s_in_every_window(store: Store, world: World) -> None:
    await paid(store, world, "1000.00", 1)
    await paid(store, world, "2000.00", 2)
    await paid(store, world, "500.00", 2, debtor_agent=LION)
    world.clock.set(NOON + timedelta(days=1))
    await paid(store, world, "300.00", 2)
    await paid(store, world, "77.00", 3)
    assert await link(store, world, 1, 2)
    assert await used(
        store, counter(world, 1), counter(world, 1, LION), counter(world, 1, window="2026-03-06"),
        counter(world, 1, rule=YEAR, window="2026"), counter(world, 1, LION, YEAR, "2026"),
    ) == [3000_00, 500_00, 300_00, 3300_00, 500_00]  # fmt: skip
    assert await used(store, counter(world, 2), counter(world, 2, LION), counter(world, 2, rule=YEAR, window="2026")) == [
        0, 0, 0,
    ]  # fmt: skip
    assert await used(store, counter(world, 3, window="2026-03-06")) == [77_00]


async def test_who_asks_by_the_old_counter_is_told_of_the_new(store: Store, world: World) -> None:
    await paid(store, world, "1000.00", 1)
    await paid(store, world, "2000.00", 2)
    await link(store, world, 1, 2)
    old = counter(world, 2)
    assert (await store.sums([old, counter(world, 1)]))[old].up_posted == 3000_00


async def test_all_four_sums_move_and_what_is_closed_stays_closed(store: Store, world: World) -> None:
    one, other = document(world, 1), document(world, 2)

    def net(person: str, delta: int) -> Claim:
        return Claim("net", f"net|{person}|2026", delta, 1_000, None) if delta > 0 else Claim(
            "net", f"net|{person}|2026", delta, None, -1_000
        )  # fmt: skip

    def closing(person: str, rule: str, ceiling: int) -> Claim:
        return Claim(rule, f"{rule}|{person}|2026", 5, ceiling, None, latches=WINDOW)

    def item(person: int, *claims: Claim) -> Admission:
        found = admitted(world, northbound(person=person))
        return found._replace(verdict=planned(found)._replace(claims=claims))

    posted = [
        item(1, net(one, 10), net(one, -3), closing(one, "first", 9), closing(one, "second", 5)),
        item(2, net(other, 100), net(other, -7), closing(other, "first", 5), closing(other, "second", 9), closing(other, "only", 5)),
    ]  # fmt: skip
    pending = [item(1, net(one, 1), net(one, -2)), item(2, net(other, 200), net(other, -40))]
    assert await accept(store, world, *posted, *pending) == [ACCEPTED] * 4
    await store.finish([a_step(each, "settle") for each in posted])
    await link(store, world, 1, 2)
    found = await store.counters("")
    assert found[f"net|{one}|2026"][:4] == (201, 110, 42, 10)
    for rule, used_up in (("first", 10), ("second", 10), ("only", 5)):
        assert found[f"{rule}|{one}|2026"][:5] == (0, used_up, 0, 0, WINDOW)
    assert {sums[:5] for key, sums in found.items() if f"|{other}" in key} == {(0, 0, 0, 0, "")}
    await store.finish([a_step(each, "settle") for each in pending])
    assert (await store.counters(f"net|{one}"))[f"net|{one}|2026"][:4] == (0, 311, 0, 52)


async def test_usage_beyond_the_cap_after_adding_blocks_new_claims_and_changes_no_old_one(
    store: Store, world: World
) -> None:
    old = [await paid(store, world, "7000.00", person) for person in (1, 2)]
    await link(store, world, 1, 2)
    assert await used(store, counter(world, 1)) == [14000_00]
    for person in (1, 2):
        item = admitted(world, northbound("0.10", person=person))
        [outcome] = await store.accept([item], await store.generation(), refusing(world))
        assert outcome.kind == REFUSED and outcome.refusal is not None
        assert (outcome.refusal.detail["rule"], outcome.refusal.detail["headroom"]) == (DAY, "HKD 0.00")
    for item in old:
        stored = await store.payment(item.payment_id)
        assert stored is not None and stored.status == "accepted" and stored.claims == planned(item).claims


# --- what follows from earlier claims ---


async def test_a_payment_under_way_gives_its_usage_back_to_the_linked_person(store: Store, world: World) -> None:
    await paid(store, world, "3000.00", 1)
    item = await paid(store, world, "6000.00", 2)
    await link(store, world, 1, 2)
    assert await accept(store, world, admitted(world, northbound("2000.00", person=1))) == [REFUSED]
    await rejected(store, item)
    assert await used(store, counter(world, 1), counter(world, 2)) == [3000_00, 0]
    await paid(store, world, "7000.00", 2)


async def test_one_batch_gives_back_to_both_old_counters_and_the_new(store: Store, world: World) -> None:
    before = [await paid(store, world, "1000.00", person) for person in (1, 2)]
    await link(store, world, 1, 2)
    after = [await paid(store, world, "500.00", person) for person in (1, 2)]
    moved = await store.finish([a_step(each, "reject") for each in (*before, *after)])
    assert len(moved) == 4 and await used(store, counter(world, 1), counter(world, 2)) == [0, 0]


async def test_a_late_acceptance_forces_its_usage_on_the_linked_person(store: Store, world: World) -> None:
    item = await paid(store, world, "1000.00", 2)
    await rejected(store, item)
    await link(store, world, 1, 2)
    forced = tuple(claim._replace(ceiling=None, forced=True) for claim in planned(item).claims)
    record = ExceptionRecord(item.payment_id, item.received_on, "late-acceptance", NOON, "{}", (), forced)
    assert await store.hear_out(a_step(item, "credit"), record)
    assert await used(store, counter(world, 1), counter(world, 2)) == [1000_00, 0]
    assert [found.forced for found in await store.exceptions(item.payment_id)] == [forced]


# --- once, twice, in any order ---


async def test_linking_again_or_the_other_way_round_changes_nothing(store: Store, world: World) -> None:
    await paid(store, world, "1000.00", 1)
    await paid(store, world, "2000.00", 2)
    assert await link(store, world, 1, 2)
    books, generation = await store.counters(""), await store.generation()
    assert not await link(store, world, 1, 2) and not await link(store, world, 2, 1)
    assert not await store.link_persons(document(world, 2), document(world, 2))
    assert await store.counters("") == books and await store.generation() == generation


async def test_a_document_that_was_never_linked_is_nowhere(store: Store, world: World) -> None:
    await paid(store, world, "1000.00", 3)
    await link(store, world, 1, 2)
    persons = {fact: value for fact, value in (await store.world()).items() if fact.startswith(PERSON)}
    assert persons == dict.fromkeys((PERSON + document(world, 1), PERSON + document(world, 2)), document(world, 1))


@pytest.mark.parametrize(
    "links",
    [
        *permutations([(1, 2), (2, 3)]), *permutations([(2, 1), (3, 2)]), *permutations([(1, 2), (3, 2)]),
        *permutations([(2, 1), (2, 3)]), [(1, 2), (3, 4), (2, 4)], [(2, 1), (4, 3), (3, 1)],
    ],
    ids=str,
)  # fmt: skip
async def test_a_chain_of_links_is_one_person_whatever_its_order(
    store: Store, world: World, links: list[tuple[int, int]]
) -> None:
    """Each has one payment under way from before, one from between the links; all give back what they took."""
    persons = sorted({person for pair in links for person in pair})
    items = [await paid(store, world, f"{100 * person}.00", person) for person in persons]
    for one, other in links:
        assert await link(store, world, one, other)
        items += [await paid(store, world, f"{person}.00", person) for person in persons]
    [person_id] = {world.known.persons.links[document(world, person)] for person in persons}
    total = sum(100 * person + len(links) * person for person in persons) * 100
    sums = {key: found.up_posted for key, found in (await store.counters(f"{DAY}|")).items() if found.up_posted}
    assert sums == {f"{DAY}|{person_id}@{HARBOUR}|2026-03-05": total}
    for person in persons:
        assert (await store.sums([counter(world, person)]))[counter(world, person)].up_posted == total
    for item in items:
        await rejected(store, item)
    assert {found[:4] for found in (await store.counters("payment-connect")).values()} == {(0, 0, 0, 0)}


# --- and those who decide meanwhile ---


async def test_what_was_decided_before_a_link_is_decided_again(store: Store, world: World) -> None:
    await paid(store, world, "9000.00", 1)
    generation = await store.generation()
    item = admitted(world, northbound("9000.00", person=2))
    assert await store.link_persons(document(world, 1), document(world, 2))
    with pytest.raises(StaleWorld):
        await store.accept([item], generation, refusing(world))
    await refresh(world, store)
    again = admitted(world, northbound("9000.00", person=2))
    assert await accept(store, world, again) == [REFUSED]


async def test_those_of_one_person_have_one_name(store: Store, world: World) -> None:
    """So that sending between one's own accounts needs no equal document."""
    await link(store, world, 1, 2)
    own = northbound(
        "80.00", "CNY", creditor__name="CHAN Tai Man", creditor__identification=a_person(2), creditor__residency="HK",
        lane="same-name.hong-kong",
    )  # fmt: skip
    assert planned(admitted(world, own)).lane.id == "same-name.hong-kong"
