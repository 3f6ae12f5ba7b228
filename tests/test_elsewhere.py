# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Elsewhere than Linux: all but the server runs without what only Linux, or only POSIX, has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kgbuild.build.release import current_release
from kgbuild.core.errors import ExitCode
from mini import ROOT, Done, copy_project, kgbuild_here

PROGRAM = (sys.executable, str(ROOT / "tests" / "elsewhere.py"))


def elsewhere(folder: Path, *arguments: str, stdin: str = "") -> Done:
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=folder, input=stdin, capture_output=True, encoding="utf-8", timeout=300
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project that was built without what only Linux has."""
    folder = copy_project(tmp_path_factory.mktemp("elsewhere"))
    done = elsewhere(folder, "build")
    assert 0 == done.returncode, done.stderr
    return folder


def test_a_release_built_elsewhere_is_the_same(built: Path, project: Path) -> None:
    """It has the same id and answers here as well, found by a file in place of the link."""
    assert current_release(project / "build").id == current_release(built / "build").id
    assert (built / "build" / "current").is_file()
    assert not list((built / "build").glob(".tmp-*"))
    query = "SELECT ?s ?p ?o { ?s ?p ?o } ORDER BY ?s ?p ?o LIMIT 50"
    first, second = (kgbuild_here(folder, "query", "-", stdin=query) for folder in (project, built))
    assert (0, first.stdout) == (second.returncode, second.stdout)


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (("validate",), ""),
        (("ask", "disagreements"), ""),
        (("ask", "names-of-institution", "--institution", "lakeland-academy", "--format", "markdown"), ""),
        (("query", "-", "--timeout", "60"), "ASK { ?s ?p ?o }"),
        (("search", "lakeland"), ""),
        (("explain", "lakeland-academy"), ""),
        (("questions",), ""),
        (("release", "list"), ""),
        (("release", "show"), ""),
        (("release", "gc"), ""),
        (("--version",), ""),
        (("--help",), ""),
    ],
    ids=lambda value: "-".join(value[:2]).strip("-") if isinstance(value, tuple) else "",
)
def test_a_command_does_the_same_elsewhere(built: Path, arguments: tuple[str, ...], stdin: str) -> None:
    """The command ends and answers as it does here."""
    here, there = kgbuild_here(built, *arguments, stdin=stdin), elsewhere(built, *arguments, stdin=stdin)
    assert (0, here.stdout) == (there.returncode, there.stdout), there.stderr
    assert here.stdout or here.stderr or arguments == ("release", "gc")


def test_another_release_is_chosen_elsewhere(built: Path) -> None:
    """`release use` replaces the file."""
    release = current_release(built / "build").id
    assert 0 == elsewhere(built, "release", "use", release[:8]).returncode
    assert f"releases/{release}\n" == (built / "build" / "current").read_text()


def test_one_build_at_a_time_elsewhere(built: Path) -> None:
    """A second build is told who holds the folder, by a lock that only one of them can have."""
    with subprocess.Popen(
        [*PROGRAM, "hold", "build"], cwd=built, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert "held\n" == holder.stdout.readline()
        refused = elsewhere(built, "build")
        holder.communicate()
    assert ExitCode.USAGE == refused.returncode
    assert f"build: process {holder.pid} (elsewhere.py hold build) is building here." in refused.stderr
    assert 0 == elsewhere(built, "release", "gc").returncode


def test_the_server_says_what_it_needs(built: Path) -> None:
    """`serve` says in one line that it needs Linux."""
    done = elsewhere(built, "serve")
    assert (ExitCode.USAGE, "") == (done.returncode, done.stdout)
    assert "kgbuild serve needs Linux, whose processes and pipes its workers are. Run it there.\n" == done.stderr


def test_no_limits_are_promised_elsewhere(built: Path) -> None:
    """A stranger's records are not validated where nothing confines what they run."""
    done = elsewhere(built, "validate", "--untrusted")
    assert (ExitCode.USAGE, "--untrusted needs Linux, whose limits of processes it sets. Run it there.\n") == (
        done.returncode,
        done.stderr,
    )
