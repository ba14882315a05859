"""Named queries of the .sql files beside this module, each with the names of what it is told and what is said of it.

A query begins with `-- name: NAME (ARGUMENT, …)`; lines `-- WORD: text` right below it are told to people, not to PostgreSQL.
"""

import re
from importlib.resources import files
from typing import NamedTuple

_NAMED = re.compile(r"^-- name: (\S+)(?: \((.*)\))?$\n", re.MULTILINE)
_SAID = re.compile(r"-- (\w+): (.*)\n")


class Query(NamedTuple):
    """One query: its name, the names of its arguments in their order, its text, what is said of it."""

    name: str
    takes: tuple[str, ...]
    text: str
    said: dict[str, str]


def read_queries(file: str) -> dict[str, Query]:
    """Read `<file>.sql` beside this module: query by name, in the order of the file."""
    text = (files(__package__) / f"{file}.sql").read_text("utf-8")
    _comment, *parts = _NAMED.split(text)
    found = [
        _query(name, tuple(takes.split(", ")) if takes else (), text)
        for name, takes, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]
    return {query.name: query for query in found}


def _query(name: str, takes: tuple[str, ...], text: str) -> Query:
    said = {}
    while line := _SAID.match(text):
        said[line[1]] = line[2]
        text = text[line.end() :]
    return Query(name, takes, text.strip(), said)
