# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Releases: reproducible, immutable, switched at once, and whole whenever a build is killed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyoxigraph
import pytest

from kgbuild.build import pipeline
from kgbuild.build.pipeline import build
from kgbuild.build.profile import FILES as PROFILES
from kgbuild.build.release import (
    MANIFEST,
    QUADS,
    SOURCE_MAP,
    Release,
    ReleaseContent,
    build_lock,
    collect_garbage,
    current_release,
    find_release,
    list_releases,
    publish,
    release_id,
    use_release,
    verify,
)
from kgbuild.core.errors import KgError, UsageError
from kgbuild.core.namespaces import ID, ONTOLOGY
from mini import COMMAND, MINI, complete_project, copy_project, edit, files_of, is_whole, kgbuild, kgbuild_here, sources
from nonempty import nonempty

FACTS = {"articles": 1, "claims": 1, "entities": 1, "quads": 1, "versions": {"kgbuild": "0"}}


def content(text: str = "a", **changed: Any) -> ReleaseContent:
    parts: dict[str, Any] = {
        "nquads": f"<urn:{text}> <urn:p> <urn:o> .\n".encode(),
        "source_map": b"[]\n",
        "derived": {"graph.trig": text.encode()},
        "facts": FACTS,
    }
    return ReleaseContent(**{**parts, **changed})


@pytest.fixture
def without_hermit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave HermiT out of builds that are not about it: it takes half of their time."""
    monkeypatch.setattr(pipeline, "reason_apart", lambda *_, **__: None)


# --- the same inputs, the same bytes ----------------------------------------------------------------------------------


def test_two_builds_are_byte_identical(project: Path, tmp_path: Path) -> None:
    """Another process, folder, hash seed and clock give the same files to the last byte, the manifest included."""
    copy_project(tmp_path)
    done = kgbuild(tmp_path, "build", env={"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland", "LC_ALL": "C"})
    assert 0 == done.returncode, done.stderr
    first, second = current_release(project / "build"), current_release(tmp_path / "build")
    assert first.id == second.id
    assert files_of(first) == files_of(second)


@pytest.mark.usefixtures("without_hermit")
def test_quads_are_sorted(project: Path) -> None:
    """A release's quads stand in order, each once: the store's own order is that in which they came."""
    lines = (current_release(project / "build").path / QUADS).read_bytes().splitlines(keepends=True)
    assert sorted(set(lines)) == lines
    assert all(line.endswith(b" .\n") for line in nonempty(lines))


def test_order_of_files_changes_nothing(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that lists files in another order, of records, ontology, shapes or queries, gives the same bytes.

    Each folder is listed from last to first, which no two files survive in place.
    """
    listed: Callable[[Path, str], Iterator[Path]] = Path.glob
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: sorted(listed(folder, pattern), reverse=True))
    copy_project(tmp_path)
    release, _ = build(sources(tmp_path), tmp_path / "build")
    assert files_of(current_release(project / "build")) == files_of(release)


def test_id_depends_on_quads_and_source_map_alone() -> None:
    """Library versions, counts and derived files move no id; a quad, a line of the source map, or their border do."""
    same = [content(), content(derived={}), content(derived={"graph.trig": b"x"}), content(facts={})]
    assert 1 == len({release_id(each) for each in same})
    quads, places = content().nquads, content().source_map
    other = [content(), content("b"), content(source_map=b"[1]\n"), content(nquads=quads + places, source_map=b"")]
    assert len(other) == len({release_id(each) for each in other})


def test_manifest_tells_what_the_release_holds(project: Path) -> None:
    """The manifest has the counts of the fixture, the versions that made it, and size and hash of every file."""
    release = current_release(project / "build")
    facts = release.manifest["facts"]
    assert release.id == release.manifest["id"] == release.path.name
    assert (11, 36, 24) == (facts["articles"], facts["claims"], facts["entities"])
    assert facts["quads"] == len((release.path / QUADS).read_bytes().splitlines())
    libraries = {"anyascii", "pyoxigraph", "pyshacl", "rdflib", "snowballstemmer", "sqlite"}
    assert {"kgbuild", *libraries} == set(facts["versions"])
    files = files_of(release)
    assert {QUADS, SOURCE_MAP, "catalogue.json", "graph.trig", "search.sqlite", *PROFILES, MANIFEST} == set(files)
    assert {n: len(b) for n, b in files.items() if n != MANIFEST} == {
        name: described["bytes"] for name, described in release.manifest["files"].items()
    }


