"""The directory as it is changed at run time: each change read from the fence, made on what was read, sealed and stored.

Every worker has it before it judges the next payment, and reads only what is later than it knows. The rules of a change
are switch.directory.changes; who may ask for it is the API's to say.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from switch.directory.directory import Directory
from switch.directory.entries import Record, name_of, read_record, write_record
from switch.flow.directory_books import DIRECTORY, DirectoryRow
from switch.flow.ports import StaleWorld, Store
from switch.flow.world import World

PAGE = 5_000  # records read at once: about 1 MB
# A batch of payments is judged and stored within 50 ms at the knee, and decided five times at most (accept.STALE_TRIES).
GAP_SECONDS = 0.1
WAITING_MAX = 50  # changes that wait for their turn: five seconds' worth, before the door says 503

# Makes the records of a change of the directory as it stands at a generation of the fence; [] where nothing is new.
Change = Callable[[Directory, int], list[Record]]


async def catch_up(world: World, store: Store, facts: Mapping[str, str]) -> None:
    """Take up the directory's records that this worker does not know, where the fence's facts say there are any."""
    directory = world.known.directory
    if int(facts.get(DIRECTORY, "0")) <= directory.revision:
        return
    rows: list[DirectoryRow] = []
    after = directory.revision
    while len(page := await store.directory(after, PAGE)) >= PAGE:
        rows += page
        after = page[-1].revision
    rows += page
    # Another call may have come further meanwhile: what is no longer later must not be put over what is.
    later = [row for row in rows if row.revision > directory.revision]
    if later:
        records = [read_record(world.sealer.open(row.sealed, row.key)) for row in later]
        directory.take(records, later[-1].revision)


class TooManyChanges(Exception):
    """More changes wait than can be made in a few seconds: come back then."""


class DirectoryDesk:
    """Changes the directory of one sandbox; `refresh` takes up the world as the fence has it now.

    Changes are made one at a time and `gap_seconds` of machine time apart: each moves the fence, and a batch of payments is
    decided again when it does.
    """

    def __init__(
        self, world: World, store: Store, refresh: Callable[[], Awaitable[None]], gap_seconds: float = GAP_SECONDS
    ) -> None:
        self._world, self._store, self._refresh = world, store, refresh
        self._gap_seconds = gap_seconds
        self._turn, self._waiting = asyncio.Lock(), 0
        self._free_at = 0.0  # in the loop's time, which begins there

    async def change(self, make: Change) -> bool:
        """Store what `make` makes of the directory; False where nothing is new. Whatever it raises changes nothing.

        Raises TooManyChanges.
        """
        if self._waiting >= WAITING_MAX:
            raise TooManyChanges
        self._waiting += 1
        try:
            async with self._turn:
                seconds = asyncio.get_running_loop().time
                await asyncio.sleep(max(self._free_at - seconds(), 0))
                changed = await self._change(make)
                if changed:
                    self._free_at = seconds() + self._gap_seconds
                return changed
        finally:
            self._waiting -= 1

    async def _change(self, make: Change) -> bool:
        world = self._world
        while True:
            await self._refresh()
            records = make(world.known.directory, world.generation)
            if not records:
                return False
            with suppress(StaleWorld):  # other news came meanwhile: look at it, then
                await self._store.save_directory([self._row(record) for record in records], world.generation)
                await self._refresh()
                return True

    def _row(self, record: Record) -> DirectoryRow:
        key = self._world.known.persons.pseudonym("directory", "", name_of(record))
        return DirectoryRow(key, self._world.sealer.seal(write_record(record), key))
