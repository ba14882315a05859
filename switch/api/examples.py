"""Bodies to try: what the OpenAPI document shows beside each operation that takes one, and docs/examples holds as files.

Participants, persons and accounts are the demo's, all fictional; a test sends each one.
"""

from datetime import UTC, datetime
from typing import Any

from switch.payment.instruction import Instruction
from switch.translate.messages import BusinessHeader, instruction_to_pacs008

PARTICIPANT = "HBAYHKH0"
PAYMENT: dict[str, Any] = {
    "instruction_id": "EXAMPLE-1",
    "instructed_amount": {"currency": "HKD", "amount": "1500.00"},
    "debtor": {
        "name": "CHAN Tai Man",
        "identification": {"type": "HKID", "number": "QX0079194", "country": "HK"},
        "residency": "HK",
        "account": {"number": "012001000001", "currency": "HKD"},
    },
    "creditor": {"name": "LI Xiaoming", "residency": "CN", "account": {"number": "6222000000000001"}},
    "debtor_agent": PARTICIPANT,
    "creditor_agent": "PEARCNG0",
    "settlement_currency": "CNY",
    "purpose_code": "GIFT",
}
HEADROOM = PAYMENT
QUOTE: dict[str, Any] = {
    "sell_currency": "HKD",
    "buy_currency": "CNY",
    "amount": {"currency": "HKD", "amount": "1500.00"},
}


def _another(n: int, amount: str) -> dict[str, Any]:
    return PAYMENT | {
        "instruction_id": f"EXAMPLE-BATCH-{n}",
        "instructed_amount": {"currency": "HKD", "amount": amount},
    }


BATCH: dict[str, Any] = {
    "items": [
        {"idempotency_key": f"example-batch-{n}", "instruction": _another(n, amount)}
        for n, amount in ((1, "100.00"), (2, "250.00"))
    ]
}


RULEBOOK: dict[str, Any] = {
    "overlays": [{"name": "day-cap", "payment-connect.northbound.day": {"value": "20000", "since": "2026-03-01"}}]
}


RECALL: dict[str, Any] = {"reason_code": "DUPL"}
RELEASE: dict[str, Any] = {"to": "debtor_agent"}
CLOCK: dict[str, Any] = {"advance_seconds": 60}
PERSON_LINK: dict[str, Any] = {
    "documents": [PAYMENT["debtor"]["identification"], {"type": "PASSPORT", "number": "KJ0000001", "country": "HK"}]
}
DECISION: dict[str, Any] = {"event": "reject", "reason": "The rail says by telephone that it never had it"}
RESOLUTION: dict[str, Any] = {"resolution": "recalled", "reason": "Paid after it was rejected; asked back"}
PAYMENT_STATE: dict[str, Any] = {"status": "rejected", "reason_code": "AC03"}
FAULTS: dict[str, Any] = {
    "rules": [{"match": {"participant": "PEARCNG0", "direction": "from-rail"}, "rejected": 500, "reason_code": "AC03"}]
}
PARTICIPANT_STATE: dict[str, Any] = {"state": "offline", "rail": "ibps"}
MAINTENANCE: dict[str, Any] = {
    "closures": [{"from": "2030-03-09T02:00:00+08:00", "until": "2030-03-09T04:00:00+08:00", "why": "new release"}]
}


def pacs008() -> str:
    """Write the first example as a message of its own."""
    asked = PAYMENT | {"instruction_id": "EXAMPLE-M-1", "uetr": "0b7e9a52-4a33-4e0f-9d1b-6c5a4f3e2d1c"}
    at = datetime(2026, 3, 5, 4, tzinfo=UTC)
    header = BusinessHeader(PARTICIPANT, "BAYSHKH0", "EXAMPLE-MESSAGE-1", "pacs.008.001.08", "2026-03-05T04:00:00Z")
    written = instruction_to_pacs008(
        Instruction.model_validate(asked), message_id="EXAMPLE-MESSAGE-1", created_at=at, header=header
    )
    return written.decode()
