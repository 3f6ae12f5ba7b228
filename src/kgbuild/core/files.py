"""Files that strangers may have written: found, opened and read so that nothing but the file itself is ever read.

A regular file only, opened without following a link and without waiting for a pipe, read up to a limit.  Whatever
else stands in its place is one finding: a link's target is neither opened nor named.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Final

from kgbuild.core.errors import DataError, Issue, Place, display_name, error

LARGEST: Final = 1_000_000
"""Bytes of a file of the project."""
LARGEST_TEXT: Final = 10_000_000
"""Bytes of an article's text."""
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_OF_EDITORS: Final = re.compile(r"\.#?[A-Za-z0-9._-]+~?|[A-Za-z0-9._-]+~|#[A-Za-z0-9._-]+#", re.ASCII)
"""Names of what editors and systems keep beside a file: `.x.yaml.swp`, `.DS_Store`, `x~`, `.#x`, `#x#`."""
_READ: Final = frozenset({".yaml", ".yml", ".ttl", ".ru", ".rq"})
"""Ends of names that some stage reads."""
_OPEN: Final = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"))
_WITHOUT_WAITING: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_BY_PARTS: Final = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW") and hasattr(os, "O_DIRECTORY")
_KINDS: Final = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)


def list_files(folder: Path) -> list[Path]:
    """List the files below a folder, in order of their names.

    What `folder_issues` tells of is left out, and so is what editors keep beside files.
    """
    return sorted(path for path, issue in walk(folder, Path()) if issue is None)


def find_files(folder: Path, pattern: str) -> list[Path]:
    """List those of the files below a folder whose path from there matches a pattern, part by part."""
    wanted = PurePath(pattern).parts

    def is_wanted(path: Path) -> bool:
        parts = path.relative_to(folder).parts
        return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))

    return list(filter(is_wanted, list_files(folder)))


def raise_if_link(folder: Path, root: Path) -> None:
    """Raise DataError if a folder of the project, which lies below `root`, is a link: then nothing in it is read."""
    if folder.is_relative_to(root) and folder.is_symlink():
        raise DataError([_no_file(display_name(folder, root), folder.lstat())])


def folder_issues(folder: Path, root: Path) -> Iterator[Issue]:
    """Say which names below a folder are none that files here may have, and what is neither a file nor a folder."""
    return (issue for _, issue in walk(folder, root) if issue)


def walk(folder: Path, root: Path) -> Iterator[tuple[Path, Issue | None]]:
    """Go through the files below a folder, and through what is none or has no good name, each with the finding on it.

    No link is followed, and what editors keep beside files is passed over.
    """
    waiting = [folder] if folder.is_dir() else []
    while waiting:
        above = waiting.pop()
        try:
            entries = sorted(os.scandir(above), key=lambda entry: entry.name)
        except OSError as problem:
            yield above, _unreadable(display_name(above, root), problem)
            continue
        for entry in entries:
            path = above / entry.name
            if _OF_EDITORS.fullmatch(entry.name):
                continue
            is_folder = entry.is_dir(follow_symlinks=False)
            if not _NAME.fullmatch(entry.name):
                yield path, _name_issue(path, root)
            elif is_folder and path.suffix not in _READ:
                waiting.append(path)
            elif entry.is_file(follow_symlinks=False):
                yield path, None
            else:
                yield path, _no_file(display_name(path, root), entry.stat(follow_symlinks=False))


def _name_issue(path: Path, root: Path) -> Issue:
    finding = f"'{path.name}' is no name that a file or folder here may have"
    remedy = "Rename it: Latin letters without marks, digits, '.', '-' and '_', nothing else."
    return error(Place(display_name(path, root)), "file-name", finding, remedy)


def read_text(path: Path, name: str, limit: int = LARGEST) -> str:
    """Read a file of UTF-8, with or without a byte order mark; `name` is how the finding calls it.

    Raises DataError with one finding, as `read_file` does, and where a byte is not UTF-8.
    """
    content = read_file(path, name, limit)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        read = problem.object  # without a byte order mark
        before = read[: problem.start].decode()
        place = Place(name, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        finding = f"byte 0x{read[problem.start]:02x} is not UTF-8"
        raise DataError([error(place, "not-utf-8", finding, "Save the file as UTF-8.")]) from problem


def read_file(path: Path, name: str, limit: int = LARGEST) -> bytes:
    """Read a regular file of at most `limit` bytes; `name` is how the finding calls it.

    Where `name` is the end of `path`, none of its parts may be a link: what is before them is trusted.  Raises
    DataError with one finding for whatever else stands there, is larger, or cannot be read.
    """
    try:
        descriptor = _open(path, name)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise DataError([_no_file(name, found)])
            content = _read(descriptor, limit + 1) if found.st_size <= limit else b""
        finally:
            os.close(descriptor)
    except OSError as problem:
        raise DataError([_unreadable(name, problem)]) from problem
    if found.st_size > limit or len(content) > limit:  # the latter has grown meanwhile
        size = max(found.st_size, len(content))
        finding = f"the file has {size:,} bytes, more than {limit:,}"
        remedy = "Split it, or leave out what does not belong in it: a record holds claims, not texts."
        raise DataError([error(Place(name), "too-large", finding, remedy)])
    return content


def _read(descriptor: int, most: int) -> bytes:
    parts, size = [], 0
    while size < most and (part := os.read(descriptor, min(most - size, 1 << 20))):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _open(path: Path, name: str) -> int:
    """Open a file, and each folder above it that `name` has, without following links."""
    parts = PurePath(name).parts
    if path.parts[-len(parts) :] != parts or PurePath(name).is_absolute():
        parts = path.parts[-1:]
    base = Path(*path.parts[: -len(parts)])
    if not _BY_PARTS:
        return _open_checked(base, path, parts, name)
    above = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            below = os.open(part, _OPEN | os.O_DIRECTORY, dir_fd=above)
            os.close(above)
            above = below
        # Looked at first: to open a device may do something.
        found = os.stat(parts[-1], dir_fd=above, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode):
            raise DataError([_no_file(name, found)])
        return os.open(parts[-1], _OPEN | _WITHOUT_WAITING, dir_fd=above)
    finally:
        os.close(above)


def _open_checked(base: Path, path: Path, parts: tuple[str, ...], name: str) -> int:
    """Do the same where the system opens nothing below an open folder (Windows): looked at, then opened."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise DataError([_no_file(name, found)])
    if base.joinpath(*parts).resolve() != base.resolve().joinpath(*parts):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return os.open(path, _OPEN | _WITHOUT_WAITING)


def _no_file(name: str, found: os.stat_result) -> Issue:
    what = next((kind for test, kind in _KINDS if test(found.st_mode)), "a device")
    remedy = "Put the file or folder itself there, or remove it."
    return error(Place(name), "not-a-file", f"{what} stands here, which nothing follows or opens", remedy)


def _unreadable(name: str, problem: OSError) -> Issue:
    if problem.errno in (errno.ELOOP, errno.ENOTDIR):
        finding, remedy = "a folder above it is a symbolic link, which nothing follows", "Put the folder itself there."
        return error(Place(name), "not-a-file", finding, remedy)
    finding = f"the file cannot be read: {problem.strerror}"
    return error(Place(name), "unreadable", finding, "Check its permissions, or put it back.")
