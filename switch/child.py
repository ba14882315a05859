"""`bayswitch up` as a child process: the switch that a bench, a load or a chaos run drives over HTTP.

It starts, waits until the switch takes payments, and ends or kills it; it dies with the process that started it. It
drives nothing, measures nothing and judges nothing; of the stores it knows only where they are.
"""

import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from bayswitch import BayswitchError, Client
from switch.embedded import process
from switch.embedded.postgres import EmbeddedPostgres

# Where benches, loads and chaos begin: 10:00 on a working day of all three economies; southbound is open, the wallet a member.
START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
_POLL_SECONDS = 0.05
# Does what Ctrl-C does, and is heard from the first moment: an interrupt that meets Python at an import can be lost.
_STOP = signal.SIGTERM


class ChildError(Exception):
    """The switch did not start, or did not take payments in time; says why, with the end of its log."""


class Child:
    """`with Child("--instant", data=folder, key="load") as child`: a switch at `child.url`, under the operator's `child.key`.

    `options` are those of `bayswitch up`. Stores whose URLs are not given live in `data`. Its output goes to `log` (default
    `data`/switch.log), that of the run before to `log`.1. It keeps its port over `kill` and `start`. Main thread only.
    """

    def __init__(
        self,
        *options: str,
        data: Path,
        key: str,
        database_url: str | None = None,
        redis_url: str | None = None,
        workers: int = 1,
        log: Path | None = None,
    ) -> None:
        self.data = data.absolute()
        self.key = key
        self.port = process.free_port()
        self._log = log or self.data / "switch.log"
        self._database_url = database_url
        stores = {"--database-url": database_url, "--redis-url": redis_url}
        self._options = [
            *options,
            *(word for name, url in stores.items() if url is not None for word in (name, url)),
            *(["--workers", str(workers)] if workers > 1 else []),
        ]
        self._process: process.Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Return where it serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Return the pid of the process that was started; only while it runs."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def database_url(self) -> str | None:
        """Return the URL of its PostgreSQL, given or embedded; None where the embedded one does not run."""
        return self._database_url or EmbeddedPostgres(self.data / "postgres").running_url()

    def start(self) -> None:
        """Start it and wait for /readyz, at most a minute; raises ChildError."""
        assert self._process is None, "already started"
        self.data.mkdir(parents=True, exist_ok=True)
        self._process = process.spawn(self._command(), self._log, death_signal=_STOP)
        try:
            self._wait_ready(self._process)
        except process.ServerError as error:
            self._process = None
            raise ChildError(str(error)) from None
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Tell it to stop, wait (30 s, then it is killed); nothing where it does not run."""
        self._end(_STOP)

    def kill(self) -> None:
        """Kill it without a word, as a crash would; its embedded servers see it die and stop by themselves."""
        self._end(signal.SIGKILL)

    def _command(self) -> Sequence[str]:
        where = ["--port", str(self.port), "--data", str(self.data), "--dev-key", self.key]
        return [sys.executable, "-m", "switch.cli", "up", *where, *self._options]

    def _wait_ready(self, running: process.Process) -> None:
        def ready() -> bool:
            try:
                return client.ready()
            except BayswitchError:
                time.sleep(_POLL_SECONDS)
                return False

        with Client(self.url, self.key) as client:
            running.wait_until(ready)

    def _end(self, first: signal.Signals) -> None:
        running, self._process = self._process, None
        if running is not None:
            running.stop(first)
