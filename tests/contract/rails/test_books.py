"""What every book keeps to: the first row of a key stands, what is inserted is there after a restart."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from rails.book import CONTRADICTED, ONCE, SILENT, TWICE, Book, Entry, tombstone
from rails.port import CREDITED, REJECTED, SETTLED

Books = Callable[[], Awaitable[Callable[[], Book]]]

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def an_entry(number: int = 1, **changes: Any) -> Entry:
    uetr = str(UUID(int=(number << 80) + number, version=4))
    return Entry(uetr, 1, CREDITED, ONCE, "", 12_345, "CNY", NOON, None, NOON + SECOND)._replace(**changes)


EACH_KIND = [
    an_entry(1),
    an_entry(2, reporting=TWICE, settled_at=NOON + SECOND / 2, currency="HKD"),
    an_entry(3, outcome=SETTLED, reporting=SILENT, amount_minor=2**53),
    an_entry(4, outcome=REJECTED, reason_code="AC03", reporting=CONTRADICTED),
    an_entry(4, leg=2, final_at=NOON + timedelta(microseconds=1)),
    tombstone((an_entry(5).uetr, 1), NOON),
]


async def test_every_kind_of_row_comes_back_as_it_was_written_also_after_a_restart(books: Books) -> None:
    reopen = await books()
    book = reopen()
    await book.open()
    assert await book.insert(EACH_KIND) == len(EACH_KIND)
    await book.close()
    again = reopen()
    await again.open()
    assert await again.find([(entry.uetr, entry.leg) for entry in EACH_KIND]) == EACH_KIND


async def test_the_first_row_of_a_key_stands(books: Books) -> None:
    book = (await books())()
    await book.open()
    first, second = an_entry(1), an_entry(1, outcome=REJECTED, reason_code="AC07")
    assert await book.insert([first]) == 1
    assert await book.insert([second, an_entry(2), an_entry(2, amount_minor=9)]) == 1
    assert await book.find([(first.uetr, 1)]) == [first]
    assert await book.insert([]) == 0


async def test_keys_are_answered_in_the_order_asked_with_none_for_the_missing(books: Books) -> None:
    book = (await books())()
    await book.open()
    await book.insert([an_entry(1), an_entry(2)])
    keys = [(an_entry(n).uetr, leg) for n, leg in [(2, 1), (9, 1), (1, 1), (1, 2), (2, 1)]]
    assert await book.find(keys) == [an_entry(2), None, an_entry(1), None, an_entry(2)]
    assert await book.find([]) == []


async def test_what_is_final_since_an_instant_leaves_out_the_older_and_the_tombstones(books: Books) -> None:
    book = (await books())()
    await book.open()
    old, edge, later = (an_entry(n, final_at=NOON + SECOND * n) for n in (1, 2, 3))
    await book.insert([later, old, edge, tombstone((an_entry(4).uetr, 1), NOON + SECOND * 9)])
    assert sorted(await book.final_since(NOON + SECOND * 2)) == sorted([edge, later])


async def test_opening_a_book_twice_keeps_its_rows(books: Books) -> None:
    reopen = await books()
    for expected in (1, 0):
        book = reopen()
        await book.open()
        assert await book.insert([an_entry(1)]) == expected
        await book.close()
