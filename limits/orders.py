"""What an order does to a market's daily quota (facts rules 1.2): what it claims, what its events give back, when it is taken.

A buy claims its whole value when it is placed, a sell gives headroom only as it trades; cancels, rejects and a better price
give back. Values are consideration alone: fees, taxes, dividends and interest never come here. Pure, driven live and by the
lab: `judged` takes one event after the other, whatever batches they come in. Not here: what one counter admits (limits.counters),
days and hours (limits.calendars), which rule binds (limits.rules).
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from fx.money import AMOUNT_MINOR_MAX, DOWN, EXPONENTS, UP, convert, round_minor
from limits.calendars.sessions import SessionState
from limits.claims import Claim, Refused, Sums
from limits.counters import Change, admit, changed
from limits.measures import OrderClaimer

QUOTA_CURRENCY = "CNY"
PRICE_DECIMALS_MAX = 3  # assumed: no exchange of the links quotes to less than a thousandth

BUY, SELL = "buy", "sell"

# What happens to an order: its owner places, reduces and cancels it, its exchange executes or rejects it.
PLACE, REDUCE, CANCEL, EXECUTE, REJECT = "place", "reduce", "cancel", "execute", "reject"

# Why an event is refused: nothing of it happens.
CLOSED_TO_ORDERS, NO_CANCEL, QUOTA, SUSPENDED = "closed-to-orders", "no-cancel-period", "quota", "suspended"

# What becomes of an order. It is open until it is done, withdrawn by its owner, or thrown out by its exchange.
OPEN, DONE, CANCELLED, REJECTED = "open", "done", "cancelled", "rejected"


class OrderError(ValueError):
    """An event that cannot be of this order; `field` is where the fault is, the text says what to do."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


class Order(NamedTuple):
    """An order of a link as it stands: what is open of it, and what it still claims."""

    side: str  # buy | sell
    quantity: int  # shares or units, as placed
    price: Decimal  # the limit, major units of `currency` for one
    currency: str  # of the exchange: CNY northbound, HKD southbound
    rate: Decimal  # CNY for one of `currency`, the day's reference rate set before the open; 1 for CNY
    open_quantity: int
    claimed_minor: int  # fen of the quota that the open part holds; a sell holds none
    state: str = OPEN


class Moved(NamedTuple):
    """An order after an event, and what the event adds to its quota's counter."""

    order: Order
    change: Change


class Event(NamedTuple):
    """What happens to an order at an instant; what its kind does not need stays as it is here."""

    kind: str
    at: datetime
    quantity: int = 0  # placed, executed, or what is left after a reduction
    price: Decimal = Decimal(0)  # the limit of what is placed, the price of what is executed
    side: str = ""  # of what is placed


class Market(NamedTuple):
    """One link in one direction on one trading day."""

    currency: str  # orders are in it: CNY northbound, HKD southbound
    rate: Decimal  # CNY for one of it, set before the open; 1 for CNY
    session: Callable[[datetime], SessionState]
    claim: OrderClaimer | None  # the day's quota; None = there is none
    may_be_reduced: bool  # northbound orders cannot be amended, southbound ones only downwards (facts 1.4)
    suspended: bool = False  # the aggregate quota stood below one day's quota at the last close: no buys today

    @property
    def counter(self) -> str:
        """Return the key of the quota's counter, "" where there is no quota."""
        return self.claim(0, "").counter if self.claim is not None else ""


class Outcome(NamedTuple):
    """What became of an event: the order as it stands (None: none was placed), and the quota's sums after it."""

    order: Order | None
    sums: Sums
    reason: str = ""  # why it was refused, "" = it happened
    refused: Refused | None = None  # by the quota
    claim: Claim | None = None  # with which it was admitted


def judged(market: Market, order: Order | None, event: Event, sums: Sums) -> Outcome:
    """Let an event happen to an order, or refuse it; `order` is None exactly where it is placed. Raises OrderError.

    Sells and cancels are never refused for the quota's sake; what is open stays open, whatever becomes of the quota.
    """
    if event.kind == PLACE:
        return _placed(market, event, sums)
    assert order is not None, "only what was placed has events"
    if event.kind == CANCEL and not market.session(event.at).accepts_cancels:
        return Outcome(order, sums, NO_CANCEL)
    if event.kind == REDUCE:
        if not market.may_be_reduced:
            raise OrderError("event", "northbound orders cannot be amended: cancel it, and place another")
        if not market.session(event.at).accepts_cancels:
            return Outcome(order, sums, NO_CANCEL)
    moved, change = _moved(order, event)
    if not any(change):
        return Outcome(moved, sums)
    return Outcome(moved, changed({"": sums}, {"": change})[""])


def _placed(market: Market, event: Event, sums: Sums) -> Outcome:
    order = placed(event.side, event.quantity, event.price, market.currency, market.rate)
    session = market.session(event.at)
    if not is_taken(session, event.side):
        return Outcome(None, sums, CLOSED_TO_ORDERS)
    if event.side == SELL or market.claim is None:
        return Outcome(order, sums)
    if market.suspended:
        return Outcome(None, sums, SUSPENDED)
    claim = market.claim(order.claimed_minor, session.name)
    refused, after = admit((claim,), {claim.counter: sums})
    sums = after.get(claim.counter, sums)
    return Outcome(order, sums, claim=claim) if refused is None else Outcome(None, sums, QUOTA, refused)


