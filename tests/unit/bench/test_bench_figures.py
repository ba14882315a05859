"""The bench's figures: medians and ratios, the comparison with a kept result, budgets by stage, and what makes a round invalid."""

import json
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest

from switch.bench import results, runner
from switch.bench.budget import ACTIVITY, budget
from switch.bench.calls import LOADS, Asked
from switch.bench.compare import FASTER, NOT_COMPARABLE, ONE_VALUE, OVERLAP, SLOWER, compare
from switch.bench.doors import Doors
from switch.bench.load import instructions, templates
from switch.bench.machine import Ticks
from switch.bench.rows_in_process import common_faults
from switch.bench.rows_over_http import FORMS, faults_of, message_of
from switch.bench.runner import ROWS, document
from switch.bench.sampling import ACCEPT, DECIDE, ENCODE, FINISH, LOAD, OTHER, REPORTS, STAGES, TAKE_IN, stage_of
from switch.bench.setting import QUICK, Bench, Round, Turn
from switch.bench.statistics import RATIOS, ratio, ratios, summary
from switch.translate.messages import parse_instructions

CLEAN = {"payments": 10, "violations": []}


def a_run(**by_round: list[float]) -> dict[str, Any]:
    return document({name: [Round(each, [], {}) for each in rates] for name, rates in by_round.items()}, [CLEAN])


def an_answer(**differs: Any) -> dict[str, Any]:
    said = {
        "statuses": {"202": 100},
        "reasons": {},
        "payments": {"refused": 0},
        "answered": 100,
        "unanswered": 0,
        "ran_out": False,
    }
    return said | differs


def test_a_row_is_told_by_the_middle_of_its_rounds_and_what_they_lie_between() -> None:
    assert summary([5.0, 1.0, 3.0]) == (3.0, 1.0, 5.0, 3)


def test_a_ratio_is_taken_round_by_round_so_that_a_slow_hour_weighs_on_both_sides() -> None:
    found = ratio([100.0, 50.0, 10.0], [50.0, 25.0, 5.0])
    assert found is not None and (found.median, found.low, found.high) == (2.0, 2.0, 2.0)
    assert ratio([1.0], [0.0]) is None


def test_what_is_asked_of_a_row_is_said_to_be_met_or_missed() -> None:
    said = {
        (each["subject"], each["yardstick"]): each["met"]
        for each in ratios({"pipeline": [30.0], "pgbench": [10.0], "raw_insert": [60.0]})
    }
    assert said == {("pipeline", "pgbench"): True, ("pipeline", "raw_insert"): False}


def test_every_row_of_a_ratio_is_a_row_of_the_bench() -> None:
    assert {name for each in RATIOS for name in (each.subject, each.yardstick)} <= ROWS.keys()


def test_a_planted_slowdown_is_seen_beside_the_kept_result_even_where_the_machine_was_faster() -> None:
    kept = a_run(pipeline=[100.0, 110.0, 105.0], pgbench=[50.0, 55.0, 52.0])
    slow = a_run(pipeline=[120.0, 125.0, 130.0], pgbench=[90.0, 95.0, 92.0])
    verdicts = {(line["row"], line["yardstick"]): line["verdict"] for line in compare(slow, kept)}
    assert verdicts[("pipeline", None)] == FASTER, "raw, the machine had a good hour"
    assert verdicts[("pipeline", "pgbench")] == SLOWER


def test_no_difference_is_said_where_intervals_overlap() -> None:
    [line] = compare(a_run(pipeline=[100.0, 120.0]), a_run(pipeline=[110.0, 130.0]))
    assert line["verdict"] == OVERLAP and line["overlap"] and line["change"] == pytest.approx(-0.0833, abs=1e-4)


MANIFEST = {"cores": 2, "cpu": "Xeon", "python": "3.11.7", "postgres": {"fsync": "on", "shared_buffers": "2GB"}}


