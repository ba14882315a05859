"""Whether a measurement says something about the switch: all offered was sent and answered, enough accepted, the generator had room.

A figure whose gate does not hold is shown as invalid, never alone. It says nothing about whether the switch was good; but what
turns nearly everything away is fast and has not been measured.
"""

from collections.abc import Mapping
from typing import NamedTuple

CEILING_SHARE_MAX = 0.70  # of what the generator can do (facts/stack.md: above it a generator measures itself)
ACCEPTED_SHARE_MIN = (
    0.9  # of payments, where nothing else is asked (assumed: ordinary traffic has few that the law refuses)
)
LATENESS_MS_MAX = 100.0  # p99 of how late the generator came to a call: it counts as latency, and is not the switch's


class Gate(NamedTuple):
    """A verdict: valid where `why` is empty. `generator_bound`: the generator was at its own limit, so no limit of the switch shows."""

    offered: int
    sent: int
    answered: int
    unanswered: dict[str, int]
    cpu_share: float  # of one core, which is all that a generator of one process can use
    rate: float
    ceiling_per_second: float
    lateness_p99_ms: float
    accepted_share: float  # of payments
    accepted_share_min: float
    why: tuple[str, ...]
    generator_bound: bool

    @property
    def valid(self) -> bool:
        """Tell whether the figures may be shown by themselves."""
        return not self.why


def gate(
    offered: int, sent: int, answered: int, unanswered: Mapping[str, int], cpu_share: float, rate: float,
    ceiling_per_second: float, lateness_p99_ms: float, accepted_share: float, accepted_share_min: float,
) -> Gate:  # fmt: skip
    """Judge a measurement: rates in calls a second, `unanswered` by reason, `cpu_share` of one core, `accepted_share` of payments."""
    faults = []
    if cpu_share > CEILING_SHARE_MAX:
        faults.append(f"the generator used {cpu_share:.0%} of its core; {CEILING_SHARE_MAX:.0%} is the most")
    if rate > CEILING_SHARE_MAX * ceiling_per_second:
        faults.append(
            f"{rate:,.0f} a second is more than {CEILING_SHARE_MAX:.0%} of the generator's ceiling, {ceiling_per_second:,.0f}"
        )
    generator_bound = bool(faults)
    if lateness_p99_ms > LATENESS_MS_MAX:
        faults.append(
            f"the generator came late to its calls: p99 {lateness_p99_ms:,.0f} ms, at most {LATENESS_MS_MAX:,.0f}"
        )
    if sent != offered:
        faults.append(f"{offered - sent:,} of {offered:,} calls could not be sent")
    if answered != sent:
        named = ", ".join(f"{count:,} {reason}" for reason, count in unanswered.items())
        faults.append(f"{sent - answered:,} of {sent:,} calls were not answered ({named})")
    if not offered:
        faults.append("nothing was offered")
    elif accepted_share < accepted_share_min:
        faults.append(f"accepted share {accepted_share:.1%}; {accepted_share_min:.0%} of the payments is the least")
    return Gate(
        offered, sent, answered, dict(unanswered), round(cpu_share, 3), rate, ceiling_per_second, lateness_p99_ms,
        accepted_share, accepted_share_min, tuple(faults), generator_bound,
    )  # fmt: skip
