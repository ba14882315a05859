"""Builders of orders on Shanghai Connect's first day, and a market that judges them by the law of that day."""

import hashlib
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from itertools import count
from random import Random
from uuid import UUID, uuid5

from builders import HARBOUR

from limits.calendars.sessions import session_at
from limits.orders import BUY, CANCEL, EXECUTE, PLACE, SELL, Event, Market
from limits.rules import load_rulebook
from switch.flow.order_books import OrderAsk

LINK = "stock-connect.shanghai"
QUOTA_RULE = f"{LINK}.northbound.day"
DAY = date(2014, 11, 17)
MILLION = 10**6
_numbers = count(1)
_SPACE = UUID("00000000-0000-5000-8000-000000000000")


def market(quota: str, day: date) -> Market:
    direction = quota.split(".")[2]
    claim = load_rulebook().on(day).order_claimer(quota)
    assert claim is not None
    return Market("CNY", Decimal(1), partial(session_at, LINK, direction), claim, False)


def at(time: str) -> datetime:
    return datetime.fromisoformat(f"{DAY}T{time}+08:00")


def ask(
    kind: str,
    millions: int,
    time: str = "10:00:00",
    side: str = "",
    order: OrderAsk | None = None,
    price: str = "1",
    chance: Random | None = None,
) -> OrderAsk:
    """An event on an order, which is a new one where none is given; its id is drawn by chance where that is given."""
    number = chance.getrandbits(64) if chance is not None else next(_numbers)
    event_id = str(uuid5(_SPACE, str(number)))
    event = Event(kind, at(time), millions * MILLION, Decimal(price), side)
    content = hashlib.sha256(repr(event).encode()).digest()
    order_id = order.order_id if order is not None else event_id
    return OrderAsk(event_id, order_id, QUOTA_RULE, DAY, HARBOUR, event, content, "600000" if order is None else "")


def buy(millions: int, time: str = "10:00:00") -> OrderAsk:
    return ask(PLACE, millions, time, BUY)


def sell(millions: int, time: str = "10:00:00") -> OrderAsk:
    return ask(PLACE, millions, time, SELL)


def a_day(chance: Random) -> list[OrderAsk]:
    """Orders and what happens to them between ten and eleven, more bought than there is quota for."""
    asks: list[OrderAsk] = []
    opened: list[OrderAsk] = []
    for n in range(240):
        time = f"10:{n // 60:02}:{n % 60:02}"
        if opened and chance.random() < 0.4:
            order = opened.pop(chance.randrange(len(opened)))
            whole = order.event.quantity // MILLION
            kind = chance.choice([EXECUTE, EXECUTE, CANCEL])
            price = str(Decimal("0.97") if order.event.side == BUY else Decimal("1.02"))
            asks.append(ask(kind, whole if kind == EXECUTE else 0, time, order=order, price=price, chance=chance))
        else:
            placed = ask(PLACE, chance.randint(1, 900), time, chance.choice([BUY, BUY, BUY, SELL]), chance=chance)
            asks.append(placed)
            opened.append(placed)
    return asks
