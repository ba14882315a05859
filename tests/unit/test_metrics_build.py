"""The commit a switch says it is of is the one that is checked out, and none where nothing can be read."""

from pathlib import Path

import pytest

from switch.api.metrics_build import commit

_SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"HEAD": f"{_SHA}\n"}, "0123456789ab"),
        ({"HEAD": "ref: refs/heads/main\n", "refs/heads/main": f"{_SHA}\n"}, "0123456789ab"),
        ({"HEAD": "ref: refs/heads/main\n", "packed-refs": f"# pack-refs\n{_SHA} refs/heads/main\n"}, "0123456789ab"),
        ({"HEAD": "ref: refs/heads/main\n", "packed-refs": "# pack-refs\n"}, ""),
        ({"HEAD": "ref: refs/heads/main\n"}, ""),
        ({}, ""),
    ],
)
def test_the_commit_is_read_from_the_repository(tmp_path: Path, files: dict[str, str], said: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert commit(tmp_path) == said
