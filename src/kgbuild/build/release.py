"""A finished build becomes an immutable release; the only module that switches `build/current`.

A release is written beside the others under a temporary name, flushed to the disk, renamed, and only then made
current by replacing one symbolic link: a build killed anywhere leaves the old release answering.  A release that is
damaged is made anew under its name; if it is the current one, a second copy stands in for it meanwhile.

On Windows, where a link needs a privilege and cannot be replaced, `current` is a file that holds the same path.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, TextIO

from kgbuild.core.errors import KgError, UsageError

QUADS = "graph.nq"
SOURCE_MAP = "source-map.jsonl"
MANIFEST = "manifest.json"
_TEMPORARY = ".tmp-"
_LOCKED: Final = 1 << 30
"""Position of the byte that is locked on Windows: others may not even read it, so it lies behind what they read."""


class UnreadableReleaseError(KgError):
    """A release that is damaged, or not there."""


@dataclass(frozen=True)
class ReleaseContent:
    """What a release is made of, as bytes."""

    nquads: bytes
    """Canonical N-Quads: one quad a line, sorted, LF."""
    source_map: bytes
    derived: Mapping[str, bytes]
    """File name -> bytes of what follows from the quads; no part of the release's id."""
    facts: Mapping[str, object]
    """Counts and versions for the manifest; no part of the release's id."""


@dataclass(frozen=True)
class ReleaseWithdrawal:
    """What is known of a release whose files are gone."""

    release: str
    on: str
    reason: str

    def __str__(self) -> str:
        """Say it in a sentence."""
        return f"Release {self.release} was withdrawn on {self.on}: {self.reason}"


@dataclass(frozen=True)
class Release:
    """A published release."""

    id: str
    path: Path
    manifest: dict[str, Any]

    @property
    def withdrawal(self) -> ReleaseWithdrawal | None:
        """Tell since when and why the release is withdrawn; None for one that is not."""
        said = self.manifest.get("withdrawn")
        return ReleaseWithdrawal(self.id, str(said["on"]), str(said["reason"])) if said else None


def release_id(content: ReleaseContent) -> str:
    """Hash quads and source map: the same content has the same id, on whatever versions of the libraries."""
    digest = hashlib.sha256()
    for part in (content.nquads, content.source_map):
        digest.update(f"{len(part)}\n".encode())
        digest.update(part)
    return digest.hexdigest()[:16]


def publish(build: Path, content: ReleaseContent) -> Release:
    """Write a release and make it the current one; the caller holds the lock.

    Raises KgError if the disk does not take it, UsageError for a release that was withdrawn: then nothing has changed.
    """
    name = release_id(content)
    target = build / "releases" / name
    with suppress(UnreadableReleaseError):  # not there yet, or damaged and made anew
        _refuse_withdrawn(_read(target), "Withdraw from the records what must go (TAKEDOWN.md), and build again.")
    try:
        _remove_leftovers(build)
        if not _is_whole(target):
            _write(build, name, content)
        _switch(build, name)
        with suppress(OSError):  # published all the same; the next build tries again, and tells
            _remove_leftovers(build)
    except OSError as problem:
        raise KgError(
            f"{problem.filename or build}: the release could not be written: {problem.strerror}. "
            "The old release still stands; make room or mend the permissions, and build again."
        ) from problem
    return _read(target)


def _write(build: Path, name: str, content: ReleaseContent) -> None:
    files = {QUADS: content.nquads, SOURCE_MAP: content.source_map, **content.derived}
    described = {
        file: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for file, data in sorted(files.items())
    }
    manifest = {"id": name, "facts": dict(content.facts), "files": described}
    files[MANIFEST] = _manifest_bytes(manifest)
    temporary, stand_in, damaged = (
        build / "releases" / f"{_TEMPORARY}{os.getpid()}-{what}" for what in (name, "stand-in", "damaged")
    )
    target = build / "releases" / name
    try:
        _write_folder(temporary, files)
        if target.exists():  # there, but damaged: put aside, then removed
            if _current_folder(build) == target.resolve():
                # No folder can be put in another's place at once: without it, `current` would lead nowhere meanwhile.
                _write_folder(stand_in, files)
                _switch(build, stand_in.name)
            target.rename(damaged)
        temporary.rename(target)
        _flush_folder(build / "releases")
    except OSError:
        with suppress(OSError):
            _remove_leftovers(build)
        raise


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, data in files.items():
        _write_file(folder / name, data)
    _flush_folder(folder)
    _flush_folder(folder.parent)


