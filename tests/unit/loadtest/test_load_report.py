"""The report stands by itself, shows what does not hold before any figure, and escapes what it is told."""

import re
from typing import Any

import pytest

from loadtest.open.gate import gate
from loadtest.open.session import gate_document
from loadtest.report.page import page

_MS = {"p50": 1.0, "p90": 2.0, "p95": 3.0, "p99": 4.0, "p99.9": 5.0, "max": 6.0, "samples": 8}


def _document(**changes: Any) -> dict[str, Any]:
    counts = {
        "offered": 10,
        "sent": 10,
        "answered": 10,
        "payments": 10,
        "accepted": 8,
        "refused": 2,
        "shed": 0,
        "wrong": 0,
        "errors": 0,
    }
    held = gate(10, 10, 10, {}, 0.1, 5.0, 10_000.0, 1.0, 0.8, 0.0)
    step = {
        "name": "calm", "rate": 5.0, "begin_second": 0.0, "seconds": 2.0, "warm_up_seconds": 0.0, **counts,
        "answered_per_second": 5.0, "accepted_per_second": 4.0, "acceptance_ms": _MS, "completion_ms": {**_MS, "samples": 3, "still_open": 0},
        "gate": gate_document(held),
    }  # fmt: skip
    second = {"step": "calm", **counts, "p50_ms": 1.0, "p99_ms": 4.0, "max_ms": 6.0}
    return {
        "profile": {"name": "steady", "about": "One rate."},
        "model": {
            "kind": "open",
            "arrivals": "uniform",
            "latency": "from the intended instant",
            "precision": 0.004,
            "seed": 1,
        },
        "started_at": 1_000.0,
        "total": counts,
        "acceptance_ms": _MS,
        "completion_ms": {**_MS, "samples": 3, "still_open": 0},
        "steps": [step],
        "series": [{"second": n, **second} for n in range(2)],
        "refusals": [{"reason": "RR04", "name": "<person-quota>", "rule": "same-name.macau.day", "count": 2}],
        "shed": [],
        "wrong": [],
        "errors": [],
        "gate": {"valid": True, "why": [], "ceiling_per_second": 10_000, "cpu_share_max": 0.1},
        "resources": [{"at": 1_001.0, "roles": {"switch": {"cpu": 0.5, "memory_mb": 100.0, "processes": 1}}}],
        "stolen_share": 0.123,
        "manifest": {"of": "the generator's machine", "commit": "abc", "postgres": {"fsync": "on"}},
        "audit": {"payments": 8, "violations": [], "drained": True},
        "why_not": [],
        **changes,
    }


def test_the_report_asks_nobody_for_anything() -> None:
    written = page(_document())
    assert not re.search(r"<script|<link|@import|url\(|src=", written)
    named = set(re.findall(r"https?://[^\s\"'<]+", written))
    assert all(name.startswith("http://www.w3.org/") for name in named)  # the names of SVG's vocabularies
    assert written.count("<svg") == 4


def test_a_sound_load_says_so() -> None:
    written = page(_document())
    assert "Sound." in written and "Not sound." not in written and "fsync on" in written
    assert "Measured on: the generator&#x27;s machine" in written


@pytest.mark.parametrize(
    "why", ["INVALID: 3 of 10 calls were not answered (3 timed out)", "the audit found 1 violations"]
)
def test_what_does_not_hold_stands_before_any_figure(why: str) -> None:
    written = page(_document(why_not=[why]))
    assert written.index(why) < written.index('class="tile"')


def test_books_that_were_not_audited_are_not_called_sound() -> None:
    written = page(_document(audit=None))
    assert "Measured, books not audited." in written and "Sound" not in written


def test_every_percentile_has_its_number_of_calls_and_the_rare_one_is_left_out_of_few() -> None:
    few = {name: value for name, value in _MS.items() if name != "p99.9"}
    document = _document()
    document["steps"][0]["acceptance_ms"] = few
    assert "acceptance p99, n 8" in page(document) and "12.3%" in page(document)


def test_what_the_generator_was_told_stands_beside_what_the_books_hold() -> None:
    assert "8 accepted, 8 in the books, 0 missing." in page(_document(compared="8 accepted, 8 in the books, 0 missing"))


def test_what_it_is_told_is_escaped() -> None:
    written = page(_document())
    assert "&lt;person-quota&gt;" in written and "<person-quota>" not in written


def test_violations_are_listed() -> None:
    audit = {"payments": 8, "violations": [{"check": "nothing-twice", "detail": "payment 1"}], "drained": True}
    written = page(_document(audit=audit, why_not=["the audit found 1 violations"]))
    assert "nothing-twice" in written and "<b>1 violations</b>" in written


def test_a_knee_has_its_curve() -> None:
    curve = [
        {"rate": rate, "answered_per_second": rate, "samples": 9, "p50_ms": 2.0, "p99_ms": p99, "shed_share": 0.0, "verdict": said,
         "accepted_share": 0.97, "why": [] if said == "holds" else ["p99 300 ms; 250 is the most"],
         "completion_p99_ms": 9.0, "valid": True}
        for rate, p99, said in ((400, 20.0, "holds"), (600, 300.0, "fails"))
    ]  # fmt: skip
    knee = {
        "found": True, "rate": 400, "why": "", "limits": {"p99_ms_max": 250, "shed_share_max": 0.001}, "precision": 0.05,
        "curve": curve, "half": curve[0],
    }  # fmt: skip
    written = page(_document(knee=knee))
    assert "knee: p99 ≤ 250 ms" in written and written.count("<svg") == 6
    assert "97.0%" in written and "p99 300 ms; 250 is the most" in written
    unfound = page(_document(knee={**knee, "found": False, "rate": None, "half": None, "why": "no rate held"}))
    assert "No knee was found: no rate held." in unfound


def test_seconds_in_which_nothing_was_answered_have_no_latency_and_are_drawn_all_the_same() -> None:
    document = _document()
    for row in document["series"]:
        row |= {"answered": 0, "accepted": 0, "p50_ms": None, "p99_ms": None, "max_ms": None}
    assert page(document).count("<svg") == 3
