"""Accept: what one transaction admits, refuses, replays, or leaves to be decided again."""

from datetime import timedelta
from typing import Any

import pytest
from builders import (
    HARBOUR,
    NOON,
    PEARL,
    admitted,
    domestic,
    northbound,
    planned,
    refusing,
    southbound,
    trade,
)

from fx.quotes import firm
from limits.claims import Refused
from limits.counters import EMPTY
from switch.flow.ports import (
    ACCEPTED,
    AGAIN,
    INSTRUCTION,
    REFUSED,
    REPLAYED,
    UETR,
    Admission,
    Finding,
    Judge,
    Outcome,
    StaleWorld,
    Store,
)
from switch.flow.submission import key_identity, payment_id_of, uetr_identity
from switch.flow.world import World
from switch.payment.plan import Refusal
from switch.payment.postings import reservation

DAY_CAP = "payment-connect.northbound.day"
UETR_1 = "6f0d53a2-9d8c-4c1b-8a55-000000000001"
UETR_2 = "6f0d53a2-9d8c-4c1b-8a55-000000000002"


async def accept(store: Store, world: World, *items: Admission, judge: Judge | None = None) -> list[Outcome]:
    return await store.accept(items, await store.generation(), judge or refusing(world))


def decided_again(item: Admission, refused: Refused) -> None:
    """A judge who has every refused payment decided again."""


async def used(store: Store, item: Admission) -> dict[str, tuple[int, ...]]:
    """The four sums of each counter that a payment's plan claims."""
    keys = [claim.counter for claim in reservation(planned(item))]
    sums = await store.sums(keys)
    return {key: sums.get(key, EMPTY)[:4] for key in keys}


async def stands(store: Store, payment_id: str) -> bool:
    return await store.payment(payment_id) is not None


# --- accepted ---


@pytest.mark.parametrize("build", [northbound, southbound, domestic, trade])
async def test_an_accepted_payment_is_stored_whole(store: Store, world: World, build: Any) -> None:
    item = admitted(world, build("100.00"))
    plan = planned(item)
    before = await used(store, item)
    [outcome] = await accept(store, world, item)
    assert (outcome.kind, outcome.payment_id, outcome.refusal) == (ACCEPTED, item.payment_id, None)

    stored = await store.payment(item.payment_id)
    assert stored is not None
    assert (stored.status, stored.code, stored.detail, stored.settled_at) == ("accepted", "", "{}", None)
    assert (stored.received_at, stored.received_on, stored.participant) == (NOON, item.received_on, item.participant)
    assert (stored.uetr, stored.instruction_id) == (item.uetr, item.instruction_id)
    assert (stored.debtor_agent, stored.creditor_agent) == (item.debtor_agent, item.creditor_agent)
    assert (stored.debit_minor, stored.debit_currency) == plan.debit
    assert (stored.settlement_minor, stored.settlement_currency) == plan.settlement
    assert (stored.lane, stored.rulebook_id, stored.decision) == (plan.lane.id, item.rulebook_id, item.finding.document)
    assert stored.claims == plan.claims

    [leg] = await store.legs(item.payment_id)
    assert (leg.n, leg.rail, leg.status, leg.deadline_at) == (1, plan.leg.rail, "held", plan.leg.expires_at)
    transfers = await store.transfers(item.payment_id)
    assert [t.transfer for t in transfers] == list(plan.transfers)
    assert {t.state for t in transfers} == {"pending"}
    [event] = await store.events(item.payment_id)
    assert (event.n, event.status, event.code, event.at, event.detail) == (1, "accepted", "", NOON, "{}")
    assert await store.sealed(item.payment_id) == item.sealed

    after = await used(store, item)
    for claim in reservation(plan):
        up_pending, up_posted, down_pending, down_posted = before[claim.counter]
        if claim.delta < 0:
            down_pending -= claim.delta
        elif claim.gross:
            up_posted += claim.delta
        else:
            up_pending += claim.delta
        assert after[claim.counter] == (up_pending, up_posted, down_pending, down_posted), claim.counter