def _moved(order: Order, event: Event) -> Moved:
    match event.kind:
        case "execute":
            return executed(order, event.quantity, event.price)
        case "reduce":
            return reduced(order, event.quantity)
        case "cancel":
            return cancelled(order)
        case "reject":
            return rejected(order)
    raise OrderError("event", f"{event.kind!r} happens to no order; write place, reduce, cancel, execute or reject")


def placed(side: str, quantity: int, price: Decimal, currency: str, rate: Decimal) -> Order:
    """Return an order just placed; raises OrderError. A buy's claim is `claimed_minor`: its value at its limit, rounded up."""
    if side not in (BUY, SELL):
        raise OrderError("side", f"{side!r} is no side; write {BUY} or {SELL}")
    if quantity <= 0:
        raise OrderError("quantity", f"{quantity} cannot be ordered; write a whole number above 0")
    _check_price(price)
    value = value_minor(quantity, price, currency, rate, UP)
    if value > AMOUNT_MINOR_MAX:
        raise OrderError("quantity", f"{quantity} at {price} are worth more than is carried; divide the order")
    return Order(side, quantity, price, currency, rate, quantity, value if side == BUY else 0)


def value_minor(quantity: int, price: Decimal, currency: str, rate: Decimal, mode: str) -> int:
    """Return what so many are worth in fen of the quota, rounded once in the exchange's currency and once in CNY."""
    minor = round_minor(quantity * price.scaleb(EXPONENTS[currency]), mode)
    return minor if currency == QUOTA_CURRENCY else convert(minor, currency, QUOTA_CURRENCY, rate, mode)


def executed(order: Order, quantity: int, price: Decimal) -> Moved:
    """Trade a part of an order, or all that is open: what a buy held for it beyond its price is given back; raises OrderError.

    A sell gives headroom by what it traded for, rounded down, so that no cap is exceeded by what rounding hides.
    """
    _check_open(order)
    if not 0 < quantity <= order.open_quantity:
        raise OrderError("quantity", f"{quantity} cannot trade: {order.open_quantity} are open")
    _check_price(price)
    if price > order.price if order.side == BUY else price < order.price:
        raise OrderError(
            "price", f"{price} is worse than the order's limit of {order.price}: the exchange does not match it"
        )
    left = order.open_quantity - quantity
    state = OPEN if left else DONE
    if order.side == SELL:
        traded = value_minor(quantity, price, order.currency, order.rate, DOWN)
        if traded > AMOUNT_MINOR_MAX:
            raise OrderError("price", f"{quantity} at {price} are worth more than is carried; look at the price")
        return Moved(order._replace(open_quantity=left, state=state), Change(down_posted=traded))
    held = value_minor(left, order.price, order.currency, order.rate, UP) if left else 0
    freed = order.claimed_minor - held
    traded = min(freed, value_minor(quantity, price, order.currency, order.rate, UP))
    return Moved(
        order._replace(open_quantity=left, claimed_minor=held, state=state), Change(up_pending=-freed, up_posted=traded)
    )


def reduced(order: Order, quantity: int) -> Moved:
    """Leave so many of an order open, fewer than there are; raises OrderError."""
    _check_open(order)
    if not 0 < quantity < order.open_quantity:
        raise OrderError(
            "quantity", f"{quantity} is no reduction of {order.open_quantity} open; to take all off, cancel it"
        )
    held = value_minor(quantity, order.price, order.currency, order.rate, UP) if order.side == BUY else 0
    change = Change(up_pending=held - order.claimed_minor)
    return Moved(order._replace(open_quantity=quantity, claimed_minor=held), change)


def cancelled(order: Order) -> Moved:
    """Withdraw what is open of an order; raises OrderError where nothing is."""
    return _ended(order, CANCELLED)


def rejected(order: Order) -> Moved:
    """Take what is open of an order off, as its exchange would not have it; raises OrderError where nothing is open."""
    return _ended(order, REJECTED)


def is_taken(session: SessionState, side: str) -> bool:
    """Whether a session takes new orders of a side: sells wherever anything of an order is taken, quota or not (facts 1.3)."""
    return session.accepts_buys if side == BUY else session.accepts_buys or session.accepts_cancels


def _ended(order: Order, state: str) -> Moved:
    _check_open(order)
    return Moved(order._replace(open_quantity=0, claimed_minor=0, state=state), Change(up_pending=-order.claimed_minor))


def _check_price(price: Decimal) -> None:
    if not price.is_finite() or not 0 < price <= AMOUNT_MINOR_MAX:
        raise OrderError("price", f"{price} is no price; write the price of one, above 0")
    if -int(price.as_tuple().exponent) > PRICE_DECIMALS_MAX:
        raise OrderError("price", f"{price} has more than {PRICE_DECIMALS_MAX} decimals, which no exchange quotes")


def _check_open(order: Order) -> None:
    if order.state != OPEN:
        raise OrderError("event", f"nothing of the order is open: it is {order.state}")
