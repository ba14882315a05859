"""Settled money comes back: recalls are asked of the rails until they are answered, and returns are booked, asked for or not.

What is open stands in the store and in the rails' books: any worker takes it up, and what is asked or told twice counts once.
A return of a payment that is still on its way waits until its rail's report has come.
"""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import NamedTuple

import structlog

from fx.money import EXPONENTS, Money
from fx.quotes import Price, Request, prices
from rails.port import ACCEPTED, Rail, RailReturn, RailUnavailable, RecallAnswer, RecallRequest
from rails.wire.bodies import FOLLOWS_A_RECALL
from switch.flow.doubt_books import CONFIRMED
from switch.flow.exceptions import LATE_ACCEPTANCE
from switch.flow.metrics import Metrics
from switch.flow.ports import Store, Stored, StoreUnavailable
from switch.flow.return_books import Opened, StoredRecall, StoredReturn
from switch.flow.submission import payment_id_of, uetr_identity
from switch.flow.world import World
from switch.payment import returning
from switch.payment.recalling import REQUESTED, UNDER_WAY, RecallRefused, Standing, judged
from switch.payment.returning import Booking, Original
from switch.payment.status import FINAL, MONEY, PENDING, REJECTED

log = structlog.get_logger()

RECALLS_MAX = 256  # recalls asked about in one go
RETURNS_MAX = 256  # returns taken from a rail in one go: each is a transaction of its own
ASIDE_MAX = 1_000  # returns that wait here; more are left with their rail, which tells them again after a restart


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class RecallAsk(NamedTuple):
    """What is asked of a recall."""

    reason_code: str
    amount: Money | None  # None = all that is left
    text: str
    reversal: bool = False


