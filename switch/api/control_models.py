"""The shapes of what runs a sandbox: its business clock and its rulebook."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, field_validator

from switch.api.shapes import Answer, Asked

SETTLE_SECONDS_MAX = 60.0  # of the machine; a client gives up about then
# Past it calendars and rulebook know nothing, and arithmetic on instants comes near its end.
CLOCK_MAX = datetime(2100, 1, 1, tzinfo=UTC)


class ClockMove(Asked):
    """Where the business clock goes, how fast it runs on, and whether to wait until what fell due has been done."""

    to: AwareDatetime | None = Field(None, description="An instant not before now, with offset")
    advance_seconds: Annotated[float, Field(ge=0, le=3_200_000_000)] | None = Field(
        None, description="Instead of `to`: business seconds from now"
    )
    rate: Annotated[float, Field(ge=0, le=100_000)] | None = Field(
        None, description="Business seconds a machine second; 0 stops"
    )
    settle: Annotated[float, Field(ge=0, le=SETTLE_SECONDS_MAX)] = Field(
        0.0, description="Wait machine seconds at most until nothing is due"
    )

    @field_validator("to")
    @classmethod
    def _within_reach(cls, to: datetime | None) -> datetime | None:
        if to is not None and to > CLOCK_MAX:
            raise ValueError("the clock ends in the year 2100")
        return to


class RulebookChange(Asked):
    """The rulebook to go by: the packaged law with these overlays on it, in turn; none = the law itself."""

    overlays: Annotated[list[dict[str, Any]], Field(max_length=32)] = Field(
        description="Each as a scenario file holds it (docs/scenarios.md): rule id -> what changes, `rules`, `lanes`, `name`"
    )


class ClockDocument(Answer):
    """The business clock. `settled`: whether nothing was due any more (null where it was not waited for)."""

    now: str
    rate: float
    settled: bool | None = None


class RulebookStateDocument(Answer):
    """The rulebook in force, by its id, and the names of the overlays that make it of the packaged law."""

    rulebook_id: str
    overlays: list[str]
    before: str | None = Field(None, description="The rulebook it took the place of, where this call changed it")
