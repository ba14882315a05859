"""The demo's story: written by hand, wide enough, and consistent with the tables it speaks of."""

from collections import Counter
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from bayswitch.player import Said, grouped, read_status
from limits.calendars import is_business_day
from limits.rules import load_rulebook
from rails import identifiers
from rails.identifiers.fictional import is_fictional
from switch.cli.tally import Tally
from switch.cli.telling import tell_step
from switch.drills.expectations import compare, history, of_problem
from switch.drills.reckoning import at_once
from switch.drills.story import StoryError, read_story
from switch.participants.registry import load_registry
from switch.payment.instruction import Instruction
from switch.payment.reasons import REASONS

DAY, LINES = read_story()
PAYMENTS = [line for line in LINES if "action" not in line]
KNOWN = {
    "status", "http", "code", "reason", "rule", "ceiling", "headroom", "opens_at", "class", "safe_code", "tag", "lane", "provider",
    "market", "rails", "passed_over", "debit", "settlement", "charge", "used", "history", "replay_of", "exception", "left",
}  # fmt: skip


def test_at_least_sixty_payments_say_what_is_expected_of_them() -> None:
    assert sum("expect" in line for line in PAYMENTS) >= 60
    assert all("expect" in line for line in PAYMENTS)


def test_at_least_twenty_reasons_are_expected() -> None:
    assert len({line["expect"]["reason"] for line in PAYMENTS if "reason" in line["expect"]}) >= 20


def test_every_expectation_is_one_that_is_compared() -> None:
    for line in LINES:
        assert set(line.get("expect", {})) <= KNOWN, line


def test_expected_reasons_and_codes_are_rows_of_one_table() -> None:
    for line in PAYMENTS:
        expected = line["expect"]
        if "reason" in expected and expected["reason"] != "rail-rejected":
            row = REASONS[expected["reason"]]
            assert expected["code"] == row.code, line["step"]
            assert expected.get("http", row.http_status) == row.http_status


def test_expected_rules_and_lanes_are_in_force_on_the_day() -> None:
    rulebook = load_rulebook().on(DAY)
    lanes = {document.id for document in (lane.document for lane in rulebook._version.lanes)}
    for line in LINES:
        expected = line.get("expect", {})
        if "rule" in expected:
            rulebook.rule(expected["rule"])
        assert expected.get("lane") in lanes | {None}


def test_the_day_is_a_bank_day_everywhere_after_both_reported_starts_of_the_first_wallet() -> None:
    assert all(is_business_day(calendar, DAY) for calendar in ("HK", "MO", "CN"))
    assert max(date(2025, 12, 24), date(2026, 3, 2)) < DAY
    assert "payment-connect" in load_registry().participants["KAPOHKH0"].schemes_on(DAY)
    assert DAY.isoweekday() == 5


def test_every_step_is_an_instruction_the_api_takes() -> None:
    for line in PAYMENTS:
        Instruction.model_validate(line["instruction"])


def test_steps_and_keys_are_used_once_unless_the_story_says_so() -> None:
    steps = Counter(line["step"] for line in PAYMENTS)
    assert max(steps.values()) == 1
    again = {line["step"] for line in PAYMENTS if line["key"] != line["step"]}
    assert again == {"same-again", "key-reused", "message-twice"}


def test_everybody_is_fictional_and_has_a_right_number_unless_it_is_meant_to_be_wrong() -> None:
    for line in PAYMENTS:
        given = Instruction.model_validate(line["instruction"]).debtor.identification
        if given is None:
            continue
        wrong = identifiers.check(given.type, given.number, given.country)
        assert (wrong is not None) == (line["expect"].get("reason") == "identification-wrong"), line["step"]
        if given.type in ("HKID", "PRCID", "USCC"):
            assert is_fictional(given.type, identifiers.normalize(given.type, given.number))


def test_the_reference_rate_stands_where_the_story_counts_with_it() -> None:
    """9,090.91 × 1.10 = 10,000.001 is written into the story by hand."""
    path = Path(__file__).parents[3] / "limits" / "rulebook" / "payment-connect.reference-rate.yaml"
    assert yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)["values"][-1]["value"] == "1.10"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stpe": "x"}, "means nothing here"),
        ({"to": "nobody.nowhere"}, "nobody.nowhere"),
        ({"amount": "12"}, "not enough values"),
        ({"at": "25:00:00"}, "25:00:00"),
    ],
)
def test_a_slip_in_the_story_is_named(tmp_path: Path, change: dict[str, str], message: str) -> None:
    source = Path(__file__).parents[3] / "switch" / "drills" / "stories"
    for file in source.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    step = {
        "step": "s",
        "at": "10:00:00",
        "from": "tai-man.harbour",
        "to": "wei.banyan",
        "amount": "1.00 HKD",
        "way": "HKD>CNY",
        "for": "GIFT",
    }
    (tmp_path / "north.yaml").write_text(yaml.safe_dump({"title": "North", "steps": [step | change]}))
    with pytest.raises(StoryError, match=message):
        read_story(tmp_path)


def test_a_step_does_not_know_strangers_documents() -> None:
    by_step = {line["step"]: line["instruction"] for line in PAYMENTS}
    assert "identification" not in by_step["first-of-the-day"]["creditor"]
    assert by_step["same-name-at-cap"]["creditor"]["identification"]["type"] == "HKID"
    assert by_step["shipment-1"]["creditor"]["identification"]["type"] == "USCC"


