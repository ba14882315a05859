"""Participants as dated data: who they are, where they settle, which rails and schemes they have joined by a day.

Keys and their hashes live in the store; persons in switch.participants.persons.
"""

import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, NamedTuple

import yaml


class Participant(NamedTuple):
    """One agent: BIC8, country (ISO 3166), kind, the bank whose position it settles through, memberships with their first day."""

    bic: str
    name: str
    country: str
    kind: str  # bank | svf
    settles_through: str  # its own BIC, or its sponsor bank's for an SVF
    rails: Mapping[str, date]
    schemes: tuple[tuple[str, date], ...]

    def schemes_on(self, day: date) -> frozenset[str]:
        """Return the schemes joined by `day`."""
        return _joined(self.schemes, day)


@cache
def _joined(schemes: tuple[tuple[str, date], ...], day: date) -> frozenset[str]:
    return frozenset(scheme for scheme, since in schemes if since <= day)


class Registry(NamedTuple):
    """All participants of a sandbox by BIC8, and what its positions and inventories open with (major units by currency)."""

    participants: Mapping[str, Participant]
    funding: Mapping[str, str]
    inventory: Mapping[str, str]

    @property
    def id(self) -> str:
        """Hash of all that is in it: two registries of one id hold the same participants."""
        return sha256(json.dumps(self, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def find(self, bic: str) -> Participant | None:
        """Return the participant of a BIC of 8 or 11 characters."""
        return self.participants.get(bic[:8])


@cache
def load_registry() -> Registry:
    """Read the packaged participants."""
    data = yaml.safe_load(files("switch.participants").joinpath("participants.yaml").read_text("utf-8"))
    participants = {row["bic"]: _participant(row) for row in data["participants"]}
    return Registry(participants, data["funding"], data["inventory"])


def _participant(row: Mapping[str, Any]) -> Participant:
    return Participant(
        row["bic"],
        row["name"],
        row["country"],
        row["kind"],
        row.get("sponsor", row["bic"]),
        row["rails"],
        tuple(row["schemes"].items()),
    )
