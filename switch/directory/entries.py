"""What the directory holds: accounts under the names they are registered by, and proxies registered for them. Plain values.

An entry or registration written at run time is JSON, sealed by who stores it; no rule about either stands here.
"""

import json
from typing import NamedTuple

from rails.addressing import normalize_account

ACTIVE, SUSPENDED, REMOVED = "active", "suspended", "removed"


class Entry(NamedTuple):
    """One account: agent (BIC8), number on its books, registered name, and the proxies it is packaged with."""

    agent: str
    account: str
    name: str
    kind: str  # person | firm
    country: str  # ISO 3166 of the agent: whose rails resolve the proxies
    proxies: tuple[tuple[str, str], ...] = ()  # (ExternalProxyAccountType1Code, value)
    currencies: tuple[str, ...] = ()  # it takes; none named: what its agent's rails carry
    alert: bool = False  # HK FPS's suspicious proxy alert (rule 6.5.1.9, facts messages 2.1), here of the account

    @property
    def key(self) -> tuple[str, str]:
        """Return under what the directory finds it."""
        return self.agent, normalize_account(self.account)


class Registration(NamedTuple):
    """One proxy at one agent: it leads to `account` there. The same proxy may be registered with several agents."""

    proxy_type: str  # ExternalProxyAccountType1Code
    value: str  # in its normal form
    country: str  # ISO 3166: whose rails resolve it
    agent: str  # BIC8
    account: str  # in its normal form
    is_default: bool = True  # where a payment goes that names no agent
    status: str = ACTIVE
    alert: bool = False
    since: int = 0  # the fence's generation when it was made; 0: packaged or drawn

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return under what the directory finds it."""
        return self.proxy_type, self.value, self.country, self.agent

    @property
    def proxy(self) -> tuple[str, str, str]:
        """Return the proxy itself: type, value, country."""
        return self.key[:3]


Record = Entry | Registration


def name_of(record: Record) -> str:
    """Return what a record is known by, to be made a pseudonym before it is stored."""
    return "|".join(("account" if isinstance(record, Entry) else "proxy", *record.key))


def write_record(record: Record) -> bytes:
    """Write a record as JSON."""
    kind = "account" if isinstance(record, Entry) else "proxy"
    return json.dumps({"record": kind, **record._asdict()}, ensure_ascii=False).encode()


def read_record(text: bytes) -> Record:
    """Read a record that `write_record` wrote."""
    fields = json.loads(text)
    if fields.pop("record") == "proxy":
        return Registration(**fields)
    proxies = tuple((proxy_type, value) for proxy_type, value in fields.pop("proxies"))
    return Entry(**fields | {"proxies": proxies, "currencies": tuple(fields.pop("currencies"))})
