"""The directory over HTTP: proxies registered and changed, accounts and proxies put under an alert, what an account has.

Bodies only: no number stands in a path. An agent changes what is registered with it, for its own customers; an operator
anything. Thin over Sandbox.directory; the rules are switch.directory.changes.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from rails.addressing import normalize_proxy
from switch.api.access import Caller, Gate
from switch.api.operations import Operation, Says, json_answer
from switch.api.problems import refused, wrong_field
from switch.api.requests import SINGLE_BYTES_MAX, parse, read_body
from switch.api.shapes import Answer, Asked
from switch.directory import changes
from switch.directory.changes import Conflict, Holder, ProxyAt, Wrong
from switch.directory.directory import Directory
from switch.directory.entries import ACTIVE, SUSPENDED, Record, Registration
from switch.flow.directory import Change, TooManyChanges
from switch.participants.registry import Participant
from switch.payment.instruction import AccountNumber, Bic, Currency, Proxy, Text140
from switch.sandbox import Sandbox

_AGENT, _ACCOUNT = "HBAYHKH0", "900888000001"
_REGISTRATION: dict[str, Any] = {
    "proxy": {"type": "EMAL", "value": "tai.man@example.hk"}, "agent": _AGENT, "account": _ACCOUNT,
}  # fmt: skip
_CHANGE: dict[str, Any] = {
    "proxy": {"type": "MBNO", "value": "+852-61900001"}, "agent": _AGENT, "change": "amend", "name": "CHAN Tai Man",
}  # fmt: skip
_ALERT: dict[str, Any] = {"agent": _AGENT, "account": _ACCOUNT, "alert": False}


Kind = Literal["person", "firm"]
Currencies = Annotated[tuple[Currency, ...], Field(min_length=1, max_length=8)]
ChangeName = Literal["amend", "move", "suspend", "release", "deregister", "alert", "lift-alert"]
# What each change takes beside proxy and agent; the rest would be passed over unseen, so it is refused.
_TAKES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "amend": frozenset({"account", "name", "default"}),
        "move": frozenset({"account", "name", "kind", "currencies", "to_agent"}),
    }
)
_OPERATORS_ONLY = frozenset({"alert", "lift-alert"})


class ProxyRegistration(Asked):
    """A proxy to be registered for an account. An account the directory does not know needs a name."""

    proxy: Proxy
    agent: Bic = Field(description="The account's agent")
    account: AccountNumber
    name: Text140 | None = Field(None, description="Under which the account is registered; given again it replaces it")
    kind: Kind | None = Field(None, description="person unless said")
    currencies: Currencies | None = Field(None, description="It takes; without it all that its agent's rails carry")
    default: bool | None = Field(
        None,
        description="Where payments go that name no agent; a proxy's first registration is it anyway. Another agent's is taken "
        "over by operators only",
    )


class ProxyChange(Asked):
    """A change of a registration: amend (account, name, default), move (to_agent, account, name, kind, currencies), suspend,
    release, deregister; for operators alert and lift-alert."""

    proxy: Proxy
    agent: Bic = Field(description="With which it is registered")
    change: ChangeName
    account: AccountNumber | None = None
    name: Text140 | None = None
    kind: Kind | None = None
    currencies: Currencies | None = None
    default: bool | None = Field(
        None,
        description="false gives it up to the registration made first; true, while another agent has it, is an operator's",
    )
    to_agent: Bic | None = Field(
        None, description="Of move: it must have the account under this name already, unless an operator moves it"
    )


class AccountQuestion(Asked):
    """An account on an agent's books."""

    agent: Bic
    account: AccountNumber


class AccountAlert(AccountQuestion):
    """An account to be put under the suspicious-proxy alert, or taken from under it."""

    alert: bool


class ProxyDocument(Answer):
    """A registration as it then stands, without its numbers; `changed`: false where it stood so already."""

    changed: bool
    agent: str
    status: str = Field(description="active, suspended or removed")
    default: bool
    alert: bool


