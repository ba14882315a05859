"""The last step of a payment: what a rail reports, or an operator decides, moves it; what comes out of turn is recorded.

A report that cannot be carried out for a reason of its own is set aside and tried again; it stops none of the others.
"""

import json
from collections.abc import Sequence
from datetime import date
from time import perf_counter
from typing import Protocol, runtime_checkable

import structlog

from rails.port import BLOCKED, CREDITED, REJECTED, SETTLED, RailReport
from switch.flow.culprits import culprits_of
from switch.flow.doubt_books import Proposal
from switch.flow.exceptions import SAID, late_acceptance, misdirected, odd_report
from switch.flow.flights import BATCH_MAX, Flights
from switch.flow.metrics import Metrics
from switch.flow.ports import ABORT, ExceptionRecord, Step, Store, Stored
from switch.flow.record_events import abort_detail
from switch.flow.submission import uetr_identity
from switch.flow.waiters import Waiters
from switch.flow.world import World
from switch.payment import status as statuses
from switch.payment.plan import Refusal
from switch.payment.refusals import refusal_json

log = structlog.get_logger()

ASIDE_MAX = 100  # reports that cannot be carried out: more are no slip of a rail's, it is the switch that fails
_EVENT_OF = {SETTLED: statuses.SETTLE, CREDITED: statuses.CREDIT, REJECTED: statuses.REJECT, BLOCKED: statuses.BLOCK}


@runtime_checkable
class Dictated(Protocol):
    """A rail to which operators dictate, through any worker: what another one has in mind to report may be overtaken by it."""

    async def stands(self, report: RailReport) -> bool:
        """Say whether a report still holds."""


