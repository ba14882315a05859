"""The auditor finds nothing where all is right, and each fault planted behind the switch's back by the check that is for it."""

import asyncio
import json
import re
import subprocess
import sys
import time
from typing import Any

import asyncpg
import pytest
from audited_sandbox import SANDBOX, Lived
from test_audit_of_returns import FAULTS as FAULTS_OF_RETURNS

from loadtest.audit.audit import Audit, NoSandbox, audit, audit_moment, prepare
from loadtest.audit.queries import read_queries

COUNTERS, ACCOUNTS, LINKS = "counters-equal-claims", "accounts-equal-transfers", "links-lead-to-the-sums"
RETURNS = "given-back-after-posting"
AWAITS = "awaits-until-the-last-word"


async def test_a_sandbox_that_kept_its_promises_has_no_violation(lived: Lived) -> None:
    found = await audit(lived.url, SANDBOX, time.time())
    assert found.violations == []
    assert found.payments == len(lived.payments)
    assert len(found.rails) == 11


async def test_a_late_acceptance_is_listed_as_forced_claims_and_is_no_violation(lived: Lived) -> None:
    found = await audit(lived.url, SANDBOX, time.time())
    assert {claim["payment_id"] for claim in found.forced} == {lived.payments["rejected-then-paid"]}
    assert {claim["rule"] for claim in found.forced} >= {
        "payment-connect.northbound.day",
        "payment-connect.northbound.year",
    }


async def test_after_a_drained_run_nothing_may_be_in_doubt_or_on_its_way(lived: Lived) -> None:
    found = await audit(lived.url, SANDBOX, time.time(), drained=True)
    assert {violation.check for violation in found.violations} == {"final-or-explained"}
    named = "\n".join(violation.detail for violation in found.violations)
    assert lived.payments["in-doubt"] in named and lived.payments["on-its-way"] in named
    assert len(found.violations) == 2


async def test_a_sandbox_that_is_not_there_is_not_audited(lived: Lived) -> None:
    with pytest.raises(NoSandbox):
        await audit(lived.url, "nowhere", time.time())


