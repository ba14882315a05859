"""One round of the row `orders`, as a program: a burst of orders at the open through the desk, durable, in one process.

`python -m switch.bench.orders --database-url URL --sandbox NAME ...`; the runner starts it. It audits nothing.
"""

import argparse
import asyncio
import hashlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import uvloop

from limits.calendars import law_day
from limits.orders import BUY, CANCEL, EXECUTE, PLACE, SELL, Event
from switch.bench.load import START_AT
from switch.bench.machine import Cpu, tree_seconds
from switch.clock import BusinessClock
from switch.door import freeze_garbage
from switch.flow.desk import Desk
from switch.flow.order_books import REFUSED, TAKEN, OrderAsk, OrderOutcome
from switch.main import open_sandbox, postgres_sandbox
from switch.sandbox import Sandbox

IN_FLIGHT = 4_096
PER_SECOND_MAX = 40_000  # made beforehand: making them is not measured
QUOTAS = tuple(f"stock-connect.{link}.northbound.day" for link in ("shanghai", "shenzhen"))
# Of a hundred events: what follows an order that is open, else one more is placed. Lots of 100 at 5 to 50; all assumed.
EXECUTED, CANCELLED = 30, 10
LOTS = 12  # mean of an exponential: orders of some thousand shares


def burst(seed: int, count: int) -> Iterator[OrderAsk]:
    """Draw events on both links' quotas at the open: two of three are buys, some are executed, some cancelled."""
    chance = random.Random(seed)
    at = START_AT
    day = law_day(at)
    opened: list[OrderAsk] = []
    for _ in range(count):
        at += timedelta(microseconds=50)
        draw = chance.randrange(100)
        event_id = str(UUID(int=chance.getrandbits(128), version=4))
        if draw < EXECUTED + CANCELLED and len(opened) > IN_FLIGHT:
            order = opened.pop(chance.randrange(IN_FLIGHT))
            kind = EXECUTE if draw < EXECUTED else CANCEL
            event = order.event._replace(kind=kind, at=at, side="")
            yield order._replace(event_id=event_id, event=event, content_hash=_digest(event_id))
            continue
        price = Decimal(chance.randrange(500, 5_000)).scaleb(-2)
        quantity = 100 * (1 + int(chance.expovariate(1 / LOTS)))
        event = Event(PLACE, at, quantity, price, chance.choice((BUY, BUY, SELL)))
        ask = OrderAsk(event_id, event_id, chance.choice(QUOTAS), day, "HBAYHKH0", event, _digest(event_id), "600000")
        opened.append(ask)
        yield ask


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


Answers = list[asyncio.Future[OrderOutcome]]


async def drive(
    desk: Desk, asks: Iterator[OrderAsk], waiting: Answers, seconds: float, outcomes: Counter[str]
) -> tuple[float, bool]:
    """Keep IN_FLIGHT events `waiting` at the desk for so long; returns the seconds it took, and whether the events ran out."""
    ran_out = False
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds and not ran_out:
        while len(waiting) < IN_FLIGHT:
            ask = next(asks, None)
            if ask is None:
                ran_out = True
                break
            waiting.append(desk.put(ask))
        done = await desk.step()
        outcomes.update(answer.result().kind for answer in waiting[:done])
        del waiting[:done]
    return time.perf_counter() - begun, ran_out


async def measure(asked: argparse.Namespace) -> dict[str, object]:
    """Open, warm up, measure, let all be answered, close."""
    sandbox: Sandbox = postgres_sandbox(asked.database_url, asked.sandbox, clock=BusinessClock(), instant=True)
    await open_sandbox(sandbox, START_AT)
    try:
        desk = Desk(sandbox.world, sandbox.store)
        made = list(burst(asked.seed, int(PER_SECOND_MAX * (asked.seconds + asked.warm_up_seconds))))
        asks = iter(made)
        freeze_garbage()
        waiting: Answers = []
        await drive(desk, asks, waiting, asked.warm_up_seconds, Counter())
        outcomes: Counter[str] = Counter()
        python, postgres = time.process_time(), tree_seconds(asked.postgres_pid)
        seconds, ran_out = await drive(desk, asks, waiting, asked.seconds, outcomes)
        used = Cpu(time.process_time() - python, tree_seconds(asked.postgres_pid) - postgres)
        while await desk.step():
            pass
    finally:
        await sandbox.stop()
    count = sum(outcomes.values())
    return {
        "per_second": count / seconds,
        "payments": count,  # events of orders, here
        "seconds": seconds,
        "refused_share": round(outcomes[REFUSED] / max(count, 1), 4),
        "wrong": count - outcomes[TAKEN] - outcomes[REFUSED],
        "cpu_us": used.per(count),
        "ran_out": ran_out,
        "all_ended": True,
    }


def main() -> int:
    """Measure one round and print its document."""
    parser = argparse.ArgumentParser(prog="switch.bench.orders")
    for name in ("database-url", "sandbox"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("postgres-pid", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("seconds", "warm-up-seconds"):
        parser.add_argument(f"--{name}", type=float, required=True)
    print(json.dumps(uvloop.run(measure(parser.parse_args()))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
