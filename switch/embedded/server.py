"""What both embedded servers do alike: a folder with one owner, a start that undoes itself where it fails, a URL.

It knows neither of them; what differs is theirs to fill in.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from switch.embedded import process


class EmbeddedServer(ABC):
    """A server on one Unix socket, serving from the folder `data`; `with server as url` starts and stops it."""

    socket_name: str

    def __init__(self, data: Path, settings: Mapping[str, str]) -> None:
        self.data = Path(os.path.realpath(data))
        self.settings = settings
        self._lock = process.FolderLock(self.data)
        self._process: process.Process | None = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Give the server's pid; only while it runs."""
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> str:
        """Start and give the URL; raises FolderInUse, ServerError. Main thread only."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            self._process = self._spawned()
            self._process.wait_until(self._is_ready)
            return self._url()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop and wait until it is gone."""
        if self._process is not None:
            self._end(self._process)
            self._process = None
        self._lock.release()

    def running_url(self) -> str | None:
        """Give the URL if another process serves this folder now, else None."""
        return self._url() if self._lock.held_elsewhere() and self._is_ready() else None

    def _sockets(self) -> Path:
        """Give the folder of the socket."""
        return process.socket_folder(self.data, self.socket_name)

    @abstractmethod
    def _spawned(self) -> process.Process:
        """Start the process; the folder is there and its lock is held."""

    @abstractmethod
    def _end(self, running: process.Process) -> None:
        """End the process as this server wants to be ended, and wait."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Tell whether it takes connections."""

    @abstractmethod
    def _url(self) -> str:
        """Give the URL of the socket."""
