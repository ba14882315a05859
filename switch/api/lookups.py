"""Look-ups over HTTP: who is behind a proxy or an account, is this the name, is there an alert.

A look-up that finds nothing is an answer, not a problem. Numbers stand in bodies only, and no answer repeats one.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from switch.api.access import Caller, Gate
from switch.api.operations import Operation, Says, json_answer
from switch.api.problems import refused, wrong_field
from switch.api.requests import SINGLE_BYTES_MAX, parse, read_body
from switch.directory.lookups import TEXTS, Asked, Lookup
from switch.flow.lookups import TooManyMisses
from switch.payment.instruction import AccountNumber, Bic, Proxy, Text140
from switch.sandbox import Sandbox

_EXAMPLE: dict[str, Any] = {"proxy": {"type": "MBNO", "value": "+852-61900001"}, "name": "Tai Man Chan"}


class LookupQuestion(BaseModel):
    """What is looked up: a proxy (with an agent: as registered there, else at its default), or an account of an agent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    proxy: Proxy | None = None
    agent: Bic | None = None
    account: AccountNumber | None = None
    name: Text140 | None = Field(None, description="To be compared with the one registered")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LookupReason(_Answer):
    """Why it is not verified, or (PN02) verified with a reservation: of ExternalVerificationReason1Code, or of Nexus's list."""

    code: str
    text: str


class NameMatch(_Answer):
    """How the name given compares; see docs/directory.md for `why` and the scores."""

    verdict: Literal["match", "close", "no"]
    score: int = Field(description="0 to 100")
    why: str
    goes_on: bool = Field(description="Whether a payment under this name is carried; else it is refused with BE01")


class LookupDocument(_Answer):
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


class Lookups:
    """Handler of /v1/lookups."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate

    async def look_up(self, request: Request) -> Response:
        """Answer a look-up."""
        caller = await self._gate.enter(request)
        asked = parse(LookupQuestion, await read_body(request, SINGLE_BYTES_MAX))
        if (asked.proxy is None) == (asked.account is None):
            raise wrong_field("proxy", "and account: give one of the two")
        if asked.account is not None and asked.agent is None:
            raise wrong_field("agent", "is missing: an account number is its agent's")
        proxy = (asked.proxy.type, asked.proxy.value) if asked.proxy is not None else None
        question = Asked((asked.agent or "")[:8], proxy, asked.account or "", asked.name or "")
        return json_answer(lookup_document(looked_up(self._sandbox, caller, question)))

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        return [
            Operation(
                "POST", "/v1/lookups", self.look_up, "Look up a payee",
                "The agent and masked name behind a proxy or an account, the currencies it takes, how a name compares, and "
                "whether it is under a suspicious-proxy alert.", "directory",
                {200: Says("What was found; `verified` false where nothing was", LookupDocument)},
                ("malformed", 413, 415), LookupQuestion, example=_EXAMPLE,
            ),
        ]  # fmt: skip


def looked_up(sandbox: Sandbox, caller: Caller, question: Asked) -> Lookup:
    """Answer a question of a caller; raises ProblemRaised (429) where it has asked for too much that is not there."""
    try:
        return sandbox.lookups.look_up(question, None if caller.operator else caller.participant)
    except TooManyMisses as stopped:
        raise refused(
            "too-many-requests", "Too many look-ups found nothing: a directory is not read out number by number.",
            {"Retry-After": str(int(stopped.retry_after) + 1)},
        ) from None  # fmt: skip


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
