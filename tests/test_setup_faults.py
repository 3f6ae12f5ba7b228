"""What is wrong with the project rather than with a record: told at its place, and the old release stays."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pyoxigraph import QuerySolutions, Store

from kgbuild.build.release import current_release
from mini import COMMAND, ROOT, copy_project, is_whole


@pytest.fixture
def project(project: Path, tmp_path: Path) -> Path:
    """Copy the mini fixture with its release, its ontology and its queries, to break them."""
    folder = copy_project(tmp_path)
    shutil.copytree(project / "build", folder / "build", symlinks=True)
    return folder


def build(project: Path) -> str:
    """Build in vain: what is said; the release from before is still current and whole."""
    old = current_release(project / "build").id
    done = subprocess.run([COMMAND, "build"], cwd=project, capture_output=True, text=True, timeout=120)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert (current_release(project / "build").id, is_whole(project / "build")) == (old, True)
    return done.stderr


@pytest.mark.parametrize(
    "file",
    [
        "ontology/shapes/tenure.ttl",
        "ontology/vocabularies/feature.ttl",
        "ontology/core.ttl",
        "queries/checks/dangling.rq",
    ],
)
def test_a_broken_file_of_the_project_is_named(project: Path, file: str) -> None:
    """A shape, vocabulary, ontology or check that cannot be read is told with its line."""
    path = project / file
    path.write_text(path.read_text(encoding="utf-8") + "\n<<<\n", encoding="utf-8")
    said = build(project)
    assert re.search(rf"^\S*{re.escape(file.partition('/')[2])}:\d+:\d+ error \S+: ", said, re.MULTILINE), said


def test_a_broken_rule_is_named(project: Path) -> None:
    """A rule that is no SPARQL update is told at its place."""
    (project / "ontology/rules/40-symmetry.ru").write_text("INSERT nothing", encoding="utf-8")
    assert "40-symmetry.ru:1:12 error rule: this is not a SPARQL update" in build(project)


def test_two_records_of_one_page_are_told(project: Path) -> None:
    """One page is one voice: the second record of it is named with the first."""
    record = next((project / "data/articles/2021").glob("*.yaml"))
    shutil.copy(record, record.with_name("2021-12-31-again.yaml"))
    said = build(project)
    assert "error same-page: " in said
    assert record.name in said


def test_one_id_for_two_articles_is_told(project: Path) -> None:
    """An id is part of IRIs for ever, whatever folder its file is in."""
    record = next((project / "data/articles/2021").glob("*.yaml"))
    shutil.copy(record, project / "data/articles/2019" / record.name)
    assert f"'{record.stem}' is already the record" in build(project)


def test_a_file_of_ten_megabytes_is_refused(project: Path) -> None:
    """It is refused by its size, before it is read."""
    record = next((project / "data/articles/2021").glob("*.yaml"))
    record.write_text("# " + "x" * 10_000_000, encoding="utf-8")
    assert f"{record.name} error too-large: the file has 10,000,002 bytes" in build(project)


def test_a_full_disk_leaves_the_old_release(project: Path) -> None:
    """On a disk with no room for a second release the build says so, and the first one stays."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk for this test")
    disk = project / "disk"
    disk.mkdir()
    size = sum(path.stat().st_size for path in (project / "build").rglob("*") if path.is_file())
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size + size // 4}", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let a test mount a small disk")
    try:
        shutil.copytree(project / "build", disk / "build", symlinks=True)
        old = current_release(disk / "build").id
        shutil.rmtree(project / "data/articles/2024")
        command = [str(COMMAND), "build", "--build-dir", str(disk / "build")]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120)
        assert (done.returncode, "Traceback" in done.stderr) == (3, False), done.stderr
        assert "make room" in done.stderr
        assert (current_release(disk / "build").id, is_whole(disk / "build")) == (old, True)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_every_disagreement_of_the_data_is_explained(real_store: Store) -> None:
    """docs/disagreements.md has a line for each, and none for what sources agree on."""
    answer = real_store.query("SELECT DISTINCT ?about { ?d <https://w3id.org/icn/ontology#setAside> ?x ; "
                         "<https://w3id.org/icn/ontology#onSubject> ?about }")  # fmt: skip
    assert isinstance(answer, QuerySolutions)
    found = {str(row["about"].value).removeprefix("https://w3id.org/icn/id/").replace("/", ":") for row in answer}
    explained = set(re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs/disagreements.md").read_text("utf-8"), re.MULTILINE))
    assert explained == found
