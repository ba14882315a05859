"""What a return books: whose money moves where, at which rate, who bears it, and which share of the quota goes back. Pure.

The money goes the way back: the creditor agent's position, a provider at the day's rate where currencies differ, the debtor
agent's position. What cannot go there is held in suspense. `bookings` lists the ways in the order in which they are to be
tried; the store takes the first that its accounts cover, under the payment's lock.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from fx.money import DOWN, Money, divide
from fx.quotes import Price
from limits.calendars import law_day
from rails.port import RailReturn
from switch.payment.plan import Transfer
from switch.payment.postings import Sides, charges, suspense, transfers_of
from switch.payment.recalling import terms

# States of a return.
BOOKED = "returned"  # the debtor agent has it
SUSPENDED = "suspended"  # it is held, until an operator releases it
SQUARED = "squared"  # it undoes what suspense bore for a payment that had ended
UNMATCHED = "unmatched"  # of no payment of ours; no money moves
RELEASED = "released"  # the debtor agent has it, after suspense
SENT_BACK = "sent_back"  # the creditor agent has it again, after suspense
HAS_IT = (BOOKED, RELEASED)  # states in which the debtor agent has the money

# Why one is held.
BEYOND, WRONG_CURRENCY, WRONG_RAIL, NO_PROVIDER, NOT_COVERED, ENDED, UNKNOWN = (
    "beyond-the-original", "wrong-currency", "wrong-rail", "no-provider", "not-covered", "payment-had-ended",
    "unknown-payment",
)  # fmt: skip

DEBTOR, CREDITOR, SWITCH = "debtor", "creditor", "switch"  # who bears it
RETURN, REVERSAL = "return", "reversal"
FIRST_N, PER_RETURN, RELEASE_N = 200, 20, 10  # numbers of transfers: those below 100 are the payment's own
_OFFSHORE = "offshore"


class Original(NamedTuple):
    """What of a payment its returns rest on."""

    rail: str  # that carried the credit
    leg: int
    paid: bool  # settled or credited; False: it has ended otherwise
    settlement: Money
    debit_minor: int
    debit_currency: str
    debtor_position: str
    creditor_position: str
    market: str  # of its exchange, "" where there was none
    settled_at: datetime | None
    transfers: tuple[Transfer, ...]  # its own
    borne_minor: int  # of the settlement amount that suspense bore when it was paid after its end


class Booking(NamedTuple):
    """One way to book a return."""

    state: str
    why: str = ""  # it is held
    counted_minor: int = 0  # of the original's settlement amount, or of what suspense bore of it, that is used up by it
    credited_minor: int = 0  # what the debtor agent gets
    credited_currency: str = ""
    sold_minor: int = 0  # exchanged, spread included; 0 where nothing is
    bought_minor: int = 0
    market: str = ""
    provider: str = ""
    rate: str = ""
    bears: str = ""
    mode: str = RETURN
    transfers: tuple[Transfer, ...] = ()
    share: tuple[int, int] = (0, 1)  # of the original's claims that goes back where their rule gives back


# Prices for an exchange of the settlement currency into the debit currency, best first; the amount fixes one side.
Offers = Callable[[Money], Sequence[Price]]
# (counted of the payment before, number of this return) -> ways to book it, to be tried in this order
Make = Callable[[int, int], Sequence[Booking]]


def original(
    rail: str,
    leg: int,
    paid: bool,
    settlement: Money,
    debit: Money,
    market: str,
    settled_at: datetime | None,
    transfers: Iterable[Transfer],
) -> Original:
    """Read from a payment's own transfers which accounts its money went from and to."""
    booked = tuple(transfers)
    own = tuple(each for each in booked if each.n < 100)
    borne = sum(each.amount_minor for each in booked if each.line == "suspense")
    by_line = {each.line: each for each in own}
    source = by_line.get("conversion", by_line["principal"]).debit_account
    return Original(
        rail, leg, paid, settlement, debit.amount_minor, debit.currency, source, by_line["principal"].credit_account,
        market, settled_at, own, borne,
    )  # fmt: skip


