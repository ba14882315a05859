"""`python -m loadtest.audit --database-url URL --sandbox main`: exit status 0 only where nothing is wrong."""

import argparse
import asyncio
import json
import sys
import time

import asyncpg

from loadtest.audit.audit import Audit, NoSandbox, audit


def main() -> int:
    """Run an audit and print what it found; 0 nothing wrong, 1 violations, 2 the audit could not be made."""
    parser = argparse.ArgumentParser(prog="loadtest.audit", description="Check that a sandbox has kept its promises.")
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--sandbox", default="main")
    parser.add_argument("--drained", action="store_true", help="the run is over: every payment must be final")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    told = parser.parse_args()
    try:
        found = asyncio.run(audit(told.database_url, told.sandbox, time.time(), told.drained))
    except NoSandbox:
        print(f"there is no sandbox {told.sandbox!r} in this database", file=sys.stderr)
        return 2
    except (OSError, asyncpg.PostgresError) as error:
        print(f"the database cannot be audited: {error}", file=sys.stderr)
        return 2
    print(json.dumps(document(found)) if told.json else _text(found))
    return 1 if found.violations else 0


def document(found: Audit) -> dict[str, object]:
    """Write an audit as design 10 has it."""
    return {
        "payments": found.payments,
        "violations": [violation._asdict() for violation in found.violations],
        "forced": found.forced,
        "rails": found.rails,
        "horizon": found.horizon.isoformat(),
    }


def _text(found: Audit) -> str:
    lines = [f"{violation.check}: {violation.detail}" for violation in found.violations]
    books = f"books of {', '.join(found.rails)}" if found.rails else "no rail's book in this database"
    verdict = f"{len(found.violations)} violations" if found.violations else "no violation"
    lines.append(f"{found.payments} payments, {len(found.forced)} forced claims, {books}: {verdict}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
