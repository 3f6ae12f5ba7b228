# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Records, ontology and queries from strangers: data stay data, from the name of a file to what a finding quotes."""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hostile
from hostile import HOSTILE, SECRET, Told
from kgbuild.core import files
from kgbuild.core.composition import MOST_MARKS, compose, find_overload
from kgbuild.core.errors import DataError, ExitCode, Issue, Place, inert
from kgbuild.core.files import find_files, folder_issues, read_file
from kgbuild.server.run import InertFormatter
from mini import COMMAND, ROOT, Done, copy_project, edit, is_whole, kgbuild, kgbuild_here
from nonempty import nonempty


@pytest.fixture(scope="module")
def listener() -> Iterator[list[str]]:
    """Listen where a file could send somebody to; gives what came."""
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        came.append(f"http://127.0.0.1:{server.getsockname()[1]}/")

        def listen() -> None:
            while True:
                try:
                    came.append(str(server.accept()[1]))
                except OSError:
                    return

        threading.Thread(target=listen, daemon=True).start()
        yield came


@pytest.fixture(scope="module")
def told(
    project: Path, tmp_path_factory: pytest.TempPathFactory, listener: list[str]
) -> tuple[Path, Done, dict[str, Told]]:
    """Build a project with everything hostile in it at once, and one ordinary mistake, by the command itself."""
    folder = copy_project(tmp_path_factory.mktemp("hostile"))
    shutil.copytree(project / "build", folder / "build", symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hostile, "address", listener[0])
        expected = {name: write(folder) for name, write in HOSTILE.items()}
    record = folder / "data/articles/2021/2021-04-10-rector-profile.yaml"
    edit(record, "joined: 2021-02-10", "joind: 2021-02-10")
    return folder, kgbuild(folder, "build", "--texts", str(folder)), expected


def lines_of(done: Done) -> list[str]:
    return [line for line in done.stderr.split("\n") if re.search(r" (error|warning) [a-z-]+: ", line)]


@pytest.mark.parametrize("name", HOSTILE)
def test_each_hostile_file_is_told_by_name(told: tuple[Path, Done, dict[str, Told]], name: str) -> None:
    """One finding each, at its place, with a remedy."""
    _, done, expected = told
    place, code, part = expected[name]
    (line,) = (line for line in lines_of(done) if line.startswith(f"{place} error "))
    assert line.startswith(f"{place} error {code}: "), line
    assert part in line
    assert re.search(r"[.)] \S.*[.]$", line), "no remedy"


def test_nothing_else_is_told_and_nothing_hidden(told: tuple[Path, Done, dict[str, Told]]) -> None:
    """As many findings as hostile files, and that of the mistake; no traceback; the old release stays."""
    folder, done, expected = told
    lines = lines_of(done)
    assert len(expected) + 1 == len(lines), "\n".join(lines)
    assert 1 == sum("there is no key 'joind' here" in line for line in lines)
    assert (ExitCode.FINDINGS, "", False) == (done.returncode, done.stdout, "Traceback" in done.stderr)
    assert is_whole(folder / "build")


def test_no_secret_no_command_no_request(told: tuple[Path, Done, dict[str, Told]], listener: list[str]) -> None:
    """What lies outside is not shown, nothing was run, nobody was asked, and no line steers whoever reads it."""
    folder, done, _ = told
    assert SECRET not in done.stderr
    assert [] == list(folder.rglob("PWNED"))
    assert [] == listener[1:]
    assert inert(done.stderr.replace("\n", " ")) == done.stderr.replace("\n", " ")


# --- make -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Give a checkout whose path has blanks, with the mini fixture as its records, and the command installed."""
    folder = tmp_path / "a check out"
    folder.mkdir()
    copy_project(folder)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/kgbuild").symlink_to(COMMAND)
    (folder / ".venv/.installed").touch()
    return folder


HANDED_DOWN = {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "JOBS", "PYTHON", "QUADS", "RECORDS", "TEXTS"}


