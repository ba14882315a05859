"""A scenario that loads can be gone by on every day; one that cannot is refused by file and key, and never by a traceback."""

from datetime import date, timedelta
from typing import Any

import pytest
from limits_builders import with_fault

from limits.documents import RulebookError
from limits.own_limits import faults
from limits.reading import RESERVED
from limits.rules import Rulebook, load_rulebook
from limits.trial import CHANGE_DAYS_MAX, blamed, try_overlays
from switch.payment import postings

DAY = "payment-connect.northbound.day"
NORTH = "payment-connect.northbound"
FOR_GOOD = {"period": "outstanding", "zone": "UTC+8", "instant": "received"}
YEARLY = {**FOR_GOOD, "period": "calendar-year"}
ROW = {"since": "2014-01-01", "value": "5", "assumed": True, "reason": "what if"}


def rule(**changes: Any) -> dict[str, Any]:
    """A whole rule, as an overlay adds it."""
    return {
        "kind": "limit", "description": "x", "unit": "HKD", "scope": "person", "basis": "gross",
        "window": {**FOR_GOOD, "period": "calendar-day"}, "admission": "whole", "effect": "refuse", "gives_back": False,
        "measure": {"amount": "debit", "market": "offshore"}, "enforced_by": "SAFE", "approved_by": "SAFE", "at_exhaustion": "x",
        "values": [ROW], **changes,
    }  # fmt: skip


def added(**changes: Any) -> dict[str, Any]:
    return {"rules": {"my.rule": rule(**changes)}}


USED = {"lanes": {NORTH: {"rules": [{"rule": "my.rule"}]}}}
SUSPENDING = {"effect": "suspend_until", "admission": "while_open"}

WRONG: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "documents of a payment's rule": ([{DAY: {"scope": "document"}}], f"{DAY}.yaml", "scope"),
    "a suspension that the rule knows nothing of": ([{DAY: {"effect": "suspend_until"}}], f"{DAY}.yaml", "suspends"),
    "a suspension for good": (
        [added(suspends=2, **SUSPENDING), {"my.rule": {"window": FOR_GOOD}}, USED], "my.rule.yaml", "suspends",
    ),
    "a suspension of trading days": (
        [added(suspends=1, window={**FOR_GOOD, "period": "trading-day", "calendar": "interbank"}, **SUSPENDING), USED],
        "my.rule.yaml", "suspends",
    ),
    "a suspension of three thousand years": (
        [added(suspends=3000, window=YEARLY, **SUSPENDING), USED], "my.rule.yaml", "suspends",
    ),
    "a suspension by keys": (
        [added(suspends=1, keyed_by="institution", values=[{**ROW, "value": {"other": "5"}}], **SUSPENDING), USED],
        "my.rule.yaml", "suspends",
    ),
    "a rule without rows, changed": (
        [{"rules": {"my.rule": {"kind": "limit"}}}, {"my.rule": {"value": "1"}}], "my.rule.yaml", "description",
    ),
    "a rule whose rows are a text, changed": ([added(values="abc"), {"my.rule": {"value": "1"}}], "my.rule.yaml", "values"),
    "a rule of no rows, changed": ([added(values=[]), {"my.rule": {"value": "1"}}], "my.rule.yaml", "values"),
    "a rule from no day, changed": (
        [added(values=[{**ROW, "since": "abc"}]), {"my.rule": {"value": "1"}}], "my.rule.yaml", "values[0].since",
    ),
    "a rule until the last day of days": ([{DAY: {"until": "9999-12-31"}}], "scenario 1", f"{DAY}.until"),
    "a rule from the first day of days": ([{DAY: {"value": "1", "since": "0001-01-01"}}], "scenario 1", f"{DAY}.since"),
    "a value that ends before it begins": (
        [{DAY: {"value": "1", "since": "2027-01-01", "until": "2026-01-01"}}], "scenario 1", f"{DAY}.until",
    ),
    "a lane that takes what its rule cannot count": (
        [{"lanes": {NORTH: {"rules": [{"rule": "same-name.hong-kong.day"}]}}}], f"lanes/{NORTH}.yaml", "rules",
    ),
    "a rule under a draft's name": ([{"rules": {"my.draft": rule()}}], "scenario 1", "rules.my.draft"),
    "a name that is none": ([{"name": [1, 2]}], "scenario 1", "name"),
    "a name of two lines": ([{"name": "a\nb"}], "scenario 1", "name"),
}  # fmt: skip


@pytest.mark.parametrize(("overlays", "file", "key"), WRONG.values(), ids=WRONG)
def test_a_wrong_scenario_is_refused_by_file_and_key(overlays: list[dict[str, Any]], file: str, key: str) -> None:
    with pytest.raises(RulebookError) as caught:
        try_overlays(overlays)
    assert (caught.value.file, caught.value.key) == (file, key), str(caught.value)


