"""The shapes of doubt: what operators decide, exceptions, inquiries."""

from typing import Annotated, Literal

from pydantic import Field

from switch.api.shapes import Answer, Asked

# Why an operator decides: for the other operator and the books, never a name or number of a party.
Why = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", description="Why, for the other operator")
]


class Decision(Asked):
    """An operator's decision on a payment in doubt."""

    event: Literal["reject", "settle"]
    reason: Why


class Resolution(Asked):
    """How an exception ends: the debtor agent honours it, it is recalled from the creditor agent, or written off."""

    resolution: Literal["honoured", "recalled", "written-off"]
    reason: Why


class UsedDocument(Answer):
    """What counts under a rule, forced."""

    rule: str
    amount: str
    currency: str


class ExceptionDocument(Answer):
    """What a rail said of a payment after it had ended, and what that did; the payment's status never changes."""

    payment_id: str
    kind: str = Field(
        description="late-acceptance: it paid what we had ended; contradiction: it rejects what it settled"
    )
    at: str
    rail: str
    said: str
    code: str | None = Field(description="ExternalStatusReason1Code the rail gave")
    text: str = Field(description="What it did to money and quota")
    used: list[UsedDocument] = Field(description="What of the debtor's quota counts again, whatever the ceilings say")
    state: Literal["open", "resolved"]
    resolution: str | None = Field(description="honoured, recalled or written-off, once two operators have said so")
    resolved_at: str | None


class ProposalDocument(Answer):
    """What an operator proposed, and what has become of it."""

    payment_id: str
    subject: str = Field(description="`payment`, or the kind of the exception it resolves")
    n: int
    action: str
    reason: str
    proposed_by: str
    proposed_at: str
    lapses_at: str
    state: Literal["open", "confirmed", "lapsed", "overtaken"] = Field(
        description="overtaken: the rail spoke before the second operator"
    )
    decided_by: str | None
    decided_at: str | None


class ProposalList(Answer):
    """Proposals on one payment, oldest first."""

    proposals: list[ProposalDocument]


class InquiryDocument(Answer):
    """A question to the rail about a payment in doubt (pacs.028) and its answer."""

    n: int
    rail: str
    asked_at: str
    answer: str = Field(
        description="pending, settled, credited, rejected, blocked, unknown; none: the rail did not answer"
    )
    code: str | None
    times: int = Field(description="How many inquiries this stands for: the 32nd stands for all later ones")


class ExceptionPage(Answer):
    """Exception records, newest first; `cursor` null on the last page."""

    exceptions: list[ExceptionDocument]
    cursor: str | None
