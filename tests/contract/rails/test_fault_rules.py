"""Faults by rules: each hits its share, of its participant, on its way; a run repeats; and all of it outlives a restart."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from test_rails import DEADLINE, LATER, NOON, SECOND, a_rail, an_instruction, everything, key, told

from fx.money import Money
from rails.book import Book
from rails.faults import (
    BOTH,
    BOUNDS,
    DAY_MS,
    FROM_RAIL,
    RULES_MAX,
    TO_RAIL,
    FaultRule,
    Faults,
    read_faults,
    write_faults,
)
from rails.port import CREDITED, PENDING, REJECTED, SETTLED, UNKNOWN, RailReport, RailUnavailable
from switch.api import rail_models
from switch.api.rail_models import FaultRuleSetting, FaultSetting

Books = Callable[[], Awaitable[Callable[[], Book]]]
ALL = 10_000
MANY = 400


def rule(direction: str = BOTH, **what: Any) -> FaultRule:
    return FaultRule(direction=direction, since=NOON, **what)


async def reports(name: str, *rules: FaultRule, count: int = 1, seed: int = 7, book: Any = None) -> list[RailReport]:
    rail = a_rail(name, book, seed)
    await rail.start(NOON)
    rail.faults = Faults(rules=rules)
    await rail.send([an_instruction(name, n) for n in range(1, count + 1)])
    return await rail.reports(LATER, 10_000)


@pytest.mark.parametrize(
    ("direction", "what", "expected"),
    [
        (TO_RAIL, {"lost": ALL}, ([], (UNKNOWN, ""))),
        (FROM_RAIL, {"lost": ALL}, ([], (CREDITED, ""))),
        (BOTH, {"lost": ALL}, ([], (CREDITED, ""))),
        (FROM_RAIL, {"duplicated": ALL}, ([(CREDITED, "")] * 2, (CREDITED, ""))),
        (TO_RAIL, {"duplicated": ALL}, ([(CREDITED, "")], (CREDITED, ""))),
        (BOTH, {"rejected": ALL, "reason_code": "AC07"}, ([(REJECTED, "AC07")], (REJECTED, "AC07"))),
        (TO_RAIL, {"outage": True, "participant": "PEARCNG0"}, ([(REJECTED, "AB08")], (REJECTED, "AB08"))),
        (FROM_RAIL, {"outage": True, "participant": "PEARCNG0"}, ([], (CREDITED, ""))),
    ],
)
async def test_a_fault_does_what_it_says_on_its_way(direction: str, what: dict[str, Any], expected: Any) -> None:
    rail, sent = a_rail("ibps"), an_instruction("ibps")
    await rail.start(NOON)
    rail.faults = Faults(rules=(rule(direction, **what),))
    await rail.send([sent])
    assert (await everything(rail), await told(rail, sent)) == expected


async def test_a_rule_hits_its_participant_alone() -> None:
    for participant, hit in [("PEARCNG0", True), ("BANYCNS0", False), ("", True)]:
        [report] = await reports("ibps", rule(participant=participant, rejected=ALL))
        assert (report.status == REJECTED) is hit, participant


@pytest.mark.parametrize("fault", ["lost", "duplicated", "rejected", "wrong_amount", "reordered", "late"])
async def test_a_share_is_that_share_and_a_run_repeats_it(fault: str) -> None:
    runs = [await reports("ibps", rule(FROM_RAIL, **{fault: 2_500}), count=MANY, seed=seed) for seed in (7, 7, 8)]
    assert runs[0] == runs[1] != runs[2]
    plain = {(r.uetr, r.status, r.at, r.amount_minor) for r in await reports("ibps", count=MANY)}
    twice = len(runs[0]) - len({r.uetr for r in runs[0]})
    changed = {
        "lost": MANY - len(runs[0]),
        "duplicated": twice,
        "rejected": sum(r.status == REJECTED for r in runs[0]),
        "wrong_amount": sum(r.amount_minor is not None for r in runs[0]),
        "late": sum((r.uetr, r.status, r.at, r.amount_minor) not in plain for r in runs[0]),
        "reordered": sum(a.at > b.at for a, b in zip(runs[0], runs[0][1:], strict=False)),
    }[fault]
    assert 60 <= changed <= 140, changed


async def test_two_faults_of_one_share_do_not_hit_the_same() -> None:
    found = await reports("ibps", rule(FROM_RAIL, duplicated=5_000, wrong_amount=5_000), count=MANY)
    wrong, twice = {r.uetr for r in found if r.amount_minor}, {a.uetr for a in found if found.count(a) == 2}
    assert wrong - twice and twice - wrong and wrong & twice


async def test_late_is_past_the_deadline_where_no_timer_runs() -> None:
    [report] = await reports("ibps", rule(late=ALL, late_seconds=45))
    assert (report.status, report.at) == (CREDITED, DEADLINE + 45 * SECOND)
    [report] = await reports("hk-fps", rule(late=ALL))
    assert (report.status, report.reason_code) == (REJECTED, "AB05")


async def test_a_wrong_amount_is_named_and_an_inquiry_tells_none() -> None:
    [report] = await reports("ibps", rule(wrong_amount=ALL, wrong_by_minor=-45))
    assert report.amount_minor == 12_345 - 45


async def test_a_clock_that_is_ahead_dates_reports_ahead_and_brings_them_no_later() -> None:
    rail = a_rail("ibps")
    await rail.start(NOON)
    await rail.send([an_instruction("ibps")])
    due = rail.next_due()
    assert due is not None
    for skew in (90_000, -90_000):
        [report] = await reports("ibps", rule(clock_skew_ms=skew))
        assert report.at == due + timedelta(milliseconds=skew)


async def test_a_settlement_that_is_overtaken_is_told_after_its_credit() -> None:
    found = await reports("hk-fps", rule(FROM_RAIL, reordered=ALL))
    assert [r.status for r in found] == [CREDITED, SETTLED] and found[0].at > found[1].at


LEVELS = (50_000, 50_000, 50_000, 50_000, 50_000)


async def test_latency_lies_on_the_way_that_is_meant() -> None:
    [plain] = await reports("ibps")
    [both] = await reports("ibps", rule(BOTH, latency_ms=LEVELS))
    assert both.at == NOON + 50 * SECOND, "the rail's own delay is replaced"
    [there] = await reports("ibps", rule(TO_RAIL, latency_ms=LEVELS))
    assert there.at == plain.at + 50 * SECOND
    rail = a_rail("ibps")
    await rail.start(NOON)
    rail.faults = Faults(rules=(rule(FROM_RAIL, latency_ms=LEVELS),))
    await rail.send([an_instruction("ibps")])
    assert rail.next_due() == plain.at + 50 * SECOND, "the report is on its way back for so long"
    [back] = await rail.reports(LATER, 10)
    assert back.at == plain.at, "and says when it was"


async def test_a_slow_start_sinks_evenly_to_the_rails_own_delays() -> None:
    [plain] = await reports("ibps")
    takes = plain.at - NOON
    slow = rule(slow_start_seconds=100, slow_start_percent=500)
    for after, percent in [(0, 500), (50, 300), (99, 104), (100, 100), (1_000, 100)]:
        rail, at = a_rail("ibps"), NOON + after * SECOND
        await rail.start(NOON)
        rail.faults = Faults(rules=(slow,))
        await rail.send([an_instruction("ibps", sent_at=at)])
        assert rail.next_due() == at + takes * percent // 100


@pytest.mark.parametrize("direction", [BOTH, TO_RAIL, FROM_RAIL])
async def test_an_outage_of_one_way_stops_that_way(direction: str) -> None:
    rail, sent = a_rail("ibps"), an_instruction("ibps")
    await rail.start(NOON)
    await rail.send([sent])
    rail.faults = Faults(rules=(rule(direction, outage=True),))
    if direction == FROM_RAIL:
        await rail.send([an_instruction("ibps", 2)])
    else:
        with pytest.raises(RailUnavailable):
            await rail.send([an_instruction("ibps", 2)])
    with pytest.raises(RailUnavailable):
        await rail.inquire([key(sent)], LATER)
    assert len(await everything(rail)) == (direction == TO_RAIL)
    rail.faults = Faults()
    assert await told(rail, sent) == (CREDITED, "")


def test_faults_are_read_as_they_were_written() -> None:
    for faults in (
        Faults(),
        Faults(outage=True),
        Faults(lost_reports=5, rules=(rule(latency_ms=LEVELS), rule(TO_RAIL, lost=7))),
    ):
        assert read_faults(write_faults(faults)) == faults
    assert read_faults('{"delay_percent": 300, "lost_reports": 0, "repeated_reports": 0, "outage": false}').rules == ()


async def test_what_is_odd_about_reports_outlives_a_restart(books: Books) -> None:
    rules = (rule(FROM_RAIL, latency_ms=LEVELS, wrong_amount=5_000, reordered=5_000, clock_skew_ms=4_000),)
    reopen = await books()
    rail = a_rail("hk-fps", reopen())
    await rail.start(NOON)
    rail.faults = Faults(rules=rules)
    await rail.send([an_instruction("hk-fps", n) for n in range(1, 40)])
    await rail.stop()
    again = a_rail("hk-fps", reopen())
    await again.start(NOON + SECOND)
    found = await again.reports(LATER, 1_000)
    assert found == await reports("hk-fps", *rules, count=39)
    assert any(report.amount_minor for report in found)


@pytest.mark.parametrize("outcome", [SETTLED, CREDITED, REJECTED, PENDING])
async def test_what_is_dictated_stands_in_place_of_what_was_decided_also_after_a_restart(
    books: Books, outcome: str
) -> None:
    reopen = await books()
    rail, decided, fresh = a_rail("ibps", reopen()), an_instruction("ibps"), an_instruction("ibps", 2)
    await rail.start(NOON)
    await rail.send([decided])
    code = "AC06" if outcome == REJECTED else ""
    said = [] if outcome == PENDING else [(outcome, code)]
    for sent in (decided, fresh):  # one it has, one it has never heard of
        await rail.dictate(key(sent), outcome, code, NOON + SECOND, Money(12_345, "CNY"))
    assert await rail.reports(NOON, 10) == []
    assert await everything(rail) == said * 2
    await rail.stop()
    again = a_rail("ibps", reopen())
    await again.start(NOON + 2 * SECOND)
    await again.send([fresh])
    assert await everything(again) == said * 2
    assert await told(again, decided) == await told(again, fresh) == (outcome, code)


async def test_the_last_word_dictated_stands(books: Books) -> None:
    reopen = await books()
    rail, sent = a_rail("ibps", reopen()), an_instruction("ibps")
    await rail.start(NOON)
    await rail.send([sent])
    await rail.dictate(key(sent), PENDING, "", NOON, Money(12_345, "CNY"))
    assert rail.next_due() is None and await told(rail, sent) == (PENDING, "")
    await rail.dictate(key(sent), REJECTED, "AC03", LATER, Money(12_345, "CNY"))
    assert await everything(rail) == [(REJECTED, "AC03")]


def test_a_rail_takes_the_faults_that_the_api_takes() -> None:
    for of in (FaultSetting, FaultRuleSetting):
        for name, field in of.model_fields.items():
            bounds = {"ge": None, "le": None} | {
                kind: getattr(each, kind) for each in field.metadata for kind in ("ge", "le") if hasattr(each, kind)
            }
            assert BOUNDS.get(name) == ((bounds["ge"], bounds["le"]) if bounds["ge"] is not None else None), name
    assert (RULES_MAX, DAY_MS) == (rail_models.RULES_MAX, rail_models.DAY_MS)
