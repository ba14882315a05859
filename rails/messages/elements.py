"""The small elements that our messages are written of, and what is read back of them. Pure.

A value that is absent is an absent element, so every writer takes None and gives "".
"""

from typing import Any, NamedTuple

from rails.messages.text import ADDITIONAL_INFORMATION_MAX, pieces, xml


class Amount(NamedTuple):
    """An amount as the message spells it: ISO 4217 code and digits, in major units."""

    currency: str
    amount: str


class Charge(NamedTuple):
    """A charge taken off, and the BIC of the agent that took it."""

    amount: Amount
    agent: str


class ClearingSystem(NamedTuple):
    """A clearing system: ("Cd", "HKS") of ExternalCashClearingSystem1Code, or ("Prtry", "IBPS") where that has none."""

    kind: str
    code: str


def leaf(name: str, value: str | None) -> str:
    """Write a text."""
    return f"<{name}>{xml(value)}</{name}>" if value is not None else ""


def amount(name: str, value: Amount | None) -> str:
    """Write an amount."""
    return f'<{name} Ccy="{xml(value.currency)}">{xml(value.amount)}</{name}>' if value is not None else ""


def amount_of(found: dict[str, Any], name: str) -> Amount | None:
    """Read an amount."""
    return Amount(*found[name]) if name in found else None


def agent(name: str, bic: str | None) -> str:
    """Write an agent by its BIC."""
    return f"<{name}><FinInstnId><BICFI>{xml(bic)}</BICFI></FinInstnId></{name}>" if bic is not None else ""


def agent_of(found: dict[str, Any], name: str) -> str | None:
    """Read the BIC of an agent, None where it is absent."""
    return found[name]["FinInstnId"]["BICFI"] if name in found else None


def charges(given: tuple[Charge, ...]) -> str:
    """Write charges, one ChrgsInf each."""
    return "".join([f"<ChrgsInf>{amount('Amt', each.amount)}{agent('Agt', each.agent)}</ChrgsInf>" for each in given])


def charges_of(found: dict[str, Any]) -> tuple[Charge, ...]:
    """Read charges."""
    return tuple(
        [Charge(Amount(*each["Amt"]), each["Agt"]["FinInstnId"]["BICFI"]) for each in found.get("ChrgsInf", ())]
    )


def settlement(system: ClearingSystem | None) -> str:
    """Write that a clearing system settles, and which one where it is known."""
    named = f"<ClrSys>{leaf(system.kind, system.code)}</ClrSys>" if system is not None else ""
    return f"<SttlmInf><SttlmMtd>CLRG</SttlmMtd>{named}</SttlmInf>"


def clearing_system_of(found: dict[str, Any]) -> ClearingSystem | None:
    """Read which clearing system settles, None where it is not said."""
    system = found.get("SttlmInf", {}).get("ClrSys")
    return ClearingSystem(*next(iter(system.items()))) if system is not None else None


def reason(name: str, code: str, text: str) -> str:
    """Write a reason: its code, and what is added in pieces; nothing where there is neither."""
    if not code and not text:
        return ""
    coded = f"<Rsn><Cd>{xml(code)}</Cd></Rsn>" if code else ""
    return f"<{name}>{coded}{''.join([f'<AddtlInf>{xml(piece)}</AddtlInf>' for piece in pieces(text)])}</{name}>"


def reason_of(found: dict[str, Any], name: str) -> tuple[str, str]:
    """Read (code, text) of a reason, "" each where it is absent; AddtlInf is a list."""
    given = found.get(name) or {}
    return given["Rsn"]["Cd"] if "Rsn" in given else "", joined(given.get("AddtlInf", []))


def joined(cut: list[str]) -> str:
    """Put pieces of a text together again: at a space, but where a word longer than a piece was cut."""
    return "".join([piece if len(piece) == ADDITIONAL_INFORMATION_MAX else f"{piece} " for piece in cut]).rstrip()


def instant_of(found: dict[str, Any], name: str) -> str | None:
    """Read an instant or day; xs:dateTime lets spaces stand around it."""
    text = found.get(name)
    return text.strip() if text is not None else None
