"""The code sets of the profile, read once from codes.yaml."""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import yaml


class Codes(NamedTuple):
    """Codes a message may carry."""

    purposes: frozenset[str]
    category_purposes: frozenset[str]
    agent_countries: frozenset[str]
    countries: frozenset[str]
    return_reasons: frozenset[str]
    cancellation_reasons: frozenset[str]
    cancellation_rejections: frozenset[str]


@cache
def load_codes() -> Codes:
    """Read the packaged code sets."""
    data = yaml.load(files("rails.messages").joinpath("codes.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return Codes(
        frozenset(data["purposes"]),
        frozenset(data["category_purposes"]),
        frozenset(data["agent_countries"]),
        frozenset(data["countries"].split()),
        frozenset(data["return_reasons"]),
        frozenset(data["cancellation_reasons"]),
        frozenset(data["cancellation_rejections"]),
    )
