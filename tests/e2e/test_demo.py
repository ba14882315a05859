"""`bayswitch demo` from outside, as `make demo` runs it: its own servers, HTTP alone, one JSON document."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from serving import DEV_KEY, serving

from bayswitch.player import Player, instant
from limits.rules import load_rulebook
from switch.cli.demo import message_files
from switch.clock import BusinessClock
from switch.drills.expectations import Unmet
from switch.drills.reckoning import reckon
from switch.drills.story import read_story
from switch.main import memory_sandbox


def run(data: Path, *options: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "switch.cli", "demo", "--json", "--data", str(data), *options]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=240)
    assert done.stdout, done.stderr.decode()[-3000:]
    return done.returncode, json.loads(done.stdout)


def test_the_day_comes_as_expected_and_the_auditor_finds_nothing(tmp_path: Path) -> None:
    status, document = run(tmp_path / "demo", "--persons", "60")
    assert document["unmet"] == []
    assert status == 0
    assert document["met"] == document["expected"] >= 60
    assert document["payments"] > document["expected"] + 100
    assert document["audit"]["violations"] == []
    # Two replays and one other body under a known key make no payment of their own.
    assert (document["repeated"], document["turned_away"]) == (2, 1)
    assert document["instructions"] == document["payments"] + 3
    assert (
        document["audit"]["payments"] == sum(row["payments"] for row in document["corridors"]) == document["payments"]
    )
    assert all(row["in_doubt"] == row["under_way"] == 0 for row in document["corridors"])
    assert len(list((tmp_path / "demo" / "pacs008").glob("*.xml"))) >= 8


@pytest.mark.prove
def test_a_cap_changed_by_one_unit_makes_the_demo_fail(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text('payment-connect.northbound.day: {value: "10001"}\n')
    status, document = run(tmp_path / "demo", "--story-only", "--overlay", str(overlay))
    assert status == 1
    assert document["met"] < document["expected"]
    assert "over-the-day" in {miss["step"] for miss in document["unmet"]}
    assert document["audit"]["violations"] == []


async def told(folder: Path, overlay: dict[str, Any]) -> list[Unmet]:
    """Play the story alone against a switch in memory, over HTTP; return what did not come as expected."""
    _, lines = read_story()
    sandbox = memory_sandbox(BusinessClock(), rulebook=load_rulebook([overlay] if overlay else []))
    async with serving(sandbox, start_at=instant(lines[0]).replace(hour=0, minute=0)) as served:
        player = Player(served.url, DEV_KEY, message_files(folder))
        try:
            steps = [said[0] async for said in player.play(lines)]
            await player.move(instant(lines[-1]) + timedelta(minutes=10))
            return await reckon(player, steps, await player.payments())
        finally:
            await player.close()


async def test_the_story_comes_true_in_memory_too(tmp_path: Path) -> None:
    assert await told(tmp_path, {}) == []


async def test_each_change_of_the_law_by_a_unit_is_seen_by_the_step_that_stands_on_it(tmp_path: Path) -> None:
    changes: dict[str, tuple[dict[str, Any], str]] = {
        "payment-connect.northbound.day": ({"value": "9999"}, "at-the-cap"),
        "payment-connect.southbound.hours": (
            {"value": [{"days": "daily", "from": "07:01", "to": "23:00"}]},
            "at-seven",
        ),
        "same-name.hong-kong.day": ({"value": "80001"}, "same-name-above"),
        "same-name.macau.day": ({"value": "80001"}, "macau-same-name-full"),
        "easy-transfer.day": ({"value": {"MOP": "20001", "HKD": "20000"}}, "easy-transfer-above"),
        "ibps.transaction": ({"value": "1000001"}, "too-large-for-ibps"),
        "lanes": ({"trade.southbound": {"active": False}}, "design-fee"),
    }
    unmet = await told(tmp_path, {rule: change for rule, (change, _) in changes.items()})
    assert {step for _, step in changes.values()} <= {miss.step for miss in unmet}


async def test_another_reference_rate_is_seen_by_who_sends_rmb(tmp_path: Path) -> None:
    unmet = await told(tmp_path, {"payment-connect.reference-rate": {"value": "1.11"}})
    assert {miss.step for miss in unmet} == {"rmb-at-the-cap", "rmb-last-cent", "first-lane-full"}


def test_a_folder_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "books").write_text("mine")
    command = [sys.executable, "-m", "switch.cli", "demo", "--json", "--data", str(tmp_path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert (tmp_path / "books").read_text() == "mine"
