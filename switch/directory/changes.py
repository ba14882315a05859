"""What may be changed in the directory, and the records a change writes. Pure: a directory in, records out.

A proxy may be registered with several agents and has one default among them (HK FPS, facts messages 2.1); an HKID is
for receiving only, so for persons (same place). Assumed, for want of public rules: an FPS identifier stands at one agent,
since the scheme gives it for one account; who deregisters the default or gives it up leaves it to the registration made
first. An agent vouches for its own customers only: it neither writes into another's accounts nor takes another's default
over; an operator (`operator`) may do both.
"""

from collections.abc import Iterable
from typing import NamedTuple

from rails.addressing import check_account, check_proxy, normalize_account, normalize_proxy
from switch.directory.directory import Directory
from switch.directory.entries import ACTIVE, REMOVED, SUSPENDED, Entry, Record, Registration

# Records beside what the directory was built from. Each worker holds all of them: at this number 77 MB, read at its start
# in a second and a half.
RECORDS_MAX = 100_000
PROXIES_PER_ACCOUNT_MAX = 20  # assumed: schemes publish no number; it bounds what one account's question answers


class Conflict(Exception):
    """A change does not go with what the directory holds; says what. Nothing is changed."""


class Wrong(Exception):
    """A field of a change is wrong whatever the directory holds; `field` is its path."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(f"{field}: {what}")
        self.field, self.what = field, what


class ProxyAt(NamedTuple):
    """A proxy as it is called, with the agent it is, or is to be, registered with (BIC8) and that agent's country."""

    proxy_type: str
    value: str
    agent: str
    country: str

    @property
    def proxy(self) -> tuple[str, str, str]:
        """Return the proxy in its normal form: type, value, country."""
        return self.proxy_type, normalize_proxy(self.proxy_type, self.value), self.country


class Holder(NamedTuple):
    """The account that a proxy is to lead to; what is None is left as the directory has it."""

    account: str
    name: str | None = None
    kind: str | None = None  # person | firm
    currencies: tuple[str, ...] | None = None


def register(
    directory: Directory, at: ProxyAt, holder: Holder, is_default: bool | None, generation: int, operator: bool = False
) -> list[Record]:
    """Return the records that register a proxy for an account, [] where it is registered so already.

    The first registration of a proxy is its default one; a later one becomes it only where `is_default` says so and
    `operator` asks.
    """
    _check(at)
    there = directory.registrations(at.proxy)
    records: list[Record] = []
    entry = _holder(directory, at, holder)
    known = directory.account(at.agent, holder.account)
    own = there.get(at.agent)
    if own is not None:
        if own.account != entry.account or entry != known or is_default not in (None, own.is_default):
            raise Conflict("The proxy is registered with this agent otherwise; amend, move or deregister it")
        return []
    if at.proxy_type == "SHID" and there:
        raise Conflict("An FPS identifier is given for one account, and another agent has this one")
    if at.proxy_type == "NIDN" and entry.kind != "person":
        raise Conflict("An HKID is a person's; a firm's account is not registered under it")
    if len(directory.registered_for(entry.key)) >= PROXIES_PER_ACCOUNT_MAX:
        raise Conflict(f"The account has {PROXIES_PER_ACCOUNT_MAX} proxies, and takes no more")
    if entry != known:
        records.append(entry)
    becomes_default = bool(is_default) or not there
    if becomes_default:
        records += _without_default(there.values(), operator)
    records.append(Registration(*at.proxy, at.agent, entry.account, becomes_default, since=generation))
    return _fitting(directory, records)


def amend(
    directory: Directory,
    at: ProxyAt,
    account: str | None,
    name: str | None,
    is_default: bool | None,
    operator: bool = False,
) -> list[Record]:
    """Return the records that give a registration another account, its account another name, or make it the default one.

    Who has the default gives it up by `is_default` False; to take it over `operator` must ask.
    """
    own = _registered(directory, at)
    holder = Holder(own.account if account is None else account, name)
    entry = _holder(directory, at, holder)
    if at.proxy_type == "NIDN" and entry.kind != "person":
        raise Conflict("An HKID is a person's; a firm's account is not registered under it")
    others = [each for each in directory.registrations(at.proxy).values() if each is not own]
    records: list[Record] = [] if entry == directory.account(at.agent, holder.account) else [entry]
    after = own._replace(account=entry.account, is_default=own.is_default if is_default is None else is_default)
    if after.is_default and not own.is_default:
        records += _without_default(others, operator)
    elif own.is_default and not after.is_default:
        if not others:
            raise Conflict("A proxy has one default, and no other agent has this proxy")
        records.append(_heir(others))
    if after != own:
        records.append(after)
    return _fitting(directory, records)


