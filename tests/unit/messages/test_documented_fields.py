"""The table of docs/messages.md: every field of the instruction has one row, and its value is where the row says."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from corridors import AT
from lxml import etree
from pydantic import BaseModel

from switch.payment.instruction import Instruction
from switch.translate.messages import instruction_to_pacs008

DOCS = Path(__file__).parents[3] / "docs" / "messages.md"
ROWS = dict(re.findall(r"^\| `([a-z_.]+)` \| `([A-Za-z/@]+)` \|", DOCS.read_text("utf-8"), re.MULTILINE))

FULL: dict[str, Any] = {
    "instruction_id": "INS-1",
    "end_to_end_id": "E2E-1",
    "uetr": "00000001-0000-4000-8000-000000000001",
    "instructed_amount": {"currency": "HKD", "amount": "12.34"},
    "debtor": {
        "name": "CHAN Tai Man",
        "identification": {"type": "HRP", "number": "H12345678", "country": "CN"},
        "residency": "HK",
        "sector": "medical",
        "account": {
            "number": "ACC1",
            "proxy": {"type": "MBNO", "value": "+852-61234567"},
            "currency": "MOP",
            "type": "wallet-2",
        },
    },
    "creditor": {
        "name": "Delta Machinery Co Ltd",
        "identification": {"type": "USCC", "number": "91110000600037341L", "country": "MO"},
        "residency": "GB",
        "sector": "corporation",
        "account": {
            "number": "ACC2",
            "proxy": {"type": "EMAL", "value": "a@b.hk"},
            "currency": "USD",
            "type": "class-3",
        },
    },
    "debtor_agent": "HBAYHKH0",
    "creditor_agent": "PEARCNG0",
    "acceptance_date_time": "2026-03-03T08:59:59.5+08:00",
    "instruction_priority": "HIGH",
    "settlement_currency": "CNY",
    "purpose_code": "GDDS",
    "category_purpose": "SUPP",
    "charge_bearer": "SHAR",
    "remittance_information": "INV-7",
    "lane": "trade",
    "allow_lanes": True,
    "venue": "bond-connect",
    "documents": [{"type": "invoice", "reference": "R-1", "issuer": "Issuer", "hash": "5d" * 32}],
    "quote_id": "Q-1",
    "if_closed": "queue",
}


def _leaves(model: type[BaseModel], before: str = "") -> set[str]:
    """List the dotted paths of a model's plain fields; a list has the paths of its items."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        parts = [part for part in _types(field.annotation) if isinstance(part, type) and issubclass(part, BaseModel)]
        found |= _leaves(parts[0], f"{before}{name}.") if parts else {before + name}
    return found


def _types(annotation: Any) -> list[Any]:
    return [annotation] if not get_args(annotation) else [each for arg in get_args(annotation) for each in _types(arg)]


def _value(path: str) -> str:
    value: Any = FULL
    for step in path.split("."):
        value = value[step]
        value = value[0] if isinstance(value, list) else value
    return {True: "true"}.get(value, value) if isinstance(value, bool) else str(value)


def test_every_field_has_exactly_one_row_and_no_element_two() -> None:
    assert set(ROWS) == _leaves(Instruction)
    assert len(set(ROWS.values())) == len(ROWS)


@pytest.mark.parametrize("path", sorted(ROWS))
def test_the_value_of_a_field_is_in_its_element(path: str) -> None:
    body = instruction_to_pacs008(Instruction.model_validate(FULL), message_id="M", created_at=AT)
    element_path, _, attribute = ROWS[path].partition("/@")
    found = etree.fromstring(body).findall(
        ".//{*}CdtTrfTxInf/" + "/".join("{*}" + step for step in element_path.split("/"))
    )
    assert len(found) == 1
    assert (found[0].get(attribute) if attribute else "".join(found[0].itertext())) == _value(path)
