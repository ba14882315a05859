"""The greatest amount that passes, exact to the minor unit, although conversions round and several limits bind. Pure.

Found by deciding on supposition (payment.foresight), never from a rule's text.
"""

from collections.abc import Iterator
from typing import NamedTuple

from fx.money import AMOUNT_MINOR_MAX, EXPONENTS, UP, convert
from fx.rates import OFFSHORE, ONSHORE, NoRate
from switch.payment.decide import Ask, View
from switch.payment.foresight import Outcome, Search, Seen, foresee
from switch.payment.plan import Plan, Refusal

TOO_SMALL = frozenset({"amount-too-small", "charge-takes-all"})
GUESSES_MAX = 6  # each names the claim that binds there; several rarely do
# The largest amount an instruction can write (payment.instruction: 13 digits before the point) that the house also takes.
_WHOLE_DIGITS = 13


class Greatest(NamedTuple):
    """The greatest amount that passes, minor units, and what refuses one more (None at the largest an instruction writes)."""

    amount_minor: int
    beyond: Outcome | None


def largest_minor(currency: str) -> int:
    """Return the largest amount that an instruction can ask for in a currency, minor units."""
    most: int = 10 ** (_WHOLE_DIGITS + EXPONENTS[currency]) - 1
    return min(AMOUNT_MINOR_MAX, most)


def greatest(ask: Ask, view: View, seen: Seen, most_minor: int) -> Search[Greatest | None]:
    """Find the greatest amount up to `most_minor` that passes, in minor units of the instructed currency; None = none does.

    Within a stretch of amounts without a change of a provider's spread, what passes is below what does not: there it is
    found by halving. Where the creditor's side is fixed a better spread lets a larger amount cost less; so the stretches are
    searched one by one, from the largest.
    """
    high, beyond = most_minor, None
    for low in _stretches(ask, view, most_minor):
        top = yield from foresee(of_amount(ask, high), view, seen)
        if not _too_big(top):
            return Greatest(high, beyond) if isinstance(top.verdict, Plan) else None
        bottom = top if low == high else (yield from foresee(of_amount(ask, low), view, seen))
        if _too_big(bottom):
            high, beyond = low - 1, bottom
            continue
        return (yield from _between(ask, view, seen, (low, bottom), (high, top)))
    return None


def _between(
    ask: Ask, view: View, seen: Seen, passing: tuple[int, Outcome], refused: tuple[int, Outcome]
) -> Search[Greatest | None]:
    """Find the greatest amount between one that is not too big and one that is.

    What refuses says in what proportion it does: a first guess is mostly within a unit or two, so it is tried, then the
    amounts right above it at growing steps; halving finds the rest.
    """
    (low, bottom), (high, top), guesses, step = passing, refused, 0, 0
    while high - low > 1:
        middle, guess = (low + high) // 2, _guess(high, top)
        if step and low + step < high:
            middle = low + step
        elif low < guess < high and guesses < GUESSES_MAX:
            middle, guesses = guess, guesses + 1
        found = yield from foresee(of_amount(ask, middle), view, seen)
        if _too_big(found):
            high, top, step = middle, found, 0
        else:
            step = max(1, 2 * step) if guesses else 0
            low, bottom = middle, found
    return Greatest(low, top) if isinstance(bottom.verdict, Plan) else None


def _guess(refused_minor: int, outcome: Outcome) -> int:
    claim = outcome.claim
    if claim is None or claim.delta <= 0:
        return 0
    return refused_minor * max(outcome.headroom, 0) // claim.delta


def of_amount(ask: Ask, amount_minor: int) -> Ask:
    return ask._replace(facts=ask.facts._replace(instructed=ask.facts.instructed._replace(amount_minor=amount_minor)))


def too_small(outcome: Outcome) -> bool:
    return isinstance(outcome.verdict, Refusal) and outcome.verdict.reason in TOO_SMALL


def _too_big(outcome: Outcome) -> bool:
    return isinstance(outcome.verdict, Refusal) and outcome.verdict.reason not in TOO_SMALL


def _stretches(ask: Ask, view: View, most_minor: int) -> list[int]:
    """Return the least amount of each stretch in which every provider keeps its spread, from the largest down to 1."""
    profile, fixed = ask.facts.profile, ask.facts.instructed.currency
    starts = {1}
    if fixed != profile.debit_currency:
        for below_minor, currency in _tiers(view, profile.debit_currency, profile.settlement_currency):
            if currency == fixed:
                starts.add(below_minor)
                continue
            for market in (ONSHORE, OFFSHORE):
                try:
                    rate = view.rates.mid(currency, fixed, market, ask.facts.at).mid
                except NoRate:
                    continue
                starts.add(convert(below_minor, currency, fixed, rate, UP))
    return sorted((start for start in starts if 1 <= start <= most_minor), reverse=True)


def _tiers(view: View, debit_currency: str, settlement_currency: str) -> Iterator[tuple[int, str]]:
    for provider in view.providers:
        spreads = provider.spreads.get((debit_currency, settlement_currency))
        if spreads is not None:
            for below_minor, _ in spreads.tiers:
                if below_minor is not None:
                    yield below_minor, spreads.size_currency
