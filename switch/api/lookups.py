"""Look-ups over HTTP: who is behind a proxy, an account or an HKQR code, is this the name, is there an alert.

A look-up that finds nothing is an answer, not a problem. Numbers stand in bodies only, and no answer repeats one.
"""

from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from switch.api import shapes
from switch.api.access import Caller, Gate
from switch.api.hkqr import AskedFor, asked_for, question_of, read_code
from switch.api.operations import Operation, Says, json_answer
from switch.api.problems import ProblemRaised, refused, wrong_field
from switch.api.requests import SINGLE_BYTES_MAX, parse, read_body
from switch.api.shapes import Answer
from switch.directory.lookups import TEXTS, Asked, Lookup
from switch.flow.lookups import TooManyMisses
from switch.payment.instruction import AccountNumber, Bic, Instruction, Proxy, Text140
from switch.sandbox import Sandbox

TOO_MANY = "Too many proxies and accounts asked for were not there: a directory is not read out number by number."
_EXAMPLE: dict[str, Any] = {"proxy": {"type": "MBNO", "value": "+852-61900001"}, "name": "Tai Man Chan"}


class LookupQuestion(shapes.Asked):
    """What is looked up: a proxy (with an agent: as registered there, else at its default), an account of an agent, or the
    text of an HKQR code."""

    proxy: Proxy | None = None
    agent: Bic | None = None
    account: AccountNumber | None = None
    hkqr: str | None = Field(
        None, max_length=512, description="The text of a code, instead of proxy, agent and account"
    )
    name: Text140 | None = Field(None, description="To be compared with the one registered")


class LookupReason(Answer):
    """Why it is not verified, or (PN02) verified with a reservation: of ExternalVerificationReason1Code, or of Nexus's list."""

    code: str
    text: str


class NameMatch(Answer):
    """How the name given compares; see docs/directory.md for `why` and the scores."""

    verdict: Literal["match", "close", "no"]
    score: int = Field(description="0 to 100")
    why: str
    goes_on: bool = Field(description="Whether a payment under this name is carried; else it is refused with BE01")


class LookupDocument(Answer):
    """What was found; nothing of the account where `verified` is false. `alert`: it is suspected; a payment goes on unless
    you stop it."""

    lookup_id: str
    verified: bool
    reason: LookupReason | None
    agent: str | None
    display_name: str | None = Field(description="Masked")
    kind: Literal["person", "firm"] | None = Field(description="Whose account it is")
    currencies: list[str]
    default: bool | None = Field(description="Of a proxy: whether this is its default registration")
    match: NameMatch | None = Field(description="null where no name was given, or nothing was found")
    alert: bool
    asks: AskedFor | None = Field(None, description="Of an HKQR code; absent otherwise")


class Lookups:
    """Handler of /v1/lookups."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate

    async def look_up(self, request: Request) -> Response:
        """Answer a look-up."""
        caller = await self._gate.enter(request)
        asked = parse(LookupQuestion, await read_body(request, SINGLE_BYTES_MAX))
        if asked.hkqr is not None:
            return self._look_up_code(caller, asked, asked.hkqr)
        if (asked.proxy is None) == (asked.account is None):
            raise wrong_field("proxy", "and account: give one of the two, or hkqr")
        if asked.account is not None and asked.agent is None:
            raise wrong_field("agent", "is missing: an account number is its agent's")
        proxy = (asked.proxy.type, asked.proxy.value) if asked.proxy is not None else None
        question = Asked((asked.agent or "")[:8], proxy, asked.account or "", asked.name or "")
        return json_answer(lookup_document(looked_up(self._sandbox, caller, question)))

    def _look_up_code(self, caller: Caller, asked: LookupQuestion, payload: str) -> Response:
        """Answer a look-up by a code: whom it leads to, and what it asks for."""
        for field in ("proxy", "agent", "account"):
            if getattr(asked, field) is not None:
                raise wrong_field(field, "does not go with hkqr, which says it; leave it out")
        world, code = self._sandbox.world, read_code(payload)
        question = question_of(code, world.registry, asked.name or "")
        found = lookup_document(looked_up(self._sandbox, caller, question))
        return json_answer(found | {"asks": asked_for(code, world.clock.now())})

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        return [
            Operation(
                "POST", "/v1/lookups", self.look_up, "Look up a payee",
                "The agent and masked name behind a proxy, an account or an HKQR code, the currencies it takes, how a name "
                "compares, whether it is under a suspicious-proxy alert; of a code also what it asks for.", "directory",
                {200: Says("What was found; `verified` false where nothing was", LookupDocument)},
                ("malformed", 413, 415), LookupQuestion, example=_EXAMPLE,
            ),
        ]  # fmt: skip


def looked_up(sandbox: Sandbox, caller: Caller, question: Asked) -> Lookup:
    """Answer a question of a caller; raises ProblemRaised (429) where it has asked for too much that is not there."""
    try:
        return sandbox.lookups.look_up(question, None if caller.operator else caller.participant)
    except TooManyMisses as stopped:
        raise _stopped(stopped) from None


def count_proxy(sandbox: Sandbox, caller: Caller, instruction: Instruction) -> None:
    """Count the proxy an instruction calls its payee by, if any, as a look-up; raises ProblemRaised (429) as `looked_up`."""
    try:
        weigh_proxy(sandbox, caller, instruction)
    except TooManyMisses as stopped:
        raise _stopped(stopped) from None


def weigh_proxy(sandbox: Sandbox, caller: Caller, instruction: Instruction) -> None:
    """Count as `count_proxy` does; raises TooManyMisses."""
    proxy = instruction.creditor.account.proxy
    if proxy is not None and caller.participant is not None and not caller.operator:
        sandbox.lookups.count((proxy.type, proxy.value), instruction.creditor_agent[:8], caller.participant)


def _stopped(stopped: TooManyMisses) -> ProblemRaised:
    return refused("too-many-requests", TOO_MANY, {"Retry-After": str(int(stopped.retry_after) + 1)})


def lookup_document(lookup: Lookup) -> dict[str, Any]:
    """Write what a look-up found; where it does not verify, nothing of the account is told but how the name compares."""
    finding, comparison = lookup.finding, lookup.finding.comparison
    entry, registration = (finding.entry, finding.registration) if finding.verified else (None, None)
    return {
        "lookup_id": lookup.lookup_id,
        "verified": finding.verified,
        "reason": {"code": finding.reason, "text": TEXTS[finding.reason]} if finding.reason else None,
        "agent": entry.agent if entry is not None else None,
        "display_name": finding.display_name if entry is not None else None,
        "kind": entry.kind if entry is not None else None,
        "currencies": lookup.currencies if entry is not None else (),
        "default": registration.is_default if registration is not None else None,
        "match": comparison._asdict() if comparison is not None else None,
        "alert": finding.alert,
    }