@pytest.mark.parametrize(
    "name", ["my,rule", "my|rule", "my\0rule", "lanes/x", "My.Rule", "", ".rule", "r" * 81, *sorted(RESERVED)]
)
def test_a_rule_has_a_name_that_no_counter_key_or_list_misreads(name: str) -> None:
    with pytest.raises(RulebookError) as caught:
        load_rulebook([{"rules": {name: rule()}}])
    assert (caught.value.file, caught.value.key) == ("scenario 1", f"rules.{name}")


def test_no_rule_may_be_called_as_the_accounts_are() -> None:
    accounts = (
        postings.position("B", "r", "HKD"), postings.inventory("p", "onshore", "CNY"), postings.charges("HKD"), postings.spread("p", "HKD"),
        postings.suspense("r", "HKD"), postings.funding("HKD"), postings.LIQUIDITY, postings.INVENTORY, postings.LEDGER,
    )  # fmt: skip
    assert {account.partition(":")[0] for account in accounts} <= RESERVED


def test_the_overlay_that_is_wrong_is_named() -> None:
    for overlays, n in (
        ([{DAY: {"value": "1"}}, {"my": {"value": "1"}}], 1),
        ([{DAY: {"value": "one"}}, {"hvps.transaction": {"value": "1"}}], 0),
        ([{"name": "mine", "my": {}}, {}], 0),
        ([added(unit=5), {}], 0),
        ([{}, {"lanes": {NORTH: {"rules": [{"rule": "my.rule"}]}}}], 1),
    ):
        with pytest.raises(RulebookError) as caught:
            try_overlays(overlays)
        assert blamed(overlays, caught.value) == n, str(caught.value)


def test_a_law_that_changes_on_more_days_than_can_be_tried_is_refused() -> None:
    rows = [{**ROW, "since": str(date(2014, 1, 1) + timedelta(days=n))} for n in range(CHANGE_DAYS_MAX + 1)]
    with pytest.raises(RulebookError, match="the law would change on"):
        try_overlays([added(values=rows)])


def test_a_law_that_cannot_be_compiled_on_some_day_is_refused_before_that_day(monkeypatch: pytest.MonkeyPatch) -> None:
    today, law, asked = date(2026, 3, 2), load_rulebook().on(date(2018, 1, 1)), list[date]()

    def on(self: Rulebook, day: date) -> Any:
        asked.append(day)
        assert day < today, "cannot be counted"
        return law

    monkeypatch.setattr(Rulebook, "on", on)
    with pytest.raises(RulebookError, match=r"gone by on 2026-03-02 .*cannot be counted"):
        try_overlays([{"name": "mine"}], [today])
    assert set(load_rulebook().change_days) & {*asked} and max(asked) == today


def test_two_drafts_of_one_rule_are_counted_once() -> None:
    draft = {"state": "draft", "approvals": ["PBoC"]}
    rulebook = try_overlays([{**draft, DAY: {"value": "1"}}, {**draft, DAY: {"value": "2"}}])
    uses = [use["rule"] for use in rulebook.documents[f"lanes/{NORTH}.yaml"]["rules"]]
    assert uses.count(f"{DAY}.draft") == 1
    assert rulebook.on(date(2026, 3, 2)).rule(f"{DAY}.draft").amount_minor == 200


def test_a_threshold_has_one_amount_for_all() -> None:
    wire = "hong-kong.wire.yaml"
    keyed = with_fault(wire, ("values",), [{**ROW, "value": {"HARBHKH0": "8000"}}])
    with pytest.raises(RulebookError) as caught:
        Rulebook({**keyed, wire: {**keyed[wire], "keyed_by": "institution"}})
    assert caught.value.key == "thresholds"


def test_a_scenario_may_lower_a_cap_below_what_an_institution_set_itself() -> None:
    own = {"HARBHKH0": {DAY: "5000"}}
    lowered = load_rulebook([{DAY: {"value": "1000"}}])
    assert lowered.own_limit_faults(own) == []
    assert load_rulebook([{DAY: {"value": "1000"}}, {}]).own_limit_faults({"HARBHKH0": {"no.such": "1"}})
    assert load_rulebook().own_limit_faults({"HARBHKH0": {DAY: "10001"}}), "above the packaged law's at start-up"
    assert faults(lowered.book.rules, own), "and above any law's where it is asked"


def test_the_packaged_law_can_be_gone_by() -> None:
    assert try_overlays([], [date(2026, 3, 2)]).id == load_rulebook().id
