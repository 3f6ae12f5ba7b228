"""Runs what others wrote (rules, checks, shapes, an ontology) in a process of its own, which may be killed.

A stage is a fork: the data are in its memory already, and what it finds comes back over a pipe.  It has no network, no
privileges and limits that the kernel keeps: timers that end it whatever it computes, and an address space.  Before each
step it notes what it is about to run, so that its end is a finding there, and the other steps run in another fork.

What comes back is JSON or N-Quads, never pickle: a child that has run a stranger's logic is not trusted with code.
Elsewhere than on Linux a stage runs in this process, without limits.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import mmap
import os
import select
import signal
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from kgbuild.core import confinement
from kgbuild.core.errors import DataError, EngineError, Findings, Issue, KgError, Place, UsageError

CODE: Final = "unfinished"
"""The code of a finding on a step that passed its limit, or ended its process otherwise."""
VARIABLE: Final = "KGBUILD_LIMITS"
_REMEDY: Final = f"Simplify it, or leave it out; {VARIABLE} raises the limits."
_LONGEST: Final = 1000
"""Bytes of a step's key, and of what it is looking at."""
_QUOTED: Final = 300
"""Characters, or bytes, of a message that a finding quotes."""
_MARK: Final = struct.Struct(f"I{_LONGEST}sI{_LONGEST}s")
"""What is running, in memory that parent and child share."""
_FRAME: Final = struct.Struct(">cQ")
_GIVEN, _FOUND, _FAILED, _MISUSED, _STOPPED = b"G", b"F", b"X", b"U", b"S"
"""What a frame holds: a result, issues, why a step failed, or the text of an error of set-up."""


@dataclass(frozen=True)
class StageLimits:
    """What a stage of a build may use.

    `task`: seconds of processor time for one step (a rule, a check, a shape over an article, HermiT); twice as many may
    pass.  `stage`: seconds that all steps of a stage may take.  `memory`: megabytes beyond what the build holds.
    """

    task: float
    stage: float
    memory: int

    @property
    def bytes(self) -> int:
        """The memory, in bytes."""
        return self.memory * 1_000_000

    @property
    def largest(self) -> int:
        """Bytes that a stage may give back at once."""
        return self.bytes // 8


TRUSTED: Final = StageLimits(task=600, stage=7200, memory=8000)
"""For records of one's own: ten thousand articles stay far below, and what never ends does end."""
UNTRUSTED: Final = StageLimits(task=20, stage=60, memory=2000)
"""For what a stranger proposes."""


def read_limits(limits: StageLimits, environment: Mapping[str, str]) -> StageLimits:
    """Change limits as KGBUILD_LIMITS says, such as `task=60,stage=600,memory=4000`; raises UsageError for another."""
    text = environment.get(VARIABLE, "")
    changed: dict[str, int] = {}
    for part in text.split(",") if text else ():
        name, _, number = part.strip().partition("=")
        if name not in ("task", "stage", "memory") or not number.isascii() or not number.isdigit() or not int(number):
            raise UsageError(
                f"{VARIABLE}={text}: '{part}' is no limit. Write task=SECONDS,stage=SECONDS,memory=MEGABYTES."
            )
        changed[name] = int(number)
    return replace(limits, **changed)


def leave_network() -> None:
    """Take the network from this process, for all that it starts; raises UsageError where that is not allowed."""
    if not confinement.IS_POSSIBLE:
        raise UsageError("--untrusted needs Linux, whose limits of processes it sets. Run it there.")
    if not confinement.leave_network():
        raise UsageError(
            "--untrusted needs a network namespace, which this system does not allow. Allow user namespaces "
            "(sysctl kernel.unprivileged_userns_clone or kernel.apparmor_restrict_unprivileged_userns), or be root."
        )


_ENDING: Final = frozenset({signal.SIGINT, signal.SIGTERM})
"""Signals that ask a build to end."""


class Watch:
    """What the work of a stage tells of its steps; this one, for work within this process, lets everything pass."""

    done: int = 0
    """How many results were given already, by a fork that was ended: they are not asked for again."""
    about: str = ""
    """What the steps that follow look at."""

    def begin(self, key: str) -> bool:  # noqa: ARG002
        """Note that a step begins, `key` being where its finding would be placed.

        False for one that was ended before, which must be left out.
        """
        return True


Work = Callable[[Watch], Iterator[bytes]]
"""Does the steps of a stage and gives results; begun again, it goes on after the first `done` of them."""