# (checks that must report it and no others, what to do behind the switch's back); {name} is a payment's id.
FAULTS = {
    "a status nobody knows": (
        {"status-known"},
        """
        ALTER TABLE payment DROP CONSTRAINT payment_status_check, DROP CONSTRAINT payment_check;
        UPDATE payment SET status = 'lost', code = '' WHERE payment_id = '{refused}';
        UPDATE event SET status = 'lost' WHERE payment_id = '{refused}'
        """,
    ),
    "a payment forgotten past its deadline": (
        {"final-or-explained"},
        "UPDATE leg SET deadline_at = '2026-03-05 02:00+00' WHERE payment_id = '{on-its-way}'",
    ),
    "a payment settled by the last word of its rail and still asked about": (
        {AWAITS},
        "UPDATE payment SET awaits_rail = true WHERE payment_id = '{settled}'",
    ),
    "a payment credited and still asked about": (
        {AWAITS},
        """
        ALTER TABLE payment DROP CONSTRAINT payment_awaits_rail_check;
        UPDATE payment SET awaits_rail = true WHERE payment_id = '{credited}'
        """,
    ),
    "a payment rejected by its rail and still asked about": (
        {AWAITS},
        "UPDATE payment SET awaits_rail = true WHERE payment_id = '{rejected}'",
    ),
    "a refused payment asked about": ({AWAITS}, "UPDATE payment SET awaits_rail = true WHERE payment_id = '{refused}'"),
    "a contradicted operator who still asks": (
        {AWAITS},
        "UPDATE payment SET awaits_rail = true WHERE payment_id = '{honoured-then-rejected}'",
    ),
    "a payment in doubt nobody will ask about": (
        {AWAITS},
        """
        ALTER TABLE payment DROP CONSTRAINT payment_awaits_rail_check;
        UPDATE payment SET awaits_rail = false WHERE payment_id = '{in-doubt}'
        """,
    ),
    "a settlement whose credit nobody will ask about": (
        {AWAITS},
        """UPDATE {rail:mo-rtgs} SET outcome = 2
        WHERE uetr = (SELECT uetr FROM payment WHERE payment_id = '{settled}')""",
    ),
    "a leg left behind": ({"legs-agree"}, "UPDATE leg SET status = 'sent' WHERE payment_id = '{credited}'"),
    "a payment without a leg": (
        {"legs-agree", "rails-carry-only-payments"},
        "UPDATE payment SET rail = '', leg_status = '', deadline_at = NULL WHERE payment_id = '{credited}'",
    ),
    "money made in an account": (
        {"debits-equal-credits", ACCOUNTS},
        "UPDATE counter SET down_posted = down_posted + 1 WHERE key = 'position:PEARCNG0:ibps:CNY'",
    ),
    "pending money forgotten on one side": (
        {"debits-equal-credits", ACCOUNTS},
        "UPDATE counter SET up_pending = up_pending - 1 WHERE key = 'position:HBAYHKH0:hk-fps:HKD'",
    ),
    "a transfer changed": (
        {ACCOUNTS},
        "UPDATE transfer SET amount_minor = amount_minor + 1 WHERE payment_id = '{credited}' AND line = 'principal'",
    ),
    "usage forgotten": (
        {COUNTERS},
        """
        UPDATE counter SET up_posted = up_posted - 1
        WHERE key = (SELECT claims::json -> 1 ->> 1 FROM decision WHERE payment_id = '{at-the-cap}')
        """,
    ),
    "a counter thrown away": (
        {COUNTERS},
        "DELETE FROM counter WHERE key = (SELECT claims::json -> 1 ->> 1 FROM decision WHERE payment_id = '{at-the-cap}')",
    ),
    "a claim above the cap, with the counter in step": (
        {"no-claim-beyond-its-bound"},
        """
        UPDATE decision SET claims = jsonb_set(claims::jsonb, '{0,2}', to_jsonb((claims::json -> 0 ->> 2)::bigint + 1))
        WHERE payment_id = '{at-the-cap}';
        UPDATE counter SET up_posted = up_posted + 1
        WHERE key = (SELECT claims::json -> 0 ->> 1 FROM decision WHERE payment_id = '{at-the-cap}')
        """,
    ),
    "a cap that was lower when the payment came": (
        {"no-claim-beyond-its-bound"},
        "UPDATE decision SET claims = jsonb_set(claims::jsonb, '{0,3}', '999999') WHERE payment_id = '{at-the-cap}'",
    ),
    "a claim that may overshoot, taken where nothing was left": (
        {"while-open-finds-headroom"},
        """
        UPDATE decision SET claims = jsonb_set(jsonb_set(claims::jsonb, '{0,5}', '"while_open"'), '{0,3}', '100000')
        WHERE payment_id = '{at-the-cap}'
        """,
    ),
    "a claim of nothing on a window that was exceeded": (
        {COUNTERS, "no-claim-beyond-its-bound"},
        """
        UPDATE decision SET claims = jsonb_set(jsonb_set(claims::jsonb, '{0,2}', '0'), '{0,3}', '99999')
        WHERE payment_id = '{at-the-cap}'
        """,
    ),
    "a position drawn below zero": (
        {"no-claim-beyond-its-bound"},
        """
        UPDATE counter k SET up_posted = k.up_posted + 10 ^ 14 FROM transfer t
        WHERE t.payment_id = '{silent}' AND t.line = 'principal' AND k.key = t.debit_account;
        UPDATE counter k SET down_posted = k.down_posted + 10 ^ 14 FROM transfer t
        WHERE t.payment_id = '{silent}' AND t.line = 'principal' AND k.key = t.credit_account;
        UPDATE transfer SET amount_minor = amount_minor + 10 ^ 14 WHERE payment_id = '{silent}' AND line = 'principal'
        """,
    ),
    "usage of a linked person forgotten": (
        {COUNTERS},
        """
        UPDATE counter SET up_posted = up_posted - 1
        WHERE key = (SELECT becomes FROM counter_alias WHERE becomes LIKE 'payment-connect.northbound.day|%' GROUP BY becomes HAVING count(*) = 2)
        """,
    ),
    "usage that came back to where it was before a link": (
        {COUNTERS, LINKS},
        """
        UPDATE counter SET up_posted = 1
        WHERE key = (SELECT counter FROM counter_alias WHERE counter LIKE 'payment-connect.northbound.day|%' AND becomes <> moved_to)
        """,
    ),
    "a chain of links that ends too early": (
        {LINKS},
        "UPDATE counter_alias SET becomes = moved_to WHERE becomes <> moved_to",
    ),
    "an alias that leads to another person": (
        {LINKS, COUNTERS, "versions-complete"},
        """
        UPDATE counter_alias a SET becomes = b.becomes, moved_to = b.becomes
        FROM counter_alias b WHERE b.becomes > a.becomes AND split_part(b.becomes, '|', 1) = split_part(a.becomes, '|', 1)
        """,
    ),
    "a person split in two": (
        {LINKS},
        """
        UPDATE person_documents SET person_id = document
        WHERE document = (SELECT split_part(split_part(counter, '|', 2), '@', 1) FROM counter_alias WHERE becomes <> moved_to LIMIT 1)
        """,
    ),
    "a claim above the cap of a linked person, with the counter in step": (
        {"no-claim-beyond-its-bound"},
        """
        UPDATE decision SET claims = jsonb_set(claims::jsonb, '{0,2}', to_jsonb((claims::json -> 0 ->> 2)::bigint + 1))
        WHERE payment_id = '{linked-at-the-cap}';
        UPDATE counter SET up_posted = up_posted + 1
        WHERE key = (SELECT claims::json -> 0 ->> 1 FROM decision WHERE payment_id = '{linked-at-the-cap}')
        """,
    ),
    "a cap that was full by what the link had brought": (
        {"no-claim-beyond-its-bound"},
        "UPDATE decision SET claims = jsonb_set(claims::jsonb, '{0,3}', '999999') WHERE payment_id = '{linked-at-the-cap}'",
    ),
    "a return forgotten, of which the next payment made use": (
        {COUNTERS, "no-claim-beyond-its-bound"},
        "DELETE FROM adjustment WHERE payment_id = '{returned}'",
    ),
    "a return forgotten that was made after a link": (
        {COUNTERS, "no-claim-beyond-its-bound"},
        "DELETE FROM adjustment WHERE payment_id = '{linked-returned}' AND step = 'after the link'",
    ),
    "a return written down that gave nothing back": (
        {COUNTERS, "versions-complete"},
        "INSERT INTO adjustment (payment_id, n, step, given, given_of, at) VALUES ('{credited}', 1, 'all', 1, 1, '2026-03-05 02:00+00')",
    ),
    "a return that gave back more than its share": (
        {COUNTERS},
        """
        UPDATE counter SET up_posted = up_posted - 1
        WHERE key = (SELECT claims::json -> 0 ->> 1 FROM decision WHERE payment_id = '{returned}')
        """,
    ),
    "a share written down wrong": (
        {COUNTERS},
        "UPDATE adjustment SET given = given + 1, given_of = given_of + 1 WHERE step = 'after the link'",
    ),
    "a return without a version": (
        {"versions-complete", "no-claim-beyond-its-bound"},
        "DELETE FROM batch WHERE step = 'adjust' AND xid = (SELECT xid FROM adjustment WHERE payment_id = '{returned}')",
    ),
    "a return under a rule that gives nothing back": (
        {COUNTERS, "no-claim-beyond-its-bound"},
        "UPDATE decision SET claims = jsonb_set(claims::jsonb, '{0,8}', 'false') WHERE payment_id = '{returned}'",
    ),
    "a return of what was never paid": (
        {RETURNS},
        "INSERT INTO adjustment (payment_id, n, step, given, given_of, at) VALUES ('{refused}', 1, 'all', 1, 1, '2026-03-05 02:00+00')",
    ),
    "a return between two others that nobody knows": (
        {RETURNS},
        "UPDATE adjustment SET n = n + 1 WHERE payment_id = '{returned}'",
    ),
    "more returned than was paid": (
        {RETURNS, COUNTERS},
        """
        ALTER TABLE adjustment DROP CONSTRAINT adjustment_check;
        UPDATE adjustment SET given = 3 WHERE payment_id = '{returned}'
        """,
    ),
    "a link without a trace": ({"versions-complete"}, "DELETE FROM batch WHERE step = 'link'"),
    "a version without a batch": (
        {"versions-complete"},
        "UPDATE counter SET version = version + 1 WHERE key = 'position:PEARCNG0:ibps:CNY'",
    ),
    "a batch lost": ({"versions-complete"}, "DELETE FROM batch WHERE step = 'finish' AND xid = (SELECT max(xid) FROM batch WHERE step = 'finish')"),
    "a version made twice": (
        {"versions-complete"},
        """
        UPDATE batch SET versions = array_fill(2::bigint, ARRAY[cardinality(versions)])
        WHERE step = 'finish' AND xid = (SELECT max(xid) FROM batch WHERE step = 'finish')
        """,
    ),
    "a key freed": (
        {"identities-hold"},
        "DELETE FROM identity WHERE kind = 1 AND payment_id = '{credited}'",
    ),
    "a UETR given away": (
        {"identities-hold"},
        "UPDATE identity SET payment_id = '{refused}' WHERE kind = 2 AND payment_id = '{credited}'",
    ),
    "an event that its payment does not know": (
        {"events-numbered"},
        "UPDATE event SET xid = '1' WHERE payment_id = '{silent}' AND n = 2",
    ),
    "a floor passed": (
        {"no-claim-beyond-its-bound"},
        """
        UPDATE decision SET claims = claims::jsonb || '[["r", "r|m|d", -5, null, 0, "whole", "refuse", false, true, false, false, "CNY"]]'
        WHERE payment_id = '{silent}';
        INSERT INTO counter (key, down_posted, version) VALUES ('r|m|d', 5, 2);
        UPDATE batch b SET counters = b.counters || 'r|m|d'::text, versions = b.versions || CASE b.step WHEN 'accept' THEN 1 ELSE 2 END::bigint
        FROM payment p WHERE p.payment_id = '{silent}' AND b.xid = ANY (p.moves) AND b.step IN ('accept', 'finish')
        """,
    ),
    "a decision lost": (
        {"nothing-belongs-to-nobody", COUNTERS},
        "DELETE FROM decision WHERE payment_id = '{credited}'",
    ),
    "a gap in the events": (
        {"events-numbered"},
        "DELETE FROM event WHERE payment_id = '{silent}' AND n = 2",
    ),
    "an event after the end": (
        {"events-follow-the-table", "the-final-status-was-told"},
        """
        INSERT INTO event (payment_id, received_on, n, status, code, at, detail, participant, position)
        SELECT payment_id, received_on, n + 1, 'rejected', 'AC03', at, detail, participant, 0
        FROM event WHERE payment_id = '{at-the-cap}' ORDER BY n DESC LIMIT 1;
        UPDATE payment SET moves = moves || pg_current_xact_id() WHERE payment_id = '{at-the-cap}'
        """,
    ),
    "a move the table does not have": (
        {"events-follow-the-table"},
        "UPDATE event SET status = 'queued' WHERE payment_id = '{silent}' AND status = 'in_doubt'",
    ),
    "a refusal that left a trace": (
        {"refused-holds-nothing", "versions-complete"},
        """
        INSERT INTO transfer
            (payment_id, received_on, n, debit_account, credit_account, amount_minor, currency, line, alone, xid, position)
        SELECT p.payment_id, p.received_on, 1, t.debit_account, t.credit_account, 1, t.currency, t.line, false, p.xid, p.position
        FROM transfer t, payment p WHERE t.payment_id = '{credited}' AND t.n = 1 AND p.payment_id = '{refused}'
        """,
    ),
    "what was asked and refused lost": (
        {"nothing-belongs-to-nobody"},
        "DELETE FROM decision WHERE payment_id = '{refused}'",
    ),
    "a payment lost": (
        {"nothing-belongs-to-nobody", "identities-hold", COUNTERS, ACCOUNTS, "rails-carry-only-payments"},
        "DELETE FROM payment WHERE payment_id = '{credited}'",
    ),
    "usage of a late acceptance forgotten": (
        {"exceptions-have-their-suspense"},
        """
        UPDATE decision SET claims = jsonb_set(claims::jsonb, '{0,2}', to_jsonb((claims::json -> 0 ->> 2)::bigint - 1))
        WHERE payment_id = '{rejected-then-paid}'
        """,
    ),
    "a late acceptance nobody wrote down": (
        {"exceptions-have-their-suspense", "rejected-is-not-paid", COUNTERS},
        "DELETE FROM exception_record WHERE payment_id = '{rejected-then-paid}'",
    ),
    "a quote to be used again": (
        {"quotes-used-once"},
        "UPDATE quote SET used_by = NULL WHERE used_by = '{quoted}'",
    ),
    "a quote used by another": (
        {"quotes-used-once"},
        "UPDATE quote SET used_by = '{credited}' WHERE used_by = '{quoted}'",
    ),
    "a credit the rail never made": (
        {"paid-is-in-the-rails-book"},
        """UPDATE {rail:ibps} SET outcome = 3, settled_at = NULL, reason_code = 'AC03'
        WHERE uetr = (SELECT uetr FROM payment WHERE payment_id = '{credited}')""",
    ),
    "a payment sent that the rail never had": (
        {"paid-is-in-the-rails-book"},
        "DELETE FROM {rail:ibps} WHERE uetr = (SELECT uetr FROM payment WHERE payment_id = '{credited}')",
    ),
    "money paid out for a rejected payment": (
        {"rejected-is-not-paid"},
        """UPDATE {rail:ibps} SET outcome = 2, reason_code = NULL
        WHERE uetr = (SELECT uetr FROM payment WHERE payment_id = '{rejected}')""",
    ),
    "another amount paid out": (
        {"rails-carry-only-payments"},
        "UPDATE {rail:ibps} SET amount_minor = amount_minor + 1 WHERE uetr = (SELECT uetr FROM payment WHERE payment_id = '{silent}')",
    ),
    "a payment executed twice": (
        {"rails-carry-only-payments"},
        """INSERT INTO {rail:hvps} SELECT * FROM {rail:ibps}
        WHERE uetr = (SELECT uetr FROM payment WHERE payment_id = '{credited}')""",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_planted_fault_is_reported_by_the_check_that_is_for_it(lived: Lived, fault: str) -> None:
    checks, statements = FAULTS[fault]
    found = await _audited_with(lived, _filled(statements, lived))
    assert {violation.check for violation in found.violations} == checks, found.violations


def test_these_faults_are_of_checks_that_there_are() -> None:
    planted = (*FAULTS.values(), *FAULTS_OF_RETURNS.values())  # each check's own plant: test_audit_plants
    assert set(read_queries("checks")) >= set().union(*(checks for checks, _ in planted))


class _Undo(Exception):
    """Ends the transaction in which a fault was planted."""


async def _audited_with(lived: Lived, statements: str) -> Audit:
    connection = await asyncpg.connect(lived.url, server_settings={"search_path": SANDBOX})
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


def _filled(statements: str, lived: Lived) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name.startswith("rail:"):
            return f"{SANDBOX}_rail_{name.removeprefix('rail:').replace('-', '_')}.book"
        return lived.payments[name]

    return re.sub(r"\{([a-z:-]+)\}", value, statements)


async def test_the_command_prints_one_document_and_its_exit_status_says_whether_all_is_right(lived: Lived) -> None:
    right = await asyncio.to_thread(_command, lived, "--json")
    assert right.returncode == 0
    document: dict[str, Any] = json.loads(right.stdout)
    assert (document["payments"], document["violations"]) == (len(lived.payments), [])
    wrong = await asyncio.to_thread(_command, lived, "--json", "--drained")
    assert wrong.returncode == 1
    assert {violation["check"] for violation in json.loads(wrong.stdout)["violations"]} == {"final-or-explained"}
    nowhere = await asyncio.to_thread(_command, lived, "--sandbox", "nowhere")
    assert nowhere.returncode == 2 and "nowhere" in nowhere.stderr


def _command(lived: Lived, *more: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "loadtest.audit", "--database-url", lived.url, "--sandbox", SANDBOX, *more]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
