"""Which accounts a payment moves: double entry, one currency a transfer, FX through the provider's accounts.

An account's row is a counter (design 3): up = debit, down = credit. Agents and providers are prefunded: debits may not
exceed credits. Transfers of a payment are pending until it settles, and void if it is rejected.
"""

from collections.abc import Iterable
from typing import NamedTuple

from fx.money import Money
from fx.quotes import Price
from limits.claims import Claim
from switch.payment.plan import Plan, Transfer

LIQUIDITY, INVENTORY, LEDGER = "liquidity", "inventory", "ledger"
_ACCOUNT_RULES = frozenset({LIQUIDITY, INVENTORY, LEDGER})
# Kinds of accounts whose debits may not exceed their credits.
_PREFUNDED = {"position": LIQUIDITY, "inventory": INVENTORY}


def position(bic: str, rail: str, currency: str) -> str:
    """Name the account of an agent's prefunded position on a rail."""
    return f"position:{bic}:{rail}:{currency}"


def inventory(provider: str, market: str, currency: str) -> str:
    """Name a provider's inventory account; onshore and offshore CNY are apart, other currencies have one market."""
    return f"inventory:{provider}:{market if currency == 'CNY' else 'any'}:{currency}"


def charges(currency: str) -> str:
    """Name the account that collects the lanes' charges."""
    return f"charges:switch:{currency}"


def spread(provider: str, currency: str) -> str:
    """Name the account that collects a provider's margin."""
    return f"spread:{provider}:{currency}"


def suspense(rail: str, currency: str) -> str:
    """Name the account that holds what a rail paid after we had ended the payment."""
    return f"suspense:{rail}:{currency}"


def funding(currency: str) -> str:
    """Name the account from which positions and inventories are funded: the world outside."""
    return f"funding:world:{currency}"


class Sides(NamedTuple):
    """Where the money of a payment goes from and to."""

    debtor_position: str
    creditor_position: str


def transfers_of(
    sides: Sides, principal: Money, settlement: Money, price: Price | None, charge: Money | None, deducted: bool
) -> tuple[Transfer, ...]:
    """Write the transfers of a payment.

    `principal` leaves the debtor (spread included, charge not), `settlement` is what reaches the creditor side before a
    deducted charge; `charge` is in the debit currency, or in the settlement currency where it is deducted (CRED).
    """
    paid_out = settlement.amount_minor - (charge.amount_minor if charge and deducted else 0)
    found: list[Transfer] = []
    source = sides.debtor_position
    if price is not None:
        (sold_minor, sold), margin_minor = price.sell, price.spread.amount_minor
        held = inventory(price.provider, price.market, sold)
        found.append(Transfer(1, source, held, sold_minor - margin_minor, sold, "conversion"))
        source = inventory(price.provider, price.market, price.buy.currency)
    found.append(Transfer(len(found) + 1, source, sides.creditor_position, paid_out, settlement.currency, "principal"))
    if price is not None and margin_minor:
        kept = spread(price.provider, sold)
        found.append(Transfer(len(found) + 1, sides.debtor_position, kept, margin_minor, sold, "spread"))
    if charge is not None and charge.amount_minor:
        payer = source if deducted else sides.debtor_position
        found.append(
            Transfer(len(found) + 1, payer, charges(charge.currency), charge.amount_minor, charge.currency, "charge")
        )
    return tuple(found)


def is_prefunded(account: str) -> bool:
    """Whether an account's debits may not exceed its credits: agents' positions and providers' inventories."""
    return account.partition(":")[0] in _PREFUNDED


def is_account(claim: Claim) -> bool:
    """Whether a claim is on a ledger account: the pending transfer itself, no limit of the law."""
    return claim.rule in _ACCOUNT_RULES


def reservation(plan: Plan) -> tuple[Claim, ...]:
    """Return all that a payment claims, in the order in which one binds: the law's limits, then its accounts."""
    return plan.claims + tuple(account_claims(plan.transfers))


def account_claims(transfers: Iterable[Transfer]) -> list[Claim]:
    """Turn transfers into claims on their accounts' rows; prefunded accounts may not go below zero."""
    debits: dict[str, int] = {}
    credits: dict[str, int] = {}
    for _, debit, credit, amount_minor, _, _ in transfers:
        debits[debit] = debits.get(debit, 0) + amount_minor
        credits[credit] = credits.get(credit, 0) + amount_minor
    claims: list[Claim] = []
    for account, amount_minor in debits.items():
        rule = _PREFUNDED.get(account.partition(":")[0])
        claims.append(Claim(rule or LEDGER, account, amount_minor, 0 if rule else None, None))
    claims.extend([Claim(LEDGER, account, -amount_minor, None, None) for account, amount_minor in credits.items()])
    return claims