@dataclass(frozen=True)
class Stage:
    """A stage: its name in findings, its limits, where findings are collected, and where a step has its place."""

    name: str
    limits: StageLimits
    findings: Findings
    locate: Callable[[str], Place] = Place
    """Key of a step -> its place; a key is the name of a file if nothing else is said."""

    def run(self, work: Work) -> Iterator[bytes]:
        """Do work in forks; gives its results as they come.  A `DataError` within is among the findings."""
        if not confinement.IS_POSSIBLE:
            try:
                yield from work(Watch())
            except DataError as refused:
                self.findings.add(refused.issues)
            return
        watch, end = _Timed(self.limits), time.monotonic() + self.limits.stage
        with interruptible(), tempfile.TemporaryDirectory(prefix="kgbuild-stage-") as folder:
            while True:
                watch.forget()
                # An interrupt within a fork would be raised where Python runs its hooks, and ignored.
                mask = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
                try:
                    child = _Child(work, watch, folder, mask)
                except BaseException:
                    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                    raise
                try:
                    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                    for payload in child.results(end):
                        watch.done += 1
                        yield payload
                finally:
                    child.end()
                self.findings.add(child.found)
                if not (cause := child.cause()):
                    return
                key, about = watch.running()
                if child.is_over:
                    cause = f"was running when {self.name} had taken {self.limits.stage:g} s: what follows was not run"
                self.findings.error(
                    self.locate(key) if key else Place(self.name), CODE, f"{cause}{about and f', {about}'}", _REMEDY
                )
                if child.is_over or key in watch.ended:
                    return
                watch.ended.add(key)


def find_culprit(stage: Stage, keys: Sequence[str], attempt: Callable[[int], object]) -> Place | None:
    """Find the first of several files with which an attempt fails, being made with one file, two, and so on.

    For a stage that takes many files at once, and has passed its limit; None if none of the attempts does.
    """

    def work(watch: Watch) -> Iterator[bytes]:
        for number, key in enumerate(keys, 1):
            if not watch.begin(key):
                break
            attempt(number)
        yield from ()

    tried = replace(stage, findings=Findings(), locate=Place)
    for _ in tried.run(work):
        pass
    return next((issue.place for issue in tried.findings if issue.code == CODE), None)


def pack_issues(issues: Iterable[Issue]) -> bytes:
    """Write issues for the pipe."""
    rows = [[i.place.path, i.place.line, i.place.column, i.severity, i.code, i.finding, i.remedy] for i in issues]
    return json.dumps(rows).encode()


def unpack_issues(payload: bytes) -> list[Issue]:
    """Read what `pack_issues` wrote."""
    return [Issue(Place(path, line, column), *rest) for path, line, column, *rest in json.loads(payload)]


class _Timed(Watch):
    """A watch that notes each step where the parent sees it, and lets the kernel end what takes too long."""

    def __init__(self, limits: StageLimits) -> None:
        self.limits = limits
        self.ended: set[str] = set()
        self._mark = mmap.mmap(-1, _MARK.size)

    def begin(self, key: str) -> bool:
        """Set the timers; their signals have no handler, and end even what never returns to Python."""
        noted, about = (text.encode("utf-8", "replace")[:_LONGEST] for text in (key, self.about))
        if noted.decode("utf-8", "replace") in self.ended:
            return False
        _MARK.pack_into(self._mark, 0, len(noted), noted, len(about), about)
        signal.setitimer(signal.ITIMER_PROF, self.limits.task)
        signal.setitimer(signal.ITIMER_REAL, 2 * self.limits.task)
        return True

    def forget(self) -> None:
        """Note that nothing has begun."""
        _MARK.pack_into(self._mark, 0, 0, b"", 0, b"")

    def running(self) -> tuple[str, str]:
        """Tell which step ran last, and what it was looking at."""
        key_size, key, about_size, about = _MARK.unpack_from(self._mark)
        return key[:key_size].decode("utf-8", "replace"), about[:about_size].decode("utf-8", "replace")


