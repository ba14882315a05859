"""Reads that are shared: a crowd costs a statement, each gets its own counters as they are, and nobody another's fate."""

import asyncio
from collections.abc import Iterable

import pytest

from limits.claims import Sums
from switch.flow.joint_reads import JointReads
from switch.flow.ports import StoreUnavailable
from switch.store.memory import MemoryStore


class Books(MemoryStore):
    """Counters "a".."z" hold 1 each; a read takes a turn of the loop and may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[set[str]] = []
        self.failures = 0
        self.value = 1

    async def sums(self, counters: Iterable[str]) -> dict[str, Sums]:
        wanted = set(counters)
        self.asked.append(wanted)
        held = self.value
        await asyncio.sleep(0.001)
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("planted")
        return {key: Sums(held) for key in wanted if len(key) == 1}


async def test_who_asks_at_once_shares_a_statement_and_gets_the_own_counters_alone() -> None:
    books = Books()
    reads = JointReads(books)
    found = await asyncio.gather(reads.sums(["a", "b"]), reads.sums(["b", "missing"]), reads.sums([]))
    assert found == [{"a": Sums(1), "b": Sums(1)}, {"b": Sums(1)}, {}]
    assert books.asked == [{"a", "b", "missing"}]


async def test_who_asks_while_a_read_is_under_way_sees_what_was_written_before_they_asked() -> None:
    books = Books()
    reads = JointReads(books)
    first = asyncio.create_task(reads.sums(["a"]))
    while not books.asked:
        await asyncio.sleep(0)
    books.value = 2
    assert await reads.sums(["a"]) == {"a": Sums(2)} and await first == {"a": Sums(1)}


async def test_a_read_that_fails_fails_for_those_who_shared_it_and_for_nobody_later() -> None:
    books = Books()
    books.failures = 1
    reads = JointReads(books)
    found = await asyncio.gather(reads.sums(["a"]), reads.sums(["b"]), return_exceptions=True)
    assert all(isinstance(each, StoreUnavailable) for each in found)
    assert await reads.sums(["a"]) == {"a": Sums(1)}


async def test_who_goes_away_takes_nobody_s_read_along() -> None:
    reads = JointReads(Books())
    gone, stays = asyncio.create_task(reads.sums(["a"])), asyncio.create_task(reads.sums(["b"]))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == {"b": Sums(1)}
    with pytest.raises(asyncio.CancelledError):
        await gone
