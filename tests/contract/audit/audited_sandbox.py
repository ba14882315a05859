"""A small sandbox on PostgreSQL that has lived through one payment of each fate; the audits only look at it."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from fx.money import Money
from fx.quotes import Quote
from limits.rulebook import read_documents
from limits.rules import Rulebook
from rails.faults import NO_FAULTS, Faults
from rails.identifiers import fictional
from switch.flow.ports import Stored
from switch.flow.recalls import RecallAsk
from switch.payment.instruction import Identification, Instruction
from switch.sandbox import Sandbox

SANDBOX = "contract_audit"
START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)  # a Thursday, 10:00 in Hong Kong
HONG_KONG, MAINLAND = "HBAYHKH0", "PEARCNG0"


def a_law_that_gives_back() -> Rulebook:
    """The law of the day, but what is returned frees the allowance of Payment Connect again: no rule in force does."""
    documents = read_documents()
    allowances = ("payment-connect.northbound.day.yaml", "payment-connect.northbound.year.yaml")
    return Rulebook({**documents, **{name: {**documents[name], "gives_back": True} for name in allowances}})


class Lived(NamedTuple):
    """Where the sandbox is, and the payment ids by the fate they met."""

    url: str
    payments: Mapping[str, str]


def northbound(n: int, amount: str = "1000.00", account: str = "6222000000000000001", **more: Any) -> Instruction:
    return Instruction.model_validate(
        {
            "instruction_id": f"AUDIT-{n}",
            "instructed_amount": {"currency": "HKD", "amount": amount},
            "debtor": {
                "name": "CHAN Tai Man",
                "identification": {"type": "HKID", "number": fictional.hkid(n), "country": "HK"},
                "residency": "HK",
                "account": {"number": "012001000001", "currency": "HKD"},
            },
            "creditor": {"name": "Li Wei", "residency": "CN", "account": {"number": account}},
            "debtor_agent": HONG_KONG,
            "creditor_agent": MAINLAND,
            "settlement_currency": "CNY",
            "purpose_code": "GIFT",
            **more,
        }
    )


def by_rtgs(n: int) -> Instruction:
    """A payment between firms over an RTGS, which settles and never reports a credit."""
    firm = {"name": "Lion Rock Design Ltd", "residency": "HK", "sector": "corporation"}
    return northbound(
        n,
        debtor=firm
        | {
            "identification": {"type": "BRN", "number": "99000007-000", "country": "HK"},
            "account": {"number": "901888000002", "currency": "HKD"},
        },
        creditor={
            "name": "Praia Grande Textiles Lda",
            "residency": "MO",
            "sector": "corporation",
            "account": {"number": "905888000001"},
        },
        creditor_agent="PRAIMOM0",
        settlement_currency="HKD",
        purpose_code="GDDS",
    )


async def agreed(sandbox: Sandbox, payment_id: str, event: str) -> Stored:
    """Two operators decide on a payment in doubt; returns it as it then stands."""
    for operator in ("one", "another"):
        await sandbox.decisions.on_payment(
            await sandbox.payment(payment_id, None), event, operator, "as the audit needs it"
        )
    return await sandbox.payment(payment_id, None)


def _document(n: int) -> Identification:
    return Identification(type="HKID", number=fictional.hkid(n), country="HK")


async def live(sandbox: Sandbox) -> dict[str, str]:
    ids: dict[str, str] = {}

    async def pay(name: str, instruction: Instruction) -> None:
        ids[name] = (await sandbox.pay(instruction, HONG_KONG, name)).payment_id

    async def give_back(name: str, step: str, share: tuple[int, int]) -> None:
        assert await sandbox.store.adjust(ids[name], step, share, sandbox.world.clock.now())

    async def move_on(seconds: int) -> None:
        await sandbox.move_clock(sandbox.world.clock.now() + timedelta(seconds=seconds), None)
        assert await sandbox.settle_down(5)

    ibps = sandbox.world.rails["ibps"]
    # One person with three documents: two give back after their link what they had claimed before it.
    ibps.faults = Faults(outage=True)
    await pay("linked", northbound(20, "4000.00"))
    await pay("linked-rejected", northbound(20, "3000.00", "MAGIC-REJECT-AC03-2", instruction_id="AUDIT-20B"))
    await pay("linked-lost", northbound(20, "2000.00", "MAGIC-LOST-2", instruction_id="AUDIT-20C"))
    await pay("linked-first", northbound(21, "3000.00"))
    await pay("linked-third", northbound(22, "1000.00"))
    assert await sandbox.link_persons(_document(21), _document(20))
    ibps.faults = NO_FAULTS
    await move_on(1)
    assert await sandbox.link_persons(_document(22), _document(21))
    # Two persons get part of their usage back, one in thirds that leave a rest, before and after a link; both use it up again.
    await pay("returned", northbound(24, "9000.00"))
    await pay("linked-returned", northbound(25, "8999.99"))
    await move_on(1)
    await give_back("returned", "half of it", (1, 2))
    await give_back("linked-returned", "before the link", (1, 3))
    assert await sandbox.link_persons(_document(26), _document(25))
    await give_back("linked-returned", "after the link", (1, 3))
    await pay("returned-at-the-cap", northbound(24, "5500.00", instruction_id="AUDIT-24B"))
    await pay("linked-returned-at-the-cap", northbound(25, "7000.00", instruction_id="AUDIT-25B"))
    await pay("credited", northbound(1))
    await pay("at-the-cap", northbound(1, "9000.00", instruction_id="AUDIT-1B"))
    await pay("refused", northbound(1, "0.01", instruction_id="AUDIT-1C"))
    await pay("settled", by_rtgs(2))
    await pay("rejected", northbound(3, account="MAGIC-REJECT-AC03-1"))
    await pay("contradicted", northbound(4, account="MAGIC-CONTRADICTORY-1"))
    quote = await sandbox.quote(HONG_KONG, "HKD", "CNY", Money(50000, "HKD"), "offshore")
    assert isinstance(quote, Quote)
    await pay("quoted", northbound(5, "500.00", quote_id=quote.quote_id))
    await pay("silent", northbound(6, account="MAGIC-SILENT-1"))
    await pay("rejected-then-paid", northbound(7, account="MAGIC-LATE-ACCEPT-1"))
    await pay("honoured-then-paid", northbound(8, account="MAGIC-LATE-ACCEPT-2"))
    await pay("honoured-then-rejected", northbound(9, account="MAGIC-LOST-1"))
    assert await sandbox.link_persons(_document(23), _document(7))  # whose usage is forced later
    await move_on(1)
    ibps.faults = Faults(outage=True)  # so that it is the operator who decides
    await move_on(60)
    await agreed(sandbox, ids["rejected-then-paid"], "reject")
    await agreed(sandbox, ids["honoured-then-paid"], "settle")
    await agreed(sandbox, ids["honoured-then-rejected"], "settle")
    ibps.faults = NO_FAULTS
    await move_on(120)
    await pay("linked-at-the-cap", northbound(20, "2000.00", instruction_id="AUDIT-20D"))
    await pay("linked-refused", northbound(21, "0.01", instruction_id="AUDIT-21B"))
    await move_on(3600)
    await pay("in-doubt", northbound(10, account="MAGIC-LATE-ACCEPT-3"))
    await move_on(60)
    await pay("on-its-way", northbound(11, account="MAGIC-LATE-ACCEPT-4"))
    await _until_submitted(sandbox, ids["on-its-way"])
    return ids


async def come_back(sandbox: Sandbox) -> dict[str, str]:
    """Money that comes back: whole and half, asked for and not, held, released, sent back, reversed."""
    ids: dict[str, str] = {}

    async def pay(name: str, magic: str, n: int, **more: Any) -> None:
        instruction = northbound(n, account=f"MAGIC-{magic}-{n}", **more)
        ids[name] = (await sandbox.pay(instruction, HONG_KONG, name)).payment_id

    async def move_on(seconds: int) -> None:
        await sandbox.move_clock(sandbox.world.clock.now() + timedelta(seconds=seconds), None)
        assert await sandbox.settle_down(10)

    await pay("came-back", "RETURNED-AC04", 30)
    await pay("came-half", "RETURNED-PARTIAL", 31)
    await pay("recalled", "RECALL-ACCEPTED", 32)
    await pay("recalled-in-parts", "RECALL-PARTIAL", 33)
    await pay("not-given-back", "RECALL-REJECTED-CUST", 34)
    await pay("reversed", "RECALL-ACCEPTED", 35)
    await move_on(60)
    for name in ("recalled", "recalled-in-parts", "not-given-back", "reversed"):
        reversal = name == "reversed"
        opened = await sandbox.recall(ids[name], None, name, RecallAsk("TECH", None, "", reversal))
        assert opened.recall is not None, opened
    await move_on(3600)
    await move_on(3 * 86_400)
    await sandbox.recall(ids["recalled-in-parts"], None, "again", RecallAsk("TECH", None, ""))
    await move_on(3 * 86_400)
    for n, name in enumerate(("held", "let-go", "sent-back"), 40):
        await pay(name, "RETURNED-MS03", n)
    await move_on(60)
    providers, sandbox.world.providers = sandbox.world.providers, ()
    await move_on(3600)
    sandbox.world.providers = providers
    for name in ("let-go", "sent-back"):
        [held] = await sandbox.store.returns(ids[name])
        assert held.state == "suspended"
        assert await sandbox.release_return(held, name == "sent-back") is not None
    return ids


async def _until_submitted(sandbox: Sandbox, payment_id: str) -> None:
    until = time.monotonic() + 5
    while (await sandbox.payment(payment_id, None)).status != "submitted":
        assert time.monotonic() < until
        await sandbox.wait_final(payment_id, 0.02)


async def drop(connection: Any, sandbox: str = SANDBOX) -> None:
    for row in await connection.fetch("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)", sandbox):
        await connection.execute(f'DROP SCHEMA "{row["nspname"]}" CASCADE')
