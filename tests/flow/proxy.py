"""A proxy between asyncpg and PostgreSQL that cuts the connection at the one moment where nobody knows what happened.

It listens on a Unix socket of its own. `arm` tells it what to cut next: the next commit, or what holds certain bytes.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, quote, urlsplit

from switch.chaos.frontend import Frontend

_NAME = ".s.PGSQL.5432"
COMMIT = b"COMMIT;\x00"  # as asyncpg ends a transaction of several statements; the accepting fast path is one call
_CHUNK = 1 << 16

REPLY_LOST = "the server has carried it out, the reply is lost"
NEVER_SENT = "it never reaches the server"
SILENT = "it never reaches the server, and the line stays"
DONE_IN_SILENCE = "the server has carried it out, and the line stays without a word"


class Proxy:
    """Serves while it is entered; `url` is the database's, by way of it."""

    def __init__(self, url: str) -> None:
        self._server_folder = Path(parse_qs(urlsplit(url).query)["host"][0])
        self._folder = Path(tempfile.mkdtemp(prefix="bay"))  # a socket's path must be short
        self.url = url.replace(quote(str(self._server_folder), safe=""), quote(str(self._folder), safe=""))
        assert self.url != url
        self.away = False  # whether new connections are turned away
        self.silent = False  # whether new connections are never answered
        self.cuts: list[str] = []  # what has been cut
        self._armed: list[tuple[str, bytes | None]] = []
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def arm(self, how: str, message: bytes | None = None, times: int = 1) -> None:
        """Cut the next `times` that something is sent which holds `message`; None: which commits."""
        self._armed += [(how, message)] * times

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_unix_server(self._serve, self._folder / _NAME)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in list(self._open):
            writer.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        shutil.rmtree(self._folder)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.away:
            to_client.close()
            return
        if self.silent:
            while await client.read(_CHUNK):
                pass
            to_client.close()
            return
        server, to_server = await asyncio.open_unix_connection(self._server_folder / _NAME)
        self._open |= {to_client, to_server}
        answered = asyncio.Event()
        line = _Line(server, to_client, answered)
        reader = Frontend()
        back = asyncio.create_task(line.pass_on())
        try:
            while data := await client.read(_CHUNK):
                commits = [piece for piece in reader.feed(data) if piece.commit]
                how = self._cut(data, commits=bool(commits))
                if how is None:
                    to_server.write(data)
                    await to_server.drain()
                    continue
                self.cuts.append(how)
                if how in (SILENT, DONE_IN_SILENCE):
                    if how == DONE_IN_SILENCE:
                        line.cut = True
                        to_server.write(data)
                    while await client.read(_CHUNK):
                        pass
                    break
                if how == REPLY_LOST:
                    line.cut = True
                    answered.clear()
                    to_server.write(data)
                    await answered.wait()  # it has been carried out by now
                break
        except OSError:
            pass
        finally:
            back.cancel()
            for writer in (to_client, to_server):
                self._open.discard(writer)
                writer.close()

    def _cut(self, data: bytes, commits: bool) -> str | None:
        if not self._armed:
            return None
        how, message = self._armed[0]
        if commits if message is None else message in data:
            del self._armed[0]
            return how
        return None


class _Line:
    """The way back from the server to the client; once it is cut, answers are heard and not passed on."""

    def __init__(self, server: asyncio.StreamReader, client: asyncio.StreamWriter, answered: asyncio.Event) -> None:
        self._server, self._client, self._answered = server, client, answered
        self.cut = False

    async def pass_on(self) -> None:
        try:
            while data := await self._server.read(_CHUNK):
                self._answered.set()
                if not self.cut:
                    self._client.write(data)
                    await self._client.drain()
        except OSError:
            pass
        finally:
            self._answered.set()
            self._client.close()
