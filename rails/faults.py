"""What an operator may break on a rail at run time, as one plain value; whom it hits follows from the UETR.

An instruction meets the faults in force when it is sent. Shares are of 10,000; every hit is drawn from seed, rail, UETR
and leg, for each rule and each of its faults apart, so that a run repeats and one fault's hits do not follow another's.
Not here: what a rail then does with its book (rails.simulated), and what one creditor account does alone (rails.magic).
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from rails.delays import STEPS, delay_at
from rails.wire import WireError, instant

IN_ALL = 10_000  # shares below are of this many instructions

TO_RAIL, FROM_RAIL, BOTH = "to-rail", "from-rail", "both"
DIRECTIONS = (BOTH, TO_RAIL, FROM_RAIL)

LATE_SECONDS = 30  # past the deadline, where a rule does not say
REORDERED_BY = timedelta(seconds=10)  # an instruction or report that is overtaken comes up to so much later
AGENT_OFFLINE = "AB08"  # the creditor agent is not there (facts messages 3.2)
NO_REASON = "MS03"

RULES_MAX = 50  # of a rail: each is looked at for every instruction while any is in force
DAY_MS = 86_400_000
_SHARE = (0, IN_ALL)
# What a fault may be, least and most; the API's bounds are the same (switch.api.rail_models).
BOUNDS: Mapping[str, tuple[int, int]] = {
    "delay_percent": (0, 1_000_000), "lost_reports": _SHARE, "repeated_reports": _SHARE,
    "slow_start_seconds": (0, 86_400), "slow_start_percent": (100, 1_000_000), "lost": _SHARE, "duplicated": _SHARE,
    "reordered": _SHARE, "late": _SHARE, "late_seconds": (1, 86_400), "rejected": _SHARE, "wrong_amount": _SHARE,
    "wrong_by_minor": (-1_000_000_000, 1_000_000_000), "clock_skew_ms": (-DAY_MS, DAY_MS),
}  # fmt: skip
_PATTERNS = {
    "participant": r"([A-Z0-9]{8})?", "direction": "|".join(DIRECTIONS), "reason_code": r"[A-Z0-9]{1,4}",
}  # fmt: skip


class FaultsError(ValueError):
    """Faults that are none: `field` is at fault, "" for the whole."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}" if field else text)
        self.field, self.text = field, text


class FaultRule(NamedTuple):
    """What is wrong on one way, for one participant's payments or for all of a rail's."""

    participant: str = ""  # the creditor agent's BIC8, "" = all
    direction: str = BOTH  # to-rail: instructions on their way there; from-rail: reports on their way back
    delay_percent: int = 100  # of the rail's own delays
    latency_ms: tuple[int, ...] = ()  # p0, p50, p90, p99, p100 in place of the rail's own delays; () = its own
    slow_start_seconds: int = (
        0  # from `since`: delays are `slow_start_percent` of what they are, sinking to them evenly
    )
    slow_start_percent: int = 1_000
    lost: int = 0  # to-rail: never arrives; from-rail: no report comes, an inquiry still tells
    duplicated: int = (
        0  # to-rail: arrives twice, which the rail knows by its UETR; from-rail: the last report comes twice
    )
    reordered: int = 0  # is overtaken: by others on the way there, its credit by its settlement on the way back
    late: int = 0  # the creditor agent answers `late_seconds` past the deadline
    late_seconds: int = LATE_SECONDS
    rejected: int = 0  # the creditor agent rejects with `reason_code`
    reason_code: str = NO_REASON
    wrong_amount: int = 0  # the report names an amount that is `wrong_by_minor` off
    wrong_by_minor: int = 1
    outage: bool = False  # of the whole rail: nothing passes; of one participant: it is offline
    clock_skew_ms: int = 0  # the rail's stamps are so much ahead of business time, below zero: behind
    since: datetime | None = None  # business time at which it was set


