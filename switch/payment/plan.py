"""What decide answers: a Plan that can be carried out, or a Refusal that says why not. Plain values."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from fx.money import Money
from fx.quotes import Price
from limits.claims import Claim
from limits.facts import Amounts, Profile
from limits.rules import Classification, Lane, LaneVerdict


class Refusal(NamedTuple):
    """A refusal: the name of a row of payment.reasons, and what fills its sentence."""

    reason: str
    detail: dict[str, str]
    field: str = ""  # JSON path of the offending field, where there is one


class Leg(NamedTuple):
    """One leg that a rail carries: its number, rail, agents, amount and business deadline."""

    n: int
    rail: str
    direction: str  # credit: the rail pays the creditor agent
    amount: Money
    debtor_agent: str  # BIC8 whose position on that rail pays
    creditor_agent: str
    creditor_account: str
    expires_at: datetime


class Transfer(NamedTuple):
    """One debit and one credit of the same amount and currency; pending until the payment settles."""

    n: int
    debit_account: str
    credit_account: str
    amount_minor: int
    currency: str
    line: str  # principal, conversion, spread, charge, suspense, funding


class RouteStep(NamedTuple):
    """One rail of the route and why the others of its place were not taken."""

    rail: str
    role: str  # debit | credit | domestic
    passed_over: tuple[tuple[str, str], ...]  # (rail, why)


class Plan(NamedTuple):
    """A payment that may be carried out if its claims are admitted."""

    classification: Classification
    lane: Lane
    lanes: tuple[LaneVerdict, ...]
    debit: Money  # taken from the debtor's account, charges included
    settlement: Money  # what the creditor receives, charges deducted
    amounts: Amounts  # both before charges: what the law measures
    price: Price | None
    charge: Money | None
    route: tuple[RouteStep, ...]
    leg: Leg
    transfers: tuple[Transfer, ...]
    claims: tuple[Claim, ...]  # of the law, in the order in which one binds; accounts: postings.reservation
    quote_id: str  # the firm quote used, "" = none
    debtor_agent: str  # BIC8 of who asks; its position may be its sponsor's (leg.debtor_agent)
    profile: Profile  # the facts it was judged by; the statistics ask for its parties
    opens_at: datetime | None = None  # until when it waits for lane and rails; None: it goes at once

    @property
    def rate(self) -> Decimal | None:
        """The exchange rate, None where nothing is converted."""
        return self.price.rate if self.price is not None else None
