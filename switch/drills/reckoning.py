"""What every hand-written step of the demo day was expected to become, against what it became by the switch's own word."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bayswitch.player import QUOTE_MARK, Player, Said
from switch.drills.expectations import NONE, Unmet, compare, history, left, money, of_payment, of_problem

Document = dict[str, Any]


def is_expected_payment(said: Said) -> bool:
    """Whether a line is a payment of which something is expected."""
    return "expect" in said.line and "action" not in said.line


def at_once(said: Said, payment: Document | None = None) -> list[Unmet]:
    """Compare what can be compared at the line's own instant; `payment` as it then stands, where there is one."""
    expected, action = said.line.get("expect"), said.line.get("action")
    if not expected:
        return []
    if action == "headroom":
        return compare("headroom", expected, left(said.document or {}, expected["lane"]))
    if action == "look":
        return compare(said.line["of"], expected, of_payment(said.document or {}))
    name = said.line["step"]
    if said.problem is not None:
        return compare(name, expected, of_problem(said.problem))
    observed = of_payment(payment) if payment is not None else {}
    if said.message is not None and said.message.get("status") == "RJCT":
        return compare(name, expected, observed | {"status": "RJCT", "code": said.message.get("code", NONE)})
    if _at_the_door(expected):
        return compare(name, expected, observed)
    now = {what: wanted for what, wanted in expected.items() if what not in _BY_AND_BY and not _of_a_quote(wanted)}
    return compare(name, now, observed)


def at_its_end(said: Said, payment: Document, went: Sequence[str]) -> list[Unmet]:
    """Compare what became of an accepted payment once it has come to its end; `went` are its statuses."""
    expected = said.line.get("expect", {})
    ended = {what: expected[what] for what in ("status", "code", "reason", "history") if what in expected}
    return compare(said.line["step"], ended, of_payment(payment) | {"history": list(went)})


# What becomes of an accepted payment, or is known only then.
_BY_AND_BY = frozenset({"status", "code", "reason", "history", "exception", "replay_of"})


def _of_a_quote(wanted: object) -> bool:
    return isinstance(wanted, str) and wanted.startswith(QUOTE_MARK)


def _at_the_door(expected: Document) -> bool:
    """Whether a refusal is expected at once: not one that a rail or an operator gives later."""
    return expected.get("status") == "RJCT" and "history" not in expected and expected.get("reason") != "rail-rejected"


async def reckon(player: Player, steps: Sequence[Said], payments: Sequence[Document]) -> list[Unmet]:
    """Compare every step with what it became by the end of the day; `payments` are all the sandbox has."""
    by_id = {payment["payment_id"]: payment for payment in payments}
    by_uetr = {payment["uetr"]: payment for payment in payments}
    exceptions = await _exceptions(player, steps)
    ids: dict[str, str] = {}  # step -> payment
    unmet: list[Unmet] = []
    for said in steps:
        name = said.line.get("step")
        payment = by_id.get(said.payment_id or "")
        if said.problem is not None or name is None:
            unmet += at_once(said)
            if payment is not None and said.problem is not None and payment["iso_status"] != "RJCT":
                unmet.append(Unmet(str(name), "status in the books", "RJCT", payment["iso_status"]))
            continue
        if said.message is not None:
            payment = by_uetr.get(said.line["instruction"]["uetr"])
        observed = of_payment(payment) if payment is not None else {}
        ids.setdefault(name, observed.get("payment_id", ""))
        if said.message is not None and said.message.get("status") == "RJCT":
            observed |= {"status": "RJCT", "code": said.message.get("code", NONE)}
        expected: Document = said.line.get("expect", {})
        observed |= await _asked_for(player, expected, payment, ids, exceptions)
        unmet += compare(name, _with_quote(player, expected), observed)
    return unmet


async def _asked_for(
    player: Player, expected: Document, payment: Document | None, ids: Mapping[str, str], exceptions: Mapping[str, str]
) -> Document:
    """Observe what is not in a payment's document, where it is expected."""
    observed: Document = {}
    if payment is not None and "history" in expected:
        observed["history"] = history((await player.client().payment_events(payment["payment_id"]))["events"])
    if "replay_of" in expected and payment is not None and ids.get(expected["replay_of"]) == payment["payment_id"]:
        observed["replay_of"] = expected["replay_of"]
    if "exception" in expected:
        observed["exception"] = exceptions[expected["exception"]]
    return observed


def _with_quote(player: Player, expected: Document) -> Document:
    """Put in place of "quote:NAME" what that quote buys."""
    settlement = expected.get("settlement", "")
    if not _of_a_quote(settlement):
        return expected
    return expected | {"settlement": money(player.quotes[settlement.removeprefix(QUOTE_MARK)]["buy_amount"])}


async def _exceptions(player: Player, steps: Sequence[Said]) -> dict[str, str]:
    """Return each kind of exception record that steps expect under its own name, where there are exactly so many."""
    wanted = Counter(said.line["expect"]["exception"] for said in steps if "exception" in said.line.get("expect", {}))
    metrics = (await player.client().metrics()).splitlines()
    found: dict[str, str] = {}
    for kind, count in wanted.items():
        rows = [row for row in metrics if row.startswith("bayswitch_exceptions_total{") and f'kind="{kind}"' in row]
        there = int(sum(float(row.rpartition(" ")[2]) for row in rows))  # each worker has a row of its own
        found[kind] = kind if there == count else f"{there} records of {count}"
    return found
