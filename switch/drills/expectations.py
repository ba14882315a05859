"""What a payment of the story was expected to become, against what the switch says became of it. Pure.

Both are flat: `status` (ISO) · `http`, `code`, `reason`, `rule`, `ceiling`, `headroom`, `opens_at` of a refusal · `class`,
`safe_code`, `tag`, `lane` · `provider`, `market` · `rails`, `passed_over` · `debit`, `settlement`, `charge` ("100.00 HKD") · `used`
(rule: amount claimed) · `history` (ISO statuses, repeats left out) · `replay_of` (a step) · `exception` (kind of its record).
"none" says that there is none.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

Document = Mapping[str, Any]
NONE = "none"
_OF_A_REASON = ("code", "rule", "ceiling", "headroom", "opens_at")


class Unmet(NamedTuple):
    """One expectation that did not come."""

    step: str
    what: str
    expected: Any
    got: Any


def compare(step: str, expected: Document, observed: Document) -> list[Unmet]:
    """List what was expected of a step and did not come."""
    return [
        Unmet(step, what, wanted, observed.get(what, NONE))
        for what, wanted in expected.items()
        if not _equal(what, wanted, observed.get(what, NONE))
    ]


def _equal(what: str, wanted: Any, got: Any) -> bool:
    if what == "opens_at" and got != NONE:
        return datetime.fromisoformat(wanted) == datetime.fromisoformat(got)
    if what == "used":
        return isinstance(got, Mapping) and all(got.get(rule) == amount for rule, amount in wanted.items())
    return bool(wanted == got)


def of_problem(problem: Document) -> dict[str, Any]:
    """Read what a refusal (RFC 9457) says."""
    observed = {"status": "RJCT", "http": problem.get("status"), "reason": problem.get("name")}
    return observed | {name: problem[name] for name in _OF_A_REASON if problem.get(name)}


def of_payment(payment: Document) -> dict[str, Any]:
    """Read what a payment's document says."""
    observed: dict[str, Any] = {"status": payment["iso_status"], "payment_id": payment["payment_id"]}
    reason = payment["reason"]
    if reason:
        observed |= {"reason": reason["name"]} | {name: reason[name] for name in _OF_A_REASON if reason.get(name)}
    found = payment["classification"]
    if found:
        codes = {entry["code"] for entry in found["entries"] if entry["code"]}
        observed |= {
            "class": found["rule"],
            "tag": found["rmb_tag"] or NONE,
            "safe_code": ", ".join(sorted(codes)) or NONE,
        }
    if payment["lane"]:
        observed["lane"] = payment["lane"]["lane"]
    exchange = payment["exchange"]
    observed |= {"provider": exchange["provider"], "market": exchange["market"]} if exchange else {"provider": NONE}
    observed["rails"] = [step["rail"] for step in payment["route"]]
    observed["passed_over"] = list(
        dict.fromkeys(over["rail"] for step in payment["route"] for over in step["passed_over"])
    )
    amounts = {"debit": "debit_amount", "settlement": "settlement_amount", "charge": "charge"}
    observed |= {name: money(payment[member]) for name, member in amounts.items()}
    observed["used"] = {claim["rule"]: claim["claimed"] for claim in payment["claims"]}
    return observed


def history(events: Iterable[Document]) -> list[str]:
    """Return the ISO statuses a payment went through, each change once."""
    return [status for status, _ in groupby(event["iso_status"] for event in events)]


def money(amount: Document | None) -> str:
    """Write an amount as the story does."""
    return f"{amount['amount']} {amount['currency']}" if amount else NONE


def left(headroom: Document, lane: str) -> dict[str, Any]:
    """Read what may still be sent over a lane, and which rule binds first."""
    found = next((row for row in headroom["lanes"] if row["lane"] == lane), None)
    binding = found["binding"] if found else None
    if binding is None:
        return {"lane": found["lane"] if found else NONE}
    return {"lane": lane, "rule": binding["rule"], "left": f"{binding['headroom']} {binding['currency']}"}
