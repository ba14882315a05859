"""Faults an operator may switch on for a rail at run time. Plain values; whom they hit follows from the UETR."""

import json
from typing import NamedTuple

IN_ALL = 10_000  # shares below are of this many instructions


class Faults(NamedTuple):
    """What is wrong with a rail now. An instruction meets the faults in force when it is sent."""

    delay_percent: int = 100  # of the rail's own delays
    lost_reports: int = 0  # instructions of 10,000 whose reports never arrive; an inquiry still tells
    repeated_reports: int = 0  # instructions of 10,000 whose last report comes twice
    outage: bool = False  # send and inquire fail, reports wait


NO_FAULTS = Faults()


def write_faults(faults: Faults) -> str:
    """Write faults as one text, to be kept."""
    return json.dumps(faults._asdict())


def read_faults(text: str) -> Faults:
    """Read what `write_faults` wrote."""
    return Faults(**json.loads(text))