async def test_the_claims_kept_with_a_payment_say_what_bound_it(store: Store, world: World) -> None:
    item = admitted(world, northbound("100.00"))
    await accept(store, world, item)
    stored = await store.payment(item.payment_id)
    assert stored is not None
    assert stored.claims == planned(item).claims


async def test_an_empty_batch_does_nothing(store: Store, world: World) -> None:
    assert await accept(store, world) == []


async def test_texts_with_signs_that_copy_reads_as_its_own_come_back_as_they_were(store: Store, world: World) -> None:
    strange = "a\\b \\N {\"x\"} 'y' 中文"
    item = admitted(world, northbound())._replace(
        instruction_id=strange,
        finding=Finding("0", '{"why": "tab\\t, line\\n, back\\\\"}', '{"own": "tab\\t, line\\n, back\\\\"}'),
    )
    await accept(store, world, item)
    stored = await store.payment(item.payment_id)
    assert stored is not None and (stored.instruction_id, stored.decision) == (strange, item.finding.document)


# --- refused ---


async def test_a_refused_payment_holds_its_reason_and_nothing_else(store: Store, world: World) -> None:
    item = admitted(world, northbound(purpose_code=None))
    [outcome] = await accept(store, world, item)
    assert outcome.kind == REFUSED and outcome.refusal is not None and outcome.refusal.reason == "purpose-missing"
    stored = await store.payment(item.payment_id)
    assert stored is not None and (stored.status, stored.code, stored.claims) == ("rejected", "FF07", ())
    assert '"reason": "purpose-missing"' in stored.detail
    assert await store.legs(item.payment_id) == [] and await store.transfers(item.payment_id) == []
    [event] = await store.events(item.payment_id)
    assert (event.status, event.code) == ("rejected", "FF07")
    assert await store.sealed(item.payment_id) == item.sealed


async def test_a_refusal_with_tabs_and_newlines_in_its_detail_is_kept(store: Store, world: World) -> None:
    refusal = Refusal("name-mismatch", {"what": "tab\there\nline \\ back"}, "creditor.name")
    item = admitted(world, northbound())._replace(verdict=refusal)
    [outcome] = await accept(store, world, item)
    assert outcome.refusal == refusal
    stored = await store.payment(item.payment_id)
    assert stored is not None and "\\there\\nline \\\\ back" in stored.detail


async def test_a_claim_that_does_not_fit_is_refused_and_leaves_no_trace_in_money_or_usage(
    store: Store, world: World
) -> None:
    item = admitted(world, northbound("10000.01"))
    before = await used(store, item)
    [outcome] = await accept(store, world, item)
    assert outcome.kind == REFUSED and outcome.refusal is not None and outcome.refused is not None
    assert (outcome.refusal.reason, outcome.refusal.detail["rule"]) == ("person-quota", DAY_CAP)
    assert (outcome.refused.claim.rule, outcome.refused.headroom) == (DAY_CAP, 10_000_00)
    assert await used(store, item) == before
    assert await store.transfers(item.payment_id) == [] and await store.legs(item.payment_id) == []


async def test_claims_are_all_or_nothing(store: Store, world: World) -> None:
    """The day's claim fits, the agent's position does not bear it: the day's counter is not touched."""
    item = admitted(world, northbound("100.00"))
    plan = planned(item)
    [position] = [claim.counter for claim in reservation(plan) if claim.rule == "liquidity"]
    beyond = tuple(t._replace(amount_minor=10**14) if t.debit_account == position else t for t in plan.transfers)
    item = item._replace(verdict=plan._replace(transfers=beyond))
    before = await used(store, item)
    [outcome] = await accept(store, world, item)
    assert outcome.kind == REFUSED and outcome.refusal is not None and outcome.refusal.reason == "liquidity"
    assert await used(store, item) == before


