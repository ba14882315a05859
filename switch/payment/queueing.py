"""What a payment that waits for an opening keeps of it: JSON in its detail, until it is released. Pure."""

import json
from datetime import datetime

_OPENS_AT = "opens_at"


def opening_detail(opens_at: datetime) -> str:
    """Write the opening a payment waits for."""
    return json.dumps({_OPENS_AT: opens_at.isoformat()})


def opening_in(detail: str) -> datetime | None:
    """Read the opening back; None where the detail holds none."""
    text = json.loads(detail).get(_OPENS_AT)
    return datetime.fromisoformat(text) if text is not None else None
