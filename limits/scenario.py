"""Scenarios: an overlay on the documents of a rulebook, as new documents. The baseline is never touched.

An overlay maps rule ids to what changes (`value`, `scope`, `effect`, `window`, from `since` on; `until` ends a rule;
`enforced_by` and `gives_back` hold throughout), `rules` to whole new rules, `lanes` to `{active, rules}`. Days before
`since` keep the law. One that says `state: draft` and lacks approvals changes nothing: what it would change is counted
beside the law, as rules that never refuse. Whether what comes of it can be gone by is limits.trial.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Any

from limits.documents import Document, Node, RulebookError, shown
from limits.reading import check_id, read_rule

_DATED = ("value", "scope", "effect", "window")  # from a day on
_WHOLE = ("enforced_by", "gives_back")  # for the rule's whole history
_HEAD = ("state", "approvals", "approved_by")
ADVISED = ".draft"  # ends the id of a rule that counts what a draft would change
ONE_DAY = timedelta(days=1)
_NAME_LETTERS_MAX = 100


def name_of(overlay: Mapping[str, Any], n: int) -> str:
    """Return the name an overlay gives itself, else its number; raises RulebookError for what is no name."""
    name = overlay.get("name", str(n))
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _NAME_LETTERS_MAX:
        what = f"{shown(name)} is no name; write a text of {_NAME_LETTERS_MAX} letters at most, on one line"
        raise RulebookError(f"scenario {n}", "name", what)
    return name


def touches(overlay: Mapping[str, Any], file: str) -> bool:
    """Whether an overlay says anything of what stands in a document: changes or adds its rule, or switches its lane."""
    key = file.removesuffix(".yaml")
    if key.startswith("lanes/"):
        return _holds(overlay.get("lanes"), key.removeprefix("lanes/"))
    key = key.removesuffix(ADVISED)
    return key in overlay or _holds(overlay.get("rules"), key)


def _holds(given: object, key: str) -> bool:
    return isinstance(given, Mapping) and key in given


def overlaid(documents: Mapping[str, Document], overlay: Mapping[str, Any], name: str) -> dict[str, Document]:
    """Return new documents with the overlay applied; raises RulebookError naming the scenario for what is not there."""
    file = f"scenario {name}"
    head = Node(file, "", {key: overlay[key] for key in _HEAD if key in overlay}, (), _HEAD)
    draft = head.one_of("state", {"", "active", "draft", "advisory"})
    missing = sorted(set(head.texts("approvals")) - set(head.texts("approved_by")))
    advised = draft == "advisory" or (draft == "draft" and bool(missing))
    changed = dict(documents)
    for key, wanted in overlay.items():
        if key in _HEAD:
            continue
        if key == "lanes":
            for lane, switched in _mapping(file, "lanes", wanted, "{hk-macau.instant: {active: true}}").items():
                if not advised:  # a lane cannot be half open: one of a draft stays as it is
                    _switch(changed, file, str(lane), switched)
        elif key == "rules":
            for rule, document in _mapping(file, "rules", wanted, "{my.rule: {kind: limit, ...}}").items():
                _add(changed, file, str(rule), document, advised)
        else:
            path = f"{key}.yaml"
            if path not in documents or "kind" not in documents[path]:
                rules = (path.removesuffix(".yaml") for path, document in documents.items() if "kind" in document)
                raise RulebookError(file, str(key), f"is no rule of the baseline{_meant(str(key), rules)}")
            rule_changed = _changed(documents[path], file, str(key), wanted, name)
            if advised:
                _advise(changed, str(key), rule_changed, missing)
            else:
                changed[path] = rule_changed
    return changed


def _changed(document: Document, file: str, key: str, wanted: object, name: str) -> Document:
    given = Node(file, key, _mapping(file, key, wanted, '{value: "20000"}'), (), (*_DATED, *_WHOLE, "since", "until"))
    if not given.data.keys() - {"since"}:
        raise given.error("value", f"is missing: say what changes, one of {', '.join((*_DATED, 'until', *_WHOLE))}")
    rows = _values(document["values"], given, name)
    return {**document, "values": rows, **{key: given.data[key] for key in _WHOLE if key in given.data}}


def _add(changed: dict[str, Document], file: str, rule: str, document: object, advised: bool) -> None:
    if f"{rule}.yaml" in changed:
        raise RulebookError(file, f"rules.{rule}", "is a rule of the baseline: change it under its own name")
    check_id(file, f"rules.{rule}", rule)
    if rule.endswith(ADVISED):
        raise RulebookError(file, f"rules.{rule}", f"ends as what a draft would change does; leave {ADVISED} out")
    added = dict(_mapping(file, f"rules.{rule}", document, "{kind: limit, ...}"))
    if advised:
        added["state"] = "advisory"
    added = {"id": rule, **added}
    read_rule(f"{rule}.yaml", added)  # whole before another overlay changes it
    changed[f"{rule}.yaml"] = added


def _advise(changed: dict[str, Document], rule: str, document: Document, missing: Sequence[str]) -> None:
    """Put a rule beside the one a draft would change, in each lane that has it: it counts and never refuses."""
    advised = rule + ADVISED
    changed[f"{advised}.yaml"] = {
        **document, "id": advised, "state": "advisory" if not missing else "draft", "approvals": list(missing),
    }  # fmt: skip
    for path, lane in changed.items():
        if path.startswith("lanes/"):
            changed[path] = {
                **_beside(lane, rule, advised), "corridors": [_beside(way, rule, advised) for way in lane["corridors"]]
            }  # fmt: skip


def _beside(holder: Document, rule: str, advised: str) -> Document:
    uses = [use for use in holder.get("rules", ()) if isinstance(use, Mapping)]
    also = [{**use, "rule": advised, "effect": "report"} for use in uses if use.get("rule") == rule]
    other = [use for use in uses if use.get("rule") != advised]  # a second draft's takes the place of the first's
    return {**holder, "rules": [*other, *also]} if also else holder


def _mapping(file: str, key: str, wanted: object, example: str) -> Mapping[Any, Any]:
    if not isinstance(wanted, Mapping):
        raise RulebookError(file, key, f"must be a mapping, not {shown(wanted)}; write {example}")
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
    wanted = _mapping(file, f"lanes.{lane}", wanted, "{active: true}")
    given = Node(file, f"lanes.{lane}", wanted, (), ("active", "rules"))
    if not given.data:
        raise given.error("active", "is missing: say what changes, active or rules")
    if "active" in given.data:
        changed[path] = {**changed[path], "active": given.flag("active")}
    if "rules" in given.data:
        changed[path] = {**changed[path], "rules": [dict(use) for use in given.mappings("rules")]}


def _values(rows: Sequence[Mapping[str, Any]], given: Node, name: str) -> list[Mapping[str, Any]]:
    """Keep the rows before the scenario's first day and let what it says hold from then on."""
    source = {"assumed": True, "reason": f"scenario {name}"}
    first, until = _since(rows[0]), given.day("until")
    since = given.day("since") or first
    if until is not None and "since" in given.data and until < since:
        raise given.error("until", f"{until} is before since {since}")
    said = {key: given.data[key] for key in _DATED if key in given.data}
    kept = [dict(row) for row in rows if _since(row) < since]
    if "value" in said:
        later: list[Mapping[str, Any]] = [{"since": since, **said, **source}]
    elif said:
        in_force = [row for row in rows if _since(row) <= since][-1:] if kept or first <= since else []
        after = [row for row in rows if _since(row) > since]
        starts = [{**row, "since": max(_since(row), since)} for row in (*in_force, *after)]
        later = [{"value": None, **_plain(row), **said, **source} for row in starts]
    else:
        kept, later = [dict(row) for row in rows], []
    if later and kept:
        _close(kept, since, source)
    whole = [*kept, *later]
    return whole if until is None else _ended(whole, until, given, source)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a row says, without its source: under a scenario the scenario is its source."""
    return {key: row[key] for key in ("since", "until", *_DATED) if key in row}


def _close(kept: list[dict[str, Any]], since: date, source: Mapping[str, Any]) -> None:
    """End the last row kept on the day before `since`, with a row of no limit over a gap."""
    before = since - ONE_DAY
    until = kept[-1].get("until")
    if until is not None and _day(until) < before:
        kept.append({"since": _day(until) + ONE_DAY, "value": None, "until": before, **source})
    else:
        kept[-1]["until"] = before


def _ended(
    rows: Sequence[Mapping[str, Any]], until: date, given: Node, source: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    kept = [dict(row) for row in rows if _since(row) <= until]
    if not kept:
        raise given.error("until", f"{until} is before the rule begins on {_since(rows[0])}")
    kept[-1]["until"] = until
    return [*kept, {"since": until + ONE_DAY, "value": None, **source}]


def _since(row: Mapping[str, Any]) -> date:
    return _day(row["since"])


def _day(given: date | str) -> date:
    """Read a day of a document, which is a text where it came as JSON."""
    return date.fromisoformat(given) if isinstance(given, str) else given
