"""Calls out of a traffic file: each line goes again and again as a new payment, shares meet nowhere, repetitions are what they say."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from uuid import UUID

import pytest

from limits.lab.traffic import Line, write
from loadtest.malformed import BATCH, MESSAGES, PAYMENTS
from loadtest.traffic import AGAIN_AFTER, Call, Mix, Traffic, TrafficError
from switch.cli.traffic import drawn_day, with_messages
from switch.payment.instruction import Instruction
from switch.translate.messages import parse_instructions

DAY = date(2026, 3, 5)
MIXED = Mix(replay=800, other_content=500, known_uetr=400, bad=300)


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return list(with_messages(drawn_day(7, 120, DAY)))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, lines: list[Line]) -> Path:
    path = tmp_path_factory.mktemp("traffic") / "day.jsonl"
    path.write_text(write(lines), encoding="utf-8")
    return path


def _calls(file: Path, count: int, **options: object) -> list[Call]:
    traffic = Traffic(file, 5, **options)  # type: ignore[arg-type]
    try:
        return list(islice(traffic.calls(), count))
    finally:
        traffic.close()


def _instruction(call: Call) -> Instruction:
    if call.path == MESSAGES:
        [found] = parse_instructions(call.body).instructions
        return found
    return Instruction.model_validate_json(call.body)


def test_a_file_sent_three_times_is_that_many_new_payments(file: Path, lines: list[Line]) -> None:
    calls = _calls(file, 3 * len(lines))
    assert len({call.marks.uetr for call in calls}) == len(calls)
    assert len({call.marks.instruction_id for call in calls}) == len(calls)
    for call in calls[:: len(lines) // 7]:
        sent = _instruction(call)
        assert (sent.instruction_id, sent.uetr) == (call.marks.instruction_id, call.marks.uetr)
        assert UUID(call.marks.uetr).version == 4


def test_all_else_in_a_line_stays_as_it_is_written(file: Path, lines: list[Line]) -> None:
    new = {"instruction_id", "uetr", "documents"}
    for call, line in zip(_calls(file, len(lines), form="json"), lines, strict=True):
        sent = json.loads(call.body)
        assert {k: v for k, v in sent.items() if k not in new} == {
            k: v for k, v in line["instruction"].items() if k not in new
        }
        assert [each["type"] for each in sent.get("documents", ())] == [
            each["type"] for each in line["instruction"].get("documents", ())
        ]
        assert call.participant == line["instruction"]["debtor_agent"]


def test_a_document_is_used_once_however_often_its_line_is_sent(file: Path, lines: list[Line]) -> None:
    sent = [json.loads(call.body).get("documents", ()) for call in _calls(file, 2 * len(lines), form="json")]
    used = Counter((each["type"], each["reference"]) for documents in sent for each in documents)
    assert len(used) > 10 and set(used.values()) == {1}


def test_one_seed_gives_the_same_calls_and_another_run_others(file: Path) -> None:
    assert _calls(file, 500, mix=MIXED) == _calls(file, 500, mix=MIXED)
    first, second = (_calls(file, 500, run=run) for run in ("a", "b"))
    assert not {call.marks.uetr for call in first} & {call.marks.uetr for call in second}
    assert not {call.marks.instruction_id for call in first} & {call.marks.instruction_id for call in second} - {""}


def test_no_two_shares_send_the_same_line_or_the_same_id(file: Path, lines: list[Line]) -> None:
    shares = [_calls(file, (len(lines) - n + 2) // 3, share=(n, 3), form="json") for n in range(3)]
    ends = [json.loads(call.body)["end_to_end_id"] for calls in shares for call in calls]
    assert len(ends) == len(set(ends)) == len(lines)
    assert len({call.marks.uetr for calls in shares for call in calls}) == len(lines)


def test_the_shares_of_a_mix_are_kept(file: Path) -> None:
    kinds = Counter(call.marks.kind for call in _calls(file, 20_000, mix=MIXED))
    for kind, share in zip(("replay", "other-content", "known-uetr", "bad"), MIXED, strict=True):
        assert share * 0.85 < kinds[kind] / 2 < share * 1.15, kind


@pytest.mark.parametrize("form", ["json", "xml"])
def test_repetitions_are_what_they_say(file: Path, form: str) -> None:
    firsts: dict[str, tuple[int, Call]] = {}
    seen = Counter[str]()
    for n, call in enumerate(_calls(file, 6_000, mix=MIXED, form=form, again_after=50)):
        marks = call.marks
        if marks.kind == "payment" and marks.again:
            firsts[marks.uetr] = n, call
        elif marks.kind in ("replay", "other-content", "known-uetr"):
            seen[marks.kind] += 1
            at, first = firsts.pop(marks.uetr)
            assert 50 <= n - at < 70
            same_key = call.key == first.key and _message_id(call) == _message_id(first)
            assert same_key is (marks.kind != "known-uetr")
            assert (call.body == first.body) is (marks.kind == "replay")
            mine, theirs = _instruction(call), _instruction(first)
            assert (mine.instructed_amount != theirs.instructed_amount) is (marks.kind == "other-content")
            assert (mine.instruction_id != theirs.instruction_id) is (marks.kind == "known-uetr")
    assert len(seen) == 3


def _message_id(call: Call) -> bytes:
    found = re.search(rb"<MsgId>([^<]*)<", call.body)
    return found[1] if found else b""


def test_repetitions_wait_until_the_first_is_answered_as_a_rule() -> None:
    assert AGAIN_AFTER >= 64  # connections of a usual run


def test_lines_of_messages_go_as_messages_where_the_file_has_them(file: Path, lines: list[Line]) -> None:
    paths = Counter(call.path for call in _calls(file, len(lines)))
    assert paths[MESSAGES] == sum(line.get("via") == "xml" for line in lines) > 0
    assert {call.path for call in _calls(file, 50, form="json")} == {PAYMENTS}
    assert {call.path for call in _calls(file, 50, form="xml")} == {MESSAGES}


def test_a_batch_holds_so_many_items_with_a_key_each(file: Path, lines: list[Line]) -> None:
    traffic = Traffic(file, 5, form="json")
    *whole, last = traffic.batches(50, passes=1)
    traffic.close()
    assert {len(call.marks.items) for call in whole} == {50}
    assert sum(len(call.marks.items) for call in (*whole, last)) == len(lines)
    items = json.loads(whole[0].body)["items"]
    assert [item["idempotency_key"] for item in items] == [marks.instruction_id for marks in whole[0].marks.items]
    assert whole[0].path == BATCH and whole[0].marks.payments == 50


def test_small_amounts_take_the_place_of_those_written(file: Path) -> None:
    for call in _calls(file, 300, small_amounts=True):
        assert 100 <= round(float(_instruction(call).instructed_amount.amount) * 100) < 4_000


def test_lines_that_are_not_wanted_are_left_out(file: Path) -> None:
    calls = _calls(file, 100, wanted=lambda ready: ready.corridor == "HK>CN" and ready.sector == "household")
    assert {call.marks.corridor for call in calls} == {"HK>CN"}
    assert {_instruction(call).debtor.sector for call in calls} == {"household"}


def test_lines_written_by_hand_are_read_too(tmp_path: Path, lines: list[Line]) -> None:
    instruction = dict(lines[0]["instruction"])
    del instruction["uetr"]
    amount = instruction["instructed_amount"]
    instruction["instructed_amount"] = {"amount": amount["amount"], "currency": amount["currency"]}
    path = tmp_path / "own.jsonl"
    action = json.dumps({"at": lines[0]["at"], "action": {"move": "10:00"}})
    path.write_text(f"{action}\n\n{json.dumps({'expect': {}, 'instruction': instruction, 'at': lines[0]['at']})}\n")
    [first, second] = _calls(path, 2)
    assert _instruction(first).uetr == first.marks.uetr != second.marks.uetr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("{}\nnot JSON\n", "line 2"),
        ('{"at": "2026-03-05T10:00:00+08:00", "instruction": {"instruction_id": "1"}}\n', "line 1"),
        ('{"at": "2026-03-05T10:00:00+08:00", "action": {}}\n', "no line that is wanted"),
    ],
)
def test_a_file_that_cannot_be_sent_is_told_by_its_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_text(text)
    with pytest.raises(TrafficError, match=told):
        _calls(path, 3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"run": "a b"}, "run"),
        ({"run": "x" * 13}, "run"),
        ({"form": "csv"}, "form"),
        ({"mix": Mix(replay=6_000)}, "at most half"),
        ({"mix": Mix(bad=-1)}, "shares"),
        ({"share": (2_000, 2_001)}, "too few"),
    ],
)
def test_what_cannot_be_asked_is_told(file: Path, options: dict[str, object], told: str) -> None:
    with pytest.raises(TrafficError, match=told):
        _calls(file, 1, **options)


def test_ids_stay_within_iso_20022s_35_characters(file: Path) -> None:
    calls: Iterator[Call] = Traffic(file, 5, run="x" * 12, share=(99, 100)).calls()
    assert len(next(calls).marks.instruction_id) + len(str(10**12)) < 35
