"""Conditions over the facts of a payment: what a classification row or a lane tests, written in YAML, compiled once.

A condition maps a field of Profile to what it must be: a value, a list (one of them), `{not: [...]}`, `{has: [...]}`
or `{lacks: [...]}` (a set holds one of them, or none), `{same_as: field}`, `{other_than: field}`. `any` holds alternatives. `purpose` is the purpose
code, or the category purpose where none is given.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from limits.documents import Node
from limits.facts import ACCOUNT_TYPES, Profile

# What each field may hold; a condition that asks for anything else can never be met and is refused at load.
_COUNTRY = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_PURPOSE = re.compile(r"([A-Z0-9]{4})?")
_KIND = re.compile("bank|svf")
_PARTY = re.compile("person|firm")
_SECTOR = re.compile("household|corporation|education|medical|utility|government|financial")
_ID = re.compile(r"((HKID|PRCID|BIR|HRP|PASSPORT|USCC|BRN|LEI):[A-Z]{2})?")
_SLUG = re.compile(r"([a-z0-9][a-z0-9.-]*)?")
_ACCOUNT_TYPE = re.compile(f"({'|'.join(sorted(ACCOUNT_TYPES))})?")
_STATE = re.compile("watch-list")
_CHANNEL = re.compile("(bank|broker)?")
_DOCUMENT = re.compile("invoice|contract|tuition-notice|medical-bill|utility-bill|payroll|tax-certificate")
_VOCABULARY: Mapping[str, re.Pattern[str]] = {
    "debtor_agent_country": _COUNTRY, "creditor_agent_country": _COUNTRY, "debtor_agent_kind": _KIND,
    "creditor_agent_kind": _KIND, "debtor_agent_schemes": _SLUG, "creditor_agent_schemes": _SLUG,
    "debtor_kind": _PARTY, "creditor_kind": _PARTY, "debtor_residency": _COUNTRY, "creditor_residency": _COUNTRY,
    "debtor_sector": _SECTOR, "creditor_sector": _SECTOR, "debtor_id": _ID, "creditor_id": _ID,
    "purpose_code": _PURPOSE, "category_purpose": _PURPOSE, "purpose": _PURPOSE, "documents": _DOCUMENT, "venue": _SLUG,
    "debit_currency": _CURRENCY, "instructed_currency": _CURRENCY, "settlement_currency": _CURRENCY,
    "debtor_account_type": _ACCOUNT_TYPE, "creditor_account_type": _ACCOUNT_TYPE, "debtor_states": _STATE,
    "wealth_channel": _CHANNEL, "wealth_channels": _CHANNEL,
}  # fmt: skip
_SETS = frozenset({"debtor_agent_schemes", "creditor_agent_schemes", "documents", "debtor_states", "wealth_channels"})
# Facts that are so or not, and how each reads: where it must be, and where it must not.
_FLAGS: Mapping[str, tuple[str, str]] = {
    "same_name": ("debtor and creditor must be the same person", "debtor and creditor must be different persons"),
    "paired": ("the accounts must be a registered pair", "the accounts must be no registered pair"),
    "same_group": ("debtor and creditor must be firms of one group", "debtor and creditor must not be of one group"),
}

Test = Callable[[Profile], bool]


class Condition(NamedTuple):
    """One compiled test, how it reads, and how to say what was found instead."""

    test: Test
    text: str
    found: Callable[[Profile], str]


def read_conditions(node: Node, key: str) -> tuple[Condition, ...]:
    """Compile the mapping under `key`; all must hold. Raises RulebookError for an unknown field or impossible value."""
    return _all(node, key, node.data.get(key) or {})


def _all(node: Node, path: str, given: object) -> tuple[Condition, ...]:
    if not isinstance(given, Mapping):
        raise node.error(path, "must map fields to what they must be")
    return tuple(
        _any(node, f"{path}.any", wanted) if field == "any" else _condition(node, f"{path}.{field}", str(field), wanted)
        for field, wanted in given.items()
    )


def holds(conditions: tuple[Condition, ...], profile: Profile) -> bool:
    """Whether every condition holds."""
    return all(condition.test(profile) for condition in conditions)


def failing(conditions: tuple[Condition, ...], profile: Profile) -> str:
    """Say the first condition that does not hold, and what was found; "" where all hold."""
    for condition in conditions:
        if not condition.test(profile):
            return f"{condition.text}; {condition.found(profile)}"
    return ""


def describe(conditions: tuple[Condition, ...]) -> str:
    """Say all conditions in one line."""
    return " and ".join(condition.text for condition in conditions)


def _any(node: Node, key: str, wanted: object) -> Condition:
    if not isinstance(wanted, list) or not wanted:
        raise node.error(key, "must list alternatives")
    ways = [_all(node, f"{key}[{n}]", way) for n, way in enumerate(wanted)]

    def test(profile: Profile) -> bool:
        return any(holds(way, profile) for way in ways)

    return Condition(test, " or ".join(f"({describe(way)})" for way in ways), lambda profile: "none of these holds")


def _condition(node: Node, key: str, field: str, wanted: Any) -> Condition:
    if field in _FLAGS:
        if not isinstance(wanted, bool):
            raise node.error(key, "must be true or false")
        flag = _getter(field)
        text = _FLAGS[field][0 if wanted else 1]
        return Condition(lambda profile: flag(profile) is wanted, text, lambda profile: "they are not")
    if field not in _VOCABULARY:
        raise node.error(key, f"unknown field; known are {', '.join(_FLAGS)}, any, {', '.join(_VOCABULARY)}")
    value = _getter(field)
    name = field.replace("_", " ")

    def found(profile: Profile) -> str:
        return f"it is {_spoken(value(profile))}"

    if isinstance(wanted, Mapping) and len(wanted) == 1:
        (operator, operand), *_ = wanted.items()
        if operator in ("same_as", "other_than"):
            return _compared(node, key, name, value, operator, operand)
        if operator in ("has", "lacks") and field in _SETS:
            members = _members(node, key, field, operand)
            lacks = operator == "lacks"
            return Condition(
                lambda profile: members.isdisjoint(value(profile)) is lacks,
                f"{name} must {'not ' if lacks else ''}hold {_spoken(members)}", found,
            )  # fmt: skip
        if operator == "not" and field not in _SETS:
            barred = _members(node, key, field, operand)
            return Condition(
                lambda profile: value(profile) not in barred, f"{name} must not be {_spoken(barred)}", found
            )
    if field in _SETS or isinstance(wanted, Mapping):
        raise node.error(
            key,
            "a set takes {has: [...]} or {lacks: [...]}; another field a value, a list, {not: ...}, {same_as: field}",
        )
    allowed = _members(node, key, field, wanted)
    return Condition(lambda profile: value(profile) in allowed, f"{name} must be {_spoken(allowed)}", found)


def _compared(node: Node, key: str, name: str, value: Callable[[Profile], Any], operator: str, other: Any) -> Condition:
    if other not in _VOCABULARY:
        raise node.error(key, f"unknown field {other!r}")
    second = _getter(other)
    same = operator == "same_as"
    text = f"{name} must {'equal' if same else 'differ from'} {other.replace('_', ' ')}"
    return Condition(
        lambda profile: (value(profile) == second(profile)) is same,
        text,
        lambda profile: f"they are {_spoken(value(profile))} and {_spoken(second(profile))}",
    )


def _getter(field: str) -> Callable[[Profile], Any]:
    if field == "purpose":
        return lambda profile: profile.purpose_code or profile.category_purpose
    return lambda profile: getattr(profile, field)


def _members(node: Node, key: str, field: str, wanted: Any) -> frozenset[str]:
    members = wanted if isinstance(wanted, list) else [wanted]
    for member in members:
        if not isinstance(member, str) or not _VOCABULARY[field].fullmatch(member):
            raise node.error(key, f"{member!r} is nothing that {field} can be")
    if not members:
        raise node.error(key, "is an empty list: nothing could be it")
    return frozenset(members)


def _spoken(value: Any) -> str:
    if isinstance(value, frozenset):
        return " or ".join(sorted(value)) or "nothing"
    return str(value) if value else "not given"
