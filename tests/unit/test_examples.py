"""The examples of the documents do what the documents say: schemes, sample law, the words of a rulebook."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from rulebook_words import section
from typer.testing import CliRunner

from limits.examine.check import check
from limits.lanes import read_lane
from limits.reading import read_rule
from limits.rulebook import read_documents
from rails.identifiers import check as check_identifier
from switch.api.persons import PairRegistration
from switch.cli import app
from switch.clock import BusinessClock
from switch.main import memory_sandbox
from switch.payment.instruction import Instruction

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
AT = ("--at", "2026-03-05T10:00:00+08:00")


def said(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*arguments], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def explained(name: str, *arguments: str) -> Any:
    return json.loads(said("explain", str(EXAMPLES / f"{name}.json"), *AT, *arguments, "--json")[1])


@pytest.mark.parametrize(
    ("name", "lane"),
    [
        ("card-cash", "card-cash"),
        ("e-cny-top-up", "e-cny.top-up"),
        ("promptpay", "fps-promptpay.outbound"),
        ("cash-pool", "cash-pool.inflow"),
    ],
)
def test_the_example_of_a_scheme_goes_over_its_lane(name: str, lane: str) -> None:
    found = explained(name)
    assert (found["status"], found["classification"]["lane"]) == ("ACSP", lane), found["reason"]
    assert name in (ROOT / "docs" / "scenarios.md").read_text("utf-8")


def test_wealth_connect_asks_for_a_pair_and_the_example_pair_is_the_payment_s() -> None:
    found = explained("wealth-connect")
    assert found["reason"]["name"] == "no-lane"
    assert found["reason"]["text"].startswith(
        "No lane is open to this payment: wealth-connect.northbound: the accounts must be a registered pair"
    )
    pair = PairRegistration.model_validate_json((EXAMPLES / "wealth-connect-pair.json").read_bytes())
    payment = json.loads((EXAMPLES / "wealth-connect.json").read_text("utf-8"))
    assert check_identifier(pair.document.type, pair.document.number, pair.document.country) is None
    assert (pair.debtor_agent, pair.creditor_agent) == (payment["debtor_agent"], payment["creditor_agent"])
    accounts = (payment["debtor"]["account"]["number"], payment["creditor"]["account"]["number"])
    assert (pair.debtor_account, pair.creditor_account) == accounts
    words = said("explain", str(EXAMPLES / "wealth-connect.json"), *AT)[1]
    assert "POST /v1/persons/pairs" in words


async def test_wealth_connect_passes_once_its_pair_is_registered() -> None:
    clock = BusinessClock()
    clock.begin(datetime.fromisoformat(AT[1]), 0.0)
    sandbox = memory_sandbox(clock)
    pair = PairRegistration.model_validate_json((EXAMPLES / "wealth-connect-pair.json").read_bytes())
    accounts = ((pair.debtor_agent, pair.debtor_account), (pair.creditor_agent, pair.creditor_account))
    assert await sandbox.persons.register_pair(pair.document, pair.direction, pair.channel, accounts)
    payment = Instruction.model_validate_json((EXAMPLES / "wealth-connect.json").read_bytes())
    found = await sandbox.explain(payment, payment.debtor_agent)
    assert (found["status"], found["classification"]["lane"]) == ("ACSP", "wealth-connect.northbound")


# --- what explain prints ---


def test_a_refusal_names_the_lane_of_the_payment_s_own_venue(tmp_path: Path) -> None:
    payment = json.loads((EXAMPLES / "card-cash.json").read_text("utf-8"))
    del payment["debtor"]["account"]["type"]
    file = tmp_path / "plain.json"
    file.write_text(json.dumps(payment))
    found = json.loads(said("explain", str(file), *AT, "--json")[1])
    assert "payment: card-cash: debtor account type must be card; it is not given." in found["reason"]["text"]


def test_each_lane_says_what_kind_of_thing_shuts_it() -> None:
    lanes = {lane["lane"]: lane["kind"] for lane in explained("payment")["classification"]["lanes"]}
    assert lanes["payment-connect.northbound"] == "facts"
    assert lanes["payment-connect.southbound"] == "corridor"
    assert lanes["wealth-connect.northbound"] == "venue"
    assert set(lanes.values()) <= {"corridor", "day", "venue", "facts"}
    [instant] = [
        each for each in explained("to-macau")["classification"]["lanes"] if each["lane"] == "hk-macau.instant"
    ]
    assert instant["kind"] == "day"


USED = ("--used", str(EXAMPLES / "used.json"))


def test_another_language_prints_no_english_and_no_patch() -> None:
    words = said("explain", str(EXAMPLES / "payment.json"), *AT, *USED, "--lang", "zh-Hant", "--for", "person")[1]
    plain = re.sub(r"\(?payment-connect\.northbound\.day\)?|RJCT", "", words)
    assert "{" not in words and not re.search(r"[A-Za-z]{2}", plain), plain
    assert "或者：" in words


def test_a_greatest_amount_is_refused_one_unit_more() -> None:
    words = said("explain", str(EXAMPLES / "payment.json"), *AT, *USED)[1]
    assert "Send at most HKD 1,250.00, HKD 250.00 less. (one unit more: payment-connect.northbound.day)" in words
    assert " Or: Send" in words and "instructed_amount" not in words


def test_the_analyst_is_told_apart_from_the_person() -> None:
    texts = explained("payment", *USED)["texts"]["en"]
    person = said("explain", str(EXAMPLES / "payment.json"), *AT, *USED, "--for", "person")[1]
    analyst = said("explain", str(EXAMPLES / "payment.json"), *AT, *USED, "--for", "analyst")[1]
    assert texts["person"] in person and texts["analyst"] not in person
    assert texts["analyst"] in analyst and texts["person"] not in analyst


def test_what_a_class_is_spared_and_needs_is_printed_and_rows_of_other_venues_are_not() -> None:
    words = said("explain", str(EXAMPLES / "tuition.json"), *AT)[1]
    assert "spared: quota" in words and "needs: tuition-notice" in words
    assert "not card-cash: venue must be" not in said("explain", str(EXAMPLES / "e-cny-top-up.json"), *AT)[1]


# --- the page on the rulebook ---


def test_the_sample_rule_and_the_sample_lane_load_and_bring_no_fault() -> None:
    page = (ROOT / "docs" / "rulebook.md").read_text("utf-8")
    rule, lane = (yaml.load(block, yaml.CSafeLoader) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
    assert read_rule(f"{rule['id']}.yaml", rule).id == "sample.northbound.day"
    assert read_lane(f"lanes/{lane['id']}.yaml", lane).order == 999
    law = {**read_documents(), f"{rule['id']}.yaml": rule, f"lanes/{lane['id']}.yaml": lane}
    assert [finding for finding in check(law) if finding.fault] == []


def test_the_words_of_a_rulebook_are_those_of_the_code() -> None:
    assert section() in (ROOT / "docs" / "rulebook.md").read_text("utf-8")


# --- what rulebook prints ---


def test_a_lane_is_shown_with_conditions_rules_rails_and_history() -> None:
    words = said("rulebook", "show", "--on", "2026-03-05", "--rule", "wealth-connect.northbound")[1]
    for part in ("conditions: venue must be wealth-connect", "rules: wealth-connect.northbound.aggregate",
                 "corridors: HK to CN over hk-chats, hvps", "its history"):  # fmt: skip
        assert part in words
    pool = said("rulebook", "show", "--on", "2026-03-05", "--rule", "cash-pool.inflow")[1]
    assert "0.5 × group equity" in pool and "CNY 0.5" not in pool and "conditions: venue" in pool


def test_a_history_has_a_column_for_what_its_rows_change() -> None:
    words = said("rulebook", "show", "--on", "2026-03-05", "--rule", "card-cash.year")[1]
    [head] = [line for line in words.splitlines() if "from" in line and "source" in line]
    changes = json.loads(said("rulebook", "show", "--on", "2026-03-05", "--rule", "card-cash.year", "--json")[1])
    past = changes[0]["history"]
    for name in ("scope", "effect", "window"):
        assert (name in head) == (len({each[name] for each in past}) > 1)
    assert any(name in head for name in ("scope", "effect", "window"))


def test_a_draft_stands_beside_the_law_it_would_change() -> None:
    draft = ("--overlay", str(EXAMPLES / "draft-cap.yaml"))
    lines = said("rulebook", "show", "--on", "2026-03-05", *draft)[1].splitlines()
    [law] = [n for n, line in enumerate(lines) if line.startswith("payment-connect.northbound.day ")]
    assert lines[law + 2].startswith("payment-connect.northbound.day.draft")
    assert "a draft, counted beside the law's HKD 10,000.00" in lines[law + 2]
    words = said("rulebook", "diff", "2026-03-05", "2026-03-05", *draft)[1]
    assert "value: HKD 20,000.00 (a draft: counted beside payment-connect.northbound.day" in words


def test_rules_that_no_lane_uses_have_one_line_a_family() -> None:
    unused = [line.split()[2] for line in said("rulebook", "check")[1].splitlines() if line.startswith("info  unused")]
    assert unused and len(unused) == len(set(unused)) and not any(".yaml" in family for family in unused)
