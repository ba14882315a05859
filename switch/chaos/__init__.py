"""Faults under load: one seed is one run against real processes on loopback, and ends with the books being judged.

Nothing here is part of the switch: it starts it as its users do, breaks what it stands on, and reads its books afterwards.
"""

from switch.chaos.running import Settings, run

__all__ = ["Settings", "run"]
