"""Bad input: bodies that a switch must refuse with a 4xx, each with the status it owes; never a 5xx, and nothing may be stored.

Made of one good instruction, so that each is wrong in one thing alone. A catalogue, not a fuzzer: the tests of the switch tear bodies at random.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

JSON, XML = "application/json", "application/xml"
PAYMENTS, MESSAGES, BATCH = "/v1/payments", "/v1/messages", "/v1/payments/batch"
TOO_LARGE_BYTES = 65 * 1024  # a single instruction may have 64 KiB (docs/api.md, Limits)
_NESTED = 2_000  # deeper than any reader of JSON goes

Document = dict[str, Any]


class Bad(NamedTuple):
    """One wrong call: what is wrong, where it goes, what it must be answered; `keyed` False: it comes without Idempotency-Key."""

    name: str
    status: int
    body: bytes
    path: str = PAYMENTS
    content_type: str = JSON
    keyed: bool = True


def catalogue(instruction: Mapping[str, Any]) -> tuple[Bad, ...]:
    """Make every kind of bad input of a good instruction (the API's JSON document)."""

    def changed(path: str, value: Any) -> bytes:
        document: Document = json.loads(json.dumps(instruction))
        *parents, last = path.split(".")
        place = document
        for parent in parents:
            place = place[parent]
        if value is ...:
            place.pop(last, None)
        else:
            place[last] = value
        return json.dumps(document).encode()

    whole = json.dumps(instruction).encode()
    fields = {
        "a number for an amount": ("instructed_amount.amount", 12.5),
        "an amount with a comma": ("instructed_amount.amount", "1,500.00"),
        "a negative amount": ("instructed_amount.amount", "-1.00"),
        "an exponent": ("instructed_amount.amount", "1e9"),
        "an endless amount": ("instructed_amount.amount", "1" * 40),
        "digits of another script": ("instructed_amount.amount", "１２"),
        "a currency in small letters": ("settlement_currency", "cny"),
        "a NUL in a name": ("debtor.name", "CHAN\x00"),
        "half a surrogate": ("debtor.name", "\ud800"),
        "a line break": ("remittance_information", "a\nb"),
        "an unknown field": ("debtor.iban", "x"),
        "an unknown document": ("debtor.identification", {"type": "SSN", "number": "1", "country": "US"}),
        "no debtor": ("debtor", ...),
        "no amount": ("instructed_amount", ...),
        "no creditor agent": ("creditor_agent", ...),
        "a list for a party": ("creditor", []),
        "null for a party": ("creditor", None),
        "an agent that is no BIC": ("creditor_agent", "HARBOUR"),
        "an empty id": ("instruction_id", ""),
        "an id with two slashes": ("instruction_id", "a//b"),
        "an id that is too long": ("instruction_id", "x" * 36),
        "a UETR of another version": ("uetr", "00000000-0000-1000-8000-000000000000"),
    }
    bodies = {
        "nothing": b"",
        "no JSON": b"amount=1",
        "not UTF-8": b'{"instruction_id": "\xff\xfe"}',
        "cut in the middle": whole[: len(whole) // 2],
        "a list": b"[]",
        "null": b"null",
        "nested without end": b'{"debtor":' * _NESTED + b"1" + b"}" * _NESTED,
    }
    messages = {
        "no XML": b"pay him",
        "an empty message": b"",
        "XML cut in the middle": b'<?xml version="1.0"?><Document><FIToFICstmrCdtTrf>',
        "a message nobody knows": b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.999.001.01"><X/></Document>',
        "an entity of its own": b'<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
        b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><X>&e;</X></Document>',
    }
    return (
        *(Bad(name, 400, changed(path, value)) for name, (path, value) in fields.items()),
        *(Bad(name, 400, body) for name, body in bodies.items()),
        *(Bad(name, 400, body, MESSAGES, XML) for name, body in messages.items()),
        Bad("no key", 400, whole, keyed=False),
        Bad("another content type", 415, whole, content_type="text/plain"),
        Bad("JSON among messages", 415, whole, MESSAGES),
        Bad("too large a body", 413, b" " * TOO_LARGE_BYTES),
        Bad("a batch that is none", 400, b'{"items": 5}', BATCH),
        Bad("a batch of nothing said", 400, b"{}", BATCH),
    )
