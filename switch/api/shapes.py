"""What every body of the API is: read strictly, and answered as documented, with nothing besides."""

from pydantic import BaseModel, ConfigDict


class Asked(BaseModel):
    """A body that is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Answer(BaseModel):
    """A body that is answered, as it is documented; a test reads the answers by it."""

    model_config = ConfigDict(extra="forbid")
