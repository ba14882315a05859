"""The auditor's own lists: who takes part at the moment, where each proxy leads, and what two operators have agreed on."""

from collections import defaultdict
from datetime import datetime

from own_law import LAPSES_AFTER, expect

from switch.flow.ports import Stored
from switch.payment.instruction import Instruction


class OwnMembers:
    """Participants and proxies, as their changes were asked for."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], str] = {}  # (BIC8, rail or "" wholly) -> state set at run time
        self.proxies: dict[
            tuple[str, str, str], tuple[str, bool]
        ] = {}  # (type, value, agent) -> account, whether active

    def barred(self, bic: str, rail: str) -> bool:
        """Whether an agent takes no part, wholly or on a rail."""
        return any(self.states.get((bic[:8], place), "active") != "active" for place in ("", rail))

    def taken(self, payment_id: str, instruction: Instruction, stored: Stored, rail: str) -> str:
        """A payment was taken in, or let go at an opening: return the account it is to reach, "" for the one it names."""
        expect(
            not self.barred(stored.creditor_agent, rail),
            f"{payment_id} to {stored.creditor_agent}, which takes no part in {rail}",
        )
        expect(not self.barred(stored.debtor_agent, ""), f"{payment_id} of {stored.debtor_agent}, which takes no part")
        proxy = instruction.creditor.account.proxy
        if proxy is None:
            return ""
        account, active = self.proxies.get((proxy.type, proxy.value, stored.creditor_agent), ("", False))
        expect(active, f"{payment_id} goes to proxy {proxy.value}, which leads nowhere at {stored.creditor_agent}")
        return account


class OwnOperators:
    """Who proposed what, when, on which subject; what two of them agreed on."""

    def __init__(self) -> None:
        self._said: defaultdict[tuple[str, str], list[tuple[str, str, datetime]]] = defaultdict(list)

    def said(self, subject: tuple[str, str], action: str, operator: str, at: datetime) -> None:
        """An operator asked for an action on a subject (payment, "payment" or the exception's kind)."""
        self._said[subject].append((action, operator, at))

    def agreed(self, payment_id: str, about: str, action: str) -> bool:
        """Whether two different ones have asked for the same within the time that a proposal waits."""
        said = [(who, at) for what, who, at in self._said[payment_id, about] if what == action]
        return any(
            one != other and abs(first - second) < LAPSES_AFTER
            for i, (one, first) in enumerate(said)
            for other, second in said[:i]
        )
