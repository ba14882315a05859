"""The wrapper that becomes a server: it sheds root, heeds signals, asks to be told when its parent dies, and execs.

A process of its own because the same steps in `preexec_fn` fail now and then. It is no daemon and stays no longer than
the exec: the server keeps its pid, so the parent can signal and wait for the server itself. Standard library only: it
runs isolated (`python -I -S`), by path.

    launch.py PARENT_PID DEATH_SIGNAL AS FILE [ARGUMENT...]      AS: self | namespace | nobody
"""

import ctypes
import os
import signal
import sys

NOBODY = 65534
_CLONE_NEWUSER = 0x10000000  # linux/sched.h
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _enter_namespace() -> None:
    """Enter a user namespace where we are NOBODY: PostgreSQL refuses uid 0; seen from outside, files stay ours."""
    uid, gid = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER)")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{NOBODY} {uid} 1"), ("gid_map", f"{NOBODY} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _become_nobody() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def _hear() -> None:
    """Heed signals again: ignored (a script's `&` has SIGINT ignored) and blocked ones are inherited."""
    if os.getsid(0) == os.getpid():  # no terminal's Ctrl-C reaches a session of its own: SIGINT is its owner's word
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _die_with_parent(parent: int, death_signal: int) -> None:
    """After the change of user, which would clear it. Only Linux has it; elsewhere the next start ends an orphan."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)


def main(arguments: list[str]) -> None:
    parent, death_signal, run_as, file, *rest = arguments
    _hear()
    if run_as == "namespace":
        _enter_namespace()
    elif run_as == "nobody":
        _become_nobody()
    _die_with_parent(int(parent), int(death_signal))
    os.execv(file, [file, *rest])


if __name__ == "__main__":
    main(sys.argv[1:])
