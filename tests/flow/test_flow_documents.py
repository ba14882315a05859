"""A document is given for one payment: under whatever name it comes again, at whichever worker, and however close behind."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from builders import HARBOUR, a_world, some_rails, to_magic, trade
from driver import Driver

from switch.dryrun import DryRun
from switch.flow.ports import Store
from switch.flow.submission import Answer
from switch.payment.instruction import Instruction

ONCE = "documents.once"
HASH = "a1" * 32
INVOICE = {"type": "invoice", "reference": "INV-1", "issuer": "Acme Ltd", "hash": HASH}
BARE = {"type": "invoice", "reference": "INV-1"}
ELSEWHERE = "6222000000000000099"


def bill(document: dict[str, str], **changes: Any) -> Instruction:
    return trade("1000.00", documents=[document], **changes)


def refused(answer: Answer) -> bool:
    """Whether an answer refuses because of the document; any other refusal is a fault of the test."""
    if answer.refusal is None:
        return False
    assert (answer.refusal.reason, answer.refusal.detail["rule"]) == ("document-used", ONCE), answer
    return True


AGAIN: dict[str, Instruction] = {
    "as it was": bill(INVOICE),
    "another reference, the same hash": bill(INVOICE | {"reference": "INV-2"}),
    "zero width": bill(BARE | {"reference": "INV-1\u200b", "issuer": "Acme Ltd"}),
    "soft hyphen": bill(BARE | {"reference": "IN\u00adV-1"}),
    "combining": bill(BARE | {"reference": "INV-1\u034f"}),
    "en dash": bill(BARE | {"reference": "INV\u20131"}),
    "spaces within": bill(BARE | {"reference": "INV - 1"}),
    "issuer with a full stop, elsewhere": bill(BARE | {"issuer": "Acme Ltd."}, creditor__account__number=ELSEWHERE),
    "without issuer or hash": bill(BARE),
    "another issuer, the same account": bill(BARE | {"issuer": "Acme Trading"}),
    "without issuer, elsewhere, the same hash": bill(BARE | {"hash": HASH}, creditor__account__number=ELSEWHERE),
}


@pytest.mark.parametrize("board", [True, False])
async def test_the_same_invoice_is_refused_under_every_name_it_has(driver: Driver, board: bool) -> None:
    await driver.accepted(bill(INVOICE))
    passed = []
    for how, instruction in AGAIN.items():
        if not board:
            driver.worker.board.entries.clear()
        again = instruction.model_copy(update={"instruction_id": f"{instruction.instruction_id}{board:d}"})
        if not refused(await driver.pay(again)):
            passed.append(how)
    assert passed == []


async def test_a_refused_payment_uses_no_name_of_its_document(driver: Driver) -> None:
    """It was refused for the hash alone: its own reference is free for the invoice that really has it."""
    await driver.accepted(bill(INVOICE))
    assert refused(await driver.pay(bill(INVOICE | {"reference": "INV-2"})))
    await driver.accepted(bill(BARE | {"reference": "INV-2", "issuer": "Acme Ltd"}))


async def test_a_document_whose_payment_the_rail_rejects_may_be_given_again_once(driver: Driver) -> None:
    payment_id = await driver.accepted(to_magic("REJECT-AC03", trade, amount="1000.00", documents=[INVOICE]))
    assert refused(await driver.pay(bill(INVOICE))), "as long as it may still be paid it is used"
    await driver.wait()
    await driver.wait(600)  # an RTGS answers within minutes
    assert (await driver.stored(payment_id)).status == "rejected"
    driver.machine.now += 2  # the closed board forgets within a second
    await driver.accepted(bill(INVOICE))
    assert refused(await driver.pay(bill(INVOICE)))


@pytest.mark.parametrize("again", [INVOICE, BARE, INVOICE | {"reference": "INV-2", "issuer": "Other"}])
async def test_of_two_in_one_batch_one_is_accepted(driver: Driver, again: dict[str, str]) -> None:
    submissions = [driver.submit(bill(INVOICE)), driver.submit(bill(again))]
    await driver.accept()
    assert [refused(submission.answer.result()) for submission in submissions] == [False, True]


async def test_of_two_workers_at_once_one_accepts(new_store: Callable[[], Awaitable[Store]]) -> None:
    """Ten invoices, each given to both: with one reference and issuer, one account, or one hash in common."""
    at_work = [await Driver(await new_store(), a_world(rails=some_rails()), n).start() for n in (1, 2)]
    pairs = []
    for n in range(10):
        here = INVOICE | {"reference": f"INV-{n}", "hash": f"{n:064x}"}
        there = (here, {"type": "invoice", "reference": f"inv {n}"}, here | {"reference": f"X-{n}", "issuer": "Other"})
        pairs.append((bill(here), bill(there[n % 3])))
    answers = await asyncio.gather(
        *(worker.pay(each) for pair in pairs for worker, each in zip(at_work, pair, strict=True))
    )
    taken = [refused(answer) for answer in answers]
    assert [sum(taken[n : n + 2]) for n in range(0, 20, 2)] == [1] * 10


async def test_explain_and_the_live_switch_refuse_a_document_alike(driver: Driver) -> None:
    await driver.accepted(bill(INVOICE))
    dry_run = DryRun(driver.world, driver.store, driver.worker.decider)
    for instruction in AGAIN.values():
        said = await dry_run.explain(instruction, HARBOUR)
        live = await driver.pay(instruction.model_copy(update={"instruction_id": f"{instruction.instruction_id}x"}))
        assert refused(live) and (said["reason"]["name"], said["reason"]["rule"]) == ("document-used", ONCE)
