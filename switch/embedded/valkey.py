"""An embedded Valkey 9 on one Unix socket that only this user can reach. It stores nothing: all it holds is derived.

Own launcher: the wheel's start-up code leaves an orphan when Python dies. `--redis-url` gives a real one.
"""

import os
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from urllib.parse import quote

from switch.embedded import process
from switch.embedded.binaries import find_binary

_SOCKET = "valkey.sock"

DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "save": "",
        "appendonly": "no",
        "maxmemory": "256mb",  # the closed board and rate limits of a sandbox take a few MB
        "maxmemory-policy": "volatile-ttl",  # what is nearest to its end goes first; losing it does no harm
    }
)


class EmbeddedValkey:
    """Serves from `data` (only its lock, log and socket lie there); `settings` override DEFAULTS."""

    def __init__(self, data: Path, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        self.data = Path(os.path.realpath(data))
        self.settings: Mapping[str, str] = {**DEFAULTS, **settings}
        self.binary = find_binary("valkey-server")
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
        """Start and give the URL (redis-py reads it); raises FolderInUse, ServerError. Main thread only."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            return self._start_locked()
        except BaseException:
            self.stop()
            raise

    def _start_locked(self) -> str:
        path = process.socket_folder(self.data, _SOCKET) / _SOCKET
        path.unlink(missing_ok=True)
        place = {"port": "0", "unixsocket": str(path), "unixsocketperm": "700", "dir": str(self.data)}
        options = [part for name, value in {**self.settings, **place}.items() for part in (f"--{name}", value)]
        self._process = process.spawn(
            [self.binary, *options],
            self.data / "valkey.log",
            death_signal=signal.SIGKILL,  # nothing to save
        )
        self._process.wait_until(lambda: _answers(path))
        return _url(path)

    def stop(self) -> None:
        """Stop and wait until it is gone."""
        if self._process is not None:
            self._process.stop(signal.SIGTERM)
            self._process = None
        self._lock.release()

    def running_url(self) -> str | None:
        """Give the URL if another process serves this folder now, else None."""
        if not self._lock.held_elsewhere():
            return None
        path = process.socket_folder(self.data, _SOCKET) / _SOCKET
        return _url(path) if _answers(path) else None


def _url(path: Path) -> str:
    return f"unix://{quote(str(path))}"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False
