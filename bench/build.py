"""How long a build takes, stage by stage, beside plain rdflib + pyshacl, and the floor: `oxigraph load` of the quads.

`python bench/build.py [100 1000 10000]` generates records, builds a release of them in a process of its own, and
prints a table in Markdown. Peers see the same quads, in the same run.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from kgbuild.core.progress import Reporter
from records import write_records

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
PEER_PATIENCE = 900
"""Seconds after which a peer is called unfinished."""


class Stopwatch(Reporter):
    """A reporter that keeps how long each stage took."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._open: tuple[str, float] | None = None

    def each(self, title: str, things: Sequence[T]) -> Iterator[T]:
        """Go through things; the stage lasts until the next one begins."""
        self.step(title)
        yield from things

    def step(self, title: str) -> None:
        """Begin a stage."""
        now = time.perf_counter()
        if self._open is not None:
            name, began = self._open
            self.stages[name] = self.stages.get(name, 0) + now - began
        self._open = (title, now)


def build_once(data: Path, build: Path) -> None:
    """Build and print the stages as JSON: the child process."""
    from kgbuild.build.compilation import Sources
    from kgbuild.build.pipeline import build as build_release

    watch = Stopwatch()
    release, _ = build_release(Sources(data=data, root=data), build, watch)
    watch.step("end")
    said = {"stages": watch.stages, "quads": release.manifest["facts"]["quads"], "mb": _peak()}
    print(json.dumps(said))


def _peak() -> float:
    """Give the most memory that this process or a child of it held, in MB."""
    of = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in of) / 1024


def plain_pyshacl(release: Path) -> None:
    """Validate the resolved graph with rdflib and pyshacl as they come: the peer's child process."""
    import pyshacl
    import rdflib

    data = rdflib.Graph()
    for quad in rdflib.Dataset().parse(release / "graph.nq", format="nquads").quads():
        if quad[3] is None or "default" in str(quad[3]):
            data.add(quad[:3])
    shapes = rdflib.Graph()
    for path in sorted((ROOT / "ontology" / "shapes").glob("*.ttl")):
        shapes.parse(path)
    conforms, _, _ = pyshacl.validate(data, shacl_graph=shapes)
    print(json.dumps({"triples": len(data), "conforms": conforms}))


def run(*arguments: str, patience: float | None = None) -> tuple[float, float, dict[str, object]] | None:
    """Run this file again: seconds, MB at the most, what it printed; None if it took too long."""
    command = [sys.executable, __file__, *arguments]
    began = time.perf_counter()
    try:
        done = subprocess.run(command, check=True, capture_output=True, timeout=patience, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return None
    said = json.loads(done.stdout.splitlines()[-1])
    return time.perf_counter() - began, said.pop("mb", 0), said


def floor(release: Path, folder: Path) -> float:
    """Load the same quads with `oxigraph load`: seconds."""
    program = Path(sys.executable).parent / "oxigraph"
    began = time.perf_counter()
    command = [str(program), "load", "--location", str(folder / "floor"), "--file", str(release / "graph.nq")]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def measure(articles: int, folder: Path) -> dict[str, object]:
    """Generate, build and load; returns the row of the table."""
    data, build = folder / "data", folder / "build"
    write_records(data, articles)
    ours = run("--child", str(data), str(build))
    if ours is None:
        raise RuntimeError("a build without a limit of time did not end")
    seconds, mb, said = ours
    release = build / "current"
    peer = run("--peer", str(release), patience=PEER_PATIENCE)
    return {
        "articles": articles,
        "quads": said["quads"],
        "seconds": seconds,
        "mb": mb,
        "stages": said["stages"],
        "peer": peer[0] if peer else None,
        "floor": floor(release, folder),
    }


def main() -> None:
    """Measure each size and print the tables."""
    sizes = [int(text) for text in sys.argv[1:]] or [100, 1000, 10000]
    rows = []
    for articles in sizes:
        with tempfile.TemporaryDirectory(prefix="kgbuild-bench-") as name:
            rows.append(measure(articles, Path(name)))
            print(f"{articles} articles: done", file=sys.stderr)
    print("| articles | quads | build s | ms an article | peak MB | rdflib + pyshacl s | ratio | load s | ratio |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for row in rows:
        print(_line(row))
    print("\n| stage |" + "".join(f" {row['articles']} |" for row in rows))
    print("|---|" + "--:|" * len(rows))
    for stage in rows[0]["stages"]:  # type: ignore[attr-defined]
        shares = (f" {row['stages'].get(stage, 0):.2f} s |" for row in rows)  # type: ignore[attr-defined]
        print(f"| {stage} |" + "".join(shares))


def _line(row: dict[str, object]) -> str:
    seconds, floor_seconds, peer = float(str(row["seconds"])), float(str(row["floor"])), row["peer"]
    peer_cells = f"{peer:.1f} | {float(str(peer)) / seconds:.1f}× ours" if peer else f"> {PEER_PATIENCE} | –"
    return (
        f"| {row['articles']} | {row['quads']:,} | {seconds:.1f} | {1000 * seconds / int(str(row['articles'])):.0f} | "
        f"{row['mb']:.0f} | {peer_cells} | {floor_seconds:.1f} | {seconds / floor_seconds:.0f}× |"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        build_once(Path(sys.argv[2]), Path(sys.argv[3]))
    elif sys.argv[1:2] == ["--peer"]:
        plain_pyshacl(Path(sys.argv[2]))
    else:
        main()
