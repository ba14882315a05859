"""An embedded PostgreSQL 18 in a data folder of ours, opened on one Unix socket that only this user can reach.

It uses the wheel's binaries and none of its start-up code, which opens parent folders to all users and takes a zombie
for a live server. It is one node for a sandbox, a test or a bench on one machine; `--database-url` gives a real one.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from switch.embedded import process
from switch.embedded.binaries import find_binary
from switch.embedded.launch import NOBODY
from switch.embedded.server import EmbeddedServer

DATABASE = "bayswitch"
USER = "bayswitch"
_PORT = 5432  # only a part of the socket's name

# facts/stack.md: with the wheel's defaults a quarter less throughput, and a checkpoint in the middle of each bench.
DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "shared_buffers": "2GB",
        "max_wal_size": "8GB",
        "checkpoint_timeout": "15min",
        "wal_buffers": "64MB",
        "jit": "off",
        "max_connections": "120",  # four workers of a dozen connections, the rails' books, pgbench, psql
        "fsync": "on",
        "synchronous_commit": "on",
        "timezone": "UTC",
        "log_checkpoints": "off",
        # After a crash PostgreSQL first sees to it that every file is on disk. One by one (fsync) that took 3 to 4 s for the
        # 1,800 files of a few days' partitions on a busy machine, the file system at once (syncfs, Linux) half a second.
        **({"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}),
    }
)


class EmbeddedPostgres(EmbeddedServer):
    """Serves the database `bayswitch` from `data`, which it creates at first use; `settings` override DEFAULTS.

    Authentication is `trust`: the socket lies in a folder of mode 0700 and no TCP port is opened.
    """

    socket_name = f".s.PGSQL.{_PORT}"

    def __init__(self, data: Path, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(data, {**DEFAULTS, **settings})
        self.binaries = find_binary("postgres").parent
        self._cluster = self.data / "cluster"

    def _spawned(self) -> process.Process:
        run_as = process.how_to_run()
        sockets = self._sockets()
        if run_as == "nobody":
            self.binaries = _open_copy(self.binaries)
        if not self._cluster.exists():
            self._create(run_as)
        self._clear_remains(sockets)
        if run_as != "self":
            owner = NOBODY if run_as == "nobody" else 0
            for folder in (self.data, self._cluster, sockets):
                process.give_to(folder, owner)
        return process.spawn(
            [self.binaries / "postgres", "-D", self._cluster, *_options({**self.settings, **_place(sockets)})],
            self.data / "postgres.log",
            death_signal=signal.SIGINT,  # a fast shutdown, as in _end
            run_as=run_as,
            environment=_environment(),
        )

    def _end(self, running: process.Process) -> None:
        """Stop at once, rolling open transactions back; waits until all its processes are gone."""
        running.stop(signal.SIGINT)  # SIGTERM would wait for clients
        process.end_leftovers(self._cluster, "postgres")

    def _url(self) -> str:
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self._sockets()), safe='')}&port={_PORT}"

    def _create(self, run_as: process.RunAs) -> None:
        """Make the cluster beside its place and move it there whole: a start cut short leaves nothing half made."""
        draft = self.data / "cluster.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if run_as == "nobody":
            process.give_to(self.data, NOBODY)
            process.give_to(draft, NOBODY)
        options = ["-U", USER, "--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=reject"]
        if self.settings["fsync"] == "off":
            options.append("--no-sync")
        self._run(run_as, [self.binaries / "initdb", "-D", draft, *options])
        durable = {"fsync": self.settings["fsync"]}
        self._run(
            run_as,
            [self.binaries / "postgres", "--single", "-D", draft, *_options(durable), "postgres"],
            f"CREATE DATABASE {DATABASE}\n",
        )
        draft.rename(self._cluster)

    def _run(self, run_as: process.RunAs, argv: list[str | Path], text: str = "") -> None:
        command = process.command(run_as, signal.SIGKILL, argv)
        pipe = subprocess.PIPE
        running: subprocess.Popen[str] | None = None
        try:
            with process.undisturbed():
                running = subprocess.Popen(
                    command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=_environment(), start_new_session=True
                )
            _, said = running.communicate(text)
        except BaseException:
            if running is not None and running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)  # with what it has started itself: nobody writes here any more
                running.communicate()
            raise
        if running.returncode != 0 or "ERROR:" in said:  # single-user mode ends with 0 after an error
            raise process.ServerError(f"{Path(argv[0]).name} ended with status {running.returncode}:\n{said}")

    def _clear_remains(self, sockets: Path) -> None:
        """Remove the pid files of a server that was killed: PostgreSQL takes any live or zombie pid in them for itself.

        Safe because we hold the folder's lock and no process works in the cluster; without /proc we cannot know that,
        and leave the check to PostgreSQL.
        """
        if Path("/proc/self/cwd").exists():
            process.end_leftovers(self._cluster, "postgres")
            (self._cluster / "postmaster.pid").unlink(missing_ok=True)
            (sockets / self.socket_name).unlink(missing_ok=True)
            (sockets / f"{self.socket_name}.lock").unlink(missing_ok=True)

    def _is_ready(self) -> bool:
        """Tell by the eighth line of postmaster.pid, which PostgreSQL keeps for pg_ctl."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"


def _place(sockets: Path) -> dict[str, str]:
    """Give the settings nobody may override: no TCP, one socket, in our folder."""
    return {
        "listen_addresses": "",
        "port": str(_PORT),
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
    }


def _options(settings: Mapping[str, str]) -> list[str]:
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _environment() -> dict[str, str]:
    """Hide the caller's PGDATA, PGHOST and so on, and its locale, from the server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C.UTF-8"}


def _open_copy(binaries: Path) -> Path:
    """Copy the wheel's binaries to a folder all may read, where nobody can run them; give its bin folder."""
    package = binaries.parent.parent
    origin = package.with_name(package.name + ".libs")
    stamp = f"{(binaries / 'postgres').stat().st_mtime_ns:x}"
    target = Path(tempfile.gettempdir()) / f"bayswitch-postgres-{stamp}"
    if not target.exists():
        draft = Path(tempfile.mkdtemp(prefix="bayswitch-postgres-"))
        shutil.copytree(package, draft / package.name, symlinks=True)
        if origin.exists():
            shutil.copytree(origin, draft / origin.name, symlinks=True)  # found by a path relative to the binaries
        draft.chmod(0o755)
        draft.rename(target)
    if target.stat().st_uid != os.geteuid():
        raise process.ServerError(f"{target} belongs to another user")
    return target / package.name / "pginstall" / "bin"
