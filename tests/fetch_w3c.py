"""Fetch the W3C's tests, which are not ours to keep here: `fetch_w3c.py FOLDER`.

They are those of SPARQL 1.1 query evaluation and of service descriptions, as of 2022: rdflib's source distribution
on PyPI carries them.  tests/conformance runs a selection of them; the whole is w3c/rdf-tests, which no registry has.

The package is named by version and held to a hash.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

RDFLIB = "rdflib==6.2.0 --hash=sha256:62dc3c86d1712db0f55785baf8047f63731fa59b2682be03219cb89262065942"
"""The last of rdflib's source distributions that has the tests, as a line of requirements."""
SUITE = "rdflib-6.2.0/test/data/suites/w3c/sparql11"
MANIFESTS = {
    "manifest-sparql11-query.ttl": (
        "aggregates", "bind", "bindings", "construct", "exists", "functions", "grouping", "negation",
        "project-expression", "property-path", "subquery",
    ),
    "manifest-sparql11-results.ttl": ("csv-tsv-res", "json-res"),
}  # fmt: skip
"""The two manifests that w3c/rdf-tests has today and had not in 2022, with the folders that they include."""


class FetchError(Exception):
    """What is missing, and what to do."""


def main(folder: Path) -> None:
    """Fetch into a folder, which is there only when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        ready = Path(name) / "ready"
        ready.mkdir()
        fetch_tests(ready, Path(name))
        shutil.rmtree(folder, ignore_errors=True)
        ready.replace(folder)


def fetch_tests(ready: Path, folder: Path) -> None:
    """Take the suite of SPARQL 1.1 out of rdflib's source distribution, and lay it out as w3c/rdf-tests is."""
    wanted = folder / "requirements.txt"
    wanted.write_text(RDFLIB, encoding="ascii")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    source = ["--no-binary", "rdflib", "--no-build-isolation", "--require-hashes", "-r", str(wanted), "-d", str(folder)]
    call([*pip, *source], folder)
    (archive,) = folder.glob("rdflib-*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(folder, [m for m in files if m.name.startswith(SUITE)], filter="data")
    suite = ready / "sparql" / "sparql11"
    suite.parent.mkdir()
    (folder / SUITE).replace(suite)
    for manifest, folders in MANIFESTS.items():
        included = " ".join(f"<{name}/manifest.ttl>" for name in folders)
        prefix = "@prefix mf: <http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#> ."
        (suite / manifest).write_text(f"{prefix}\n<> a mf:Manifest ; mf:include ( {included} ) .\n", encoding="ascii")


def call(command: list[str], folder: Path) -> str:
    """Let a package client work, and give what it printed."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    except FileNotFoundError as problem:
        raise FetchError(f"{command[0]} is not installed.") from problem
    except subprocess.TimeoutExpired as problem:
        raise FetchError(f"{' '.join(command)} did not end within two minutes. Try again.") from problem
    if done.returncode:
        words = " ".join(done.stderr.split())[-300:]
        raise FetchError(f"{' '.join(command)} failed: {words} Is there a network?")
    return done.stdout


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: fetch_w3c.py FOLDER")
    try:
        main(Path(sys.argv[1]).resolve())
    except FetchError as problem:
        print(f"The W3C's tests were not fetched: {problem}", file=sys.stderr)
        sys.exit(2)