def make(folder: Path, *arguments: str, **environment: str) -> Done:
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        # Without what a `make test` around us hands down.
        env={**{name: value for name, value in os.environ.items() if name not in HANDED_DOWN}, **environment},
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=120,
    )


def test_names_are_no_commands_of_make(checkout: Path) -> None:
    """`make` runs no part of any name, tells all of them, and `make -n` shows none."""
    named = [HOSTILE[name](checkout) for name in hostile.NAMES]
    done = make(checkout)
    assert 2 == done.returncode
    for place, _, part in nonempty(named):
        assert f"{place} error file-name: " in done.stderr
        assert part in done.stderr
    assert [] == list(checkout.rglob("PWNED"))
    assert "PWNED" not in make(checkout, "-n").stdout


@pytest.mark.parametrize("how", ["command line", "environment"])
@pytest.mark.parametrize(
    "value",
    ["a b", "x;touch PWNED", "$(touch PWNED)", "`touch PWNED`", "'\";touch PWNED #", "$(shell touch PWNED)", "$HOME"],
)
def test_what_a_person_gives_make_is_data(checkout: Path, value: str, how: str) -> None:
    """RECORDS, TEXTS, ENDPOINT and the others reach the command as they were written."""
    names = ("RECORDS", "TEXTS", "ENDPOINT", "GRAPH_STORE", "RESOLVED_GRAPH", "W3C_TESTS", "PYTHON", "JOBS", "QUADS")
    seen = checkout / ".venv/bin/kgbuild"
    seen.unlink()
    seen.write_text('#!/bin/sh\nfor each; do printf "%s\\n" "$each"; done\nprintf "%s\\n" "$W3C_TESTS"\n')
    seen.chmod(0o755)
    given = dict.fromkeys(names, value)
    done = (
        make(checkout, "load", *map("=".join, given.items()))
        if how == "command line"
        else make(checkout, "load", **given)
    )
    options = ("records", "texts", "endpoint", "graph-store", "resolved-graph")
    assert ["load", *(f"--{option}={value}" for option in options), value] == done.stdout.splitlines(), done.stderr
    assert [] == list(checkout.rglob("PWNED"))


def test_make_builds_when_something_has_changed(checkout: Path) -> None:
    """It builds when a file is added, changed or removed, or there is no release; else it says so."""
    nothing = "Nothing to rebuild: "
    entity = checkout / "data/entities/person/new.yaml"
    steps: list[Callable[[], object]] = [
        lambda: entity.write_text("names: {en: A}\n"),
        lambda: entity.write_text("names: {en: B}\n"),
        entity.unlink,
        (checkout / "build/current").unlink,
    ]
    assert nothing not in make(checkout, "release").stderr
    assert nothing in make(checkout, "release").stderr
    (entity.parent / ".new.yaml.swp").touch()
    assert nothing in make(checkout, "release").stderr, "what an editor keeps is no change"
    for step in nonempty(steps):
        step()
        assert nothing not in (done := make(checkout, "release")).stderr
        assert 0 == done.returncode, done.stderr
        assert nothing in make(checkout, "release").stderr


# --- links beside the records -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["data", "ontology", "queries"])
def test_a_folder_of_the_project_is_no_link(tmp_path: Path, name: str) -> None:
    """One finding, and nothing in it is read."""
    folder = copy_project(tmp_path)
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to("elsewhere")
    done = kgbuild(folder, "validate")
    (line,) = lines_of(done)
    assert line.startswith(f"{name} error not-a-file: a symbolic link stands here")


@pytest.mark.parametrize("name", ["build", "build/releases", "build/.lock"])
def test_nothing_is_published_through_a_link(tmp_path: Path, name: str) -> None:
    """The build says so before anything is written, and what the link leads to is as it was."""
    folder = copy_project(tmp_path)
    (folder / "build").mkdir()
    target = tmp_path / "victim"
    if name == "build/.lock":
        target.write_text("keep this")
    else:
        target.mkdir()
        (target / ".tmp-1").write_text("keep this")
    if name == "build":
        (folder / "build").rmdir()
    (folder / name).symlink_to(target)
    done = kgbuild(folder, "build")
    assert ExitCode.USAGE == done.returncode
    assert f"{name}: a symbolic link, through which no release is written." in done.stderr
    kept = target if target.is_file() else target / ".tmp-1"
    assert "keep this" == kept.read_text()
    assert [] == list(tmp_path.rglob("manifest.json"))


