"""Hand-written steps (the demo's day in stories/, the drills beside this file) written out as lines of traffic.

A story's step says who pays whom in a few words; here it becomes the plain instruction of the API, so that the file of the day has
one form. A step that is no payment is an action: `quote` (ask for a firm quote, which later steps name as "quote:NAME"), `headroom`
(ask what may still be sent), `look` (read a payment at that instant), `decide` (an operator's word on a payment in doubt).
What is expected stands in the YAML, written by hand from the law; nothing here computes it.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from limits.calendars import LAW_ZONE
from limits.lab.traffic import Line

Document = dict[str, Any]
CHAPTERS = ("north", "south", "firms", "home", "rails", "mistakes", "board")  # a step may be like one before it
_STEP_KEYS = frozenset(
    {"step", "at", "from", "to", "amount", "way", "for", "with", "tell", "expect", "via", "key", "like", "participant"}
)
_ACTION_KEYS = _STEP_KEYS | {
    "action", "name", "of", "event", "sell", "buy", "market", "board", "rail", "setting", "status", "code", "person", "state", "asked",
}  # fmt: skip
_COPIED = (
    "key", "via", "participant", "expect", "tell", "chapter", "action", "name", "of", "event", "board", "rail", "setting", "status",
    "code", "state", "asked",
)  # fmt: skip


class StoryError(ValueError):
    """A story's step is wrong; says which and why."""


def read_story(folder: Traversable | None = None) -> tuple[date, list[Line]]:
    """Read the packaged story: its day, and its lines ordered by instant; raises StoryError."""
    found = folder or _stories()
    cast = yaml.load(found.joinpath("cast.yaml").read_text("utf-8"), yaml.CSafeLoader)
    writer = Writer(cast, cast["day"])
    lines = [
        line
        for chapter in CHAPTERS
        for line in writer.lines(yaml.load(found.joinpath(f"{chapter}.yaml").read_text("utf-8"), yaml.CSafeLoader))
    ]
    lines.sort(key=lambda line: str(line["at"]))
    return cast["day"], lines


def _stories() -> Traversable:
    return files("switch.drills").joinpath("stories")


def read_cast() -> Document:
    """Read who plays in the packaged stories."""
    cast: Document = yaml.load(_stories().joinpath("cast.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return cast


class Writer:
    """Writes steps out; remembers the instructions that later steps are like.

    `run` marks ids and keys of what is played more than once in a sandbox: another run, other payments.
    """

    def __init__(self, cast: Mapping[str, Any], day: date, run: str = "") -> None:
        self._day, self._run = day, run
        self._parties: Mapping[str, Document] = cast["parties"]
        self._accounts: Mapping[str, Document] = cast["accounts"]
        self._written: dict[str, Document] = {}

    def lines(self, chapter: Mapping[str, Any]) -> Iterator[Line]:
        """Write a chapter's steps."""
        for step in chapter["steps"]:
            name = step.get("step") or f"{step.get('action')} at {step.get('at')}"
            unknown = set(step) - (_ACTION_KEYS if "action" in step else _STEP_KEYS)
            if unknown:
                raise StoryError(f"{name}: {', '.join(sorted(unknown))} means nothing here")
            try:
                yield self._line(step, name, chapter["title"])
            except (KeyError, ValueError) as error:
                raise StoryError(f"{name}: {error!r}") from error

    def _line(self, step: Mapping[str, Any], name: str, chapter: str) -> Line:
        at = self.instant_of(step["at"])
        line: Line = {"at": at.isoformat()}
        line |= {key: step[key] for key in _COPIED if key in step} | {"chapter": chapter}
        if step.get("action") == "quote":
            line["participant"] = step["participant"]
            line["quote"] = {
                "sell_currency": step["sell"],
                "buy_currency": step["buy"],
                "amount": _money(step["amount"]),
                "market": step["market"],
            }
        elif "person" in step:
            line["document"] = self._parties[step["person"]]["identification"]
        elif "from" in step or "like" in step:
            line["instruction"] = self._instruction(step, name)
        if "step" in step:
            if step["step"] in self._written:
                raise StoryError("is there twice")
            line["key"] = f"{step.get('key', step['step'])}{self._run}"
            line["step"] = step["step"]
            self._written[step["step"]] = line["instruction"]
        return line

    def instant_of(self, text: str) -> datetime:
        """Read "09:00:00" of the story's day, or "+1 09:00:00" of the day after it."""
        days, _, clock = text.rpartition(" ")
        day = self._day + timedelta(days=int(days or 0))
        return datetime.combine(day, datetime.strptime(clock, "%H:%M:%S").time(), LAW_ZONE)

    def _instruction(self, step: Mapping[str, Any], name: str) -> Document:
        if "like" in step:
            instruction: Document = json.loads(json.dumps(self._written[step["like"]]))
            if self._run:  # the demo's own likenesses say what is new about them
                instruction |= self._ids(name)
        else:
            debit, settlement = step["way"].split(">")
            debtor, creditor = self._party(step["from"]), self._party(step["to"])
            instruction = {
                **(self._ids(name) if "step" in step else {"instruction_id": "HEADROOM"}),
                "end_to_end_id": f"E2E-{name}"[:35],
                "instructed_amount": _money(step["amount"]),
                "debtor": debtor["party"] | {"account": debtor["account"] | {"currency": debit}},
                "creditor": creditor["party"] | {"account": creditor["account"] | {"currency": settlement}},
                "debtor_agent": debtor["agent"],
                "creditor_agent": creditor["agent"],
                "settlement_currency": settlement,
                "purpose_code": step["for"],
            }
            self._forget_strangers(instruction, step["from"], step["to"])
        return _merged(instruction, step.get("with", {}))

    def _ids(self, name: str) -> Document:
        return {"instruction_id": f"{name}{self._run}", "uetr": _uetr(f"{name}{self._run}")}

    def _forget_strangers(self, instruction: Document, debtor: str, creditor: str) -> None:
        """People do not know each other's documents; one's own, and a firm's public number, one does."""
        own = debtor.partition(".")[0] == creditor.partition(".")[0]
        given = instruction["creditor"].get("identification")
        if given and given["type"] not in ("BRN", "USCC") and not own:
            del instruction["creditor"]["identification"]

    def _party(self, account: str) -> Document:
        if " " in account:  # "BANYCNS0 MAGIC-SILENT": nobody's account, where a rail or an agent does something
            agent, number = account.split()
            residency = {"CN": "CN", "HK": "HK", "MO": "MO"}[agent[4:6]]
            return {
                "agent": agent,
                "account": {"number": number},
                "party": {"name": "Payee Of Tests", "residency": residency},
            }
        found = self._accounts[account]
        party = dict(self._parties[account.partition(".")[0]])
        if "name" in found:
            party["name"] = found["name"]
        address = {key: found[key] for key in ("number", "proxy") if key in found}
        return {"agent": found["agent"], "account": address, "party": party}


def _money(text: str) -> Document:
    amount, currency = text.split()
    return {"currency": currency, "amount": amount}


def _merged(document: Document, change: Mapping[str, Any]) -> Document:
    """Return the document with a change laid over it, mapping by mapping; null takes a field away."""
    merged = dict(document)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged


def _uetr(name: str) -> str:
    """Derive a UETR from a step's name, so that the story's are always the same."""
    digits = blake2b(f"story {name}".encode(), digest_size=16).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
