"""The rails of the house, made from catalogue.yaml. Nothing is opened here: `start` does that."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rails import beps, hk_fps, mo_easy_transfer, rtgs
from rails.book import Book
from rails.delays import INSTANT, Delays, table
from rails.hops import read_hops
from rails.hours import Closure, Hours, IsBusinessDay, closure, offset, read_session
from rails.port import Capabilities
from rails.simulated import SimulatedRail
from rails.steps import Unfold, four_step

# The ways a rail may go: (steps, whether it reports the credit).
_WAYS = {
    "five-step": (5, True), "four-step": (4, True), "same-day": (4, True), "netted": (4, True), "rtgs": (4, False),
}  # fmt: skip


def load_catalogue(path: Path | None = None) -> Mapping[str, Mapping[str, Any]]:
    """Read catalogue.yaml, or an operator's file of the same form: rail id -> its row."""
    return _read(path) if path else _ours()


@cache
def _ours() -> Mapping[str, Mapping[str, Any]]:
    return _read(Path(__file__).with_name("catalogue.yaml"))


def _read(path: Path) -> Mapping[str, Mapping[str, Any]]:
    catalogue: Mapping[str, Mapping[str, Any]] = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return catalogue


def build_rails(
    book_for: Callable[[str], Book],
    is_business_day: IsBusinessDay,
    seed: int,
    instant: bool = False,
    delays: Delays | None = None,
) -> dict[str, SimulatedRail]:
    """Make the rails by id, none of them started.

    `book_for` gives the book of a rail id; `is_business_day` takes (calendar HK, MO or CN, day); `instant` takes every
    delay out, `delays` takes their place on every rail: for measurements.
    """
    return {
        rail: SimulatedRail(
            capabilities(rail, row),
            _unfold(row),
            book_for(rail),
            Hours(
                {currency: tuple(map(read_session, sessions)) for currency, sessions in row["hours"].items()},
                is_business_day,
                _maintenance(row),
            ),
            delays or (INSTANT if instant else _delays(row["delays"])),
            seed,
        )
        for rail, row in load_catalogue().items()
    }


def capabilities(rail: str, row: Mapping[str, Any]) -> Capabilities:
    """Read what a rail can do from its row of the catalogue."""
    steps, reports_credit = _WAYS[row["way"]]
    kind, code = row["clearing_system"]
    assert set(row["hours"]) == set(row["currencies"]), f"{rail}: hours and currencies differ"
    return Capabilities(
        rail=rail,
        name=row["name"],
        country=row["country"],
        currencies=frozenset(row["currencies"]),
        steps=steps,
        reports_credit=reports_credit,
        clearing_system=(kind, code),
        hops=read_hops(row["hops"]),
        assumed=tuple(row["assumed"]),
    )


def _maintenance(row: Mapping[str, Any]) -> tuple[Closure, ...]:
    """Read announced maintenance, times of UTC+8."""

    def instant(text: str) -> datetime:
        return datetime.fromisoformat(f"{text}+08:00")

    return tuple(
        closure(instant(each["from"]), instant(each["until"]), each["why"]) for each in row.get("maintenance", ())
    )


def _unfold(row: Mapping[str, Any]) -> Unfold:
    match row["way"]:
        case "five-step":
            return hk_fps.unfold_with(read_hops(row["hops"]).agent_margin)
        case "same-day":
            same_day = row["same_day"]
            return mo_easy_transfer.unfold_with(frozenset(same_day["agents"]), offset(same_day["run_at"]))
        case "netted":
            return beps.unfold_with(timedelta(minutes=row["netting_every_minutes"]))
        case "rtgs":
            return rtgs.unfold
        case _:
            return four_step


def _delays(row: Mapping[str, Mapping[str, int]]) -> Delays:
    confirmation = table(row["confirmation"]) if "confirmation" in row else INSTANT.confirmation
    return Delays(table(row["answer"]), confirmation)
