"""What several test files share, each made once: releases and graphs, a server, and a Java that starts quickly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import Store

from kgbuild.pipeline import Sources, assemble, build, compile_graph, compile_records, release_content
from kgbuild.progress import Silent
from kgbuild.release import publish
from mini import MINI, ROOT, copy_project, sources
from serving import Served, mini_file, serving


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the mini fixture with a release in its folder `build`.  Shared: nobody may change it."""
    folder = copy_project(tmp_path_factory.mktemp("mini"))
    build(sources(folder), folder / "build")
    return folder


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
    sources_ = Sources(ROOT / "data", ROOT / "ontology", ROOT / "queries", root=ROOT)
    compiled = compile_records(sources_, Silent())
    folder = tmp_path_factory.mktemp("real") / "build"
    folder.mkdir()
    publish(folder, release_content(compiled, assemble(compiled, sources_, Silent())))
    return folder


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