class Faults(NamedTuple):
    """What is wrong with a rail now: for all its instructions, and by rules."""

    delay_percent: int = 100  # of the rail's own delays
    lost_reports: int = 0  # instructions of 10,000 whose reports never arrive; an inquiry still tells
    repeated_reports: int = 0  # instructions of 10,000 whose last report comes twice
    outage: bool = False  # send and inquire fail, reports wait
    rules: tuple[FaultRule, ...] = ()

    @property
    def takes_nothing(self) -> bool:
        """Whether nothing gets to the rail: send and inquire fail."""
        return self.outage or any(_whole(rule) and rule.direction != FROM_RAIL for rule in self.rules)

    @property
    def says_nothing(self) -> bool:
        """Whether nothing comes back from it: reports wait, inquire fails."""
        return self.outage or any(_whole(rule) and rule.direction != TO_RAIL for rule in self.rules)


class Effect(NamedTuple):
    """What the rules in force do to one instruction."""

    received: bool = True
    arrives_twice: bool = False
    heard: bool = True  # False: the creditor agent acts, but its answer never gets through
    reason_code: str = ""
    answer: timedelta | None = None  # until the creditor agent answers, in place of the rail's own
    percent: int = 100  # of the delays
    travels: timedelta = timedelta(0)  # on the way there, before it is received
    past_deadline: timedelta | None = None
    lost_report: bool = False
    repeated_report: bool = False
    overtaken_by: timedelta = timedelta(0)  # its first report comes so much after the last one should have
    reported_after: timedelta = timedelta(0)  # on the way back
    wrong_by_minor: int = 0
    skew: timedelta = timedelta(0)


NO_FAULTS = Faults()
NO_EFFECT = Effect()

# (which fault of which rule, how many outcomes) -> one of them
Draw = Callable[[str, int], int]


def _whole(rule: FaultRule) -> bool:
    return rule.outage and not rule.participant


def effect_of(rules: tuple[FaultRule, ...], creditor_agent: str, sent_at: datetime, draw: Draw) -> Effect:
    """Say what the rules do to an instruction for `creditor_agent` (BIC8) sent at business time `sent_at`; later rules stand before earlier."""
    found = NO_EFFECT
    for n, rule in enumerate(rules):
        if rule.participant and rule.participant != creditor_agent[:8]:
            continue

        def hit(share: int, name: str, n: int = n) -> bool:
            return share > 0 and draw(f"{n}|{name}", IN_ALL) < share

        found = _delayed(found, rule, sent_at, draw, n)
        if rule.direction != FROM_RAIL:
            found = _there(found, rule, hit, draw, n)
        if rule.direction != TO_RAIL:
            found = _back(found, rule, hit, draw, n)
        if hit(rule.rejected, "rejected"):
            found = found._replace(reason_code=rule.reason_code)
        if hit(rule.late, "late"):
            found = found._replace(past_deadline=timedelta(seconds=rule.late_seconds))
        if rule.clock_skew_ms:
            found = found._replace(skew=timedelta(milliseconds=rule.clock_skew_ms))
    return found


def _delayed(found: Effect, rule: FaultRule, sent_at: datetime, draw: Draw, n: int) -> Effect:
    """Delays: of the creditor agent's answer where both ways are meant, else of the one way."""
    percent = rule.delay_percent * _slow_start(rule, sent_at) // 100
    takes = delay_at(rule.latency_ms, draw(f"{n}|latency", STEPS)) if rule.latency_ms else None
    if rule.direction == BOTH:
        return found._replace(
            answer=takes if takes is not None else found.answer, percent=found.percent * percent // 100
        )
    if takes is None:
        return found
    takes = takes * percent // 100
    if rule.direction == TO_RAIL:
        return found._replace(travels=found.travels + takes)
    return found._replace(reported_after=found.reported_after + takes)


def _slow_start(rule: FaultRule, sent_at: datetime) -> int:
    """Return the percentage of its delays at `sent_at`: `slow_start_percent` at first, 100 once the start is over."""
    if not rule.slow_start_seconds or rule.since is None:
        return 100
    whole = timedelta(seconds=rule.slow_start_seconds)
    left = whole - min(max(sent_at - rule.since, timedelta(0)), whole)
    return 100 + (rule.slow_start_percent - 100) * (left // timedelta(milliseconds=1)) // (
        whole // timedelta(milliseconds=1)
    )


