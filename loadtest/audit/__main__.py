"""`python -m loadtest.audit --database-url URL --sandbox main`: exit status 0 only where nothing is wrong."""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from loadtest.audit.accepted import Accepted, compare, ids_in
from loadtest.audit.audit import Audit, NoSandbox, audit
from loadtest.audit.plant import Planted, Shown, Unplantable, plant


def main() -> int:
    """Run an audit and print what it found; 0 nothing wrong, 1 violations, 2 the audit could not be made."""
    parser = argparse.ArgumentParser(prog="loadtest.audit", description="Check that a sandbox has kept its promises.")
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--sandbox", default="main")
    parser.add_argument("--drained", action="store_true", help="the run is over: every payment must be final")
    parser.add_argument("--plant", metavar="all|CHECK", help="write faults into a copy and show that each is found")
    parser.add_argument(
        "--accepted",
        type=_ids,
        metavar="FILE",
        help="payments that a generator was told are accepted: each must be in the books",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    told = parser.parse_args()
    try:
        if told.plant:
            shown = asyncio.run(plant(told.database_url, told.sandbox, told.plant, time.time()))
            print(json.dumps(planted_document(shown)) if told.json else planted_text(shown))
            return 0 if shown.holds else 1
        found = asyncio.run(audit(told.database_url, told.sandbox, time.time(), told.drained))
        accepted = None
        if told.accepted is not None:
            accepted, missing = asyncio.run(compare(told.database_url, told.sandbox, told.accepted))
            found.violations.extend(missing)
    except NoSandbox:
        print(f"there is no sandbox {told.sandbox!r} in this database", file=sys.stderr)
        return 2
    except Unplantable as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        advice = "is PostgreSQL running there? An embedded one: bayswitch audit --data FOLDER"
        print(f"no database answers at --database-url ({error.strerror or error}); {advice}", file=sys.stderr)
        return 2
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        print(f"the database cannot be audited: {error}", file=sys.stderr)
        return 2
    print(json.dumps(document(found, accepted)) if told.json else text(found, accepted))
    return 1 if found.violations else 0


def _ids(path: str) -> list[UUID]:
    try:
        return ids_in(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{path} cannot be read: {error}") from None


def document(found: Audit, accepted: Accepted | None = None) -> dict[str, Any]:
    """Write an audit as design 10 has it; `accepted` where what a generator was told was compared."""
    return {
        **({"accepted": accepted._asdict()} if accepted is not None else {}),
        "payments": found.payments,
        "violations": [violation._asdict() for violation in found.violations],
        "forced": found.forced,
        "rails": found.rails,
        "horizon": found.horizon.isoformat(),
        "checks": [{**done._asdict(), "seconds": round(done.seconds, 3)} for done in found.checks],
        "gathered": {name: round(seconds, 3) for name, seconds in found.gathered.items()},
        "seconds": round(found.seconds, 1),
        "temporary_bytes": found.temporary_bytes,
    }


def text(found: Audit, accepted: Accepted | None = None) -> str:
    """Write an audit for the eye: a row for each check, a sentence for each violation, the verdict."""
    wrong = {violation.check for violation in found.violations}
    width = max(len(done.check) for done in found.checks)
    lines = [
        f"{'WRONG' if done.check in wrong else 'right' if done.looked_at else 'empty'}  {done.check:<{width}}  {done.seconds:7.2f} s  "
        f"{done.looked_at:>10,} {done.what}"
        for done in found.checks
    ]
    lines += [f"{violation.check}: {violation.detail}" for violation in found.violations]
    lines += [
        f"forced, as a {claim['kind']} is: payment {claim['payment_id']}, {claim['counter']}, {claim['delta']}"
        for claim in found.forced
    ]
    if accepted is not None:
        lines.append(
            f"{accepted.told} accepted as the generator has it, {accepted.in_books} in the books, {accepted.missing} missing"
        )
    books = f"books of {', '.join(found.rails)}" if found.rails else "no rail's book in this database"
    verdict = f"{len(found.violations)} violations" if found.violations else "no violation"
    lines.append(
        f"{found.payments} payments, {len(found.forced)} forced claims, {books}: {verdict} ({found.seconds:.1f} s)"
    )
    return "\n".join(lines)


def planted_document(shown: Shown) -> dict[str, Any]:
    """Write what planting has shown: the audit of the copy as it was, and each fault with the checks that found it."""
    return {
        **document(shown.clean),
        "planted": [
            {**fault._asdict(), "alone": fault.alone, "seconds": round(fault.seconds, 3)} for fault in shown.planted
        ],
    }


def planted_text(shown: Shown) -> str:
    """Write the same for the eye: a row for each fault."""
    width = max(len(fault.check) for fault in shown.planted)
    lines = [f"{_verdict(fault):<14}  {fault.check:<{width}}  {fault.fault}" for fault in shown.planted]
    lines += [f"without any fault {violation.check}: {violation.detail}" for violation in shown.clean.violations]
    alone = sum(fault.alone for fault in shown.planted)
    lines.append(
        f"{alone} of {len(shown.planted)} faults were found by their check alone, in a copy of {shown.clean.payments} payments "
        f"with {len(shown.clean.violations)} violations of its own"
    )
    return "\n".join(lines)


def _verdict(fault: Planted) -> str:
    if fault.not_applicable:
        return f"not applicable ({fault.not_applicable})"
    if fault.alone:
        return "found alone"
    return f"found by {', '.join(fault.found_by)}" if fault.found_by else "NOT FOUND"


if __name__ == "__main__":
    sys.exit(main())
