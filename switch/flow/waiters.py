"""Who waits for a payment's next status: at this worker a future, at the others the board's news."""

from asyncio import Future, get_running_loop
from collections import defaultdict

from switch.flow.board import Board
from switch.payment.status import ISO_STATUS


class Waiters:
    """Futures by payment; each is told of one change."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._futures: defaultdict[str, list[Future[str]]] = defaultdict(list)

    def wait_for(self, payment_id: str) -> "Future[str]":
        """Return a future of the payment's next status change."""
        future: Future[str] = get_running_loop().create_future()
        self._futures[payment_id].append(future)
        return future

    def forget(self, payment_id: str, future: "Future[str]") -> None:
        """Give up waiting."""
        futures = self._futures.get(payment_id)
        if futures and future in futures:
            futures.remove(future)
            if not futures:
                del self._futures[payment_id]

    def wake(self, payment_id: str, status: str) -> None:
        """Tell who waits, here and at other workers."""
        self.wake_here(payment_id, status)
        self._board.news(payment_id, ISO_STATUS[status])

    def wake_here(self, payment_id: str, status: str) -> None:
        """Tell who waits at this worker."""
        for future in self._futures.pop(payment_id, ()):
            if not future.done():
                future.set_result(status)
