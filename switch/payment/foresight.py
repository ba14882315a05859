"""Deciding on supposition: what would become of an ask, on the sums of counters as they are. Pure.

As accept would decide and evaluate, and nothing is reserved. A search decides again and again; it asks for the sums it needs
as it goes: it yields what it wants and is sent the sums of those counters, so that it neither reads a store nor waits.
"""

from collections.abc import Generator, Mapping, Set
from datetime import datetime
from typing import NamedTuple, TypeVar

from limits.claims import Claim, Sums
from limits.counters import evaluate
from limits.rules import RulesOfDay
from limits.values import CREDITOR_SCOPES
from switch.payment.decide import Ask, View, decide, refusal_of
from switch.payment.plan import Plan, Refusal
from switch.payment.postings import INVENTORY, is_account, reservation

T = TypeVar("T")


class Wanted(NamedTuple):
    """The claims whose counters a search asks for, and the instant at which they would be made."""

    claims: tuple[Claim, ...]
    at: datetime


Search = Generator[Wanted, Mapping[str, Sums], T]


class Seen:
    """The sums a search has been told; a counter asked for and not told is unbounded (accounts, without a server)."""

    def __init__(self) -> None:
        self.sums: dict[str, Sums] = {}
        self._asked: set[str] = set()

    def unknown(self, claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
        """Return the claims on counters not asked for yet."""
        return tuple(claim for claim in claims if claim.counter not in self._asked)

    def learn(self, claims: tuple[Claim, ...], sums: Mapping[str, Sums]) -> None:
        """Take up the sums of these claims' counters."""
        self._asked.update(claim.counter for claim in claims)
        self.sums.update(sums)


class Outcome(NamedTuple):
    """What would become of an ask: the verdict, and which claim over which lane was not admitted, if one was not."""

    verdict: Plan | Refusal
    claim: Claim | None = None
    lane: str = ""
    headroom: int = 0  # of that claim, its minor units

    @property
    def blocker(self) -> str:
        """Name what refuses: the rule, else the rail, else the reason; "" where nothing does."""
        if isinstance(self.verdict, Plan):
            return ""
        return self.verdict.detail.get("rule") or self.verdict.detail.get("rail") or self.verdict.reason


def foresee(ask: Ask, view: View, seen: Seen) -> Search[Outcome]:
    """Decide and evaluate as accept would, past empty inventories and, where the ask allows it, refused lanes."""
    first: Outcome | None = None
    while True:
        verdict = decide(ask, view)
        if isinstance(verdict, Refusal):
            return first or Outcome(verdict)
        claims = reservation(verdict)
        if unknown := seen.unknown(claims):
            seen.learn(unknown, (yield Wanted(unknown, ask.facts.at)))
        sums = seen.sums
        refused = evaluate(tuple(claim for claim in claims if not is_account(claim) or claim.counter in sums), sums)
        if refused is None:
            return Outcome(verdict, None, verdict.lane.id)
        (claim, left), lane = refused, verdict.lane.id
        if claim.rule == INVENTORY and ask.quote_id is None:
            ask = ask._replace(empty_inventories=ask.empty_inventories | {claim.counter})
            continue
        found = Outcome(refusal_of(refused, verdict, view.rules), claim, lane, left)
        passed = ask.passed_lanes | {lane}
        if is_account(claim) or not ask.allow_lanes or not _any_other(verdict, passed):
            return first or found
        first = first or found
        ask = ask._replace(passed_lanes=passed)


def _any_other(plan: Plan, passed: Set[str]) -> bool:
    return any(verdict.eligible and verdict.lane not in passed for verdict in plan.lanes)


# --- whose use it is to show ---


def counts_others(claim: Claim, lane: str, rules: RulesOfDay) -> bool:
    """Whether a claim of the law is on the creditor's counter, or its agent's: what else is on it is not the sender's to see."""
    return rules.scope(lane, claim) in CREDITOR_SCOPES


def not_theirs(outcome: Outcome, rules: RulesOfDay) -> bool:
    """Whether what refuses is another's sum (creditor, sponsor, provider), which an exact amount would give away."""
    if isinstance(outcome.verdict, Refusal) and outcome.verdict.reason in ("sponsor-liquidity", "no-rate"):
        return True
    claim = outcome.claim
    return claim is not None and not is_account(claim) and counts_others(claim, outcome.lane, rules)
