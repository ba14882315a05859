"""Counters: whether claims are admitted and what they do to the four sums (design 3), and the reference kept in memory.

Not here: which claims a payment makes (limits.rules), nor how PostgreSQL keeps them (switch.store.postgres.counters).
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple, Protocol

from limits.claims import REPORT, WHILE_OPEN, WINDOW, Claim, ClaimSet, Refused, Sums

EMPTY = Sums()  # a counter before its first use
NOTHING = Fraction(0)  # no share given back yet


class Change(NamedTuple):
    """What a step after the reservation adds to the sums of one counter, minor units; a give-back is negative."""

    up_pending: int = 0
    up_posted: int = 0
    down_pending: int = 0
    down_posted: int = 0


class CounterPort(Protocol):
    """Counters behind a door; each step counts once for a payment, however often it is asked for.

    The first of post and void closes a reservation, the other then changes nothing; an unknown payment is our error.
    """

    async def reserve(self, batch: Sequence[ClaimSet]) -> list[Refused | None]:
        """Admit or refuse each payment, in arrival order; a payment already admitted stays admitted and counts once."""

    async def check(self, claims: tuple[Claim, ...]) -> Refused | None:
        """Say what `reserve` would say now, and write nothing."""

    async def post(self, payment_ids: Sequence[str]) -> None:
        """Turn what is pending of these payments into posted."""

    async def void(self, payment_ids: Sequence[str]) -> None:
        """Free what these payments reserved and did not post."""

    async def adjust(self, payment_id: str, step: str, share: tuple[int, int]) -> None:
        """Give back a share (numerator, denominator) of the original claims, once for each name of a step."""

    async def sums(self, keys: Sequence[str]) -> dict[str, Sums]:
        """Return the sums of these counters; one never used is empty."""


# --- May it be claimed? ---


def headroom(claim: Claim, sums: Sums) -> int | None:
    """Return what may still be claimed in the claim's direction, minor units (negative after an overshoot), or None.

    A give-back frees headroom only when it is posted: an up does not see down_pending, a down does not see up_pending;
    where both signs claim (net notional) a trade on its way makes no room for its opposite. A counter closed to the claim has no
    headroom; a claim without a bound has no end of it: None. A claim of nothing looks at an older window: it fits unless
    that was exceeded.
    """
    if claim.delta >= 0:
        if claim.ceiling is None:
            return None
        left = claim.ceiling - (sums.up_pending + sums.up_posted - sums.down_posted)
        return min(left, 0) if is_closed(claim, sums) else left
    if claim.delta < 0 and claim.floor is not None:
        return sums.up_posted - sums.down_pending - sums.down_posted - claim.floor
    return None


def is_closed(claim: Claim, sums: Sums) -> bool:
    """Whether a counter is latched for this claim: to the end of the window, or of the session that the claim came in."""
    return bool(sums.latched) and sums.latched in (WINDOW, claim.latches)


def _fits(claim: Claim, sums: Sums) -> bool:
    if claim.forced or claim.effect == REPORT:
        return True
    left = headroom(claim, sums)
    if left is None:
        return True
    return left > 0 if claim.admission == WHILE_OPEN and claim.delta else abs(claim.delta) <= left


def straight(claim: Claim) -> bool:
    """Whether the claim goes straight into posted: only an up, as a down posted at once would free headroom early."""
    return claim.gross and claim.delta >= 0


def _claimed(claim: Claim, sums: Sums) -> Sums:
    if claim.delta < 0:
        return sums._replace(down_pending=sums.down_pending - claim.delta)
    if sums.latched and claim.delta and not is_closed(claim, sums):
        sums = sums._replace(latched="")  # the session it was closed for is over
    if claim.gross:
        return sums._replace(up_posted=sums.up_posted + claim.delta)
    return sums._replace(up_pending=sums.up_pending + claim.delta)


def _closed(claims: tuple[Claim, ...], sums: Mapping[str, Sums], carried: bool) -> dict[str, Sums]:
    """Return the counters that these claims find without headroom in a session that latches, latched (facts 1.3).

    Only a claim that widens closes its counter: sells always pass and close nothing. `carried`: nothing was claimed, so
    what is missing was missing before, and only a claim that says so closes it.
    """
    latched: dict[str, Sums] = {}
    for claim in claims:
        if claim.latches and claim.delta > 0 and claim.effect != REPORT and (claim.latches_on_carry or not carried):
            state = sums.get(claim.counter, EMPTY)
            left = headroom(claim, state)
            if left is not None and left <= 0 and not is_closed(claim, state):
                latched[claim.counter] = state._replace(latched=claim.latches)
    return latched


def admit(claims: tuple[Claim, ...], sums: Mapping[str, Sums]) -> tuple[Refused | None, dict[str, Sums]]:
    """Judge a payment's claims together: the verdict, and the new sums of the counters it changes.

    A refusal names the first claim that does not fit and the headroom there was before the payment; it moves no sum,
    but may latch a counter. Versions are left to whoever writes.
    """
    after: dict[str, Sums] = {}
    for claim in claims:
        state = after.get(claim.counter) or sums.get(claim.counter, EMPTY)
        if not _fits(claim, state):
            left = headroom(claim, sums.get(claim.counter, EMPTY))
            assert left is not None, "a claim without a bound does not bind"
            return Refused(claim, left), _closed(claims, sums, carried=True)
        after[claim.counter] = _claimed(claim, state)
    after.update(_closed(claims, after, carried=False))
    return None, after


def evaluate(claims: tuple[Claim, ...], sums: Mapping[str, Sums]) -> Refused | None:
    """Return the claim that binds first, or None where all of a payment's claims fit together."""
    return admit(claims, sums)[0]


