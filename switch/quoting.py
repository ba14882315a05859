"""Firm quotes: the best price of a provider with inventory, honoured once and until it expires. Reserves nothing.

Prices are fx.quotes; that a quote is used once is held by the accepting transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b

from fx.money import Money
from fx.providers import Provider
from fx.quotes import Price, Quote, Request, firm, prices, trades
from switch.flow.ports import Store
from switch.flow.world import World
from switch.payment.plan import Refusal
from switch.payment.postings import inventory


class Quoting:
    """Gives the firm quotes of one worker (`incarnation`) in one world."""

    def __init__(self, world: World, store: Store, incarnation: int) -> None:
        self._world = world
        self._store = store
        self._incarnation = incarnation
        self._given = 0

    async def quote(self, participant: str, sell: str, buy: str, fixed: Money, market: str) -> Quote | Refusal:
        """Give a participant a firm quote for selling one currency for another; `fixed` is in one of the two."""
        world = self._world
        at = world.clock.now()
        providers: Mapping[str, Provider] = {provider.name: provider for provider in world.providers}
        request = Request(sell, buy, fixed, market, at)
        price = None
        for price in prices(world.providers, request, world.rates):
            if await self._covered(price):
                quote = firm(self._next_id(participant, price, at), participant, price, providers[price.provider], at)
                await self._store.save_quotes([quote])
                return quote
        if not trades(world.providers, request):
            return Refusal("not-converted", {"sold": sell, "bought": buy}, "buy_currency")
        if price is None:
            return Refusal("amount-too-small", {"amount": str(fixed), "currency": buy}, "amount")
        return Refusal("no-rate", {"currency": buy})

    async def _covered(self, price: Price) -> bool:
        """Whether the provider has what it would pay."""
        account = inventory(price.provider, price.market, price.buy.currency)
        sums = (await self._store.sums([account])).get(account)
        return sums is not None and sums.up_pending + sums.up_posted + price.buy.amount_minor <= sums.down_posted

    def _next_id(self, participant: str, price: Price, at: datetime) -> str:
        self._given += 1
        name = f"{participant}|{at.isoformat()}|{price.provider}|{price.sell}|{price.buy}|{self._incarnation}|{self._given}"
        return blake2b(name.encode(), digest_size=12).hexdigest()