async def test_a_cap_reached_in_mid_batch_refuses_the_later_ones_alone(store: Store, world: World) -> None:
    amounts = ["4000.00", "4000.00", "4000.00", "2000.00", "0.10"]
    items = [admitted(world, northbound(amount)) for amount in amounts]
    other = admitted(world, northbound("10000.00", person=2))
    outcomes = await accept(store, world, *items, other)
    assert [outcome.kind for outcome in outcomes] == [ACCEPTED, ACCEPTED, REFUSED, ACCEPTED, REFUSED, ACCEPTED]
    assert outcomes[2].refused is not None and outcomes[2].refused.headroom == 2_000_00
    assert outcomes[4].refused is not None and outcomes[4].refused.headroom == 0
    [day] = [claim.counter for claim in planned(items[0]).claims if claim.rule == DAY_CAP]
    assert (await store.sums([day]))[day].up_posted == 10_000_00
    for item, outcome in zip([*items, other], outcomes, strict=True):
        stored = await store.payment(item.payment_id)
        assert stored is not None and stored.status == {ACCEPTED: "accepted", REFUSED: "rejected"}[outcome.kind]


async def test_what_one_batch_used_the_next_one_finds_used(store: Store, world: World) -> None:
    await accept(store, world, admitted(world, northbound("8750.00")))
    [outcome] = await accept(store, world, admitted(world, northbound("1500.00")))
    assert outcome.refused is not None and outcome.refused.headroom == 1_250_00
    [outcome] = await accept(store, world, admitted(world, northbound("1250.00")))
    assert outcome.kind == ACCEPTED


# --- replayed ---


async def test_the_same_key_and_content_is_a_replay_of_what_stands(store: Store, world: World) -> None:
    instruction = northbound()
    first = admitted(world, instruction, key="k")
    await accept(store, world, first)
    again = admitted(world, instruction, key="k")
    before = await used(store, again)
    [outcome] = await accept(store, world, again)
    assert (outcome.kind, outcome.payment_id, outcome.same_content) == (REPLAYED, first.payment_id, True)
    assert await used(store, again) == before and len(await store.events(first.payment_id)) == 1


async def test_the_same_key_with_other_content_says_so_and_changes_nothing(store: Store, world: World) -> None:
    first = admitted(world, northbound("100.00"), key="k")
    await accept(store, world, first)
    other = admitted(world, northbound("200.00", uetr=UETR_2), key="k")
    [outcome] = await accept(store, world, other)
    assert (outcome.kind, outcome.payment_id, outcome.same_content) == (REPLAYED, first.payment_id, False)
    stored = await store.payment(first.payment_id)
    assert stored is not None and stored.debit_minor == 100_00
    assert await store.by_identity(uetr_identity(UETR_2)) is None  # a replay claims no identity of its own


async def test_a_refused_payment_is_replayed_too(store: Store, world: World) -> None:
    instruction = northbound("10000.01")
    await accept(store, world, admitted(world, instruction, key="k"))
    [outcome] = await accept(store, world, admitted(world, instruction, key="k"))
    assert (outcome.kind, outcome.same_content) == (REPLAYED, True)


async def test_the_same_key_twice_in_a_batch_is_one_payment(store: Store, world: World) -> None:
    instruction = northbound("6000.00")
    items = [admitted(world, instruction, key="k") for _ in range(2)]
    outcomes = await accept(store, world, *items)
    assert [outcome.kind for outcome in outcomes] == [ACCEPTED, REPLAYED]
    assert {outcome.payment_id for outcome in outcomes} == {items[0].payment_id} and outcomes[1].same_content
    assert len(await store.events(items[0].payment_id)) == 1


async def test_the_same_key_twice_in_a_batch_with_other_content_keeps_the_first(store: Store, world: World) -> None:
    items = [
        admitted(world, northbound(amount, uetr=uetr), key="k") for amount, uetr in (("1.00", UETR_1), ("2.00", UETR_2))
    ]
    outcomes = await accept(store, world, *items)
    assert [(outcome.kind, outcome.same_content) for outcome in outcomes] == [(ACCEPTED, True), (REPLAYED, False)]
    stored = await store.payment(items[0].payment_id)
    assert stored is not None and (stored.debit_minor, stored.uetr) == (100, UETR_1)
    assert await store.by_identity(uetr_identity(UETR_2)) is None