def test_trig_and_quads_are_one_graph(project: Path) -> None:
    """The derived TriG says the same as the N-Quads: a reader may take either."""
    folder = current_release(project / "build").path
    read = [pyoxigraph.Dataset(pyoxigraph.parse(path=folder / name)) for name in (QUADS, "graph.trig")]
    assert read[0] == read[1]


# --- switching --------------------------------------------------------------------------------------------------------


def test_readers_see_one_release_or_the_other(tmp_path: Path) -> None:
    """While releases come and go, a reader finds a whole one every time."""
    old, new = publish(tmp_path, content("old")), publish(tmp_path, content("new"))
    seen, broken, stop = set[str](), list[str](), threading.Event()

    def look() -> None:
        while not stop.is_set():
            try:
                seen.add(current_release(tmp_path).id)
                (tmp_path / "current" / QUADS).read_bytes()
            except (KgError, OSError) as problem:
                broken.append(str(problem))

    reader = threading.Thread(target=look)
    reader.start()
    for turn in range(100):
        use_release(tmp_path, (old, new)[turn % 2].id)
    stop.set()
    reader.join()
    assert [] == broken
    assert {old.id, new.id} == seen


def test_publishing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    """A release is immutable: the same content is not written a second time."""
    first = publish(tmp_path, content())
    stamps = {path.name: path.stat().st_mtime_ns for path in first.path.iterdir()}
    second = publish(tmp_path, content(facts={**FACTS, "articles": 99}))
    assert first == second
    assert stamps == {path.name: path.stat().st_mtime_ns for path in second.path.iterdir()}


