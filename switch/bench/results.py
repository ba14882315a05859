"""Kept results: one JSON document a run in loadtest/results, named DATE-NAME.json. It reads and writes them, and judges none."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any


class NoResult(Exception):
    """There is no such kept result; says where it was looked for."""


def folder() -> Path:
    """Return where results are kept, beside the load harness."""
    spec = find_spec("loadtest")
    assert spec is not None and spec.submodule_search_locations, "the load harness is installed with the switch"
    return Path(next(iter(spec.submodule_search_locations))) / "results"


def keep(document: dict[str, Any], date: str, name: str, place: Path | None = None) -> Path:
    """Write a document and return where it stands; one of the same name is replaced."""
    path = (place or folder()) / f"{date}-{name}.json"
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
    for path in sorted(where.glob("*.json"), reverse=True):
        try:
            read(path)
        except NoResult:
            continue  # another program's result
        return path
    raise NoResult(f"{where} holds no result of the bench; keep one with --keep NAME")
