"""Which switch this is: version, commit where the source lies in a repository, Python. Read once; it runs no program."""

import platform
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_REPOSITORY = Path(__file__).parents[2]
_COMMIT_SHOWN = 12  # letters: more than tell the commits of any repository apart


@cache
def build() -> tuple[str, str, str]:
    """Return (version, commit, python), "" for what is not known."""
    found = ""
    with suppress(PackageNotFoundError):
        found = version("bayswitch")
    return found, commit(_REPOSITORY / ".git"), platform.python_version()


def commit(folder: Path) -> str:
    """Return the commit that a repository's folder .git has checked out; "" where there is none to read."""
    with suppress(OSError, UnicodeDecodeError):
        head = (folder / "HEAD").read_text("ascii").strip()
        kind, _, ref = head.partition(" ")
        if kind != "ref:":
            return head[:_COMMIT_SHOWN]
        if (loose := folder / ref).is_file():
            return loose.read_text("ascii").strip()[:_COMMIT_SHOWN]
        for line in (folder / "packed-refs").read_text("ascii").splitlines():
            found, _, name = line.partition(" ")
            if name == ref:
                return found[:_COMMIT_SHOWN]
    return ""
