"""Named queries: the `-- name:` sections of a .sql file that lies in a package. No templating, no connection."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

MARK = "-- name:"


def split(text: str) -> dict[str, str]:
    """Split the text of a .sql file into its queries by name; before the first stands the file's own comment."""
    queries = {}
    for section in text.split(MARK)[1:]:
        name, _, query = section.partition("\n")
        assert name.strip() not in queries, f"two queries are named {name.strip()}"
        queries[name.strip()] = query.strip()
    return queries


@cache
def queries(package: str, file: str) -> Mapping[str, str]:
    """Return the queries of a package's `<file>.sql` by name, read once."""
    return MappingProxyType(split((files(package) / f"{file}.sql").read_text("utf-8")))
