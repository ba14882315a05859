"""What the switch may rely on of recalls and returns, on every book: asked again they are the same, also after a restart."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from test_rails import HOUR, LATER, NOON, a_rail, an_instruction

from rails.book import Book, MemoryBook
from rails.faults import Faults
from rails.port import ACCEPTED, PENDING, REJECTED, RailInstruction, RailUnavailable, RecallAnswer, RecallRequest
from rails.recall_book import BEGINNING, Mark, MemoryRecallBook, Unasked
from rails.simulated import SimulatedRail

Books = Callable[[], Awaitable[Callable[[], Book]]]
WEEK = timedelta(days=7)


def a_recall(sent: RailInstruction, number: int = 1, **changes: Any) -> RecallRequest:
    recall_id = str(UUID(int=(number << 90) + number, version=4))
    asked = RecallRequest(recall_id, sent.uetr, sent.leg, "DUPL", sent.amount_minor, sent.currency, NOON + HOUR)
    return asked._replace(**changes)


async def answered(rail: SimulatedRail, asked: RecallRequest, after: timedelta = WEEK) -> RecallAnswer:
    [answer] = await rail.recall([asked], asked.asked_at + after)
    assert (answer.rail, answer.recall_id) == (rail.capabilities.rail, asked.recall_id)
    return answer


async def credited(books: Books, magic: str, **changes: Any) -> tuple[SimulatedRail, RailInstruction]:
    rail = a_rail("ibps", (await books())())
    await rail.start(NOON)
    sent = an_instruction("ibps", account=f"MAGIC-{magic}", **changes)
    await rail.send([sent])
    return rail, sent


async def test_an_accepted_recall_is_pending_until_it_brings_the_money_back(books: Books) -> None:
    rail, sent = await credited(books, "RECALL-ACCEPTED")
    asked = a_recall(sent)
    assert (await answered(rail, asked, timedelta(0))).status == PENDING
    answer = await answered(rail, asked)
    assert answer.status == ACCEPTED and answer.returned is not None
    back = answer.returned
    assert (back.uetr, back.amount_minor, back.currency) == (sent.uetr, sent.amount_minor, "CNY")
    assert (back.reason_code, back.recall_id, back.at) == ("FOCR", asked.recall_id, answer.at)


@pytest.mark.parametrize("code", ["LEGL", "CUST", "NOAS", "NOOR", "ARDT", "AC04", "AM04"])
async def test_a_recall_is_rejected_with_the_code_of_the_account(books: Books, code: str) -> None:
    rail, sent = await credited(books, f"RECALL-REJECTED-{code}")
    answer = await answered(rail, a_recall(sent))
    assert (answer.status, answer.reason_code, answer.returned) == (REJECTED, code, None)


async def test_half_comes_back_or_nothing_for_days_or_nothing_ever(books: Books) -> None:
    rail, sent = await credited(books, "RECALL-PARTIAL")
    part = (await answered(rail, a_recall(sent, amount_minor=1_001))).returned
    assert part is not None and part.amount_minor == 500
    rail, sent = await credited(books, "RECALL-PENDING")
    assert (await answered(rail, a_recall(sent), timedelta(days=4))).status == PENDING
    assert (await answered(rail, a_recall(sent), timedelta(days=5))).status == ACCEPTED
    rail, sent = await credited(books, "RECALL-SILENT")
    assert (await answered(rail, a_recall(sent), 60 * WEEK)).status == PENDING


async def test_asking_again_changes_nothing_also_after_a_restart(books: Books) -> None:
    reopen = await books()
    rail = a_rail("ibps", reopen())
    await rail.start(NOON)
    sent = [an_instruction("ibps", n) for n in range(1, 20)]
    await rail.send(sent)
    asked = [a_recall(each, n, reason_code="FRAD") for n, each in enumerate(sent, 1)]
    first = await rail.recall(asked, LATER + WEEK)
    assert {answer.status for answer in first} == {ACCEPTED, REJECTED}  # the seed knows both
    await rail.stop()
    again = a_rail("ibps", reopen())
    await again.start(LATER)
    other = [each._replace(amount_minor=1, asked_at=LATER) for each in asked]
    assert await again.recall([*other, *other], LATER + WEEK) == [*first, *first]


async def test_no_more_comes_back_than_was_paid(books: Books) -> None:
    rail, sent = await credited(books, "RECALL-ACCEPTED")
    first = (await answered(rail, a_recall(sent, 1, amount_minor=12_000))).returned
    rest = (await answered(rail, a_recall(sent, 2))).returned
    assert first is not None and rest is not None
    assert first.amount_minor + rest.amount_minor == sent.amount_minor
    assert (await answered(rail, a_recall(sent, 3))).reason_code == "ARDT"


async def test_what_was_never_paid_is_not_recalled(books: Books) -> None:
    rail, rejected = await credited(books, "REJECT-AC03")
    assert (await answered(rail, a_recall(rejected))).reason_code == "NOOR"
    assert (await answered(rail, a_recall(an_instruction("ibps", 9), 2))).reason_code == "NOOR"
    early = a_recall(rejected, 3, asked_at=NOON)
    assert (await answered(rail, early)).reason_code == "NOOR"


@pytest.mark.parametrize(("name", "amount"), [("AC04", 12_345), ("XY12", 12_345), ("PARTIAL", 6_172)])
async def test_money_is_given_back_unasked_once(books: Books, name: str, amount: int) -> None:
    rail, sent = await credited(books, f"RETURNED-{name}")
    await rail.reports(LATER, 10)
    due = rail.next_due()
    assert due is not None and await rail.returns(due - timedelta(seconds=1), 10) == []
    [back] = await rail.returns(LATER, 10)
    code = "CUST" if name == "PARTIAL" else name
    assert (back.uetr, back.amount_minor, back.reason_code, back.recall_id, back.at) == (
        sent.uetr,
        amount,
        code,
        "",
        due,
    )
    assert await rail.returns(LATER, 10) == [] and rail.next_due() is None


async def test_a_return_is_told_again_after_a_restart_and_to_another_worker(books: Books) -> None:
    reopen = await books()
    rail, other = a_rail("ibps", reopen()), a_rail("ibps", reopen())
    await rail.start(NOON)
    await other.start(NOON)
    sent = [an_instruction("ibps", n, f"MAGIC-RETURNED-AC04-{n}") for n in (1, 2, 3)]
    await rail.send(sent)
    told = [back for _ in range(3) for back in await rail.returns(LATER, 1)]
    assert {back.uetr for back in told} == {each.uetr for each in sent}
    assert await other.returns(LATER, 10) == told
    await rail.stop()
    again = a_rail("ibps", reopen())
    await again.start(LATER + WEEK)
    assert await again.returns(LATER + WEEK, 10) == told


async def test_what_is_rejected_is_not_given_back_and_an_outage_keeps_returns_waiting(books: Books) -> None:
    rail, sent = await credited(books, "RETURNED-AC04", currency="HKD")  # IBPS does not carry it
    assert await rail.returns(LATER, 10) == []
    rail, sent = await credited(books, "RETURNED-AC04")
    rail.faults = Faults(outage=True)
    assert await rail.returns(LATER, 10) == [] and rail.next_due() is None
    with pytest.raises(RailUnavailable):
        await rail.recall([a_recall(sent)], LATER)
    rail.faults = Faults()
    assert len(await rail.returns(LATER, 10)) == 1


async def test_a_return_waits_for_the_opening_of_its_rail() -> None:
    rail = a_rail("hvps")
    friday = NOON.replace(day=6, hour=9, minute=0)  # 17:00, before the close at 17:15
    await rail.start(friday)
    await rail.send([an_instruction("hvps", account="MAGIC-RETURNED-AC04", sent_at=friday, expires_at=friday + HOUR)])
    due = (await rail.returns(friday + WEEK, 10))[0].at
    assert rail.is_open(due, "CNY") and due > friday + 24 * HOUR


def an_unasked(number: int, at: datetime = NOON) -> Unasked:
    return_id = str(UUID(int=(number << 100) + number, version=4))
    return Unasked(return_id, return_id, 1, 100, "CNY", "AC04", at)


async def test_returns_are_read_on_behind_the_last_one_read_also_where_several_are_due_at_once(books: Books) -> None:
    book = (await books())()
    await book.open()
    kept = [an_unasked(number, NOON + (number % 2) * HOUR) for number in range(1, 10)]
    await book.recalls.remember([], [*kept, an_unasked(10, LATER)])
    mark, read = BEGINNING, list[Unasked]()
    while page := await book.recalls.unasked(mark, NOON + HOUR, 2):
        assert len(page) <= 2
        read += page
        mark = page[-1].at, page[-1].return_id
    assert read == sorted(kept, key=lambda each: (each.at, each.return_id))
    assert await book.recalls.next_unasked(NOON) == NOON + HOUR
    assert await book.recalls.next_unasked(NOON + HOUR) == LATER
    assert await book.recalls.next_unasked(LATER) is None


class Counting(MemoryRecallBook):
    """Counts the rows that are read."""

    rows = 0

    async def unasked(self, behind: Mark, until: datetime, limit: int) -> list[Unasked]:
        page = await super().unasked(behind, until, limit)
        self.rows += len(page)
        return page


async def test_after_a_restart_each_return_is_read_once_and_told_once() -> None:
    book, counting = MemoryBook(), Counting()
    book.recalls = counting
    rail = a_rail("ibps", book)
    await rail.start(NOON)
    sent = [an_instruction("ibps", n, f"MAGIC-RETURNED-AC04-{n}") for n in range(1, 101)]
    await rail.send(sent)
    again = a_rail("ibps", book)
    await again.start(LATER + WEEK)
    assert counting.rows == 0
    told = []
    while page := await again.returns(LATER + WEEK, 4):
        told += page
    assert sorted(back.uetr for back in told) == sorted(each.uetr for each in sent)
    assert counting.rows == len(sent) and again.next_due() is None


async def test_a_return_due_before_what_was_told_is_told_still() -> None:
    rail = a_rail("ibps")
    await rail.start(NOON)
    await rail.send([an_instruction("ibps", 1, "MAGIC-RETURNED-AC04", sent_at=LATER, expires_at=LATER + HOUR)])
    assert len(await rail.returns(LATER + WEEK, 10)) == 1
    await rail.send([an_instruction("ibps", 2, "MAGIC-RETURNED-AC04")])
    assert an_instruction("ibps", 2).uetr in [back.uetr for back in await rail.returns(LATER + WEEK, 10)]