# --- What becomes of it? ---


def _given(claim: Claim, share: Fraction) -> int:
    # Rounded down, so that part returns never free more than was claimed; the last share brings the rest, to the unit.
    return abs(claim.delta) * share.numerator // share.denominator


def _taken_out(claim: Claim, amount: int, posted: bool) -> Change:
    if claim.delta < 0:
        return Change(down_posted=-amount) if posted else Change(down_pending=-amount)
    return Change(up_posted=-amount) if posted or straight(claim) else Change(up_pending=-amount)


def _posted(claim: Claim, amount: int) -> Change:
    if straight(claim):
        return Change()
    return Change(-amount, amount) if claim.delta > 0 else Change(0, 0, -amount, amount)


def add_up(changes: Iterable[tuple[str, Change]]) -> dict[str, Change]:
    """Add up changes by counter; counters that do not change are left out."""
    total: dict[str, Change] = {}
    for key, change in changes:
        known = total.get(key)
        total[key] = change if known is None else Change(*map(int.__add__, known, change))
    return {key: change for key, change in total.items() if any(change)}


def post_changes(claims: tuple[Claim, ...], given: Fraction = NOTHING) -> dict[str, Change]:
    """Return what posting a payment adds, where `given` is the share given back while it was pending."""
    return add_up((claim.counter, _posted(claim, abs(claim.delta) - _given(claim, given))) for claim in claims)


def void_changes(claims: tuple[Claim, ...], given: Fraction = NOTHING) -> dict[str, Change]:
    """Return what voiding a pending payment adds, where `given` is the share given back before."""
    return add_up(
        (claim.counter, _taken_out(claim, abs(claim.delta) - _given(claim, given), posted=False)) for claim in claims
    )


def adjust_changes(
    claims: tuple[Claim, ...], share: Fraction, given: Fraction = NOTHING, posted: bool = False
) -> dict[str, Change]:
    """Return what giving back `share` of the original claims adds, after `given` of them went back before.

    Of a pending claim any share goes back (partial execution); of a posted one (return) only where the rule gives back.
    It goes to the counter, so the window, and in the proportion of the original claim, never through today's rate.
    """
    assert NOTHING <= share <= 1 - given, "no more goes back than was claimed"
    return add_up(
        (claim.counter, _taken_out(claim, _given(claim, given + share) - _given(claim, given), posted))
        for claim in claims
        if claim.gives_back or not posted
    )


