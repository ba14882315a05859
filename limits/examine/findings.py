"""What a check of the law finds: one shape for all checks. The checks are limits.examine.check and limits.examine.reach."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One thing found: which check, where, what; a fault, or only information."""

    check: str
    file: str
    key: str
    text: str
    fault: bool = True
