"""The zygote: loads the data once, forks workers that answer one query at a time and may be killed.

Run as `python -m kgbuild.workers.zygote CONFIG`.  It has one thread, so that forking is safe: a worker is ready 16 ms
after it is wanted, with the data already in its memory.  The server talks to it over a SEQPACKET socket: `fork` in, a
worker's socket and pidfd out; the death of a worker is told with its signal and last words.  It has no network, no
privileges and no environment (`core.confinement`), and so have its workers.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import resource
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from pyoxigraph import Store

from kgbuild.core import confinement
from kgbuild.sparql.query_error import QueryError
from kgbuild.workers.disk import QUADS, hold, load_file, read_about
from kgbuild.workers.protocol import END, FAULT, HEADER, SIZE, Outbox, pack
from kgbuild.workers.request import Request

STACK: Final = 256 * 1024 * 1024
"""Bytes: nested queries that would end the parser at a depth of a thousand then run into their limits instead."""
CHECK_STACK: Final = 8 << 20
"""Bytes, where queries are only checked for another server: what an ordinary stack cannot hold is not sent there."""
LAST_WORDS: Final = 2000
CPU_GRACE: Final = 10
DESCRIPTORS: Final = 1 << 20
"""Most file descriptors that opening a store on disk may take."""
_FEWEST: Final = 100
"""What Oxigraph asks for, and what stands open besides."""
_RESTACKED: Final = "KGBUILD_ZYGOTE_STACK"

Put = Callable[[bytes, bytes], object]
"""Takes a frame: its kind and its payload."""
Handler = Callable[[Store, Request, Put, bool], None]
"""Answers a request with frames; the last argument says that the store takes no graph that is made for a query.

Raises QueryError where there is no answer.  MemoryError is left to the worker, which has to end after it.
"""


@dataclass(frozen=True)
class Config:
    """What a zygote loads and what its workers may use."""

    files: Sequence[str]
    memory: int
    """Bytes that a query may take beyond the data."""
    timeout: float
    """Seconds: a second guard behind the server's deadline, in processor time."""
    control: int
    """Descriptor of the control socket."""
    server: int
    """Number of the process that it ends with."""
    disk: str = ""
    """Folder of an immutable store, opened read-only by each worker, in place of files."""
    handlers: Mapping[str, str] = field(default_factory=dict)
    """Name of an operation -> module and function that carry it out, as `module:function`."""


def main() -> None:
    """Load, say so, and fork on demand until the server has gone."""
    config = Config(**json.loads(sys.argv[1]))
    if os.environ.get(_RESTACKED) != "done":
        _restart_with_stack(STACK if config.files or config.disk else CHECK_STACK)
    confine(config.server)
    control = socket.socket(fileno=config.control)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server decides when to end
    started = time.monotonic()
    handlers = find_handlers(config.handlers)  # before the fork: a worker has no descriptor to read a module with
    try:
        if config.disk:
            store, quads = Store(), _check_disk(config)
        else:
            store = Store()
            for name in config.files:
                load_file(store, name)
            quads = len(store)
    except (SyntaxError, OSError, ValueError) as problem:
        remedy = "" if config.disk else " Mend the file."
        control.send(json.dumps({"failed": f"{str(problem).rstrip('.')}.{remedy}"}).encode())
        sys.exit(1)
    gc.collect()
    gc.freeze()  # a collection in a worker must not touch what is shared
    loaded = {"quads": quads, "seconds": round(time.monotonic() - started, 3)}
    control.send(json.dumps({"ready": loaded}).encode())
    Nursery(control, store, config, handlers).run()


def _restart_with_stack(size: int) -> None:
    """Start again with another stack: where it may grow to is fixed when a program starts."""
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    resource.setrlimit(resource.RLIMIT_STACK, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))
    os.environ[_RESTACKED] = "done"
    os.execv(sys.executable, [sys.executable, "-m", "kgbuild.workers.zygote", *sys.argv[1:]])  # noqa: S606 - ourselves


def confine(server: int) -> None:
    """Give up what no query needs; raises nothing, since not every machine allows all of it."""
    confinement.die_with(server)
    confinement.leave_network()
    confinement.give_up_privileges()
    confinement.hide()


def find_handlers(names: Mapping[str, str]) -> dict[str, Handler]:
    """Import the functions that operations are carried out with."""
    return {operation: pkgutil.resolve_name(name) for operation, name in names.items()}


def _check_disk(config: Config) -> int:
    """Open a store on disk as the workers will, and keep it from being removed; returns its number of quads.

    In a child: RocksDB has threads, and a process that forks must not.
    """
    remedy = f"Remove the folder {config.disk}, and start again: it is made anew"
    about = read_about(Path(config.disk))
    if about is None:
        raise ValueError(f"{config.disk}: there is no whole store. {remedy}")
    hold(Path(config.disk))  # until this process ends
    _allow_descriptors()
    words = os.memfd_create("last-words")
    pid = os.fork()
    if pid == 0:
        try:
            _open(config.disk)
        except (ValueError, OSError, RuntimeError) as problem:
            os.write(words, (str(problem) if isinstance(problem, ValueError) else f"{problem}. {remedy}").encode())
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    said = _read_last(words)
    if status:
        said = f"opening it ends a process with status {status}. {remedy}"
    if said:
        raise ValueError(f"{config.disk}: {said}")
    return about.quads


