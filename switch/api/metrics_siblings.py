"""Workers of one machine answer for each other: each leaves its samples in a folder, whichever is asked reads them all.

Files, not a store: they are there when both stores are away, and cost no query. prometheus_client's own multiprocess mode was
weighed: it wants an environment variable before the import, a locked write to a mapped file at each count, and takes no
collector of ours. Workers on other machines have a /metrics of their own.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic

from switch.api.metrics_worker import Samples

SILENT_SECONDS = 10.0  # as its lease: then the worker is taken for dead, and its numbers with it


class Siblings:
    """The samples of this machine's workers of one sandbox, in `folder`; `label` is this worker's."""

    def __init__(self, folder: Path, label: str) -> None:
        self._folder, self._label = folder, label
        self._file = folder / f"{label}.json"
        folder.mkdir(parents=True, exist_ok=True)

    def publish(self, samples: Samples) -> None:
        """Leave this worker's samples for the others; a reader sees the old or the new, never half."""
        half = self._file.with_suffix(".new")
        half.write_text(json.dumps({"at": monotonic(), "samples": samples}), "utf-8")
        half.replace(self._file)

    def others(self) -> Mapping[str, tuple[float, Samples]]:
        """Return the other workers' samples by label, with their age in seconds; what the dead have left is taken away."""
        found: dict[str, tuple[float, Samples]] = {}
        for file in sorted(self._folder.glob("*.json")):
            if file == self._file:
                continue
            with suppress(OSError, ValueError, KeyError):  # taken away by another worker; written by another version
                data = json.loads(file.read_text("utf-8"))
                age = monotonic() - data["at"]  # one clock for all processes of a machine since its start
                if 0 <= age < SILENT_SECONDS:
                    found[file.stem] = (age, data["samples"])
                else:
                    file.unlink()
        return found

    def withdraw(self) -> None:
        """Take this worker's samples away."""
        self._file.unlink(missing_ok=True)
