"""Postings: debits equal credits in every currency, whatever is converted, charged and taken off, and claims follow them."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fx.money import Money
from fx.quotes import Price
from switch.payment.plan import Transfer
from switch.payment.postings import INVENTORY, LEDGER, LIQUIDITY, Sides, account_claims, inventory, transfers_of

HERE, THERE = "position:HBAYHKH0:hk-fps:HKD", "position:PEARCNG0:ibps:CNY"
AS_OF = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)


def a_price(sell: int, buy: int, spread: int, market: str = "offshore") -> Price:
    """HKD sold, CNY bought."""
    return Price(
        "lantern-fx", Money(sell, "HKD"), Money(buy, "CNY"), Money(spread, "HKD"), Decimal("0.9"), Decimal("0.9"), market,
        AS_OF,
    )  # fmt: skip


def balances(transfers: tuple[Transfer, ...]) -> dict[str, int]:
    """What each account gains by debits less credits."""
    moved: Counter[str] = Counter()
    for transfer in transfers:
        moved[transfer.debit_account] += transfer.amount_minor
        moved[transfer.credit_account] -= transfer.amount_minor
    return {account: amount for account, amount in moved.items() if amount}


def by_currency(transfers: tuple[Transfer, ...]) -> dict[str, tuple[int, int]]:
    """Debits and credits of each currency, told by the accounts' names."""
    sums: dict[str, tuple[int, int]] = {}
    for transfer in transfers:
        for account, place in ((transfer.debit_account, 0), (transfer.credit_account, 1)):
            assert account.rpartition(":")[2] == transfer.currency, "an account holds one currency"
            pair = list(sums.get(transfer.currency, (0, 0)))
            pair[place] += transfer.amount_minor
            sums[transfer.currency] = (pair[0], pair[1])
    return sums


def test_one_currency_is_one_transfer() -> None:
    same = Sides("position:A:hk-fps:HKD", "position:B:hk-fps:HKD")
    transfers = transfers_of(same, Money(100, "HKD"), Money(100, "HKD"), None, None, False)
    assert transfers == (Transfer(1, same.debtor_position, same.creditor_position, 100, "HKD", "principal"),)


def test_a_charge_of_the_debtor_comes_on_top() -> None:
    same = Sides("position:A:hk-chats:HKD", "position:B:hk-chats:HKD")
    charge = Money(50, "HKD")
    transfers = transfers_of(same, Money(100, "HKD"), Money(100, "HKD"), None, charge, False)
    assert balances(transfers) == {same.debtor_position: 150, same.creditor_position: -100, "charges:switch:HKD": -50}


def test_a_charge_of_the_creditor_is_taken_off_what_arrives() -> None:
    same = Sides("position:A:hk-chats:HKD", "position:B:hk-chats:HKD")
    charge = Money(50, "HKD")
    transfers = transfers_of(same, Money(100, "HKD"), Money(100, "HKD"), None, charge, True)
    assert balances(transfers) == {same.debtor_position: 100, same.creditor_position: -50, "charges:switch:HKD": -50}


def test_a_conversion_goes_through_the_provider_s_accounts_and_the_spread_is_a_line_of_its_own() -> None:
    price = a_price(sell=10000, buy=8989, spread=12)
    transfers = transfers_of(Sides(HERE, THERE), price.sell, price.buy, price, None, False)
    assert [transfer.line for transfer in transfers] == ["conversion", "principal", "spread"]
    assert balances(transfers) == {
        HERE: 10000, "inventory:lantern-fx:any:HKD": -9988, "spread:lantern-fx:HKD": -12,
        "inventory:lantern-fx:offshore:CNY": 8989, THERE: -8989,
    }  # fmt: skip


def test_a_charge_taken_off_a_converted_amount_is_paid_by_the_provider_in_the_creditor_s_currency() -> None:
    price = a_price(sell=10000, buy=8989, spread=0)
    transfers = transfers_of(Sides(HERE, THERE), price.sell, price.buy, price, Money(50, "CNY"), True)
    assert balances(transfers) == {
        HERE: 10000, "inventory:lantern-fx:any:HKD": -10000, "inventory:lantern-fx:offshore:CNY": 8989,
        THERE: -8939, "charges:switch:CNY": -50,
    }  # fmt: skip


def test_a_payment_within_one_agent_moves_its_position_out_and_in() -> None:
    own = Sides(HERE, HERE)
    transfers = transfers_of(own, Money(100, "HKD"), Money(100, "HKD"), None, None, False)
    assert balances(transfers) == {} and len(transfers) == 1
    claims = account_claims(transfers)
    assert [(claim.rule, claim.counter, claim.delta) for claim in claims] == [
        (LIQUIDITY, HERE, 100),
        (LEDGER, HERE, -100),
    ]


