"""Drills: short stories of what goes wrong or runs out, each with what is to come of it, played against a running sandbox.

A drill is a file here: the kind of day it wants, steps as in the demo's stories, expectations. It is played over the public
API by the client's player, with its clock stopped and moved; the day is always later than the sandbox's, so that the limits of a
day are whole, and each run has ids of its own. What a drill broke it mends, and the clock runs on as it did.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from bayswitch.player import Line, Player, Said, instant, key_of
from limits.calendars import LAW_ZONE, is_business_day, law_day
from switch.drills.expectations import NONE, Unmet, compare, history, of_payment, of_problem
from switch.drills.reckoning import at_once
from switch.drills.story import StoryError, Writer, read_cast
from switch.payment.instruction import Instruction
from switch.translate.messages import instruction_to_pacs008

Document = dict[str, Any]
SEARCH_DAYS = 800  # for a day of the kind wanted: two years have one of every kind
_DAY = timedelta(days=1)
_KEYS = frozenset({"title", "tell", "day", "steps"})
_DAY_KEYS = frozenset({"business", "days_off_follow", "weekday"})


class NoSuchDay(LookupError):
    """The calendars know no day of the kind a drill wants, from where the sandbox's clock is."""


class Drill(NamedTuple):
    """One drill as it was written."""

    name: str
    title: str
    tell: str
    day: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]]


class Outcome(NamedTuple):
    """What a run of a drill came to."""

    drill: Drill
    day: date
    said: list[Said]
    unmet: list[Unmet]
    expected: int  # steps of which something is expected
    clock: tuple[str, str]  # where it stood before and stands now

    def document(self) -> Document:
        """Write it down: `met` is whether all came as expected."""
        missed = {miss.step for miss in self.unmet}
        return {
            "drill": self.drill.name,
            "title": self.drill.title,
            "day": self.day.isoformat(),
            "met": not self.unmet,
            "expected": self.expected,
            "steps": [
                {
                    "step": name_of(said.line),
                    "at": said.line["at"],
                    "tell": said.line.get("tell"),
                    "payment_id": said.payment_id,
                    "expect": said.line.get("expect"),
                    "met": name_of(said.line) not in missed if "expect" in said.line else None,
                }
                for said in self.said
            ],
            "unmet": [miss._asdict() for miss in self.unmet],
            "clock": {"from": self.clock[0], "to": self.clock[1]},
        }


def names() -> list[str]:
    """List the packaged drills."""
    found = files(__package__).iterdir()
    return sorted(each.name.removesuffix(".yaml") for each in found if each.name.endswith(".yaml"))


def read_drill(name: str, text: str | None = None) -> Drill:
    """Read a packaged drill, or one from its text; raises StoryError, KeyError where there is none of that name."""
    if text is None:
        if name not in names():
            raise KeyError(name)
        text = files(__package__).joinpath(f"{name}.yaml").read_text("utf-8")
    found = yaml.load(text, yaml.CSafeLoader)
    if set(found) != _KEYS or set(found["day"]) - _DAY_KEYS:
        raise StoryError(f"a drill has {', '.join(sorted(_KEYS))}, its day {', '.join(sorted(_DAY_KEYS))}")
    return Drill(name, found["title"], found["tell"], found["day"], found["steps"])


def day_of(drill: Drill, after: date) -> date:
    """Return the first day after `after` of the kind a drill wants; raises NoSuchDay."""
    for ahead in range(1, SEARCH_DAYS):
        day = after + ahead * _DAY
        if _fits(drill.day, day):
            return day
    raise NoSuchDay(f"no day like {dict(drill.day)} is known in the {SEARCH_DAYS} days after {after}")


def _fits(wanted: Mapping[str, Any], day: date) -> bool:
    if not all(is_business_day(calendar, day) for calendar in wanted.get("business", ())):
        return False
    if "weekday" in wanted and day.strftime("%A").lower() != wanted["weekday"]:
        return False
    run = wanted.get("days_off_follow")  # a holiday begins tomorrow, so long at least, in one of these months
    if run is None:
        return True
    off = all(not is_business_day(run["calendar"], day + n * _DAY) for n in range(1, run["at_least"] + 1))
    return off and (day + _DAY).month in run["months"]


