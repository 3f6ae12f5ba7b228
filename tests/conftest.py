"""What several test files share: one release of the mini fixture, built once."""

from __future__ import annotations

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
