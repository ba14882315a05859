"""The two stores a switch needs, as URLs: what was not given is started embedded, and stopped at the end."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import NamedTuple

from switch.embedded.postgres import EmbeddedPostgres
from switch.embedded.valkey import EmbeddedValkey


class Urls(NamedTuple):
    database_url: str
    redis_url: str


class Servers:
    """`with Servers(data, None, None) as urls`: embedded servers live in `data`/postgres and `data`/valkey.

    `attach` joins servers that another process runs from the same folder (the audit of a running system) instead of
    raising FolderInUse. A given URL always wins. `postgres` is the server started here, else None.
    """

    def __init__(
        self,
        data: Path,
        database_url: str | None,
        redis_url: str | None,
        *,
        settings: Mapping[str, str] = MappingProxyType({}),
        attach: bool = False,
    ) -> None:
        self._data = data
        self._given = (database_url, redis_url)
        self._settings = settings
        self._attach = attach
        self._running = ExitStack()
        self.postgres: EmbeddedPostgres | None = None
        self.valkey: EmbeddedValkey | None = None

    def __enter__(self) -> Urls:
        with ExitStack() as starting:  # what started is stopped if the next one fails
            database_url, redis_url = self._given
            if database_url is None:
                postgres = EmbeddedPostgres(self._data / "postgres", self._settings)
                database_url = postgres.running_url() if self._attach else None
                if database_url is None:
                    database_url = starting.enter_context(postgres)
                    self.postgres = postgres
            if redis_url is None:
                valkey = EmbeddedValkey(self._data / "valkey")
                redis_url = valkey.running_url() if self._attach else None
                if redis_url is None:
                    redis_url = starting.enter_context(valkey)
                    self.valkey = valkey
            self._running = starting.pop_all()
        return Urls(database_url, redis_url)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._running.close()