class Nursery:
    """Forks workers and tells of their deaths."""

    def __init__(self, control: socket.socket, store: Store, config: Config, handlers: Mapping[str, Handler]) -> None:
        self.control, self.store, self.config, self.handlers = control, store, config, handlers
        self.pid = os.getpid()
        self.selector = selectors.DefaultSelector()
        self.selector.register(control, selectors.EVENT_READ, None)
        self.words: dict[int, int] = {}

    def run(self) -> None:
        """Obey until the server has gone."""
        while True:
            for key, _ in self.selector.select():
                if key.data is not None:
                    self._bury(key.fd, key.data)
                elif not self._obey():
                    self._end()
                    return

    def _obey(self) -> bool:
        try:
            order = self.control.recv(64)
            if order == b"fork":
                self.fork()
        except ConnectionError:
            return False
        return bool(order)

    def fork(self) -> None:
        """Fork a worker and hand it over; says so where there is no process or no descriptor to be had."""
        with ExitStack() as opened:
            try:
                self._fork(opened)
            except ConnectionError:
                raise
            except OSError as problem:
                self.control.send(json.dumps({"no_worker": problem.strerror or str(problem)}).encode())

    def _fork(self, opened: ExitStack) -> None:
        """Fork a worker and hand it over; a failure leaves nothing, and what only that needed is closed by `opened`."""
        ours, theirs = (opened.enter_context(end) for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM))
        with ExitStack() as undo:
            words = os.memfd_create("last-words")
            undo.callback(os.close, words)
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    self.selector.close()
                    ours.close()
                    code = _be_worker(theirs, words, self.store, self.config, self.handlers, self.pid)
                finally:
                    os._exit(code)
            undo.callback(_end, pid)
            life = os.pidfd_open(pid)
            undo.callback(os.close, life)
            self.selector.register(life, selectors.EVENT_READ, pid)
            undo.callback(self.selector.unregister, life)
            socket.send_fds(self.control, [json.dumps({"worker": pid}).encode()], [ours.fileno(), life])
            undo.pop_all()
        self.words[pid] = words

    def _bury(self, life: int, pid: int) -> None:
        self.selector.unregister(life)
        os.close(life)
        _, status = os.waitpid(pid, 0)
        said = _read_last(self.words.pop(pid))
        told = {"exited": pid, "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, "said": said}
        with suppress(ConnectionError):
            self.control.send(json.dumps(told).encode())

    def _end(self) -> None:
        for pid in self.words:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _read_last(words: int) -> str:
    size = os.fstat(words).st_size
    said = os.pread(words, LAST_WORDS, max(0, size - LAST_WORDS)).decode("utf-8", "replace")
    os.close(words)
    return said


def _be_worker(
    connection: socket.socket, words: int, store: Store, config: Config, handlers: Mapping[str, Handler], zygote: int
) -> int:
    """Answer requests until the server closes the socket; returns the exit code."""
    _shut_in(connection, words, zygote)
    if config.disk:
        store = _open(config.disk)
    # Counted from here: what is shared with the zygote counts as well, and the stacks of the threads of RocksDB.
    _limit_memory(config.memory)
    _forbid_descriptors()
    received = connection.makefile("rb")
    while payload := _receive(received):
        _limit_cpu(config.timeout)
        try:
            answer(handlers, store, payload, connection.sendall, read_only=bool(config.disk))
        except MemoryError:
            detail = "The query needs more memory than it may have. Ask for less, or for a part."
            connection.sendall(pack(FAULT, QueryError("out-of-memory", 503, detail).pack()))
            return 0
        except BrokenPipeError:
            return 0
    return 0


def answer(
    handlers: Mapping[str, Handler],
    store: Store,
    payload: bytes,
    send: Callable[[bytes], object],
    *,
    read_only: bool = False,
) -> None:
    """Answer a request frame with frames; a fault is one of them."""
    outbox = Outbox(send)
    request = Request.unpack(payload)
    try:
        handlers[request.operation](store, request, outbox.put, read_only)
    except QueryError as fault:
        outbox.put(FAULT, fault.pack())
    else:
        outbox.put(END, SIZE.pack(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10))
    outbox.flush()


def _shut_in(connection: socket.socket, words: int, zygote: int) -> None:
    """Take from a worker what a query could misuse of the zygote's: its files, its siblings' sockets."""
    confinement.die_with(zygote)
    confinement.go_first()  # the zygote holds the data of all
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nothing, descriptor)
    os.dup2(words, 2)
    kept = connection.fileno()
    os.closerange(3, kept)
    os.closerange(kept + 1, 65536)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_memory(more: int) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _allow_descriptors() -> None:
    """Take all there are: RocksDB opens every file at once only where four times as many would be allowed."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if most < _FEWEST:
        raise _too_few(_FEWEST)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _open(disk: str) -> Store:
    """Open a store on disk with all its files; raises ValueError if some were left for later."""
    store = Store.read_only(str(Path(disk) / QUADS))
    wanted = {path.name for path in Path(disk, QUADS).glob("*.sst")}
    have = {path.readlink().name for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}
    if wanted - have:
        raise _too_few(4 * len(wanted) + _FEWEST)
    return store


def _too_few(needed: int) -> ValueError:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return ValueError(
        f"the files of the store cannot all be held open: a process may open {hard} here. "
        f"Raise that limit (`ulimit -Hn`) to {needed}, or serve with --store memory"
    )


def _forbid_descriptors() -> None:
    """Leave no descriptor to open a connection with: SERVICE then fails whatever a scan of the text overlooked.

    What is open stays so: a store on disk has all its files by now.
    """
    # Blocking sockets only from here on: poll() fails under this limit.
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def _limit_cpu(timeout: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + timeout) + CPU_GRACE
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _receive(connection: IO[bytes]) -> bytes:
    """Receive one request; nothing when the server has closed."""
    header = connection.read(HEADER.size)
    size = HEADER.unpack(header)[1] if len(header) == HEADER.size else 0
    payload = connection.read(size)
    return payload if len(payload) == size else b""


if __name__ == "__main__":
    main()