def lines_of(drill: Drill, day: date) -> list[Line]:
    """Write a drill out for its day, ordered by instant; raises StoryError."""
    steps = json.loads(json.dumps(drill.steps).replace("{day}", f"{day:%Y%m%d}"))
    writer = Writer(read_cast(), day, f"-{day:%y%m%d}")
    lines = list(writer.lines({"title": drill.title, "steps": steps}))
    for line in lines:
        if "opens_at" in line.get("expect", {}):
            line["expect"]["opens_at"] = writer.instant_of(line["expect"]["opens_at"]).isoformat()
    return sorted(lines, key=lambda line: str(line["at"]))


def make_player(url: str, key: str, app: Callable[..., Any] | None = None) -> Player:
    """Make the player of drills: over HTTP at `url`, or within this process where an ASGI `app` is given."""
    return Player(url, key, _message_of, app)


def _message_of(line: Line) -> bytes:
    instruction = Instruction.model_validate(line["instruction"])
    return instruction_to_pacs008(instruction, message_id=key_of(line), created_at=instant(line))


async def run(drill: Drill, player: Player) -> Outcome:
    """Play a drill and compare what came of it; raises NoSuchDay, and the player's errors."""
    before = await player.client().clock()
    day = day_of(drill, law_day(datetime.fromisoformat(before["now"])))
    lines = lines_of(drill, day)
    await player.stop_clock()
    said: list[Said] = []
    unmet: list[Unmet] = []
    try:
        async for [each] in player.play(lines):
            said.append(each)
            if "action" in each.line:
                unmet += await _of_action(player, each)
        for each in said:
            if "action" not in each.line and "expect" in each.line:
                unmet += await _of_payment(player, each)
    finally:
        await _mended(player, lines)
        await player.client().resume_clock(before["rate"])
    after = await player.client().clock()
    expected = sum("expect" in line for line in lines)
    return Outcome(drill, day, said, unmet, expected, (before["now"], after["now"]))


async def _of_action(player: Player, said: Said) -> list[Unmet]:
    expected, name = said.line.get("expect"), name_of(said.line)
    if said.line["action"] == "headroom":
        return [miss._replace(step=name) for miss in at_once(said)]
    if said.problem is not None:
        observed = of_problem(said.problem)
        return compare(name, expected or {"refused": NONE}, observed | {"refused": observed["reason"]})
    if not expected or said.document is None:
        return []
    observed = of_payment(dict(said.document)) if "iso_status" in said.document else {}
    if "history" in expected or "records" in expected:
        observed |= await _events(player, said.document["payment_id"])
    return compare(name, expected, observed)


async def _of_payment(player: Player, said: Said) -> list[Unmet]:
    """Compare what became of a payment by the end of its drill."""
    payment = await _payment(player, said)
    if said.problem is not None:
        observed = of_problem(said.problem)
    elif payment is None:
        observed = {"status": (said.message or {}).get("status", NONE), "code": (said.message or {}).get("code", NONE)}
    else:
        observed = of_payment(payment) | await _events(player, payment["payment_id"])
        returned = payment.get("returned_amount")
        observed["returned"] = f"{returned['amount']} {returned['currency']}" if returned else NONE
    return compare(said.line["step"], said.line["expect"], observed)


async def _payment(player: Player, said: Said) -> Document | None:
    if said.payment_id:
        return await player.client().payment(said.payment_id)
    if said.message is None:
        return None
    found = await player.client().payments(uetr=said.line["instruction"]["uetr"])
    return found["payments"][0] if found["payments"] else None


async def _events(player: Player, payment_id: str) -> Document:
    """Observe the payment's statuses in order, and those of the records beside it."""
    events = (await player.client().payment_events(payment_id))["events"]
    beside = [event for event in events if event["record"] != "payment"]
    own = [event for event in events if event["record"] == "payment"]
    exceptions = [event["kind"] for event in beside if event["record"] == "exception"]
    return {
        "history": history(own),
        "records": [f"{event['record']} {event['state'] or event['kind']}" for event in beside],
        "exception": exceptions[0] if exceptions else NONE,
    }


async def _mended(player: Player, lines: Sequence[Line]) -> None:
    """Take back what a drill has broken: faults, and states of persons."""
    for rail in dict.fromkeys(line["rail"] for line in lines if line.get("action") == "faults"):
        await player.client().set_faults(rail)
    for line in lines:
        if line.get("action") == "person-state":
            await player.client().put_person_state(line["document"], line["state"], lift=True)


def name_of(line: Line) -> str:
    """Return what a line is called: its step, or its action and whose."""
    about = line.get("of") or line.get("rail") or line.get("name") or ""
    return str(
        line.get("step")
        or f"{line['action']} {about}".strip()
        + f" at {datetime.fromisoformat(line['at']).astimezone(LAW_ZONE):%H:%M:%S}"
    )
