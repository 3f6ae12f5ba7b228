"""docs/architecture.md tells the truth: what it names is there, and its order is that of the contracts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from mini import ROOT
from nonempty import nonempty

SRC = ROOT / "src" / "kgbuild"
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PICTURE = TEXT.partition("```\n")[2].partition("```")[0]
TABLE = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", TEXT, re.MULTILINE))
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
LAYERS = {c["containers"][0]: c["layers"] for c in CONTRACTS if c["type"] == "layers"}


def _folders() -> list[Path]:
    return [path.parent for path in SRC.rglob("__init__.py")]


def test_each_module_that_is_named_exists() -> None:
    """A path in backquotes is a module or a folder of the package, or a file of the project."""
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)+)`", TEXT))
    assert sorted(name for name in nonempty(named) if not _exists(SRC / name) and not (ROOT / name).exists()) == []
    for folder, told in nonempty(TABLE.items()):
        words = set(re.findall(r"`([a-z_]+)`", told))
        assert (
            sorted(word for word in words if not _exists(SRC / folder / word) and not _exists(SRC / "build" / word))
            == []
        )


def _exists(path: Path) -> bool:
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_the_picture_has_the_layers_of_the_contract() -> None:
    """The folders stand in the picture in the order of the contract, and each has its row in the table."""
    layers = [set(layer.split(" | ")) for layer in LAYERS["kgbuild"]]
    lines = [set(re.findall(r"[a-z]+", line[:40])) for line in PICTURE.splitlines()]
    assert layers == [line for line in lines if line]
    assert set().union(*layers) == {*TABLE, "cli"}


def test_each_folder_is_under_a_contract() -> None:
    """No module stands under none: each folder of the package has layers of its own, and they name all of it."""
    contracts = {container for container, layers in nonempty(LAYERS.items()) if layers}
    assert {".".join(path.relative_to(SRC.parent).parts) for path in _folders()} == contracts
    exhaustive = {c["containers"][0] for c in CONTRACTS if c["type"] == "layers" and c["exhaustive"]}
    assert exhaustive == contracts
    assert [c["id"] for c in CONTRACTS if c["type"] == "acyclic_siblings"] == ["circles"]


def test_modules_are_short_or_have_their_reason() -> None:
    """A module of more than 400 lines has its reason in docs/decisions.md."""
    told = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    long = [path for path in SRC.rglob("*.py") if len(path.read_text(encoding="utf-8").splitlines()) > 400]
    assert [str(path.relative_to(SRC)) for path in long if f"`{path.relative_to(SRC)}`" not in told] == []
