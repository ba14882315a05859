"""Scenarios: an overlay on the documents of a rulebook, as new documents. The baseline is never touched.

An overlay maps rule ids to `{"value": ..., "since": day}` (the value holds from that day on, earlier days keep the law;
without `since` it holds for the rule's whole history) and `lanes` to `{lane id: {"active": bool}}`.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from limits.documents import Document, Node, RulebookError


def overlaid(documents: Mapping[str, Document], overlay: Mapping[str, Any], name: str) -> dict[str, Document]:
    """Return new documents with the overlay applied; raises RulebookError naming the scenario for what is not there."""
    changed = dict(documents)
    file = f"scenario {name}"
    for key, wanted in overlay.items():
        if key == "lanes":
            lanes = Node(file, "lanes", wanted, (), tuple(wanted) if isinstance(wanted, Mapping) else ())
            for lane in lanes.data:
                _switch(changed, file, name, str(lane), lanes.data[lane])
        else:
            path = f"{key}.yaml"
            if path not in changed or "kind" not in changed[path]:
                raise RulebookError(file, str(key), "is no rule of the baseline")
            given = Node(file, str(key), wanted, ("value",), ("since",))
            changed[path] = {**changed[path], "values": _values(changed[path]["values"], given, name)}
    return changed


def _switch(changed: dict[str, Document], file: str, name: str, lane: str, wanted: object) -> None:
    path = f"lanes/{lane}.yaml"
    if path not in changed:
        raise RulebookError(file, f"lanes.{lane}", "is no lane of the baseline")
    given = Node(file, f"lanes.{lane}", wanted, ("active",))
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
