"""A rulebook with a fault does not load, and says in which file, at which key."""

from datetime import date
from typing import Any

import pytest
from limits_builders import documents, with_fault

from limits.documents import RulebookError
from limits.rulebook import parse_document
from limits.rules import Rulebook, load_rulebook

DAY = "payment-connect.northbound.day.yaml"
MACAU = "easy-transfer.day.yaml"
RATE = "payment-connect.reference-rate.yaml"
HOURS = "payment-connect.southbound.hours.yaml"
RULE = "payment-connect.northbound.year.yaml"
CASH = "card-cash.year.yaml"
ONCE = "documents.once.yaml"
POOL = "cash-pool.inflow.yaml"
FOR_GOOD = {"period": "outstanding", "zone": "UTC+8", "instant": "received"}
SOURCE = "values[0].reference"
LANE = "lanes/payment-connect.northbound.yaml"
ROWS = "classification/accounts.yaml"
CODES = "classification/safe-codes.yaml"

PLANTED: list[tuple[str, str, tuple[str | int, ...], Any, str]] = [
    ("a value without source or assumption", DAY, ("values", 0, "reference"), ..., "values[0].reference"),
    ("an assumption without a reason", DAY, ("values", 0, "assumed"), True, "values[0].reason"),
    ("a reason for what is not assumed", DAY, ("values", 0, "reason"), "because", "values[0].assumed"),
    ("an uncertain value not marked", DAY, ("values", 0, "reference", "confidence"), "U", f"{SOURCE}.confidence"),
    ("a confidence of no kind", DAY, ("values", 0, "reference", "confidence"), "sure", f"{SOURCE}.confidence"),
    ("a source without its clause", DAY, ("values", 0, "reference", "quote"), "", "values[0].reference.quote"),
    ("a source without a title", DAY, ("values", 0, "reference", "title"), ..., "values[0].reference.title"),
    ("a value from no day", DAY, ("values", 0, "since"), ..., "values[0].since"),
    ("a day that is none", DAY, ("values", 0, "since"), "2025-13-01", "values[0].since"),
    ("a value that ends before it begins", DAY, ("values", 0, "until"), date(2025, 1, 1), "values[0].until"),
    ("a gap in the dates", MACAU, ("values", 0, "until"), date(2023, 9, 20), "values[1].since"),
    ("an overlap of the dates", MACAU, ("values", 0, "until"), date(2023, 9, 25), "values[1].since"),
    ("rows out of order", MACAU, ("values", 1, "since"), date(2020, 1, 1), "values[1].since"),
    ("no dated row at all", DAY, ("values",), [], "values"),
    ("an unknown key", DAY, ("effects",), "refuse", "effects"),
    ("an unknown key in a row", DAY, ("values", 0, "from"), 1, "values[0].from"),
    ("a key that is missing", DAY, ("at_exhaustion",), ..., "at_exhaustion"),
    ("no word on what to do at exhaustion", DAY, ("at_exhaustion",), "", "at_exhaustion"),
    ("a float, which is not exact", DAY, ("values", 0, "value"), 10000.5, "values[0].value"),
    ("a fraction of a cent", DAY, ("values", 0, "value"), "10000.001", "values[0].value"),
    ("an amount below zero", DAY, ("values", 0, "value"), "-1", "values[0].value"),
    ("an amount that is none", DAY, ("values", 0, "value"), "ten", "values[0].value"),
    ("a currency nobody carries", MACAU, ("values", 0, "value"), {"XXX": "1"}, "values[0].value.XXX"),
    ("a keyed rule without keys", MACAU, ("values", 0, "value"), "1", "values[0].value"),
    ("an effect that is none", DAY, ("effect",), "forbid", "effect"),
    ("a scope that is none", DAY, ("scope",), "household", "scope"),
    ("a window in another zone", DAY, ("window", "zone"), "UTC", "window.zone"),
    ("an enforcer that is none", DAY, ("enforced_by",), "nobody", "enforced_by"),
    ("a give-back that is no truth value", DAY, ("gives_back",), "no", "gives_back"),
    ("a rate rule that is not there", DAY, ("measure", "rate"), "no.such-rate", "measure.rate"),
    ("a rate rule that begins too late", RATE, ("values", 0, "since"), date(2025, 7, 1), "measure.rate"),
    ("an id that does not name its file", DAY, ("id",), "payment-connect.northbound.year", "id"),
    ("hours that never open", HOURS, ("values", 0, "value"), [], "values[0].value"),
    ("hours that are no time", HOURS, ("values", 0, "value", 0, "from"), "7:00", "values[0].value"),
    ("a rate of zero", RATE, ("values", 0, "value"), "0", "values[0].value"),
    ("a lane with a rule that is not there", LANE, ("rules", 0, "rule"), "no.such-rule", "rules"),
    ("a lane that claims what only reports", LANE, ("rules", 0, "rule"), "hong-kong.wire", "rules"),
    ("a lane that counts documents", LANE, ("rules", 0, "rule"), "documents.once", "rules"),
    ("a rule that many see and one counts", RULE, ("scope",), "person", "scope"),
    ("a trading day without its calendar", RULE, ("window", "period"), "trading-day", "window.calendar"),
    ("a day that begins at no time", RULE, ("window", "begins"), "24:30", "window.begins"),
    ("a suspension of no window", RULE, ("effect",), "suspend_until", "suspends"),
    ("a row of an unknown scope", RULE, ("values", 0, "scope"), "planet", "values[0].scope"),
    ("a suspension after a window that never ends", CASH, ("values", 1, "window"), FOR_GOOD, "suspends"),
    ("a suspension of three thousand windows", CASH, ("suspends",), 3000, "suspends"),
    ("a row that suspends where the rule does not", DAY, ("values", 0, "effect"), "suspend_until", "suspends"),
    ("a row that counts documents", DAY, ("values", 0, "scope"), "document", "scope"),
    ("a row that caps one payment", DAY, ("values", 0, "scope"), "transaction", "window"),
    ("a document counted by the day", ONCE, ("window", "period"), "calendar-day", "window"),
    ("a number that takes seconds to build", ONCE, ("values", 0, "value"), {"invoice": "1e350000"}, "values[0].value.invoice"),
    ("half a time", ONCE, ("values", 0, "value"), {"invoice": "1.5"}, "values[0].value.invoice"),
    ("a number of many digits", DAY, ("values", 0, "value"), "9" * 29, "values[0].value"),
    ("an amount nobody can count to", DAY, ("values", 0, "value"), "90071992547409.92", "values[0].value"),
    ("a whole number nobody can write", DAY, ("values", 0, "value"), 10**5000, "values[0].value"),
    ("a rate of nearly nothing", RATE, ("values", 0, "value"), "0.0009", "values[0].value"),
    ("a rate of a million", RATE, ("values", 0, "value"), "1000000", "values[0].value"),
    ("a share below zero", POOL, ("values", 0, "value"), {"coefficient": "-1", "of": "group-equity"}, "values[0].value.coefficient"),
    ("a share of equity in another currency", POOL, ("unit",), "HKD", "values[0].value"),
    ("a day after which there is none", DAY, ("values", 0, "until"), date(9999, 12, 31), "values[0].until"),
    ("a day before the law", DAY, ("values", 0, "since"), "0001-01-01", "values[0].since"),
    ("an assumption of no name", DAY, ("assumptions",), {1: "because"}, "assumptions"),
    ("hours of an unknown place", HOURS, ("calendar",), "XX", "values[0].value"),
    ("a lane that takes what its rule cannot count", LANE, ("rules", 0, "rule"), "same-name.hong-kong.day", "rules"),
    ("a lane that suspends by a rule that does not", LANE, ("rules", 0, "effect"), "suspend_until", "rules"),
    ("a draft that nobody approves", RULE, ("approved_by",), [], "approved_by"),
    ("a penalty of an unknown state", RULE, ("penalty",), {"state": "rude", "value": "0"}, "penalty.state"),
    ("a lane with a threshold that blocks", LANE, ("thresholds",), ["ibps.transaction"], "thresholds"),
    ("a lane with hours that are a charge", LANE, ("hours",), "charge.rtgs", "hours"),
    ("a lane with a charge that is none", LANE, ("charge",), "payment-connect.southbound.hours", "charge"),
    ("a lane that leads nowhere", LANE, ("corridors",), [], "corridors"),
    ("a lane without a rail", LANE, ("corridors", 0, "destination_rails"), [], "corridors[0].destination_rails"),
    ("two lanes of one order", LANE, ("order",), 10, "order"),
    ("a lane that tests an unknown fact", LANE, ("when", "debtor_mood"), "happy", "when.debtor_mood"),
    ("a lane that asks for an impossible fact", LANE, ("when", "debtor_kind"), "robot", "when.debtor_kind"),
    ("a set compared with a value", LANE, ("when", "documents"), "payroll", "when.documents"),
    ("an empty list of what may be", LANE, ("when", "debit_currency"), [], "when.debit_currency"),
    ("a comparison with an unknown fact", LANE, ("when", "debtor_id"), {"same_as": "mood"}, "when.debtor_id"),
    ("a class with an unknown code", ROWS, ("rows", 0, "entries", 0, "code"), "821021", "rows[0].entries[0].code"),
    ("a class on no side", ROWS, ("rows", 0, "entries", 0, "side"), "left", "rows[0].entries[0].side"),
    ("a class spared of something else", ROWS, ("rows", 1, "spared"), ["taxes"], "rows[1].spared"),
    ("two classes of one order", ROWS, ("rows", 0, "order"), 20, "order"),
    ("two classes of one name", ROWS, ("rows", 0, "id"), "domestic", "id"),
    ("a class without source", ROWS, ("reference",), ..., "rows[0].reference"),
    ("an unverified code without a word on it", CODES, ("codes", 12, "note"), ..., "codes[12].note"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "file", "path", "value", "key"), PLANTED, ids=[row[0] for row in PLANTED])
