"""What the switch may rely on from every rail, on every book: idempotent sends, truthful inquiries, nothing lost."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from rails.book import Book, MemoryBook
from rails.catalogue import build_rails
from rails.faults import Faults
from rails.magic import MAGIC
from rails.port import (
    BLOCKED,
    CREDITED,
    PENDING,
    REJECTED,
    SETTLED,
    UNKNOWN,
    RailInstruction,
    RailReport,
    RailUnavailable,
)
from rails.simulated import REPLAY, SimulatedRail

Books = Callable[[], Awaitable[Callable[[], Book]]]

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # a Monday, 12:00 in Hong Kong
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DEADLINE = NOON + 20 * SECOND
LATER = NOON + 24 * HOUR
CURRENCY = {
    "hk-fps": "HKD",
    "ibps": "CNY",
    "mo-easy-transfer": "MOP",
    "hk-chats": "HKD",
    "mo-rtgs": "HKD",
    "hvps": "CNY",
    "card-network": "HKD",
    "promptpay": "THB",
    "e-cny": "CNY",
}
RAILS = sorted(CURRENCY)
FOUR_STEP = ["ibps", "mo-easy-transfer", "card-network", "promptpay", "e-cny"]
RTGS = ["hk-chats", "mo-rtgs", "hvps"]


def weekdays(calendar: str, day: date) -> bool:
    return day.isoweekday() <= 5


def a_rail(name: str, book: Book | None = None, seed: int = 7, instant: bool = False) -> SimulatedRail:
    kept = book or MemoryBook()
    return build_rails(lambda rail: kept if rail == name else MemoryBook(), weekdays, seed, instant)[name]


def an_instruction(name: str, number: int = 1, account: str = "6217000000000001", **changes: Any) -> RailInstruction:
    uetr = str(UUID(int=(number << 80) + number, version=4))
    sent = RailInstruction(uetr, 1, "HBAYHKH0", "PEARCNG0", account, 12_345, CURRENCY[name], NOON, DEADLINE)
    return sent._replace(**changes)


def key(sent: RailInstruction) -> tuple[str, int]:
    return sent.uetr, sent.leg


async def everything(rail: SimulatedRail, now: datetime = LATER) -> list[tuple[str, str]]:
    return [(report.status, report.reason_code) for report in await rail.reports(now, 1_000)]


async def told(rail: SimulatedRail, sent: RailInstruction, at: datetime = LATER) -> tuple[str, str]:
    (report,) = await rail.inquire([key(sent)], at)
    assert (report.rail, report.uetr, report.leg) == (rail.capabilities.rail, sent.uetr, sent.leg)
    return report.status, report.reason_code


GOOD = {
    "hk-fps": [(SETTLED, ""), (CREDITED, "")],
    **{name: [(CREDITED, "")] for name in FOUR_STEP},
    **{name: [(SETTLED, "")] for name in RTGS},
}


@pytest.mark.parametrize("name", RAILS)
async def test_a_rail_reports_what_its_capabilities_say_and_an_inquiry_says_the_same(name: str) -> None:
    rail, sent = a_rail(name), an_instruction(name)
    await rail.start(NOON)
    await rail.send([sent])
    assert await told(rail, sent, NOON) == (PENDING, "")
    assert await everything(rail, NOON) == []
    assert await everything(rail) == GOOD[name]
    assert (rail.capabilities.reports_credit, rail.capabilities.steps == 5) == (name not in RTGS, name == "hk-fps")
    assert await told(rail, sent) == GOOD[name][-1]
    assert rail.next_due() is None


@pytest.mark.parametrize("name", RAILS)
async def test_an_instant_rail_has_settled_the_moment_it_is_asked(name: str) -> None:
    rail = a_rail(name, instant=True)
    await rail.start(NOON)
    await rail.send([an_instruction(name)])
    assert rail.next_due() == NOON
    assert await everything(rail, NOON) == GOOD[name]


@pytest.mark.parametrize("name", ["hk-fps", "ibps"])
async def test_sending_again_changes_nothing(books: Books, name: str) -> None:
    rail = a_rail(name, (await books())())
    await rail.start(NOON)
    first = an_instruction(name)
    await rail.send([first, first, an_instruction(name, 2)])
    await rail.send([first._replace(creditor_account="MAGIC-REJECT-AC07", amount_minor=1)])
    assert sorted(await everything(rail)) == sorted(GOOD[name] * 2)
    assert await told(rail, first) == (CREDITED, "")


async def test_what_was_reported_is_reported_again_when_it_is_sent_again(books: Books) -> None:
    rail, sent = a_rail("ibps", (await books())()), an_instruction("ibps")
    await rail.start(NOON)
    await rail.send([sent])
    before = await rail.reports(LATER, 10)
    await rail.send([sent._replace(sent_at=NOON + HOUR)])
    assert await rail.reports(LATER, 10) == before


async def test_an_instruction_inquired_after_before_it_came_is_never_processed(books: Books) -> None:
    reopen = await books()
    rail, sent = a_rail("ibps", reopen()), an_instruction("ibps")
    await rail.start(NOON)
    assert [await told(rail, sent, NOON) for _ in range(2)] == [(UNKNOWN, "")] * 2
    await rail.stop()
    rail = a_rail("ibps", reopen())
    await rail.start(NOON + SECOND)
    await rail.send([sent._replace(sent_at=NOON + SECOND), an_instruction("ibps", 2)])
    assert await everything(rail) == GOOD["ibps"]
    assert await told(rail, sent) == (UNKNOWN, "")


async def test_an_inquiry_answers_each_key_in_order(books: Books) -> None:
    rail = a_rail("hk-fps", (await books())())
    await rail.start(NOON)
    one, two, absent = (an_instruction("hk-fps", n) for n in (1, 2, 3))
    await rail.send([one, two._replace(creditor_account="MAGIC-REJECT-AC03")])
    keys = [key(two), key(absent), key(one), key(absent)]
    reports = await rail.inquire(keys, LATER)
    assert [(report.uetr, report.leg) for report in reports] == keys
    assert [report.status for report in reports] == [REJECTED, UNKNOWN, CREDITED, UNKNOWN]
    assert await rail.inquire([], LATER) == []


@pytest.mark.parametrize("name", RAILS)
async def test_a_restart_loses_no_report_and_changes_no_answer(books: Books, name: str) -> None:
    reopen = await books()
    rail, batch = a_rail(name, reopen()), [an_instruction(name, n) for n in range(1, 9)]
    await rail.start(NOON)
    await rail.send(batch)
    expected = await a_twin(name, batch)
    assert await rail.inquire([key(sent) for sent in batch], LATER) == [expected[key(sent)][-1] for sent in batch]
    await rail.stop()
    again = a_rail(name, reopen(), seed=99)  # what was decided at receipt stands, whatever the seed says now
    await again.start(NOON + SECOND)
    replayed = await again.reports(LATER, 1_000)
    assert by_key(replayed) == expected
    assert [report.at for report in replayed] == sorted(report.at for report in replayed)
    assert await again.inquire([key(sent) for sent in batch], LATER) == [expected[key(sent)][-1] for sent in batch]


async def a_twin(name: str, batch: list[RailInstruction]) -> dict[tuple[str, int], list[RailReport]]:
    twin = a_rail(name)
    await twin.start(NOON)
    await twin.send(batch)
    return by_key(await twin.reports(LATER, 1_000))


def by_key(reports: list[RailReport]) -> dict[tuple[str, int], list[RailReport]]:
    found: dict[tuple[str, int], list[RailReport]] = {}
    for report in reports:
        found.setdefault((report.uetr, report.leg), []).append(report)
    return found


async def test_after_a_restart_what_fell_due_long_before_is_left_to_inquiry(books: Books) -> None:
    reopen = await books()
    rail, sent = a_rail("ibps", reopen()), an_instruction("ibps")
    await rail.start(NOON)
    await rail.send([sent])
    due = rail.next_due()
    assert due is not None
    for now, expected in [(due + REPLAY, GOOD["ibps"]), (due + REPLAY + SECOND, [])]:
        again = a_rail("ibps", reopen())
        await again.start(now)
        assert await everything(again) == expected
        assert await told(again, sent) == (CREDITED, "")
        await again.stop()


async def test_reports_come_oldest_first_and_no_more_than_asked_for() -> None:
    rail = a_rail("hk-fps")
    await rail.start(NOON)
    await rail.send([an_instruction("hk-fps", n) for n in range(1, 101)])
    taken = await rail.reports(LATER, 3)
    assert len(taken) == 3
    while due := rail.next_due():
        assert due <= LATER and await rail.reports(due - timedelta(microseconds=1), 7) == []
        taken += await rail.reports(due, 7)
    assert len(taken) == 200
    assert [report.at for report in taken] == sorted(report.at for report in taken)
    assert all([r.status for r in reports] == [SETTLED, CREDITED] for reports in by_key(taken).values())


async def test_outcome_and_delay_follow_from_seed_rail_and_uetr_alone() -> None:
    batch = [an_instruction("ibps", n) for n in range(1, 30)]
    runs = []
    for seed, order in [(7, batch), (7, batch[::-1]), (8, batch)]:
        rail = a_rail("ibps", seed=seed)
        await rail.start(NOON)
        for sent in order:
            await rail.send([sent])
        runs.append(await rail.reports(LATER, 1_000))
    assert runs[0] == runs[1] != runs[2]


FIVE_STEP_TIMED_OUT = ([(REJECTED, "AB05")], (REJECTED, "AB05"))
MAGIC_CASES = [
    # account, rail, reports by the end, what an inquiry tells by the end
    ("MAGIC-SILENT", "ibps", [], (CREDITED, "")),
    ("MAGIC-SILENT", "hvps", [], (SETTLED, "")),
    ("MAGIC-SILENT", "hk-fps", *FIVE_STEP_TIMED_OUT),
    ("MAGIC-SILENT-REJECTED", "mo-easy-transfer", [], (REJECTED, "MS03")),
    ("MAGIC-SILENT-REJECTED", "hk-fps", *FIVE_STEP_TIMED_OUT),
    ("MAGIC-UNREPORTED", "ibps", [], (CREDITED, "")),
    ("MAGIC-UNREPORTED", "hk-fps", [], (CREDITED, "")),
    ("MAGIC-UNREPORTED", "hk-chats", [], (SETTLED, "")),
    ("MAGIC-LOST", "ibps", [], (UNKNOWN, "")),
    ("MAGIC-LOST", "hk-fps", [], (UNKNOWN, "")),
    ("MAGIC-LATE", "ibps", [(CREDITED, "")], (CREDITED, "")),
    ("MAGIC-LATE", "mo-rtgs", [(SETTLED, "")], (SETTLED, "")),
    ("MAGIC-LATE", "hk-fps", *FIVE_STEP_TIMED_OUT),
    ("MAGIC-LATE-ACCEPT", "ibps", [(CREDITED, "")], (CREDITED, "")),
    ("MAGIC-LATE-ACCEPT", "hk-fps", *FIVE_STEP_TIMED_OUT),
    ("MAGIC-DUPLICATE", "ibps", [(CREDITED, "")] * 2, (CREDITED, "")),
    ("MAGIC-DUPLICATE", "hk-fps", [(SETTLED, ""), (CREDITED, ""), (CREDITED, "")], (CREDITED, "")),
    ("MAGIC-CONTRADICTORY", "ibps", [(CREDITED, ""), (REJECTED, "MS03")], (CREDITED, "")),
    ("MAGIC-CONTRADICTORY", "hvps", [(SETTLED, ""), (REJECTED, "MS03")], (SETTLED, "")),
    ("MAGIC-REJECT-AC03", "hk-fps", [(REJECTED, "AC03")], (REJECTED, "AC03")),
    ("012-875-MAGIC-REJECT-AC07-2", "ibps", [(REJECTED, "AC07")], (REJECTED, "AC07")),
    ("magicrejectac0317", "ibps", [(REJECTED, "AC03")], (REJECTED, "AC03")),
    ("MAGICLATEACCEPT4", "hk-fps", *FIVE_STEP_TIMED_OUT),
    ("MAGIC-REJECT-DS0A", "hvps", [(REJECTED, "DS0A")], (REJECTED, "DS0A")),
    ("MAGIC-SILNT", "ibps", [(REJECTED, "AC01")], (REJECTED, "AC01")),
    ("MAGIC-SILENTLY", "ibps", [(REJECTED, "AC01")], (REJECTED, "AC01")),
    ("MAGIC-REJECT-AC0", "ibps", [(REJECTED, "AC01")], (REJECTED, "AC01")),
    ("MAGIC-BLOCKED", "ibps", [(BLOCKED, "")], (BLOCKED, "")),
    ("MAGIC-BLOCKED", "hk-fps", [(BLOCKED, "")], (BLOCKED, "")),
    ("MAGIC-BLOCKED", "hvps", [(BLOCKED, "")], (BLOCKED, "")),
    ("MAGIC-AFTER-30S", "ibps", [(CREDITED, "")], (CREDITED, "")),
    ("MAGIC-AFTER-30S", "hk-fps", *FIVE_STEP_TIMED_OUT),
    ("MAGIC-AFTER-77M3", "hvps", [(SETTLED, "")], (SETTLED, "")),
    ("MAGIC-AFTER-30X", "ibps", [(REJECTED, "AC01")], (REJECTED, "AC01")),
    ("MAGIC-WALLET-FULL", "hk-fps", [(REJECTED, "AM14")], (REJECTED, "AM14")),
]


@pytest.mark.parametrize(("account", "name", "reports", "inquiry"), MAGIC_CASES)
async def test_a_magic_account_does_what_its_name_says(
    account: str, name: str, reports: list[tuple[str, str]], inquiry: tuple[str, str]
) -> None:
    rail, sent = a_rail(name), an_instruction(name, account=account)
    await rail.start(NOON)
    await rail.send([sent])
    assert await everything(rail) == reports
    assert await told(rail, sent) == inquiry


def test_every_name_of_the_magic_table_fits_an_account_number() -> (
    None
):  # each is run in tests/flow/test_magic_values.py
    assert all(len(f"MAGIC-{row.name}") <= 34 and row.description.endswith(".") for row in MAGIC)


async def test_the_times_of_the_silent_and_the_late_are_those_of_the_table() -> None:
    rail = a_rail("ibps")
    await rail.start(NOON)
    late, accept = (an_instruction("ibps", n, account) for n, account in [(1, "MAGIC-LATE"), (2, "MAGIC-LATE-ACCEPT")])
    await rail.send([late, accept])
    assert await told(rail, late, DEADLINE + 29 * SECOND) == (PENDING, "")
    assert await told(rail, accept, NOON + HOUR - SECOND) == (PENDING, "")
    assert [report.at for report in await rail.reports(LATER, 9)] == [DEADLINE + 30 * SECOND, NOON + HOUR]


async def test_a_five_step_rail_rejects_at_the_agent_s_deadline_and_never_before_it_was_sent() -> None:
    rail = a_rail("hk-fps")
    margin = rail.capabilities.hops.agent_margin
    await rail.start(NOON)
    overdue = an_instruction("hk-fps", 2, sent_at=DEADLINE + SECOND)
    await rail.send([an_instruction("hk-fps", 1, "MAGIC-SILENT"), overdue])
    reports = await rail.reports(LATER, 9)
    assert [(r.status, r.reason_code, r.at) for r in reports] == [
        (REJECTED, "AB05", DEADLINE - margin),
        (REJECTED, "AB05", DEADLINE + SECOND),
    ]


async def test_between_settlement_and_credit_an_inquiry_tells_settled() -> None:
    rail, sent = a_rail("hk-fps"), an_instruction("hk-fps")
    await rail.start(NOON)
    await rail.send([sent])
    settled_at = rail.next_due()
    assert settled_at is not None
    assert await told(rail, sent, settled_at - timedelta(microseconds=1)) == (PENDING, "")
    assert await told(rail, sent, settled_at) == (SETTLED, "")
    await rail.reports(settled_at, 1)
    credited_at = rail.next_due()
    assert credited_at is not None
    assert await told(rail, sent, credited_at - timedelta(microseconds=1)) == (SETTLED, "")
    assert await told(rail, sent, credited_at) == (CREDITED, "")


async def test_a_closed_rail_and_a_foreign_currency_are_rejected_at_once() -> None:
    rail = a_rail("hk-chats")
    sunday = NOON - 24 * HOUR
    await rail.start(sunday)
    await rail.send(
        [an_instruction("hk-chats", 1, sent_at=sunday), an_instruction("hk-chats", 2, sent_at=sunday, currency="MOP")]
    )
    assert [(r.reason_code, r.at) for r in await rail.reports(sunday, 9)] == [("ED06", sunday), ("AM03", sunday)]


async def test_an_outage_takes_nothing_and_reports_wait_for_its_end(books: Books) -> None:
    rail, sent = a_rail("ibps", (await books())()), an_instruction("ibps")
    await rail.start(NOON)
    await rail.send([sent])
    rail.faults = Faults(outage=True)
    with pytest.raises(RailUnavailable):
        await rail.send([an_instruction("ibps", 2)])
    with pytest.raises(RailUnavailable):
        await rail.inquire([key(sent)], LATER)
    assert (rail.next_due(), await everything(rail)) == (None, [])
    rail.faults = Faults()
    assert await everything(rail) == GOOD["ibps"]
    assert await told(rail, an_instruction("ibps", 2)) == (UNKNOWN, "")


@pytest.mark.parametrize(
    ("faults", "low", "high"),
    [(Faults(lost_reports=3_000), 600, 800), (Faults(repeated_reports=3_000), 1_200, 1_400), (Faults(), 1_000, 1_000)],
)
async def test_faults_lose_and_repeat_the_share_they_are_set_to(faults: Faults, low: int, high: int) -> None:
    rail, batch = a_rail("ibps"), [an_instruction("ibps", n) for n in range(1, 1_001)]
    rail.faults = faults
    await rail.start(NOON)
    await rail.send(batch)
    assert low <= len(await rail.reports(LATER, 10_000)) <= high
    assert {report.status for report in await rail.inquire([key(sent) for sent in batch], LATER)} == {CREDITED}


async def test_a_slow_rail_takes_as_many_times_as_long_as_it_is_told() -> None:
    dues = []
    for percent in (100, 300):
        rail = a_rail("ibps")
        rail.faults = Faults(delay_percent=percent)
        await rail.start(NOON)
        await rail.send([an_instruction("ibps")])
        due = rail.next_due()
        assert due is not None
        dues.append(due - NOON)
    assert dues[1] == dues[0] * 3
