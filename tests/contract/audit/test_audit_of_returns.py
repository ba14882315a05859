"""The auditor over money that came back: nothing wrong where all is right, and each planted fault found by its check."""

import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from audited_sandbox import START_AT, Lived, a_law_that_gives_back, come_back, drop

from loadtest.audit.audit import Audit, audit, audit_moment, prepare
from switch.clock import BusinessClock
from switch.main import open_sandbox, postgres_sandbox

SANDBOX = "contract_audit_returns"
WITHIN, BALANCE, SHARE = "returns-within-the-original", "returns-balance", "returns-give-back-their-share"
ENDS, BOOK = "recalls-end-with-their-return", "returns-are-in-the-rails-book"
COUNTERS = "counters-equal-claims"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def back(postgres_url: str) -> AsyncIterator[Lived]:
    connection = await asyncpg.connect(postgres_url)
    await drop(connection, SANDBOX)
    clock = BusinessClock()
    clock.begin(START_AT, rate=0)
    sandbox = postgres_sandbox(postgres_url, SANDBOX, clock=clock, instant=True, rulebook=a_law_that_gives_back())
    await open_sandbox(sandbox, START_AT)
    try:
        clock.set(rate=0)
        yield Lived(postgres_url, await come_back(sandbox))
    finally:
        await sandbox.stop()
        await drop(connection, SANDBOX)
        await connection.close()


async def test_money_that_came_back_leaves_no_violation(back: Lived) -> None:
    found = await audit(back.url, SANDBOX, time.time(), drained=True)
    assert found.violations == []
    connection = await asyncpg.connect(back.url, server_settings={"search_path": SANDBOX})
    states = await connection.fetch("SELECT state, count(*) AS n FROM payment_return GROUP BY state")
    await connection.close()
    assert {row["state"]: row["n"] for row in states} == {"returned": 6, "suspended": 1, "released": 1, "sent_back": 1}


# (checks that must report it and no others, what to do behind the switch's back); {name} is a payment's id.
FAULTS = {
    "more came back than was paid": (
        {WITHIN, BOOK, SHARE},
        """
        ALTER TABLE payment_return DROP CONSTRAINT payment_return_check2;
        UPDATE payment_return SET amount_minor = amount_minor * 3, counted_minor = counted_minor * 3, share = least(share * 3, share_of)
        WHERE payment_id = '{came-half}'
        """,
    ),
    "a return counts less than it is": (
        {WITHIN},
        "UPDATE payment_return SET counted_minor = counted_minor - 1 WHERE payment_id = '{came-back}'",
    ),
    "a return of a payment that is not there": (
        {WITHIN, BALANCE},
        "UPDATE payment_return SET payment_id = '00000000-0000-4000-8000-00000000dead' WHERE payment_id = '{held}'",
    ),
    "the debtor agent was given more than the record says": (
        {BALANCE},
        "UPDATE payment_return SET credited_minor = credited_minor - 1 WHERE payment_id = '{came-back}'",
    ),
    "suspense forgot what it holds": (
        {BALANCE},
        "UPDATE payment_return SET moved = false WHERE payment_id = '{held}'",
    ),
    "a release that says it did not happen": (
        {BALANCE, SHARE},
        """
        UPDATE payment_return SET state = 'suspended', released_at = NULL, released_xid = NULL, credited_minor = 0, share = 0
        WHERE payment_id = '{let-go}'
        """,
    ),
    "an exchange at another rate": (
        {BALANCE},
        "UPDATE payment_return SET bought_minor = bought_minor + 1 WHERE payment_id = '{came-back}'",
    ),
    "a transfer of no return": (
        {BALANCE},
        "UPDATE payment_return SET xid = '1' WHERE payment_id = '{held}'",
    ),
    "a quota that was not given back": (
        {SHARE, COUNTERS},
        "DELETE FROM adjustment WHERE payment_id = '{came-back}'",
    ),
    "a quota given back in another share": (
        {SHARE},
        "UPDATE payment_return SET share = share - 1 WHERE payment_id = '{came-half}'",
    ),
    "a quota given back for what is held": (
        {SHARE},
        "UPDATE adjustment SET step = (SELECT 'return:' || return_id FROM payment_return WHERE payment_id = '{held}') WHERE payment_id = '{came-back}'",
    ),
    "a recall that forgot its return": (
        {ENDS},
        "UPDATE recall SET state = 'accepted' WHERE payment_id = '{recalled}'",
    ),
    "a recall returned by nothing": (
        {ENDS},
        "UPDATE recall SET state = 'returned', code = '' WHERE payment_id = '{not-given-back}'",
    ),
    "a return the rail never made": (
        {BOOK},
        "DELETE FROM contract_audit_returns_rail_ibps.unasked_return WHERE uetr = (SELECT uetr FROM payment WHERE payment_id = '{came-back}')",
    ),
    "a return the switch never booked": (
        {BOOK, BALANCE, SHARE},
        "DELETE FROM payment_return WHERE payment_id = '{came-back}'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_planted_fault_of_returns_is_reported_by_its_check(back: Lived, fault: str) -> None:
    checks, statements = FAULTS[fault]
    for name, payment_id in back.payments.items():
        statements = statements.replace("{" + name + "}", payment_id)
    found = await _audited_with(back, statements)
    assert {violation.check for violation in found.violations} == checks, found.violations


class _Undo(Exception):
    """Ends the transaction in which a fault was planted."""


async def _audited_with(back: Lived, statements: str) -> Audit:
    connection = await asyncpg.connect(back.url, server_settings={"search_path": SANDBOX})
    try:
        await prepare(connection, SANDBOX)
        async with connection.transaction():
            done = [await connection.execute(statement) for statement in statements.split(";")]
            assert not any(tag.endswith(" 0") for tag in done), f"nothing was planted: {done}"
            found = await audit_moment(connection, SANDBOX, time.time())
            raise _Undo
    except _Undo:
        return found
    finally:
        await connection.close()
