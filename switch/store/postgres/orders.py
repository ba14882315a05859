"""Orders in PostgreSQL: a batch is judged in Python under its quotas' counters, and written in one transaction with them.

There is no fast path: a link has one counter, its history must be exact, and one lock a batch is cheap.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from limits.orders import PLACE, Market, Order
from switch.flow.order_books import Markets, OrderAsk, OrderOutcome, StoredOrder, WrittenEvent, judge_batch
from switch.store.postgres.connections import Connection
from switch.store.postgres.counters import hold, note, write
from switch.store.postgres.queries import queries
from switch.store.postgres.workers import check_fence


async def take_orders(
    connection: Connection, asks: Sequence[OrderAsk], markets: Markets, generation: int, incarnation: int
) -> list[OrderOutcome]:
    """Judge a batch and store what becomes of each event."""
    q = queries("orders")
    latest = max(ask.event.at for ask in asks)
    bounds = _bounds([markets(quota, day) for quota, day in {(ask.quota, ask.day) for ask in asks}], latest)
    async with connection.transaction():
        await check_fence(connection, generation, incarnation)
        sums = await hold(connection, sorted(bounds))
        days = [ask.day for ask in asks]
        events = await connection.fetch(q["known_events"], [ask.event_id for ask in asks], days)
        known = {str(row["event_id"]): (row["content_hash"], row["reason"]) for row in events}
        later = list({(ask.order_id, ask.day) for ask in asks if ask.event.kind != PLACE or ask.event_id in known})
        rows = await connection.fetch(q["held_orders"], *zip(*later, strict=True)) if later else []
        held = {str(row["order_id"]): _order_from(row) for row in rows}
        orders = dict(held)
        judged = judge_batch(asks, markets, orders, known, sums)
        if new := [_row_of(each) for order_id, each in orders.items() if order_id not in held]:
            await connection.execute(q["insert_orders"], new)
        if moved := [each for order_id, each in orders.items() if order_id in held and each is not held[order_id]]:
            await connection.execute(
                q["move_orders"],
                [each.order_id for each in moved],
                [each.day for each in moved],
                [each.order.open_quantity for each in moved],
                [each.order.claimed_minor for each in moved],
                [each.order.state for each in moved],
            )
        if judged.events:
            await connection.execute(q["insert_events"], list(map(_event_row, judged.events)))
            await note(connection, "orders", await write(connection, judged.moved, bounds, latest))
    return judged.outcomes


async def order(connection: Connection, order_id: str, day: date) -> StoredOrder | None:
    """Return an order."""
    row = await connection.fetchrow(queries("orders")["order"], order_id, day)
    return None if row is None else _order_from(row)


def _bounds(markets: Iterable[Market], at: datetime) -> dict[str, tuple[str, int | None, int | None]]:
    """Give by the quotas' counters what is kept there for the eye: how claims of this instant latch, ceiling, floor."""
    claims = [market.claim(0, market.session(at).name) for market in markets if market.claim is not None]
    return {claim.counter: (claim.latches, claim.ceiling, None) for claim in claims}


def _event_row(written: WrittenEvent) -> tuple[Any, ...]:
    ask, order, claim = written.ask, written.order, written.claim
    return (
        ask.event_id, ask.day, ask.order_id, ask.event.kind, ask.event.at, ask.event.quantity, ask.event.price, written.reason,
        order.open_quantity if order is not None else 0, claim.ceiling if claim is not None else None,
        claim.latches if claim is not None else "", ask.content_hash, written.position,
    )  # fmt: skip


def _row_of(stored: StoredOrder) -> tuple[Any, ...]:
    order = stored.order
    return (
        stored.order_id, stored.day, stored.quota, stored.participant, stored.instrument, order.side, order.quantity, order.price,
        order.currency, order.rate, order.open_quantity, order.claimed_minor, order.state,
    )  # fmt: skip


def _order_from(row: Any) -> StoredOrder:
    order = Order(
        row["side"], row["quantity"], row["price"], row["currency"], row["rate"], row["open_quantity"], row["claimed_minor"],
        row["state"],
    )  # fmt: skip
    return StoredOrder(
        str(row["order_id"]), row["trading_day"], row["quota"], row["participant"], row["instrument"], order
    )
