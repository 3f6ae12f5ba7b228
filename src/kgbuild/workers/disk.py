"""Stores on disk, for data too large for memory: loaded once, then opened read-only by every worker.

`python -m kgbuild.workers.disk ORDER` loads one, in a process that may die: under a temporary name that is changed at
the very end, so that a store is whole or not there.  One loads at a time in a folder, and removes what dead ones left.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import gc
import json
import os
import shutil
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final, cast

import pyoxigraph
from pyoxigraph import RdfFormat, Store

from kgbuild.core import confinement
from kgbuild.core.errors import EngineError, UsageError
from kgbuild.sparql.formats import EXTENSIONS

ON_DISK_ABOVE: Final = 10_000_000
"""Quads: half a gigabyte of memory a million, for the data and again for each worker that scans them."""
MODES: Final = ("auto", "memory", "disk")
FOLDER: Final = "stores"
"""In the build folder."""
QUADS: Final = "quads"
"""In a store's folder: what RocksDB keeps."""
_ABOUT: Final = "about.json"
_NOTES: Final = "notes.json"
_TEMPORARY: Final = ".tmp-"
_OF_FILES: Final = "data-"
_BYTES_PER_QUAD: Final = 50
"""In formats where a quad is no line: fewer than most files have, so that the estimate is rather too high."""
_BLOCK: Final = 1 << 20
_SAY_EVERY: Final = 10.0
_MADE_WITH: Final = f"pyoxigraph {pyoxigraph.__version__}"
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)

Say = Callable[[str], object]


@dataclass(frozen=True)
class About:
    """What is known of a store that is whole."""

    quads: int
    made_with: str
    """Another version of the library makes it anew."""
    files: tuple[tuple[str, int, int], ...]
    """Path, bytes, and time of the last change in ns, of each file in it."""


@dataclass(frozen=True)
class Order:
    """What the loading process is told."""

    stores: str
    key: str
    files: Sequence[str]
    parent: int
    """Id of the process that waits for it."""


def belongs_on_disk(mode: str, files: Iterable[Path], quads: int | None) -> bool:
    """Tell whether data are served from disk; `quads` where their number is known, else the files are looked at."""
    if mode == "auto":
        return (most_quads(files) if quads is None else quads) > ON_DISK_ABOVE
    return mode == "disk"


def most_quads(files: Iterable[Path], enough: int = ON_DISK_ABOVE) -> int:
    """Count at most how many quads files hold, without parsing: lines where a quad is one, else by bytes.

    Counts no further than just above `enough`.
    """
    count = 0
    for path in files:
        if EXTENSIONS.get(path.suffix.lower()) not in (RdfFormat.N_QUADS, RdfFormat.N_TRIPLES):
            count += path.stat().st_size // _BYTES_PER_QUAD
            continue
        with path.open("rb") as file:
            count += 1  # the last line may have no end
            while count <= enough and (block := file.read(_BLOCK)):
                count += block.count(b"\n")
    return count


def name_of_files(files: Iterable[Path]) -> str:
    """Name the store of files: another name once one of them has changed."""
    return _OF_FILES + sha256(json.dumps(_describe(map(str, files))).encode()).hexdigest()[:16]


def _describe(files: Iterable[str]) -> tuple[tuple[str, int, int], ...]:
    facts = [(path, path.stat()) for path in (Path(name).resolve() for name in files)]
    return tuple((str(path), fact.st_size, fact.st_mtime_ns) for path, fact in facts)


def read_about(store: Path) -> About | None:
    """Read what is known of a store; None if there is none, or one that this version did not make."""
    read = _read(store / _ABOUT)
    try:
        about = About(read["quads"], read["made_with"], tuple((p, size, at) for p, size, at in read["files"]))
    except (ValueError, KeyError, TypeError):
        return None
    return about if about.made_with == _MADE_WITH else None


