"""What a sandbox knows of persons: states and pairs as facts of the fence, read back and joined by links."""

import json
from datetime import date

import pytest

from switch.participants import persons as module
from switch.participants.persons import PAIR, STATE, Conflict, Pair, Persons, last_day

NOBODY = Persons(b"k" * 32, {})
DAY, LATER, LAST = date(2026, 3, 5), date(2027, 6, 30), date(2028, 12, 31)
BANK = Pair("southbound", "bank", "acc-1", "acc-2")
BROKER = Pair("southbound", "broker", "acc-3", "acc-4")


def after(persons: Persons, *told: dict[str, str]) -> Persons:
    """The persons as they are taken up with these facts on top of one another."""
    facts: dict[str, str] = {}
    for each in told:
        facts |= each
    return persons.taking(persons.links, facts)


def test_a_state_holds_to_its_last_day_and_not_a_day_longer() -> None:
    known = after(NOBODY, NOBODY.put("p1", "watch-list", LAST))
    assert known.states_on("p1", LAST) == {"watch-list"}
    assert known.states_on("p1", date(2029, 1, 1)) == frozenset() == known.states_on("p2", DAY)


def test_the_watch_list_is_for_the_present_and_two_following_years() -> None:
    assert last_day("watch-list", DAY) == LAST
    assert last_day("watch-list", date(2026, 12, 31)) == LAST


def test_a_lifted_state_is_gone_and_what_stands_already_is_not_said_twice() -> None:
    put = NOBODY.put("p1", "watch-list", LAST)
    known = after(NOBODY, put)
    assert known.put("p1", "watch-list", LAST) == {} == NOBODY.put("p1", "watch-list", None)
    assert after(NOBODY, put, known.put("p1", "watch-list", None)).states == {}
    assert after(NOBODY, put, known.put("p1", "watch-list", LATER)).states == {"p1": {"watch-list": LATER}}


def test_a_link_joins_states_and_pairs_and_a_lift_ends_them_under_every_name() -> None:
    told = NOBODY.put("p1", "watch-list", LATER) | NOBODY.put("p2", "watch-list", LAST)
    told |= NOBODY.register("p1", BANK) | NOBODY.register("p2", BROKER)
    linked = NOBODY._replace(links={"p1": "p1", "p2": "p1"})
    joined = after(linked, told)
    assert joined.states == {"p1": {"watch-list": LAST}}  # the later day, whoever's it was
    turned = NOBODY.put("p2", "watch-list", LATER) | NOBODY.put("p1", "watch-list", LAST)
    assert after(linked, turned).states == joined.states
    assert set(joined.pairs["p1"]) == {BANK, BROKER} and joined.channels("p1", "southbound") == {"bank", "broker"}
    assert after(linked, told, joined.put("p1", "watch-list", None)).states == {}
    shorter = after(linked, told, joined.put("p1", "watch-list", LATER))
    assert shorter.states == {"p1": {"watch-list": LATER}}


def test_a_pair_is_found_whichever_of_its_accounts_pays() -> None:
    known = after(NOBODY, NOBODY.register("p1", BANK))
    assert known.pair_between("p1", "acc-1", "acc-2") == known.pair_between("p1", "acc-2", "acc-1") == BANK
    assert known.pair_between("p1", "acc-1", "acc-4") is None
    assert known.pair_between("p2", "acc-1", "acc-2") is None
    assert known.pair_between("p1", "acc-1", "acc-1") is None
    assert known.channels("p1", "northbound") == frozenset()


@pytest.mark.parametrize(
    ("person", "pair", "says"),
    [
        ("p1", Pair("southbound", "bank", "acc-5", "acc-6"), "another southbound pair in this channel"),
        ("p1", Pair("southbound", "broker", "acc-1", "acc-6"), "stands in another pair"),
        ("p1", Pair("northbound", "bank", "acc-2", "acc-1"), "stands in another pair"),
        ("p2", BANK, "stands in another pair"),
        ("p2", Pair("southbound", "bank", "acc-5", "acc-2"), "stands in another pair"),
    ],
)  # fmt: skip
def test_a_pair_that_does_not_go_with_what_there_is_is_refused(person: str, pair: Pair, says: str) -> None:
    known = after(NOBODY, NOBODY.register("p1", BANK))
    with pytest.raises(Conflict, match=says):
        known.register(person, pair)


def test_one_pair_for_each_direction_and_channel_is_taken() -> None:
    told = NOBODY.register("p1", BANK)
    for pair in (BROKER, Pair("northbound", "bank", "acc-5", "acc-6"), Pair("northbound", "broker", "acc-7", "acc-8")):
        told |= after(NOBODY, told).register("p1", pair)
    known = after(NOBODY, told)
    assert len(known.pairs["p1"]) == 4 and known.register("p1", BANK) == {}


def test_no_more_persons_are_known_than_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN_MAX", 2)
    told = NOBODY.put("p1", "watch-list", LAST) | NOBODY.register("p2", BANK)
    known = after(NOBODY, told)
    for person in ("p3", "p2"):
        with pytest.raises(Conflict, match="no more"):
            known.put(person, "watch-list", LAST)
    assert known.put("p1", "watch-list", LATER) and known.put("p1", "watch-list", None)


def test_the_facts_are_plain_and_others_are_passed_over() -> None:
    assert NOBODY.put("p1", "watch-list", LAST) == {STATE + "p1": '{"watch-list": "2028-12-31"}'}
    assert json.loads(NOBODY.register("p1", BANK)[PAIR + "p1"]) == [BANK._asdict()]
    assert after(NOBODY, {"person:p1": "p2", "seed": "1", "faults:ibps": "{}"}) == NOBODY
