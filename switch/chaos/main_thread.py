"""Work that only the main thread may do, done there while an event loop runs beside it.

Embedded stores are started from the main thread (the kernel tells them of the death of the thread that forked them), and a
start blocks until the store is ready: in the loop's own thread every other fault would wait for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from queue import Empty, Queue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

_LOOK_SECONDS = 0.1


class MainThread:
    """`run` a coroutine in another thread; `do` hands work back to this one."""

    def __init__(self) -> None:
        self._jobs: Queue[tuple[Callable[[], Any], Future[Any]]] = Queue()

    def do(self, job: Callable[[], T]) -> Awaitable[T]:
        """Have a job done in the main thread; await it in the loop's."""
        answer: Future[T] = Future()
        self._jobs.put((job, answer))
        return asyncio.wrap_future(answer)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end and return what it returns, or raise; Ctrl-C cancels it and lets it put things in order."""
        loop = asyncio.new_event_loop()
        task = loop.create_task(work)
        thread = Thread(target=_finish, args=(loop, task), name="chaos")
        thread.start()
        while thread.is_alive():
            try:
                self._next()
            except KeyboardInterrupt:
                loop.call_soon_threadsafe(task.cancel)
        thread.join()
        return task.result()

    def _next(self) -> None:
        try:
            job, answer = self._jobs.get(timeout=_LOOK_SECONDS)
        except Empty:
            return
        try:
            answer.set_result(job())
        except Exception as error:
            answer.set_exception(error)


def _finish(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[Any]") -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(asyncio.wait([task]))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
