"""The shapes of the law over HTTP, for the OpenAPI document."""

from pydantic import Field

from switch.api.shapes import Answer


class RuleDocument(Answer):
    """One rule on a day; a rule keyed by currency or by a fact has one for each key."""

    rule: str
    value: str | None = Field(description="In major units; null where the law sets no limit")
    currency: str | None
    key: str | None = Field(description="What picks the value, where a fact does")
    window: str | None
    basis: str | None
    effect: str | None
    since: str
    until: str | None
    reference: str = Field(description="Title, body, day; or that it is assumed, and why")
    assumed: bool
    reason: str | None
    assumptions: dict[str, str]
    confidence: str = Field(description="V1 official text read, V2 secondary source, K well known, U uncertain")
    kind: str
    description: str
    scope: str | None
    hours: str | None
    enforced_by: str
    approved_by: str
    state: str = Field(description="active; or advisory: it counts and refuses nobody")
    missing_approvals: list[str]
    keyed_by: str | None


class RulebookDocument(Answer):
    """The law of a day."""

    on: str
    rulebook_id: str
    rules: list[RuleDocument]


class PastDocument(Answer):
    """One row of a history."""

    since: str
    until: str | None
    value: str
    reference: str
    confidence: str
    quote: str
    assumed: bool
    reason: str
    last_evidence: str | None
    scope: str = Field("", description="Of a rule on those days: whose counter it is")
    effect: str = ""
    window: str = ""


class HistoryDocument(Answer):
    """A rule or lane with all it has been."""

    rule: str
    rulebook_id: str
    history: list[PastDocument]


class StepDocument(Answer):
    """One day on which a thing changed, and what it read from then on."""

    on: str
    after: dict[str, str]
    reference: str
    assumed: bool


class ChangeDocument(Answer):
    """One thing that reads otherwise: the aspects that differ, and each step in between."""

    kind: str = Field(description="rule, lane, class or tag")
    id: str
    change: str = Field(description="begun, ended or changed")
    on: str | None = Field(description="The day of its last step")
    before: dict[str, str]
    after: dict[str, str]
    reference: str | None
    steps: list[StepDocument]


class DifferenceDocument(Answer):
    """What changed in the law between two days."""

    from_day: str
    to_day: str
    rulebook_id: str
    changes: list[ChangeDocument]
