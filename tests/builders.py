"""Builders: each gives a valid thing of the domain, made by the real code; a test states only what matters to it."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any

from fx.quotes import Quote
from fx.rates import FixedRates
from limits.calendars import is_business_day, law_day
from limits.claims import Refused
from limits.rules import Rulebook, load_rulebook
from rails.book import MemoryBook
from rails.catalogue import build_rails
from rails.identifiers import fictional
from rails.port import Rail
from rails.simulated import SimulatedRail
from switch.clock import BusinessClock
from switch.flow.admission import Decider
from switch.flow.ports import Admission, Judge, Step, Store
from switch.flow.submission import Answer, Submission
from switch.flow.world import World
from switch.main import make_world, opening_transfers
from switch.payment.decide import Ask, View, refusal_of
from switch.payment.instruction import Instruction
from switch.payment.plan import Plan, Refusal
from switch.payment.status import CREDIT, REJECT
from switch.translate.facts import translate

# Thursday 5 March 2026, noon in the Bay Area: a working day of all three economies, southbound open, the wallet a member.
NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
HARBOUR, LION, PEAK, KAPOK = "HBAYHKH0", "LIONHKH0", "PEAKHKH0", "KAPOHKH0"  # Hong Kong; Kapok is a wallet
LOTUS, PRAIA = "LOTUMOM0", "PRAIMOM0"  # Macau
PEARL, BANYAN, YUEXIU = "PEARCNG0", "BANYCNS0", "YUEXCNG0"  # mainland

# Round rates, so that a test can reckon by hand.
RATES = FixedRates(
    {
        ("CNY", "HKD", "onshore"): Decimal("1.08"), ("CNY", "HKD", "offshore"): Decimal("1.10"),
        ("CNY", "USD", "onshore"): Decimal("0.14"), ("CNY", "USD", "offshore"): Decimal("0.14"),
        ("HKD", "CNY", "offshore"): Decimal("0.9"), ("HKD", "CNY", "onshore"): Decimal("0.92"),
        ("HKD", "MOP"): Decimal("1.03"), ("HKD", "USD"): Decimal("0.128"),
    }
)  # fmt: skip
RULEBOOK = load_rulebook()  # read once: it is a value, nobody changes it

_numbers = count(1)


def a_person(n: int, country: str = "HK") -> dict[str, str]:
    """The n-th person's document: HKID, PRCID or BIR."""
    kinds = {"HK": ("HKID", fictional.hkid), "CN": ("PRCID", fictional.prc_id), "MO": ("BIR", fictional.bir)}
    kind, number = kinds[country]
    return {"type": kind, "number": number(n), "country": country}


def a_firm(n: int, country: str = "HK") -> dict[str, str]:
    """The n-th firm's document: BRN in Hong Kong, USCC in the mainland."""
    if country == "CN":
        return {"type": "USCC", "number": fictional.uscc_number(n), "country": country}
    return {"type": "BRN", "number": fictional.brn(n), "country": country}


def northbound(amount: str = "100.00", currency: str = "HKD", person: int = 1, **changes: Any) -> Instruction:
    """A gift of a Hong Kong resident to somebody in the mainland, over Payment Connect."""
    document = {
        "instruction_id": f"I{next(_numbers)}",
        "instructed_amount": {"currency": currency, "amount": amount},
        "debtor": {
            "name": "CHAN Tai Man", "identification": a_person(person), "residency": "HK",
            "account": {"number": f"012001{person:06}", "currency": currency},
        },
        "creditor": {"name": "Li Wei", "residency": "CN", "account": {"number": "6222000000000000017"}},
        "debtor_agent": HARBOUR, "creditor_agent": PEARL, "settlement_currency": "CNY", "purpose_code": "GIFT",
    }  # fmt: skip
    return _built(document, changes)


def southbound(amount: str = "100.00", person: int = 1, **changes: Any) -> Instruction:
    """A gift of a mainland resident to somebody in Hong Kong, who receives Hong Kong dollars."""
    document = {
        "instruction_id": f"I{next(_numbers)}",
        "instructed_amount": {"currency": "CNY", "amount": amount},
        "debtor": {
            "name": "LI Xiaoming", "identification": a_person(person, "CN"), "residency": "CN",
            "account": {"number": f"622200{person:013}", "currency": "CNY"},
        },
        "creditor": {"name": "Chan Siu Ming", "residency": "HK", "account": {"number": "900777000001"}},
        "debtor_agent": PEARL, "creditor_agent": HARBOUR, "settlement_currency": "HKD", "purpose_code": "GIFT",
    }  # fmt: skip
    return _built(document, changes)


def domestic(amount: str = "100.00", currency: str = "HKD", person: int = 1, **changes: Any) -> Instruction:
    """A gift between residents of Hong Kong over FPS: one currency, one rail."""
    document = {
        "instruction_id": f"I{next(_numbers)}",
        "instructed_amount": {"currency": currency, "amount": amount},
        "debtor": {
            "name": "CHAN Tai Man", "identification": a_person(person), "residency": "HK",
            "account": {"number": f"012001{person:06}", "currency": currency},
        },
        "creditor": {"name": "Wong Siu Ming", "residency": "HK", "account": {"number": "901777000001"}},
        "debtor_agent": HARBOUR, "creditor_agent": LION, "settlement_currency": currency, "purpose_code": "GIFT",
    }  # fmt: skip
    return _built(document, changes)


