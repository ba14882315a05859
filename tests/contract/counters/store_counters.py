"""The counter port over a real store: what the switch does with claims when it accepts, finishes and gives back payments."""

from collections.abc import Sequence
from itertools import count
from uuid import UUID, uuid5

from builders import NOON, a_step, admitted, northbound, planned

from limits.claims import Claim, ClaimSet, Refused, Sums
from limits.counters import EMPTY, evaluate
from switch.flow.ports import INSTRUCTION, KEY, REPLAYED, UETR, Admission, Identity, Store
from switch.flow.world import World
from switch.payment.plan import Plan, Refusal, Transfer
from switch.payment.postings import is_account, reservation
from switch.payment.status import ACCEPTED, CREDIT, REJECT, SETTLE

WORLD_OUTSIDE = "funding:world:HKD"  # the other side of every transfer here

_numbers = count(1)


def _decide_again(item: Admission, refused: Refused) -> Refusal | None:
    """Store nothing of a refused payment, so that it may be tried again."""


class StoreCounters:
    """Payments that were decided to claim what a test says, and nothing else.

    A claim on an account becomes a transfer: at most one a payment, and its last claim. `always_exact`: each batch holds its
    first payment twice, which the fast path does not serve. Each instance has payments of its own. Made in a running loop.
    """

    def __init__(self, store: Store, world: World, always_exact: bool = False) -> None:
        self._store = store
        self._template = admitted(world, northbound())
        self._plan = planned(self._template)
        self._always_exact = always_exact
        self._names = uuid5(UUID(self._template.payment_id), str(next(_numbers)))

    async def reserve(self, batch: Sequence[ClaimSet]) -> list[Refused | None]:
        items = [self._admission(payment_id, claims) for payment_id, claims in batch]
        again = items[:1] if self._always_exact else []
        outcomes = await self._store.accept(items + again, await self._store.generation(), _decide_again)
        verdicts = {
            item.payment_id: outcome.refused
            for item, outcome in zip(items, outcomes, strict=False)
            if outcome.kind != REPLAYED
        }
        return [verdicts.get(item.payment_id) for item in items]

    async def check(self, claims: tuple[Claim, ...]) -> Refused | None:
        plan = self._claiming(claims)
        return evaluate(reservation(plan), await self._store.sums(claim.counter for claim in reservation(plan)))

    async def post(self, payment_ids: Sequence[str]) -> None:
        await self._finish(payment_ids, SETTLE, CREDIT)

    async def void(self, payment_ids: Sequence[str]) -> None:
        await self._finish(payment_ids, REJECT, REJECT)

    async def adjust(self, payment_id: str, step: str, share: tuple[int, int]) -> None:
        await self._store.adjust(self._id(payment_id), step, share, NOON)

    async def sums(self, keys: Sequence[str]) -> dict[str, Sums]:
        found = await self._store.sums(keys)
        return {key: found.get(key, EMPTY) for key in keys}

    def _id(self, payment_id: str) -> str:
        return str(uuid5(self._names, payment_id))

    def _admission(self, payment_id: str, claims: tuple[Claim, ...]) -> Admission:
        own = UUID(self._id(payment_id))
        instruction, uetr = uuid5(own, "instruction"), uuid5(own, "uetr")
        return self._template._replace(
            payment_id=str(own),
            identities=(Identity(KEY, own.hex), Identity(UETR, uetr.hex), Identity(INSTRUCTION, instruction.hex)),
            uetr=str(uetr),
            instruction_id=instruction.hex,
            verdict=self._claiming(claims),
        )

    def _claiming(self, claims: tuple[Claim, ...]) -> Plan:
        transfers = tuple(_transfer(claim) for claim in claims if is_account(claim))
        law = tuple(claim for claim in claims if not is_account(claim))
        assert len(transfers) <= 1 and claims[: len(law)] == law, (
            "a test's claims are the law's, then one on an account"
        )
        return self._plan._replace(claims=law, transfers=transfers)

    async def _finish(self, payment_ids: Sequence[str], event: str, again: str) -> None:
        """Let an event happen to payments, all of which are there; to one that has moved already what comes after it."""
        steps = []
        for payment_id in dict.fromkeys(map(self._id, payment_ids)):
            stored = await self._store.payment(payment_id)
            assert stored is not None, "a payment that reserved nothing is moved"
            item = self._template._replace(payment_id=payment_id)
            steps.append(a_step(item, event if stored.status == ACCEPTED else again))
        await self._store.finish(steps)


def _transfer(claim: Claim) -> Transfer:
    if claim.delta > 0:
        return Transfer(1, claim.counter, WORLD_OUTSIDE, claim.delta, "HKD", "principal")
    return Transfer(1, WORLD_OUTSIDE, claim.counter, -claim.delta, "HKD", "principal")
