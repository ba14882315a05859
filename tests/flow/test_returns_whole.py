"""One story with an exchange, told by all books together: money, quota, reports, and the auditor who keeps books of his own."""

import asyncio
import time
from datetime import date, timedelta

import asyncpg
import pytest
from builders import NOON, a_clock, to_magic
from giving_back import given_back
from test_flow_returns import LAW

from limits.calendars import law_day
from loadtest.audit.audit import audit
from switch.flow.recalls import RecallAsk
from switch.main import make_worker, open_sandbox, postgres_sandbox
from switch.report.assembly import document, make_report, period_of
from switch.report.question import Question, read_question
from switch.sandbox import Sandbox
from switch.store.postgres.store import PostgresStore

SANDBOX = "returns_whole"
DAY = "payment-connect.northbound.day"
RECEIPTS, CONVERSION = "receipts-and-payments", "conversion"


class _Held:
    """What giving_back asks of a driver."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.store, self.world = sandbox.store, sandbox.world

    async def stored(self, payment_id: str) -> object:
        return await self.store.payment(payment_id)


async def reported(sandbox: Sandbox, report: str, day: date) -> dict[tuple[str, str, str], tuple[int, str]]:
    """Cells of a day: (economy, what, kind) -> how many, and how much."""
    asked: Question = read_question(report, str(day), str(day), None, None)
    cells = document(make_report(asked, await sandbox.store.figures(period_of(asked))))["cells"]
    return {(c["economy"], c.get("direction") or c["operation"], c["kind"]): (c["count"], c["amount"]) for c in cells}


async def used(sandbox: Sandbox) -> list[int]:
    return sorted(sums.up_pending + sums.up_posted for sums in (await sandbox.store.counters(DAY)).values())


@pytest.mark.parametrize("story", ["full", "part", "two parts at once"])
async def test_money_quota_reports_and_audit_agree(postgres_url: str, story: str) -> None:
    sandbox = postgres_sandbox(postgres_url, SANDBOX, clock=a_clock(), instant=True, rulebook=LAW)
    try:
        await open_sandbox(sandbox, NOON)
        await sandbox.move_clock(None, 0)
        await _told(sandbox, postgres_url, story)
    finally:
        await sandbox.stop()
        connection = await asyncpg.connect(postgres_url)
        for row in await connection.fetch("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)", SANDBOX):
            await connection.execute(f'DROP SCHEMA "{row["nspname"]}" CASCADE')
        await connection.close()


async def move_on(sandbox: Sandbox, days: int) -> None:
    await sandbox.move_clock(sandbox.world.clock.now() + timedelta(days=days, minutes=1), None)
    assert await sandbox.settle_down(10)


async def _told(sandbox: Sandbox, postgres_url: str, story: str) -> None:
    magic = {"full": "RECALL-ACCEPTED", "part": "RECALL-PARTIAL", "two parts at once": "RECALL-SILENT"}[story]
    instruction = to_magic(magic, amount="1000.00")
    payment_id = (await sandbox.pay(instruction, instruction.debtor_agent, story)).payment_id
    await move_on(sandbox, 0)
    stored = await sandbox.payment(payment_id, None)
    paid_on = law_day(stored.received_at)
    whole = stored.settlement_minor
    assert await used(sandbox) == [1000_00]
    before = await reported(sandbox, RECEIPTS, paid_on)
    if story == "two parts at once":
        await _twice_at_once(sandbox, postgres_url, payment_id, whole)
    else:
        assert (await sandbox.recall(payment_id, None, "ask", RecallAsk("DUPL", None, ""))).recall is not None
        await move_on(sandbox, 3)
    returns = await sandbox.store.returns(payment_id)
    back = [each for each in returns if each.state == "returned"]
    came = sum(each.amount_minor for each in back)
    assert came == {"full": whole, "part": whole // 2, "two parts at once": whole // 2 + 1}[story]

    # quota: in the original proportion, at the original amount, in the original window
    assert await used(sandbox) == [1000_00 - 1000_00 * came // whole]
    # money: the debtor agent has what the records say, and debits equal credits
    [position] = [await sandbox.store.counters("position:HBAYHKH0:hk-fps:HKD")]
    [held] = position.values()
    funded = held.down_posted - sum(each.credited_minor for each in back)
    assert held.up_posted == 1000_00 and funded > 0
    # reports: the payment stays in its day, the return stands in its own on the other side
    back_on = law_day(back[0].booked_at)
    after = await reported(sandbox, RECEIPTS, back_on)
    assert {
        key: cell for key, cell in (await reported(sandbox, RECEIPTS, paid_on)).items() if key[2] == "payment"
    } == before
    assert after["CN", "payment", "return"][0] == after["HK", "receipt", "return"][0] == len(back)
    exchanged = await reported(sandbox, CONVERSION, back_on)
    assert [cell[0] for key, cell in exchanged.items() if key[2] == "return"] == [len(back)]
    # the auditor; what a test has told instead of a rail is in no rail's book
    violations = (await audit(postgres_url, SANDBOX, time.time(), drained=True)).violations
    told = {"returns-are-in-the-rails-book"} if story == "two parts at once" else set()
    assert {violation.check for violation in violations} == told, violations


async def _twice_at_once(sandbox: Sandbox, postgres_url: str, payment_id: str, whole: int) -> None:
    """Two workers book two halves and a bit at the same moment: one fits, the other is held."""
    other = make_worker(sandbox.world, PostgresStore(postgres_url, SANDBOX), 77)
    await other.store.open()
    halves = [await given_back(_Held(sandbox), payment_id, whole // 2 + 1) for _ in range(2)]  # type: ignore[arg-type]
    await asyncio.gather(
        sandbox.worker.recalls._book(halves[0]), other.recalls._book(halves[1]), other.recalls._book(halves[0])
    )
    await other.store.close()
    states = sorted(each.state for each in await sandbox.store.returns(payment_id))
    assert states == ["returned", "suspended"]
