"""Every question gives the same rows from the release, from the Oxigraph server and from Virtuoso 7, asked remotely."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import Store

from kgbuild.engines import Engine, Table, Term
from kgbuild.engines.embedded import EmbeddedEngine
from kgbuild.loading import RESOLVED_GRAPH, find_target, load_release
from kgbuild.progress import Silent
from kgbuild.questions.named import ask, load_questions
from kgbuild.store import canonical_nquads
from servers import oxigraph_server, virtuoso_server

ROOT = Path(__file__).parents[1]
QUESTIONS = load_questions(ROOT / "queries" / "questions")

DEVIATIONS: dict[tuple[str, str], str] = {}
"""(server, question) -> why its rows may differ. None does at present."""


@pytest.fixture(scope="module")
def release(real_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("portability") / "releases" / "0123456789abcdef"
    folder.mkdir(parents=True)
    (folder / "graph.nq").write_bytes(canonical_nquads(real_store))
    return folder


@pytest.fixture(scope="module")
def oxigraph(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with oxigraph_server(tmp_path_factory.mktemp("oxigraph")) as server:
        target = find_target(server.endpoint, server.graph_store, None, server.environment)
        load_release(release, target, Silent())
        yield target.engine()


@pytest.fixture(scope="module")
def virtuoso(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with virtuoso_server(tmp_path_factory.mktemp("virtuoso")) as server:
        target = find_target(server.endpoint, server.graph_store, RESOLVED_GRAPH, server.environment)
        load_release(release, target, Silent())
        yield target.engine()


def plain(table: Table) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Take columns and rows as people read them; Virtuoso gives numbers and texts other datatypes."""
    return table.columns, [tuple(_text(term) for term in row) for row in table.rows]


def _text(term: Term | None) -> str:
    return "" if term is None else term.value


def check(name: str, server: str, real_store: Store, remote: Engine) -> None:
    if (server, name) in DEVIATIONS:
        pytest.skip(DEVIATIONS[server, name])
    question = QUESTIONS[name]
    assert plain(ask(EmbeddedEngine(real_store), question, {})) == plain(ask(remote, question, {}))


@pytest.mark.parametrize("name", QUESTIONS)
def test_oxigraph_gives_the_same_rows(name: str, real_store: Store, oxigraph: Engine) -> None:
    """The Oxigraph server, with the resolved graph as its default graph."""
    check(name, "oxigraph", real_store, oxigraph)


@pytest.mark.parametrize("name", QUESTIONS)
def test_virtuoso_gives_the_same_rows(name: str, real_store: Store, virtuoso: Engine) -> None:
    """Virtuoso 7, with the resolved graph under a name."""
    check(name, "virtuoso", real_store, virtuoso)
