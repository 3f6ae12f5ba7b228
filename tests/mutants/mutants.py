"""Break each rule, check and shape in every way at once too small to see, and tell which breaks their cases miss.

    make mutants

Prints how many mutants there are and how many are noticed; fails below 95 of 100, where one is missed that
`survivors.toml` does not explain, and where one is noticed that it does.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
import tomllib
from collections.abc import Iterable
from pathlib import Path

from killing import Verdict, files, judge

ENOUGH = 0.95
"""Of the mutants, those that must be noticed."""
_KINDS = {".ru": "rules", ".rq": "checks", ".ttl": "shapes"}
SURVIVORS = Path(__file__).with_name("survivors.toml")


def main(names: list[str]) -> int:
    """Judge the mutants of all files, or of those whose names hold one of some words."""
    began = time.monotonic()
    chosen = [path for path in files() if not names or any(name in path.name for name in names)]
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        verdicts = [verdict for found in pool.imap_unordered(judge, chosen) for verdict in found]
    print(table(verdicts))
    faults = compare(verdicts, explained(SURVIVORS))
    for fault in faults:
        print(fault)
    print(f"{len(verdicts)} mutants in {time.monotonic() - began:.0f} s")
    return 1 if faults or rate(verdicts) < ENOUGH else 0


def rate(verdicts: Iterable[Verdict]) -> float:
    """Measure how many of some mutants were noticed, from 0 to 1."""
    known = [verdict.killed for verdict in verdicts]
    return sum(known) / len(known) if known else 1.0


def table(verdicts: list[Verdict]) -> str:
    """Write how many mutants of each kind there are, and how many were noticed."""
    lines = ["kind    mutants  killed  rate"]
    for suffix, kind in (*_KINDS.items(), ("", "all")):
        some = [verdict for verdict in verdicts if verdict.file.endswith(suffix)]
        lines.append(f"{kind:7} {len(some):7} {sum(v.killed for v in some):7}  {rate(some):4.1%}")
    return "\n".join(lines)


Survivors = dict[tuple[str, str], str]


def explained(path: Path) -> Survivors:
    """Read why mutants that live may live: (file, what was done) -> reason."""
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    return {(file, what): reason for file, mutants in read.items() for what, reason in mutants.items()}


def compare(verdicts: list[Verdict], known: Survivors, whole: bool = True) -> list[str]:
    """Say which mutants live without a reason, and which reasons are of mutants that do not live.

    Where only some mutants of a file were judged, `whole` is not set: the reasons of others are left alone.
    """
    files, judged = {verdict.file for verdict in verdicts}, {(verdict.file, verdict.what) for verdict in verdicts}
    alive = {(verdict.file, verdict.what) for verdict in verdicts if not verdict.killed}
    dead = {mutant for mutant in known.keys() - alive if (mutant[0] in files if whole else mutant in judged)}
    found = [(mutant, "no case notices") for mutant in alive - known.keys()]
    found += [(mutant, "survivors.toml explains what does not live") for mutant in dead]
    return [f"{file}: {what}: {says}" for (file, what), says in sorted(found)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
