"""Until when each hop of a payment waits: absolute business instants that shrink from the customer to the creditor agent.

Facts messages 4.2: times, not durations, and each hop gives up before the one that waits for it, so that nobody is told an
end which somebody further on does not know yet. The figures are this project's own (catalogue.yaml, `assumed`); nothing
here looks at a clock.
"""

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

ORDER = ("client", "source_rail", "switch", "destination_rail", "creditor_agent")  # who waits for whom, in turn


class Hops(NamedTuple):
    """How long after the start of the clock each hop waits; the start is the receipt by the switch unless decide says another."""

    client: timedelta  # the debtor agent: then it asks (pacs.028), it does not send again under another UETR
    source_rail: timedelta
    switch: timedelta  # then the payment is in doubt, or, surely not handed over, ended
    destination_rail: timedelta  # RailInstruction.expires_at
    creditor_agent: timedelta  # a five-step rail's timer: it rejects (AB05) what is not answered by then
    least: timedelta | None  # arriving with less of the switch's time left it is refused; None: a rail that is no race

    @property
    def rail_margin(self) -> timedelta:
        """How long before the switch its rail gives up."""
        return self.switch - self.destination_rail

    @property
    def agent_margin(self) -> timedelta:
        """How long before the rail the creditor agent must have answered."""
        return self.destination_rail - self.creditor_agent


def read_hops(row: Mapping[str, float]) -> Hops:
    """Read a row of the catalogue, in seconds; raises ValueError where the hops do not shrink, or the least is too much."""
    hops = [timedelta(seconds=row[name]) for name in ORDER]
    if any(later >= earlier for earlier, later in pairwise(hops)) or hops[-1] <= timedelta(0):
        raise ValueError(f"each hop must wait less than the one before it: {dict(row)}")
    least = timedelta(seconds=row["least"]) if "least" in row else None
    if least is not None and not timedelta(0) < least < hops[2]:
        raise ValueError(f"the least time left must be above zero and below the switch's: {dict(row)}")
    client, source_rail, switch, destination_rail, creditor_agent = hops
    return Hops(client, source_rail, switch, destination_rail, creditor_agent, least)
