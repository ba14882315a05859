"""Builders of recalls and returns: what is asked back, what a rail gives back, and what it has done to the books."""

from itertools import count

from driver import Driver

from fx.money import Money
from rails.port import RailReturn
from switch.flow.recalls import RecallAsk
from switch.flow.return_books import Opened, StoredRecall, StoredReturn

DAY = 24 * 3600  # business seconds
_numbers = count(1)


async def recalled(
    driver: Driver,
    payment_id: str,
    reason: str = "DUPL",
    amount: Money | None = None,
    key: str = "",
    reversal: bool = False,
) -> Opened:
    """Ask a payment back."""
    stored = await driver.stored(payment_id)
    ask = RecallAsk(reason, amount, "twice by mistake", reversal)
    return await driver.worker.recalls.ask(stored, key or f"recall-{next(_numbers)}", ask)


async def given_back(driver: Driver, payment_id: str, amount_minor: int, **changes: object) -> RailReturn:
    """What a rail tells of a payment's leg."""
    stored = await driver.stored(payment_id)
    [leg] = await driver.store.legs(payment_id)
    number = next(_numbers)
    given = RailReturn(
        leg.rail, f"00000000-0000-4000-8000-{number:012}", stored.uetr, leg.n, amount_minor, stored.settlement_currency, 0,
        "AC04", "", driver.world.clock.now(),
    )  # fmt: skip
    return given._replace(**changes)  # type: ignore[arg-type]


async def book(driver: Driver, *given: RailReturn) -> None:
    """Have the worker book what a rail told, and all that follows."""
    driver.worker.recalls._heard += given
    driver.worker.recalls.watch()
    await driver.wait()


async def the_recall(driver: Driver, payment_id: str) -> StoredRecall:
    """The one recall of a payment."""
    [recall] = await driver.store.recalls(payment_id)
    return recall


async def the_return(driver: Driver, payment_id: str) -> StoredReturn:
    """The one return of a payment."""
    [found] = await driver.store.returns(payment_id)
    return found


async def lines(driver: Driver, payment_id: str) -> list[tuple[str, str, str, int]]:
    """A payment's transfers besides its own: line, debit, credit, amount."""
    return [
        (each.transfer.line, each.transfer.debit_account, each.transfer.credit_account, each.transfer.amount_minor)
        for each in await driver.store.transfers(payment_id)
        if each.transfer.n >= 100
    ]
