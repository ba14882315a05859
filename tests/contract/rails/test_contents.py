"""What a rail may rely on from its digests, on every implementation: the first content of a key stands, whoever comes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import pytest
import pytest_asyncio
from served_rail import NOON, SECOND, an_instruction

from rails.contents import Content, Contents, MemoryContents, content_of
from rails.postgres_book import PostgresBook


def a_content(number: int, digest: int = 0) -> Content:
    return Content(str(UUID(int=number, version=4)), 1, bytes([digest]) * 16)


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def contents(
    request: pytest.FixtureRequest, postgres_url: str, fresh_schema: Callable[[], Awaitable[str]]
) -> AsyncIterator[Contents]:
    if request.param == "memory":
        yield MemoryContents()
        return
    book = PostgresBook(postgres_url, await fresh_schema())
    await book.open()
    yield book.contents
    await book.close()


async def test_the_first_content_of_a_key_stands(contents: Contents) -> None:
    assert await contents.keep([a_content(1), a_content(2)]) == [True, True]
    assert await contents.keep([a_content(3), a_content(1, 7), a_content(2)]) == [True, False, True]
    assert await contents.keep([a_content(1, 7), a_content(1 << 90)]) == [False, True]
    assert await contents.keep([a_content(1)]) == [True]


async def test_of_two_contents_at_once_one_stands(contents: Contents) -> None:
    both = [contents.keep([a_content(n, digest) for n in range(50)]) for digest in (1, 2)]
    first, second = await asyncio.gather(*both)
    assert [one + other for one, other in zip(first, second, strict=True)] == [1] * 50


async def test_the_legs_of_a_uetr_are_apart(contents: Contents) -> None:
    assert await contents.keep([a_content(1), a_content(1, 5)._replace(leg=2)]) == [True, True]


async def test_the_digests_are_there_again_after_a_restart(
    postgres_url: str, fresh_schema: Callable[[], Awaitable[str]]
) -> None:
    schema = await fresh_schema()
    for expected in (True, False):
        book = PostgresBook(postgres_url, schema)
        await book.open()
        assert await book.contents.keep([a_content(1, int(not expected))]) == [expected]
        await book.close()


def test_when_it_is_sent_makes_no_other_content_and_what_it_asks_does() -> None:
    sent = an_instruction("ibps")
    again = sent._replace(sent_at=NOON + SECOND, expires_at=NOON, transfer=None)
    assert content_of(again) == content_of(sent)
    others = [
        sent._replace(amount_minor=1), sent._replace(currency="HKD"), sent._replace(creditor_account="1"),
        sent._replace(creditor_agent="BANYCNS0"), sent._replace(debtor_agent="LIONHKH0"),
    ]  # fmt: skip
    assert len({content_of(each) for each in [sent, *others]}) == 6