class Finisher:
    """Carries out reports and an operator's decisions."""

    def __init__(self, world: World, store: Store, metrics: Metrics, flights: Flights, waiters: Waiters) -> None:
        self._world, self._store, self._metrics = world, store, metrics
        self._flights, self._waiters = flights, waiters
        self._heard: list[RailReport] = []  # taken from the rails, not yet carried out
        self._aside: dict[tuple[str, int, str], RailReport] = {}  # by UETR, leg and status

    async def collect(self) -> int:
        """Take due reports from every rail and carry them out."""
        heard, now = self._heard, self._world.clock.now()
        known, begun = len(heard), perf_counter()
        for rail in self._world.rails.values():
            heard.extend(await rail.reports(now, BATCH_MAX))
        handled = len(heard)
        if handled:
            self._metrics.heard(heard[known:], begun)
            await self.finish(heard)
            del heard[:handled]  # only now: what the store did not take is carried out again
        return handled

    async def finish(self, reports: Sequence[RailReport]) -> None:
        """Carry out reports; one payment's reports are taken in order, settled and credited together where both are there."""
        rest = list(reports)
        while rest:
            now, rest = _first_of_each(rest)
            for report, error in await culprits_of(now, self._finish):
                self._set_aside(report, error)

    async def retry(self) -> int:
        """Carry out what was set aside, if it can be by now, and tell of ends untold; returns how many could be carried out."""
        await self._tell_of_ends()
        done = 0
        for key, report in list(self._aside.items()):
            if not await culprits_of([report], self._finish):
                del self._aside[key]
                done += 1
                log.info("carried out after all", uetr=report.uetr, status=report.status)
        return done

    async def operate(self, stored: Stored, event: str, decided: Proposal | None = None) -> None:
        """Carry out the operators' decision on a payment in doubt; `decided` says whose it is, and why.

        A rejection stands, also where the payment is being handed to its rail at this moment: another worker may be the
        one who does it, so that none could promise otherwise. It is not sent again; should the rail have it and pay, that
        becomes an exception record. Who was told of the payment is told of its end: a five-step rail vetoes it, the creditor
        agent hears of it (docs/life.md).
        """
        rejecting = event == statuses.REJECT
        code = "AB03" if rejecting else ""
        step = Step(
            stored.payment_id, stored.received_on, event, self._world.clock.now(), code, _by_operators(event, decided)
        )
        if rejecting:
            self._flights.withdraw(stored.payment_id)
            self._flights.untold.add(stored.payment_id)  # until it is: a reply may be lost, and the next call may fail
        for moved in await self._store.finish([step]):
            # The flight goes on: we ask until the rail has its last word, which may be another than the operator's.
            self._landed(moved.payment_id, moved.status)
        await self._tell_of_ends()

    async def _tell_of_ends(self) -> None:
        """Tell of every payment that operators have ended, once: also where whoever ended it is gone."""
        for payment_id in sorted(self._flights.untold):
            stored = await self._store.payment(payment_id)
            ended = stored is not None and json.loads(stored.detail).get("reason") == "operator-rejected"
            if (
                stored is not None
                and ended
                and not any(e.record == ABORT for e in await self._store.events(payment_id))
            ):
                await self._abort(stored)
            self._flights.untold.discard(payment_id)

    async def _abort(self, stored: Stored) -> None:
        """Tell of the end of a payment those who were told of its beginning, besides its debtor agent, whom its events tell."""
        now = self._world.clock.now()
        legs = await self._store.legs(stored.payment_id)
        for leg in legs:  # first: its rail is told whatever becomes of the rest
            if self._world.rails[leg.rail].capabilities.takes_veto and (stored.uetr, leg.n) in self._flights.by_key:
                self._flights.aborted.add((stored.uetr, leg.n))
                self._flights.ask((stored.uetr, leg.n), now)
        for leg in legs:
            detail = abort_detail(stored.uetr, leg.rail)
            await self._store.tell(stored.payment_id, ABORT, now, "AB03", detail, stored.creditor_agent)

    # --- reports ---

    def _set_aside(self, report: RailReport, error: Exception) -> None:
        """Keep a culprit for later, where there is room. A crash forgets it; then the rail tells again, asked or not."""
        key = (report.uetr, report.leg, report.status)
        if key in self._aside:
            return
        if len(self._aside) >= ASIDE_MAX:
            raise error
        self._aside[key] = report
        self._metrics.set_aside += 1
        log.error(
            "could not carry out a report", rail=report.rail, uetr=report.uetr, status=report.status, exc_info=error
        )

    async def _finish(self, reports: Sequence[RailReport]) -> None:
        under_way = self._flights.by_key
        if self._flights.untold:  # before the last word of its rail: after it nobody takes such a payment up again
            await self._tell_of_ends()
        steps: list[Step] = []
        of_step: dict[str, RailReport] = {}
        for report in reports:
            flight = under_way.get((report.uetr, report.leg))
            known = (flight.payment_id, flight.received_on) if flight else await self._known(report.uetr)
            if known is None:
                self._metrics.strays += 1
                continue
            payment_id, received_on = known
            doubtful = report.amount_minor is not None or flight is None or flight.rail != report.rail
            if doubtful and await self._misdirected(payment_id, report):
                continue
            code, detail = _rejection(report) if report.status == REJECTED else ("", "{}")
            last_word = report.status != SETTLED or not self._world.rails[report.rail].capabilities.reports_credit
            steps.append(Step(payment_id, received_on, _EVENT_OF[report.status], report.at, code, detail, last_word))
            of_step[payment_id] = report
        with self._metrics.finish.over(steps):
            moved = {move.payment_id: move.status for move in await self._store.finish(steps)} if steps else {}
        for step in steps:
            report = of_step[step.payment_id]
            status = moved.get(step.payment_id)
            if status is not None:
                self._landed(step.payment_id, status)
            else:
                await self._out_of_turn(step, report)
            if step.last_word:  # only now: what the store has not taken is asked about again
                self._flights.end((report.uetr, report.leg))
        self._metrics.landed(under_way)

    async def _misdirected(self, payment_id: str, report: RailReport) -> bool:
        """Whether a report is not of the payment's own leg or amount; then it is an exception record, and not carried out."""
        stored = await self._store.payment(payment_id)
        assert stored is not None
        record = misdirected(stored, await self._store.legs(payment_id), report)
        if record is None:
            return False
        step = Step(payment_id, stored.received_on, _EVENT_OF[report.status], report.at)
        await self._record(step, record)
        return True

    async def _record(self, step: Step, record: ExceptionRecord | None) -> None:
        if await self._store.hear_out(step, record) and record is not None:
            self._metrics.exceptions[record.kind] += 1
            log.warning("exception record", payment_id=step.payment_id, kind=record.kind)

    def _landed(self, payment_id: str, status: str) -> None:
        self._metrics.finished[status] += 1
        self._waiters.wake(payment_id, status)

    async def _known(self, uetr: str) -> tuple[str, date] | None:
        found = await self._store.by_identity(uetr_identity(uetr))
        return (found[0], found[1]) if found else None

    async def _out_of_turn(self, step: Step, report: RailReport) -> None:
        """A report the table has no move for: a duplicate is nothing, a late acceptance or a contradiction is an exception.

        It may also be the word that confirms an operator's.
        """
        self._metrics.out_of_turn += 1
        stored = await self._store.payment(step.payment_id)
        assert stored is not None
        if stored.status in SAID[report.status]:  # it was ours, and the reply that said so was lost
            self._waiters.wake(step.payment_id, stored.status)
        transfers = await self._store.transfers(step.payment_id) if stored.status == statuses.REJECTED else ()
        record = late_acceptance(stored, transfers, report) or odd_report(stored, report)
        rail = self._world.rails[report.rail]
        if record is not None and isinstance(rail, Dictated) and not await rail.stands(report):
            log.info("a report that was taken back since", uetr=report.uetr, status=report.status)
            record = None
        if record is None and not (step.last_word and stored.awaits_rail):
            return
        await self._record(step, record)


def _by_operators(event: str, decided: Proposal | None) -> str:
    """Say in the event that operators have decided, so that nobody looks for the rail's word, and who and why."""
    who = {"decided_by": "operator"}
    if decided is not None:
        who = {"proposed_by": decided.proposed_by, "decided_by": decided.decided_by, "why": decided.reason}
    return refusal_json(Refusal("operator-rejected", who)) if event == statuses.REJECT else json.dumps(who)


def _first_of_each(reports: Sequence[RailReport]) -> tuple[list[RailReport], list[RailReport]]:
    """Split off one report a payment; a settled one followed by its credit becomes the credit."""
    first: dict[tuple[str, int], RailReport] = {}
    rest: list[RailReport] = []
    for report in reports:
        key = (report.uetr, report.leg)
        known = first.get(key)
        credit_follows = known is not None and known.status == SETTLED and report.status == CREDITED
        if known is None or (credit_follows and not any((r.uetr, r.leg) == key for r in rest)):
            first[key] = report
        else:
            rest.append(report)
    return list(first.values()), rest


def _rejection(report: RailReport) -> tuple[str, str]:
    """Keep a rail's rejection as a refusal: its code and its detail; NARR where it gives none, or none of ISO's form."""
    said = report.reason_code  # ExternalStatusReason1Code: one to four letters and digits
    code = said if len(said) <= 4 and said.isascii() and said.isalnum() else "NARR"
    return code, refusal_json(Refusal("rail-rejected", {"rail": report.rail, "code": code}))
