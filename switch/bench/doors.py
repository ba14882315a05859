"""The processes that HTTP rows talk to, each started once and kept for the run: the switch, the trivial endpoint, and nothing at all."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from switch.bench.load import START_AT
from switch.child import Child
from switch.embedded.process import tied

KEY = "bench"


class Door(NamedTuple):
    """Where a server answers, and which process it is."""

    url: str
    pid: int


class Doors:
    """Opens servers as they are asked for and closes them all at the end."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder, self._database_url = folder, database_url
        self._open: dict[str, Door] = {}
        self._closing = ExitStack()

    def switch(self) -> Door:
        """Return `bayswitch up` on the run's PostgreSQL, with instant rails."""
        if "switch" not in self._open:
            child = Child(
                "--instant",
                "--start-at",
                START_AT.isoformat(),
                data=self._folder / "http",
                key=KEY,
                database_url=self._database_url,
            )
            self._closing.enter_context(child)
            self._open["switch"] = Door(child.url, child.pid)
        return self._open["switch"]

    def trivial(self) -> Door:
        """Return the FastAPI endpoint that does nothing."""
        return self._program("switch.bench.trivial")

    def nothing(self) -> Door:
        """Return the server that accepts everything without looking: what the generator can do at most."""
        return self._program("loadtest.null_server")

    def close(self) -> None:
        """End them all."""
        self._open.clear()
        self._closing.close()

    def _program(self, module: str) -> Door:
        if module not in self._open:
            running = self._closing.enter_context(
                subprocess.Popen(
                    tied([sys.executable, "-m", module]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )  # leaving it closes its standard input, at whose end it ends, and waits
            assert running.stdout is not None
            url = running.stdout.readline().strip()
            assert url, f"{module} did not start"
            self._open[module] = Door(url, running.pid)
        return self._open[module]