def changed(sums: Mapping[str, Sums], changes: Mapping[str, Change]) -> dict[str, Sums]:
    """Return the new sums of the changed counters; a step creates none and takes out only what is in it."""
    after = {}
    for key, change in changes.items():
        state = sums[key]
        after[key] = state._replace(
            up_pending=state.up_pending + change.up_pending,
            up_posted=state.up_posted + change.up_posted,
            down_pending=state.down_pending + change.down_pending,
            down_posted=state.down_posted + change.down_posted,
        )
        assert min(after[key][:4]) >= 0, f"counter {key} would hold a negative sum"
    return after


# --- Once for each step ---

PENDING, POSTED, VOIDED = "pending", "posted", "voided"


class Reservation(NamedTuple):
    """An admitted payment's claims and how far it came: which steps counted, and what share went back."""

    claims: tuple[Claim, ...]
    status: str = PENDING
    given: Fraction = NOTHING
    steps: frozenset[str] = frozenset()


Moved = tuple[Reservation, dict[str, Change]]


def posted(reservation: Reservation) -> Moved:
    """Post a reservation: its next state, and what that adds to the counters (nothing once it is closed)."""
    if reservation.status != PENDING:
        return reservation, {}
    return reservation._replace(status=POSTED), post_changes(reservation.claims, reservation.given)


def voided(reservation: Reservation) -> Moved:
    """Void a reservation: its next state, and what that adds to the counters (nothing once it is closed)."""
    if reservation.status != PENDING:
        return reservation, {}
    return reservation._replace(status=VOIDED), void_changes(reservation.claims, reservation.given)


def adjusted(reservation: Reservation, step: str, share: tuple[int, int]) -> Moved:
    """Give back a share of a reservation, once for each name of a step; a voided one has nothing left to give."""
    if step in reservation.steps or reservation.status == VOIDED:
        return reservation, {}
    part = Fraction(*share)
    changes = adjust_changes(reservation.claims, part, reservation.given, reservation.status == POSTED)
    return reservation._replace(given=reservation.given + part, steps=reservation.steps | {step}), changes


class MemoryCounters:
    """The reference: the pure functions over a dict, one event loop, nothing durable."""

    def __init__(self) -> None:
        self._sums: dict[str, Sums] = {}
        self._reservations: dict[str, Reservation] = {}

    async def reserve(self, batch: Sequence[ClaimSet]) -> list[Refused | None]:
        verdicts: dict[str, Refused | None] = {}
        written: set[str] = set()
        for payment_id, claims in batch:
            if payment_id in verdicts or payment_id in self._reservations:
                verdicts.setdefault(payment_id, None)
                continue
            verdicts[payment_id], moved = admit(claims, self._sums)
            self._sums.update(moved)
            written.update(moved)
            if verdicts[payment_id] is None:
                self._reservations[payment_id] = Reservation(claims)
        self._grow(written)
        return [verdicts[payment_id] for payment_id, _ in batch]

    async def check(self, claims: tuple[Claim, ...]) -> Refused | None:
        return evaluate(claims, self._sums)

    async def post(self, payment_ids: Sequence[str]) -> None:
        self._move({payment_id: posted(self._reservation(payment_id)) for payment_id in payment_ids})

    async def void(self, payment_ids: Sequence[str]) -> None:
        self._move({payment_id: voided(self._reservation(payment_id)) for payment_id in payment_ids})

    async def adjust(self, payment_id: str, step: str, share: tuple[int, int]) -> None:
        self._move({payment_id: adjusted(self._reservation(payment_id), step, share)})

    async def sums(self, keys: Sequence[str]) -> dict[str, Sums]:
        return {key: self._sums.get(key, EMPTY) for key in keys}

    def _reservation(self, payment_id: str) -> Reservation:
        reservation = self._reservations.get(payment_id)
        assert reservation is not None, f"payment {payment_id} reserved nothing"
        return reservation

    def _move(self, moves: Mapping[str, Moved]) -> None:
        total = add_up(item for _, changes in moves.values() for item in changes.items())
        self._sums.update(changed(self._sums, total))
        self._grow(total)
        self._reservations.update((payment_id, reservation) for payment_id, (reservation, _) in moves.items())

    def _grow(self, keys: Iterable[str]) -> None:
        self._sums.update((key, self._sums[key]._replace(version=self._sums[key].version + 1)) for key in keys)
