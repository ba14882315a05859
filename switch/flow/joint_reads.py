"""Counters' sums for those who only look: who asks while a read is under way shares the next one.

A statement for each of a crowd of dry runs costs the driver and PostgreSQL several times the reading itself. What is read
was committed after it was asked for, so nobody sees older sums than with a read of their own.
"""

import asyncio
from collections.abc import Collection, Mapping

from limits.claims import Sums
from switch.flow.ports import Store


class JointReads:
    """Reads sums from a store, one statement at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wanted: set[str] = set()
        self._next: asyncio.Task[Mapping[str, Sums]] | None = None  # the read that has not begun
        self._one_at_a_time = asyncio.Lock()

    async def sums(self, counters: Collection[str]) -> dict[str, Sums]:
        """Return the sums of those counters that exist."""
        self._wanted.update(counters)
        if self._next is None:
            self._next = asyncio.create_task(self._read())
        found = await asyncio.shield(self._next)  # who goes away takes nobody's read along
        return {counter: found[counter] for counter in counters if counter in found}

    async def _read(self) -> Mapping[str, Sums]:
        async with self._one_at_a_time:
            wanted, self._wanted, self._next = self._wanted, set(), None
            return await self._store.sums(wanted)
