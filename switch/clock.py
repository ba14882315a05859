"""The business clock of a sandbox: it can stop, jump and run faster, and only moves forward (back = reset).

The one place besides main.py that asks the machine for the time. Everything else is handed instants.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

MachineTime = Callable[[], float]  # seconds since the epoch
RATE_MAX = 100_000  # a year in five minutes; faster, nothing that falls due would be carried out in its order


class ClockError(ValueError):
    """The clock was asked for something it does not do; says what to do."""


class BusinessClock:
    """Business time as a straight line over machine time: at `anchor` it was `business`, and it runs `rate` times as fast."""

    def __init__(self, machine: MachineTime = time.time) -> None:
        self._machine = machine
        self._anchor = machine()
        self._business = datetime.fromtimestamp(self._anchor, UTC)
        self._rate = 1.0

    def now(self) -> datetime:
        """Return business time, aware, UTC."""
        if not self._rate:
            return self._business
        return self._business + timedelta(seconds=(self._machine() - self._anchor) * self._rate)

    @property
    def rate(self) -> float:
        """Business seconds a machine second; 0 = stopped."""
        return self._rate

    @property
    def offset_seconds(self) -> float:
        """Business time less machine time, seconds."""
        return self.now().timestamp() - self._machine()

    def machine_seconds_until(self, instant: datetime) -> float | None:
        """Return machine seconds until business `instant`, 0 if past, None while the clock stands before it."""
        ahead = (instant - self.now()).total_seconds()
        if ahead <= 0:
            return 0.0
        return ahead / self._rate if self._rate else None

    def moved(self, to: datetime | None = None, rate: float | None = None) -> dict[str, str]:
        """Return what the fence would keep after a jump forward to `to` and a change of rate (0 stops); changes nothing.

        Raises ClockError for a jump back, an instant without offset, or a rate it does not run at.
        """
        now = self.now()
        if to is not None and to.tzinfo is None:
            raise ClockError("`to` has no offset; write an instant such as 2026-03-02T09:00:00+08:00")
        if to is not None and to < now:
            raise ClockError(
                f"the clock stands at {now.isoformat()} and only moves forward; to go back start another sandbox: `bayswitch up --data NEW --start-at …`"
            )
        if rate is not None and not 0 <= rate <= RATE_MAX:
            raise ClockError(f"rate is business seconds a machine second, from 0 (stopped) to {RATE_MAX}")
        business = to.astimezone(UTC) if to is not None else now
        return _stored(self._machine(), business, self._rate if rate is None else rate)

    def set(self, to: datetime | None = None, rate: float | None = None) -> None:
        """Jump forward to `to` and run at `rate`; raises ClockError as `moved` does."""
        self.restore(self.moved(to, rate))

    def begin(self, at: datetime, rate: float = 1.0) -> None:
        """Start a new sandbox's clock at any instant, also a past one."""
        self._anchor, self._business, self._rate = self._machine(), at, rate

    def stored(self) -> dict[str, str]:
        """Return what the fence keeps, so that another worker or a restart runs the same clock."""
        return _stored(self._anchor, self._business, self._rate)

    def restore(self, world: Mapping[str, str]) -> None:
        """Take up a stored clock; a sandbox that was down meanwhile has moved on by its rate."""
        if "clock_business" in world:
            self._anchor = float(world["clock_anchor"])
            self._business = datetime.fromisoformat(world["clock_business"]).astimezone(UTC)
            self._rate = float(world["clock_rate"])


def _stored(anchor: float, business: datetime, rate: float) -> dict[str, str]:
    return {"clock_anchor": repr(anchor), "clock_business": business.isoformat(), "clock_rate": repr(rate)}
