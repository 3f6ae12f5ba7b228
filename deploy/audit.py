"""Known advisories against what is locked, without a network: `python deploy/audit.py LOCK...`.

`deploy/advisories.json` holds which versions of the packages that are locked an advisory is about, and as of which day.
It is written anew from a checkout of pypa/advisory-database (OSV, https://ossf.github.io/osv-schema/) by
`python deploy/audit.py --read CHECKOUT DAY LOCK...`.  Returns 1 if an advisory is about a version that is locked.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from packaging.utils import canonicalize_name
from packaging.version import Version

KNOWN: Final = Path(__file__).with_name("advisories.json")
_PINNED: Final = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)
Locked = dict[str, str]


def read_locks(paths: Iterable[Path]) -> Locked:
    """Read what is locked: canonical name -> version."""
    return {canonicalize_name(name): version for path in paths for name, version in _PINNED.findall(path.read_text())}


def find_advisories(locked: Locked, known: dict[str, Any]) -> Iterator[str]:
    """Go through the advisories about versions that are locked, one line each."""
    for name, version in sorted(locked.items()):
        for advisory in known["packages"].get(name, ()):
            if is_affected(version, advisory):
                fixed = ", ".join(end for _, end in advisory["ranges"] if end) or "no version"
                yield f"{name}=={version}: {', '.join(advisory['ids'])}; mended in {fixed}. Lock a version without it."


def is_affected(version: str, advisory: dict[str, Any]) -> bool:
    """Tell whether an advisory is about a version: it is listed, or lies in a range (its end is not part of it).

    >>> about = {"versions": [], "ranges": [["0", "1.3"]]}
    >>> is_affected("1.2", about), is_affected("1.3", about)
    (True, False)
    """
    at = Version(version)
    listed = any(at == Version(each) for each in advisory["versions"])
    return listed or any(Version(start) <= at and (not end or at < Version(end)) for start, end in advisory["ranges"])


def read_database(checkout: Path, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Read the advisories on packages; only ids and versions are taken."""
    found = {
        name: [_read_advisory(path, name) for path in sorted(checkout.glob(f"vulns/{name}/*.yaml"))] for name in names
    }
    return {name: sorted(filter(None, each), key=str) for name, each in sorted(found.items()) if any(each)}


def _read_advisory(path: Path, name: str) -> dict[str, Any] | None:
    told = yaml.safe_load(path.read_text("utf-8"))
    about = [each for each in told["affected"] if canonicalize_name(each["package"]["name"]) == name]
    if "withdrawn" in told or not about:
        return None
    ranges = [
        pair
        for each in about
        for kind in each.get("ranges", ())
        if kind["type"] == "ECOSYSTEM"
        for pair in _pairs(kind)
    ]
    # Where there are ranges, the list of versions only says them once more.
    versions = [] if ranges else sorted({version for each in about for version in each.get("versions", ())})
    return {"ids": sorted({told["id"], *told.get("aliases", ())}), "ranges": ranges, "versions": versions}


def _pairs(kind: dict[str, Any]) -> Iterator[list[str]]:
    start = ""
    for event in kind["events"]:
        if "introduced" in event:
            start = str(event["introduced"])
        elif "fixed" in event:
            yield [start, str(event["fixed"])]
            start = ""
    if start:
        yield [start, ""]


def main() -> int:
    """Read advisories anew, or audit; gives the exit code."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--read"]:
        checkout, as_of, *locks = arguments[1:]
        packages = read_database(Path(checkout), read_locks(map(Path, locks)))
        lines = (f'"{name}": [\n  ' + ",\n  ".join(map(json.dumps, each)) + "\n]" for name, each in packages.items())
        KNOWN.write_text(f'{{"as_of": "{as_of}", "packages": {{\n' + ",\n".join(lines) + "\n}}\n")
        return 0
    known = json.loads(KNOWN.read_text())
    locked = read_locks(map(Path, arguments))
    found = list(find_advisories(locked, known))
    print(
        "\n".join(found)
        or f"{len(locked)} packages: no advisory as of {known['as_of']} is about a version that is locked."
    )
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
