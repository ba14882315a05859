"""The shapes of what is asked of and answered by the rails' controls: faults by rules, and the state a payment is set to.

The file of faults that `bayswitch up --faults` and drills read has the same form, by rail.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from rails import faults as kept
from rails.faults import AGENT_OFFLINE, IN_ALL, LATE_SECONDS, NO_REASON, FaultRule, Faults
from switch.api.shapes import Answer, Asked
from switch.payment.instruction import STATUS_REASON

RULES_MAX = 50  # of a rail: each is looked at for every instruction while any is in force
DAY_MS = 86_400_000

Share = Annotated[int, Field(ge=0, le=IN_ALL)]
Milliseconds = Annotated[int, Field(ge=0, le=DAY_MS)]
StatusReasonCode = Annotated[str, Field(pattern=STATUS_REASON)]


class FaultMatch(Asked):
    """Whom a rule hits; without it everybody, both ways."""

    participant: Annotated[str, Field(pattern=r"^[A-Z0-9]{8}([A-Z0-9]{3})?$")] | None = Field(
        default=None, description="BIC of the creditor agent"
    )
    direction: Literal["both", "to-rail", "from-rail"] = Field(
        default="both", description="Which way what is wrong is wrong"
    )


class DelayQuantiles(Asked):
    """A distribution of delays in milliseconds, straight between its quantiles."""

    p0: Milliseconds
    p50: Milliseconds
    p90: Milliseconds
    p99: Milliseconds
    p100: Milliseconds

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        levels = [self.p0, self.p50, self.p90, self.p99, self.p100]
        if levels != sorted(levels):
            raise ValueError("quantiles ascend from p0 to p100")
        return self


class FaultRuleSetting(Asked):
    """One thing that is wrong, or several, for those it matches. Shares are of 10,000 instructions."""

    match: FaultMatch = FaultMatch()
    delay_percent: Annotated[int, Field(ge=0, le=1_000_000)] = Field(100, description="Of the delays there are")
    latency_ms: DelayQuantiles | None = Field(
        None, description="Both ways: in place of the rail's own delays; one way: on that way besides"
    )
    slow_start_seconds: Annotated[int, Field(ge=0, le=86_400)] = Field(
        0, description="From when the rule is set: delays sink evenly to what they are"
    )
    slow_start_percent: Annotated[int, Field(ge=100, le=1_000_000)] = Field(1_000, description="Where they begin")
    lost: Share = Field(0, description="to-rail: never arrives; else its reports are lost, and an inquiry tells")
    duplicated: Share = Field(0, description="to-rail: arrives twice; else its last report comes twice")
    reordered: Share = Field(0, description="Is overtaken by up to ten seconds; a settlement is told after its credit")
    late: Share = Field(0, description="The creditor agent answers past the deadline")
    late_seconds: Annotated[int, Field(ge=1, le=86_400)] = LATE_SECONDS
    rejected: Share = Field(0, description="The creditor agent rejects with `reason_code`")
    reason_code: StatusReasonCode = NO_REASON
    wrong_amount: Share = Field(0, description="The report names an amount `wrong_by_minor` off")
    wrong_by_minor: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)] = 1
    outage: bool = Field(
        False, strict=True, description=f"Nothing passes; of one participant: it is offline, {AGENT_OFFLINE} on the way there, silence on the way back"
    )  # fmt: skip
    clock_skew_ms: Annotated[int, Field(ge=-DAY_MS, le=DAY_MS)] = Field(0, description="Its stamps are so much ahead")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.wrong_amount and not self.wrong_by_minor:
            raise ValueError("wrong_by_minor is not zero where wrong_amount is set")
        if self.match.direction == "to-rail" and (self.wrong_amount or self.clock_skew_ms):
            raise ValueError("wrong_amount and clock_skew_ms are of reports; set direction to from-rail or both")
        return self

    def kept(self, since: datetime) -> FaultRule:
        """Return the rule as rails keep it, set at business time `since`."""
        plain = self.model_dump(exclude={"match", "latency_ms"})
        levels = tuple(self.latency_ms.model_dump().values()) if self.latency_ms else ()
        participant = (self.match.participant or "")[:8]
        return FaultRule(participant, self.match.direction, latency_ms=levels, since=since, **plain)


class FaultSetting(Asked):
    """What is wrong with a rail from now on; what is left out is as it should be."""

    delay_percent: Annotated[int, Field(ge=0, le=1_000_000)] = Field(100, description="Of the rail's own delays")
    lost_reports: Share = Field(0, description="Of 10,000 instructions: reports never arrive")
    repeated_reports: Share = Field(0, description="Of 10,000 instructions: the last report comes twice")
    outage: bool = Field(False, strict=True, description="Send and inquire fail, reports wait")
    rules: Annotated[tuple[FaultRuleSetting, ...], Field(max_length=RULES_MAX)] = Field(
        (), description="By participant and direction; a later one stands before an earlier"
    )

    def kept(self, since: datetime) -> Faults:
        """Return the faults as rails keep them, set at business time `since`."""
        rules = tuple(rule.kept(since) for rule in self.rules)
        return Faults(self.delay_percent, self.lost_reports, self.repeated_reports, self.outage, rules)


class FaultFile(Asked):
    """Faults by rail, as `bayswitch up --faults FILE` reads them."""

    rails: dict[str, FaultSetting]


class FaultRuleDocument(FaultRuleSetting):
    """A rule in force, and since when (business time)."""

    since: datetime | None


class FaultDocument(Answer):
    """The faults in force on a rail."""

    rail: str
    delay_percent: int
    lost_reports: int
    repeated_reports: int
    outage: bool
    rules: list[FaultRuleDocument]


class PaymentStateSetting(Asked):
    """What a payment is to become, through its rail; `reason_code` where it is rejected or returned."""

    status: Literal["settled", "credited", "rejected", "blocked", "in_doubt", "cancelled", "returned"]
    reason_code: StatusReasonCode | None = None

    @model_validator(mode="after")
    def _code_where_one_is_said(self) -> Self:
        if self.reason_code is not None and self.status not in ("rejected", "returned"):
            raise ValueError("a reason_code goes with rejected and returned alone")
        return self


def fault_document(rail: str, faults: Faults) -> dict[str, Any]:
    """Write the faults in force as FaultDocument."""
    return {"rail": rail} | faults._asdict() | {"rules": [_rule_document(rule) for rule in faults.rules]}


def _rule_document(rule: kept.FaultRule) -> dict[str, Any]:
    plain = rule._asdict()
    match = {"participant": plain.pop("participant") or None, "direction": plain.pop("direction")}
    levels = plain.pop("latency_ms")
    latency = dict(zip(DelayQuantiles.model_fields, levels, strict=True)) if levels else None
    since = plain.pop("since")
    return {"match": match, "latency_ms": latency, **plain, "since": since.isoformat() if since else None}
