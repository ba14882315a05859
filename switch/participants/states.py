"""Whether a participant takes part at this moment: active, suspended or offline, wholly or on one rail.

By its own dated rows, and by what was set at run time, which stands before them. Pure; who is refused how is
switch.payment.route's.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

ACTIVE, SUSPENDED, OFFLINE = "active", "suspended", "offline"
STATES = (ACTIVE, SUSPENDED, OFFLINE)
WHOLE = ""  # in a rail's place: wherever it takes part

PARTICIPANT_STATE = (
    "participant-state:"  # and BIC, a colon, and the rail: the world's fact that holds a state set at run time
)


class DatedState(NamedTuple):
    """A state from one day to another (law days, both included), on one rail or wholly."""

    state: str  # suspended | offline
    rail: str  # WHOLE or a rail
    since: date
    until: date  # date.max: until further notice


class Standing(NamedTuple):
    """What was set at run time: (BIC8, rail or WHOLE) -> state."""

    states: Mapping[tuple[str, str], str]

    def of(self, bic: str, dated: Sequence[DatedState], rail: str, day: date) -> str:
        """Return the state of a participant on a rail on a law day: suspended before offline before active."""
        if not self.states and not dated:
            return ACTIVE
        found = {self._in(bic, dated, place, day) for place in (WHOLE, rail)}
        return SUSPENDED if SUSPENDED in found else OFFLINE if OFFLINE in found else ACTIVE

    def _in(self, bic: str, dated: Sequence[DatedState], place: str, day: date) -> str:
        said = self.states.get((bic, place))
        if said is not None:
            return said
        rows = [row.state for row in dated if row.rail == place and row.since <= day <= row.until]
        return rows[-1] if rows else ACTIVE


ALL_ACTIVE = Standing(MappingProxyType({}))


def state_fact(bic: str, rail: str, state: str) -> dict[str, str]:
    """Return the fact that sets a participant's state (BIC8; WHOLE or a rail)."""
    return {f"{PARTICIPANT_STATE}{bic}:{rail}": state}


def standing_of(facts: Mapping[str, str]) -> Standing:
    """Read what the world's facts say of participants."""
    found: dict[tuple[str, str], str] = {}
    for fact, state in facts.items():
        if fact.startswith(PARTICIPANT_STATE):
            bic, _, rail = fact.removeprefix(PARTICIPANT_STATE).partition(":")
            found[bic, rail] = state
    return Standing(MappingProxyType(found)) if found else ALL_ACTIVE


def read_states(bic: str, rows: Sequence[Mapping[str, Any]]) -> tuple[DatedState, ...]:
    """Read a participant's dated states, `rail` and `until` optional; raises ValueError where one is not written as such."""
    found = []
    for row in rows:
        if row["state"] not in (SUSPENDED, OFFLINE):
            raise ValueError(f"{bic} is said to be {row['state']!r}: write suspended or offline, or leave the row out")
        found.append(DatedState(row["state"], row.get("rail", WHOLE), row["since"], row.get("until", date.max)))
    return tuple(found)
