"""What the sandbox is told of persons: states an authority puts them under, registered pairs of accounts; and what it knows.

Bodies only: no number stands in a path, and no answer repeats one. Thin over Sandbox; documents are linked in controls.
"""

from datetime import date
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from rails.identifiers import check
from switch.api.access import Gate
from switch.api.models import PersonDocument
from switch.api.operations import Operation, Says, json_answer
from switch.api.problems import refused, wrong_field
from switch.api.requests import SINGLE_BYTES_MAX, parse, read_body
from switch.api.shapes import Answer, Asked
from switch.flow.persons import Accounts
from switch.participants.persons import Channel, Conflict, Direction, State, last_day
from switch.payment.instruction import AccountNumber, Bic
from switch.sandbox import Sandbox

LAST_MAX = date(2099, 12, 31)  # past it calendars and clock know nothing
_PERSON: dict[str, Any] = {"type": "PRCID", "number": "890000197109070000", "country": "CN"}
_STATE: dict[str, Any] = {"document": _PERSON, "state": "watch-list"}
_PAIR: dict[str, Any] = {
    "document": _PERSON, "direction": "southbound", "channel": "bank",
    "debtor_agent": "PEARCNG0", "debtor_account": "6222000000000000101",
    "creditor_agent": "HBAYHKH0", "creditor_account": "900888000101",
}  # fmt: skip


class StateSetting(Asked):
    """A state a person is put under, or that is lifted."""

    document: PersonDocument
    state: State
    until: date | None = Field(
        None, description="Its last law day; without it the end of the second year after the present one"
    )
    lift: bool = Field(False, description="End it at once; then without `until`")


class PairRegistration(Asked):
    """Two accounts of one person: what leaves the one for the scheme goes to the other only, and comes back from there."""

    document: PersonDocument
    direction: Direction = Field(description="In which the principal goes: southbound is out of the mainland")
    channel: Channel
    debtor_agent: Bic = Field(description="Where the principal comes from: the remittance account's")
    debtor_account: AccountNumber
    creditor_agent: Bic = Field(description="Where it is invested: the investment account's")
    creditor_account: AccountNumber


class PersonQuestion(Asked):
    """A document of the person asked about."""

    document: PersonDocument


class StateDocument(Answer):
    """A state as it stands now; `changed`: false where it stood so already."""

    state: str
    until: str | None = Field(description="Its last law day; null where the person is not under it")
    changed: bool


class PairDocument(Answer):
    """`registered`: true where the pair was registered now, false where it was already."""

    registered: bool


class KnownPersonDocument(Answer):
    """What is known of a person."""

    documents: int = Field(description="Documents linked to one another, this one included")
    states: dict[str, str] = Field(description="States in force, each with its last law day")
    pairs: int = Field(description="Registered pairs of accounts")


class PersonsDesk:
    """Handlers of /v1/persons."""

    def __init__(self, sandbox: Sandbox, gate: Gate) -> None:
        self._sandbox = sandbox
        self._gate = gate

    async def put_state(self, request: Request) -> Response:
        """Put a person under a state, or lift it."""
        await self._gate.enter_operator(request)
        asked = parse(StateSetting, await read_body(request, SINGLE_BYTES_MAX))
        _look_at(asked.document)
        last = self._last(asked)
        try:
            changed = await self._sandbox.persons.put_state(asked.document, asked.state, last)
        except Conflict as conflict:
            raise refused("conflict", f"{conflict}.") from None
        return json_answer({"state": asked.state, "until": str(last) if last else None, "changed": changed})

    def _last(self, asked: StateSetting) -> date | None:
        today = self._sandbox.persons.today()
        if asked.lift:
            if asked.until is not None:
                raise wrong_field("until", "is given with lift; give one of the two")
            return None
        last = asked.until or last_day(asked.state, today)
        if not today <= last <= LAST_MAX:
            raise wrong_field("until", f"is not between today ({today}) and {LAST_MAX}; to end a state give lift")
        return last

    async def register_pair(self, request: Request) -> Response:
        """Register a pair of accounts; the answer repeats neither."""
        caller = await self._gate.enter(request)
        asked = parse(PairRegistration, await read_body(request, SINGLE_BYTES_MAX))
        _look_at(asked.document)
        accounts = self._accounts(asked)
        if not caller.operator and caller.participant not in (accounts[0][0], accounts[1][0]):
            raise refused("forbidden", "Only an agent of one of the two accounts may register them.")
        try:
            registered = await self._sandbox.persons.register_pair(
                asked.document, asked.direction, asked.channel, accounts
            )
        except Conflict as conflict:
            raise refused("conflict", f"{conflict}.") from None
        return json_answer({"registered": registered})

    def _accounts(self, asked: PairRegistration) -> Accounts:
        registry = self._sandbox.world.registry
        debtor, creditor = registry.find(asked.debtor_agent), registry.find(asked.creditor_agent)
        if debtor is None or creditor is None:
            field = "debtor_agent" if debtor is None else "creditor_agent"
            raise wrong_field(field, "is no participant of this sandbox; GET /v1/participants lists them")
        if (debtor.country == "CN") == (creditor.country == "CN"):
            raise wrong_field(
                "creditor_agent", "one of the two agents is in the mainland, the other in Hong Kong or Macau"
            )
        if (debtor.country == "CN") != (asked.direction == "southbound"):
            raise wrong_field("direction", "southbound goes out of a mainland agent's account, northbound into one")
        return (debtor.bic, asked.debtor_account), (creditor.bic, asked.creditor_account)

    async def known(self, request: Request) -> Response:
        """Say what is known of a person."""
        await self._gate.enter_operator(request)
        asked = parse(PersonQuestion, await read_body(request, SINGLE_BYTES_MAX))
        _look_at(asked.document)
        found = await self._sandbox.persons.known(asked.document)
        states = {state: str(last) for state, last in found.states.items()}
        return json_answer({"documents": found.documents, "states": states, "pairs": found.pairs})

    def operations(self) -> list[Operation]:
        """Return what is served here."""
        return [
            Operation(
                "POST", "/v1/persons/states", self.put_state, "Put a person under a state, or lift it",
                "The watch list: for its time a rule may leave the person less than others. Every worker has it before it "
                "judges the next payment; states of linked documents are one person's. For operators.", "sandbox",
                {200: Says("The state as it stands", StateDocument)}, ("malformed", "conflict", 413, 415, "unavailable"),
                StateSetting, example=_STATE,
            ),
            Operation(
                "POST", "/v1/persons/pairs", self.register_pair, "Register a pair of a person's accounts",
                "One pair for each direction and channel, an account in one pair only. For an agent of one of the two "
                "accounts, and for operators.", "sandbox",
                {200: Says("Whether that was new", PairDocument)}, ("malformed", "conflict", 413, 415, "unavailable"),
                PairRegistration, example=_PAIR,
            ),
            Operation(
                "POST", "/v1/persons/known", self.known, "Ask what is known of a person",
                "Linked documents, states in force, pairs; no number is told. For operators.", "sandbox",
                {200: Says("What is known", KnownPersonDocument)}, ("malformed", 413, 415, "unavailable"),
                PersonQuestion, example={"document": _PERSON},
            ),
        ]  # fmt: skip


def _look_at(document: PersonDocument) -> None:
    what = check(document.type, document.number, document.country)
    if what is not None:
        raise wrong_field("document.number", what)
