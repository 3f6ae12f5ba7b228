"""Whether anything has changed since the last build: by names, sizes and times, so that no file is opened for it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from kgbuild.core.errors import DataError
from kgbuild.core.files import read_text, walk

FILE: Final = ".built"
"""The file in the build folder that says what was built from."""


def describe_inputs(folders: Iterable[Path]) -> str:
    """Describe all files below some folders by a digest of their names, sizes and times; no link is followed."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in (folder, *sorted(path for path, _ in walk(folder, Path()) if "__pycache__" not in path.parts)):
            try:
                found = path.lstat()
            except OSError:
                continue  # an editor has just removed it, or there are no texts
            told = () if path == folder else (found.st_mode, found.st_size, found.st_mtime_ns)
            digest.update(repr((os.fsencode(path), told)).encode())
    return digest.hexdigest()


def is_built_from(build: Path, described: str) -> bool:
    """Tell whether there is a release, and the last build was from what is described."""
    try:
        return read_text(build / FILE, FILE) == described and (build / "current").exists()
    except DataError:
        return False


def note_inputs(build: Path, described: str) -> None:
    """Note what was built from."""
    temporary = build / f"{FILE}.{os.getpid()}"
    temporary.write_text(described, encoding="ascii")
    temporary.replace(build / FILE)