# --- duplicates ---


async def test_a_known_uetr_under_a_new_key_is_refused_and_stored_under_its_key(store: Store, world: World) -> None:
    first = admitted(world, northbound(uetr=UETR_1))
    await accept(store, world, first)
    second = admitted(world, northbound(uetr=UETR_1))
    before = await used(store, second)
    [outcome] = await accept(store, world, second)
    assert outcome.kind == REFUSED and outcome.refusal is not None
    assert (outcome.refusal.reason, outcome.refusal.field) == ("duplicate-uetr", "uetr")
    stored = await store.payment(second.payment_id)
    assert stored is not None and (stored.status, stored.code) == ("rejected", "DU03")
    assert await used(store, second) == before
    found = await store.by_identity(uetr_identity(UETR_1))
    assert found is not None and found[0] == first.payment_id  # the first keeps its UETR


async def test_a_known_instruction_id_of_the_agent_on_the_day_is_refused(store: Store, world: World) -> None:
    await accept(store, world, admitted(world, northbound(instruction_id="X"), key="k1"))
    [outcome] = await accept(store, world, admitted(world, northbound(instruction_id="X"), key="k2"))
    assert outcome.refusal is not None and outcome.refusal.reason == "duplicate-instruction"
    assert outcome.refusal.detail == {"instruction_id": "X", "agent": HARBOUR}


async def test_the_next_day_takes_the_instruction_id_again_and_not_the_uetr(store: Store, world: World) -> None:
    await accept(store, world, admitted(world, northbound(instruction_id="X", uetr=UETR_1), key="k1"))
    tomorrow = NOON + timedelta(days=1)
    items = [
        admitted(world, northbound(instruction_id="X"), key="k2", at=tomorrow),
        admitted(world, northbound(uetr=UETR_1), key="k3", at=tomorrow),
    ]
    outcomes = await accept(store, world, *items)
    assert [outcome.kind for outcome in outcomes] == [ACCEPTED, REFUSED]


async def test_another_agent_may_use_the_same_instruction_id(store: Store, world: World) -> None:
    items = [
        admitted(world, build(instruction_id="X"), key=key) for build, key in ((northbound, "k1"), (southbound, "k2"))
    ]
    assert {item.debtor_agent for item in items} == {HARBOUR, PEARL}
    assert [outcome.kind for outcome in await accept(store, world, *items)] == [ACCEPTED, ACCEPTED]


async def test_a_payment_refused_for_its_own_fault_says_duplicate_uetr_first(store: Store, world: World) -> None:
    await accept(store, world, admitted(world, northbound(uetr=UETR_1)))
    [outcome] = await accept(store, world, admitted(world, northbound(uetr=UETR_1, purpose_code=None)))
    assert outcome.refusal is not None and outcome.refusal.reason == "duplicate-uetr"


async def test_every_conflict_of_a_batch_loses_alone(store: Store, world: World) -> None:
    known = northbound(uetr=UETR_1, instruction_id="X")
    await accept(store, world, admitted(world, known, key="known"))
    batch = [
        admitted(world, northbound("1.00", person=2), key="new-1"),
        admitted(world, known, key="known"),
        admitted(world, northbound("1.00", person=3, uetr=UETR_1), key="uetr"),
        admitted(world, northbound("1.00", person=4, instruction_id="X"), key="instruction"),
        admitted(world, northbound("10000.01", person=5), key="cap"),
        admitted(world, northbound("1.00", person=6, uetr=UETR_2), key="new-2"),
        admitted(world, northbound("1.00", person=7, uetr=UETR_2), key="uetr-of-the-batch"),
        admitted(world, northbound("1.00", person=8), key="new-2"),
        admitted(world, northbound("1.00", person=9, purpose_code=None), key="purpose"),
        admitted(world, northbound("1.00", person=10), key="new-3"),
    ]
    outcomes = await accept(store, world, *batch)
    said = [(o.kind, o.refusal.reason if o.refusal else "") for o in outcomes]
    assert said == [
        (ACCEPTED, ""), (REPLAYED, ""), (REFUSED, "duplicate-uetr"), (REFUSED, "duplicate-instruction"),
        (REFUSED, "person-quota"), (ACCEPTED, ""), (REFUSED, "duplicate-uetr"), (REPLAYED, ""),
        (REFUSED, "purpose-missing"), (ACCEPTED, ""),
    ]  # fmt: skip
    assert not outcomes[7].same_content


