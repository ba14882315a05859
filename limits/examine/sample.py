"""Sample facts for checks of the law: profiles that meet conditions, found by search and not by chance.

The domain of a field is what the conditions at hand mention, the whole vocabulary where that is short, and values that
nobody mentions (two, where fields may be compared with each other). Conditions ask only whether a value is among some
or equals another field's, so two values that none mentions cannot be told apart: for them the domain is exhaustive.
Its limit: it knows no ties between facts (an HKID with a firm), so a profile it finds may be none that a payment has;
what it cannot find in so many tries is undecided, not absent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any, NamedTuple

from limits.conditions import Condition, read_conditions
from limits.documents import Node
from limits.facts import ACCOUNT_TYPES, Profile

TRIES_MAX = 20_000  # profiles looked at for one question: about a second

ORDINARY = Profile(
    "HK", "CN", "bank", "bank", frozenset(), frozenset(), "person", "person", "HK", "CN", "household", "household",
    "HKID:HK", "PRCID:CN", False, "GIFT", "", frozenset(), "", "CNY", "CNY", "CNY",
)  # fmt: skip

_COUNTRIES = ("debtor_agent_country", "creditor_agent_country", "debtor_residency", "creditor_residency")
_CURRENCIES = ("debit_currency", "instructed_currency", "settlement_currency")
_SECTORS = ("household", "corporation", "education", "medical", "utility", "government", "financial")
_ALIKE = (_COUNTRIES, _CURRENCIES, ("debtor_id", "creditor_id"))  # fields that may be compared: one domain
_WHOLE: Mapping[str, tuple[Any, ...]] = {
    "debtor_agent_kind": ("bank", "svf"), "creditor_agent_kind": ("bank", "svf"),
    "debtor_kind": ("person", "firm"), "creditor_kind": ("person", "firm"),
    "debtor_sector": _SECTORS, "creditor_sector": _SECTORS,
    "debtor_account_type": ("", *sorted(ACCOUNT_TYPES)), "creditor_account_type": ("", *sorted(ACCOUNT_TYPES)),
    "debtor_states": (frozenset(), frozenset({"watch-list"})), "wealth_channel": ("", "bank", "broker"),
    "wealth_channels": (frozenset(), frozenset({"bank"}), frozenset({"broker"}), frozenset({"bank", "broker"})),
    "same_name": (False, True), "paired": (False, True), "same_group": (False, True),
}  # fmt: skip
_UNMENTIONED: Mapping[str, tuple[str, ...]] = {  # drawn from in this order; real codes, so that the finding reads well
    **dict.fromkeys(_COUNTRIES, ("GB", "FR", "US", "JP", "DE", "IT")),
    **dict.fromkeys(_CURRENCIES, ("JPY", "KWD", "THB", "USD")),
    **dict.fromkeys(("debtor_id", "creditor_id"), ("PASSPORT:GB", "PASSPORT:FR", "PASSPORT:US", "")),
    "purpose_code": ("OTHR", "BEXP", "ZZZZ"), "category_purpose": ("", "CASH"), "venue": ("", "elsewhere"),
}  # fmt: skip
_SETS = frozenset({"debtor_agent_schemes", "creditor_agent_schemes", "documents", "debtor_states", "wealth_channels"})
_TWO = 2  # values that nobody mentions, of each field


class Clause(NamedTuple):
    """One compiled condition with the fields it looks at; `ways` instead where it is a choice of alternatives."""

    fields: tuple[str, ...]
    condition: Condition
    ways: tuple[tuple["Clause", ...], ...]
    mentioned: tuple[tuple[str, str], ...]  # (field, value)


Domain = Mapping[str, tuple[Any, ...]]


def clauses(file: str, when: Mapping[str, Any]) -> tuple[Clause, ...]:
    """Compile conditions as they stand in a document; raises RulebookError for impossible ones."""
    compiled = read_conditions(Node(file, "", {"when": when}, ("when",)), "when")
    return tuple(
        _clause(file, field, wanted, condition)
        for (field, wanted), condition in zip(when.items(), compiled, strict=True)
    )


def _clause(file: str, field: str, wanted: Any, condition: Condition) -> Clause:
    if field == "any":
        ways = tuple(clauses(file, way) for way in wanted)
        return Clause(
            tuple(dict.fromkeys(name for way in ways for each in way for name in each.fields)),
            condition, ways, tuple(pair for way in ways for each in way for pair in each.mentioned),
        )  # fmt: skip
    name = "purpose_code" if field == "purpose" else field
    if isinstance(wanted, Mapping):
        (operator, operand), *_ = wanted.items()
        if operator in ("same_as", "other_than"):
            return Clause((name, str(operand)), condition, (), ())
        wanted = operand
    values = wanted if isinstance(wanted, list) else [wanted]
    return Clause((name,), condition, (), tuple((name, value) for value in values if isinstance(value, str)))


def domain_of(tested: Iterable[Clause]) -> Domain:
    """Build the sample domain of some conditions: for each field of Profile the values to try."""
    mentioned: dict[str, dict[str, None]] = {}
    for clause in tested:
        for field, value in clause.mentioned:
            mentioned.setdefault(field, {})[value] = None
    domain = {}
    for field in Profile._fields:
        alike = next((group for group in _ALIKE if field in group), (field,))
        values = tuple(dict.fromkeys(value for each in alike for value in mentioned.get(each, ())))
        domain[field] = _values(field, values)
    return domain


def _values(field: str, mentioned: tuple[str, ...]) -> tuple[Any, ...]:
    if field in _WHOLE:
        return _WHOLE[field]
    if field in _SETS:
        some = [frozenset(chosen) for size in (0, 1, 2) for chosen in combinations(mentioned, size)]
        return tuple(dict.fromkeys([*some, frozenset(mentioned)]))
    others = [value for value in _UNMENTIONED.get(field, ()) if value not in mentioned][:_TWO]
    return (*mentioned, *others)


def solutions(
    wanted: Sequence[Clause], domain: Domain, start: Profile = ORDINARY, fixed: Iterable[str] = ()
) -> Iterator[Profile]:
    """Find profiles that meet all clauses, `fixed` fields as in `start`; fields that no clause looks at stay as they are."""
    if not wanted:
        yield start
        return
    first, *rest = wanted
    held = frozenset(fixed)
    if first.ways:
        for way in first.ways:
            yield from solutions((*way, *rest), domain, start, held)
        return
    free = [field for field in first.fields if field not in held]
    tried = ([*_with(domain[field], getattr(start, field))] for field in free)
    for values in product(*tried):
        profile = start._replace(**dict(zip(free, values, strict=True)))
        if first.condition.test(profile):
            yield from solutions(rest, domain, profile, held | set(free))


def _with(values: tuple[Any, ...], first: Any) -> tuple[Any, ...]:
    """Put the value at hand first, so that what is found stays ordinary where it can."""
    return (first, *(value for value in values if value != first))


class Search(NamedTuple):
    """What a search found: a profile, or none; `exhausted` = the whole sample domain was looked at."""

    found: Profile | None
    exhausted: bool


def escape(wanted: Sequence[Clause], barred: Sequence[Sequence[Clause]], domain: Domain) -> Search:
    """Find a profile that meets `wanted` and none of the conjunctions `barred`.

    From each profile that meets `wanted`, a field that the barring conjunction looks at is changed as long as `wanted`
    still holds; every profile is looked at once.
    """
    seen: set[Profile] = set()
    for start in solutions(wanted, domain):
        waiting = [start]
        while waiting:
            profile = waiting.pop()
            if profile in seen:
                continue
            if len(seen) >= TRIES_MAX:
                return Search(None, False)
            seen.add(profile)
            taken = next((each for each in barred if _meets(each, profile)), None)
            if taken is None:
                return Search(profile, False)
            waiting += _moves(profile, wanted, taken, domain)
    return Search(None, True)


def _moves(profile: Profile, wanted: Sequence[Clause], taken: Sequence[Clause], domain: Domain) -> list[Profile]:
    """Change one field that the barring conjunction looks at; what breaks it comes last, to be tried first."""
    fields = dict.fromkeys(field for clause in taken for field in clause.fields)
    near = [profile._replace(**{field: value}) for field in fields for value in domain[field]]
    kept = [each for each in near if _meets(wanted, each)]
    return sorted(kept, key=lambda each: not _meets(taken, each))


def _meets(wanted: Sequence[Clause], profile: Profile) -> bool:
    return all(clause.condition.test(profile) for clause in wanted)
