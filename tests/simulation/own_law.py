"""What the auditor knows of its own: which status follows which, the law's caps and hours, which rules give back, who bears what.

Written down anew, from the design and the law, never from the switch's tables.
"""

from collections.abc import Collection
from datetime import datetime, time, timedelta, timezone
from typing import NamedTuple

from switch.flow.ports import Stored
from switch.payment.instruction import Instruction, Party

# Which status may follow which (design 2).
MOVES = {
    "": {"accepted", "queued", "rejected"},
    "queued": {"accepted", "cancelled", "rejected"},
    "accepted": {"submitted", "in_doubt", "settled", "credited", "rejected", "blocked"},
    "submitted": {"in_doubt", "settled", "credited", "rejected", "blocked"},
    "in_doubt": {"settled", "credited", "rejected", "blocked"},
    "settled": {"credited"},
    "credited": set(),
    "rejected": set(),
    "cancelled": set(),
    "blocked": set(),
}
HELD = {"queued", "accepted", "submitted", "in_doubt", "blocked"}  # statuses in which the money is pending
POSTED = {"settled", "credited"}
GONE = {"rejected", "cancelled"}
RECALL_MOVES = {
    "": {"requested"},
    "requested": {"pending", "accepted", "rejected", "returned"},
    "pending": {"accepted", "rejected", "returned"},
    "accepted": {"returned"},
    "rejected": set(),
    "returned": set(),
}
UNDER_WAY = {"requested", "pending", "accepted"}
RETURN_MOVES = {
    "": {"returned", "suspended", "squared"},
    "suspended": {"released", "sent_back"},
    "returned": set(),
    "squared": set(),
    "released": set(),
    "sent_back": set(),
}
HAS_IT = {"returned", "released"}  # the debtor agent has the money

# The law in minor units.
CAPS = {
    "payment-connect.northbound.day": 10_000_00,
    "payment-connect.northbound.year": 200_000_00,
    "mainland.fx-purchase.year": 50_000_00,
    "same-name.hong-kong.day": 80_000_00,
    "easy-transfer.day/MOP": 20_000_00,
}
GIVE_BACK = frozenset({"mainland.account.balance"})  # of the rules these worlds meet: what an account holds
BEAR_IT = frozenset({"DS28", "ED05"})  # return reasons for which the creditor agent bears the exchange
SPREAD_MAX = (103, 97)  # no provider of these worlds is dearer than this many per cent of the middle, there and back
RATES = {
    ("CNY", "HKD"): (("1.08", "1.10")),
    ("HKD", "CNY"): (("0.9", "0.92")),
}  # the lowest and highest of these worlds
SETTLES_THROUGH = {"KAPOHKH0": "LIONHKH0"}  # a wallet and its sponsor
CHARGE = 50_00  # on RTGS lanes alone
LAPSES_AFTER = timedelta(minutes=30)  # a proposal waits so long for a second operator

_LAW_ZONE = timezone(timedelta(hours=8))
_REFERENCE_RATE = (110, 100)  # HKD for one CNY
_ONSHORE_USD = (14, 100)  # USD for one CNY, the rate of these worlds
_SOUTHBOUND = (time(7), time(23))  # Payment Connect's hours


class Wrong(AssertionError):
    """The switch has broken a promise."""


def expect(right: bool, what: str) -> None:
    """Raise Wrong where a promise is broken."""
    if not right:
        raise Wrong(what)


class Counted(NamedTuple):
    """What a payment uses of one allowance."""

    rule: str
    whose: str
    window: str
    amount_minor: int
    gives_back: bool = False


def uses(instruction: Instruction, stored: Stored, give_back: Collection[str]) -> list[Counted]:
    """Count what a payment uses of the allowances the auditor follows."""
    found = _uses(instruction, stored)
    return [use._replace(gives_back=use.rule in give_back) for use in found]


def _uses(instruction: Instruction, stored: Stored) -> list[Counted]:
    received = stored.received_at.astimezone(_LAW_ZONE)
    day, year = f"{received:%Y-%m-%d}", f"{received:%Y}"
    debit = stored.debit_minor
    match stored.lane:
        case "payment-connect.northbound":
            person = _person(instruction.debtor)
            in_hkd = debit if stored.debit_currency == "HKD" else _up(debit, *_REFERENCE_RATE)
            at = f"{person}@{stored.debtor_agent}"
            return [
                Counted("payment-connect.northbound.day", at, day, in_hkd),
                Counted("payment-connect.northbound.year", at, year, in_hkd),
            ]
        case "payment-connect.southbound":
            return [Counted("mainland.fx-purchase.year", _person(instruction.debtor), year, _up(debit, *_ONSHORE_USD))]
        case "same-name.hong-kong":
            return [Counted("same-name.hong-kong.day", _person(instruction.debtor), day, instructed(instruction)[1])]
        case "domestic.macau":
            return [Counted(f"easy-transfer.day/{stored.debit_currency}", _person(instruction.debtor), day, debit)]
    return []


def is_open(lane: str, at: datetime) -> bool:
    """Whether a lane takes payments at an instant."""
    opens, closes = _SOUTHBOUND
    return lane != "payment-connect.southbound" or opens <= at.astimezone(_LAW_ZONE).time() < closes


def instructed(instruction: Instruction) -> tuple[str, int]:
    """Return currency and minor units of what was asked for."""
    whole, _, cents = instruction.instructed_amount.amount.partition(".")
    return instruction.instructed_amount.currency, int(whole) * 100 + int((cents + "00")[:2])


def holder(bic: str) -> str:
    """Return whose position an agent's payments are paid from and into."""
    return SETTLES_THROUGH.get(bic[:8], bic[:8])


def _person(party: Party) -> str:
    given = party.identification
    assert given is not None
    return f"{given.type} {given.country} {given.number.replace('(', '').replace(')', '').upper()}"


def _up(amount: int, numerator: int, denominator: int) -> int:
    return -(-amount * numerator // denominator)
