"""What both embedded servers need of the operating system: a lock on the data folder, a start that leaves no orphan, a
stop by pid. Benches and loads start their programs by it, too. It knows nothing of PostgreSQL or Valkey, and ends only
processes it started or found in its own folder.
"""

import fcntl
import hashlib
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from switch.embedded import launch

RunAs = Literal["self", "namespace", "nobody"]

SOCKET_PATH_BYTES_MAX = 107  # sun_path holds 108 with its closing zero
_START_SECONDS_MAX = 60.0  # crash recovery replays at most max_wal_size
_STOP_SECONDS_MAX = 30.0  # a fast shutdown writes a checkpoint
_POLL_SECONDS = 0.005


class ServerError(Exception):
    """An embedded server did not start; the text holds the end of its log."""


class FolderInUse(Exception):
    """Another process serves this data folder."""


class FolderLock:
    """An exclusive lock on a data folder, held until released or until this process dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock or raise FolderInUse at once, naming the holder."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode() or "unknown"
            os.close(descriptor)
            raise FolderInUse(
                f"{self._path.parent} is served by process {holder}: stop it, or choose another folder with --data"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def held_elsewhere(self) -> bool:
        """Tell whether someone serves this folder now; takes nothing."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False


class Process:
    """One running server: its pid, and a stop that waits."""

    def __init__(self, name: str, popen: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self._popen = popen
        self._log = log

    @property
    def pid(self) -> int:
        return self._popen.pid

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Poll `ready`; raises ServerError when the server ends first or takes longer than 60 s."""
        until = time.monotonic() + _START_SECONDS_MAX
        while not ready():
            if self._popen.poll() is not None:
                raise ServerError(f"{self.name} ended with status {self._popen.returncode}:\n{tail(self._log)}")
            if time.monotonic() > until:
                self.stop(signal.SIGKILL)
                raise ServerError(f"{self.name} was not ready after {_START_SECONDS_MAX:.0f} s:\n{tail(self._log)}")
            time.sleep(_POLL_SECONDS)

    def stop(self, first: signal.Signals) -> None:
        """Send `first`, wait up to 30 s, then kill."""
        if self._popen.poll() is None:
            self._popen.send_signal(first)
        try:
            self._popen.wait(_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


def tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def command(run_as: RunAs, death_signal: signal.Signals, argv: Sequence[str | Path]) -> list[str]:
    """Give the command line that starts `argv` through the wrapper."""
    wrapper = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(int(death_signal)), run_as]
    return [*wrapper, *map(str, argv)]


def tied(argv: Sequence[str | Path]) -> list[str]:
    """Give the command line of a program that is killed when this process ends, however it ends; from the main thread."""
    return command("self", signal.SIGKILL, argv)


def meant(argv: Sequence[str]) -> Sequence[str]:
    """Give what a command line starts, without our wrapper around it."""
    return argv[argv.index(launch.__file__) + 4 :] if launch.__file__ in argv else argv


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hear SIGINT and SIGTERM only afterwards: what they raise in the midst of a start would lose the process it makes."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def spawn(
    argv: Sequence[str | Path],
    log: Path,
    *,
    death_signal: signal.Signals,
    run_as: RunAs = "self",
    environment: Mapping[str, str] | None = None,
) -> Process:
    """Start a server that ends when this process ends; its output goes to `log`, the last run's to `log`.1.

    From the main thread only: the kernel ties the death signal to the thread that forked, not to the process.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("start embedded servers from the main thread: they would end with the thread that forked")
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))
    running: Process | None = None
    try:
        with undisturbed(), log.open("wb") as output:
            popen = subprocess.Popen(
                command(run_as, death_signal, argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,  # Ctrl-C is for us: the server is stopped last, by us
            )
            running = Process(Path(argv[0]).name, popen, log)
    except BaseException:
        if running is not None:
            running.stop(signal.SIGKILL)
        raise
    return running


def free_port() -> int:
    """Return a port of loopback that nobody listens on at this moment; whoever wants it must be quick."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def how_to_run() -> RunAs:
    """Choose who a server runs as that refuses root: a user namespace where the kernel lets us, else nobody."""
    if os.geteuid() != 0:
        return "self"
    if sys.platform == "linux":
        probe = command("namespace", signal.SIGKILL, ["/proc/self/exe", "-c", ""])
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return "namespace"
    return "nobody"


def give_to(folder: Path, uid: int) -> None:
    """Make `uid` own the folder and all in it, where it does not yet."""
    if folder.stat().st_uid == uid:
        return
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(root) / name, uid, uid, follow_symlinks=False)
    os.chown(folder, uid, uid)  # last: a walk cut short is walked again


def socket_folder(data: Path, name: str) -> Path:
    """Give a folder (mode 0700) for the socket `name`: in `data`, or where that path is too long, in the temporary one.

    The latter's name follows from the path of `data`, so that a restart finds it again.
    """
    folder = data / "socket"
    if len(os.fsencode(folder / name)) > SOCKET_PATH_BYTES_MAX or "," in str(folder):  # libpq splits hosts at commas
        digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"bayswitch-{os.geteuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), launch.NOBODY) or found.st_mode & 0o077:
        raise ServerError(f"{folder} is not a folder that only this user can enter")
    return folder


def processes_in(folder: Path, name: str) -> list[int]:
    """List live processes called `name` that work in `folder`. A zombie has no working folder, so it is none of them.

    Every PostgreSQL process works in its data folder: this also finds the children of a postmaster that was killed.
    """
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == folder and (entry / "comm").read_text().strip() == name:
                found.append(int(entry.name))
        except OSError:  # gone meanwhile, or not ours to see
            continue
    return found


def end_leftovers(folder: Path, name: str) -> None:
    """Wait for a dead owner's servers in `folder` to end (they were told to); after 30 s kill them."""
    until = time.monotonic() + _STOP_SECONDS_MAX
    while left := processes_in(folder, name):
        late = time.monotonic() - until
        if late > _STOP_SECONDS_MAX:
            raise ServerError(f"{name} processes {left} work in {folder} and do not end")
        if late > 0:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