def test_a_faulty_rulebook_is_refused_by_file_and_key(
    what: str, file: str, path: tuple[str | int, ...], value: Any, key: str
) -> None:
    with pytest.raises(RulebookError) as caught:
        Rulebook(with_fault(file, path, value))
    assert caught.value.key == key
    assert file == caught.value.file or key == "measure.rate" or key in ("order", "id"), str(caught.value)
    assert caught.value.file in str(caught.value) and key in str(caught.value)


def test_the_packaged_law_loads() -> None:
    assert Rulebook(documents()).id == load_rulebook().id


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(RulebookError, match=r"a\.yaml: value: is given twice"):
        parse_document("a.yaml", "value: 1\nvalue: 2\n")


def test_what_is_no_yaml_is_refused() -> None:
    with pytest.raises(RulebookError, match=r"a\.yaml: document: is not YAML"):
        parse_document("a.yaml", "value: [1\n")
    with pytest.raises(RulebookError, match=r"a\.yaml: document: must be a mapping"):
        parse_document("a.yaml", "- 1\n")


def test_a_rulebook_without_its_tables_is_refused() -> None:
    broken = documents()
    del broken["rmb-tags.yaml"]
    with pytest.raises(RulebookError, match=r"rmb-tags\.yaml"):
        Rulebook(broken)


def test_an_assumed_value_shows_that_it_is_assumed() -> None:
    shown = {row["rule"]: row for row in load_rulebook().show(date(2026, 3, 2))}
    rate = shown["payment-connect.reference-rate"]
    assert rate["assumed"] and "No source says" in rate["reason"] and rate["reference"].startswith("assumed: ")
    assert not shown["payment-connect.northbound.day"]["assumed"]
    assert "window" in shown["payment-connect.northbound.day"]["assumptions"]