def test_full_disk_leaves_the_old_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes no more is an error with place and remedy, and the old release stays current."""
    old = publish(tmp_path, content("old"))

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(KgError, match=r"could not be written: No space left on device\. .*make room"):
        publish(tmp_path, content("new"))
    assert old.id == current_release(tmp_path).id
    assert {old.id} == {path.name for path in (tmp_path / "releases").iterdir()}


# --- killed -----------------------------------------------------------------------------------------------------------

STEPS = {"open", "os.mkdir", "os.rename", "os.symlink", "os.remove", "os.rmdir", "os.truncate"}


def publish_and_die(folder: Path, made: ReleaseContent, step: int) -> bool:
    """Publish in a forked process that is killed before its n-th step on the disk; True if it got to the end."""
    child = os.fork()
    if child == 0:
        left = [step]

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            if event in STEPS and str(folder) in str(arguments[0]):
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left[0] -= 1

        sys.addaudithook(count)
        try:
            with build_lock(folder):
                publish(folder, made)
        finally:
            os._exit(1 if sys.exc_info()[0] else 0)
    status = os.waitpid(child, 0)[1]
    assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL
    return status == 0


def leftovers(folder: Path) -> list[Path]:
    return [*folder.glob(".tmp-*"), *folder.glob("releases/.tmp-*")]


def test_killed_before_every_step_of_publishing(tmp_path: Path) -> None:
    """Whichever step on the disk was the last: the current release is whole, the next build succeeds and cleans up."""
    steps, littered, switched, done = 0, 0, 0, False
    while not done:
        folder = tmp_path / str(steps)
        old = publish(folder, content("old"))
        done = publish_and_die(folder, content("new"), steps)
        assert is_whole(folder), f"step {steps}"
        littered += bool(leftovers(folder))
        switched += current_release(folder).id != old.id
        with build_lock(folder):
            new = publish(folder, content("new"))
        assert (new.id, True, []) == (current_release(folder).id, is_whole(folder), leftovers(folder))
        assert {old.id, new.id} == {release.id for release in list_releases(folder)}
        steps += 1
    assert steps > 10
    assert littered > 3
    assert 1 < switched < 6  # killed after the switch, in what remains to do


@pytest.mark.parametrize("is_current", [True, False], ids=["the current one", "another"])
def test_killed_before_every_step_of_mending(tmp_path: Path, is_current: bool) -> None:
    """A damaged release that is made anew is never missed: what is current leads to a folder, and once whole stays so.

    If another release is current, it answers as before up to the switch.
    """
    steps, whole, stood_in, done = 0, list[bool](), 0, False
    while not done:
        folder = tmp_path / str(steps)
        hurt = publish(folder, content("old"))
        other = publish(folder, content("other"))
        use_release(folder, hurt.id if is_current else other.id)
        cut(hurt.path / QUADS)
        done = publish_and_die(folder, content("old"), steps)
        assert current_release(folder).id in (hurt.id, other.id)
        whole.append(is_whole(folder))
        stood_in += (folder / "current").resolve() != folder / "releases" / current_release(folder).id
        publish_and_die(folder, content("old"), 3)  # and once more, soon: what stands in outlives the cleaning
        assert whole[-1] <= is_whole(folder)
        with build_lock(folder):
            new = publish(folder, content("old"))
        assert (hurt.id, True, []) == (current_release(folder).id, is_whole(folder), leftovers(folder))
        assert {hurt.id, other.id} == {release.id for release in list_releases(folder)}
        verify(new)
        steps += 1
    assert steps > 10
    assert sorted(whole) == whole
    assert (is_current, not is_current) == (False in whole, all(whole))
    assert is_current == (stood_in > 2)


ONE_ARTICLE = ("articles/2022/2022-01-hub-page", "entities/institution/lakes-hub", "entities/network/lakes-academies")


def one_article_project(folder: Path) -> Path:
    """Make a project of one article and what it names: its build takes as long as the stages need at least."""
    for name in ONE_ARTICLE:
        path = folder / "data" / f"{name}.yaml"
        path.parent.mkdir(parents=True)
        shutil.copy(MINI / "data" / f"{name}.yaml", path)
    complete_project(folder)
    (folder / "tmp").mkdir()
    return folder


def kill_build(project: Path, after: float) -> bool:
    """Start a real build and kill it; True if it had not ended before."""
    process = subprocess.Popen([COMMAND, "build"], cwd=project, stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(after)
    process.kill()
    killed = process.wait() == -signal.SIGKILL
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # the Java it may have left, which would slow down the next one
    return killed


def test_killed_at_ten_moments_of_a_real_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL at ten random moments spread over a build leaves a whole release current; the next build succeeds."""
    project, chance = one_article_project(tmp_path), random.Random(10)  # noqa: S311 - not for secrets
    monkeypatch.setenv("TMPDIR", str(project / "tmp"))  # where a killed HermiT leaves its input
    began = time.monotonic()
    assert 0 == kgbuild(project, "build").returncode
    duration = time.monotonic() - began
    old = current_release(project / "build")
    edit(project / "data/articles/2022/2022-01-hub-page.yaml", "on: 2022-01,", "on: 2022-01-15,")
    killed = 0
    for tenth in range(10):
        killed += kill_build(project, duration * (tenth + chance.random()) / 10)
        assert is_whole(project / "build"), f"killed in the {tenth + 1}th part of ten"
    assert killed >= 3, "most builds were over before they were killed"
    done = kgbuild(project, "build")
    assert 0 == done.returncode, done.stderr
    assert (True, []) == (is_whole(project / "build"), leftovers(project / "build"))
    assert old.id != current_release(project / "build").id


# --- one at a time ----------------------------------------------------------------------------------------------------


