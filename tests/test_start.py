# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Quick starts: a command imports what it needs and nothing of what others need (`bench/start.py` measures)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

START = """
import atexit, sys
atexit.register(lambda: print("modules:", *sys.modules, file=sys.stderr))
from kgbuild.cli import main
main()
"""
QUERY = "ASK {}"
HEAVY = {
    *("SPARQLWrapper", "anyascii", "asyncio", "babel", "jinja2", "owlready2", "prometheus_client", "pycountry"),
    *("pyshacl", "rdflib", "requests", "rich.console", "snowballstemmer", "sqlite3", "starlette", "uvicorn", "uvloop"),
    *("werkzeug", "kgbuild.server", "kgbuild.build.pipeline", "kgbuild.workers"),
    "kgbuild.records",
}


def modules(folder: Path, *arguments: str) -> set[str]:
    """Run the command in an interpreter of its own, and list what that has imported at its end."""
    command = [sys.executable, "-c", START, *arguments]
    done = subprocess.run(command, cwd=folder, input=QUERY, capture_output=True, encoding="utf-8", timeout=120)
    assert 0 == done.returncode, done.stderr
    return set(done.stderr.rpartition("modules:")[2].split())


@pytest.mark.parametrize("option", ["--version", "--help", "-h"])
def test_help_imports_next_to_nothing(tmp_path: Path, option: str) -> None:
    """Of our own modules the command line and the names that its help lists; of others typer alone."""
    found = modules(tmp_path, option)
    ours = {"kgbuild", "kgbuild.core", "kgbuild.core.errors", "kgbuild.core.namespaces", "kgbuild.search"}
    ours |= {"kgbuild.cli", *(f"kgbuild.cli.{name}" for name in ("asking", "building", "options", "serving"))}
    assert ours == {name for name in found if name.partition(".")[0] == "kgbuild"}
    assert set() == found & {"pydantic", "pyoxigraph", "rich", "yaml", *HEAVY}


@pytest.mark.parametrize(
    "arguments", [("ask", "disagreements"), ("query", "-"), ("questions",), ("explain", "lakeland-academy")]
)
def test_asking_imports_nothing_of_building_or_serving(project: Path, arguments: tuple[str, ...]) -> None:
    """A question is answered without the stages of a build, without the server, and without what these need."""
    assert set() == modules(project, *arguments) & HEAVY


def test_searching_imports_what_compares_names_and_no_more(project: Path) -> None:
    """A search needs SQLite and the tables of words, and none of the rest."""
    needed = {"anyascii", "snowballstemmer", "sqlite3"}
    assert needed == modules(project, "search", "lakeland") & HEAVY


def test_the_heavy_ones_are_there() -> None:
    """What must not be imported has the name by which it would be: builds, servers and engines need all of it."""
    ours = ("build.pipeline", "build.loading", "server.app", "server.run", "sparql.remote")
    modules = ", ".join([*(f"kgbuild.{name}" for name in ours), "rich.console"])
    program = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    lazily = {"anyascii", "snowballstemmer"}
    assert set() == HEAVY - lazily - set(done.stdout.split())


def test_a_server_imports_neither_rdflib_nor_a_client() -> None:
    """Its workers follow queries with rdflib, and only `--engine` asks others: each start would pay for both."""
    program = "import sys, kgbuild.server.run; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    assert {"starlette"} == set(done.stdout.split()) & {"aiohttp", "rdflib", "requests", "starlette"}
