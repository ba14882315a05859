"""Every assumption of the house, read from the data that holds it: what it is, where it stands, why.

A figure without a source is marked where it stands (`assumed: true` with a reason, `assumed:` by name, `assumptions:`);
nothing is listed by hand, so nothing can be forgotten.
"""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import yaml

# Folders of data, in the order in which they are shown.
_PLACES = (
    "limits/rulebook",
    "limits/calendars",
    "limits/statistics",
    "fx",
    "rails",
    "switch/participants",
    "switch/payment",
    "limits/lab",
)


class Assumption(NamedTuple):
    """One assumption: file, the key it stands under, and why it is what it is."""

    file: str
    key: str
    why: str


def assumptions() -> list[Assumption]:
    """Collect all assumptions from the packaged data."""
    found: list[Assumption] = []
    for place in _PLACES:
        package, _, rest = place.partition("/")
        folder = files(package).joinpath(rest) if rest else files(package)
        for path, data in _documents(folder, place):
            found += [Assumption(path, key, why) for key, why in _marked(data, "")]
    return found


def _documents(folder: Traversable, path: str) -> Iterator[tuple[str, Any]]:
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.is_dir():
            yield from _documents(entry, f"{path}/{entry.name}")
        elif entry.name.endswith(".yaml"):
            yield f"{path}/{entry.name}", yaml.load(entry.read_text("utf-8"), yaml.CSafeLoader)


def _marked(node: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        for number, item in enumerate(node):
            name = _name(item) or str(number)
            yield from _marked(item, f"{key}[{name}]")
    elif isinstance(node, Mapping):
        assumed = node.get("assumed")
        if assumed is True:
            yield key or "(the whole file)", str(node.get("reason", "")).strip()
        elif isinstance(assumed, Mapping):
            yield from ((f"{key}.{name}".strip("."), str(why).strip()) for name, why in assumed.items())
        for name, why in dict(node.get("assumptions") or {}).items():
            yield f"{key}.{name}".strip("."), str(why).strip()
        for name, value in node.items():
            if name not in ("assumed", "assumptions"):
                yield from _marked(value, f"{key}.{name}".strip("."))


def _name(item: Any) -> str:
    return str(item.get("since") or item.get("id") or item.get("name") or "") if isinstance(item, Mapping) else ""


def markdown() -> str:
    """Write the list as a Markdown table."""
    lines = ["| file | what | why |", "|---|---|---|"]
    lines += [f"| `{item.file}` | `{item.key}` | {' '.join(item.why.split())} |" for item in assumptions()]
    return "\n".join(lines)
