"""The directory of one sandbox: which account a proxy stands for, and under which name an account is registered.

Built from packaged and drawn entries; what is registered at run time is taken up record by record (`take`), so that a
change costs what it changes. An account it does not know is not refused: not every agent publishes its accounts
(assumed), so the payee's name is checked only where the directory knows it. Who may change what stands in .changes.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml

from rails.addressing import check_proxy, normalize_account, normalize_proxy
from switch.directory.entries import ACTIVE, REMOVED, Entry, Record, Registration
from switch.directory.population import population
from switch.participants.registry import Registry, load_registry

_NOWHERE: Mapping[str, Registration] = MappingProxyType({})


class Directory:
    """Proxies and accounts of one sandbox. A proxy leads to one account per agent; an account has one entry.

    `revision` is the fence's generation up to which changes have been taken up.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._accounts: dict[tuple[str, str], Entry] = {}
        self._proxies: dict[tuple[str, str, str], dict[str, Registration]] = {}
        self._of_account: dict[tuple[str, str], dict[tuple[str, str, str], Registration]] = {}
        self._alerted: set[tuple[str, ...]] = set()  # keys of accounts and registrations under an alert
        self._taken: set[tuple[str, ...]] = set()
        self.revision = 0
        for entry in entries:
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        account = entry.key
        if account in self._accounts:
            raise ValueError(f"account {entry.account} of {entry.agent} is in the directory twice")
        self._accounts[account] = entry
        if entry.alert:
            self._alerted.add(account)
        for proxy_type, value in entry.proxies:
            what = check_proxy(proxy_type, value, entry.country)
            if what is not None:
                raise ValueError(f"proxy of account {entry.account} of {entry.agent}: {what}")
            proxy = (proxy_type, normalize_proxy(proxy_type, value), entry.country)
            if proxy in self._proxies:
                raise ValueError(f"{proxy_type} {value} is registered twice in {entry.country}")
            self._put(Registration(*proxy, *account))

    def _put(self, found: Registration) -> None:
        """Put a registration in place of the one of its key, or take it away."""
        there = self._proxies.setdefault(found.proxy, {})
        before = there.pop(found.agent, None)
        if before is not None:
            del self._of_account[before.agent, before.account][before.proxy]
        if found.status != REMOVED:
            there[found.agent] = found
            self._of_account.setdefault((found.agent, found.account), {})[found.proxy] = found
        elif not there:
            del self._proxies[found.proxy]

    # --- questions ---

    def resolve(self, proxy_type: str, value: str, rail_country: str, agent: str = "") -> Entry | None:
        """Return the account behind a proxy on the rails of `rail_country` (ISO 3166), None where there is none.

        The one registered with `agent` (BIC8) comes first, then the default one; a suspended registration leads nowhere.
        """
        found = self.registration(proxy_type, value, rail_country, agent)
        return self._accounts[found.agent, found.account] if found is not None and found.status == ACTIVE else None

    def registration(self, proxy_type: str, value: str, rail_country: str, agent: str = "") -> Registration | None:
        """Return a proxy's registration with an agent, else its default one; a suspended one too."""
        there = self._proxies.get((proxy_type, normalize_proxy(proxy_type, value), rail_country))
        if there is None:
            return None
        return there.get(agent) or next((each for each in there.values() if each.is_default), None)

    def registrations(self, proxy: tuple[str, str, str]) -> Mapping[str, Registration]:
        """Return a proxy's registrations by agent."""
        return self._proxies.get(proxy, _NOWHERE)

    def registered_for(self, account: tuple[str, str]) -> list[Registration]:
        """Return the registrations that lead to an account (BIC8, number)."""
        return list(self._of_account.get((account[0], normalize_account(account[1])), {}).values())

    def account(self, agent_bic: str, number: str) -> Entry | None:
        """Return the entry of an account, None where the directory does not know it."""
        return self._accounts.get((agent_bic[:8], normalize_account(number)))

    @property
    def has_alerts(self) -> bool:
        """Whether anything in it is under an alert."""
        return bool(self._alerted)

    def is_alerted(self, entry: Entry, registration: Registration | None = None) -> bool:
        """Whether an account, or the proxy through which it was found, is under a suspicious-proxy alert."""
        return entry.key in self._alerted or (registration is not None and registration.key in self._alerted)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._accounts.values())

    def __len__(self) -> int:
        return len(self._accounts)

    # --- what has changed at run time ---

    @property
    def taken(self) -> int:
        """Return how many records differ from what it was built from, removed ones too."""
        return len(self._taken)

    def knows(self, key: tuple[str, ...]) -> bool:
        """Whether a record of this key came at run time."""
        return key in self._taken

    def take(self, records: Iterable[Record], revision: int) -> None:
        """Take up records written at run time, each in place of the one of its key; they are the store's, so in order."""
        for record in records:
            self._taken.add(record.key)
            (self._alerted.add if record.alert else self._alerted.discard)(record.key)
            if isinstance(record, Entry):
                self._accounts[record.key] = record
            else:
                self._put(record)
        self.revision = max(self.revision, revision)


@cache
def known_entries() -> tuple[Entry, ...]:
    """Read the packaged entries: the accounts that demo, documentation and tests call by name."""
    data = yaml.load(files("switch.directory").joinpath("directory.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return tuple(_entry(row) for row in data["entries"])


def _entry(row: dict[str, Any]) -> Entry:
    proxies = tuple((proxy_type, value) for proxy_type, value in row.get("proxies", {}).items())
    alert = row.get("alert", False)
    return Entry(row["agent"], row["account"], row["name"], row["kind"], row["country"], proxies, alert=alert)


def build_directory(seed: int, entries: Iterable[Entry] = (), registry: Registry | None = None) -> Directory:
    """Build a sandbox's directory: the packaged entries, those given, and a population drawn from `seed`.

    Raises ValueError where two entries share an account or a proxy.
    """
    agents = [
        (participant.bic, participant.country) for participant in (registry or load_registry()).participants.values()
    ]
    drawn = (Entry(*row) for row in population(seed, agents))
    return Directory([*known_entries(), *entries, *drawn])