class Recalls:
    """Asks for money back and books what comes; one call of `step` at a time."""

    def __init__(self, world: World, store: Store, metrics: Metrics) -> None:
        self._world, self._store, self._metrics = world, store, metrics
        self._looks = True  # whether to look around: what other workers have left, and what had to wait
        self._next: datetime | None = None  # when the next recall is to be asked about, as last read
        self._heard: list[RailReturn] = []  # taken from the rails, not booked yet
        self._aside: dict[str, RailReturn] = {}  # too early, or faulty: tried again when the worker looks around

    # --- recalls ---

    async def ask(self, stored: Stored, key: str, ask: RecallAsk) -> Opened:
        """Store a recall of a payment under its participant's idempotency key; its rail is asked by `step`."""
        world, now = self._world, self._world.clock.now()
        recall_id = payment_id_of(world.sandbox, stored.participant, f"recall|{key}")
        content = json.dumps([stored.payment_id, ask.reason_code, ask.amount, ask.text, ask.reversal])
        legs = await self._store.legs(stored.payment_id)
        rail, leg = (legs[0].rail, legs[0].n) if legs else ("", 1)
        late_at = await self._late(stored)

        def draft(amount: Money) -> StoredRecall:
            return StoredRecall(
                recall_id, stored.payment_id, stored.received_on, stored.participant, rail, stored.uetr, leg,
                ask.reason_code, amount.amount_minor, amount.currency, ask.reversal, content_hash,
                world.sealer.seal(ask.text.encode(), recall_id), REQUESTED, "", now, None, now, 0,
            )  # fmt: skip

        def judge(standing: Standing) -> Money | RecallRefused:
            standing = standing._replace(late_at=late_at)
            return judged(standing, ask.reason_code, ask.amount, stored.creditor_agent[4:6], now)

        content_hash = sha256(content.encode()).digest()
        opened = await self._store.open_recall(stored.payment_id, recall_id, content_hash, judge, draft)
        self._next = now if self._next is None else min(self._next, now)
        return opened

    async def _late(self, stored: Stored) -> datetime | None:
        """Say since when a payment is paid that had ended otherwise, None where it is not or that is resolved."""
        records = await self._store.exceptions(stored.payment_id)
        late = next((each.at for each in records if each.kind == LATE_ACCEPTANCE), None)
        if late is None:
            return None
        decided = [(each.subject, each.outcome) for each in await self._store.proposals(stored.payment_id)]
        return None if (LATE_ACCEPTANCE, CONFIRMED) in decided else late

    async def step(self) -> int:
        """Ask about recalls that are due, take returns that are due, and book them; returns how much was done."""
        now = self._world.clock.now()
        if self._looks:
            await self._look_around(now)
        done = await self._ask_about(now) if self._next is not None and self._next <= now else 0
        for rail in self._world.rails.values():
            due = rail.next_due()
            if due is not None and due <= now:
                await self._hear(rail, now)
        return done + await self._book_heard()

    def watch(self) -> None:
        """Have the next step look around."""
        self._looks = True

    async def _look_around(self, now: datetime) -> None:
        self._next = await self._store.next_recall_at()
        for rail in self._world.rails.values():
            await self._hear(rail, now)
        self._heard += self._aside.values()
        self._aside.clear()
        self._looks = False

    async def _hear(self, rail: Rail, now: datetime) -> None:
        try:
            told = await rail.returns(now, RETURNS_MAX)
        except RailUnavailable as error:
            log.warning("the rail tells of no returns", rail=rail.capabilities.rail, error=str(error))
            return
        for given in told:
            if _is_sound(given):
                self._heard.append(given)
            else:
                self._metrics.strays += 1
                log.error("a return that says nothing", rail=given.rail, return_id=given.return_id)

    def next_due(self) -> datetime | None:
        """Return the business time at which the next recall is to be asked about."""
        return self._next

    async def _ask_about(self, now: datetime) -> int:
        due = await self._store.due_recalls(now, RECALLS_MAX)
        by_rail: defaultdict[str, list[StoredRecall]] = defaultdict(list)
        for recall in due:
            by_rail[recall.rail].append(recall)
        for rail, recalls in by_rail.items():
            try:
                answers = await self._world.rails[rail].recall([*map(self._request, recalls)], now)
            except RailUnavailable as error:
                log.warning("the rail takes no recall", rail=rail, error=str(error))
                continue
            for answer in answers:
                try:
                    await self._answered(answer)
                except StoreUnavailable:
                    raise
                except Exception:  # it stops none of the others, and is asked for again
                    log.exception("could not keep the answer to a recall", rail=rail, recall_id=answer.recall_id)
        self._next = await self._store.next_recall_at()
        return len(due)

    def _request(self, recall: StoredRecall) -> RecallRequest:
        text = self._world.sealer.open(recall.sealed, recall.recall_id).decode()
        return RecallRequest(
            recall.recall_id, recall.uetr, recall.leg, recall.reason_code, recall.amount_minor, recall.currency,
            recall.requested_at, text,
        )  # fmt: skip

    async def _answered(self, answer: RecallAnswer) -> None:
        """Keep an answer; money that comes with it is booked first, and closes the recall in the same transaction."""
        if answer.status == ACCEPTED and answer.returned is not None and _is_sound(answer.returned):
            self._heard.append(answer.returned)
        else:
            await self._store.answer_recall(answer)

    # --- returns ---

    async def _book_heard(self) -> int:
        """Book what was heard; what the store does not take stays heard."""
        done = 0
        while self._heard:
            given = self._heard[0]
            try:
                waits = not await self._book(given)
            except StoreUnavailable:
                raise
            except Exception:
                log.exception("could not book a return", rail=given.rail, return_id=given.return_id)
                waits = True
            if waits and len(self._aside) < ASIDE_MAX:
                self._aside[given.return_id] = given
            self._heard.pop(0)
            done += 1
        return done

    async def _book(self, given: RailReturn) -> bool:
        """Book a return; False where its payment is still on its way."""
        now = self._world.clock.now()
        stored = await self._paid(given.uetr)
        if stored is not None and MONEY[stored.status] == PENDING and stored.status not in FINAL:
            return False
        if stored is None:
            booked, fresh = await self._store.book_return(given, "", now, _nothing)
        else:
            if not given.recall_id and given.reason_code == FOLLOWS_A_RECALL:
                given = given._replace(recall_id=await self._recall_under_way(stored, given))
            recall = await self._recall(given)
            if recall is None and given.recall_id:
                log.warning("a return names a recall of another payment", return_id=given.return_id)
                given = given._replace(recall_id="")
            of = await self._original(stored)
            if of.borne_minor == 0 and stored.status == REJECTED and stored.awaits_rail:
                return False  # its rail is to say first that it has paid what we had ended
            reversal = recall is not None and recall.reversal
            offers = partial(self._offers, of, now)

            def make(before: int, n: int) -> Sequence[Booking]:
                return returning.bookings(of, given, reversal, before, n, now, offers)

            booked, fresh = await self._store.book_return(given, stored.payment_id, now, make)
        if fresh:
            self._metrics.returns[booked.state] += 1
            if booked.why:
                log.warning("a return is held", return_id=booked.return_id, why=booked.why)
        return True

    async def _recall_under_way(self, stored: Stored, given: RailReturn) -> str:
        """Name the recall that a return follows whose rail has told the money first; there is one under way at most."""
        for recall in await self._store.recalls(stored.payment_id):
            if recall.state in UNDER_WAY and (recall.rail, recall.leg) == (given.rail, given.leg):
                return recall.recall_id
        return ""

    async def release(self, stored: StoredReturn, to_creditor: bool) -> StoredReturn | None:
        """Let a held return go to the debtor agent or back to the creditor agent; None where no way is open or covered."""
        payment = await self._store.payment(stored.payment_id)
        assert payment is not None
        now, of = self._world.clock.now(), await self._original(payment)
        offers = partial(self._offers, of, now)
        recall = await self._recall(stored.given)
        reversal = recall is not None and recall.reversal

        def make(before: int, n: int) -> Sequence[Booking]:
            if to_creditor:
                return returning.sent_back(of, stored.given, n, stored.moved)
            return returning.releases(of, stored.given, reversal, before, n, now, offers, stored.moved)

        return await self._store.release_return(stored.return_id, now, make)

    async def _recall(self, given: RailReturn) -> StoredRecall | None:
        """Return the recall that a return says it follows, where it is one of the same leg of the same payment."""
        named = await self._store.recall_of(given.recall_id) if _UUID.fullmatch(given.recall_id) else None
        asked = (given.rail, given.uetr, given.leg)
        return named if named is not None and (named.rail, named.uetr, named.leg) == asked else None

    async def _paid(self, uetr: str) -> Stored | None:
        """Return the payment of a UETR that a rail has had; one that was refused never came to one."""
        found = await self._store.by_identity(uetr_identity(uetr))
        stored = await self._store.payment(found[0]) if found else None
        return stored if stored is not None and stored.lane else None

    async def _original(self, stored: Stored) -> Original:
        leg = (await self._store.legs(stored.payment_id))[-1]  # the one that pays the creditor agent
        transfers = [booked.transfer for booked in await self._store.transfers(stored.payment_id)]
        market: str = (json.loads(stored.decision).get("price") or {}).get("market", "")
        return returning.original(
            leg.rail, leg.n, stored.settled_at is not None,
            Money(stored.settlement_minor, stored.settlement_currency),
            Money(stored.debit_minor, stored.debit_currency), market, stored.settled_at, transfers,
        )  # fmt: skip

    def _offers(self, of: Original, now: datetime, fixed: Money) -> list[Price]:
        """Ask all providers what the way back costs now."""
        market = returning.market_of(of.market)
        asked = Request(of.settlement.currency, of.debit_currency, fixed, market, now)
        return list(prices(self._world.providers, asked, self._world.rates))


def _is_sound(given: RailReturn) -> bool:
    """Whether a return can be one at all: rails of others may say anything."""
    ids = all(_UUID.fullmatch(text) for text in (given.return_id, given.uetr))
    return ids and given.amount_minor > 0 and given.charge_minor >= 0 and given.currency in EXPONENTS


def _nothing(before: int, n: int) -> Sequence[Booking]:
    """Give no way to book what is of no payment."""
    return ()
