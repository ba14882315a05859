"""What a sandbox is told of persons, beside the links between their documents: states, and registered pairs of accounts.

Each change is read from the fence, made and stored on exactly what was read, so that of two at once none is lost; every
worker has it before it judges the next payment.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import date
from typing import NamedTuple

from limits.calendars import law_day
from rails.addressing import normalize_account
from rails.identifiers import normalize
from switch.directory.names import NO, match_name
from switch.flow.ports import StaleWorld, Store
from switch.flow.world import World
from switch.participants.persons import Conflict, Pair, Persons
from switch.payment.instruction import Identification

Accounts = tuple[tuple[str, str], tuple[str, str]]  # the debtor's and the creditor's: agent (BIC8), number


class KnownPerson(NamedTuple):
    """What a sandbox knows of a person: how many documents are linked, states in force with their last law day, pairs."""

    documents: int
    states: Mapping[str, date]
    pairs: int


class KnownPersons:
    """The persons of one sandbox; `refresh` takes up the world as the fence has it now."""

    def __init__(self, world: World, store: Store, refresh: Callable[[], Awaitable[None]]) -> None:
        self._world, self._store, self._refresh = world, store, refresh

    def today(self) -> date:
        """Return the law day of the business clock."""
        return law_day(self._world.clock.now())

    async def put_state(self, document: Identification, state: str, last: date | None) -> bool:
        """Put a person under a state to its last law day (None lifts it); False where it is so already.

        Raises Conflict where of nobody more can be known.
        """
        return await self._make_known(lambda persons: persons.put(_person(persons, document), state, last))

    async def register_pair(self, document: Identification, direction: str, channel: str, accounts: Accounts) -> bool:
        """Register a pair of a person's accounts; False where it is registered already. Raises Conflict."""
        one, other = (self._world.known.directory.account(*account) for account in accounts)
        if one is not None and other is not None and match_name(one.name, other.name) == NO:
            raise Conflict("The two accounts are registered under different names")

        def register(persons: Persons) -> Mapping[str, str]:
            debtor, creditor = (
                persons.pseudonym("account", agent, normalize_account(number)) for agent, number in accounts
            )
            return persons.register(_person(persons, document), Pair(direction, channel, debtor, creditor))

        return await self._make_known(register)

    async def known(self, document: Identification) -> KnownPerson:
        """Say what is known of the person of a document, as the fence has it now."""
        await self._refresh()
        persons, today = self._world.known.persons, self.today()
        person_id = _person(persons, document)
        linked = sum(1 for person in persons.links.values() if person == person_id)
        states = {state: last for state, last in persons.states.get(person_id, {}).items() if today <= last}
        return KnownPerson(max(linked, 1), states, len(persons.pairs.get(person_id, ())))

    async def _make_known(self, say: Callable[[Persons], Mapping[str, str]]) -> bool:
        """Store what `say` makes of what is known; False where nothing is new."""
        while True:
            await self._refresh()
            facts = say(self._world.known.persons)
            if not facts:
                return False
            with suppress(StaleWorld):  # other news came meanwhile: look at it, then
                await self._store.advance(facts, self._world.generation)
                await self._refresh()
                return True


def _person(persons: Persons, document: Identification) -> str:
    return persons.person_id(document.type, document.country, normalize(document.type, document.number))
