"""Counters in memory and whose they are: the reference for switch/store/postgres/{counters,persons}.py. One event loop.

A part of MemoryStore, which says what it needs of the books below.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping

from limits.claims import WINDOW, Sums
from limits.counters import EMPTY, Change, add_up, changed
from switch.flow.ports import PERSON


class MemoryPersons:
    """The part of the books that counters are in, and the links that make one person's of two."""

    def __init__(self) -> None:
        self._sums: dict[str, Sums] = {}
        self._persons: dict[str, str] = {}  # linked documents
        # Counters whose sums were moved when their person was linked, and where they are.
        self._becomes: dict[str, str] = {}

    @abstractmethod
    def _grow(self) -> None:
        """Grow the fence's generation."""

    # --- persons ---

    def _links(self) -> dict[str, str]:
        """Return the world's facts that links are."""
        return {PERSON + document: person_id for document, person_id in self._persons.items()}

    async def link_persons(self, first: str, second: str) -> bool:
        """Make one person of two documents' persons; False where they are one already."""
        one, other = self._persons.get(first, first), self._persons.get(second, second)
        if one == other:
            return False
        joined = {first, second} | {document for document, person in self._persons.items() if person == other}
        self._persons |= dict.fromkeys(joined, one)
        for key in [key for key in self._sums if _person_of(key) == other]:
            self._move_sums(key, key.replace(f"|{other}", f"|{one}", 1))
        self._grow()
        return True

    def _move_sums(self, key: str, to: str) -> None:
        moved, held = self._sums[key], self._sums.get(to, EMPTY)
        both = changed({to: held._replace(latched=_longer(moved.latched, held.latched))}, {to: Change(*moved[:4])})
        self._write({key: EMPTY, **both})
        self._becomes |= {earlier: to for earlier, now in self._becomes.items() if now == key} | {key: to}

    def _where_it_is(self, counter: str) -> str:
        return self._becomes.get(counter, counter)

    # --- counters ---

    def _add(self, key: str, change: Change) -> None:
        self._write(changed({key: self._sums.get(key, EMPTY)}, {key: change}))

    def _write(self, after: Mapping[str, Sums]) -> None:
        for key, sums in after.items():
            self._sums[key] = sums._replace(version=self._sums.get(key, EMPTY).version + 1)

    def _change(self, changes: Mapping[str, Change]) -> None:
        where_they_are = add_up((self._where_it_is(key), change) for key, change in changes.items())
        self._write(changed(self._sums, where_they_are))

    def _sums_of(self, keys: Iterable[str]) -> Mapping[str, Sums]:
        return {key: self._sums.get(key, EMPTY) for key in keys}

    async def sums(self, counters: Iterable[str]) -> dict[str, Sums]:
        """Return the sums of counters that exist, of one that was linked to another's those of the other."""
        found = {key: self._where_it_is(key) for key in counters}
        return {key: self._sums[now] for key, now in found.items() if now in self._sums}

    async def counters(self, prefix: str) -> dict[str, Sums]:
        """Return all counters whose key begins with `prefix`."""
        return {key: sums for key, sums in sorted(self._sums.items()) if key.startswith(prefix)}


def _person_of(counter: str) -> str:
    """Return whose counter it is: rule|person|window or rule|person@institution|window; "" of an account."""
    return counter.partition("|")[2].partition("|")[0].partition("@")[0]


def _longer(*latches: str) -> str:
    return WINDOW if WINDOW in latches else max(latches)