def _drawn(*times: str) -> list[dict[str, object]]:
    return [{"at": f"2026-03-06T{time}+08:00", "instruction": {}} for time in times]


def test_drawn_payments_are_played_together_up_to_ten_minutes_and_never_over_a_full_hour() -> None:
    lines = _drawn("08:01:00", "08:10:59", "08:11:01", "08:58:00", "09:00:00")
    assert [len(group) for group in grouped(lines)] == [2, 1, 1, 1]


def test_a_hand_written_payment_is_played_alone() -> None:
    lines = [*_drawn("08:01:00"), {"at": "2026-03-06T08:02:00+08:00", "chapter": "x"}, *_drawn("08:03:00")]
    assert [len(group) for group in grouped(lines)] == [1, 1, 1]


def test_groups_hold_every_line_once_in_order() -> None:
    assert [line for group in grouped(LINES) for line in group] == LINES


def test_an_expectation_that_does_not_come_is_found() -> None:
    observed = of_problem(
        {"status": 422, "name": "person-quota", "code": "RR04", "rule": "r", "headroom": "HKD 1251.00"}
    )
    unmet = compare("s", {"status": "RJCT", "headroom": "HKD 1250.00", "lane": "l"}, observed)
    assert [(miss.what, miss.got) for miss in unmet] == [("headroom", "HKD 1251.00"), ("lane", "none")]


def test_instants_are_compared_as_instants() -> None:
    observed = {"opens_at": "2026-03-06T23:00:00+00:00"}
    assert not compare("s", {"opens_at": "2026-03-07T07:00:00+08:00"}, observed)
    assert compare(
        "s", {"opens_at": "2026-03-07T07:00:00+08:00"}, {"opens_at": datetime(2026, 3, 7).isoformat() + "+08:00"}
    )


def test_used_asks_only_for_the_rules_it_names() -> None:
    assert not compare("s", {"used": {"a": "1.00"}}, {"used": {"a": "1.00", "b": "2.00"}})
    assert compare("s", {"used": {"a": "1.00"}}, {"used": {"a": "1.01"}})


def test_a_history_has_each_change_once() -> None:
    events = [{"iso_status": status} for status in ("ACSP", "ACSP", "PDNG", "ACCC")]
    assert history(events) == ["ACSP", "PDNG", "ACCC"]


def test_a_status_report_gives_status_and_code() -> None:
    xml = b"<D xmlns='urn:x'><T><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>BE01</Cd></Rsn></StsRsnInf></T></D>"
    assert read_status(xml) == {"status": "RJCT", "code": "BE01", "scope": "transaction"}


# --- what is told of it ---


def _said(line: dict[str, Any], **answer: Any) -> Said:
    return Said(line, answer.get("problem"), answer.get("document"), answer.get("message"))


def _line(key: str, **more: Any) -> dict[str, Any]:
    return {"at": "2026-03-06T09:00:00+08:00", "key": key, "instruction": {"debtor_agent": "HBAYHKH0"}, **more}


def test_the_day_adds_up_from_the_answers_alone() -> None:
    tally = Tally()
    accepted, refused = {"payment_id": "p"}, {"payment_id": "q", "status": 422}
    for said in (
        _said(_line("a"), document=accepted),
        _said(_line("a"), document=accepted),  # again: paid once
        _said(_line("a"), problem={"status": 422, "code": "DU03", "name": "same-key-other-content"}),
        _said(_line("b"), problem=refused),
        _said(_line("c", via="xml"), message={"status": "RJCT", "code": "BE01", "scope": "transaction"}),
        _said(_line("d", via="xml"), message={"status": "RJCT", "code": "CH20", "scope": "message"}),
        _said(_line("a", participant="LIONHKH0"), document=accepted),  # another's key of the same name
        _said({"action": "quote"}, document={}),
    ):
        tally.take(said)
    assert (tally.questions, tally.instructions, tally.repeated, tally.payments) == (1, 7, 1, 4)
    assert tally.turned_away == ["DU03 same-key-other-content", "CH20 message"]


def _told(expected: dict[str, Any], **answer: Any) -> str:
    """What is printed of a step that expects this and is answered so."""
    line = _line("s", step="s", chapter="North", tell="A step.", expect=expected)
    said = _said(line, **answer)
    console = Console(file=StringIO(), width=200)
    tell_step(console, said, None, at_once(said))
    written = console.file
    assert isinstance(written, StringIO)
    return written.getvalue().splitlines()[1].strip()


def test_a_tick_stands_only_before_what_was_expected() -> None:
    problem = {"status": 422, "name": "no-lane", "code": "AG03", "detail": "No."}
    assert _told({"status": "RJCT", "code": "AG03"}, problem=problem) == "✓ refused as expected, AG03: No."
    assert _told({"status": "RJCT", "code": "RR04"}, problem=problem) == "✗ refused, AG03: No."
    assert _told({"status": "ACCC"}, problem=problem).startswith("✗")
    accepted = {"iso_status": "ACSP", "payment_id": "p"}
    assert _told({"status": "RJCT", "code": "RR04"}, document=accepted).startswith("✗ accepted")
    assert _told({"status": "RJCT", "reason": "rail-rejected"}, document=accepted).startswith("✓ accepted")
