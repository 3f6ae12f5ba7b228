"""What several test files share, each made once: releases and graphs, a server, and a Java that starts quickly.

Also how tests are dealt out to processes (`pytest -n 2 --dist loadscope`), and where a skip is a failure.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import Store
from xdist.scheduler import LoadScopeScheduling

from kgbuild.build.compilation import Sources, compile_records
from kgbuild.build.pipeline import assemble, build, compile_graph, release_content
from kgbuild.build.release import publish
from kgbuild.core.progress import Silent
from mini import MINI, ROOT, copy_project, sources
from serving import Served, mini_file, serving

ALONE = (
    *("test_abuse", "test_loop", "test_connections", "test_pool", "test_disk", "test_answers", "test_metrics"),
    "test_stages",
)
"""Files that measure time, fill memory or count processes: all in one process, one after the other."""
LONG = ("test_release", "test_browser", "test_questions_http", "test_questions", "test_w3c_short", "test_dataset")
"""Files that take longest: begun first, so that no process ends long after the others."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist is not typed for those who build on it
    """Keeps the tests of a file in one process, since they share its servers, and those of `ALONE` all in the same.

    Marks of `xdist_group` would say so as well, but xdist 3.8 writes them into the ids of tests in a way that pytest
    9.2 does not read.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "alone" if Path(file).stem in ALONE else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Choose who gives the tests to the processes."""
    return ByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, where there are several processes."""
    if hasattr(config, "workerinput"):
        first = [*ALONE, *LONG]
        items.sort(key=lambda item: first.index(item.path.stem) if item.path.stem in first else len(first))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a skip fail where KGBUILD_NO_SKIPS is set, as in CI: some part that the tests need is missing."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("KGBUILD_NO_SKIPS"):
        report.outcome = "failed"
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.longrepr = f"{reason} (Nothing may be skipped here: KGBUILD_NO_SKIPS is set.)"
    return report


def once_per_run(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Let one of the processes that share this run of the tests make a folder; the others wait, and read it."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed
        if not folder.exists():
            make(unfinished := shared / f"{name}.unfinished")
            unfinished.rename(folder)
    return folder


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the mini fixture with a release in its folder `build`.  Shared: nobody may change it."""

    def make(folder: Path) -> None:
        folder.mkdir()
        copy_project(folder)
        build(sources(folder), folder / "build")

    return once_per_run(tmp_path_factory, "mini", make)


@pytest.fixture(scope="session")
def real_store() -> Store:
    """Compile the repository's own records.  Shared: nobody may change it."""
    return compile_graph(Sources(ROOT / "data", ROOT / "ontology", ROOT / "queries", root=ROOT)).dataset


@pytest.fixture(scope="session")
def mini_store() -> Store:
    """Compile the mini fixture.  Shared: nobody may change it."""
    return compile_graph(Sources(MINI / "data", ROOT / "ontology", ROOT / "queries", root=MINI)).dataset


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the mini fixture with the command's own defaults, for one file of tests."""
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, mini_file(folder)) as served:
        yield served


@pytest.fixture(scope="session")
def real_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish the repository's own records in a folder, unchecked: `make` checks them.  Nobody may change it."""

    def make(folder: Path) -> None:
        sources_ = Sources(ROOT / "data", ROOT / "ontology", ROOT / "queries", root=ROOT)
        compiled = compile_records(sources_, Silent())
        folder.mkdir()
        publish(folder, release_content(compiled, assemble(compiled, sources_, Silent())))

    return once_per_run(tmp_path_factory, "build", make)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, real_build: Path) -> Iterator[Served]:
    """Serve the repository's own records as a release, for all files of tests."""
    with serving(tmp_path_factory.mktemp("site"), build=real_build) as served:
        yield served


@pytest.fixture(scope="session", autouse=True)
def quick_java() -> Iterator[None]:
    """Start HermiT's Java without its optimising compiler, which runs as small as these never repay."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        yield
