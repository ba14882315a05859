"""What the flow asks of a store about orders of the market links: batches of events in, outcomes out; each call is one transaction.

How a batch is judged is the same in every store, so it stands here: pure, in the order in which the events came.
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import date
from typing import NamedTuple, Protocol

from limits.calendars import law_day
from limits.claims import Claim, Refused, Sums
from limits.counters import EMPTY
from limits.orders import PLACE, Event, Market, Order, OrderError, judged

TAKEN, REFUSED, REPLAYED, WRONG = "taken", "refused", "replayed", "wrong"


class OrderAsk(NamedTuple):
    """One event of an order on its way in. Ids are UUID texts; of a placing the event's id is the order's own."""

    event_id: str
    order_id: str
    quota: str  # id of the rule whose counter it is on: stock-connect.shanghai.northbound.day
    day: date  # the trading day
    participant: str
    event: Event
    content_hash: bytes
    instrument: str = ""  # of what is placed


class OrderOutcome(NamedTuple):
    """What became of an event: taken, refused (then why), a replay of one known, or wrong (then which field, and what to do)."""

    kind: str
    order: Order | None = None  # as it stands after the event
    reason: str = ""
    refused: Refused | None = None
    same_content: bool = True  # of a replay
    field: str = ""
    text: str = ""


class StoredOrder(NamedTuple):
    """An order as the books have it."""

    order_id: str
    day: date
    quota: str
    participant: str
    instrument: str
    order: Order


class WrittenEvent(NamedTuple):
    """An event that was judged, to be written: with what it added to the quota's counter."""

    ask: OrderAsk
    order: Order | None  # None: it was refused where it was placed, and there is no order
    reason: str
    claim: Claim | None  # with which a buy was admitted
    position: int  # in its batch: with the counter's version, its place in that counter's history


class Judged(NamedTuple):
    """A batch judged: an outcome for each event, and what is to be written."""

    outcomes: list[OrderOutcome]
    events: list[WrittenEvent]
    # The counters of these events, moved or not: each batch makes a version of them, so that its place is known.
    moved: dict[str, Sums]


Markets = Callable[[str, date], Market]
Known = Mapping[str, tuple[bytes, str]]  # event id -> content hash and reason of those that are stored


class OrderBooks(Protocol):
    """The part of a store's books that orders are in."""

    async def take_orders(self, asks: Sequence[OrderAsk], markets: Markets, generation: int) -> list[OrderOutcome]:
        """Judge a batch of events in the order given and store what becomes of each; raises StaleWorld.

        An event that is known already is a replay; one that cannot be of its order is wrong and leaves nothing.
        """

    async def order(self, order_id: str, day: date) -> StoredOrder | None:
        """Return an order, None where there is none."""


def judge_batch(
    asks: Sequence[OrderAsk],
    markets: Markets,
    orders: MutableMapping[str, StoredOrder],
    known: Known,
    sums: MutableMapping[str, Sums],
) -> Judged:
    """Judge events one after the other; `orders` and `sums` hold what is stored of them, and hold what is to be afterwards."""
    outcomes: list[OrderOutcome] = []
    events: list[WrittenEvent] = []
    moved: dict[str, Sums] = {}
    seen = dict(known)
    for position, ask in enumerate(asks):
        stored = orders.get(ask.order_id)
        before = stored.order if stored is not None else None
        if ask.event_id in seen:
            content_hash, reason = seen[ask.event_id]
            outcomes.append(OrderOutcome(REPLAYED, before, reason, same_content=content_hash == ask.content_hash))
            continue
        if fault := _fault(ask, stored):
            outcomes.append(OrderOutcome(WRONG, field=fault[0], text=fault[1]))
            continue
        market = markets(ask.quota, ask.day)
        key = market.counter
        try:
            order, after, reason, refused, claim = judged(market, before, ask.event, sums.get(key, EMPTY))
        except OrderError as error:
            outcomes.append(OrderOutcome(WRONG, before, field=error.field, text=str(error)))
            continue
        if key:
            sums[key] = moved[key] = after
        if order is not None:
            orders[ask.order_id] = (
                stored._replace(order=order)
                if stored is not None
                else StoredOrder(ask.order_id, ask.day, ask.quota, ask.participant, ask.instrument, order)
            )
        seen[ask.event_id] = ask.content_hash, reason
        events.append(WrittenEvent(ask, order, reason, claim, position))
        outcomes.append(OrderOutcome(REFUSED if reason else TAKEN, order, reason, refused))
    return Judged(outcomes, events, moved)


def _fault(ask: OrderAsk, stored: StoredOrder | None) -> tuple[str, str] | None:
    """Say which field keeps an event from being of the order that is stored under its id, if any is, and what to do."""
    if law_day(ask.event.at) != ask.day:
        return "at", f"{ask.event.at} is not on the trading day {ask.day}: an order lives a day"
    if (ask.event.kind == PLACE) != (ask.event_id == ask.order_id):
        return (
            "order_id",
            "is the id of the event that places the order, and of no other: give another order another id",
        )
    if ask.event.kind == PLACE:
        return None
    if stored is None or (stored.quota, stored.day, stored.participant) != (ask.quota, ask.day, ask.participant):
        return "order_id", "is no order of this participant, link and day that was taken: place it first"
    return None