def hold(store: Path) -> int:
    """Keep a store from being removed, for as long as the descriptor that is returned is open.

    Raises OSError if it has gone.
    """
    descriptor = os.open(store, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    if not (store.exists() and os.path.samestat(os.fstat(descriptor), store.stat())):
        os.close(descriptor)  # renamed by who removes it, before we had the lock
        raise FileNotFoundError(errno.ENOENT, "it has just been removed", str(store))
    return descriptor


def read_notes(store: Path) -> dict[str, Any]:
    """Read what was found out about the data of a store; nothing if nothing was."""
    return _read(store / _NOTES)


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return read
    return {}


def write_notes(store: Path, notes: dict[str, Any]) -> None:
    """Keep what was found out about the data of a store, which never change; on a full disk nothing is kept."""
    temporary = store / f"{_TEMPORARY}{os.getpid()}"
    with suppress(OSError):
        try:
            temporary.write_text(json.dumps(notes), encoding="utf-8")
            temporary.replace(store / _NOTES)
        finally:
            temporary.unlink(missing_ok=True)


def load_file(store: Store, name: str, wrap: Callable[[IO[bytes]], IO[bytes]] | None = None) -> None:
    """Load an RDF file: Turtle and its like into the default graph, TriG and N-Quads with their graphs.

    Raises ValueError that names the file.
    """
    format_ = EXTENSIONS.get(Path(name).suffix.lower())
    if format_ is None:
        raise ValueError(f"{name}: this is no RDF file by its name; known: {', '.join(EXTENSIONS)}")
    base = None if format_ in (RdfFormat.N_QUADS, RdfFormat.N_TRIPLES) else Path(name).resolve().as_uri()
    try:
        if wrap is None:
            store.bulk_load(path=name, format=format_, base_iri=base)
            return
        with Path(name).open("rb") as file:
            store.bulk_load(input=wrap(file), format=format_, base_iri=base)
    except (SyntaxError, OSError, ValueError) as problem:
        raise ValueError(f"{name}: {problem}") from problem


async def prepare(stores: Path, key: str, files: tuple[Path, ...], say: Say) -> Path:
    """Find the store of some files, or load it in another process; returns its folder.

    `say` is told how far a load has come.  Raises UsageError for a file or a folder at fault, EngineError for a
    load that ended.
    """
    store = stores / key
    if read_about(store) is not None:
        return store
    order = json.dumps(asdict(Order(str(stores), key, tuple(str(path) for path in files), os.getpid())))
    command = (sys.executable, "-m", "kgbuild.workers.disk", order)
    loader = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=PIPE, env=confinement.bare_environment()
    )
    failed = ""
    try:
        assert loader.stdout is not None  # noqa: S101 - a pipe was asked for
        while line := await loader.stdout.readline():
            told = json.loads(line)
            failed = told.get("failed", failed)
            if "say" in told:
                say(told["say"])
        code = await loader.wait()
    finally:
        if loader.returncode is None:
            loader.kill()
            await loader.wait()
        if loader.returncode:
            shutil.rmtree(_temporary(stores, key, loader.pid), ignore_errors=True)
    if failed:
        raise UsageError(failed)
    if code or read_about(store) is None:
        how = f"by signal {-code}" if code < 0 else f"with code {code}"
        raise EngineError(
            f"{store}: the process that loads the data has ended {how}; nothing of the load is left. "
            "It may have met a limit of memory: give it more (3 GB), and start again."
        )
    return store


def main() -> None:
    """Carry out one order; what there is to say goes to standard output, a JSON object a line."""
    order = Order(**json.loads(sys.argv[1]))
    confinement.die_with(order.parent)
    confinement.leave_network()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server decides when to end
    os.nice(10)  # another release may be answering meanwhile
    try:
        _make(Path(order.stores), order.key, order.files)
    except (UsageError, OSError, ValueError) as problem:
        _tell("failed", str(problem) if isinstance(problem, UsageError) else _explain(problem, order))
        sys.exit(1)


