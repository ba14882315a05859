"""What the OpenAPI document says of problems: which an operation may answer with, in words from the two tables (the door's
and payment.reasons), and an example of each. It answers no call.
"""

from collections.abc import Iterable
from typing import Any

from switch.api.problems import DOOR, door_document, refusal_document
from switch.payment.magic import plausible
from switch.payment.reasons import REASONS

# Reasons an operation may refuse with; a test holds them against the modules that give them.
_LATER = frozenset(
    {"rail-rejected", "switch-time-out", "operator-rejected"}
)  # of a payment accepted before: read, never answered
_OF_MESSAGES = frozenset({"same-message-other-content"})  # stands in a pacs.002
PAYMENT_REASONS = frozenset(REASONS) - _LATER - _OF_MESSAGES
QUOTE_REASONS = frozenset(
    {
        "amount-invalid", "amount-decimals", "amount-zero", "amount-too-small", "currency-not-carried",
        "currency-inconsistent", "not-converted", "no-rate",
    }
)  # fmt: skip
HEADROOM_REASONS = frozenset(
    {
        "amount-decimals", "amount-zero", "amount-invalid", "currency-not-carried", "currency-inconsistent",
        "field-missing", "account-malformed", "identification-missing", "identification-wrong", "purpose-missing",
        "purpose-unknown", "category-purpose-unknown", "residency-unknown", "country-unknown",
        "acceptance-in-future", "acceptance-too-old",
        "debtor-agent-unknown",
        "creditor-agent-unknown", "creditor-agent-differs", "proxy-unknown", "name-mismatch", "remarks-not-latin", "debtor-funds",
    }
)  # fmt: skip

_PAYMENT_ID, _UETR = "b5a3c1de-0f4e-5b6a-9c7d-2e1f3a4b5c6d", "0b7e9a52-4a33-4e0f-9d1b-6c5a4f3e2d1c"


def by_status(problems: Iterable[int | str], reasons: Iterable[str]) -> dict[int, list[str]]:
    """Sort what an operation may answer: a status stands for all problems of the door with it, a name for itself."""
    found: dict[int, dict[str, None]] = {}
    for each in problems:
        names = [each] if isinstance(each, str) else [name for name, row in DOOR.items() if row.http_status == each]
        for name in names:
            found.setdefault(DOOR[name].http_status, {})[name] = None
    for name in (name for name in REASONS if name in frozenset(reasons)):  # in the table's order
        found.setdefault(REASONS[name].http_status, {})[name] = None
    return {status: list(names) for status, names in sorted(found.items())}


def description(names: Iterable[str]) -> str:
    """Say in Markdown what each problem is."""
    rows = [f"- `{name}`{_code(name)}: {_sentence(name)}" for name in names]
    return "\n".join(["A problem (RFC 9457); `type` is `urn:bayswitch:problem:` and one of", "", *rows])


def _code(name: str) -> str:
    return f" ({REASONS[name].code})" if name in REASONS else ""


def _sentence(name: str) -> str:
    return REASONS[name].sentence if name in REASONS else DOOR[name].what_to_do


def examples() -> dict[str, dict[str, Any]]:
    """Write an example of every problem, by name: the document's `components.examples`."""
    door = {name: door_document(name, f"{name.replace('-', ' ').capitalize()}.") for name in DOOR}
    refused = {name: _refused(name) for name in PAYMENT_REASONS}
    return {name: {"summary": name, "value": value} for name, value in sorted((door | refused).items())}


def _refused(name: str) -> dict[str, Any]:
    return refusal_document(plausible(name), _PAYMENT_ID, _UETR)
