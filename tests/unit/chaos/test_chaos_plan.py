"""One seed gives one plan and one traffic; a set of seeds has every kind of fault; what a run looked like is told rightly."""

import itertools
from typing import Any

from switch.chaos.actors import KINDS
from switch.chaos.plan import plan
from switch.chaos.seconds import Second, failures, outcomes, recovered_ms, seconds
from switch.chaos.traffic import calls

BY_NAME = {kind.name: kind for kind in KINDS}
SECONDS = 60


def test_one_seed_gives_one_run() -> None:
    assert plan(7, SECONDS) == plan(7, SECONDS) != plan(8, SECONDS)
    assert calls(7, 5, 50) == calls(7, 5, 50) != calls(8, 5, 50)


def test_a_few_seeds_have_every_kind() -> None:
    assert {act.kind for seed in range(1, 4) for act in plan(seed, SECONDS)} == BY_NAME.keys()
    assert {act.kind for seed in range(1, 9) for act in plan(seed, 20)} == BY_NAME.keys()


def test_faults_overlap_and_never_two_of_the_same_thing() -> None:
    for seed in range(50):
        acts = plan(seed, SECONDS)
        assert len(acts) >= 15
        assert sum(one.ends_ms > other.begins_ms for one, other in itertools.pairwise(acts)) >= 5
        for n, one in enumerate(acts):
            kind = BY_NAME[one.kind]
            assert one.begins_ms <= one.ends_ms <= SECONDS * 1_000 - 8_000
            assert one.ends_ms - one.begins_ms >= kind.least_ms
            assert all(low <= one.drawn[name] <= high for name, (low, high) in kind.draws.items())
            for other in acts[n + 1 :]:
                if one.holds and other.holds == one.holds:
                    assert one.ends_ms <= other.begins_ms or other.ends_ms <= one.begins_ms


def test_repetitions_come_under_the_same_key_with_the_same_content_at_another_worker() -> None:
    found = calls(3, 30, 60)
    by_key: dict[str, list[Any]] = {}
    for call in found:
        by_key.setdefault(call.key, []).append(call)
    assert len(by_key) == 30 * 60
    twice = [group for group in by_key.values() if len(group) == 2]
    assert len(twice) > 100 and len(found) == len(by_key) + len(twice)
    assert all(one.body == other.body and one.door != other.door for one, other in twice)
    assert [call.at_ms for call in found] == sorted(call.at_ms for call in found)


def test_some_send_more_in_seconds_than_a_day_allows() -> None:
    used: dict[str, int] = {}
    for call in calls(3, 60, 120):
        used[call.owner] = used.get(call.owner, 0) + call.amount_minor
    assert sum(minor > 10_000_00 for owner, minor in used.items() if owner) >= 10


def call(due: int, *attempts: tuple[int, int, int, int, str]) -> dict[str, Any]:
    last = attempts[-1][3]
    return {"due_ms": due, "status": last if last < 409 or last == 422 else 0, "attempts": attempts}


def test_a_second_is_bad_where_too_few_are_answered_at_first_or_too_late() -> None:
    well = [call(1_000 + n, (1_000 + n, 1_010 + n, 0, 202, "")) for n in range(98)]
    shed = call(1_500, (1_500, 1_510, 0, 503, "busy"), (1_600, 1_700, 1, 202, ""))
    known = call(1_500, (1_500, 1_510, 0, 409, "in-flight"), (1_600, 1_700, 1, 202, ""))
    late = call(2_000, (2_000, 3_500, 0, 422, "person-quota"))
    none = call(3_000, (3_000, 3_010, 0, 0, "connection lost"))
    assert seconds([*well, shed, shed], 1_000) == [Second(0, 100, 98, 200)]
    assert seconds([*well, shed, shed], 1_000)[0].is_bad
    assert not seconds([*well, known, known], 1_000)[0].is_bad
    assert [each.is_bad for each in seconds([late, none], 0)] == [True, True]
    assert failures([shed, known, none]) == {"503 busy": 1, "409 in-flight": 1, "connection lost": 1}
    assert outcomes([shed, late, none]) == {"202": 1, "422 person-quota": 1, "none": 1}


def test_a_run_is_well_again_at_the_first_good_second_after_a_fault() -> None:
    def of(*good: int) -> list[Second]:
        return [Second(n, 100, each, 10) for n, each in enumerate(good)]

    assert recovered_ms(of(100, 50, 50, 100), 0, 1_200) == 1_800
    assert recovered_ms(of(100, 100, 100), 0, 1_200) == 0
    assert recovered_ms(of(100, 50, 50), 0, 1_200) is None