@pytest.mark.parametrize(
    ("differs", "why"),
    [
        ({"cores": 64}, "cores 2, then 64"),
        ({"cpu": "EPYC"}, "CPU model Xeon, then EPYC"),
        ({"cpu": None}, "CPU model Xeon, then not known"),
        ({"python": "3.13.1"}, "Python 3.11.7, then 3.13.1"),
        ({"postgres": {"fsync": "off"}}, "PostgreSQL's fsync on, then off"),
        ({"postgres": {}}, "PostgreSQL's settings known of one only"),
    ],
)
def test_what_was_measured_on_something_else_is_not_compared(differs: dict[str, Any], why: str) -> None:
    mine = a_run(pipeline=[100.0, 101.0]) | {"manifest": MANIFEST}
    theirs = a_run(pipeline=[10.0, 11.0]) | {"manifest": MANIFEST}
    assert compare(mine, theirs)[0]["verdict"] == FASTER
    [line] = compare(mine, theirs | {"manifest": MANIFEST | differs})
    assert line["verdict"] == NOT_COMPARABLE + why and line["now"]["median"] == 100.5


def test_a_row_measured_once_has_no_interval_and_is_not_judged() -> None:
    assert compare(a_run(pipeline=[101.0, 102.0]), a_run(pipeline=[100.9]))[0]["verdict"] == ONE_VALUE
    assert compare(a_run(pipeline=[101.0]), a_run(pipeline=[90.0, 91.0]))[0]["verdict"] == ONE_VALUE


def test_a_result_kept_before_there_were_rounds_can_be_compared_with() -> None:
    old = results.read(results.folder() / "2026-11-22-spine.json")
    lines = {
        (line["row"], line["yardstick"]): line for line in compare(a_run(pipeline=[9000.0], pgbench=[3000.0]), old)
    }
    assert lines[("pipeline", "pgbench")]["kept"]["median"] == pytest.approx(0.8415, abs=1e-3)


def test_a_kept_result_is_found_again_as_the_last_and_other_documents_are_not_taken_for_one(tmp_path: Path) -> None:
    with pytest.raises(results.NoResult, match="--keep"):
        results.last(tmp_path)
    results.keep(a_run(pipeline=[1.0]), "2026-11-24", "first", tmp_path)
    path = results.keep(a_run(pipeline=[2.0]), "2026-11-25", "second", tmp_path)
    (tmp_path / "2026-11-26-knee.json").write_text(json.dumps({"steps": []}))
    assert results.last(tmp_path) == path and results.read(path)["rates"] == {"pipeline": 2.0}
    with pytest.raises(results.NoResult, match="no rates"):
        results.read(tmp_path / "2026-11-26-knee.json")


def test_a_fault_of_any_round_and_a_violation_of_any_audit_stand_in_the_document() -> None:
    broken = {"payments": 5, "violations": [{"check": "final", "detail": "x"}]}
    found = document({"storm": [Round(1.0, [], {}), Round(2.0, ["half were refused"], {})]}, [CLEAN, broken])
    assert found["faults"] == ["storm, round 2: half were refused"]
    assert found["audit"] == {"payments": 15, "violations": broken["violations"]}


@pytest.mark.parametrize(
    ("differs", "share"),
    [
        ({"statuses": {"202": 99, "422": 1}, "reasons": {"AM14": 1}}, 0.1),
        ({"statuses": {"202": 90, "503": 10}}, 0.1),
        ({"payments": {"refused": 3}}, 0.1),
        ({"payments": {"refused": 0, "shed": 3}}, 0.1),
        ({"statuses": {}, "answered": 0}, 0.0),
        ({"unanswered": 1}, 0.1),
        ({"ran_out": True}, 0.1),
        ({}, 0.71),
    ],
)
def test_a_round_over_http_is_invalid_where_its_figure_would_mislead(differs: dict[str, Any], share: float) -> None:
    assert faults_of(an_answer(**differs), FORMS["http_single"], share)


def test_a_round_over_http_with_what_was_expected_is_valid() -> None:
    assert faults_of(an_answer(), FORMS["http_single"], 0.69) == []


@pytest.mark.parametrize("differs", [{"ran_out": True}, {"all_ended": False}, {"payments": 0}])
def test_a_round_in_process_is_invalid_where_the_load_or_the_payments_did_not_come_to_their_end(differs: Any) -> None:
    valid = {"ran_out": False, "all_ended": True, "payments": 9}
    assert common_faults(valid) == [] and len(common_faults(valid | differs)) == 1


def test_two_seeds_never_make_the_same_payment_and_one_seed_makes_the_same_ones_again() -> None:
    def drawn(seed: int) -> list[Any]:
        return list(islice(instructions(templates(40), seed), 200))

    one, again, other = drawn(1), drawn(1), drawn(2)
    assert one == again
    for part in ("key", "instruction_id", "uetr"):
        taken = [{key if part == "key" else getattr(made, part) for _, key, made in run} for run in (one, other)]
        assert len(taken[0]) == 200 and not taken[0] & taken[1]


