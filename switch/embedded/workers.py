"""Several workers as processes forked from this one: the first alone until it is ready, then the others; who dies is replaced.

Forked, not executed: they share the listening socket, and the memory that was read before. This process runs no loop and
no thread of its own, does no work, and knows nothing of what the workers do; when it is killed they are, too.
"""

import ctypes
import gc
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

import structlog

log = structlog.get_logger()

CORES_A_WORKER = 3  # assumed: PostgreSQL and the rails' books take as much as a worker does, and half as much the rest
WORKERS_MAX = 5  # of one machine: each holds up to twenty connections of the 120 that the embedded server gives
STOP_SECONDS_MAX = 15.0  # a worker answers what it has begun for five seconds, and then hands back its lease
START_SECONDS_MAX = 60.0
BACKOFF_SECONDS = (
    0.05,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
)  # before a worker is replaced that has died so often in a row; then every last
STEADY_SECONDS = 10.0  # who has lived so long did not die of its start
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_HEARD = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGCHLD})

Ready = Callable[[int], None]
# What a worker does, until SIGTERM or SIGINT: `work(first, gone, ready)`. `first`: it is the very first of all; `gone`: the
# numbers of those that have died since; `ready` is called once with its own number when it serves.
Work = Callable[[bool, Sequence[int], Ready], None]


class WorkerFailed(Exception):
    """The first worker ended before it was ready; says why."""


class _Worker(NamedTuple):
    pid: int
    pipe: int  # tells its number once it is ready, or why it ended
    begun_at: float


def how_many(asked: int, cores: int | None) -> int:
    """Return how many workers to run: as many as asked, 0 = as the machine's cores allow (one on few)."""
    return min(asked or max(1, (cores or 1) // CORES_A_WORKER), WORKERS_MAX)


class Workers:
    """Runs `count` workers until SIGINT or SIGTERM; from the main thread."""

    def __init__(self, count: int, work: Work) -> None:
        self._count, self._work = count, work
        self._living: dict[int, _Worker] = {}
        self._numbers: dict[int, int] = {}  # by pid, of those that were ready
        self._gone: list[int] = []  # numbers of the dead, for their successors
        self._deaths = 0  # in a row, each too soon after its start
        self._start_at: list[float] = []  # when a successor is due
        self._stopping = False
        self._last_words = ""  # of the last that ended: why

    def run(self, on_ready: Callable[[], None]) -> None:
        """Start the first and, once it is ready, the others; raises WorkerFailed where the first ends before."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        try:
            self._start(first=True)
            if not self._first_is_ready():
                return
            on_ready()
            for _ in range(self._count - 1):
                self._start()
            while not self._stopping:
                self._look(self._seconds_to_next())
        finally:
            self._stop()
            while signal.sigtimedwait(_HEARD, 0) is not None:
                pass  # heard: it shall not cut short what is put in order after us
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _first_is_ready(self) -> bool:
        """Wait for it; False where we were told to stop meanwhile."""
        [first] = self._living.values()
        until = first.begun_at + START_SECONDS_MAX
        while not self._stopping:
            self._hear(first)
            if first.pid in self._numbers:
                return True
            self._look(0.02)
            if first.pid not in self._living:
                raise WorkerFailed(self._last_words)
            if time.monotonic() > until:
                raise WorkerFailed(f"the first worker was not ready after {START_SECONDS_MAX:.0f} s")
        return False

    def _look(self, seconds: float) -> None:
        """Wait for a signal, bury the dead, start successors that are due."""
        heard = signal.sigtimedwait(_HEARD, seconds)
        if heard is not None and heard.si_signo in (signal.SIGINT, signal.SIGTERM):
            self._stopping = True
            return
        self._bury()
        now = time.monotonic()
        for due in [due for due in self._start_at if due <= now]:
            self._start_at.remove(due)
            self._start()

    def _seconds_to_next(self) -> float:
        return max(0.0, min([due - time.monotonic() for due in self._start_at], default=1.0))

    def _bury(self) -> None:
        """Note who has ended, and when its successor starts."""
        for worker in list(self._living.values()):
            self._hear(worker)
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if not pid:
                continue
            self._hear(worker)
            del self._living[pid]
            os.close(worker.pipe)
            number = self._numbers.pop(pid, None)
            if number is not None:
                self._gone.append(number)
            if self._stopping:
                continue
            lived = time.monotonic() - worker.begun_at
            self._deaths = 0 if lived >= STEADY_SECONDS else self._deaths + 1
            pause = BACKOFF_SECONDS[min(self._deaths, len(BACKOFF_SECONDS) - 1)]
            self._start_at.append(time.monotonic() + pause)
            log.warning(
                "a worker has ended and is replaced",
                pid=pid,
                status=os.waitstatus_to_exitcode(status),
                said=self._last_words,
                after_seconds=pause,
            )

    def _hear(self, worker: _Worker) -> None:
        """Take what a worker has told: its number, or why it ends."""
        while select.select([worker.pipe], [], [], 0)[0]:
            said = os.read(worker.pipe, 4_096).decode(errors="replace")
            if not said:
                return
            kind, _, text = said.partition(" ")
            if kind == "ready":
                self._numbers[worker.pid] = int(text)
                self._last_words = ""
            else:
                self._last_words = text

    def _stop(self) -> None:
        """Tell all to stop, wait, kill who does not."""
        self._stopping = True
        for pid in self._living:
            os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS_MAX
        while self._living and time.monotonic() < until:
            signal.sigtimedwait({signal.SIGCHLD}, 0.05)
            self._bury()
        for pid in self._living:
            log.warning("a worker did not stop and is killed", pid=pid)
            os.kill(pid, signal.SIGKILL)
        while self._living:
            time.sleep(0.01)
            self._bury()

    def _start(self, first: bool = False) -> None:
        hears, tells = os.pipe()
        gone, self._gone = self._gone, []
        parent = os.getpid()
        gc.collect()  # what it would find is copied when the child's own collector looks at it
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(hears)
            self._be_worker(first, gone, tells, parent)
        os.close(tells)
        os.set_blocking(hears, False)
        self._living[pid] = _Worker(pid, hears, time.monotonic())

    def _be_worker(self, first: bool, gone: Sequence[int], tells: int, parent: int) -> NoReturn:
        """Work, and end this process: never back into what the parent has yet to put in order."""
        status = 1
        try:
            if sys.platform == "linux":
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
            if os.getppid() == parent:
                for worker in self._living.values():
                    os.close(worker.pipe)
                signal.signal(signal.SIGINT, signal.SIG_DFL)  # until it serves, a Ctrl-C is our parent's to tell
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
                self._work(first, gone, lambda number: _tell(tells, f"ready {number}"))
                status = 0
        except BaseException as error:
            if not isinstance(error, (KeyboardInterrupt, SystemExit)):
                _tell(tells, f"failed {error}")
                if not first:
                    traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)


def _tell(pipe: int, text: str) -> None:
    os.write(pipe, text[:1_000].encode())
