"""The directory's records in a store: written under the fence, read from a revision on."""

import asyncio

import pytest

from switch.flow.directory_books import DIRECTORY, DirectoryRow
from switch.flow.ports import StaleWorld, Store

ONE, OTHER, THIRD = DirectoryRow("a", b"1"), DirectoryRow("b", b"2"), DirectoryRow("c", b"3")


async def test_what_is_written_carries_the_generation_that_wrote_it_and_the_world_says_so(store: Store) -> None:
    before = await store.generation()
    assert await store.save_directory([OTHER, ONE], before) == before + 1 == await store.generation()
    assert (await store.world())[DIRECTORY] == str(before + 1)
    assert await store.directory(0, 10) == [ONE._replace(revision=before + 1), OTHER._replace(revision=before + 1)]


async def test_a_record_stands_in_place_of_the_one_of_its_key_and_only_what_is_later_is_read(store: Store) -> None:
    first = await store.save_directory([ONE, OTHER], await store.generation())
    await store.advance({"other": "news"})
    second = await store.save_directory([ONE._replace(sealed=b"9")], await store.generation())
    assert await store.directory(first, 10) == [DirectoryRow("a", b"9", second)]
    assert [row.key for row in await store.directory(0, 10)] == ["b", "a"]
    assert await store.directory(second, 10) == []


async def test_a_page_never_parts_what_was_written_together(store: Store) -> None:
    first = await store.save_directory([ONE], await store.generation())
    second = await store.save_directory([OTHER, THIRD], await store.generation())
    assert [row.key for row in await store.directory(0, 1)] == ["a"]
    assert [(row.key, row.revision) for row in await store.directory(first, 1)] == [("b", second), ("c", second)]


async def test_who_knows_another_generation_writes_nothing(store: Store) -> None:
    generation = await store.generation()
    await store.advance({})
    with pytest.raises(StaleWorld):
        await store.save_directory([ONE], generation)
    assert await store.directory(0, 10) == [] and DIRECTORY not in await store.world()
    assert await store.generation() == generation + 1


async def test_of_two_writers_at_one_generation_one_writes(store: Store) -> None:
    generation = await store.generation()
    answers = await asyncio.gather(
        store.save_directory([ONE], generation), store.save_directory([OTHER], generation), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["StaleWorld", "int"]
    assert len(await store.directory(0, 10)) == 1
