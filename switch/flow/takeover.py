"""What a worker takes up that it has not begun itself: its lease, payments of workers that are gone, the world as it stands."""

from datetime import datetime

from rails.port import RailInstruction
from switch.flow.directory import catch_up
from switch.flow.flights import BATCH_MAX, Flight, Flights
from switch.flow.ports import Store, StoreUnavailable, Unfinished
from switch.flow.submission import opened
from switch.flow.world import World
from switch.payment.status import ACCEPTED, QUEUED, REJECTED, SUBMITTED
from switch.translate.messages import transfer_of


class Takeover:
    """Holds this worker's lease, under an incarnation that grows where it must leave what it held to itself as another."""

    def __init__(self, world: World, store: Store, flights: Flights, incarnation: int) -> None:
        self.incarnation = incarnation
        self._world, self._store, self._flights = world, store, flights

    async def register(self, lease_seconds: float) -> None:
        """Take or renew the lease; under another incarnation where one of ours may hold what we have not been told of.

        The old one's lease is handed back: what it holds is taken over as that of any worker that is gone, at once.
        """
        flights = self._flights
        unsure, flights.unsure = flights.unsure, False  # what becomes unsure while we wait stays so
        incarnation = self.incarnation + 1 if unsure else self.incarnation
        try:
            if unsure:
                await self._store.register(self.incarnation, 0)
            await self._store.register(incarnation, lease_seconds)
        except BaseException:
            flights.unsure = flights.unsure or unsure
            raise
        self.incarnation = incarnation

    async def take_over(self, limit: int = BATCH_MAX) -> int:
        """Resume payments of workers that are gone: those sent or not are sent again, all others asked about.

        So are those an operator has ended: the rail may say otherwise, or have said so and not been heard.
        """
        flights = self._flights
        try:
            taken = await self._store.take_over(self.incarnation, limit)
        except StoreUnavailable:
            flights.unsure = True
            raise
        now = self._world.clock.now()
        for item in taken:
            if item.status == QUEUED:
                continue  # whoever comes to its opening releases it (switch.flow.queue)
            if (item.uetr, item.leg) in flights.by_key:
                continue  # it was ours all along, under our last incarnation
            flight = Flight(item.payment_id, item.received_on, item.uetr, item.rail, item.leg, item.deadline_at)
            if item.status in (ACCEPTED, SUBMITTED):
                flights.depart(flight, instruction_again(item, self._world, now))
                flights.untaken.add((item.uetr, item.leg))  # whoever held it may have sent it
            else:
                flights.begin(flight)
                if item.status == REJECTED:
                    flights.aborted.add((item.uetr, item.leg))
                    flights.untold.add(item.payment_id)
                flights.ask((item.uetr, item.leg), now)
        return len(taken)


def instruction_again(item: Unfinished, world: World, now: datetime) -> RailInstruction:
    """Put together again what the rail was, or was to be, sent: same UETR, same account, as it stands sealed."""
    instruction, account = opened(world.sealer.open(item.sealed, item.payment_id))
    rail = world.rails[item.rail].capabilities
    debtor_agent = world.registry.participants[instruction.debtor_agent[:8]].settles_through
    return RailInstruction(
        item.uetr, item.leg, debtor_agent, instruction.creditor_agent[:8], account, item.settlement_minor,
        item.settlement_currency, now, item.deadline_at - rail.hops.rail_margin,
        transfer_of(instruction) if rail.carries_messages else None,
    )  # fmt: skip


async def refresh(world: World, store: Store) -> None:
    """Take up the world as the fence has it now."""
    generation = await store.generation()  # first: should it move on meanwhile, the fence will say so
    facts = await store.world()
    await catch_up(world, store, facts)
    world.take_up(facts, generation, await world.make_rulebook(facts))