def _write_file(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _manifest_bytes(manifest: Mapping[str, object]) -> bytes:
    return (json.dumps(manifest, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _current_folder(build: Path) -> Path:
    current = build / "current"
    return (build / current.read_text(encoding="utf-8").strip() if current.is_file() else current).resolve()


def _flush_folder(path: Path) -> None:
    if sys.platform == "win32":
        return  # no folder can be opened there, nor need it be
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _switch(build: Path, name: str) -> None:
    link = build / f"{_TEMPORARY}{os.getpid()}-current"
    link.unlink(missing_ok=True)
    if sys.platform == "win32":
        link.write_text(f"releases/{name}\n", encoding="utf-8")
    else:
        link.symlink_to(Path("releases") / name)
    link.replace(build / "current")
    _flush_folder(build)


def _remove_leftovers(build: Path) -> None:
    """Remove what killed builds left; the lock makes sure that no build is alive but ours.

    A copy that stands in for the current release stays until there is another one.
    """
    for path in (*build.glob(f"{_TEMPORARY}*"), *build.glob(f"releases/{_TEMPORARY}*")):
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.resolve() != _current_folder(build):
            shutil.rmtree(path)


def current_release(build: Path) -> Release:
    """Find the release that answers; UsageError if there is none."""
    folder = _current_folder(build)
    if not (folder / MANIFEST).is_file():
        raise UsageError(f"{build / 'current'}: there is no release yet. Run `make`.")
    return _read(folder)


def list_releases(build: Path) -> list[Release]:
    """List the releases, oldest first."""
    return [_read(path) for path in _release_folders(build)]


def readable_releases(build: Path) -> list[Release]:
    """List the releases that can be read, oldest first; one that is damaged hides no other."""
    found = []
    for path in _release_folders(build):
        with suppress(KgError):  # damaged, or removed in this moment
            found.append(_read(path))
    return found


def _release_folders(build: Path) -> list[Path]:
    found = []
    for path in build.glob(f"releases/[!.]*/{MANIFEST}"):
        with suppress(FileNotFoundError):  # removed in this moment
            found.append((path.parent.stat().st_mtime_ns, path.parent))
    return [path for _, path in sorted(found)]


def _refuse_withdrawn(release: Release, remedy: str) -> None:
    if release.withdrawal:
        raise UsageError(f"{str(release.withdrawal).rstrip('.')}. {remedy}")


def withdraw_release(build: Path, name: str, reason: str, on: date) -> list[str]:
    """Remove the files of a release, and what was made of them; its manifest stays, and says since when and why.

    What a call that was broken off has left is removed by the next one.  Returns the stores that a server still holds.
    Raises UsageError for the current release.
    """
    with build_lock(build):
        release = find_release(build, name)
        if current_release(build).id == release.id:
            remedy = "Withdraw the records in question and build, or `kgbuild release use` another one first."
            raise UsageError(f"{release.id}: the current release cannot be withdrawn. {remedy}")
        # A copy that a killed build left may be one of this release.
        _remove_leftovers(build)
        if release.withdrawal is None:
            said = {**release.manifest, "withdrawn": {"on": on.isoformat(), "reason": reason}}
            temporary = build / f"{_TEMPORARY}{os.getpid()}-manifest"
            _write_file(temporary, _manifest_bytes(said))
            temporary.replace(release.path / MANIFEST)
            _flush_folder(release.path)
        for path in release.path.iterdir():
            if path.name != MANIFEST:
                path.unlink()
        _flush_folder(release.path)
        _remove_stores(build)
        return [f"stores/{path.name}" for path in build.glob(f"stores/{release.id}")]


def find_release(build: Path, name: str) -> Release:
    """Find a release by its id or the beginning of it."""
    # By its folder's name: another release that is damaged must not keep this one from being used.
    found = [path for path in build.glob("releases/[!.]*") if path.name.startswith(name)]
    if len(found) != 1:
        how_many = "no release" if not found else f"{len(found)} releases"
        raise UsageError(f"{name}: {how_many} with an id that begins so. `kgbuild release list` shows them.")
    return _read(found[0])


def use_release(build: Path, name: str) -> Release:
    """Make a release the current one, if it is whole."""
    release = find_release(build, name)
    _refuse_withdrawn(release, "Use another one.")
    verify(release)
    with build_lock(build):
        _switch(build, release.id)
    return release


def verify(release: Release) -> None:
    """Compare each file with the manifest; KgError names the first that differs."""
    for file, described in release.manifest["files"].items():
        path = release.path / file
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != described["sha256"]:
            raise KgError(f"{path}: missing or not as published. Build again, or use another release.")


def collect_garbage(build: Path, keep: int = 5) -> list[str]:
    """Remove all but the newest `keep` releases and the current one, and stores on disk that nothing needs any more.

    Of releases that were withdrawn the manifests stay.

    Returns the ids of the releases removed, and the paths of the stores, from the build folder.
    """
    with build_lock(build):
        releases = [release for release in list_releases(build) if release.withdrawal is None]
        current = current_release(build).id if releases else ""
        old = [release for release in releases[:-keep] if release.id != current]
        for release in old:
            shutil.rmtree(release.path)
        return [*(release.id for release in old), *_remove_stores(build)]


def _remove_stores(build: Path) -> list[str]:
    if sys.platform != "linux":
        return []  # there is no server there that makes any
    from kgbuild.workers.disk import FOLDER, remove_unused

    # By the folders that are there: a release that is damaged may be mended, and keeps its store.
    withdrawn = {release.id for release in readable_releases(build) if release.withdrawal}
    there = {path.name for path in build.glob("releases/[!.]*")}
    unused = remove_unused(build / FOLDER, there - withdrawn)
    return [f"{FOLDER}/{name}" for name in unused]


def _is_whole(path: Path) -> bool:
    try:
        verify(_read(path))
    except KgError:
        return False
    return True


def _read(path: Path) -> Release:
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if not all(isinstance(manifest[part], dict) for part in ("facts", "files")):
            raise ValueError("it has no facts or no files")  # noqa: TRY301 - told like any other damage
        return Release(manifest["id"], path, manifest)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        remedy = "Build again, or use another release."
        raise UnreadableReleaseError(f"{path / MANIFEST}: cannot be read: {problem}. {remedy}") from problem


@contextmanager
def build_lock(build: Path) -> Iterator[None]:
    """Hold the folder for one build; a second one is told who holds it, and does not wait."""
    for path in (build, build / "releases", build / ".lock"):
        # A link may have come with somebody's records; what is written through it is written, and removed, elsewhere.
        if path.is_symlink():
            remedy = "Remove it, or name the folder itself with --build-dir."
            raise UsageError(f"{path}: a symbolic link, through which no release is written. {remedy}")
    try:
        build.mkdir(parents=True, exist_ok=True)
        file = (build / ".lock").open("a+", encoding="utf-8")
    except OSError as problem:
        raise KgError(f"{build}: cannot be written: {problem.strerror}. Mend its permissions.") from problem
    with file:
        try:
            _lock(file)
        except (BlockingIOError, PermissionError) as problem:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise UsageError(
                f"{build}: {holder} is building here. Wait for it, or build in another folder."
            ) from problem
        file.truncate(0)
        file.write(f"process {os.getpid()} ({Path(sys.argv[0]).name} {' '.join(sys.argv[1:])})".strip())
        file.flush()
        try:
            yield
        finally:
            with suppress(OSError):  # a full disk must not hide what the build has to say
                file.truncate(0)


def _lock(file: TextIO) -> None:
    """Lock an open file until it is closed, or raise; the lock ends with the process, however that ends."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(_LOCKED)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
