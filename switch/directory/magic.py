"""What a look-up finds where a magic payee is asked for (docs/magic.md): an account that is nobody's, and says so.

It answers from the same table as payments. What the table refuses with a code that a look-up has, the look-up refuses with
its own; for whatever else is wrong the payee is there, and the payment is what fails. Pure.
"""

from collections.abc import Mapping

from rails.addressing import check_account, check_proxy, country_of_proxy
from rails.magic import MARK, is_known, magic_of
from switch.directory.entries import Entry
from switch.directory.lookups import Asked, Finding
from switch.directory.names import MATCH, Comparison
from switch.payment.magic import of_name, of_proxy
from switch.payment.plan import Refusal
from switch.payment.reasons import REASONS

# ExternalStatusReason1Code the table refuses with -> what a look-up says of the same (lookups.TEXTS; assumed).
_SAID: Mapping[str, str] = {"AC01": "AC01", "AC03": "NR01", "BE01": "PN01", "BE23": "BE23", "RC04": "RC04"}
_NAMED = Comparison(MATCH, 100, "same", True)  # a magic payee bears whatever name it is given


def look_up_magic(asked: Asked, agents: Mapping[str, str]) -> Finding | None:
    """Answer a question for a magic payee, None where it is not for one; `agents` are countries by BIC8."""
    if (asked.proxy is None) == (not asked.account) or (asked.agent and asked.agent not in agents):
        return None
    if asked.proxy is not None:
        country = agents.get(asked.agent) or country_of_proxy(*asked.proxy)
        wanted = of_proxy(*asked.proxy) if check_proxy(*asked.proxy, country) is None else None
    elif asked.agent and MARK in asked.account.upper():
        country, wanted = agents[asked.agent], _of_account(asked.account, agents[asked.agent])
    else:
        return None
    if wanted is None:
        return None
    # Without an agent any one of the proxy's country will do: the value means the same at each.
    agent = asked.agent or min((bic for bic, of in agents.items() if of == country), default="")
    return _answered(asked, wanted, agent, country) if agent else None


def _of_account(account: str, country: str) -> Refusal | str | None:
    if check_account(account, country) is not None:
        return None
    return account if is_known(account) else of_name(account, 0)


def _answered(asked: Asked, wanted: Refusal | str, agent: str, country: str) -> Finding:
    if isinstance(wanted, Refusal):
        reason, name = _SAID.get(REASONS[wanted.reason].code, ""), f"{MARK}-REFUSE-{wanted.reason.upper()}"
    else:
        magic = magic_of(wanted)
        assert magic is not None
        reason, name = _SAID.get(magic.reason_code if magic.heard else "", ""), f"{MARK}-{magic.name}"
    if reason:
        return Finding(reason)
    entry = Entry(agent, asked.account or name, f"Magic payee {name}", "firm", country)
    return Finding("", entry, comparison=_NAMED if asked.name else None)
