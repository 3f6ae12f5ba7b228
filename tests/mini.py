"""The mini fixture as files: where it is, how to copy and break it, how to run `kgbuild` on it."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from kgbuild.build.compilation import Sources
from kgbuild.build.release import Release, current_release, verify
from kgbuild.cli import main
from kgbuild.core.errors import KgError

ROOT = Path(__file__).resolve().parents[1]
MINI = ROOT / "tests" / "fixtures" / "mini"
COMMAND = Path(sys.executable).with_name("kgbuild")

Done = subprocess.CompletedProcess[str]


def copy_project(folder: Path) -> Path:
    """Make a folder that the command can run in: the fixture's records as `data`, our own ontology and queries."""
    shutil.copytree(MINI / "data", folder / "data")
    complete_project(folder)
    return folder


def complete_project(folder: Path) -> None:
    """Give a folder with records a copy of our own ontology and queries: no build follows a link to them."""
    for name in ("ontology", "queries"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("examples"))


def sources(folder: Path, texts: Path | None = None) -> Sources:
    """Say where a build of such a folder reads from; places in messages are relative to it."""
    return Sources(folder / "data", folder / "ontology", folder / "queries", texts, root=folder)


def edit(path: Path, old: str, new: str) -> None:
    """Replace the one place in a file that reads `old`."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path}: {text.count(old)} times {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def is_whole(build: Path) -> bool:
    """Tell whether a build folder has a current release each file of which is as published."""
    try:
        verify(current_release(build))
    except KgError:
        return False
    return True


def files_of(release: Release) -> dict[str, bytes]:
    """Read all files of a release."""
    return {path.name: path.read_bytes() for path in release.path.iterdir()}


# --- running the command ----------------------------------------------------------------------------------------------


def kgbuild(folder: Path, *arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None) -> Done:
    """Run the installed command in a folder, as a person does."""
    environment = {**os.environ, **(env or {})}
    return subprocess.run(
        [str(COMMAND), *arguments],
        cwd=folder,
        env=environment,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def kgbuild_here(folder: Path, *arguments: str, stdin: str = "") -> Done:
    """Run the command in a folder within this process: the same function, without a start of Python."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        contextlib.chdir(folder),
        mock.patch.object(sys, "argv", ["kgbuild", *arguments]),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()))),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as finished:
            code = finished.code if isinstance(finished.code, int) else 1
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
