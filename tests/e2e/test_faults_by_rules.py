"""Faults by rules over HTTP and from a file: taken, shown, kept for every worker, and told plainly where they are wrong."""

from pathlib import Path
from typing import Any

import pytest
import typer
from builders import northbound
from serving import Served, body_of

from bayswitch import Problem
from rails.faults import Faults
from rails.faults import read_faults as kept
from switch.cli.reading import read_faults
from switch.main import CannotOpen
from switch.serving import switch_on_faults

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "faults.yaml"


async def test_rules_are_taken_shown_and_met(own: Served) -> None:
    rule: dict[str, Any] = {"match": {"participant": "PEARCNG0XXX"}, "rejected": 10_000, "reason_code": "AC06"}
    async with own.operator() as operator, own.client() as client:
        found = await operator.set_faults("ibps", {"rules": [rule]})
        assert found == await operator.faults("ibps")
        [shown] = found["rules"]
        assert shown["match"] == {"participant": "PEARCNG0", "direction": "both"} and shown["since"]
        assert (shown["rejected"], shown["reason_code"], shown["lost"]) == (10_000, "AC06", 0)
        payment_id = (await client.pay(body_of(northbound())))["payment_id"]
        await operator.move_clock(by_seconds=60, settle_seconds=20)
        assert (await client.payment(payment_id))["reason"]["code"] == "AC06"
        facts = await own.sandbox.store.world()
        assert kept(facts["faults:ibps"]) == own.sandbox.world.rails["ibps"].faults
        assert (await operator.set_faults("ibps"))["rules"] == []


async def test_the_simple_body_is_what_it_was(own: Served) -> None:
    simple = {"delay_percent": 300, "lost_reports": 5, "repeated_reports": 7, "outage": False}
    async with own.operator() as operator:
        assert await operator.set_faults("hk-fps", simple) == simple | {"rail": "hk-fps", "rules": []}
    assert own.sandbox.world.rails["hk-fps"].faults == Faults(300, 5, 7)


WRONG = [
    ({"rules": [{"lost": 10_001}]}, "rules.0.lost"),
    ({"rules": [{"match": {"direction": "sideways"}}]}, "rules.0.match.direction"),
    ({"rules": [{"match": {"participant": "NOWHHKH0"}}]}, "rules.0.match.participant"),
    ({"rules": [{"latency_ms": {"p0": 5, "p50": 4, "p90": 6, "p99": 7, "p100": 8}}]}, "rules.0.latency_ms"),
    ({"rules": [{"match": {"direction": "to-rail"}, "wrong_amount": 5}]}, "rules.0"),
    ({"rules": [{"wrong_amount": 5, "wrong_by_minor": 0}]}, "rules.0"),
    ({"rules": [{"reason_code": "too long"}]}, "rules.0.reason_code"),
    ({"rules": [{"lose": 5}]}, "rules.0.lose"),
    ({"rules": [{}] * 51}, "rules"),
]


@pytest.mark.parametrize(("setting", "field"), WRONG)
async def test_a_wrong_rule_is_told_by_its_field_and_changes_nothing(
    own: Served, setting: dict[str, Any], field: str
) -> None:
    async with own.operator() as operator:
        before = await operator.set_faults("ibps", {"lost_reports": 7})
        with pytest.raises(Problem) as refused:
            await operator.set_faults("ibps", setting)
        assert refused.value.status == 400 and refused.value.members["errors"][0]["field"] == field
        assert await operator.faults("ibps") == before


def test_the_example_file_is_read() -> None:
    found = read_faults(EXAMPLE)
    assert set(found) == {"ibps", "hk-fps"} and len(found["ibps"].rules) == 3


@pytest.mark.parametrize("text", ["rails: {ibps: {lost: 5}}", "- 1", "", "rails: [", "ibps: {outage: true}"])
def test_a_file_that_is_wrong_is_told_and_never_a_traceback(tmp_path: Path, text: str) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(text)
    with pytest.raises(typer.BadParameter, match=r"faults\.yaml"):
        read_faults(file)


async def test_faults_of_a_file_are_in_force_from_the_start_and_strange_names_are_told(own: Served) -> None:
    settings = read_faults(EXAMPLE)
    await switch_on_faults(own.sandbox, settings)
    assert len(own.sandbox.world.rails["ibps"].faults.rules) == 3
    with pytest.raises(CannotOpen, match="no-such-rail"):
        await switch_on_faults(own.sandbox, {"no-such-rail": settings["ibps"]})
