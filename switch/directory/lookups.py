"""What a look-up finds: the account behind a proxy or a number, how its name compares, whether it is under an alert. Pure.

Reasons are of ExternalVerificationReason1Code (facts messages 3.3) and, where that set has none, those Nexus lists for
acmt.024 (facts messages 1.4). A suspended proxy is answered as one that is not registered: why it leads nowhere is between
its agent and its holder (assumed).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from rails.addressing import check_account, check_proxy, country_of_proxy
from switch.directory.directory import Directory
from switch.directory.entries import ACTIVE, Entry, Registration
from switch.directory.masking import masked_name
from switch.directory.names import CLOSE, MATCH, Comparison, compare_names, written_as

# Why a look-up does not verify, or (PN02) verifies with a reservation. AC01 speaks of the proxy's form, too: the set has no
# other code for it.
TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "AC01": "The proxy or account number is malformed.",
        "AGNT": "The proxy is registered with another agent than the one named.",
        "BE23": "No account is registered under this proxy.",
        "FF01": "Neither or both of a proxy and an account number are given.",
        "NR01": "The directory does not know this account: not every agent publishes its accounts.",
        "PN01": "The name given is not the one registered.",
        "PN02": "The name given is close to the one registered.",
        "RC04": "The agent named is no participant, or an account number is given without its agent.",
    }
)


class Asked(NamedTuple):
    """A question: a proxy, or an account of `agent`; a name to be compared, if any."""

    agent: str = ""  # BIC8; with a proxy, where it is expected
    proxy: tuple[str, str] | None = None  # ExternalProxyAccountType1Code, value
    account: str = ""
    name: str = ""


class Finding(NamedTuple):
    """What was found; `reason` is "" where nothing is to be said, else a row of TEXTS."""

    reason: str
    entry: Entry | None = None
    registration: Registration | None = None
    comparison: Comparison | None = None
    alert: bool = False

    @property
    def verified(self) -> bool:
        """Whether there is such an account and its name, if one was given, is not another's."""
        return self.entry is not None and self.reason in ("", "PN02")

    @property
    def display_name(self) -> str:
        """Return the masked name, "" where no account was found."""
        return masked_name(self.entry.name, self.entry.kind) if self.entry is not None else ""


class Lookup(NamedTuple):
    """A look-up answered: its id, what was found, and the currencies the account takes."""

    lookup_id: str
    finding: Finding
    currencies: tuple[str, ...]


def look_up(
    directory: Directory, asked: Asked, agents: Mapping[str, str], strict: frozenset[str] = frozenset()
) -> Finding:
    """Answer a question; `agents` are the participants' countries by BIC8, `strict` those that take a name as registered only."""
    if (asked.proxy is None) == (not asked.account):
        return Finding("FF01")
    if asked.agent and asked.agent not in agents:
        return Finding("RC04")
    if asked.proxy is not None:
        found = _by_proxy(directory, asked, asked.proxy, agents.get(asked.agent) or country_of_proxy(*asked.proxy))
    elif not asked.agent:
        return Finding("RC04")
    elif check_account(asked.account, agents[asked.agent]) is not None:
        return Finding("AC01")
    else:
        entry = directory.account(asked.agent, asked.account)
        found = Finding("NR01") if entry is None else Finding("", entry, alert=directory.is_alerted(entry))
    return _named(found, asked.name, strict) if asked.name and found.entry is not None else found


def _by_proxy(directory: Directory, asked: Asked, proxy: tuple[str, str], country: str) -> Finding:
    if check_proxy(*proxy, country) is not None:
        return Finding("AC01")
    registration = directory.registration(*proxy, country, asked.agent)
    if registration is None or registration.status != ACTIVE:
        return Finding("BE23")
    if asked.agent and registration.agent != asked.agent:
        return Finding("AGNT")
    entry = directory.account(registration.agent, registration.account)
    assert entry is not None, "a registration without its account"
    return Finding("", entry, registration, alert=directory.is_alerted(entry, registration))


def _named(found: Finding, name: str, strict: frozenset[str]) -> Finding:
    assert found.entry is not None
    comparison = compare_names(name, found.entry.name)
    if found.entry.agent in strict and not written_as(name, found.entry.name):
        comparison = comparison._replace(goes_on=False)
    reason = {MATCH: "", CLOSE: "PN02"}.get(comparison.verdict, "PN01")
    return found._replace(reason=reason, comparison=comparison)
