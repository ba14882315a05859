"""What a worker counts while it works; read by /metrics and the bench."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Metrics:
    """Counts since the worker started."""

    outcomes: Counter[str] = field(default_factory=Counter)  # by outcome of admission
    finished: Counter[str] = field(default_factory=Counter)  # by status reached
    exceptions: Counter[str] = field(default_factory=Counter)  # by kind of record
    returns: Counter[str] = field(default_factory=Counter)  # by state in which they were booked
    strays: int = 0  # reports for a UETR the store does not know
    set_aside: int = 0  # reports that could not be carried out when they came, and are tried again
