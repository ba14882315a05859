"""Participants as dated data: who they are, where they settle, which rails and schemes they have joined by a day, what
limits of their own they set; and the groups that firms belong to.

Keys and their hashes live in the store; persons in switch.participants.persons.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType
from typing import Any, NamedTuple

import yaml

from fx.money import Money, parse_amount
from rails.identifiers import normalize
from rails.identifiers.banks import check_bic, check_hk_clearing_code
from rails.identifiers.cnaps import check_cnaps
from switch.participants.states import DatedState, read_states

_RULE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,5})?")
# How rails name a participant, by the naming scheme: HK FPS's clearing code, the mainland's CNAPS code.
_CHECKS: Mapping[str, Callable[[str], str | None]] = MappingProxyType(
    {"hk-fps": check_hk_clearing_code, "cnaps": check_cnaps}
)

STRICT, LENIENT = "strict", "lenient"


class Participant(NamedTuple):
    """One agent: BIC8, country (ISO 3166), kind, the bank whose position it settles through, memberships with their first day."""

    bic: str
    name: str
    country: str
    kind: str  # bank | svf
    settles_through: str  # its own BIC, or its sponsor bank's for an SVF
    rails: Mapping[str, date]
    schemes: tuple[tuple[str, date], ...]
    limits: Mapping[str, str] = {}  # its own: rule id -> amount in the rule's unit; lower than the scheme's
    states: tuple[DatedState, ...] = ()  # when it is suspended or offline; what is set at run time stands before it
    member_ids: Mapping[str, str] = {}  # what rails call it: hk-fps -> clearing code, cnaps -> CNAPS code
    names: str = LENIENT  # how it takes the names of its customers as payees, and remarks from abroad

    def schemes_on(self, day: date) -> frozenset[str]:
        """Return the schemes joined by `day`."""
        return _joined(self.schemes, day)


@cache
def _joined(schemes: tuple[tuple[str, date], ...], day: date) -> frozenset[str]:
    return frozenset(scheme for scheme, since in schemes if since <= day)


class Firm(NamedTuple):
    """A firm by its document: type (USCC, BRN, LEI), country, number in its normal form."""

    type: str
    country: str
    number: str


class Group(NamedTuple):
    """A group of firms: its name, the owners' equity of its members together, and who they are."""

    name: str
    equity: Money
    members: tuple[Firm, ...]


class Registry(NamedTuple):
    """All participants of a sandbox by BIC8, what its positions and inventories open with (major units by currency), groups."""

    participants: Mapping[str, Participant]
    funding: Mapping[str, str]
    inventory: Mapping[str, str]
    groups: tuple[Group, ...] = ()

    @property
    def id(self) -> str:
        """Hash of all that is in it: two registries of one id hold the same participants."""
        return sha256(json.dumps(self, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def find(self, bic: str) -> Participant | None:
        """Return the participant of a BIC of 8 or 11 characters."""
        return self.participants.get(bic[:8])

    def member_ids(self, scheme: str) -> dict[str, str]:
        """Return by BIC8 what participants are called in a naming scheme (hk-fps, cnaps); those without such an id are not in it."""
        return {bic: each.member_ids[scheme] for bic, each in self.participants.items() if scheme in each.member_ids}

    def groups_by_firm(self) -> dict[Firm, Group]:
        """Return the group of each firm that belongs to one. Raises ValueError where a firm stands in two."""
        found: dict[Firm, Group] = {}
        for group in self.groups:
            for firm in group.members:
                if firm in found:
                    raise ValueError(
                        f"a firm of group {group.name} stands in group {found[firm].name}, too: leave it in one"
                    )
                found[firm] = group
        return found


def own_limits(registry: Registry) -> dict[str, dict[str, str]]:
    """Return the limits that participants set themselves: BIC8 -> rule id -> amount in the rule's unit.

    Whether there is such a rule, and the amount is lower than the scheme's, only a rulebook can tell.
    """
    return {bic: dict(each.limits) for bic, each in registry.participants.items() if each.limits}


@cache
def load_registry() -> Registry:
    """Read the packaged participants and groups."""
    folder = files("switch.participants")
    data, groups = (
        yaml.load(folder.joinpath(name).read_text("utf-8"), yaml.CSafeLoader)
        for name in ("participants.yaml", "groups.yaml")
    )
    return read_registry(data, groups)


def read_registry(data: Mapping[str, Any], groups: Mapping[str, Any]) -> Registry:
    """Read participants and groups of firms. Raises ValueError where a BIC, a member id or an own limit is not written as one."""
    participants = {row["bic"]: _participant(row) for row in data["participants"]}
    return Registry(
        participants, data["funding"], data["inventory"], tuple(_group(row) for row in groups.get("groups", ()))
    )


def _participant(row: Mapping[str, Any]) -> Participant:
    wrong = check_bic(row["bic"], (row["country"],))
    if wrong is not None:
        raise ValueError(f"{row['bic']}: {wrong}")
    return Participant(
        row["bic"],
        row["name"],
        row["country"],
        row["kind"],
        row.get("sponsor", row["bic"]),
        row["rails"],
        tuple(row["schemes"].items()),
        _limits(row["bic"], row.get("limits", {})),
        read_states(row["bic"], row.get("states", ())),
        _member_ids(row["bic"], row.get("member_ids", {})),
        _names(row["bic"], row.get("names", LENIENT)),
    )


def _member_ids(bic: str, given: Mapping[str, str]) -> dict[str, str]:
    for scheme, member_id in given.items():
        if scheme not in _CHECKS:
            raise ValueError(f"{bic} has a member id of {scheme}: use one of {', '.join(_CHECKS)}")
        wrong = _CHECKS[scheme](member_id)
        if wrong is not None:
            raise ValueError(f"{bic}, member id of {scheme}: {wrong}")
    return dict(given)


def _names(bic: str, given: object) -> str:
    if given not in (STRICT, LENIENT):
        raise ValueError(f"{bic} takes names {given!r}: say {STRICT} or {LENIENT}")
    return str(given)


def _limits(bic: str, given: Mapping[Any, Any]) -> dict[str, str]:
    for rule, amount in given.items():
        if not isinstance(rule, str) or _RULE.fullmatch(rule) is None:
            raise ValueError(f"{bic} limits {rule!r}: name a rule, such as payment-connect.northbound.day")
        if not isinstance(amount, str) or _AMOUNT.fullmatch(amount) is None:
            raise ValueError(f'{bic} limits {rule} to {amount!r}: write the amount in the rule\'s unit as "5000"')
    return dict(given)


def _group(row: Mapping[str, Any]) -> Group:
    currency = row["equity"]["currency"]
    equity = Money(parse_amount(row["equity"]["amount"], currency), currency)
    return Group(
        row["name"],
        equity,
        tuple(Firm(each["type"], each["country"], normalize(each["type"], each["number"])) for each in row["members"]),
    )
