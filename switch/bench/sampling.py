"""Where this process's CPU time goes: a sampler on its own profiling timer, and the stage each sample belongs to.

The timer counts CPU time alone, so waiting is never sampled; nothing is traced, so the ratio of small functions to large ones
stays true; no other process looks in, so it works where ptrace is refused. Time in C is told for the frame that called it.
"""

import inspect
import signal
from collections import Counter
from types import CodeType, FrameType

INTERVAL_SECONDS = 0.002  # of CPU time; kernels round it up to their tick, 4 ms mostly

Stack = tuple[CodeType, ...]  # innermost first

TAKE_IN, DECIDE, SEAL, ENCODE, ACCEPT, ANSWER = "take in", "decide", "seal", "encode rows", "accept, the rest", "answer"
SEND, BOOKS, REPORTS, FINISH, LOOPS, LOAD = "send", "rails' books", "reports", "finish", "loops", "the load itself"
OTHER = "event loop and driver"
STAGES = (
    TAKE_IN,
    DECIDE,
    SEAL,
    ENCODE,
    ACCEPT,
    ANSWER,
    SEND,
    BOOKS,
    REPORTS,
    FINISH,
    LOOPS,
    OTHER,
)  # of a payment, in order

# The files that own a stage; what they call belongs to them. The innermost owner counts.
_OWNERS = (
    ("switch/flow/sealing.py", SEAL),
    ("switch/flow/submission.py", TAKE_IN),
    ("switch/sandbox.py", TAKE_IN),
    ("switch/flow/admission.py", DECIDE),
    ("switch/store/postgres/accept.py", ACCEPT),
    ("switch/store/postgres/accept_exact.py", ACCEPT),
    ("switch/store/postgres/finish.py", FINISH),
    ("switch/flow/finish.py", FINISH),
    ("switch/flow/completer.py", FINISH),
    ("switch/flow/submit.py", SEND),
    ("rails/simulated.py", BOOKS),
    ("rails/postgres_book.py", BOOKS),
    ("switch/flow/accept.py", ANSWER),
    ("switch/flow/intake.py", LOOPS),
    ("switch/flow/loops.py", LOOPS),
    ("switch/bench/", LOAD),
)


class Sampler:
    """Counts stacks of the main thread from `start` to `stop`; main thread only."""

    def __init__(self) -> None:
        self.stacks: Counter[Stack] = Counter()

    def start(self) -> None:
        """Begin to sample."""
        signal.signal(signal.SIGPROF, self._take)
        signal.siginterrupt(signal.SIGPROF, False)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL_SECONDS, INTERVAL_SECONDS)

    def stop(self) -> None:
        """Sample no more."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)

    def _take(self, number: int, frame: FrameType | None) -> None:
        stack = []
        while frame is not None:
            stack.append(frame.f_code)
            frame = frame.f_back
        self.stacks[tuple(stack)] += 1

    def by_stage(self) -> dict[str, int]:
        """Count samples by stage, the load itself included."""
        found: Counter[str] = Counter()
        for stack, count in self.stacks.items():
            found[stage_of([(code.co_filename, code.co_name, _is_plain(code)) for code in stack])] += count
        return dict(found)


def stage_of(frames: list[tuple[str, str, bool]]) -> str:
    """Tell the stage of a stack, innermost frame first: each its file, its function, and whether that is no coroutine."""
    for place, (file, function, _) in enumerate(frames):
        for part, stage in _OWNERS:
            if f"/{part}" not in f"/{file}":
                continue
            if stage == ACCEPT and any(plain and "switch/store/" in inner for inner, _, plain in frames[: place + 1]):
                return ENCODE  # what is no coroutine there writes rows
            if part == "rails/simulated.py" and function == "reports":
                return REPORTS
            return _of_the_root(frames, place) if stage == LOAD else stage
    return OTHER


def _of_the_root(frames: list[tuple[str, str, bool]], place: int) -> str:
    """Every stack ends in the program's own `main`: that frame alone owns nothing."""
    return OTHER if frames[place][1] in ("main", "<module>") else LOAD


def _is_plain(code: CodeType) -> bool:
    return not code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR)
