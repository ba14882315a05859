"""Orders of the market links in memory: the reference for switch/store/postgres/orders.py. One event loop."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import date

from limits.claims import Sums
from switch.flow.order_books import Markets, OrderAsk, OrderOutcome, StoredOrder, judge_batch


class MemoryOrders:
    """The part of the books that orders are in; their quotas' counters are among all the others."""

    _sums: dict[str, Sums]

    def __init__(self) -> None:
        self._orders: dict[str, StoredOrder] = {}
        self._order_events: dict[str, tuple[bytes, str]] = {}

    @abstractmethod
    def _begin(self, generation: int) -> None:
        """Begin a transaction in the world of this generation; raises StaleWorld."""

    async def take_orders(self, asks: Sequence[OrderAsk], markets: Markets, generation: int) -> list[OrderOutcome]:
        """Judge a batch of events and keep what becomes of each."""
        self._begin(generation)
        judged = judge_batch(asks, markets, self._orders, self._order_events, self._sums)
        for event in judged.events:
            self._order_events[event.ask.event_id] = event.ask.content_hash, event.reason
        for key, sums in judged.moved.items():
            self._sums[key] = sums._replace(version=sums.version + 1)
        return judged.outcomes

    async def order(self, order_id: str, day: date) -> StoredOrder | None:
        """Return an order."""
        found = self._orders.get(order_id)
        return found if found is not None and found.day == day else None
