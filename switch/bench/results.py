"""Kept results: one JSON document a run in loadtest/results, named DATE-NAME.json. It reads and writes them, and judges none."""

import json
import re
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}", re.IGNORECASE)
_FILE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]-*.json"  # as `place_for` names them: the last name is the last day


class CannotKeep(Exception):
    """A result cannot be kept under this day and name; says why, and what to choose."""


class NoResult(Exception):
    """There is no such kept result; says where it was looked for."""


def folder() -> Path:
    """Return where results are kept, beside the load harness."""
    spec = find_spec("loadtest")
    assert spec is not None and spec.submodule_search_locations, "the load harness is installed with the switch"
    return Path(next(iter(spec.submodule_search_locations))) / "results"


def is_day(text: str) -> bool:
    """Tell whether a text is a day of the calendar, written YYYY-MM-DD and not in one of ISO 8601's other forms."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def place_for(day: str, name: str, place: Path | None = None, *, replace: bool = False) -> Path:
    """Return where a result would stand; raises CannotKeep, also where one stands there that may not be replaced."""
    if not is_day(day):
        raise CannotKeep(f"{day!r} is no day; write it as 2026-11-23")
    if not _NAME.fullmatch(name):
        raise CannotKeep(f"{name!r} is no name of a result; write up to 60 letters, digits, - and _")
    path = (place or folder()) / f"{day}-{name}.json"
    if path.exists() and not replace:
        raise CannotKeep(f"{path.name} is kept already; choose another name, or replace it with --replace")
    return path


def keep(document: dict[str, Any], day: str, name: str, place: Path | None = None, *, replace: bool = False) -> Path:
    """Write a document and return where it stands; raises CannotKeep."""
    path = place_for(day, name, place, replace=replace)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return path


def read(path: Path) -> dict[str, Any]:
    """Read a kept result; raises NoResult."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoResult(f"{path} is no result of the bench: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("rates"), dict):
        raise NoResult(f"{path} is no result of the bench: it has no rates")
    return document


def last(place: Path | None = None) -> Path:
    """Return the last result kept, by its date and then its name; raises NoResult."""
    where = place or folder()
    for path in sorted(where.glob(_FILE), reverse=True):
        try:
            read(path)
        except NoResult:
            continue  # another program's result
        return path
    raise NoResult(f"{where} holds no result of the bench; keep one with --keep NAME")