async def test_a_replay_does_not_take_a_uetr_from_a_payment_beside_it(store: Store, world: World) -> None:
    """Another body under a used key, then the same body under a new key, in one batch: the second is no duplicate."""
    await accept(store, world, admitted(world, northbound("1.00"), key="k"))
    batch = [
        admitted(world, northbound("2.00", uetr=UETR_1, instruction_id="X"), key="k"),
        admitted(world, northbound("2.00", uetr=UETR_1, instruction_id="X"), key="new"),
    ]
    outcomes = await accept(store, world, *batch)
    assert [(outcome.kind, outcome.refusal) for outcome in outcomes] == [(REPLAYED, None), (ACCEPTED, None)]
    found = await store.by_identity(uetr_identity(UETR_1))
    assert found is not None and found[0] == batch[1].payment_id


# --- again ---


async def test_a_payment_to_be_decided_again_leaves_no_identity_behind(store: Store, world: World) -> None:
    item = admitted(world, northbound("10000.01", uetr=UETR_1), key="k")
    beside = admitted(world, northbound("1.00", person=2))
    outcomes = await accept(store, world, item, beside, judge=decided_again)
    assert [outcome.kind for outcome in outcomes] == [AGAIN, ACCEPTED]
    assert outcomes[0].refused is not None and outcomes[0].refused.claim.rule == DAY_CAP
    assert not await stands(store, item.payment_id) and await stands(store, beside.payment_id)
    assert await store.events(item.payment_id) == []
    for identity in item.identities:
        assert await store.by_identity(identity) is None
    [outcome] = await accept(store, world, item)
    assert outcome.kind == REFUSED  # decided for good the second time


async def test_a_payment_refused_leaves_all_its_identities_behind(store: Store, world: World) -> None:
    item = admitted(world, northbound("10000.01", uetr=UETR_1), key="k")
    await accept(store, world, item)
    for identity in item.identities:
        found = await store.by_identity(identity)
        assert found is not None and found[:2] == (item.payment_id, item.received_on)
    assert [identity.kind for identity in item.identities] == [1, UETR, INSTRUCTION]
    found = await store.by_identity(key_identity(payment_id_of("main", HARBOUR, "k")))
    assert found is not None and found[2] == item.content_hash


# --- the fence ---


async def test_a_batch_of_a_stale_world_writes_nothing(store: Store, world: World) -> None:
    generation = await store.generation()
    await store.advance({"clock_rate": "1.0"})
    item, refused = admitted(world, northbound()), admitted(world, northbound(purpose_code=None))
    before = await used(store, item)
    with pytest.raises(StaleWorld):
        await store.accept([item, refused], generation, refusing(world))
    assert not await stands(store, item.payment_id) and not await stands(store, refused.payment_id)
    assert await store.by_identity(item.identities[0]) is None
    assert await used(store, item) == before
    [outcome] = await store.accept([item], generation + 1, refusing(world))
    assert outcome.kind == ACCEPTED


async def test_a_stale_world_is_told_before_a_duplicate_is(store: Store, world: World) -> None:
    item = admitted(world, northbound())
    await accept(store, world, item)
    generation = await store.generation()
    await store.advance({})
    with pytest.raises(StaleWorld):
        await store.accept([item], generation, refusing(world))


