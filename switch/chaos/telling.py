"""Writes what came of chaos runs as text: one run, and a table of many. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

_PROMISES = ("lost", "double", "beyond", "false_refusals", "unanswered")


def tell(document: Mapping[str, Any]) -> str:
    """Tell one run."""
    bad = ", ".join(_second(each) for each in document["bad_seconds"]) or "none"
    lines = [
        f"seed {document['seed']}: {'holds' if document['holds'] else 'DOES NOT HOLD'}",
        f"  calls {document['calls']}: {_counts(document['answers'])}",
        f"  no answer at first: {_counts(document['failures']) or 'none'}",
        f"  seconds below 99 % or p99 above 1 s ({len(document['bad_seconds'])}): {bad}",
        f"  proxy: {_counts(document['proxy'])}; payments: {_counts(document['payments'])}; unfinished {document['unfinished']}",
        "  " + ", ".join(f"{name.replace('_', ' ')} {document[name]}" for name in _PROMISES)
        + f", audit {len(document['audit']['violations'])} violations of {document['audit']['payments']} payments",
    ]  # fmt: skip
    lines += [f"  {_act(act)}" for act in document["acts"]]
    lines += [f"  {name}: {text}" for name, texts in document["found"].items() for text in texts]
    lines += [f"  audit {each['check']}: {each['detail']}" for each in document["audit"]["violations"]]
    if "data" in document:
        lines.append(f"  kept in {document['data']}")
    return "\n".join(lines)


def table(documents: Sequence[Mapping[str, Any]]) -> str:
    """Tell many runs, one a line."""
    head = "seed  calls  faults  bad s  recover s  lost  double  beyond  false  unanswered  audit  holds"
    rows = [
        f"{each['seed']:4}  {each['calls']:5}  {len(each['acts']):6}  {len(each['bad_seconds']):5}  {_slowest(each):>9}  {each['lost']:4}  "
        f"{each['double']:6}  {each['beyond']:6}  {each['false_refusals']:5}  {each['unanswered']:10}  "
        f"{len(each['audit']['violations']):5}  {'yes' if each['holds'] else 'NO'}"
        for each in documents
    ]  # fmt: skip
    return "\n".join([head, *rows])


def summary(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Write many runs as one document."""
    sums = {name: sum(each[name] for each in documents) for name in _PROMISES}
    violations = sum(len(each["audit"]["violations"]) for each in documents)
    return {
        "runs": list(documents),
        "seeds": [each["seed"] for each in documents],
        "bad_seconds": sum(len(each["bad_seconds"]) for each in documents),
        **sums,
        "audit_violations": violations,
        "holds": all(each["holds"] for each in documents),
    }


def _act(act: Mapping[str, Any]) -> str:
    drawn = " ".join(f"{name} {value}" for name, value in act["drawn"].items())
    back = act["recovered_ms"]
    unwell = "NEVER WELL AGAIN" if act["recovery_known"] else "the run ended before it could be known"
    until = unwell if back is None else f"well after {back / 1000:.1f} s"
    error = f"  ({act['error']})" if act["error"] else ""
    return f"{act['began_ms'] / 1000:6.1f}-{act['ended_ms'] / 1000:.1f} s  {act['kind']} {drawn}: {until}{error}"


def _slowest(document: Mapping[str, Any]) -> str:
    if document["never_well"]:
        return "never"
    found = [act["recovered_ms"] for act in document["acts"] if act["recovered_ms"] is not None]
    return f"{max(found, default=0) / 1000:.1f}"


def _second(each: Mapping[str, Any]) -> str:
    return f"{each['second']} ({each['good']}/{each['calls']}, {each['p99_ms']} ms)"


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in found.items())
