"""Named queries of the rails: the `-- name:` sections of a .sql file beside this module. No connection."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType


@cache
def queries(file: str) -> Mapping[str, str]:
    """Return the queries of `<file>.sql` by name, read once."""
    text = Path(__file__).with_name(f"{file}.sql").read_text(encoding="utf-8")
    sections = (section.partition("\n") for section in text.split("-- name:")[1:])
    return MappingProxyType({name.strip(): query.strip() for name, _, query in sections})