def _there(found: Effect, rule: FaultRule, hit: Callable[[int, str], bool], draw: Draw, n: int) -> Effect:
    if rule.outage and rule.participant:
        found = found._replace(reason_code=AGENT_OFFLINE)
    if rule.direction == TO_RAIL and hit(rule.lost, "lost"):
        found = found._replace(received=False)
    if rule.direction == TO_RAIL and hit(rule.duplicated, "arrives twice"):
        found = found._replace(arrives_twice=True)
    if rule.direction == TO_RAIL and hit(rule.reordered, "reordered"):
        found = found._replace(travels=found.travels + _overtaken(draw, f"{n}|by"))
    return found


def _back(found: Effect, rule: FaultRule, hit: Callable[[int, str], bool], draw: Draw, n: int) -> Effect:
    if rule.outage and rule.participant:
        found = found._replace(heard=False)
    if hit(rule.lost, "lost back"):
        found = found._replace(lost_report=True)
    if hit(rule.duplicated, "duplicated"):
        found = found._replace(repeated_report=True)
    if hit(rule.reordered, "reordered back"):
        found = found._replace(overtaken_by=_overtaken(draw, f"{n}|by back"))
    if hit(rule.wrong_amount, "wrong amount"):
        found = found._replace(wrong_by_minor=rule.wrong_by_minor)
    return found


def _overtaken(draw: Draw, name: str) -> timedelta:
    return timedelta(milliseconds=1 + draw(name, REORDERED_BY // timedelta(milliseconds=1)))


def write_faults(faults: Faults) -> str:
    """Write faults as one text, to be kept."""
    rules = [rule._asdict() | {"since": rule.since and rule.since.isoformat()} for rule in faults.rules]
    return json.dumps(faults._asdict() | {"rules": rules})


def read_faults(text: str) -> Faults:
    """Read what `write_faults` wrote; what is left out is as it should be. Raises FaultsError."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise FaultsError("", "this is no JSON") from None
    given = _checked(found, Faults._fields, "")
    rules = given.get("rules", [])
    if not isinstance(rules, list) or len(rules) > RULES_MAX:
        raise FaultsError("rules", f"is a list of at most {RULES_MAX}")
    return Faults(**given | {"rules": tuple(_rule(rule, f"rules.{n}.") for n, rule in enumerate(rules))})


def _rule(found: object, place: str) -> FaultRule:
    kept = _checked(found, FaultRule._fields, place)
    levels = kept.get("latency_ms", [])
    if not isinstance(levels, list) or not (levels == sorted(map(_milliseconds, levels)) and len(levels) in (0, 5)):
        raise FaultsError(f"{place}latency_ms", f"is empty, or five ascending numbers from 0 to {DAY_MS}")
    since = kept.get("since")
    try:
        kept["since"] = None if since is None else instant(str(since), "it")
    except WireError:
        raise FaultsError(f"{place}since", "is null, or an instant such as 2026-03-05T12:00:00+08:00") from None
    return FaultRule(**kept | {"latency_ms": tuple(levels)})


def _milliseconds(level: object) -> int:
    return level if type(level) is int and 0 <= level <= DAY_MS else -1


def _checked(found: object, names: tuple[str, ...], place: str) -> dict[str, Any]:
    """Return an object whose fields are of their types and within their bounds, lists and instants aside."""
    if not isinstance(found, dict):
        raise FaultsError(place.rstrip("."), 'is an object: {"name": value, ...}')
    for name, value in found.items():
        if name not in names:
            raise FaultsError(place.rstrip("."), f"takes {', '.join(names)}")
        if name in BOUNDS:
            least, most = BOUNDS[name]
            if type(value) is not int or not least <= value <= most:
                raise FaultsError(f"{place}{name}", f"is a whole number from {least} to {most}")
        elif name == "outage" and type(value) is not bool:
            raise FaultsError(f"{place}{name}", "is true or false")
        elif name in _PATTERNS and not (isinstance(value, str) and re.fullmatch(_PATTERNS[name], value)):
            raise FaultsError(f"{place}{name}", f"is a text that matches {_PATTERNS[name]}")
    return dict(found)
