"""How soon the command line answers, beside Python alone, rdflib's `rdfpipe` and Oxigraph.

`python bench/start.py [ROUNDS]`, in a folder with a release, prints a table in Markdown: processor time of the whole
command, user and system, as the kernel counts it; the median of so many rounds, in which all take turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

BIN = Path(sys.executable).parent
GRAPH = Path("build/current/graph.nq")
FLAGSHIP = ("ask", "academies-joined-network", "--network", "china-central-asia-academies", "--year", "2023")
COMMANDS: dict[str, tuple[str, ...]] = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "kgbuild --version": (str(BIN / "kgbuild"), "--version"),
    "kgbuild --help": (str(BIN / "kgbuild"), "--help"),
    "kgbuild questions": (str(BIN / "kgbuild"), "questions"),
    "kgbuild ask (the question of the README)": (str(BIN / "kgbuild"), *FLAGSHIP),
    "kgbuild query (ASK {})": (str(BIN / "kgbuild"), "query", "-"),
    "kgbuild search academy": (str(BIN / "kgbuild"), "search", "academy"),
    "loading the same graph in pyoxigraph alone": (
        sys.executable,
        "-c",
        f"import pyoxigraph as o; o.Store().bulk_load(path='{GRAPH}', format=o.RdfFormat.N_QUADS)",
    ),
    "rdfpipe --help": (str(BIN / "rdfpipe"), "--help"),
    "pyshacl --version": (str(BIN / "pyshacl"), "--version"),
    "oxigraph --version": (str(BIN / "oxigraph"), "--version"),
}


def measure(command: tuple[str, ...]) -> tuple[float, float]:
    """Run a command; give its seconds of processor time, and those that passed."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stdin is not None  # noqa: S101 - for the type checker
    assert process.stderr is not None  # noqa: S101
    process.stdin.write(b"ASK {}")
    process.stdin.close()
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: {said.decode()}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - began


def main() -> None:
    """Measure all commands in turn, and print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            taken[name].append(measure(command))
    print("| command | processor s | passed s | × rdfpipe --help |\n|---|--:|--:|--:|")
    peer = median(processor for processor, _ in taken["rdfpipe --help"])
    for name, each in taken.items():
        processor, passed = median(a for a, _ in each), median(b for _, b in each)
        print(f"| {name} | {processor:.3f} | {passed:.3f} | {processor / peer:.2f} |")


if __name__ == "__main__":
    main()