class _Child:
    """A fork that does work, seen from its parent."""

    def __init__(self, work: Work, watch: _Timed, folder: str, mask: set[int | signal.Signals]) -> None:
        """Fork; `mask` holds the signals that were blocked before the fork was prepared."""
        self.limits = watch.limits
        self.found: list[Issue] = []
        self.is_over = False
        self._failure = ""
        self._stopped: KgError | None = None
        self._status: int | None = None
        self._words = os.memfd_create("last-words")
        parent = os.getpid()
        self._pipe, write = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            code = 1
            try:
                for number in (*_ENDING, signal.SIGALRM, signal.SIGPROF):
                    signal.signal(number, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                _confine(parent, write, self._words, watch.limits, folder)
                _work(work, watch, write)
                code = 0
            except BaseException:  # the parent quotes the last words
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(code)
        os.close(write)

    def results(self, end: float) -> Iterator[bytes]:
        """Give results until the child has ended, or is to be ended for time or size."""
        received = bytearray()
        while True:
            if not select.select([self._pipe], [], [], max(0, end - time.monotonic()))[0]:
                self.is_over = True
                return
            if not (part := os.read(self._pipe, 1 << 20)):
                return
            received += part
            while len(received) >= _FRAME.size:
                kind, size = _FRAME.unpack_from(received)
                if size > self.limits.largest:
                    self._failure = f"gives more than {self.limits.largest // 1_000_000} MB back"
                    return
                if len(received) < _FRAME.size + size:
                    break
                payload = bytes(received[_FRAME.size : _FRAME.size + size])
                del received[: _FRAME.size + size]
                if kind == _GIVEN:
                    yield payload
                else:
                    self._note(kind, payload)

    def _note(self, kind: bytes, payload: bytes) -> None:
        if kind == _FOUND:
            self.found = unpack_issues(payload)
            return
        text = payload.decode("utf-8", "replace")
        if kind == _FAILED:
            self._failure = text
        else:
            self._stopped = (UsageError if kind == _MISUSED else KgError)(text)

    def end(self) -> None:
        """Kill the child if it is still there, with the Java that it may have started."""
        if self._status is None:
            os.kill(self._pid, signal.SIGKILL)
            _, self._status = os.waitpid(self._pid, 0)
            os.close(self._pipe)

    def cause(self) -> str:
        """Tell why the child ended before its work was done, as a finding; "" if it was done.

        Raises the KgError that ended it, if that was one of set-up.
        """
        size = os.fstat(self._words).st_size
        words = " ".join(os.pread(self._words, _QUOTED, max(0, size - _QUOTED)).decode("utf-8", "replace").split())
        os.close(self._words)
        if self._stopped:
            raise self._stopped
        status = self._status or 0
        if self.is_over or self._failure or not status:
            return self._failure or ("over" if self.is_over else "")
        number = os.WTERMSIG(status)
        if number in (signal.SIGPROF, signal.SIGXCPU):
            return f"takes more than {self.limits.task:g} s of processor time"
        if number == signal.SIGALRM:
            return f"takes more than {2 * self.limits.task:g} s"
        if "memory allocation" in words:
            return _too_much(self.limits)
        name = signal.Signals(number).name if number else f"exit code {os.waitstatus_to_exitcode(status)}"
        return f"ends its process ({name}{words and f': {words}'})"


def _too_much(limits: StageLimits) -> str:
    return f"needs more than {limits.memory} MB of memory"


def _confine(parent: int, pipe: int, words: int, limits: StageLimits, folder: str) -> None:
    """Give up, in a fork, all that work of a stage has no use for."""
    confinement.die_with(parent)
    gc.freeze()  # a collection must not touch, and copy, what is shared with the parent
    logging.disable()  # a handler's stream may be locked by a thread that was not forked
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor, source in ((0, nothing), (1, nothing), (2, words)):
        os.dup2(source, descriptor)
    os.closerange(3, pipe)
    os.closerange(pipe + 1, 65536)
    sys.stdout = sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    tempfile.tempdir = folder  # which the parent removes, however this process ends
    confinement.leave_network()
    confinement.give_up_privileges()
    memory = confinement.address_space() + limits.bytes
    confinement.limit(memory=memory, processor=int(2 * limits.stage) + 1, file=limits.bytes)


def _work(work: Work, watch: _Timed, pipe: int) -> None:
    """Do the work and send what it gives; what stops it is sent as well."""
    try:
        for payload in work(watch):
            _send(pipe, _GIVEN, payload)
    except DataError as refused:
        _send(pipe, _FOUND, pack_issues(refused.issues))
    except MemoryError:
        _send(pipe, _FAILED, _too_much(watch.limits).encode())
    except EngineError as problem:
        _send(pipe, _FAILED, _brief(str(problem)))
    except KgError as problem:
        _send(pipe, _MISUSED if isinstance(problem, UsageError) else _STOPPED, str(problem).encode())
    except Exception as problem:
        _send(pipe, _FAILED, _brief(f"ends with {type(problem).__name__}: {problem}"))


def _brief(text: str) -> bytes:
    words = " ".join(text.split())
    return (words if len(words) <= _QUOTED else f"{words[:_QUOTED]}…").encode("utf-8", "replace")


def _send(pipe: int, kind: bytes, payload: bytes) -> None:
    waiting = memoryview(_FRAME.pack(kind, len(payload)) + payload)
    while waiting:
        waiting = waiting[os.write(pipe, waiting) :]


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Take SIGTERM for an interrupt, so that neither folder nor process stays behind; unless it is handled."""
    is_ours = threading.current_thread() is threading.main_thread()  # Python lets no other thread set a handler
    if not is_ours or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