def bookings(
    of: Original, given: RailReturn, reversal: bool, before_minor: int, n: int, at: datetime, offers: Offers
) -> list[Booking]:
    """List the ways to book what a rail gives back, `before_minor` of the original having come back before."""
    first_n = FIRST_N + PER_RETURN * (n - 1)
    if (given.rail, given.leg) != (of.rail, of.leg):
        return [Booking(SUSPENDED, WRONG_RAIL)]  # it paid nothing of this: no position here has what it would give back
    if given.currency != of.settlement.currency:
        return _held(of, given, WRONG_CURRENCY, 0, first_n)
    taken = given.amount_minor + given.charge_minor
    if not of.paid:
        if before_minor + taken > of.borne_minor:
            return _held(of, given, ENDED, 0, first_n)
        return _held(of, given, ENDED, taken, first_n, SQUARED)
    if before_minor + taken > of.settlement.amount_minor:
        return _held(of, given, BEYOND, 0, first_n)
    bears = SWITCH if reversal else terms().bears.get(given.reason_code, terms().bears["other"])
    ways = _ways(of, given, of.creditor_position, bears, reversal, before_minor, first_n, at, offers)
    why = NOT_COVERED if ways else NO_PROVIDER
    return ways + _held(of, given, why, taken, first_n)


def releases(
    of: Original,
    given: RailReturn,
    reversal: bool,
    before_minor: int,
    n: int,
    at: datetime,
    offers: Offers,
    moved: bool,
) -> list[Booking]:
    """List the ways to let a held return go to the debtor agent; `moved`: its money is in suspense."""
    taken = given.amount_minor + given.charge_minor
    if (given.rail, given.leg) != (of.rail, of.leg):
        return []
    if not of.paid or given.currency != of.settlement.currency or before_minor + taken > of.settlement.amount_minor:
        return []  # it is none of the debtor's
    source = suspense(given.rail, given.currency) if moved else of.creditor_position
    first_n = FIRST_N + PER_RETURN * (n - 1) + RELEASE_N
    bears = SWITCH if reversal else DEBTOR
    ways = _ways(of, given, source, bears, False, before_minor, first_n, at, offers)
    return [way._replace(state=RELEASED, mode=REVERSAL if reversal else RETURN) for way in ways]


def sent_back(of: Original, given: RailReturn, n: int, moved: bool) -> list[Booking]:
    """Let a held return go back to the creditor agent: it is none of the original any more."""
    first_n = FIRST_N + PER_RETURN * (n - 1) + RELEASE_N
    source = suspense(given.rail, given.currency)
    line = Transfer(first_n, source, _creditor(of, given), given.amount_minor, given.currency, "released")
    return [Booking(SENT_BACK, transfers=(line,) if moved else ())]


def share_left(share: tuple[int, int], given: tuple[int, int]) -> tuple[int, int]:
    """Return of a share what is left where `given` of the whole went back before."""
    (part, of), (done, done_of) = share, given
    left = (done_of - done, done_of)
    return share if part * left[1] <= left[0] * of else left


# --- the ways ---


def _ways(
    of: Original,
    given: RailReturn,
    source: str,
    bears: str,
    reversal: bool,
    before_minor: int,
    first_n: int,
    at: datetime,
    offers: Offers,
) -> list[Booking]:
    whole, taken = of.settlement.amount_minor, given.amount_minor + given.charge_minor
    share = (given.amount_minor, whole)
    made = Booking(
        BOOKED, "", taken, credited_currency=of.debit_currency, bears=bears, mode=REVERSAL if reversal else RETURN,
        share=share,
    )  # fmt: skip
    debit = Money(_part(of.debit_minor, before_minor, taken, whole), of.debit_currency)
    principal = Money(_part(_principal(of), before_minor, taken, whole), of.debit_currency)
    if reversal and _same_day_and_whole(of, given, before_minor, at):
        mirror = tuple(
            Transfer(
                first_n + i, each.credit_account, each.debit_account, each.amount_minor, each.currency, _BACK[each.line]
            )
            for i, each in enumerate(reversed(of.transfers))
        )
        sold, bought = (whole, _principal(of)) if of.market else (0, 0)
        return [
            made._replace(
                credited_minor=of.debit_minor, sold_minor=sold, bought_minor=bought, market=of.market, transfers=mirror
            )
        ]
    if given.currency == of.debit_currency:
        paid = principal if bears == CREDITOR else Money(given.amount_minor, given.currency)
        lines = [(source, of.debtor_position, paid.amount_minor, paid.currency, "returned")]
        return [_made(made, paid.amount_minor, lines, of, debit, first_n)]
    fixed = principal if bears == CREDITOR else Money(given.amount_minor, given.currency)
    return [_exchanged(made, price, source, of, debit, first_n) for price in offers(fixed)]


