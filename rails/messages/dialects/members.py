"""Member ids of the sandbox's fictional participants, read once from members.yaml (all assumed)."""

from functools import cache
from importlib.resources import files
from types import MappingProxyType

import yaml

from rails.messages.dialects.terms import Members, members

# Whose ids a dialect writes: IBPS, BEPS and HVPS share CNAPS codes, and CIPS has them lent.
_IDS = MappingProxyType({"hk-fps": "hk-fps", "ibps": "cnaps", "beps": "cnaps", "hvps": "cnaps", "cips": "cnaps"})


@cache
def fictional_members(dialect: str) -> Members:
    """Return how the rail of a dialect names the fictional participants."""
    data = yaml.safe_load(files("rails.messages.dialects").joinpath("members.yaml").read_text("utf-8"))
    column = _IDS[dialect]
    return members({bic: row[column] for bic, row in data["members"].items()})
