"""An auditor of counters with books of its own: it knows each transaction's batch, verdicts and versions, nothing else.

It replays the reservations of one counter along its versions. Nothing is posted but what is gross.
"""

from collections.abc import Sequence
from typing import NamedTuple

from limits.claims import REPORT, WHILE_OPEN, WINDOW, Claim, ClaimSet, Refused


class Record(NamedTuple):
    """What one accepting transaction said."""

    batch: Sequence[ClaimSet]
    verdicts: Sequence[Refused | None]
    versions: dict[str, int]


class Book:
    """The auditor's own four sums of one counter (nothing is ever posted downwards here), and what it found wrong."""

    def __init__(self, counter: str) -> None:
        self.counter = counter
        self.up_pending = self.up_posted = self.down_pending = self.version = 0
        self.latched = ""  # for how long
        self.wrong: list[str] = []

    def closed_to(self, claim: Claim) -> bool:
        return self.latched == WINDOW or (self.latched != "" and self.latched == claim.latches)

    def left(self, claim: Claim, ups: int = 0, downs: int = 0) -> int | None:
        """What may be claimed after `ups` and `downs` of the same payment."""
        if claim.delta >= 0 and claim.ceiling is not None:
            room = claim.ceiling - self.up_pending - self.up_posted - ups
            return min(room, 0) if self.closed_to(claim) else room
        if claim.delta < 0 and claim.floor is not None:
            return self.up_posted - self.down_pending - downs - claim.floor
        return None

    def first_that_binds(self, claims: Sequence[Claim]) -> Claim | None:
        ups = downs = 0
        for claim in claims:
            room = self.left(claim, ups, downs)
            if room is not None and not claim.forced and claim.effect != REPORT:
                needed = 1 if claim.admission == WHILE_OPEN else abs(claim.delta)
                if room < needed:
                    return claim
            ups += max(claim.delta, 0)
            downs += max(-claim.delta, 0)
        return None

    def judge(self, payment_id: str, claims: Sequence[Claim], verdict: Refused | None) -> bool:
        """Check one verdict and keep the books; returns whether the counter changed."""
        binding = self.first_that_binds(claims)
        if verdict is None and binding is not None:
            self.wrong.append(f"{payment_id} was admitted against {binding}, left {self.left(binding)}")
        bound_here = verdict is not None and verdict.claim.counter == self.counter
        if verdict is not None and bound_here and verdict != (binding, binding and self.left(binding)):
            self.wrong.append(f"{payment_id} was refused with {verdict}, but {binding} binds")
        if verdict is None:
            for claim in claims:
                if claim.delta > 0 and not self.closed_to(claim):
                    self.latched = ""
                self.up_posted += claim.delta if claim.delta > 0 and claim.gross else 0
                self.up_pending += claim.delta if claim.delta > 0 and not claim.gross else 0
                self.down_pending += max(-claim.delta, 0)
        return self._close(claims, admitted=verdict is None) or (verdict is None and bool(claims))

    def _close(self, claims: Sequence[Claim], admitted: bool) -> bool:
        before = self.latched
        for claim in claims:
            if claim.latches and claim.delta > 0 and (admitted or claim.latches_on_carry):
                room = self.left(claim)
                if room is not None and room <= 0 and not self.closed_to(claim):
                    self.latched = claim.latches
        return self.latched != before

    def replay(self, records: Sequence[Record]) -> None:
        for record in sorted((record for record in records if self.counter in record.versions), key=self._order):
            changed = [
                self.judge(item.payment_id, self._here(item), verdict)
                for item, verdict in zip(record.batch, record.verdicts, strict=True)
            ]
            self.version += any(changed)
            if record.versions[self.counter] != self.version:
                self.wrong.append(f"a batch says version {record.versions[self.counter]}, the books {self.version}")

    def _here(self, item: ClaimSet) -> list[Claim]:
        return [claim for claim in item.claims if claim.counter == self.counter]

    def _order(self, record: Record) -> tuple[int, bool, bool]:
        # A batch that only saw a version comes after the one that made it: by claims first, else by a refusal's latch.
        pairs = list(zip(record.batch, record.verdicts, strict=True))
        claimed = any(verdict is None and self._here(item) for item, verdict in pairs)
        may_close = any(claim.latches for item, _ in pairs for claim in self._here(item))
        return record.versions[self.counter], not claimed, not may_close
