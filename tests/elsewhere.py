"""Runs `kgbuild` as on Windows: what only Linux, or only POSIX, has is taken away first.

`python tests/elsewhere.py COMMAND …`; `hold FOLDER` holds a build folder until the standard input ends.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil  # with what it takes from the system, before that is gone
import signal
import socket
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "uvloop", "syslog")
ATTRIBUTES: dict[types.ModuleType, tuple[str, ...]] = {
    os: (
        *("fork", "forkpty", "pidfd_open", "memfd_create", "O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC", "mkfifo", "nice"),
        *("setsid", "killpg", "getpgid", "getuid", "geteuid", "statvfs", "getloadavg", "uname", "sysconf"),
        *("sched_setscheduler", "sched_getaffinity", "sched_param", "SCHED_IDLE", "posix_fadvise", "eventfd"),
    ),
    signal: ("SIGKILL", "SIGALRM", "SIGHUP", "SIGUSR1", "alarm", "setitimer", "pthread_kill", "pidfd_send_signal"),
    socket: ("AF_UNIX", "SCM_RIGHTS"),
}


def take_away() -> None:
    """Take away what there is only here, and put a lock of Windows in the place of ours."""
    locked = fcntl.lockf, fcntl.LOCK_EX | fcntl.LOCK_NB
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]  # importing it is an ImportError then
    for module, names in ATTRIBUTES.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    def locking(descriptor: int, _mode: int, count: int) -> None:
        lock, how = locked
        lock(descriptor, how, count, os.lseek(descriptor, 0, os.SEEK_CUR))

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(("/proc", "/sys")):
            raise FileNotFoundError(2, "There is no such file", arguments[0])

    os.symlink = os.link = Path.symlink_to = refuse  # type: ignore[method-assign]
    ctypes.CDLL = refuse  # type: ignore[assignment,misc]
    sys.addaudithook(watch)
    windows = types.ModuleType("msvcrt")
    windows.LK_NBLCK, windows.locking = 2, locking  # type: ignore[attr-defined]
    sys.modules["msvcrt"] = windows


class Windows:
    """The module `sys`, with another platform."""

    platform = "win32"

    def __getattr__(self, name: str) -> Any:
        """Give what the module has."""
        return getattr(sys, name)


def main() -> None:
    """Run a command."""
    take_away()
    from kgbuild import cli
    from kgbuild.build import release

    # Only for our own modules: others have chosen what they do by the real platform when they were imported.
    for module in (cli, cli.asking, cli.options, cli.serving, release):
        vars(module)["sys"] = Windows()
    if sys.argv[1] == "hold":
        with release.build_lock(Path(sys.argv[2])):
            print("held", flush=True)
            sys.stdin.read()
    else:
        cli.main()


if __name__ == "__main__":
    assert all((shutil, subprocess, tempfile))
    main()
