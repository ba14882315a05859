"""The catalogue: eleven rails, each figure with a source or marked assumed; delays that lie where the quantiles say."""

from datetime import UTC, datetime, timedelta

import pytest

from rails.book import MemoryBook
from rails.catalogue import build_rails, capabilities, load_catalogue
from rails.delays import STEPS, table
from rails.mo_easy_transfer import next_run, unfold_with
from rails.port import CREDITED, RailInstruction
from rails.steps import Answer

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_the_rails_can_do_what_the_design_says() -> None:
    rails = build_rails(lambda rail: MemoryBook(), lambda calendar, day: True, 1)
    able = {
        name: (set(r.capabilities.currencies), r.capabilities.steps, r.capabilities.reports_credit)
        for name, r in rails.items()
    }
    assert able == {
        "hk-fps": ({"HKD", "CNY"}, 5, True),
        "ibps": ({"CNY"}, 4, True),
        "mo-easy-transfer": ({"MOP", "HKD"}, 4, True),
        "hk-chats": ({"HKD", "CNY"}, 4, False),
        "mo-rtgs": ({"HKD", "CNY"}, 4, False),
        "hvps": ({"CNY"}, 4, False),
        "card-network": ({"CNY", "HKD", "MOP"}, 4, True),
        "promptpay": ({"THB"}, 4, True),
        "e-cny": ({"CNY"}, 4, True),
        "beps": ({"CNY"}, 4, True),
        "cips": ({"CNY"}, 4, False),
    }
    codes = [rail.capabilities.clearing_system for rail in rails.values()]
    assert ("Cd", "FPS") not in codes  # the United Kingdom's
    assert len(set(codes)) == len(rails) == 11


def test_every_rail_names_its_source_and_what_has_none() -> None:
    for rail, row in load_catalogue().items():
        assert row["reference"]["facts"] and row["reference"]["body"], rail
        assert "delays" in capabilities(rail, row).assumed
        assert all(isinstance(reason, str) and reason for reason in row["assumed"].values())


def test_delays_lie_where_the_quantiles_say() -> None:
    delays = table({"p0": 10, "p50": 100, "p90": 200, "p99": 1_000, "p100": 5_000})
    assert len(delays) == STEPS
    assert list(delays) == sorted(delays)
    for share, level in [(0, 10), (50, 100), (90, 200), (99, 1_000)]:
        reached = delays[-(-share * STEPS // 100)]
        assert timedelta(milliseconds=level) <= reached <= timedelta(milliseconds=level * 1.1)
    assert delays[-1] < timedelta(milliseconds=5_000)
    with pytest.raises(ValueError, match="ascend"):
        table({"p0": 10, "p50": 9, "p90": 200, "p99": 1_000, "p100": 5_000})


def test_a_same_day_agent_of_macau_credits_at_the_run_and_a_real_time_one_at_once() -> None:
    sent = RailInstruction("u", 1, "LOTUMOM0", "PRAIMOM0", "1", 1, "MOP", NOON, NOON + 60 * SECOND)
    answer = Answer(NOON + SECOND, "", True, "once")
    six = timedelta(hours=18)
    unfold = unfold_with(frozenset({"PRAIMOM0"}), six)
    assert unfold(sent, answer, SECOND)[2] == CREDITED
    assert unfold(sent, answer, SECOND).final_at == datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    assert unfold(sent._replace(creditor_agent="LOTUMOM0"), answer, SECOND).final_at == NOON + SECOND
    evening = datetime(2026, 3, 2, 10, 0, 1, tzinfo=UTC)
    assert next_run(evening, six) == datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
    assert next_run(evening - SECOND, six) == evening - SECOND
