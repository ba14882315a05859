"""A batch's transfers, added up in one pass for the fast path, claim what they claim one by one on the exact one."""

import pytest
from builders import a_world, admitted, northbound, planned, southbound
from hypothesis import given
from hypothesis import strategies as st

from limits.claims import ClaimSet
from switch.payment.instruction import Instruction
from switch.payment.plan import Transfer
from switch.payment.postings import account_claims, inventory, position, reservation
from switch.store.postgres.counters import add_transfers, totals

ACCOUNTS = [
    position("HBAYHKH0", "hk-fps", "HKD"),
    inventory("alpha", "onshore", "CNY"),
    "charges:HBAYHKH0:HKD",
    "suspense:hk-fps:HKD",
]
transfers = st.lists(
    st.builds(
        Transfer, st.integers(1, 9), st.sampled_from(ACCOUNTS), st.sampled_from(ACCOUNTS), st.integers(1, 10**12),
        st.just("HKD"), st.just("principal"),
    ),
    max_size=6,
).map(tuple)  # fmt: skip


@given(st.lists(transfers, max_size=4))
def test_transfers_added_up_claim_what_they_claim_one_by_one(batch: list[tuple[Transfer, ...]]) -> None:
    summed = totals([])
    for each in batch:
        add_transfers(summed, each)
    assert summed == totals([ClaimSet("", tuple(account_claims(each))) for each in batch])


@pytest.mark.parametrize("instruction", [northbound(), southbound()])
async def test_a_payment_claims_the_same_on_both_paths(instruction: Instruction) -> None:
    plan = planned(admitted(a_world(), instruction))
    summed = totals([ClaimSet("", plan.claims)])
    add_transfers(summed, plan.transfers)
    assert plan.transfers and summed == totals([ClaimSet("", reservation(plan))])