def test_nine_of_ten_calls_of_the_storm_come_from_persons_whose_allowance_is_spent_before() -> None:
    asked = Asked("storm", "", "", 0, 0.1, 0.0, 400, 1)
    load = LOADS["storm"](asked)
    spent = {instruction.debtor.name for _, _, instruction in load.before}
    calls = list(islice(load.calls, 2_000))
    share = sum(instruction.debtor.name in spent for _, _, instruction in calls) / len(calls)
    assert 0.87 < share < 0.93
    assert len(load.before) == 2 * len(spent), "two payments of HKD 5,000 are the whole allowance of HKD 10,000"


def test_a_message_of_a_hundred_transactions_asks_for_those_hundred_payments() -> None:
    calls = [call for call in islice(instructions(templates(40), 1), 800) if call[0] == "HBAYHKH0"][:100]
    read = parse_instructions(message_of(calls))
    assert [each.instruction_id for each in read.instructions] == [made.instruction_id for _, _, made in calls]
    assert read.instructions == [made for _, _, made in calls] and not read.refused


def test_a_sample_belongs_to_the_innermost_stage_on_its_stack() -> None:
    root = [("switch/bench/in_process.py", "main", True)]
    accepting = [
        ("switch/store/postgres/accept.py", "accept_batch", False),
        ("switch/flow/accept.py", "accept", False),
        *root,
    ]
    assert (
        stage_of(
            [("limits/claims.py", "claim", True), ("switch/flow/admission.py", "admissions", True), *accepting[1:]]
        )
        == DECIDE
    )
    assert stage_of(accepting) == ACCEPT
    assert stage_of([("switch/store/postgres/admitted.py", "row_of", True), *accepting]) == ENCODE
    assert stage_of([("switch/store/postgres/finish.py", "finish", False), *root]) == FINISH
    assert (
        stage_of([("rails/simulated.py", "reports", False), ("switch/flow/finish.py", "collect", False), *root])
        == REPORTS
    )
    assert (
        stage_of([("switch/sandbox.py", "submission", True), ("switch/bench/pipeline.py", "run", False), *root])
        == TAKE_IN
    )
    assert stage_of([("switch/bench/pipeline.py", "run", False), *root]) == LOAD
    assert stage_of(root) == stage_of([("asyncio/events.py", "_run", True), *root]) == OTHER


def test_the_budget_shares_out_all_cpu_time_but_the_loads_own() -> None:
    found = budget({DECIDE: 60, FINISH: 30, LOAD: 10}, {ACTIVITY[0]: 0.5}, 1.0, 10_000)
    assert found["stages"][DECIDE] == 60.0 and found["stages"][FINISH] == 30.0 and found["stages"][ACTIVITY[0]] == 50.0
    assert found["sum"] == 140.0 and found["left_out"] == {LOAD: 10.0}
    assert list(found["stages"])[: len(STAGES)] == list(STAGES)


def a_bench() -> Bench:
    settings = QUICK._replace(rounds=1)
    return Bench(Path("."), settings, "", 0, cast(Doors, None), lambda _: None)


def test_a_round_in_which_the_host_took_the_machine_is_played_again_with_other_payments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Turn] = []

    def row(bench: Bench, turn: Turn) -> Round:
        asked.append(turn)
        return Round(float(turn.attempt), [], {})

    monkeypatch.setattr(runner, "ROWS", {"row": row})
    monkeypatch.setattr(runner, "ticks", iter([Ticks(0, 0), Ticks(3, 10), Ticks(3, 20), Ticks(3.1, 30)]).__next__)
    [played] = runner.play(a_bench(), ["row"])["row"]
    assert asked == [Turn(1, 1), Turn(1, 2)] and played.per_second == 2.0
    assert played.seen["stolen_shares"] == [0.3, 0.01]


def test_a_machine_that_is_always_taken_is_tried_so_often_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([Ticks(n, n * 2) for n in range(20)])
    monkeypatch.setattr(runner, "ROWS", {"row": lambda bench, turn: Round(1.0, [], {})})
    monkeypatch.setattr(runner, "ticks", readings.__next__)
    [played] = runner.play(a_bench(), ["row"])["row"]
    assert played.seen["stolen_shares"] == [0.5] * runner.TRIES
