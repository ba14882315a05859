"""The instructions of a simulated world: few persons, so that they meet their caps; magic accounts; some mistakes."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from builders import a_firm, a_person, domestic, northbound, southbound, trade

from fx.quotes import Quote
from rails.identifiers import fictional
from switch.payment.instruction import Instruction

MAGIC = (
    "SILENT", "SILENT-REJECTED", "UNREPORTED", "LOST", "LATE", "LATE-ACCEPT", "DUPLICATE", "CONTRADICTORY", "REJECT-AC03",
)  # fmt: skip
AFTERWARDS = (
    "RECALL-ACCEPTED", "RECALL-ACCEPTED", "RECALL-PARTIAL", "RECALL-PENDING", "RECALL-SILENT", "RECALL-REJECTED-CUST", "RETURNED-AC04",
    "RETURNED-PARTIAL", "RETURNED-DS28", "BLOCKED",
)  # fmt: skip
PAYEE = "Li Wei"  # whose proxies are registered in these worlds


class Ask(NamedTuple):
    """What an instruction is drawn from."""

    chance: Random
    quotes: Sequence[Quote]


def an_instruction(chance: Random, seed: int, n: int, quotes: Sequence[Quote]) -> Instruction:
    """Draw the n-th instruction of a world; its ids are its own."""
    changes: dict[str, Any] = {
        "instruction_id": f"S{seed}-{n}-{chance.getrandbits(24)}",
        "uetr": f"{chance.getrandbits(32):08x}-0000-4000-8000-{n:012x}",
        "charge_bearer": chance.choice(("SLEV", "DEBT", "CRED", "SHAR")),
    }
    if chance.random() < 0.55:
        names = MAGIC if chance.random() < 0.6 else AFTERWARDS
        changes["creditor__account__number"] = f"MAGIC-{chance.choice(names)}-{n}"
    if chance.random() < 0.5:
        changes["if_closed"] = "queue"
    build = chance.choices(tuple(_KINDS), tuple(_KINDS.values()))[0]
    return build(Ask(chance, quotes), changes)


def a_mobile(n: int) -> str:
    """The n-th mobile number that may be registered meanwhile."""
    return fictional.phone(n, "CN")


def an_account(n: int) -> str:
    """The n-th account that a proxy may lead to."""
    return f"622299000000000{n:04}"


def _amount(chance: Random, *choices: str) -> str:
    return (
        chance.choice(choices) if chance.random() < 0.7 else f"{chance.randrange(1, 4000)}.{chance.randrange(100):02}"
    )


def _north(ask: Ask, changes: dict[str, Any]) -> Instruction:
    chance = ask.chance
    changes["debtor_agent"] = chance.choice(("HBAYHKH0", "HBAYHKH0", "LIONHKH0"))
    changes["creditor_agent"] = chance.choice(("PEARCNG0", "BANYCNS0"))
    person = a_person(chance.randrange(3))
    if chance.random() < 0.3:  # as printed
        person["number"] = f"{person['number'][:-1]}({person['number'][-1]})"
    currency = chance.choice(("HKD", "HKD", "CNY"))
    amount = _amount(chance, "5000.00", "2500.00", "9999.99", "10000.00", "0.01", "10000.01")
    changes |= {"debtor__identification": person, "instructed_amount": {"currency": currency, "amount": amount}}
    if chance.random() < 0.3:
        changes |= {
            "creditor__account__number": None,
            "creditor__account__proxy": {"type": "MBNO", "value": a_mobile(chance.randrange(3))},
        }
    return northbound("1.00", "HKD", **changes)


def _to_a_small_account(ask: Ask, changes: dict[str, Any]) -> Instruction:
    """An account of class III holds CNY 2,000 at most: what comes back of it makes room again."""
    changes["debtor__identification"] = a_person(ask.chance.randrange(3))
    number = "62220000000000000" if ask.chance.random() < 0.5 else "MAGIC-RECALL-ACCEPTED-"
    changes["creditor__account"] = {"number": f"{number}9{ask.chance.randrange(2)}", "type": "class-3"}
    changes.pop("creditor__account__number", None)
    return northbound(_amount(ask.chance, "700.00", "1900.00", "0.03"), "CNY", **changes)


def _north_in_cny(ask: Ask, changes: dict[str, Any]) -> Instruction:
    changes["debtor__identification"] = a_person(ask.chance.randrange(3))
    changes["allow_lanes"] = ask.chance.random() < 0.5
    return northbound(_amount(ask.chance, "4545.45", "9090.90", "9090.91", "100.00"), "CNY", **changes)


def _same_name(ask: Ask, changes: dict[str, Any]) -> Instruction:
    """An own account: small amounts fit Payment Connect, larger ones the RMB lane."""
    person = a_person(ask.chance.randrange(3))
    changes |= {
        "debtor__identification": person, "creditor__identification": person, "purpose_code": "SAVG",
        "allow_lanes": ask.chance.random() < 0.8,
    }  # fmt: skip
    if ask.chance.random() < 0.3:
        changes["lane"] = ask.chance.choice(("same-name.hong-kong", "payment-connect.northbound", "trade.northbound"))
    return northbound(_amount(ask.chance, "9000.00", "40000.00", "80000.00", "20000.00"), "CNY", **changes)


def _south(ask: Ask, changes: dict[str, Any]) -> Instruction:
    currency = ask.chance.choice(("CNY", "CNY", "HKD"))
    amount = _amount(ask.chance, "100000.00", "357142.85", "5000.00", "20000.00")
    changes["instructed_amount"] = {"currency": currency, "amount": amount}
    changes["debtor__identification"] = a_person(ask.chance.randrange(2), "CN")
    return southbound(**changes)


def _home(ask: Ask, changes: dict[str, Any]) -> Instruction:
    return domestic(_amount(ask.chance, "100.00", "30000.00"), person=ask.chance.randrange(3), **changes)


def _macau(ask: Ask, changes: dict[str, Any]) -> Instruction:
    document = {
        "debtor": {
            "name": "HO Mei Ling", "identification": a_person(ask.chance.randrange(2), "MO"), "residency": "MO",
            "account": {"number": "904888000001", "currency": "MOP"},
        },
        "creditor": {"name": "LAU Ka Yan", "residency": "MO", "account": {"number": changes.pop("creditor__account__number", "905888000007")}},
        "debtor_agent": "PRAIMOM0", "creditor_agent": "LOTUMOM0", "settlement_currency": "MOP", "purpose_code": "RENT",
    }  # fmt: skip
    return domestic(_amount(ask.chance, "20000.00", "9999.99", "10000.00"), "MOP", **document, **changes)


def _trade(ask: Ask, changes: dict[str, Any]) -> Instruction:
    changes["debtor__identification"] = a_firm(ask.chance.randrange(2))
    if ask.chance.random() < 0.5:
        changes["creditor_agent"] = "YUEXCNG0"  # on HVPS alone, which keeps office hours
    return trade(_amount(ask.chance, "1000.00", "25000.00", "49.99"), **changes)


def _quoted(ask: Ask, changes: dict[str, Any]) -> Instruction:
    quote = ask.chance.choice(ask.quotes) if ask.quotes else None
    if quote is None:
        return _north(ask, changes)
    price = quote.price
    fixed = ask.chance.choice((price.sell, price.buy))
    changes["quote_id"] = quote.quote_id if ask.chance.random() < 0.95 else "no-such-quote"
    amount = {"currency": fixed.currency, "amount": f"{fixed.amount_minor // 100}.{fixed.amount_minor % 100:02}"}
    changes["instructed_amount"] = amount
    build = northbound if price.sell.currency == "HKD" else southbound
    return build(person=ask.chance.randrange(3), **changes)


def _wrong(ask: Ask, changes: dict[str, Any]) -> Instruction:
    changes |= ask.chance.choice(
        (
            {"purpose_code": None}, {"purpose_code": "ZZZZ"}, {"debtor__identification": None}, {"creditor_agent": "NOSUCNG0"},
            {"instructed_amount": {"currency": "HKD", "amount": "0.00"}}, {"settlement_currency": "MOP"},
            {"debtor__account__number": "MAGIC-NO-FUNDS"}, {"lane": "no-such-lane"},
            {"debtor__identification": {"type": "HKID", "number": fictional.hkid(1)[:-1] + "Z", "country": "HK"}},
        )
    )  # fmt: skip
    return northbound("10.00", **changes)


_KINDS: dict[Callable[[Ask, dict[str, Any]], Instruction], int] = {
    _north: 8, _north_in_cny: 3, _same_name: 4, _south: 4, _home: 2, _macau: 2, _trade: 4, _to_a_small_account: 2, _quoted: 2, _wrong: 1,
}  # fmt: skip
