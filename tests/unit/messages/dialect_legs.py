"""A leg with every field said, for the dialects' tests, and what is expected of it on the other side.

Where a field of the transfer may differ from the leg's own, it does: so that what only seems to come through is seen.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from rails.messages import Account, CreditTransfer, Document, Identification, Party
from rails.messages.dialects.of_rail import NAMED_BY
from rails.messages.dialects.terms import ASSUMED, CARRIED, LEFT_OUT, Members, Row, members
from rails.messages.dialects.transfers import field_of
from rails.messages.model import InterbankDetails
from rails.port import RailInstruction
from switch.participants.registry import load_registry

UETR = "0000000a-0b0c-4d0e-8f00-000000000001"
SENT_AT = datetime(2026, 3, 3, 1, 2, 3, 450_000, UTC)
DEADLINE = timedelta(seconds=20)

TRANSFER = CreditTransfer(
    "INS-1", "E2E-1", UETR, "5000.5", "CNY", "4999.00", "CNY",
    Party("LI Xiaoming 李小明", Identification("PRCID", "890000197109070000", "CN"), "CN", "education",
          Account("6200068880000000001", "EMAL", "a@b.hk", "CNY", "class-2")),
    Party("Delta & Sons <HK>", Identification("BRN", "99000001", "HK"), "HK", "corporation",
          Account(None, "MBNO", "+852-61234567", "USD", "wallet-1")),
    "BANYCNS0", "HBAYHKH0XXX", "CNY", "GIFT", "SALA", "SHAR", "For the rent of March",
    (Document("invoice", "R-1", "Issuer", "5d" * 32), Document("contract", "R-2", None, None)),
    "payment-connect.southbound", True, "bond-connect", "Q-1", "2026-03-03T08:59:59.5+08:00", "queue",
    InterbankDetails(priority="HIGH"),
)  # fmt: skip
FULL = RailInstruction(
    UETR,
    2,
    "PEARCNG0",
    "HBAYHKH0",
    "900888000001",
    545_000_00,
    "HKD",
    SENT_AT,
    SENT_AT + timedelta(seconds=60),
    TRANSFER,
)
IN_CNY = FULL._replace(
    currency="CNY",
    transfer=TRANSFER._replace(instructed_currency="HKD", interbank_currency="HKD", settlement_currency="HKD"),
)
# The least a participant may say: no document of the creditor, no purpose, nothing optional.
LEAST = RailInstruction(
    UETR, 1, "HBAYHKH0", "LIONHKH0", "MAGIC-SILENT", 1, "HKD", SENT_AT, SENT_AT + DEADLINE,
    TRANSFER._replace(
        debtor=Party("A", None, "HK", "household", Account("1", None, None, "HKD")),
        creditor=Party("B", None, "HK", "household", Account("2", None, None, None)),
        purpose_code=None, category_purpose=None, remittance_information=None, documents=(), lane=None, allow_lanes=False,
        venue=None, quote_id=None, acceptance_date_time=None, if_closed="refuse", interbank=None,
    ),
)  # fmt: skip


def fictional_members(rail: str) -> Members:
    """How a rail names the packaged participants."""
    return members(load_registry().member_ids(NAMED_BY[rail]))


_NESTED = ("transfer", "debtor", "creditor", "account")


def fields_of(value: Any, before: str = "") -> list[str]:
    """List the dotted fields of a leg; identification and documents are one each."""
    found: list[str] = []
    for name in value._fields:
        path = f"{before}{name}"
        inner = name in _NESTED
        found += fields_of(getattr(value, name), f"{path}.") if inner else [path]
    return found


FIELDS = fields_of(FULL)


def differing(rows: tuple[Row, ...], sent: RailInstruction, read: RailInstruction) -> list[str]:
    """List the fields that came through although they are left out, or did not although they are not."""
    found = []
    for row in rows:
        if not row.field:
            continue
        same = field_of(sent, row.field) == field_of(read, row.field)
        if row.standing in (CARRIED, ASSUMED) and not same:
            found.append(f"{row.field} is {row.standing} and is lost: {field_of(read, row.field)!r}")
        if row.standing == LEFT_OUT and same:
            found.append(f"{row.field} is left out and comes through")
    return found
