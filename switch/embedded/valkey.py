"""An embedded Valkey 9 on one Unix socket that only this user can reach. It stores nothing: all it holds is derived.

Own launcher: the wheel's start-up code leaves an orphan when Python dies. `--redis-url` gives a real one.
"""

import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from switch.embedded import process
from switch.embedded.binaries import find_binary
from switch.embedded.server import EmbeddedServer

DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "save": "",
        "appendonly": "no",
        "maxmemory": "256mb",  # the closed board and rate limits of a sandbox take a few MB
        "maxmemory-policy": "volatile-ttl",  # what is nearest to its end goes first; losing it does no harm
    }
)


class EmbeddedValkey(EmbeddedServer):
    """Serves from `data` (only its lock, log and socket lie there); `settings` override DEFAULTS."""

    socket_name = "valkey.sock"

    def __init__(self, data: Path, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(data, {**DEFAULTS, **settings})
        self.binary = find_binary("valkey-server")

    def _spawned(self) -> process.Process:
        path = self._sockets() / self.socket_name
        path.unlink(missing_ok=True)
        place = {"port": "0", "unixsocket": str(path), "unixsocketperm": "700", "dir": str(self.data)}
        options = [part for name, value in {**self.settings, **place}.items() for part in (f"--{name}", value)]
        # Killed when this process dies: it has nothing to save.
        return process.spawn([self.binary, *options], self.data / "valkey.log", death_signal=signal.SIGKILL)

    def _end(self, running: process.Process) -> None:
        running.stop(signal.SIGTERM)

    def _is_ready(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1.0)
            try:
                client.connect(str(self._sockets() / self.socket_name))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def _url(self) -> str:
        return f"unix://{quote(str(self._sockets() / self.socket_name))}"
