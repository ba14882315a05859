"""One payment on its way into the switch: what came in, its identities, and how its admission is put together."""

from asyncio import Future
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b, sha1, sha256
from math import inf
from typing import NamedTuple
from uuid import UUID

from switch.flow.ports import INSTRUCTION, KEY, UETR, Identity
from switch.payment.instruction import Instruction
from switch.payment.plan import Refusal

_SERIALIZER = Instruction.__pydantic_serializer__  # gives bytes; model_dump_json makes a text of them first
# Statuses of an answer that tells of no verdict: its caller waits no more (switch.flow.intake).
UNDECIDED = "undecided"  # nothing is kept of it, and its key is free
UNANSWERED = "unanswered"  # it is being stored at this moment, or was when the store went away: its key will tell
_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}  # of a UUID's 17th digit (RFC 9562)
_NAMESPACE = UUID("6f1c1a53-2a4e-5d0b-9a55-6261797377ff")  # of payment ids, fixed for good


class Answer(NamedTuple):
    """What the accepting stage answers: the payment, its status then, and why not where refused."""

    payment_id: str
    status: str
    refusal: Refusal | None = None
    replayed: bool = False
    same_content: bool = True
    opens_at: datetime | None = None  # where it waits: for which opening
    rail: str = ""  # that carries its credit, where it was accepted just now


@dataclass(slots=True)
class Submission:
    """An instruction of a participant under an idempotency key, waiting for its answer."""

    instruction: Instruction
    participant: str
    key: str
    sandbox: str
    answer: "Future[Answer]"
    secret: bytes = b""  # of the sandbox: what is derived with it nobody can send ahead
    canonical: bytes = b""  # the instruction in its one form, as it is sealed and compared
    payment_id: str = ""
    content_hash: bytes = b""
    passed_lanes: frozenset[str] = frozenset()
    empty_inventories: frozenset[str] = frozenset()
    passed_in: tuple[int, date] | None = None  # the generation and law day in which these were found
    bound_first: Refusal | None = None  # of the first lane passed over: the rule that bound there
    refusal: Refusal | None = None  # known before any decision, e.g. a participant sending for another's agent
    until: float = inf  # machine time of the loop from which on nobody waits for the answer
    gone: Callable[[], bool] | None = None  # whether who waits has hung up
    bulk: bool = False  # one of many that came in one call
    tried: bool = False  # handed to the store, which did not say what became of it

    def __post_init__(self) -> None:
        self.payment_id = payment_id_of(self.sandbox, self.participant, self.key)
        self.canonical = _SERIALIZER.to_json(self.instruction, exclude_none=True)
        self.content_hash = sha256(self.canonical).digest()

    def reconsider(self, world: tuple[int, date]) -> None:
        """Forget what was passed over in another generation or on another law day: there is room again, or another law."""
        if self.passed_in != world:
            self.passed_in, self.bound_first = None, None
            self.passed_lanes = self.empty_inventories = frozenset()

    @property
    def uetr(self) -> str:
        """The UETR given, else one derived from the payment id and the sandbox's secret, of a v4's form."""
        return self.instruction.uetr or _derived_uetr(self.payment_id, self.secret)

    def identities(self, day: date | str) -> tuple[Identity, Identity, Identity]:
        """Return the three identities of the payment on law day `day` (or its YYYY-MM-DD: a batch writes it once).

        Who may not send for the debtor agent claims nothing of that agent's: its identities are its own.
        """
        agent, number = self.instruction.debtor_agent[:8], self.instruction.instruction_id
        own = uetr_identity(self.uetr)
        if self.refusal is not None:
            own = Identity(UETR, _digest(f"{self.participant}|{self.uetr}"))
        return (
            key_identity(self.payment_id),
            own,
            instruction_identity(self.participant, agent, number, day),
        )


def _derived_uetr(payment_id: str, secret: bytes) -> str:
    digits = blake2b(payment_id.encode(), digest_size=16, key=secret).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"


def to_be_sealed(canonical: bytes, creditor_account: str) -> bytes:
    """Put together what is sealed of a payment: its instruction, and the account it was decided to be paid to."""
    return canonical + b"\n" + creditor_account.encode()


def opened(plain: bytes) -> tuple[Instruction, str]:
    """Read back what was sealed: the instruction and the creditor's account ("" where it was refused)."""
    canonical, _, account = plain.rpartition(b"\n")
    return Instruction.model_validate_json(canonical), account.decode()


def payment_id_of(sandbox: str, participant: str, key: str) -> str:
    """Return the payment id of an idempotency key: UUIDv5 of sandbox, participant and key."""
    digits = sha1(_NAMESPACE.bytes + f"{sandbox}|{participant}|{key}".encode(), usedforsecurity=False).hexdigest()
    variant = _VARIANTS[digits[16]]  # as uuid.uuid5, which costs four times as much
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def key_identity(payment_id: str) -> Identity:
    """Return the identity of an idempotency key: the payment id is made from it and stands for it."""
    return Identity(KEY, payment_id.replace("-", ""))


def uetr_identity(uetr: str) -> Identity:
    """Return the identity of a UETR."""
    return Identity(UETR, uetr.replace("-", ""))


def instruction_identity(participant: str, agent: str, instruction_id: str, day: date | str) -> Identity:
    """Return the identity of an instruction id, which is a debtor agent's (BIC8) own on a law day (or its YYYY-MM-DD)."""
    return Identity(INSTRUCTION, _digest(f"{participant}|{agent}|{instruction_id}|{day}"))


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()