class AlertDocument(Answer):
    """`changed`: false where it stood so already."""

    changed: bool
    alert: bool


class RegisteredProxy(Answer):
    """One proxy of an account."""

    proxy: Proxy
    status: str
    default: bool
    alert: bool


class KnownAccountDocument(Answer):
    """An account as the directory has it, for its own agent; `name` null where it is not known."""

    name: str | None
    kind: str | None
    currencies: list[str]
    alert: bool
    proxies: list[RegisteredProxy]


class Proxies:
    """Handlers of /v1/proxies and /v1/accounts."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate

    async def register(self, request: Request) -> Response:
        """Register a proxy for an account."""
        caller = await self._gate.enter(request)
        asked = parse(ProxyRegistration, await read_body(request, SINGLE_BYTES_MAX))
        at = self._at(asked.proxy, self._agent(caller, asked.agent, "agent"))
        holder = Holder(asked.account, asked.name, asked.kind, asked.currencies)
        operator = caller.operator
        changed = await self._changed(
            lambda known, now: changes.register(known, at, holder, asked.default, now, operator)
        )
        return self._answer(at, changed)

    async def change(self, request: Request) -> Response:
        """Change a registration."""
        caller = await self._gate.enter(request)
        asked = parse(ProxyChange, await read_body(request, SINGLE_BYTES_MAX))
        if asked.change in _OPERATORS_ONLY and not caller.operator:
            raise refused("forbidden", "Only an operator puts a proxy under an alert or lifts it.")
        at = self._at(asked.proxy, self._agent(caller, asked.agent, "agent"))
        for field in ("account", "name", "kind", "currencies", "default", "to_agent"):
            if getattr(asked, field) is not None and field not in _TAKES.get(asked.change, frozenset()):
                raise wrong_field(field, f"does not go with {asked.change}; leave it out")
        if asked.change == "move":
            to = self._at(asked.proxy, self._participant(asked.to_agent, "to_agent"))
            return self._answer(to, await self._changed(_moving(asked, at, to, caller.operator)))
        return self._answer(at, await self._changed(_changing(asked, at, caller.operator)))

    async def alert(self, request: Request) -> Response:
        """Put an account under an alert or lift it."""
        await self._gate.enter_operator(request)
        asked = parse(AccountAlert, await read_body(request, SINGLE_BYTES_MAX))
        agent = self._participant(asked.agent, "agent").bic
        changed = await self._changed(lambda known, _: changes.alert_account(known, agent, asked.account, asked.alert))
        return json_answer({"changed": changed, "alert": asked.alert})

    async def account(self, request: Request) -> Response:
        """Show an account and its proxies to its agent."""
        caller = await self._gate.enter(request)
        asked = parse(AccountQuestion, await read_body(request, SINGLE_BYTES_MAX))
        agent = self._agent(caller, asked.agent, "agent").bic
        directory = self._directory
        entry = directory.account(agent, asked.account)
        return json_answer(
            {
                "name": entry.name if entry is not None else None,
                "kind": entry.kind if entry is not None else None,
                "currencies": entry.currencies if entry is not None else (),
                "alert": entry.alert if entry is not None else False,
                "proxies": [_registered(each) for each in directory.registered_for((agent, asked.account))],
            }
        )

    @property
    def _directory(self) -> Directory:
        return self._sandbox.world.known.directory

    def _participant(self, bic: str | None, field: str) -> Participant:
        found = self._sandbox.world.registry.find(bic) if bic else None
        if found is None:
            raise wrong_field(field, "names no participant of this sandbox; GET /v1/participants lists them")
        return found

    def _agent(self, caller: Caller, bic: str, field: str) -> Participant:
        """Return the agent whose customer's it is, which the caller must be unless it operates."""
        found = self._participant(bic, field)
        if not caller.operator and caller.participant != found.bic:
            raise refused("forbidden", "An agent registers and changes proxies of its own customers only.")
        return found

    def _at(self, proxy: Proxy, agent: Participant) -> ProxyAt:
        return ProxyAt(proxy.type, proxy.value, agent.bic, agent.country)

    async def _changed(self, make: Change) -> bool:
        try:
            return await self._sandbox.directory.change(make)
        except Conflict as conflict:
            raise refused("conflict", f"{conflict}.") from None
        except Wrong as wrong:
            raise wrong_field(wrong.field, wrong.what) from None
        except TooManyChanges:
            raise refused("busy", "Too many changes of the directory wait.", {"Retry-After": "5"}) from None

    def _answer(self, at: ProxyAt, changed: bool) -> Response:
        found = self._directory.registrations(at.proxy).get(at.agent)
        document = {"agent": at.agent, "status": "removed", "default": False, "alert": False}
        if found is not None:
            document |= {"status": found.status, "default": found.is_default, "alert": found.alert}
        return json_answer({"changed": changed} | document)

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        problems = ("malformed", "conflict", 413, 415, "unavailable", "busy")
        return [
            Operation(
                "POST", "/v1/proxies", self.register, "Register a proxy",
                "A mobile number, e-mail address, FPS identifier or HKID that leads to an account from the next payment on. "
                "The same proxy may be registered with several agents; one of them is its default. For the account's agent, "
                "and for operators.", "directory",
                {200: Says("The registration", ProxyDocument)}, problems, ProxyRegistration, example=_REGISTRATION,
            ),
            Operation(
                "POST", "/v1/proxies/change", self.change, "Change a registration",
                "Amend it, move it to another agent, suspend it and release it again, deregister it; operators put it under "
                "an alert and lift it. Every worker has it before it judges the next payment.", "directory",
                {200: Says("The registration as it then stands; of a move, at the other agent", ProxyDocument)}, problems,
                ProxyChange, example=_CHANGE,
            ),
            Operation(
                "POST", "/v1/accounts/known", self.account, "Read an account's entry and proxies",
                "What the directory has of an account. For its agent, and for operators.", "directory",
                {200: Says("The entry", KnownAccountDocument)}, ("malformed", 413, 415, "unavailable"),
                AccountQuestion, example={"agent": _AGENT, "account": _ACCOUNT},
            ),
            Operation(
                "POST", "/v1/accounts/alerts", self.alert, "Put an account under an alert, or lift it",
                "Look-ups then warn of it, whichever proxy leads there; payments go on. For operators.", "directory",
                {200: Says("The alert as it stands", AlertDocument)}, problems, AccountAlert, example=_ALERT,
            ),
        ]  # fmt: skip


def _changing(asked: ProxyChange, at: ProxyAt, operator: bool) -> Change:
    def make(known: Directory, _: int) -> list[Record]:
        if asked.change == "amend":
            return changes.amend(known, at, asked.account, asked.name, asked.default, operator)
        if asked.change == "deregister":
            return changes.deregister(known, at)
        if asked.change in _OPERATORS_ONLY:
            return changes.alert_proxy(known, at, asked.change == "alert")
        return changes.set_status(known, at, SUSPENDED if asked.change == "suspend" else ACTIVE)

    return make


def _moving(asked: ProxyChange, at: ProxyAt, to: ProxyAt, operator: bool) -> Change:
    if asked.account is None:
        raise wrong_field("account", "is missing: the account at to_agent that it is moved to")
    holder = Holder(asked.account, asked.name, asked.kind, asked.currencies)
    return lambda known, now: changes.move(known, at, to, holder, now, operator)


def _registered(each: Registration) -> dict[str, Any]:
    proxy = {"type": each.proxy_type, "value": normalize_proxy(each.proxy_type, each.value)}
    return {"proxy": proxy, "status": each.status, "default": each.is_default, "alert": each.alert}
