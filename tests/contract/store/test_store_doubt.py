"""What a store keeps of doubt: proposals of two operators, inquiries, payments a worker ends unsent."""

from datetime import timedelta

import pytest
from builders import NOON, a_world, admitted, northbound, refusing

from rails.port import BLOCKED, CREDITED, PENDING, REJECTED, SETTLED, UNKNOWN
from switch.flow.doubt_books import ABOUT_PAYMENT, CONFIRMED, LAPSED, NO_ANSWER, Inquiry, Proposal
from switch.flow.ports import ABORT, Step, Store
from switch.main import opening_transfers
from switch.payment.status import REJECT, SUBMIT

UNKNOWN_ID = "00000000-0000-4000-8000-00000000abcd"


async def accepted(store: Store, n: int = 0) -> tuple[str, Step]:
    world = a_world()
    await store.fund(opening_transfers(world))
    item = admitted(world, northbound(instruction_id=f"D{n}", person=n))
    assert [outcome.kind for outcome in await store.accept([item], await store.generation(), refusing(world))] == [
        "accepted"
    ]
    return item.payment_id, Step(item.payment_id, item.received_on, REJECT, NOON, "AB03", "{}", True)


def proposal(payment_id: str, n: int = 1, subject: str = ABOUT_PAYMENT, by: str = "Chan") -> Proposal:
    return Proposal(payment_id, subject, n, "reject", "Silent.", by, NOON, NOON + timedelta(minutes=30))


async def test_one_proposal_on_a_subject_is_open_at_a_time(store: Store) -> None:
    payment_id, _ = await accepted(store)
    first = proposal(payment_id)
    assert await store.propose(first)
    assert not await store.propose(first) and not await store.propose(proposal(payment_id, 2))
    assert await store.propose(proposal(payment_id, subject="contradiction"))
    assert await store.decide_proposal(first, LAPSED, "", NOON)
    assert not await store.decide_proposal(first, CONFIRMED, "Wong", NOON)
    assert await store.propose(proposal(payment_id, 2))
    found = [each for each in await store.proposals(payment_id) if each.subject == ABOUT_PAYMENT]
    assert found == [first._replace(outcome=LAPSED, decided_at=NOON), proposal(payment_id, 2)]
    assert len(await store.proposals(None)) == 3 and await store.proposals(UNKNOWN_ID) == []


async def test_nobody_confirms_what_is_his_own(store: Store) -> None:
    payment_id, _ = await accepted(store)
    first = proposal(payment_id)
    await store.propose(first)
    with pytest.raises(Exception, match=r"four eyes|proposal_check"):
        await store.decide_proposal(first, CONFIRMED, "Chan", NOON)
    assert await store.decide_proposal(first, CONFIRMED, "Wong", NOON)
    [found] = await store.proposals(payment_id)
    assert (found.outcome, found.decided_by, found.decided_at) == (CONFIRMED, "Wong", NOON)


async def test_inquiries_come_back_in_order_with_the_number_the_store_gave(store: Store) -> None:
    payment_id, step = await accepted(store)
    other, _ = await accepted(store, 1)
    for n, answer in enumerate(("pending", "none", "rejected")):
        at = NOON + timedelta(seconds=n)
        asked = [Inquiry(each, step.received_on, 1, 0, "ibps", at, answer, "") for each in (payment_id, other)]
        await store.note_inquiries(asked[: 2 - n % 2])
    assert [(each.n, each.answer, each.times) for each in await store.inquiries(payment_id)] == [
        (1, "pending", 1), (2, "none", 1), (3, "rejected", 1),
    ]  # fmt: skip
    assert [each.answer for each in await store.inquiries(other)] == ["pending", "rejected"]


@pytest.mark.parametrize("answer", [PENDING, SETTLED, CREDITED, REJECTED, BLOCKED, UNKNOWN, NO_ANSWER])
async def test_whatever_a_rail_may_answer_is_kept(store: Store, answer: str) -> None:
    payment_id, step = await accepted(store)
    await store.note_inquiries([Inquiry(payment_id, step.received_on, 1, 0, "ibps", NOON, answer, "")])
    assert [each.answer for each in await store.inquiries(payment_id)] == [answer]


async def test_a_worker_ends_only_what_it_holds_and_nobody_has_sent(store: Store) -> None:
    await store.register(1, 60.0)
    (mine, step), (sent, sent_step) = await accepted(store), await accepted(store, 1)
    await store.finish([sent_step._replace(event=SUBMIT, code="", last_word=False)])
    assert await store.abandon([step, sent_step], 2) == []
    assert [moved.payment_id for moved in await store.abandon([step, sent_step], 1)] == [mine]
    assert await store.abandon([step], 1) == [] and await store.abandon([], 1) == []
    after = await store.payment(sent)
    assert after is not None and after.status == "submitted"


async def test_an_event_of_a_record_goes_to_whom_it_names_and_leaves_the_payment_s_own_alone(store: Store) -> None:
    payment_id, _ = await accepted(store)
    before = await store.events(payment_id)
    await store.tell(payment_id, ABORT, NOON, "AB03", '{"kind": "aborted"}', "PEARCNG0")
    await store.tell(payment_id, ABORT, NOON, "", "{}", None)
    [own, first, second] = await store.events(payment_id)
    assert [own] == before and (first.participant, first.n, first.status) == ("PEARCNG0", 0, "accepted")
    assert second.participant == own.participant
    assert [event.cursor for event in await store.stream(own.cursor, None, 9)] == [first.cursor, second.cursor]


async def test_ended_is_what_operators_rejected_until_its_rail_has_its_last_word(store: Store) -> None:
    waits, by_operators = await accepted(store)
    over, by_rail = await accepted(store, 1)
    under_way, _ = await accepted(store, 2)
    ids = [waits, over, under_way]
    assert await store.ended(ids) == set()
    await store.finish([by_operators._replace(last_word=False), by_rail])
    assert await store.ended(ids) == {waits} and await store.ended([over]) == set()
    await store.hear_out(by_operators, None)
    assert await store.ended(ids) == set()
