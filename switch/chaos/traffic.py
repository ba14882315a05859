"""The calls of a chaos run: payments whose answer is known beforehand, so that each refusal can be judged. Pure.

Accepted, or refused because a person's day of Payment Connect is used up: nothing else may be answered. Some persons send
much more than they may; some calls come twice, under the same key, at another worker.
"""

import json
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from rails.identifiers import fictional

DAY_CAP = "payment-connect.northbound.day"
CAP_MINOR = 10_000_00  # of that rule's value since 2025-06-22
HONG_KONG, MAINLAND = ("HBAYHKH0", "LIONHKH0"), ("PEARCNG0", "BANYCNS0")

# Shares of 100, amounts in minor units, persons: our own choice (assumed); a day's allowance of who sends much is gone in seconds.
_MUCH, _SOME, _HOME = 25, 60, 15
_OF_MUCH, _OF_SOME, _OF_HOME = (200_00, 1_500_00), (20_00, 400_00), (10_00, 2_000_00)
_MUCH_PERSONS, _SOME_PERSONS = 12, 4_000
_REPEATED = 10  # of 100 calls come again
_REPEATED_WITHIN_MS = 4_000


class Call(NamedTuple):
    """One call: when, at which worker, under which key, what, and whose allowance it uses."""

    at_ms: int
    door: int
    participant: str
    key: str
    body: dict[str, Any]
    owner: str  # person and institution, the scope of DAY_CAP; "" where it uses none
    amount_minor: int


def calls(seed: int, seconds: int, rate: int) -> list[Call]:
    """Draw the calls of a run, by their time: `rate` new payments a second, and what is repeated of them."""
    chance = Random(f"traffic/{seed}")
    gap = 1_000_000 // rate
    found = [call for n in range(seconds * rate) for call in _of(chance, seed, n, n * gap // 1_000, seconds * 1_000)]
    return sorted(found, key=lambda call: call.at_ms)


def _of(chance: Random, seed: int, n: int, at_ms: int, end_ms: int) -> Iterator[Call]:
    """Draw one payment, and its repetition where it has one."""
    place = chance.randrange(100)
    much, home = place < _MUCH, place >= _MUCH + _SOME
    person = chance.randrange(_MUCH_PERSONS) if much else 100 + chance.randrange(_SOME_PERSONS)
    amount = chance.randint(*(_OF_HOME if home else _OF_MUCH if much else _OF_SOME))
    agent, there = chance.choice(HONG_KONG), chance.choice(MAINLAND)
    if home:
        there = next(each for each in HONG_KONG if each != agent)
    body = _body(seed, n, person, agent, there, amount, UUID(int=chance.getrandbits(128), version=4))
    owner = "" if home else f"{person}|{agent}"
    door = chance.randrange(2)
    call = Call(at_ms, door, agent, f"chaos-{seed}-{n:06}", body, owner, amount)
    yield call
    if chance.randrange(100) < _REPEATED:
        later = at_ms + chance.randrange(_REPEATED_WITHIN_MS)
        if later < end_ms:
            yield call._replace(at_ms=later, door=1 - door)


def _body(seed: int, n: int, person: int, agent: str, there: str, amount: int, uetr: UUID) -> dict[str, Any]:
    home = there in HONG_KONG
    return {
        "instruction_id": f"X{seed}-{n:06}",
        "uetr": str(uetr),
        "instructed_amount": {"currency": "HKD", "amount": f"{amount // 100}.{amount % 100:02}"},
        "debtor": {
            "name": "CHAN Tai Man",
            "identification": {"type": "HKID", "number": fictional.hkid(person), "country": "HK"},
            "residency": "HK",
            "account": {"number": f"012001{person:06}", "currency": "HKD"},
        },
        "creditor": {
            "name": "Wong Siu Ming" if home else "Li Wei",
            "residency": "HK" if home else "CN",
            "account": {"number": "901777000001" if home else "6222000000000000017"},
        },
        "debtor_agent": agent,
        "creditor_agent": there,
        "settlement_currency": "HKD" if home else "CNY",
        "purpose_code": "GIFT",
    }


def line(call: Call) -> dict[str, Any]:
    """Write a call as the generator reads it; the body as text."""
    body = json.dumps(call.body, ensure_ascii=False, separators=(",", ":"))
    return {"at_ms": call.at_ms, "door": call.door, "participant": call.participant, "key": call.key, "body": body}
