"""One worker of a sandbox: the steps that carry payments from answer to final status, each a call that can be made alone.

Loops (switch.flow.loops) make these calls in production, the simulation makes them in seeded order and drops the worker
to crash it. What a worker remembers can be lost: the store and the rails' books hold what counts.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime

from switch.flow import takeover
from switch.flow.accept import Acceptor
from switch.flow.board import Board
from switch.flow.completer import Completer
from switch.flow.finish import Finisher
from switch.flow.flights import Departure, Flights
from switch.flow.intake import Intake
from switch.flow.metrics import Metrics
from switch.flow.ports import Store
from switch.flow.queue import Queue
from switch.flow.recalls import Recalls
from switch.flow.submit import Submitter
from switch.flow.takeover import Takeover
from switch.flow.waiters import Waiters
from switch.flow.world import World


class Worker:
    """Carries payments of one world; everything durable goes through `store` and the rails."""

    def __init__(self, world: World, store: Store, board: Board, metrics: Metrics, incarnation: int) -> None:
        self.world, self.store, self.board, self.metrics = world, store, board, metrics
        self.flights = flights = Flights()
        self.waiters = waiters = Waiters(board)

        self.queue = queue = Queue(world, store, metrics, flights, waiters)
        self.release, self.cancel = queue.release, queue.cancel

        self.intake = intake = Intake(metrics)
        acceptor = Acceptor(world, store, board, metrics, flights, queue, intake)
        self.decider, self.accept = acceptor.decider, acceptor.accept

        submitter = Submitter(world, store, metrics, flights)
        self.submit, self.mark_submitted = submitter.submit, submitter.mark_submitted
        self.stop_sending = submitter.stop

        finisher = Finisher(world, store, metrics, flights, waiters)
        self.collect, self.finish, self.retry = finisher.collect, finisher.finish, finisher.retry
        self.operate = finisher.operate

        self._takeover = Takeover(world, store, flights, incarnation)
        self.register, self.take_over = self._takeover.register, self._takeover.take_over

        completer = Completer(world, store, metrics, flights, waiters, finisher.finish, self._takeover)
        self.complete = completer.complete

        self.recalls = Recalls(world, store, metrics)

        self.wait_for, self.forget = waiters.wait_for, waiters.forget
        self.wake = waiters.wake

    @property
    def incarnation(self) -> int:
        """Under which number this worker holds its lease."""
        return self._takeover.incarnation

    @property
    def unsent(self) -> "deque[Departure]":
        """What was accepted and is still to be sent."""
        return self.flights.unsent

    @property
    def sending(self) -> Mapping[str, Sequence[Departure]]:
        """What is handed to a rail at this moment, by rail."""
        return self.flights.sending

    @property
    def has_sent_all(self) -> bool:
        """Whether nothing is to be sent but what its rail does not take, by a fault that is switched on."""
        rails = self.world.rails
        return all(rails[flight.rail].faults.takes_nothing for flight, _ in self.flights.unsent)

    async def refresh(self) -> None:
        """Take up the world as the fence has it now."""
        await takeover.refresh(self.world, self.store)

    def next_due(self) -> datetime | None:
        """Return the business time at which this worker or a rail has something to do."""
        dues = [
            self.flights.next_due(),
            self.queue.next_due(),
            self.recalls.next_due(),
            *(rail.next_due() for rail in self.world.rails.values()),
        ]
        return min((due for due in dues if due is not None), default=None)
