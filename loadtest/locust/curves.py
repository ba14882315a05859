"""How many users a run has at a second of it, by curves.yaml. Plain arithmetic; Locust asks through the locustfile's Shape."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import yaml


class Curve(NamedTuple):
    """Points (part of the time, part of the users), ascending in time; straight between them, or each held until the next."""

    points: Sequence[tuple[float, float]]
    steps: bool = False

    def users(self, second: float, seconds: float, users_max: int) -> int | None:
        """Return how many users there are at a second of a run of so many, at least one; None when it is over."""
        if second >= seconds:
            return None
        place = second / seconds
        begun = max((point for point in self.points if point[0] <= place), default=self.points[0])
        after = next((point for point in self.points if point[0] > place), None)
        part = begun[1]
        if after is not None and not self.steps:
            part += (after[1] - begun[1]) * (place - begun[0]) / (after[0] - begun[0])
        return max(round(part * users_max), 1)


def load_curves(path: Path | None = None) -> dict[str, Curve]:
    """Read curves.yaml, or a file of the same form; raises ValueError for a curve without reason or whose points do not ascend."""
    rows = yaml.load((path or Path(__file__).with_name("curves.yaml")).read_text(encoding="utf-8"), yaml.CSafeLoader)
    curves = {}
    for name, row in rows.items():
        points = [(float(at), float(part)) for at, part in row["points"]]
        if not row.get("reason"):
            raise ValueError(f"{name}: no reason")
        if points != sorted(points) or points[0][0] != 0 or not all(0 <= part <= 1 for _, part in points):
            raise ValueError(f"{name}: the points must begin at 0, ascend in time, and be parts of the users")
        curves[name] = Curve(points, bool(row.get("steps")))
    return curves
