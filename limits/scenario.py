"""Scenarios: an overlay on the documents of a rulebook, as new documents. The baseline is never touched.

An overlay maps rule ids to `{"value": ..., "since": day}` (the value holds from that day on, earlier days keep the law;
without `since` it holds for the rule's whole history) and `lanes` to `{lane id: {"active": bool}}`.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from limits.documents import Document, Node, RulebookError


def overlaid(documents: Mapping[str, Document], overlay: Mapping[str, Any], name: str) -> dict[str, Document]:
    """Return new documents with the overlay applied; raises RulebookError naming the scenario for what is not there."""
    changed = dict(documents)
    file = f"scenario {name}"
    for key, wanted in overlay.items():
        if key == "lanes":
            for lane, switched in _mapping(file, "lanes", wanted, "{hk-macau.instant: {active: true}}").items():
                _switch(changed, file, str(lane), switched)
        else:
            path = f"{key}.yaml"
            if path not in changed or "kind" not in changed[path]:
                rules = (path.removesuffix(".yaml") for path, document in changed.items() if "kind" in document)
                raise RulebookError(file, str(key), f"is no rule of the baseline{_meant(str(key), rules)}")
            given = Node(file, str(key), _mapping(file, str(key), wanted, '{value: "20000"}'), ("value",), ("since",))
            changed[path] = {**changed[path], "values": _values(changed[path]["values"], given, name)}
    return changed


def _mapping(file: str, key: str, wanted: object, example: str) -> Mapping[Any, Any]:
    if not isinstance(wanted, Mapping):
        raise RulebookError(file, key, f"must be a mapping, not {wanted!r}; write {example}")
    return wanted


def _meant(key: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = get_close_matches(key, names, 1)
    return f"; {close[0]} was meant?" if close else f"; there are {', '.join(names)}"


def _switch(changed: dict[str, Document], file: str, lane: str, wanted: object) -> None:
    path = f"lanes/{lane}.yaml"
    if path not in changed:
        lanes = (each[len("lanes/") : -len(".yaml")] for each in changed if each.startswith("lanes/"))
        raise RulebookError(file, f"lanes.{lane}", f"is no lane of the baseline{_meant(lane, lanes)}")
    given = Node(file, f"lanes.{lane}", _mapping(file, f"lanes.{lane}", wanted, "{active: true}"), ("active",))
    changed[path] = {**changed[path], "active": given.flag("active")}


def _values(rows: list[Mapping[str, Any]], given: Node, name: str) -> list[Mapping[str, Any]]:
    """Keep the rows before the scenario's first day and put its value after them."""
    source = {"assumed": True, "reason": f"scenario {name}"}
    since = given.day("since")
    new = {"since": since or rows[0]["since"], "value": given.data["value"], **source}
    if since is None:
        return [new]
    kept = [dict(row) for row in rows if row["since"] < since]
    if kept:
        until = kept[-1].get("until")
        day_before = since - timedelta(days=1)
        if until is not None and until < day_before:
            kept.append({"since": until + timedelta(days=1), "value": None, "until": day_before, **source})
        else:
            kept[-1]["until"] = day_before
    return [*kept, new]
