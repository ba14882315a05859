"""The directory of one sandbox: which account a proxy stands for, and under which name an account is registered.

In memory and never written after it is built. An account it does not know is not refused: not every agent publishes its
accounts (assumed), so the payee's name is checked only where the directory knows it.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from rails.addressing import check_proxy, normalize_account, normalize_proxy
from switch.directory.population import population
from switch.participants.registry import Registry, load_registry


class Entry(NamedTuple):
    """One account: agent (BIC8), number on its books, registered name, and the proxies that lead to it."""

    agent: str
    account: str
    name: str
    kind: str  # person | firm
    country: str  # ISO 3166 of the agent: whose rails resolve the proxies
    proxies: tuple[tuple[str, str], ...] = ()  # (ExternalProxyAccountType1Code, value)


class Directory:
    """Proxies and accounts of one sandbox. A proxy leads to one account per country; an account has one entry."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._accounts: dict[tuple[str, str], Entry] = {}
        self._proxies: dict[tuple[str, str, str], Entry] = {}
        for entry in entries:
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        account = (entry.agent[:8], normalize_account(entry.account))
        if account in self._accounts:
            raise ValueError(f"account {entry.account} of {entry.agent} is in the directory twice")
        self._accounts[account] = entry
        for proxy_type, value in entry.proxies:
            what = check_proxy(proxy_type, value, entry.country)
            if what is not None:
                raise ValueError(f"proxy of account {entry.account} of {entry.agent}: {what}")
            proxy = (proxy_type, normalize_proxy(proxy_type, value), entry.country)
            if proxy in self._proxies:
                raise ValueError(f"{proxy_type} {value} is registered twice in {entry.country}")
            self._proxies[proxy] = entry

    def resolve(self, proxy_type: str, value: str, rail_country: str) -> Entry | None:
        """Return the account behind a proxy on the rails of `rail_country` (ISO 3166), None where there is none."""
        return self._proxies.get((proxy_type, normalize_proxy(proxy_type, value), rail_country))

    def account(self, agent_bic: str, number: str) -> Entry | None:
        """Return the entry of an account, None where the directory does not know it."""
        return self._accounts.get((agent_bic[:8], normalize_account(number)))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._accounts.values())

    def __len__(self) -> int:
        return len(self._accounts)


@cache
def known_entries() -> tuple[Entry, ...]:
    """Read the packaged entries: the accounts that demo, documentation and tests call by name."""
    data = yaml.safe_load(files("switch.directory").joinpath("directory.yaml").read_text("utf-8"))
    return tuple(_entry(row) for row in data["entries"])


def _entry(row: dict[str, Any]) -> Entry:
    proxies = tuple((proxy_type, value) for proxy_type, value in row.get("proxies", {}).items())
    return Entry(row["agent"], row["account"], row["name"], row["kind"], row["country"], proxies)


def build_directory(seed: int, entries: Iterable[Entry] = (), registry: Registry | None = None) -> Directory:
    """Build a sandbox's directory: the packaged entries, those given, and a population drawn from `seed`.

    Raises ValueError where two entries share an account or a proxy.
    """
    agents = [
        (participant.bic, participant.country) for participant in (registry or load_registry()).participants.values()
    ]
    drawn = (Entry(*row) for row in population(seed, agents))
    return Directory([*known_entries(), *entries, *drawn])
