"""What several test files share: one release of the mini fixture, built once, and a Java that starts quickly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kgbuild.pipeline import build
from mini import copy_project, sources


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the mini fixture with a release in its folder `build`.  Shared: nobody may change it."""
    folder = copy_project(tmp_path_factory.mktemp("mini"))
    build(sources(folder), folder / "build")
    return folder


@pytest.fixture(scope="session", autouse=True)
def quick_java() -> Iterator[None]:
    """Start HermiT's Java without its optimising compiler, which runs as small as these never repay."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        yield
