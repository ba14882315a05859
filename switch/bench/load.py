"""The bench's load: persons who pay each other over four corridors, drawn from a seed. It makes instructions and sends none."""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from rails.identifiers import fictional
from switch.child import START_AT as START_AT  # the instant of every row
from switch.payment.instruction import Instruction


class Template(NamedTuple):
    """One kind of payment of the mix: its instruction but for the ids and the amount."""

    agent: str
    instruction: Instruction


def templates(persons: int) -> list[Template]:
    """Build the mix: each person one of four corridors, half of them with a conversion."""
    return [_template(n) for n in range(persons)]


def _template(n: int) -> Template:
    kind = n % 4
    northbound = kind in (0, 1)
    debit, settle = (("HKD", "CNY"), ("CNY", "CNY"), ("CNY", "HKD"), ("CNY", "CNY"))[kind]
    hong_kong = ("HBAYHKH0", "LIONHKH0")[n // 4 % 2]
    mainland = ("PEARCNG0", "BANYCNS0")[n // 8 % 2]
    document = {
        "instruction_id": "0",
        "instructed_amount": {"currency": debit, "amount": "1.00"},
        "debtor": {
            "name": f"PERSON {n}",
            "identification": {"type": "HKID", "number": fictional.hkid(n), "country": "HK"}
            if northbound
            else {"type": "PRCID", "number": fictional.prc_id(n), "country": "CN"},
            "residency": "HK" if northbound else "CN",
            "account": {"number": f"1{n:011}", "currency": debit},
        },
        "creditor": {
            "name": f"PAYEE {n}",
            "residency": "CN" if northbound else "HK",
            "account": {"number": f"2{n:011}"},
        },
        "debtor_agent": hong_kong if northbound else mainland,
        "creditor_agent": mainland if northbound else hong_kong,
        "settlement_currency": settle,
        "purpose_code": "GIFT",
    }
    instruction = Instruction.model_validate(document)
    return Template(instruction.debtor_agent, instruction)


def instructions(mix: Sequence[Template], seed: int) -> Iterator[tuple[str, str, Instruction]]:
    """Yield (participant, key, instruction) without end, each with ids and a small amount of its own.

    Keys and instruction ids carry the seed: two seeds never make the same payment.
    """
    chance = random.Random(seed)
    choice, between = chance.randrange, chance.randint
    n = 0
    while True:
        n += 1
        agent, instruction = mix[choice(len(mix))]
        own = paying(instruction, f"B{seed}-{n}", uetr(chance), f"{between(1, 40)}.{between(10, 99)}")
        yield agent, f"k{seed}-{n}", own


def paying(instruction: Instruction, instruction_id: str, own_uetr: str, amount: str) -> Instruction:
    """Copy an instruction with ids and an amount of its own."""
    instructed = instruction.instructed_amount.model_copy(update={"amount": amount})
    return instruction.model_copy(
        update={"instruction_id": instruction_id, "uetr": own_uetr, "instructed_amount": instructed}
    )


def uetr(chance: random.Random) -> str:
    """Draw a UUIDv4."""
    return str(UUID(int=chance.getrandbits(128), version=4))
