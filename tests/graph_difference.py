"""What two builds of the same records say differently: `python tests/graph_difference.py OLD NEW`.

Each is a release's folder, or a build folder with a current one.  Quads that only one of them has are counted by graph
and predicate; the articles' graphs count as one.  Ends with 1 if anything is lost.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pyoxigraph import NamedNode, Quad, RdfFormat, parse

from kgbuild.namespaces import ARTICLE_GRAPH, GRAPH, shorten

Counts = Counter[tuple[str, str]]
"""(graph, predicate) -> number of quads."""


def read_lines(folder: Path) -> set[bytes]:
    """Read the canonical N-Quads of a release: one line a quad, equal quads as equal lines."""
    release = folder if (folder / "graph.nq").is_file() else folder / "current"
    return set((release / "graph.nq").read_bytes().splitlines(keepends=True))


def count(lines: Iterable[bytes]) -> Counts:
    """Count quads by graph and predicate."""
    return Counter(_place(quad) for quad in parse(b"".join(lines), format=RdfFormat.N_QUADS))


def _place(quad: Quad) -> tuple[str, str]:
    graph = quad.graph_name.value if isinstance(quad.graph_name, NamedNode) else "(default)"
    short = "article/…" if graph.startswith(ARTICLE_GRAPH) else graph.removeprefix(GRAPH)
    return short, shorten(quad.predicate.value)


def describe(added: Counts, lost: Counts) -> str:
    """Write a table with a line for each graph and predicate that differs, and the totals."""
    rows = [(*key, added[key], lost[key]) for key in sorted({*added, *lost})]
    rows.append(("all", "", added.total(), lost.total()))
    return "".join(
        f"{graph:14} {predicate:28} {'+' + str(a):>8} {'-' + str(b):>6}\n" for graph, predicate, a, b in rows
    )


def main() -> None:
    """Compare the two releases that the command line names."""
    old, new = (read_lines(Path(name)) for name in sys.argv[1:])
    lost = count(old - new)
    sys.stdout.write(describe(count(new - old), lost))
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