@pytest.mark.parametrize(
    ("market", "currency", "account"),
    [
        ("onshore", "CNY", "inventory:x:onshore:CNY"),
        ("offshore", "CNY", "inventory:x:offshore:CNY"),
        ("onshore", "HKD", "inventory:x:any:HKD"),
        ("pegged", "MOP", "inventory:x:any:MOP"),
    ],
)
def test_only_cny_has_two_markets(market: str, currency: str, account: str) -> None:
    assert inventory("x", market, currency) == account


def test_prefunded_accounts_may_not_go_below_nothing_and_the_others_have_no_bound() -> None:
    price = a_price(sell=10000, buy=8989, spread=12)
    claims = account_claims(transfers_of(Sides(HERE, THERE), price.sell, price.buy, price, Money(50, "HKD"), False))
    bounds = {(claim.rule, claim.counter): (claim.delta, claim.ceiling, claim.floor) for claim in claims}
    assert bounds == {
        (LIQUIDITY, HERE): (10050, 0, None),
        (INVENTORY, "inventory:lantern-fx:offshore:CNY"): (8989, 0, None),
        (LEDGER, "inventory:lantern-fx:any:HKD"): (-9988, None, None),
        (LEDGER, THERE): (-8989, None, None),
        (LEDGER, "spread:lantern-fx:HKD"): (-12, None, None),
        (LEDGER, "charges:switch:HKD"): (-50, None, None),
    }
    assert not any(claim.gross for claim in claims)


@st.composite
def payments(draw: st.DrawFn) -> tuple[tuple[Transfer, ...], Money, Money, Money | None, bool]:
    """Any payment: (transfers, principal, settlement, charge, deducted)."""
    deducted = draw(st.booleans())
    converted = draw(st.booleans())
    sell = draw(st.integers(2, 10**12))
    if converted:
        buy, spread = draw(st.integers(2, 10**12)), draw(st.integers(0, sell - 1))
        price, principal, settlement = a_price(sell, buy, spread), Money(sell, "HKD"), Money(buy, "CNY")
    else:
        price, principal, settlement = None, Money(sell, "HKD"), Money(sell, "HKD")
    currency = settlement.currency if deducted else principal.currency
    most = settlement.amount_minor - 1 if deducted else 10**6
    charge = draw(st.none() | st.integers(0, min(most, 10**6)).map(lambda amount: Money(amount, currency)))
    there = "position:B:hk-fps:HKD" if price is None else THERE
    here = HERE if draw(st.booleans()) or price is not None else there
    return (
        transfers_of(Sides(here, there), principal, settlement, price, charge, deducted),
        principal,
        settlement,
        charge,
        deducted,
    )


@settings(derandomize=True)
@given(payments())
def test_debits_equal_credits_and_everybody_gets_what_was_agreed(
    payment: tuple[tuple[Transfer, ...], Money, Money, Money | None, bool],
) -> None:
    transfers, principal, settlement, charge, deducted = payment
    assert all(debits == credits for debits, credits in by_currency(transfers).values())
    assert all(transfer.amount_minor > 0 for transfer in transfers)
    assert [transfer.n for transfer in transfers] == list(range(1, len(transfers) + 1))
    [paid] = [transfer for transfer in transfers if transfer.line == "principal"]
    fee = charge.amount_minor if charge is not None else 0
    assert (paid.amount_minor, paid.currency) == (
        settlement.amount_minor - (fee if deducted else 0),
        settlement.currency,
    )
    debited = sum(
        transfer.amount_minor
        for transfer in transfers
        if transfer.debit_account == transfers[0].debit_account and transfer.currency == principal.currency
    )
    assert debited == principal.amount_minor + (0 if deducted else fee)


@settings(derandomize=True)
@given(payments())
def test_claims_move_each_account_as_its_transfers_do(
    payment: tuple[tuple[Transfer, ...], Money, Money, Money | None, bool],
) -> None:
    transfers = payment[0]
    ups: Counter[str] = Counter()
    downs: Counter[str] = Counter()
    for claim in account_claims(transfers):
        (ups if claim.delta > 0 else downs)[claim.counter] += abs(claim.delta)
        prefunded = claim.counter.startswith(("position:", "inventory:"))
        assert (claim.ceiling == 0) == (claim.delta > 0 and prefunded)
    debits: Counter[str] = Counter()
    credits: Counter[str] = Counter()
    for transfer in transfers:
        debits[transfer.debit_account] += transfer.amount_minor
        credits[transfer.credit_account] += transfer.amount_minor
    assert ups == debits and downs == credits