def _exchanged(made: Booking, price: Price, source: str, of: Original, debit: Money, first_n: int) -> Booking:
    sides = Sides(source, of.debtor_position)
    lines = [
        (each.debit_account, each.credit_account, each.amount_minor, each.currency, _BACK[each.line])
        for each in transfers_of(sides, price.sell, price.buy, price, None, False)
    ]
    priced = made._replace(
        sold_minor=price.sell.amount_minor, bought_minor=price.buy.amount_minor, market=price.market,
        provider=price.provider, rate=_plain(price.rate),
    )  # fmt: skip
    return _made(priced, price.buy.amount_minor, lines, of, debit, first_n)


def _made(
    made: Booking, reaches: int, lines: list[tuple[str, str, int, str, str]], of: Original, debit: Money, first_n: int
) -> Booking:
    """Finish a way: where the switch bears it, its charges make good what is missing, and take what is too much."""
    credited = reaches
    if made.bears == SWITCH and reaches != debit.amount_minor:
        missing, account = debit.amount_minor - reaches, charges(debit.currency)
        sides = (account, of.debtor_position) if missing > 0 else (of.debtor_position, account)
        lines = [*lines, (*sides, abs(missing), debit.currency, "refund")]
        credited = debit.amount_minor
    transfers = tuple(Transfer(first_n + i, *line) for i, line in enumerate(lines))
    return made._replace(credited_minor=credited, transfers=transfers)


def _held(
    of: Original, given: RailReturn, why: str, counted_minor: int, first_n: int, state: str = SUSPENDED
) -> list[Booking]:
    """Hold a return in suspense; where the creditor agent's position does not cover it, as a record alone."""
    account = suspense(given.rail, given.currency)
    line = Transfer(first_n, _creditor(of, given), account, given.amount_minor, given.currency, "held")
    held = Booking(state, why, counted_minor)
    bare = held._replace(state=SUSPENDED, why=NOT_COVERED if why == NO_PROVIDER else why)
    return [held._replace(transfers=(line,)), bare._replace(counted_minor=0) if state == SQUARED else bare]


def _creditor(of: Original, given: RailReturn) -> str:
    """Name the creditor agent's position in the currency that is given back, which may not be the original's."""
    return f"{of.creditor_position.rpartition(':')[0]}:{given.currency}"


# Lines of a return by the line of a payment that they are like.
_BACK = {"principal": "returned", "conversion": "conversion", "spread": "spread", "charge": "refund"}


def _principal(of: Original) -> int:
    """What the debtor paid besides a charge of its own, minor units of the debit currency."""
    own = sum(
        each.amount_minor for each in of.transfers if each.line == "charge" and each.debit_account == of.debtor_position
    )
    return of.debit_minor - own


def _part(total: int, before: int, taken: int, whole: int) -> int:
    """Share a total out in steps that add up to it: rounded down each time over all that has come back."""
    return divide(total * (before + taken), whole, DOWN) - divide(total * before, whole, DOWN)


def _same_day_and_whole(of: Original, given: RailReturn, before_minor: int, at: datetime) -> bool:
    same_day = of.settled_at is not None and law_day(of.settled_at) == law_day(at)
    whole = before_minor == 0 and given.charge_minor == 0 and given.amount_minor == of.settlement.amount_minor
    return same_day and whole


def market_of(market: str) -> str:
    """Return the market to exchange in: the original's; a pegged pair has the same price in both."""
    return market if market == "onshore" else _OFFSHORE


def _plain(rate: Decimal) -> str:
    return f"{rate:f}"
