"""The auditor called from another program of ours: the benchmark, a load, chaos. It judges nothing itself."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SAID_MAX = 2_000  # characters of what the auditor said where it could not judge: its last lines hold the reason


def audit(
    database_url: str, sandbox: str = "main", *, drained: bool = False, accepted: Path | None = None
) -> dict[str, Any]:
    """Have the auditor judge a sandbox's books; its document, {"payments", "violations": [{"check", "detail"}], ...}.

    `drained`: nothing was sent lately and everything due has happened. `accepted`: a file of what a generator was told is
    accepted, 16 bytes each; what of it has no row is a violation, and "accepted" in the document counts. Books that cannot be judged are a violation of
    `audit`: nothing is proven of them. Blocks until it is done.
    """
    command = [sys.executable, "-m", "loadtest.audit", "--database-url", database_url, "--sandbox", sandbox, "--json"]
    asked = [*(["--drained"] if drained else []), *(["--accepted", str(accepted)] if accepted else [])]
    done = subprocess.run([*command, *asked], check=False, capture_output=True, text=True)
    if not done.stdout:
        why = f"{sandbox} could not be judged: {done.stderr.strip()[-SAID_MAX:]}"
        return {"payments": 0, "violations": [{"check": "audit", "detail": why}]}
    return dict(json.loads(done.stdout))