# --- quotes ---


async def quoted(store: Store, world: World, amount: str = "100.00", person: int = 1) -> tuple[str, Admission]:
    """A firm quote in the store and a payment that takes it."""
    price = planned(admitted(world, northbound(amount, person=person))).price
    assert price is not None
    [provider] = [provider for provider in world.providers if provider.name == price.provider]
    quote = firm(f"q-{person}-{amount}", HARBOUR, price, provider, NOON)
    await store.save_quotes([quote])
    return quote.quote_id, await taking(store, world, quote.quote_id, amount, person)


async def taking(store: Store, world: World, quote_id: str, amount: str = "100.00", person: int = 1) -> Admission:
    quotes = await store.quotes([quote_id])
    return admitted(world, northbound(amount, person=person, quote_id=quote_id), quotes=quotes)


async def test_a_quote_comes_back_as_it_was_saved(store: Store, world: World) -> None:
    quote_id, item = await quoted(store, world)
    quotes = await store.quotes([quote_id, "unknown"])
    assert list(quotes) == [quote_id] and quotes[quote_id][1] == ""
    assert quotes[quote_id][0].price == planned(item).price
    assert quotes[quote_id][0].participant == HARBOUR
    assert quotes[quote_id][0].expires_at == NOON + timedelta(seconds=600)


async def test_a_quote_is_used_once(store: Store, world: World) -> None:
    quote_id, first = await quoted(store, world)
    second = await taking(store, world, quote_id)
    [outcome] = await accept(store, world, first)
    assert outcome.kind == ACCEPTED
    assert (await store.quotes([quote_id]))[quote_id][1] == first.payment_id
    [outcome] = await accept(store, world, second)
    assert outcome.kind == REFUSED and outcome.refusal is not None
    assert (outcome.refusal.reason, outcome.refusal.field) == ("quote-used", "quote_id")
    stored = await store.payment(second.payment_id)
    assert stored is not None and stored.quote_id == ""


async def test_a_quote_asked_for_twice_in_a_batch_goes_to_the_first(store: Store, world: World) -> None:
    quote_id, first = await quoted(store, world)
    batch = [first] + [await taking(store, world, quote_id) for _ in range(3)]
    outcomes = await accept(store, world, *batch)
    assert [outcome.kind for outcome in outcomes] == [ACCEPTED, REFUSED, REFUSED, REFUSED]
    assert (await store.quotes([quote_id]))[quote_id][1] == first.payment_id


async def test_a_payment_refused_by_a_cap_does_not_use_its_quote_up(store: Store, world: World) -> None:
    quote_id, item = await quoted(store, world, "10000.01")
    [outcome] = await accept(store, world, item)
    assert outcome.refusal is not None and outcome.refusal.reason == "person-quota"
    assert (await store.quotes([quote_id]))[quote_id][1] == ""


async def test_a_quote_that_a_refused_payment_left_goes_to_the_next_of_the_batch(store: Store, world: World) -> None:
    """The first is beyond its person's cap, the second is another person's: the quote is the second's."""
    quote_id, refused = await quoted(store, world, "6000.00")
    used_up = admitted(world, northbound("6000.00"))
    taker = await taking(store, world, quote_id, "6000.00", person=2)
    outcomes = await accept(store, world, used_up, refused, taker)
    if outcomes[2].kind == AGAIN:  # a store may ask for it once more, when it knows what became of the first
        outcomes[2:] = await accept(store, world, taker)
    assert [outcome.kind for outcome in outcomes] == [ACCEPTED, REFUSED, ACCEPTED]
    assert (await store.quotes([quote_id]))[quote_id][1] == taker.payment_id


async def test_a_payment_to_be_decided_again_gives_its_quote_back(store: Store, world: World) -> None:
    quote_id, item = await quoted(store, world, "10000.01")
    [outcome] = await accept(store, world, item, judge=decided_again)
    assert outcome.kind == AGAIN
    assert (await store.quotes([quote_id]))[quote_id][1] == ""
