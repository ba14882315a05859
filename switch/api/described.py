"""What the OpenAPI document says of problems: which an operation may answer with, in words from the two tables (the door's
and payment.reasons), and an example of each. It answers no call.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from switch.api.problems import DOOR, door_document, refusal_document
from switch.payment.plan import Refusal
from switch.payment.reasons import REASONS

# Reasons an operation may refuse with; a test holds them against the modules that give them.
_LATER = frozenset({"rail-rejected", "operator-rejected"})  # of a payment accepted before: read, never answered
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
        "creditor-agent-unknown", "creditor-agent-differs", "proxy-unknown", "name-mismatch", "debtor-funds",
    }
)  # fmt: skip

# What fills the sentences of the examples: a payment of the demo's first day.
_DETAIL: Mapping[str, str] = {
    "accepted_at": "2026-03-06T16:15:00+08:00",
    "agent": "HBAYHKH0", "amount": "HKD 0.01", "asked": "HKD 1500.00", "category_purpose": "ZZZZ", "ceiling": "HKD 10000.00",
    "charge": "CNY 50.00", "country": "XX", "creditor_agent": "PEARCNG0", "currency": "CNY", "debit": "HKD", "debtor_agent": "KAPOHKH0",
    "debtor_residency": "HK", "creditor_residency": "CN", "expires_at": "2026-03-06T16:15:00+08:00",
    "field": "instructed_amount.amount", "headroom": "HKD 1250.00", "hours": "daily 07:00–23:00", "instructed": "USD",
    "instruction_id": "INV-2026-118", "lane": "payment-connect.southbound", "opens_at": "2026-03-07T07:00:00+08:00",
    "participant": "LIONHKH0", "proxy_type": "MBNO", "purpose": "LOAN", "quote_id": "8a2657e20cfb712f4452634e",
    "quoted": "HKD 1000.00 to CNY 918.41", "rail": "hvps", "registered": "BANYCNS0", "residency": "ZZ",
    "rule": "payment-connect.northbound.day", "settlement": "CNY", "sold": "HKD", "bought": "CNY", "since": "2025-06-22", "source": "Payment Connect, HKMA, 2025-06-22",
    "what_to_do": "Send the rest from tomorrow.", "window_text": " a day",
    "why": "trade.northbound: debtor kind must be firm; it is person",
}  # fmt: skip
_OF_A_LIMIT = ("rule", "source", "since", "ceiling", "headroom", "asked", "what_to_do")
# Where one word means different things in different sentences.
_OWN: Mapping[str, Mapping[str, str]] = {
    "amount-decimals": {"what": "HKD has 2 decimals, '10.005' has 3"},
    "amount-invalid": {"what": "'1e3' is not an amount; write digits with at most one point, as in '1234.50'"},
    "currency-not-carried": {"what": "currency 'EUR' is not carried; use one of CNY, HKD, JPY, KWD, MOP, THB, USD"},
    "account-malformed": {"what": "The creditor's account has neither or both of number and proxy"},
    "identification-wrong": {"what": "The check digit of the HKID is wrong"},
    "name-mismatch": {"what": "words 1, 2 of 2 not in the name registered"},
    "field-missing": {"field": "debtor.account.currency", "why": "It is the currency debited."},
    "charge-takes-all": {"amount": "CNY 50.00"},
    "suspended": {"rule": "card-cash.year", "exceeded": "2025", "until": "2026-12-31", "ceiling": "CNY 100000.00"},
    "watch-list": {"rule": "mainland.fx-purchase.year", "ceiling": "USD 0.00", "window_text": " a calendar year"},
    "payment-cap": {"rule": "e-cny.payment", "ceiling": "CNY 2000.00", "asked": "CNY 2500.00"},
    "document-used": {"rule": "documents.once", "ceiling": "1", "asked": "1"},
    "rail-cap": {"rule": "ibps.transaction", "ceiling": "CNY 1000000.00"},
    "rail-cap-closed": {
        "rule": "ibps.transaction", "ceiling": "CNY 1000000.00", "opens_at": "2026-03-08T20:30:00+08:00",
    },
    "rail-closed": {"opens_at": "2026-03-09T08:30:00+08:00"},
    "no-rail": {"lane": "domestic.macau", "currency": "CNY", "why": "mo-easy-transfer does not carry CNY"},
    "liquidity": {"headroom": "HKD 4999950.00", "rail": "hk-chats"},
    "sponsor-liquidity": {"agent": "LIONHKH0", "rail": "hk-fps"},
    "quote-mismatch": {"asked": "HKD 1100.00 from HKD to CNY"},
    "not-your-agent": {"agent": "KAPOHKH0"},
}  # fmt: skip
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
    detail = {**_DETAIL, **_OWN.get(name, {})}
    said = {field: value for field, value in detail.items() if f"{{{field}}}" in REASONS[name].sentence}
    if "{ceiling}" in REASONS[name].sentence and "{headroom}" in REASONS[name].sentence:
        said = {field: detail[field] for field in _OF_A_LIMIT} | said
    return refusal_document(Refusal(name, said), _PAYMENT_ID, _UETR)
