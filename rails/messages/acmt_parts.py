"""What acmt.023 and acmt.024 share: who asks whom, and the party, account and agent that are asked about. Pure.

Version 02 knows no proxies and no account names: there a proxy stands as the account's identification under its type as a
proprietary scheme (assumed), which takes 34 characters, and a name that is shown stands as the party's.
"""

from typing import Any, NamedTuple

from rails.messages.elements import agent, agent_of, leaf
from rails.messages.errors import MessageError

VERSION_02 = "001.02"
PROXY_LENGTH_MAX_02 = 34


class VerificationAssignment(NamedTuple):
    """Whose message it is and to whom, by BIC."""

    message_id: str
    created_at: str  # ISO 8601 text with offset
    assigner: str
    assignee: str


class Subject(NamedTuple):
    """A party with its account and agent; what is not said is "" or None."""

    name: str = ""
    account: str = ""
    proxy: tuple[str, str] | None = None  # ExternalProxyAccountType1Code, value
    agent: str = ""  # BIC
    currency: str = ""  # not of version 02
    display_name: str = ""  # the account's; of version 02 the party's


def assignment(given: VerificationAssignment) -> str:
    """Write an assignment."""
    sides = "".join(
        [
            f"<{name}>{agent('Agt', bic)}</{name}>"
            for name, bic in (("Assgnr", given.assigner), ("Assgne", given.assignee))
        ]
    )
    return f"<Assgnmt>{leaf('MsgId', given.message_id)}{leaf('CreDtTm', given.created_at)}{sides}</Assgnmt>"


def assignment_of(found: dict[str, Any]) -> VerificationAssignment:
    """Read an assignment."""
    given = found["Assgnmt"]
    sides = [agent_of(given[side], "Agt") or "" for side in ("Assgnr", "Assgne")]
    return VerificationAssignment(given["MsgId"], given["CreDtTm"].strip(), *sides)


def subject(name: str, given: Subject | None, definition: str) -> str:
    """Write a subject as an element of a version of the message; raises MessageError (AC01) where it cannot carry it."""
    if given is None:
        return ""
    is_02 = definition.endswith(VERSION_02)
    party = given.name or (given.display_name if is_02 else "")
    named = f"<Pty>{leaf('Nm', party)}</Pty>" if party else ""
    account = _account_02(given) if is_02 else _account_04(given)
    return f"<{name}>{named}{account}{agent('Agt', given.agent or None)}</{name}>"


def _account_02(given: Subject) -> str:
    if given.proxy is None:
        return f"<Acct><Othr>{leaf('Id', given.account)}</Othr></Acct>" if given.account else ""
    proxy_type, value = given.proxy
    if len(value) > PROXY_LENGTH_MAX_02:
        text = f"Version 02 carries a proxy of at most {PROXY_LENGTH_MAX_02} characters; use version 04"
        raise MessageError("AC01", "PtyAndAcctId/Acct/Othr/Id", text)
    return f"<Acct><Othr>{leaf('Id', value)}<SchmeNm>{leaf('Prtry', proxy_type)}</SchmeNm></Othr></Acct>"


def _account_04(given: Subject) -> str:
    number = f"<Id><Othr>{leaf('Id', given.account)}</Othr></Id>" if given.account else ""
    content = number + leaf("Ccy", given.currency or None) + leaf("Nm", given.display_name or None)
    if given.proxy is not None:
        proxy_type, value = given.proxy
        content += f"<Prxy><Tp>{leaf('Cd', proxy_type)}</Tp>{leaf('Id', value)}</Prxy>"
    return f"<Acct>{content}</Acct>" if content else ""


def subject_of(found: dict[str, Any]) -> Subject:
    """Read a subject; {} is one that says nothing."""
    name, account = (found.get("Pty") or {}).get("Nm", ""), found.get("Acct") or {}
    bic = agent_of(found, "Agt") or ""
    if "Othr" in account:  # version 02
        other = account["Othr"]
        if "SchmeNm" in other:
            return Subject(name, proxy=(other["SchmeNm"]["Prtry"], other["Id"]), agent=bic)
        return Subject(name, other["Id"], agent=bic)
    proxy = account.get("Prxy")
    return Subject(
        name, account["Id"]["Othr"]["Id"] if "Id" in account else "",
        (proxy["Tp"]["Cd"], proxy["Id"]) if proxy is not None else None, bic, account.get("Ccy", ""), account.get("Nm", ""),
    )  # fmt: skip