def test_no_schema_is_written_through_a_link(tmp_path: Path) -> None:
    """A link in the place of a schema is replaced; one in the place of the folder is refused."""
    victim = tmp_path / "victim"
    victim.write_text("keep this")
    (tmp_path / "data/schema").mkdir(parents=True)
    (tmp_path / "data/schema/article.schema.json").symlink_to(victim)
    assert 0 == kgbuild_here(tmp_path, "schemas").returncode
    assert "keep this" == victim.read_text()
    (tmp_path / "data/schema").rename(tmp_path / "elsewhere")
    (tmp_path / "data/schema").symlink_to(tmp_path / "elsewhere")
    assert ExitCode.USAGE == kgbuild_here(tmp_path, "schemas").returncode


def test_imports_are_not_fetched(tmp_path: Path, listener: list[str]) -> None:
    """`owl:imports` in the ontology and in a shape reaches nobody; the records are valid all the same."""
    folder = copy_project(tmp_path)
    line = f"\n<urn:x> <http://www.w3.org/2002/07/owl#imports> <{listener[0]}> .\n"
    for name in ("ontology/alignments/prov.ttl", "ontology/shapes/entity.ttl"):
        path = folder / name
        path.write_text(path.read_text(encoding="utf-8") + line, encoding="utf-8")
    done = kgbuild(folder, "validate")
    assert 0 == done.returncode, done.stderr
    assert [] == listener[1:]


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("SELECT $this { $this a ?x MINUS { $this a icn:Person } }", "must not contain a MINUS"),
        ("SELECT $this { $this a ", "cannot be run"),
    ],
    ids=["MINUS", "no SPARQL"],
)
def test_a_constraint_that_cannot_be_run_is_a_finding(tmp_path: Path, query: str, part: str) -> None:
    """What only pyshacl or rdflib sees when it runs a shape is told with the shape's name, no traceback."""
    folder = copy_project(tmp_path)
    shape = f'shape:hostile a sh:NodeShape ; sh:targetClass icn:Person ; sh:sparql [ sh:select "{query}" ] .\n'
    (folder / "ontology/shapes/hostile.ttl").write_text(hostile.SHAPE + shape, encoding="utf-8")
    done = kgbuild_here(folder, "validate")
    (line,) = lines_of(done)
    assert line.startswith("ontology/shapes error shapes: shape:hostile cannot be run: ")
    assert part in line


# --- one function reads ----------------------------------------------------------------------------------------------


def refused(path: Path, name: str, limit: int = 10) -> Issue:
    with pytest.raises(DataError) as caught:
        read_file(path, name, limit)
    (issue,) = caught.value.issues
    assert issue.remedy
    return issue


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    """A file of exactly that size is read; one byte more is refused."""
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    assert b"0123456789" == read_file(path, "x", 10)
    path.write_bytes(b"0123456789a")
    assert ("too-large", "the file has 11 bytes, more than 10") == (refused(path, "x").code, refused(path, "x").finding)


def test_a_file_that_says_it_is_empty_is_not_read_without_end() -> None:
    """Files of /proc have no size: they are read up to the limit too."""
    path = Path("/proc/self/maps")
    assert 0 == path.stat().st_size
    assert "too-large" == refused(path, "maps", 100).code