def move(
    directory: Directory, at: ProxyAt, to: ProxyAt, holder: Holder, generation: int, operator: bool = False
) -> list[Record]:
    """Return the records that move a registration to an account at another agent; it stays default and under its alert.

    That agent must have the account under the name given already; only `operator` moves it to one not known there.
    """
    own = _registered(directory, at)
    if own.status == SUSPENDED:
        raise Conflict("The proxy is suspended; release it before it is moved")
    if to.agent == at.agent:
        raise Wrong("to_agent", "is the agent it is registered with; to change the account amend it")
    _check(to)
    if to.country != at.country:
        raise Wrong("to_agent", f"is of {to.country}; a proxy stays on the rails of its country ({at.country})")
    if to.agent in directory.registrations(at.proxy):
        raise Conflict("The proxy is registered with that agent already; deregister it here instead")
    known = directory.account(to.agent, holder.account)
    entry = _holder(directory, to, holder)
    if not operator and (holder.name is None or entry != known):  # one answer: it must not tell what is known there
        raise Conflict(
            "The other agent has no such account under this name; it registers the proxy itself, and this one deregisters it"
        )
    if known is not None and entry != known:
        raise Conflict("The account at the other agent is registered otherwise; its agent amends it")
    if at.proxy_type == "NIDN" and entry.kind != "person":
        raise Conflict("An HKID is a person's; a firm's account is not registered under it")
    if len(directory.registered_for(entry.key)) >= PROXIES_PER_ACCOUNT_MAX:
        raise Conflict(f"The account has {PROXIES_PER_ACCOUNT_MAX} proxies, and takes no more")
    records: list[Record] = [] if known is not None else [entry]
    moved = own._replace(agent=to.agent, account=entry.account, since=generation)
    return _fitting(directory, [*records, own._replace(status=REMOVED, is_default=False, alert=False), moved])


def set_status(directory: Directory, at: ProxyAt, status: str) -> list[Record]:
    """Return the record that suspends or releases a registration, [] where it stands so already."""
    assert status in (ACTIVE, SUSPENDED), status
    own = _registered(directory, at)
    return _fitting(directory, [own._replace(status=status)] if own.status != status else [])


def deregister(directory: Directory, at: ProxyAt) -> list[Record]:
    """Return the records that end a registration, [] where there is none; the one made first among the others becomes default."""
    there = directory.registrations(at.proxy)
    own = there.get(at.agent)
    if own is None:
        return []
    records: list[Record] = [own._replace(status=REMOVED, is_default=False, alert=False)]
    others = [each for each in there.values() if each is not own]
    if own.is_default and others:
        records.append(_heir(others))
    return _fitting(directory, records)


def alert_proxy(directory: Directory, at: ProxyAt, alert: bool) -> list[Record]:
    """Return the record that puts a registration under a suspicious-proxy alert or lifts it, [] where it stands so."""
    own = _registered(directory, at)
    return _fitting(directory, [own._replace(alert=alert)] if own.alert != alert else [])


def alert_account(directory: Directory, agent: str, account: str, alert: bool) -> list[Record]:
    """Return the record that puts an account under the alert or lifts it; raises Conflict where it is not known."""
    entry = directory.account(agent, account)
    if entry is None:
        raise Conflict("The directory does not know this account; register a proxy for it first")
    return _fitting(directory, [entry._replace(alert=alert)] if entry.alert != alert else [])


def _without_default(there: Iterable[Registration], operator: bool) -> list[Record]:
    """Return the record of who loses the default; raises Conflict where another has it and no operator takes it."""
    losers: list[Record] = [each._replace(is_default=False) for each in there if each.is_default]
    if losers and not operator:
        raise Conflict(
            "Another agent has the default; it gives it up by amending default to false, or an operator moves it"
        )
    return losers


def _heir(others: list[Registration]) -> Registration:
    """Return the registration made first, as the default one."""
    return min(others, key=lambda each: (each.since, each.agent))._replace(is_default=True)


def _check(at: ProxyAt) -> None:
    what = check_proxy(at.proxy_type, at.value, at.country)
    if what is not None:
        raise Wrong("proxy.value", what)


def _registered(directory: Directory, at: ProxyAt) -> Registration:
    _check(at)
    own = directory.registrations(at.proxy).get(at.agent)
    if own is None:
        raise Conflict(f"The proxy is not registered with {at.agent}")
    return own


def _holder(directory: Directory, at: ProxyAt, holder: Holder) -> Entry:
    """Return the account as it then stands: what is given over what is known; a new one needs a name."""
    what = check_account(holder.account, at.country)
    if what is not None:
        raise Wrong("account", what)
    known = directory.account(at.agent, holder.account)
    if known is not None:
        return known._replace(
            account=normalize_account(known.account),
            name=known.name if holder.name is None else holder.name,
            kind=known.kind if holder.kind is None else holder.kind,
            currencies=known.currencies if holder.currencies is None else holder.currencies,
        )
    if holder.name is None:
        raise Wrong("name", "is missing: the directory does not know this account")
    return Entry(
        at.agent, normalize_account(holder.account), holder.name, holder.kind or "person", at.country,
        currencies=holder.currencies or (),
    )  # fmt: skip


def _fitting(directory: Directory, records: list[Record]) -> list[Record]:
    if directory.taken + len(records) > RECORDS_MAX and any(not directory.knows(record.key) for record in records):
        raise Conflict(f"The directory holds {RECORDS_MAX} changed records, and takes no more")
    return records
