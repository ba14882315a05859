"""The profiles of `bayswitch load`, read from data (loadtest/profiles.yaml) and checked; and the steps they ask for."""

from importlib.resources import files
from json import dumps
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from limits.lab.shapes import ORDINARY

RATE_MAX = 100_000.0
PERSONS_MAX = 500_000
RATES_TRIED_MAX = (
    52  # of a search: more than its own bound (steps_max, confirmations), so that this one is never what ends it
)
_PAYMENTS_A_PERSON = 1.9  # of a drawn day (limits/lab/traffic.yaml); of a shape with more, more is drawn than is needed
_PERSONS_MIN = 250  # fewer draw no payment of the rarer kinds
_LAST_ANSWERS_SECONDS = 12.0


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Traffic(_Strict):
    """A day to draw, of a shape of `bayswitch traffic`; `mix` in 10,000 as loadtest.traffic has it.

    `calls_a_person` instead of `persons`: as many persons as make so many calls each.
    """

    shape: str = ORDINARY
    persons: int = Field(1_000, gt=0, le=PERSONS_MAX)
    calls_a_person: int | None = Field(None, gt=0)
    small_amounts: bool = False
    messages: bool = False
    mix: dict[str, int] = {}


class Step(_Strict):
    """A constant rate: `share` of the profile's, for so long."""

    name: str
    share: float = Field(1.0, gt=0)
    seconds: float = Field(gt=0)
    warm_up_seconds: float = Field(0.0, ge=0)


class Ordeal(_Strict):
    """A run of switch/chaos."""

    seconds: int = Field(gt=0)


class Profile(_Strict):
    """One profile: exactly one of `steps`, `search`, `ordeal`."""

    about: str
    rate: float = Field(gt=0, le=RATE_MAX)
    traffic: Traffic | None = None
    steps: tuple[Step, ...] = ()
    search: dict[str, float] | None = None
    ordeal: Ordeal | None = None
    up: tuple[str, ...] = ("--instant",)
    refused_share_min: float = Field(0.0, ge=0, le=1)
    accepted_share_min: float = Field(0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _one_way(self) -> "Profile":
        if sum((bool(self.steps), self.search is not None, self.ordeal is not None)) != 1:
            raise ValueError("a profile has steps, or a search, or an ordeal")
        if self.ordeal is None and self.traffic is None:
            raise ValueError("a profile that sends says what: traffic")
        asked = self.accepted_share_min or self.refused_share_min or (self.search or {}).get("accepted_share_min")
        if self.ordeal is None and not asked:
            raise ValueError("a profile that sends says what is to come of it: accepted_share_min or refused_share_min")
        return self

    def asked(self, rate: float | None, seconds: float | None) -> list[str]:
        """Return what `python -m loadtest.open` is to do, at another rate or over another length where they are given."""
        base = rate or self.rate
        if self.search is not None:
            return ["--knee", dumps({"start": base, **self.search, **({"seconds": seconds} if seconds else {})})]
        stretch = seconds / sum(step.seconds for step in self.steps) if seconds else 1.0
        steps = [
            {
                "name": step.name,
                "rate": base * step.share,
                "seconds": step.seconds * stretch,
                "warm_up_seconds": step.warm_up_seconds * min(stretch, 1.0),
            }
            for step in self.steps
        ]
        return ["--steps", dumps(steps), "--accepted-share-min", str(self.accepted_share_min)]

    def persons(self, rate: float | None, seconds: float | None) -> int:
        """Return how many persons to draw traffic for."""
        assert self.traffic is not None, "an ordeal has its own"
        wanted = self.traffic
        stretch = seconds / sum(step.seconds for step in self.steps) if seconds and self.steps else 1.0
        calls = sum((rate or self.rate) * step.share * step.seconds * stretch for step in self.steps)
        if wanted.calls_a_person is None:  # no more than make as many payments as are sent, once each
            enough = max(round(calls / _PAYMENTS_A_PERSON), _PERSONS_MIN) if self.steps else wanted.persons
            return min(wanted.persons, enough)
        return min(max(round(calls / wanted.calls_a_person), 1), PERSONS_MAX)

    def seconds_max(self, seconds: float | None) -> float:
        """Return how long the generator may take, without its start: a search tries at most so many rates."""
        if self.search is not None:
            each = (seconds or self.search.get("seconds", 8.0)) + self.search.get("warm_up_seconds", 2.0)
            return RATES_TRIED_MAX * (each + _LAST_ANSWERS_SECONDS)
        return (seconds or sum(step.seconds for step in self.steps)) + _LAST_ANSWERS_SECONDS


def load_profiles() -> dict[str, Profile]:
    """Read all profiles; raises ValidationError naming what is wrong in the file."""
    text = (files("loadtest") / "profiles.yaml").read_text(encoding="utf-8")
    read: Any = yaml.load(text, yaml.CSafeLoader)
    return TypeAdapter(dict[str, Profile]).validate_python(read)