@pytest.mark.parametrize("by_parts", [True, False], ids=["here", "elsewhere"])
def test_no_part_of_the_name_is_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_parts: bool) -> None:
    """A link above the file is refused where the name has it, and trusted where it lies before the name."""
    monkeypatch.setattr(files, "_BY_PARTS", by_parts)
    (tmp_path / "real/below").mkdir(parents=True)
    (tmp_path / "real/below/x").write_bytes(b"1")
    (tmp_path / "link").symlink_to("real")
    path = tmp_path / "link/below/x"
    assert b"1" == read_file(path, "below/x")
    assert "not-a-file" == refused(path, "link/below/x").code
    (tmp_path / "real/x").symlink_to("below/x")
    assert "not-a-file" == refused(tmp_path / "real/x", "x").code
    assert "not-a-file" == refused(tmp_path / "real/below", "real/below").code


def test_what_editors_keep_is_passed_over(tmp_path: Path) -> None:
    """Swap files, backups and locks of editors are neither read nor told, a lock that is a link included."""
    (tmp_path / "a").mkdir()
    for name in (".x.yaml.swp", ".DS_Store", "x.yaml~", "#x.yaml#", "._x.yaml", ".git", "4913"):
        (tmp_path / "a" / name).touch()
    (tmp_path / "a/.#x.yaml").symlink_to("me@host.1:2")
    (tmp_path / "a/x.yaml").touch()
    assert [] == list(folder_issues(tmp_path, tmp_path))
    assert [tmp_path / "a/x.yaml"] == find_files(tmp_path, "*/*.yaml")


# --- what findings quote ----------------------------------------------------------------------------------------------


@given(st.text(), st.text())
def test_a_finding_is_one_line_that_nobody_obeys(path: str, quoted: str) -> None:
    """No control, no mark of direction, no command of a log reader; escaped again it is the same."""
    line = str(Issue(Place(path, 1, 2), "error", "x", quoted, quoted))
    assert 1 == len(line.splitlines() or [line])
    active = "[\x00-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]|::(?![0-9\\]])|##\\["
    assert not re.search(active, line)
    assert line == inert(line)
    line.encode()


def test_readable_text_is_left_alone() -> None:
    """Letters of all writings, emoji with joiners, and single colons stay."""
    text = "Қазақстан, 中国, é, 👩\u200d👩, می\u200cخواهم, a: b, [1:2], #1, ## 2"
    assert text == inert(text)
    assert r"a:\u{3a}b, #\u{23}vso[c]" == inert("a::b, ##vso[c]")


def test_what_the_server_logs_is_inert(capfd: pytest.CaptureFixture[str]) -> None:
    """Words of a client or a worker in the log are one line that steers nothing; a traceback keeps its lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(InertFormatter())
    try:
        raise ValueError("::stop\x1b[2J")  # noqa: TRY301
    except ValueError:
        record = logging.makeLogRecord(
            {"msg": "at %s", "args": ("a\n::add-mask::\u202eb",), "exc_info": sys.exc_info()}
        )
    handler.handle(record)
    first, *traceback = capfd.readouterr().err.splitlines()
    assert r"at a\u{a}:\u{3a}add-mask:\u{3a}\u{202e}b" == first
    assert ("Traceback (most recent call last):", r"ValueError: :\u{3a}stop\u{1b}[2J") == (traceback[0], traceback[-1])


# --- normal forms -----------------------------------------------------------------------------------------------------


def test_marks_in_a_row_are_found() -> None:
    """One more than Unicode's stream-safe text has: at the first of them, of whatever marks; 30 are composed."""
    for mark in ("\u0301", "\u0316\u0301", "\u0f73", "\uff9e", "\u20dd"):
        row = mark * (MOST_MARKS + 1)
        assert 1 == find_overload("a" + row)
        assert "a" + row == compose("a" + row, "NFKC")
    assert None is find_overload("a" + "\u0301" * MOST_MARKS + "b" + "\u0301" * MOST_MARKS)
    assert None is find_overload("…" * 100 + "e\u0301")
    assert "é" == compose("e\u0301")


def test_a_million_marks_take_no_time() -> None:
    """Composing such a text takes no longer than another one of its length, give or take a lot."""
    began = time.process_time()
    compose("a" + "\u0301\u0316" * 500_000)
    assert time.process_time() - began < 30, "it took minutes"
