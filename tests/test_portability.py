"""Every question gives the same rows from the release, from the Oxigraph server and from Virtuoso 7, asked remotely."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import DefaultGraph, NamedNode, Store

from kgbuild.core.namespaces import ID
from kgbuild.core.terms import Engine, Table, Term
from kgbuild.questions.named import ask, load_questions
from kgbuild.sparql.embedded import EmbeddedEngine
from kgbuild.sparql.lookups import run
from kgbuild.support.claims import Evidence, details_of, evidence_for
from kgbuild.support.gathering import gather
from nonempty import nonempty
from servers import loaded

ROOT = Path(__file__).parents[1]
QUESTIONS = load_questions(ROOT / "queries" / "questions")

DEVIATIONS: dict[tuple[str, str], str] = {}
"""(server, question) -> why its rows may differ. None does at present."""


@pytest.fixture(scope="module")
def oxigraph(real_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with loaded("oxigraph", real_store, tmp_path_factory.mktemp("oxigraph")) as engine:
        yield engine


@pytest.fixture(scope="module")
def virtuoso(real_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with loaded("virtuoso", real_store, tmp_path_factory.mktemp("virtuoso")) as engine:
        yield engine


def plain(table: Table) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Take columns and rows as people read them; Virtuoso gives numbers and texts other datatypes."""
    return table.columns, [tuple(_text(term) for term in row) for row in table.rows]


def _text(term: Term | None) -> str:
    return "" if term is None else term.value


def check(name: str, server: str, real_store: Store, remote: Engine) -> None:
    if (server, name) in DEVIATIONS:
        pytest.xfail(DEVIATIONS[server, name])
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


@pytest.mark.parametrize("server", ["oxigraph", "virtuoso"])
def test_any_server_tells_who_says_so(server: str, real_store: Store, request: pytest.FixtureRequest) -> None:
    """What is gathered from another server names the claims that the release names, and tells the same of them."""
    remote: Engine = request.getfixturevalue(server)
    subjects = {quad.subject for quad in real_store.quads_for_pattern(None, None, None, DefaultGraph())}
    things = sorted(s.value for s in subjects if isinstance(s, NamedNode) and s.value.startswith(ID))[::25]
    small = run(remote, gather(things))
    for thing in nonempty(things):
        expected = told(real_store, thing)
        assert expected == told(small, thing), thing
        for credit in {credit for evidence in expected.values() for credit in evidence.claims}:
            assert details_of(real_store, credit) == details_of(small, credit)


def told(store: Store, thing: str) -> dict[tuple[str, str], Evidence]:
    """Find the evidence for all that holds of a thing; Virtuoso gives numbers and texts other datatypes."""
    triples = [quad.triple for quad in store.quads_for_pattern(NamedNode(thing), None, None, DefaultGraph())]
    found = {}
    for triple in triples:
        evidence = evidence_for(store, triple)
        found[triple.predicate.value, getattr(triple.object, "value", "")] = evidence
    return found
