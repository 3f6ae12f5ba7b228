"""What a process gives up before it runs logic that is not ours: environment, network, privileges, its parent.

For the workers that answer queries and for the stages of a build alike.  Linux has all of it; elsewhere each call does
nothing and says so by returning False.  References: prctl(2), unshare(2), capabilities(7), setrlimit(2).
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

IS_LINUX: Final = sys.platform == "linux"
KEPT: Final = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "TMPDIR")
"""Variables that decide whether Python starts and finds us, how it reads names of files, and where it writes."""
_SIGKILL: Final = 9
"""Windows has no such name."""
IS_POSSIBLE: Final = IS_LINUX and hasattr(os, "fork")
"""Whether a child of this process can be confined."""
_PR_SET_PDEATHSIG: Final = 1
_PR_GET_DUMPABLE: Final = 3
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAPBSET_DROP: Final = 24
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_CAPABILITY_VERSION: Final = 0x20080522
_CAPABILITIES: Final = 64
"""More than any kernel has: what it does not know is refused, and is not there to drop."""


def bare_environment() -> dict[str, str]:
    """Give the environment of a child: what it cannot start without, and no secret of whoever started us."""
    return {name: os.environ[name] for name in KEPT if name in os.environ}


def die_with(parent: int, by: int = _SIGKILL) -> bool:
    """End this process with its parent, whose number is `parent`, by a signal; at once if that has gone already."""
    if not IS_LINUX:
        return False
    _prctl(_PR_SET_PDEATHSIG, by)
    if os.getppid() != parent:
        os.kill(os.getpid(), by)
    return True


def hide() -> bool:
    """Keep other processes of this user from reading our memory and environment, until another program is started."""
    return IS_LINUX and _prctl(_PR_SET_DUMPABLE, 0)


def go_first() -> None:
    """Be the one that the kernel ends when memory runs out."""
    hidden = IS_LINUX and ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == 0
    with suppress(OSError):
        if hidden:  # what is hidden has its files in /proc from root
            _prctl(_PR_SET_DUMPABLE, 1)
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    if hidden:
        hide()


def leave_network() -> bool:
    """Move to a network namespace that has no interface up; tells whether that is allowed here.

    Only in a process of one thread: without privileges it takes a user namespace as well.
    """
    if not IS_LINUX:
        return False
    unshare = ctypes.CDLL(None).unshare
    return any(unshare(kind) == 0 for kind in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def give_up_privileges() -> bool:
    """Drop all capabilities, and never gain any again, by whatever program is started."""
    if not IS_LINUX:
        return False
    is_done = _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    for capability in range(_CAPABILITIES):
        _prctl(_PR_CAPBSET_DROP, capability)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    return ctypes.CDLL(None).capset(header, nothing) == 0 and is_done


def limit(*, memory: int | None = None, processor: int | None = None, file: int | None = None) -> None:
    """Set hard limits: bytes of address space, seconds of processor time, bytes of the largest file written.

    One that is None stays; one above what this process may have is left at that.  Nothing is dumped to a core file.
    """
    with suppress(ImportError):  # there is none on Windows
        import resource

        kinds = resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE
        for kind, most in zip(kinds, (memory, processor, file, 0), strict=True):
            if most is not None:
                hard = resource.getrlimit(kind)[1]
                lowered = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.setrlimit(kind, (lowered, lowered))


def address_space() -> int:
    """Give the bytes of address space that this process has already: what `limit` is set above."""
    with open("/proc/self/statm", encoding="ascii") as told:  # noqa: PTH123 - pathlib is not needed for it
        return int(told.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def memory_left() -> int | None:
    """Give the bytes of address space that this process may still take; None where it has no limit."""
    if not IS_POSSIBLE:
        return None
    import resource

    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if most == resource.RLIM_INFINITY else max(0, most - address_space())


def _prctl(option: int, value: int) -> bool:
    return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
