"""Gauges that need the store: read when asked for, at most once a second, each within a time limit; absent where it is away."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from datetime import datetime, timedelta
from time import monotonic
from typing import NamedTuple, TypeVar

from limits.calendars import PAYMENT, law_day, window_key
from limits.claims import Sums
from limits.rules import RulesOfDay
from limits.values import RuleValue
from switch.api.metrics_worker import Samples
from switch.api.stream import Stream
from switch.flow.ports import StoreUnavailable
from switch.sandbox import Sandbox

READING_SECONDS_MAX = 0.25  # a store slower than this has other work: a gauge may be missing once
KEPT_SECONDS = 1.0  # several scrapers, or workers, ask the store no more than one does
COUNTED_MAX = 10_000  # rows one count looks at
LAGS_SECONDS = 1.0  # a stream that lags less has nothing to be counted
_SCHEME_WIDE = ("market", "link")  # scopes of quotas that all payments of a scheme have in common: never a person's

T = TypeVar("T")


class _Quota(NamedTuple):
    """A quota in one currency, and its ceiling in minor units."""

    value: RuleValue
    currency: str
    ceiling: int

    def __hash__(self) -> int:
        return hash((self.value.rule, self.currency))


class BookReadings:
    """Reads a sandbox's books for /metrics."""

    def __init__(self, sandbox: Sandbox, stream: Stream) -> None:
        self._sandbox, self._stream = sandbox, stream
        self.failed: Counter[str] = Counter()  # by reading
        self._quotas: tuple[float, Samples] = (0.0, {})
        self._unread: tuple[float, int | None] = (0.0, None)
        self._reading = asyncio.Lock()
        self._law: RulesOfDay | None = None  # whose quotas were found
        self._found: list[_Quota] = []

    async def samples(self) -> Samples:
        """Return what is the sandbox's, not a worker's; at most a second old."""
        async with self._reading:
            read_at, found = self._quotas
            if not read_at or monotonic() - read_at >= KEPT_SECONDS:
                quotas, queued = await asyncio.gather(
                    self._within("quotas", self._used()),
                    self._within("queued", self._sandbox.store.count_queued(COUNTED_MAX)),
                )
                found = dict(quotas or {})
                if queued is not None:
                    found["bayswitch_queued_payments"] = [((), queued)]
                self._quotas = (monotonic(), found)
        return found

    async def unread(self, now: float) -> int | None:
        """Count what the slowest stream of this worker has not been told; None where it cannot be counted. `now`: the loop's time."""
        slowest = self._stream.slowest()
        if slowest is None or now - slowest.caught_up_at < LAGS_SECONDS:
            return 0
        async with self._reading:
            read_at, found = self._unread
            if not read_at or monotonic() - read_at >= KEPT_SECONDS:
                count = self._sandbox.store.count_unread(slowest.cursor, slowest.participant, COUNTED_MAX)
                found = await self._within("unread", count)
                self._unread = (monotonic(), found)
        return found

    async def _within(self, reading: str, work: Awaitable[T]) -> T | None:
        try:
            async with asyncio.timeout(READING_SECONDS_MAX):
                return await work
        except (StoreUnavailable, TimeoutError):
            self.failed[reading] += 1
            return None

    async def _used(self) -> Samples:
        world = self._sandbox.world
        at = world.clock.now()
        quotas = self._scheme_wide(world.view(at).rules)
        keys = {each: _keys(each, at) for each in quotas}
        sums = await self._sandbox.store.sums([key for both in keys.values() for key in both])
        found: Samples = {"bayswitch_quota_used_ratio": [], "bayswitch_quota_latched": []}
        for (value, currency, ceiling), both in keys.items():
            counter = next((sums[key] for key in both if key in sums), Sums())
            used = counter.up_pending + counter.up_posted - counter.down_posted
            found["bayswitch_quota_used_ratio"].append(((value.rule, currency), used / ceiling))
            if value.latches_in:
                found["bayswitch_quota_latched"].append(((value.rule, currency), int(bool(counter.latched))))
        return found

    def _scheme_wide(self, rules: RulesOfDay) -> list[_Quota]:
        """Return the day's quotas that all payments of a scheme have in common; looked for once a day's law."""
        if self._law is not rules:
            values = [rules.rule(rule) for rule in dict.fromkeys(shown["rule"] for shown in rules.show())]
            self._law, self._found = (
                rules,
                [
                    _Quota(value, currency, ceiling)
                    for value in values
                    if value.kind == "limit" and value.scope in _SCHEME_WIDE and value.counted is not None
                    for currency, ceiling in value.amounts.items()
                    if ceiling > 0 and value.counted.period != PAYMENT
                ],
            )
        return self._found


def _keys(quota: _Quota, at: datetime) -> tuple[str, str]:
    """Return the counter of the present window, as limits.measures writes it: by rule, or by rule and currency."""
    counted = quota.value.counted
    assert counted is not None
    ending = f"|market|{window_key(counted.period, law_day(at - timedelta(minutes=counted.begins)))}"
    return quota.value.rule + ending, f"{quota.value.rule}:{quota.currency}{ending}"
