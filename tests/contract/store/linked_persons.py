"""Persons whose documents are linked while they pay: what the tests of it share."""

from typing import Any

from builders import HARBOUR, a_person, a_step, admitted, northbound, refusing

from rails.identifiers import normalize
from switch.flow.ports import ACCEPTED, Admission, Store
from switch.flow.takeover import refresh
from switch.flow.world import World

DAY, YEAR = "payment-connect.northbound.day", "payment-connect.northbound.year"


def document(world: World, person: int) -> str:
    """The pseudonym of a person's one document."""
    given = a_person(person)
    return world.known.persons.pseudonym(given["type"], given["country"], normalize(given["type"], given["number"]))


def counter(world: World, person: int, agent: str = HARBOUR, rule: str = DAY, window: str = "2026-03-05") -> str:
    return f"{rule}|{document(world, person)}@{agent}|{window}"


async def link(store: Store, world: World, one: int, other: int) -> bool:
    """Link the documents of two persons, and take it up as a worker does."""
    linked = await store.link_persons(document(world, one), document(world, other))
    await refresh(world, store)
    return linked


async def accept(store: Store, world: World, *items: Admission) -> list[str]:
    return [outcome.kind for outcome in await store.accept(items, await store.generation(), refusing(world))]


async def paid(store: Store, world: World, amount: str, person: int, **changes: Any) -> Admission:
    item = admitted(world, northbound(amount, person=person, **changes))
    assert await accept(store, world, item) == [ACCEPTED]
    return item


async def rejected(store: Store, item: Admission) -> None:
    [moved] = await store.finish([a_step(item, "reject")])
    assert moved.status == "rejected"


async def used(store: Store, *keys: str) -> list[int]:
    """What stands in these very counters, links or not."""
    found = await store.counters("")
    return [found[key].up_posted if key in found else 0 for key in keys]