def test_second_build_is_told_who_holds_the_folder(project: Path, tmp_path: Path) -> None:
    """Two builds at once are refused: the second does not wait, names the first, and exits with 2."""
    with build_lock(tmp_path / "build"):
        done = kgbuild(project, "build", "--build-dir", str(tmp_path / "build"))
    assert (2, "") == (done.returncode, done.stdout)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{tmp_path / 'build'}: process {os.getpid()} (")
    assert line.endswith("is building here. Wait for it, or build in another folder.")


def test_lock_outlives_no_holder(tmp_path: Path) -> None:
    """A lock is free again after its holder is done or dead, whatever the file still says."""
    with build_lock(tmp_path), pytest.raises(UsageError), build_lock(tmp_path):
        pass
    (tmp_path / ".lock").write_text("process 1 (kgbuild build)")
    with build_lock(tmp_path):
        assert str(os.getpid()) in (tmp_path / ".lock").read_text()
    assert "" == (tmp_path / ".lock").read_text()


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A build folder that is a file is an error with place and remedy."""
    (tmp_path / "build").write_text("")
    with (
        pytest.raises(KgError, match=r"build: cannot be written: .*\. Mend its permissions\."),
        build_lock(tmp_path / "build"),
    ):
        pass


# --- damaged ----------------------------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "quads cut": lambda folder: cut(folder / QUADS),
    "quads gone": lambda folder: (folder / QUADS).unlink(),
    "source map changed": lambda folder: (folder / SOURCE_MAP).write_text("[1]\n"),
    "derived file changed": lambda folder: (folder / "graph.trig").write_text("x"),
    "manifest cut": lambda folder: cut(folder / MANIFEST),
    "manifest empty": lambda folder: (folder / MANIFEST).write_text(""),
    "manifest a list": lambda folder: (folder / MANIFEST).write_text("[]"),
    "manifest of nothing": lambda folder: (folder / MANIFEST).write_text('{"id": "x"}'),
    "manifest gone": lambda folder: (folder / MANIFEST).unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_release_is_not_used_but_rebuilt(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    """`release use` refuses what is not as published and leaves the current one; building it again makes it whole."""
    folder = tmp_path / "build"
    first, second = publish(folder, content("a")), publish(folder, content("b"))
    damage(first.path)
    done = kgbuild_here(tmp_path, "release", "use", first.id)
    assert (3, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith(f"build/releases/{first.id}/")
    assert done.stderr.endswith("Build again, or use another release.\n")
    assert second.id == current_release(folder).id
    assert 0 == kgbuild_here(tmp_path, "release", "use", second.id).returncode  # as the remedy says
    again = publish(folder, content("a"))
    verify(again)
    assert (first.id, []) == (current_release(folder).id, leftovers(folder))


# --- the commands -----------------------------------------------------------------------------------------------------


@pytest.fixture
def four(tmp_path: Path) -> list[Release]:
    """Publish four releases, oldest first, in the folder `build`; the last one is current."""
    made = [publish(tmp_path / "build", content(text)) for text in "abcd"]
    for number, release in enumerate(made):
        os.utime(release.path / MANIFEST)
        os.utime(release.path, (number, number))
    return made


def test_list_marks_the_current_release(tmp_path: Path, four: list[Release]) -> None:
    """Releases are listed from the oldest to the newest with their counts; a star marks the current one."""
    use_release(tmp_path / "build", four[1].id)
    done = kgbuild_here(tmp_path, "release", "list")
    marks = [" ", "*", " ", " "]
    expected = "".join(f"{m} {r.id}  1 articles  1 quads\n" for m, r in zip(marks, four, strict=True))
    assert (0, expected, "") == (done.returncode, done.stdout, done.stderr)


def test_list_of_nothing(tmp_path: Path) -> None:
    """Without a release the list is empty, and no error."""
    done = kgbuild_here(tmp_path, "release", "list")
    assert (0, "") == (done.returncode, done.stdout)


def test_show_prints_the_manifest(tmp_path: Path, four: list[Release]) -> None:
    """`show` prints the manifest of a release named by the beginning of its id, or of the current one."""
    assert four[-1].manifest == json.loads(kgbuild_here(tmp_path, "release", "show").stdout)
    assert four[0].manifest == json.loads(kgbuild_here(tmp_path, "release", "show", four[0].id[:10]).stdout)


def test_use_switches(tmp_path: Path, four: list[Release]) -> None:
    """`use` makes a release the current one, and says so."""
    done = kgbuild_here(tmp_path, "release", "use", four[0].id[:10])
    assert (0, f"Current release: {four[0].id}\n") == (done.returncode, done.stderr)
    assert four[0].id == current_release(tmp_path / "build").id


@pytest.mark.parametrize("name", ["zzz", ""])
def test_release_must_be_one(tmp_path: Path, four: list[Release], name: str) -> None:
    """An id that no release has, or the beginning of several, is refused with the way to the list."""
    assert 4 == len(four)
    with pytest.raises(UsageError, match=r"(no release|4 releases) with an id that begins so\. `kgbuild release list`"):
        find_release(tmp_path / "build", name)


def test_gc_keeps_the_newest_and_the_current(tmp_path: Path, four: list[Release]) -> None:
    """`gc` removes the oldest, says which, and never the current one, however old."""
    use_release(tmp_path / "build", four[0].id)
    done = kgbuild_here(tmp_path, "release", "gc", "--keep", "1")
    assert (0, f"Removed {four[1].id}\nRemoved {four[2].id}\n") == (done.returncode, done.stderr)
    assert [four[0].id, four[3].id] == [release.id for release in list_releases(tmp_path / "build")]
    assert is_whole(tmp_path / "build")
    assert [] == collect_garbage(tmp_path / "build")


def test_gc_waits_for_nobody_and_removes_nothing_meanwhile(tmp_path: Path, four: list[Release]) -> None:
    """While a build holds the folder, `gc` is told who does, and removes nothing: the build may need what it would."""
    with build_lock(tmp_path / "build"):
        done = kgbuild(tmp_path, "release", "gc", "--keep", "1")
    assert (2, "") == (done.returncode, done.stdout)
    assert f"process {os.getpid()} (" in done.stderr
    assert [release.id for release in four] == [release.id for release in list_releases(tmp_path / "build")]


def test_no_release_yet(tmp_path: Path) -> None:
    """Without a release, what needs one says where it looked and what to do, and exits with 2."""
    for arguments in (["release", "show"], ["query", "-"]):
        done = kgbuild_here(tmp_path, *arguments, stdin="ASK {}")
        assert (2, "", "build/current: there is no release yet. Run `make`.\n") == (
            done.returncode,
            done.stdout,
            done.stderr,
        )


# --- removing an article ----------------------------------------------------------------------------------------------


def claims_in(release: Release) -> set[tuple[str, str]]:
    """Name the claims of a release, each with its article."""
    quads = pyoxigraph.parse(path=release.path / QUADS)
    in_article = [q for q in quads if q.predicate.value == ONTOLOGY + "inArticle"]
    return {(str(q.subject), str(q.object).removeprefix(f"<{ID}article/").removesuffix(">")) for q in in_article}


@pytest.mark.usefixtures("without_hermit")
def test_removing_an_article_removes_exactly_its_claims(project: Path, tmp_path: Path) -> None:
    """A release without an article has every claim of the old one but the article's; the old one can be used again."""
    folder, article = copy_project(tmp_path), "2021-04-10-rector-profile"
    shutil.copytree(project / "build", folder / "build", symlinks=True)
    old = current_release(folder / "build")
    (folder / f"data/articles/2021/{article}.yaml").unlink()
    new, _ = build(sources(folder), folder / "build")
    assert 5 == len(claims_in(old) - claims_in(new))
    assert {claim for claim in claims_in(old) if claim[1] != article} == claims_in(new)
    mapped = (new.path / SOURCE_MAP).read_text(encoding="utf-8")
    assert not re.search(f"graph/article/{article}>|{article}.yaml", mapped)
    use_release(folder / "build", old.id)
    assert claims_in(current_release(project / "build")) == claims_in(current_release(folder / "build"))
