"""Search over all names: an index made from the quads of a release, in SQLite's FTS5 (https://sqlite.org/fts5.html).

`names` are gathered from quads, `index` makes the file, `query` asks it; `python -m kgbuild.search` makes one of RDF
files, in a process of its own.

Names are numbered by their standing: things before articles and concepts, current names before former ones, short
ones before long.  FTS5 gives its rows in this order, so that the first page of a word that a hundred thousand names
hold costs no more than that of a rare one.
"""

from __future__ import annotations

from typing import Final

from kgbuild.core.namespaces import ENTITY_KINDS, SITUATION_KINDS

FILE: Final = "search.sqlite"
"""In a release's folder."""
FORMAT: Final = 1
"""Of the index: a file of another one is refused."""
KINDS: Final = (*ENTITY_KINDS, "article", *SITUATION_KINDS, "concept", "term", "other")
"""Kinds of things found, in the order in which they stand among equals."""
