"""Search for names beside what one would do without it, SPARQL's CONTAINS over labels; and the floor: FTS5 alone.

`python bench/search.py FILE.nq WORDS …` indexes one N-Quads file, loads it into pyoxigraph, and asks all three for the
same words in the same process, in turn.  Times are the middle and the 99th hundredth of many runs.  Read the ratios:
absolute figures depend on the machine.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pyoxigraph import Literal, QuerySolutions, RdfFormat, Store

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from kgbuild.core.folding import fold
from kgbuild.search import FILE
from kgbuild.search.index import make_index
from kgbuild.search.names import FiledQuads
from kgbuild.search.query import MOST_RESULTS, Index

RUNS = 200
PEER_SECONDS = 3.0
WORDS = ("Institution 12", "institution", "article cooperation", "Учреждение", "учрежд", "机构 77", "Institusion")
CONTAINS = f"""
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
SELECT DISTINCT ?thing WHERE {{
  ?thing rdfs:label|skos:prefLabel|skos:altLabel ?name FILTER (CONTAINS(LCASE(STR(?name)), WORDS))
}} LIMIT {MOST_RESULTS}
"""


def main() -> None:
    """Measure all three on one file and print a table."""
    file, words = Path(sys.argv[1]), sys.argv[2:] or list(WORDS)
    with tempfile.TemporaryDirectory(prefix="kgbuild-bench-") as folder:
        path = Path(folder) / FILE
        began = time.perf_counter()
        make_index(path, FiledQuads((file,)))
        made, size = time.perf_counter() - began, path.stat().st_size
        index, plain = Index(path), sqlite3.connect(path)
        store = Store()
        store.bulk_load(path=file, format=RdfFormat.N_QUADS)
        print(f"{len(store):,} quads: an index of {size / 1e6:.1f} MB, made in {made:.1f} s\n")
        print("| words | hits | ours, ms | p99 | FTS5 alone, ms | ratio | CONTAINS, ms | ratio |")
        print("|---|--:|--:|--:|--:|--:|--:|--:|")
        for text in words:
            ours = _times(lambda text=text: index.find(text))  # type: ignore[misc]
            ranked = _times(lambda text=text: _ranked(plain, text))  # type: ignore[misc]
            scanned = _times(lambda text=text: _scan(store, text))  # type: ignore[misc]
            found = index.find(text)
            middle = statistics.median(ours)
            cells = [text, f"{len(found.hits)}{'+' if found.more else ''}", f"{middle:.2f}", f"{_p99(ours):.2f}"]
            for peer in (statistics.median(ranked), statistics.median(scanned)):
                cells += [f"{peer:.2f}", f"{peer / middle:.1f}×"]
            print(f"| {' | '.join(cells)} |", flush=True)


def _scan(store: Store, text: str) -> None:
    found = store.query(CONTAINS.replace("WORDS", str(Literal(text.lower()))))
    assert isinstance(found, QuerySolutions)  # noqa: S101 - a SELECT
    list(found)


def _ranked(connection: sqlite3.Connection, text: str) -> None:
    """Ask FTS5 once for what begins with the words, ranked by its own measure: no forms, no errors, no labels."""
    asked = " AND ".join(f'word : "{word}"*' for word in fold(text).split())
    connection.execute(
        "SELECT n.text FROM words CROSS JOIN names n ON n.id = words.rowid WHERE words MATCH ? ORDER BY rank LIMIT ?",
        (asked, MOST_RESULTS),
    ).fetchall()


def _times(work: Callable[[], object]) -> list[float]:
    """Run until it has been done often enough, or long enough: milliseconds of each run but the first."""
    work()
    times: list[float] = []
    end = time.perf_counter() + PEER_SECONDS
    while len(times) < RUNS and (time.perf_counter() < end or not times):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return times


def _p99(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, round(len(times) * 0.99))]


if __name__ == "__main__":
    main()
