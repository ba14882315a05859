"""A running switch takes another law or says which overlay is wrong: what it answers 200 to, it can judge by."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from builders import HARBOUR, PEARL, northbound, southbound
from serving import DEV_KEY, Served, a_new_person, body_of
from typer.testing import CliRunner

from bayswitch import Problem
from switch import trial
from switch.cli import app

DAY = "payment-connect.northbound.day"
SOUTHBOUND = "payment-connect.southbound.day"  # of which a participant has a lower limit of its own, RMB 30,000
FOR_GOOD = {"period": "outstanding", "zone": "UTC+8", "instant": "received"}
SUSPENDS: dict[str, Any] = {
    "kind": "limit", "description": "x", "unit": "HKD", "scope": "person", "basis": "gross",
    "window": {**FOR_GOOD, "period": "calendar-year"}, "admission": "while_open", "effect": "suspend_until", "suspends": 2,
    "gives_back": False, "measure": {"amount": "debit", "market": "offshore"}, "enforced_by": "SAFE", "approved_by": "SAFE",
    "at_exhaustion": "x", "values": [{"since": "2014-01-01", "value": "5", "assumed": True, "reason": "what if"}],
}  # fmt: skip

# What once was taken, and left a switch that judged nothing; or held it for seconds, or made it fail.
WRONG: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "documents": ([{DAY: {"scope": "document"}}], "overlays.0", f"{DAY}.yaml: scope"),
    "for good": ([{"rules": {"my.rule": SUSPENDS}}, {"my.rule": {"window": FOR_GOOD}}], "overlays.1", "my.rule.yaml: suspends"),
    "long": ([{}, {"rules": {"my.rule": {**SUSPENDS, "suspends": 3000}}}], "overlays.1", "my.rule.yaml: suspends"),
    "number": ([{"documents.once": {"value": {"invoice": "1e350000"}}}], "overlays.0", "values[0].value.invoice"),
    "half": ([{"rules": {"my.rule": {"kind": "limit"}}}, {"my.rule": {"value": "1"}}], "overlays.1", "my.rule.yaml: description"),
    "last day": ([{DAY: {"until": "9999-12-31"}}], "overlays.0", f"{DAY}.until"),
    "comma": ([{"rules": {"my,rule": SUSPENDS}}], "overlays.0", "rules.my,rule"),
    "currency": (
        [{"lanes": {"payment-connect.northbound": {"rules": [{"rule": "same-name.hong-kong.day"}]}}}],
        "overlays.0", "same-name.hong-kong.day counts CNY",
    ),
}  # fmt: skip


async def test_a_wrong_law_is_refused_by_overlay_and_key_and_the_switch_judges_on(own: Served) -> None:
    async with own.operator() as operator, own.client(HARBOUR) as bank:
        for overlays, field, says in WRONG.values():
            with pytest.raises(Problem) as caught:
                await operator.take_rulebook(overlays)
            assert caught.value.status == 400
            [(found, what)] = caught.value.errors
            assert found == field and says in what
        assert own.sandbox.world.rulebook.overlays == ()
        assert (await bank.explain(body_of(northbound("600.00", person=a_new_person()))))["status"] == "ACSP"


async def test_a_law_may_be_lowered_below_what_a_bank_set_itself(own: Served) -> None:
    async with own.operator() as operator, own.client(PEARL) as bank:
        await operator.take_rulebook([{SOUTHBOUND: {"value": "20"}}])
        assert (await bank.explain(body_of(southbound("600.00", a_new_person()))))["status"] == "RJCT"
        assert (await operator.take_rulebook([]))["overlays"] == []


async def test_a_trial_that_takes_too_long_is_ended_and_changes_nothing(
    own: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "TRIAL_SECONDS_MAX", 0.01)
    async with own.http(None) as http:
        body = {"overlays": [{DAY: {"value": "20"}}]}
        answer = await http.post("/v1/sandbox/rulebook", json=body)
        assert (answer.status_code, answer.json()["name"]) == (503, "unavailable") and answer.headers["Retry-After"]
        assert own.sandbox.world.rulebook.overlays == ()
        monkeypatch.undo()
        assert (await http.post("/v1/sandbox/rulebook", json=body)).status_code == 200
        assert own.sandbox.world.rulebook.overlays == tuple(body["overlays"])


async def test_the_command_tells_a_wrong_overlay_once_wherever_it_is_found(own: Served, tmp_path: Path) -> None:
    file = tmp_path / "o.yaml"

    async def reload(text: str) -> tuple[int, str]:
        file.write_text(text)
        arguments = ["rulebook", "reload", "--overlay", str(file), "--url", own.url, "--key", DEV_KEY]
        result = await asyncio.to_thread(CliRunner().invoke, app, arguments, env={"COLUMNS": "400"})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, " ".join(re.sub("[│╭╮╰╯─]", " ", result.output).split())

    for text, says in (
        ("my.rule: {value: '1'}", "o.yaml: my.rule: is no rule of the baseline"),
        (f"{DAY}: {{value: many}}", f"o.yaml: {DAY}.value: 'many' is not an exact number"),
        (
            f"{DAY}: {{value: '1', since: 2026-13-01}}",
            f"o.yaml: {DAY}.since: '2026-13-01' is not a day; write 2025-06-22",
        ),
        (f"{DAY}: {{value: '1'}}\n{DAY}: {{value: '2'}}", f"o.yaml: {DAY}: is given twice"),
        (
            f"{SOUTHBOUND}: {{scope: person, enforced_by: SAFE}}",
            f"{SOUTHBOUND} to 30000",
        ),  # only the switch knows of it
    ):
        status, words = await reload(text)
        assert status == 2 and words.count(says) == 1, words
    status, words = await reload(f"{DAY}: {{value: '20000'}}")
    assert status == 0 and own.sandbox.world.rulebook.id in words
