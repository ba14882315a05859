"""`python -m loadtest.report LOAD.JSON --out REPORT.HTML`: write the report of a load."""

import argparse
import json
import sys
from pathlib import Path

from loadtest.report.page import page


def main() -> int:
    """Write the page; 2 where the document cannot be read."""
    parser = argparse.ArgumentParser(prog="loadtest.report")
    parser.add_argument("document", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    try:
        document = json.loads(given.document.read_text(encoding="utf-8"))
        text = page(document)
    except (OSError, ValueError, KeyError) as error:
        print(f"{given.document} is no document of a load: {error!r}", file=sys.stderr)
        return 2
    given.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