def trade(amount: str = "100.00", currency: str = "CNY", firm: int = 1, **changes: Any) -> Instruction:
    """A Hong Kong firm pays a mainland firm for goods over the RTGS systems; the lane has a charge, the rail no credit report."""
    document = {
        "instruction_id": f"I{next(_numbers)}",
        "instructed_amount": {"currency": currency, "amount": amount},
        "debtor": {
            "name": "Lion Rock Design Ltd", "identification": a_firm(firm), "residency": "HK", "sector": "corporation",
            "account": {"number": f"012900{firm:06}", "currency": currency},
        },
        "creditor": {
            "name": "Delta Machinery", "identification": a_firm(firm, "CN"), "residency": "CN", "sector": "corporation",
            "account": {"number": "6222000000000000018"},
        },
        "debtor_agent": HARBOUR, "creditor_agent": PEARL, "settlement_currency": "CNY", "purpose_code": "GDDS",
    }  # fmt: skip
    return _built(document, changes)


def to_magic(name: str, build: Any = northbound, **changes: Any) -> Instruction:
    """A payment to a magic account (rails/magic.py), by default to the mainland over IBPS."""
    instruction: Instruction = build(creditor__account__number=f"MAGIC-{name}", **changes)
    return instruction


def _built(document: dict[str, Any], changes: Mapping[str, Any]) -> Instruction:
    """Apply changes: `debtor__account__currency="CNY"` sets a nested field, None takes it out."""
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = document
        for parent in parents:
            place = place[parent]
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return Instruction.model_validate(document)


def a_clock(at: datetime = NOON) -> BusinessClock:
    """A business clock that stands at `at` until it is moved."""
    clock = BusinessClock()
    clock.begin(at, rate=0)
    return clock


def some_rails() -> dict[str, SimulatedRail]:
    """The six rails, each with an empty book in memory; none is started."""
    return build_rails(lambda _: MemoryBook(), is_business_day, seed=1)


@cache
def _base() -> World:
    """What no test changes of a world: registry, directory, providers."""
    return make_world(some_rails(), a_clock(), seed=1, rulebook=RULEBOOK)


def a_world(
    at: datetime = NOON,
    rails: Mapping[str, Rail] | None = None,
    rulebook: Rulebook | None = None,
    sandbox: str = "main",
) -> World:
    """A world in which the clock stands at `at` and rates are round; `rails` only where payments are sent."""
    base = _base()
    return World(
        sandbox, a_clock(at), base.registry, base.known, rulebook or base.rulebook, rails or base.rails, RATES,
        base.providers, base.sealer, base.seed,
    )  # fmt: skip


async def funded(store: Store, world: World) -> Store:
    """The store with its opening transfers posted."""
    await store.fund(opening_transfers(world))
    return store


def a_submission(instruction: Instruction, key: str | None = None, sandbox: str = "main") -> Submission:
    """An instruction on its way in, sent by its debtor agent; needs a running loop."""
    answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    return Submission(instruction, instruction.debtor_agent[:8], key or instruction.instruction_id, sandbox, answer)


def admitted(
    world: World,
    instruction: Instruction,
    key: str | None = None,
    at: datetime | None = None,
    quotes: Mapping[str, tuple[Quote, str]] | None = None,
) -> Admission:
    """What the flow hands to a store for an instruction: decided for real in `world`."""
    instant = at or world.clock.now()
    submission = a_submission(instruction, key, world.sandbox)
    [item] = Decider(world).admissions([submission], instant, world.view(instant), quotes or {})
    return item


def planned(item: Admission) -> Plan:
    """The plan of an admission that decide has not refused."""
    assert isinstance(item.verdict, Plan), item.verdict
    return item.verdict


def a_step(item: Admission, event: str, at: datetime = NOON, **changes: Any) -> Step:
    """What happens to an admitted payment; its credit and its rejection are the rail's last word."""
    last_word = event in (CREDIT, REJECT)
    step = Step(item.payment_id, item.received_on, event, at, "AC03" if event == REJECT else "", last_word=last_word)
    return step._replace(**changes)


def refusing(world: World) -> Judge:
    """Make refusals of refused claims, as a payment without alternatives does."""

    def judge(item: Admission, refused: Refused) -> Refusal | None:
        return refusal_of(refused, planned(item), world.view(item.received_at).rules)

    return judge


def ask_of(world: World, instruction: Instruction, at: datetime | None = None, **changes: Any) -> tuple[Ask, View]:
    """What decide is asked for an instruction, and the view it decides in."""
    instant = at or world.clock.now()
    found = translate(instruction, world.known, instant, law_day(instant))
    assert not isinstance(found, Refusal), found
    ask = Ask(
        found.facts, instruction.lane, instruction.allow_lanes, instruction.charge_bearer, found.creditor_account,
        instruction.quote_id, None,
    )  # fmt: skip
    return ask._replace(**changes), world.view(instant)
