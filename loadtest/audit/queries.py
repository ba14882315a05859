"""Named queries of the .sql files beside this module, each with the names of what it is told."""

import re
from importlib.resources import files
from typing import NamedTuple

_NAMED = re.compile(r"^-- name: (\S+)(?: \((.*)\))?$\n", re.MULTILINE)


class Query(NamedTuple):
    """One query: its name, the names of its arguments in their order, its text."""

    name: str
    takes: tuple[str, ...]
    text: str


def read_queries(file: str) -> dict[str, Query]:
    """Read `<file>.sql`: query by name, in the order of the file."""
    _comment, *parts = _NAMED.split((files(__package__) / f"{file}.sql").read_text("utf-8"))
    found = [
        Query(name, tuple(takes.split(", ")) if takes else (), text.strip())
        for name, takes, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]
    return {query.name: query for query in found}
