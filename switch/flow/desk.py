"""The order desk of a worker: takes events of orders in batches, in the order they came, and answers each.

One batch at a time: a link has one balance with one history, and a second batch would only wait for the first one's lock.
"""

import asyncio
from collections import deque
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial

from fx.rates import OFFSHORE
from limits.calendars import LAW_ZONE
from limits.calendars.sessions import session_at, venues
from limits.orders import QUOTA_CURRENCY, Market
from switch.flow.accept import STALE_TRIES
from switch.flow.flights import BATCH_MAX
from switch.flow.order_books import OrderAsk, OrderOutcome
from switch.flow.ports import StaleWorld, Store
from switch.flow.takeover import refresh
from switch.flow.world import World

# Of the exchange that an order of a direction goes to.
_CURRENCIES = {"northbound": QUOTA_CURRENCY, "southbound": "HKD"}
# Before any session: the rate of the day stands when the first order comes (assumed under `measure` of the southbound rules).
_RATE_AT = time(8, 30)
_MARKETS_MAX = 64  # links, directions and days in play at once


class Desk:
    """Answers orders' events; what it remembers may be lost, the store holds what counts."""

    def __init__(self, world: World, store: Store) -> None:
        self._world, self._store = world, store
        self._waiting: deque[tuple[OrderAsk, asyncio.Future[OrderOutcome]]] = deque()
        self._markets: dict[tuple[str, str, date], Market] = {}

    def put(self, ask: OrderAsk) -> asyncio.Future[OrderOutcome]:
        """Queue an event; its outcome comes once the batch it goes with is stored. Raises KeyError for what is no quota on orders."""
        self.market(ask.quota, ask.day)  # here, where it is its sender's fault alone
        answer: asyncio.Future[OrderOutcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, answer))
        return answer

    async def step(self) -> int:
        """Judge and store what waits, a batch at most; returns how many. Raises StoreUnavailable: they wait on, and are judged anew."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_MAX))]
        if not batch:
            return 0
        try:
            outcomes = await self._taken([ask for ask, _ in batch])
        except BaseException:
            self._waiting.extendleft(reversed(batch))
            raise
        for (_, answer), outcome in zip(batch, outcomes, strict=True):
            if not answer.done():
                answer.set_result(outcome)
        return len(batch)

    async def _taken(self, asks: list[OrderAsk]) -> list[OrderOutcome]:
        for _ in range(STALE_TRIES):
            try:
                return await self._store.take_orders(asks, self.market, self._world.generation)
            except StaleWorld:
                await refresh(self._world, self._store)
        raise StaleWorld

    def market(self, quota: str, day: date) -> Market:
        """Return the market whose daily quota a rule is, on a trading day; raises KeyError for what is no such rule."""
        key = self._world.rulebook.id, quota, day
        found = self._markets.get(key)
        if found is None:
            if len(self._markets) >= _MARKETS_MAX:
                self._markets.clear()
            found = self._markets[key] = self._made(quota, day)
        return found

    def _made(self, quota: str, day: date) -> Market:
        link, _, direction = quota.removesuffix(".day").rpartition(".")
        if (link, direction) not in venues():
            raise KeyError(quota)
        currency = _CURRENCIES[direction]
        rate = Decimal(1)
        if currency != QUOTA_CURRENCY:
            at = datetime.combine(day, _RATE_AT, LAW_ZONE).astimezone(UTC)
            rate = self._world.rates.mid(currency, QUOTA_CURRENCY, OFFSHORE, at).mid
        claim = self._world.rulebook.on(day).order_claimer(quota)
        return Market(currency, rate, partial(session_at, link, direction), claim, direction == "southbound")