def _make(stores: Path, key: str, files: Sequence[str]) -> None:
    stores.mkdir(parents=True, exist_ok=True)
    with _opened(stores) as folder:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _tell("say", f"{stores}: waiting until another load has ended")
            fcntl.flock(folder, fcntl.LOCK_EX)
        if read_about(stores / key) is not None:
            return  # who loaded before us made it
        _remove_leftovers(stores, key)
        temporary = _temporary(stores, key, os.getpid())
        try:
            temporary.mkdir()
            about = _fill(temporary / QUADS, files, f"{stores / key}")
            (temporary / _ABOUT).write_text(json.dumps(asdict(about), indent=2) + "\n", encoding="utf-8")
            _flush(temporary)
            temporary.rename(stores / key)
            _flush_one(stores)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def _fill(path: Path, files: Sequence[str], name: str) -> About:
    described = _describe(files)
    store = Store(str(path))
    progress = _Progress(f"Loading {name}", sum(size for _, size, _ in described))
    for file in files:
        load_file(store, file, progress.watch)
    _tell("say", f"Loading {name}: optimising")
    store.optimize()
    store.flush()
    del store
    gc.collect()
    for before, now in zip(described, _describe(files), strict=True):
        if before != now:
            raise UsageError(f"{before[0]}: it was changed while it was loaded. Start again once it is whole.")
    # Opened once more: only then RocksDB drops the files that optimising has replaced.
    return About(len(Store(str(path))), _MADE_WITH, described)


class _Progress:
    """Says every ten seconds how much of the files has been read."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done = title, total, 0
        self.said = time.monotonic()
        _tell("say", f"{title}: {total / 1e6:,.0f} MB of RDF")

    def watch(self, file: IO[bytes]) -> IO[bytes]:
        """Give what is read in place of a file, one file after the other."""
        self.file = file
        return cast(IO[bytes], self)

    def read(self, size: int = -1) -> bytes:
        part = self.file.read(size)
        self.done += len(part)
        if time.monotonic() - self.said > _SAY_EVERY:
            self.said = time.monotonic()
            _tell("say", f"{self.title}: {self.done / 1e6:,.0f} of {self.total / 1e6:,.0f} MB")
        return part


def _tell(what: str, text: str) -> None:
    print(json.dumps({what: text}), flush=True)


def _explain(problem: Exception, order: Order) -> str:
    full = isinstance(problem, OSError) and problem.errno in _FULL
    if full or "No space left" in str(problem) or "quota" in str(problem):
        return (
            f"{order.stores}: the disk is full; nothing of the load is left. "
            "Make room (twice the size of the N-Quads), give another --build-dir, or serve with --store memory."
        )
    if isinstance(problem, OSError):
        where = problem.filename or order.stores
        return (
            f"{where}: {problem.strerror or problem}; nothing of the load is left. "
            "Mend its permissions, give another --build-dir, or serve with --store memory."
        )
    return f"The data cannot be loaded: {str(problem).rstrip('.')}. Mend the file."


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _temporary(stores: Path, key: str, pid: int) -> Path:
    return stores / f"{_TEMPORARY}{pid}-{key}"


def _remove_leftovers(stores: Path, key: str) -> None:
    """Remove what dead loads left, stores of files that have changed since, and a store of ours that is of no use."""
    for path in stores.glob(f"{_TEMPORARY}*"):
        shutil.rmtree(path, ignore_errors=True)
    for path in stores.glob(f"{_OF_FILES}*"):
        if _is_stale(path):
            _remove(path)
    if (stores / key).exists() and not _remove(stores / key):
        raise UsageError(f"{stores / key}: made by another version, and a server uses it still. End that server first.")


def _is_stale(store: Path) -> bool:
    about = read_about(store)
    try:
        return about is None or _describe(path for path, _, _ in about.files) != about.files
    except OSError:
        return True


def remove_unused(stores: Path, releases: Iterable[str]) -> list[str]:
    """Remove the stores of releases other than these and of files that have changed; those in use stay.

    Returns the names of those removed.
    """
    kept = set(releases)
    found = [path for path in sorted(stores.glob("[!.]*")) if path.is_dir()]
    unused = [p for p in found if (_is_stale(p) if p.name.startswith(_OF_FILES) else p.name not in kept)]
    return [path.name for path in unused if _remove(path)]


def _remove(store: Path) -> bool:
    """Remove a store unless a server holds it."""
    aside = _temporary(store.parent, store.name, os.getpid())
    try:
        with _opened(store) as folder:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            store.rename(aside)
    except BlockingIOError:
        return False
    shutil.rmtree(aside, ignore_errors=True)
    return True


def _flush(folder: Path) -> None:
    for path in [*sorted(folder.rglob("*")), folder]:
        _flush_one(path)


def _flush_one(path: Path) -> None:
    with _opened(path) as descriptor:
        os.fsync(descriptor)


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # the server has gone, and we with it
        main()
