"""The launchers on real servers: crashes lose no row, nobody is left running, a folder has one owner."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio as redis

from switch.embedded import process
from switch.embedded.postgres import EmbeddedPostgres
from switch.embedded.process import FolderInUse
from switch.embedded.servers import Servers
from switch.embedded.valkey import EmbeddedValkey

# A killed process loses nothing that the kernel holds: only a power cut asks for fsync.
SETTINGS = {"shared_buffers": "32MB", "max_wal_size": "128MB", "wal_buffers": "4MB", "fsync": "off"}


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of both servers after its first use."""
    folder = tmp_path_factory.mktemp("made")
    with Servers(folder, None, None, settings=SETTINGS):
        pass
    return folder


@pytest.fixture
def data(tmp_path_factory: pytest.TempPathFactory, made_once: Path) -> Path:
    folder = tmp_path_factory.mktemp("d")  # short: a socket's path has 107 bytes at most
    shutil.copytree(made_once, folder / "data")
    return folder / "data"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder every user can enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def write(url: str, text: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (line text)")
    await connection.execute("INSERT INTO kept VALUES ($1)", text)
    await connection.close()


async def lines(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT line FROM kept ORDER BY line")
    await connection.close()
    return [row["line"] for row in rows]


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def start_owner(data: Path) -> tuple[subprocess.Popen[str], list[str]]:
    """Start both servers from another process; give it, and what it printed: two URLs and two pids."""
    script = (
        "import sys, time; from pathlib import Path; from switch.embedded.servers import Servers\n"
        f"servers = Servers(Path({str(data)!r}), None, None, settings={SETTINGS!r})\n"
        "print(*servers.__enter__(), servers.postgres.pid, servers.valkey.pid, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    return owner, owner.stdout.readline().split()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def test_rows_survive_a_stop_and_a_killed_server(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "made anew", SETTINGS)
    await write(server.start(), "before stop")
    server.stop()
    await write(server.start(), "before kill")
    kill(server.pid)
    server.stop()
    with server as url:
        assert await lines(url) == ["before kill", "before stop"]


async def test_a_killed_owner_leaves_no_server_and_no_row_behind(data: Path) -> None:
    owner, (database_url, _, *pids) = start_owner(data)
    await write(database_url, "before kill")
    owner.kill()
    owner.communicate()
    until = time.monotonic() + 10
    with EmbeddedPostgres(data / "postgres", SETTINGS) as url:  # waits for the other to end
        assert time.monotonic() < until, "it had to be killed"
        assert await lines(url) == ["before kill"]
    while any(alive(int(pid)) for pid in pids):
        assert time.monotonic() < until, "an orphan"
        time.sleep(0.01)


def test_a_pid_file_that_names_a_stranger_or_a_zombie_does_not_block_the_start(data: Path) -> None:
    server = EmbeddedPostgres(data / "postgres", SETTINGS)
    server.start()
    pid_file = data / "postgres" / "cluster" / "postmaster.pid"
    text = pid_file.read_text()
    kill(server.pid)
    server.stop()
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    while alive(zombie.pid):
        time.sleep(0.01)
    for pid in (os.getpid(), zombie.pid):
        pid_file.write_text("\n".join([str(pid), *text.splitlines()[1:]]) + "\n")
        with server:
            assert server.pid != pid
    zombie.wait()


def test_a_folder_is_served_once_and_the_second_start_says_by_whom(data: Path) -> None:
    with Servers(data, None, None, settings=SETTINGS), Servers(data, None, None, attach=True) as joined:
        assert str(data) in joined.database_url.replace("%2F", "/")
        for second in (EmbeddedPostgres(data / "postgres"), EmbeddedValkey(data / "valkey")):
            with pytest.raises(FolderInUse, match=rf"served by process {os.getpid()}:"):
                second.start()
            second.stop()  # of one that never started: harms nothing
        assert EmbeddedPostgres(data / "postgres").running_url() == joined.database_url


def test_nothing_runs_in_a_stopped_folder(data: Path) -> None:
    with Servers(data, None, None, settings=SETTINGS):
        pass
    assert EmbeddedPostgres(data / "postgres").running_url() is None
    assert EmbeddedValkey(data / "valkey").running_url() is None
    assert process.processes_in(data / "postgres" / "cluster", "postgres") == []


def test_given_urls_win_and_nothing_is_started(tmp_path: Path) -> None:
    with Servers(tmp_path / "data", "postgresql://elsewhere/x", "redis://elsewhere") as urls:
        assert urls == ("postgresql://elsewhere/x", "redis://elsewhere")
    assert list(tmp_path.iterdir()) == []


async def test_a_path_too_long_for_a_socket_still_serves_both(tmp_path: Path) -> None:
    with Servers(tmp_path / ("long" * 30), None, None, settings=SETTINGS) as urls:
        await write(urls.database_url, "far away")
        client = redis.from_url(urls.redis_url)
        assert await client.ping()
        await client.aclose()


def test_psql_and_pgbench_take_the_same_url(data: Path) -> None:
    with (server := EmbeddedPostgres(data / "postgres", SETTINGS)) as url:
        asked = [str(server.binaries / "psql"), "-XtAc", "SELECT current_user, current_setting('jit')", url]
        assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip() == "bayswitch|off"
        subprocess.run([server.binaries / "pgbench", "-q", "-i", "-s", "1", url], capture_output=True, check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_where_user_namespaces_are_refused_root_starts_it_as_nobody(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "how_to_run", lambda: "nobody")
    with (server := EmbeddedPostgres(open_folder / "data", SETTINGS)) as url:
        await write(url, "as nobody")
        assert Path(f"/proc/{server.pid}").stat().st_uid == 65534
    monkeypatch.undo()
    with EmbeddedPostgres(open_folder / "data", SETTINGS) as url:  # and back, on the same folder
        assert await lines(url) == ["as nobody"]


def test_a_server_that_cannot_start_shows_its_log_and_frees_the_folder(data: Path) -> None:
    with pytest.raises(process.ServerError, match="no_such_setting"):
        EmbeddedPostgres(data / "postgres", {**SETTINGS, "no_such_setting": "1"}).start()
    with EmbeddedPostgres(data / "postgres", SETTINGS):
        pass


def test_a_thread_may_not_start_a_server_that_would_end_with_it(data: Path) -> None:
    seen: list[BaseException] = []

    def start() -> None:
        try:
            EmbeddedValkey(data / "valkey").start()
        except RuntimeError as error:
            seen.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(seen[0])


def test_only_this_user_can_reach_the_sockets(data: Path) -> None:
    with Servers(data, None, None, settings=SETTINGS):
        assert {folder.stat().st_mode & 0o777 for folder in data.glob("*/socket")} == {0o700}
